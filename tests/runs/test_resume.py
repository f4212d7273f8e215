"""A run that is killed at random moments ends as one that was not: every file, to the last bit."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from refimpl.runs import checkpoint, metrics
from refimpl.toy.grpo import running

HELPER = Path(__file__).with_name("killed.py")
SMALL = {"iterations": 6, "groups": 2, "group": 4}


def request(folder, resume=False, **changes):
    return running.Request("gaussian", SMALL | changes, True, resume, folder, every=2, record=3)


def files(folder):
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("sessions.jsonl", ".lock")
    }


def assert_equal(one, other):
    assert files(one) == files(other)
    for name in files(one):
        if name.endswith(".safetensors"):  # its header is a table in no fixed order
            left, right = load_file(one / name), load_file(other / name)
            assert left.keys() == right.keys()
            assert all(torch.equal(left[key], right[key]) for key in left), name
        else:
            assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize(
    ("task", "seed"),
    [("gaussian", 1), pytest.param("mixture", 2, marks=pytest.mark.slow)],
)
def test_a_run_killed_at_random_moments_ends_with_the_same_bits(task, seed, tmp_path):
    done = subprocess.run(
        [sys.executable, str(HELPER), task, str(tmp_path), str(seed)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1  # it was killed at all
    assert_equal(tmp_path / "whole", tmp_path / "killed")


def stopped(folder, at):
    """A run whose reward fails in iteration `at`: what it leaves is what a crash leaves."""
    from refimpl.toy.grpo import loop

    original, count = loop.judge, iter(range(1000))

    def failing(*args):
        if next(count) == at:
            raise KeyboardInterrupt
        return original(*args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "judge", failing)
        with pytest.raises(KeyboardInterrupt):
            running.run(request(folder))


def test_a_damaged_checkpoint_is_passed_over_and_told(tmp_path):
    running.run(request(tmp_path / "whole"))
    stopped(tmp_path / "run", 5)
    newest = tmp_path / "run/checkpoints/00000004.pt"
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(bytes(content))
    told = []
    running.run(request(tmp_path / "run", resume=True), warn=told.append)
    assert "is damaged" in told[0]
    assert "the one of step 2 is used" in told[0]
    assert_equal(tmp_path / "whole", tmp_path / "run")


def test_a_run_whose_checkpoints_are_all_damaged_says_so(tmp_path):
    stopped(tmp_path / "run", 5)
    for file in (tmp_path / "run/checkpoints").iterdir():
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="no checkpoint is whole"):
        running.run(request(tmp_path / "run", resume=True))


def test_a_torn_line_of_metrics_is_repaired(tmp_path):
    running.run(request(tmp_path / "whole"))
    stopped(tmp_path / "run", 5)
    with open(tmp_path / "run/metrics.jsonl", "ab") as file:
        file.write(b'{"step": 5, "rew')
    running.run(request(tmp_path / "run", resume=True))
    assert_equal(tmp_path / "whole", tmp_path / "run")


def test_resuming_with_other_settings_is_refused_and_names_them(tmp_path):
    stopped(tmp_path / "run", 3)
    with pytest.raises(ValueError, match=r"learning_rate: 0\.04 there, 0\.5 here"):
        running.run(request(tmp_path / "run", resume=True, learning_rate=0.5))
    assert len(metrics.read(tmp_path / "run/metrics.jsonl")) == 3  # nothing was lost


def test_a_new_run_overwrites_nothing(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(FileExistsError, match="--resume, or name another folder"):
        running.run(request(tmp_path / "run"))


def test_a_finished_run_is_not_run_again(tmp_path):
    first = running.run(request(tmp_path / "run"))
    before = files(tmp_path / "run"), (tmp_path / "run/sessions.jsonl").read_bytes()
    again = running.run(request(tmp_path / "run", resume=True))
    assert again.summary == first.summary
    assert before == (files(tmp_path / "run"), (tmp_path / "run/sessions.jsonl").read_bytes())


def test_two_processes_cannot_write_one_run(tmp_path):
    from refimpl.runs import folder as runs

    folder = runs.create(tmp_path / "run", "kind", {}, {})
    with (
        runs.held(folder),
        pytest.raises(BlockingIOError, match="another process"),
        runs.held(folder),
    ):
        pass
    with runs.held(folder):  # free again
        pass


def test_the_default_folder_is_the_first_free_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = [running.run(running.Request("gaussian", SMALL, True)).path for _ in range(2)]
    assert [str(path) for path in made] == ["runs/toy-gaussian", "runs/toy-gaussian-2"]
    again = running.run(running.Request("gaussian", SMALL, True, resume=True))
    assert str(again.path) == "runs/toy-gaussian-2"


def test_a_checkpoint_holds_what_the_run_needs_and_no_more(tmp_path):
    running.run(request(tmp_path / "run"))
    state = checkpoint.load(tmp_path / "run/checkpoints/00000006.pt")
    assert state.keys() == {"trainer", "shards"}
    assert state["trainer"].keys() == {"done", "policy", "average", "optimiser", "generator"}
