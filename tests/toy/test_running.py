"""A toy run as a folder: what is asked for, written, kept, taken up again, and left behind.

The task is the line on one step, and is not judged: what a run does with it is what is looked at.
"""

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from refimpl.runs import checkpoint, metrics
from refimpl.runs import folder as runs
from refimpl.runs.monitors import Reading
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import line, running
from refimpl.toy.grpo.tasks import SETTINGS, Task, configured

CHANGES = {"iterations": 7, "T": 1, "group": 2, "signal": 0, "slope": 0.5}


@pytest.fixture
def room(monkeypatch):
    """What was made, reported and plotted; `stop` names an iteration whose reward fails."""
    seen = SimpleNamespace(
        made=[], reported=[], boards=[], stop=None, error=KeyboardInterrupt, known={}, drawn={}
    )

    def reward(x, y):
        if seen.stop is not None and seen.trainer.done == seen.stop:
            raise seen.error("out of ink")
        return x[:, 0]

    def measure(trainer):
        return {"measured_after": float(trainer.done)}

    def conclude(trainer):
        return {"ended_after": trainer.done}

    def draw(trainer):
        return seen.drawn if trainer.done == 7 else {}

    def make(*given):
        seen.made.append(given)
        return Task(line.problem(gaussian_1d(), reward, given[1].grid), measure, conclude, draw,
                    seen.known)  # fmt: skip

    class Trainer(running.Trainer):
        def __init__(self, *given):
            super().__init__(*given)
            seen.trainer = self

    class Board:
        def __init__(self, *given):
            self.given, self.rows, self.closed = given, [], False
            seen.boards.append(self)

        def add(self, step, row):
            self.rows.append({"step": step, **row})

        def close(self):
            self.closed = True

    def write(*given, **more):
        seen.reported.append((given, more))

    monkeypatch.setattr(running, "Trainer", Trainer)
    monkeypatch.setattr(running, "Board", Board)
    monkeypatch.setattr(running.tasks, "make", make)
    monkeypatch.setattr(running.report, "write", write)
    return seen


def request(folder, resume=False, changes=(), **more):
    values = {"every": 3, "record": 3, **more}
    return running.Request("gaussian", CHANGES | dict(changes), True, resume, folder, **values)


def stopped(room, folder, at, error=KeyboardInterrupt, **more):
    """A run whose reward fails in iteration `at`."""
    room.stop, room.error = at, error
    with pytest.raises(BaseException, match="out of ink"):
        running.run(request(folder, **more))
    room.stop = None


def contents(folder):
    """By name; safetensors have a header in no fixed order, sessions say when they were."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("sessions.jsonl", ".lock"):
            read = load_file(path) if path.suffix == ".safetensors" else path.read_bytes()
            if isinstance(read, dict):
                read = {name: values.tolist() for name, values in read.items()}
            found[str(path.relative_to(folder))] = read
    return found


def test_a_run_says_what_it_was_asked_for_and_hands_it_to_its_task(room, tmp_path):
    say = lambda share, text: None  # noqa: E731
    running.run(request(tmp_path / "run", changes={"seed": 5}), say)
    settings, options = configured("gaussian", {**CHANGES, "seed": 5}, True)
    about = runs.about(tmp_path / "run")
    assert about["kind"] == "toy/gaussian"
    assert about["seeds"] == {"seed": 5}
    assert about["config"] == {**settings.config, "slope": 0.5, "quick": True}
    assert room.made == [("gaussian", settings, options, tmp_path / "run", True, say)]


def test_a_long_run_is_not_cut_short(room, tmp_path):
    changes = {**CHANGES, "groups": 2, "iterations": 1}
    running.run(running.Request("gaussian", changes, out=tmp_path / "run"))
    assert runs.about(tmp_path / "run")["config"]["quick"] is False
    assert room.made[0][1] == SETTINGS["gaussian"].but(
        **{key: value for key, value in changes.items() if key != "slope"}
    )
    assert room.made[0][4] is False


def test_a_finished_run_is_summed_up(room, tmp_path, monkeypatch):
    gaps = iter((0.1, 0.2, 0.1, 0.4, 0.3, 0.3, 0.2))
    monkeypatch.setattr(
        running, "line", lambda measured, trainer, task: {
            "reward": float(trainer.done), "readings": {"ratio_gap": [next(gaps), 0.0, 9.0]},
        },
    )  # fmt: skip
    room.known, room.drawn = {"reward": {"optimum": 2.0}}, {"tuned": object()}
    done = running.run(request(tmp_path / "run"))
    came = {"reward_first": 1.0, "ended_after": 7}
    assert done.path == tmp_path / "run"
    assert done.summary == came == runs.summary(tmp_path / "run")
    assert (done.first["reward"], done.last["reward"]) == (1.0, 7.0)
    assert done.worst_ratio_gap == 0.4
    (((folder, told), shown),) = room.reported
    assert (folder.path, told) == (tmp_path / "run", came)
    assert shown == {"drawn": room.drawn, "known": room.known}
    events = [json.loads(row) for row in (tmp_path / "run/sessions.jsonl").read_text().splitlines()]
    assert (events[-1]["event"], events[-1]["step"]) == ("finished", 7)


def test_lines_checkpoints_and_records_are_written_as_often_as_is_asked(room, tmp_path):
    running.run(request(tmp_path / "run"))
    rows = metrics.read(tmp_path / "run/metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(7))
    names = {path.name for path in (tmp_path / "run/checkpoints").iterdir()}
    assert names == {"00000006.pt", "00000007.pt"}  # the last two of 3, 6 and the end
    state = checkpoint.load(tmp_path / "run/checkpoints/00000007.pt")
    assert (state["trainer"]["done"], state["shards"]) == (7, 3)
    assert checkpoint.load(tmp_path / "run/checkpoints/00000006.pt")["shards"] == 2
    kept = sorted((tmp_path / "run/record").glob("rollout-*"))
    found = [float(load_file(file)["rewards"].mean()) for file in kept]
    assert found == pytest.approx([rows[i]["reward"] for i in (0, 3, 6)], rel=1e-12)


def test_without_a_record_none_is_kept(room, tmp_path):
    running.run(request(tmp_path / "run", record=0))
    assert not (tmp_path / "run/record").exists()
    assert room.boards == []


def test_progress_is_told_after_each_iteration(room, tmp_path):
    told = []
    done = running.run(request(tmp_path / "run"), lambda share, text: told.append((share, text)))
    rows = metrics.read(done.path / "metrics.jsonl")
    assert told == [((i + 1) / 7, f"reward {row['reward']:.3f}") for i, row in enumerate(rows)]


@pytest.mark.parametrize(("at", "saved"), [(2, 0), (5, 3)])
def test_a_run_that_is_taken_up_ends_with_the_same_bytes(room, tmp_path, at, saved):
    """What came after the checkpoint is forgotten, told, and made again: lines and records."""
    running.run(request(tmp_path / "whole", record=1))
    stopped(room, tmp_path / "run", at, record=1)
    assert len(list((tmp_path / "run/record").glob("rollout-*"))) == at
    kept, told = running.recording.forget_after, []

    def forget(path, shards):
        if not told:
            told.append((path, shards))
        kept(path, shards)

    warned = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running.recording, "forget_after", forget)
        running.run(request(tmp_path / "run", resume=True, record=1), warn=warned.append)
    assert told == [(tmp_path / "run/record", saved)]
    assert warned == [f"2 lines of metrics after step {saved} are computed again"]
    whole, found = contents(tmp_path / "whole"), contents(tmp_path / "run")
    assert found.keys() == whole.keys()
    assert all(found[name] == whole[name] for name in whole)


def test_a_run_is_taken_up_without_anyone_listening(room, tmp_path):
    stopped(room, tmp_path / "run", 5)
    assert running.run(request(tmp_path / "run", resume=True)).summary["ended_after"] == 7


def test_a_finished_run_is_not_made_again(room, tmp_path):
    first = running.run(request(tmp_path / "run"))
    assert running.run(request(tmp_path / "run", resume=True)) == first
    assert len(room.made) == len(room.reported) == 1


@pytest.mark.parametrize(
    ("task", "changes", "word"),
    [
        ("mixture", {}, "holds a run of toy/gaussian, not of toy/mixture"),
        ("gaussian", {"slope": 2.0}, r"slope: 0\.5 there, 2\.0 here"),
        ("gaussian", {"seed": 1}, "seed: 0 there, 1 here"),
    ],
)
def test_another_runs_folder_is_refused_and_left_alone(room, tmp_path, task, changes, word):
    stopped(room, tmp_path / "run", 5)
    before = contents(tmp_path / "run")
    changes = {**CHANGES, **changes}
    if task == "mixture":
        changes.pop("slope")
    with pytest.raises(ValueError, match=word):
        running.run(running.Request(task, changes, True, True, tmp_path / "run"))
    assert contents(tmp_path / "run") == before


def test_a_short_run_is_no_long_one(room, tmp_path):
    stopped(room, tmp_path / "run", 5)
    with pytest.raises(ValueError, match="quick: True there, False here"):
        running.run(running.Request("gaussian", CHANGES, False, True, tmp_path / "run"))


def test_two_processes_do_not_write_one_run(room, tmp_path):
    stopped(room, tmp_path / "run", 5)
    taken = request(tmp_path / "run", resume=True)
    settings, options = configured("gaussian", CHANGES, True)
    folder = runs.reopen(
        tmp_path / "run", "toy/gaussian", {**settings.config, **options, "quick": True}
    )
    with runs.held(folder), pytest.raises(BlockingIOError, match="another process"):
        running.run(taken)
    assert running.run(taken).summary["ended_after"] == 7


def test_a_run_that_never_began_leaves_nothing(room, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stopped(room, None, 0, ValueError)
    assert list(tmp_path.iterdir()) == []
    other = tmp_path / "runs/mine"
    other.mkdir(parents=True)
    stopped(room, None, 0, ValueError)
    assert list((tmp_path / "runs").iterdir()) == [other]
    named = tmp_path / "of/mine"
    stopped(room, named, 0, ValueError)
    assert named.parent.exists()  # a folder that the user named is the user's
    assert not named.exists()


def test_a_run_that_failed_later_is_kept(room, tmp_path):
    """From its first line on, and whatever happens once it is taken up."""
    stopped(room, tmp_path / "run", 1, ValueError)
    assert len(metrics.read(tmp_path / "run/metrics.jsonl")) == 1
    stopped(room, tmp_path / "run", 0, ValueError, resume=True)
    assert runs.about(tmp_path / "run")["kind"] == "toy/gaussian"
    assert running.run(request(tmp_path / "run", resume=True)).summary["ended_after"] == 7


def test_curves_are_drawn_line_by_line_and_from_the_checkpoint_on(room, tmp_path):
    stopped(room, tmp_path / "run", 5, board=True)
    running.run(request(tmp_path / "run", resume=True, board=True))
    first, second = room.boards
    assert first.given == (tmp_path / "run", 0)
    assert not first.closed
    assert second.given == (tmp_path / "run", 3)
    assert second.closed
    rows = metrics.read(tmp_path / "run/metrics.jsonl")
    assert metrics.restored(metrics.plain(first.rows)) == rows[:5]
    assert metrics.restored(metrics.plain(second.rows)) == rows[3:]


def test_runs_without_a_name_are_numbered_and_the_last_is_taken_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for wanted in ("runs/toy-digits", "runs/toy-digits-2", "runs/toy-digits-3"):
        free = running.default("digits", False)
        assert str(free) == wanted
        free.mkdir(parents=True)
        assert running.default("digits", True) == free
    (tmp_path / "runs/toy-digits-2").rmdir()
    assert str(running.default("digits", False)) == "runs/toy-digits-2"


def test_a_run_without_a_name_goes_where_the_default_says(room, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="runs/toy-gaussian is not the folder of a run"):
        running.run(request(None, resume=True))
    paths = [running.run(request(None)).path for _ in range(2)]
    assert [str(path) for path in paths] == ["runs/toy-gaussian", "runs/toy-gaussian-2"]
    assert running.run(request(None, resume=True)).path == paths[1]
    assert len(room.made) == 2


def measured(signal=()):
    """An iteration whose every number is another."""
    readings = (Reading("ratio_gap", 1.0, 0.0, 2.0), Reading("kl_start", 5.0, 3.0, 4.0))
    return SimpleNamespace(
        reward=0.1, kl=0.2, objective=0.3, norm=0.4, clipped=0.5, zero_groups=0.6,
        dropped_groups=7, readings=readings, signal=signal,
    )  # fmt: skip


LINE = {
    "reward": 0.1,
    "kl": 0.2,
    "objective": 0.3,
    "gradient_norm": 0.4,
    "clipped": 0.5,
    "zero_groups": 0.6,
    "dropped_groups": 7,
    "readings": {"ratio_gap": [1.0, 0.0, 2.0], "kl_start": [5.0, 3.0, 4.0]},
}


def test_a_line_of_metrics_names_what_was_measured():
    task = SimpleNamespace(measure=lambda trainer: {"distance": 0.8 + trainer.done})
    lines = [
        running.line(measured(signal), SimpleNamespace(done=done), task)
        for done, signal in ((1, ()), (9, (0.5, -1.0)), (10, ()), (20, (1.0,)))
    ]
    assert lines == [
        LINE,
        {**LINE, "signal": [0.5, -1.0]},
        {**LINE, "distance": 10.8},
        {**LINE, "signal": [1.0], "distance": 20.8},
    ]


def test_a_line_is_what_its_iteration_found(room, tmp_path):
    running.run(request(tmp_path / "run", changes={"iterations": 10, "signal": 4}))
    rows = metrics.read(tmp_path / "run/metrics.jsonl")
    assert [i for i, row in enumerate(rows) if "signal" in row] == [0, 4, 8]
    assert [row.get("measured_after") for row in rows] == [None] * 9 + [10.0]
    assert {"kl_start", "ratio_gap"} <= rows[0]["readings"].keys()
    assert rows[0]["kl"] == 0 < rows[-1]["kl"]
    assert torch.tensor([row["gradient_norm"] for row in rows]).min() > 0
