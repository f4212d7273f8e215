"""Metrics, checkpoints and folders: whole or absent, and nothing doubled."""

import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as some

from refimpl.runs import atomic, folder, metrics
from refimpl.runs.checkpoint import Series


def test_metrics_come_back_as_they_were_written(tmp_path):
    file = tmp_path / "metrics.jsonl"
    row = {"a": 1.5, "b": [math.inf, -math.inf], "c": {"d": 3}, "e": "text"}
    metrics.append(file, 0, row)
    assert metrics.read(file) == [{"step": 0, **row}]
    metrics.append(file, 1, {"a": math.nan})
    assert math.isnan(metrics.read(file)[1]["a"])
    assert all(json.loads(line) for line in file.read_text().splitlines())  # strict JSON


@given(
    torn=some.binary(max_size=30).filter(lambda tail: b"\n" not in tail),
    n=some.integers(0, 6),
    keep=some.integers(0, 6),
)
def test_a_cut_keeps_whole_lines_and_drops_the_rest(tmp_path_factory, torn, n, keep):
    file = tmp_path_factory.mktemp("cut") / "metrics.jsonl"
    file.write_bytes(b"")
    for step in range(n):
        metrics.append(file, step, {"value": step})
    wanted = file.read_bytes().splitlines(keepends=True)[:keep]
    file.write_bytes(file.read_bytes() + torn)
    assert len(metrics.read(file)) == n  # a torn tail is no line
    if keep > n:
        with pytest.raises(ValueError, match=f"has {n} whole lines"):
            metrics.cut(file, keep)
    else:
        assert metrics.cut(file, keep) == n - keep + bool(torn)
        assert file.read_bytes() == b"".join(wanted)


def test_taking_up_a_run_clears_what_was_half_written_in_every_folder(tmp_path):
    run = folder.create(tmp_path / "run", "toy", {}, {})
    left = [run.path / ".a.1.part", run.path / "record" / ".rollout.1.part"]
    for file in left:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"half")
    folder.take_up(run)
    assert not any(file.exists() for file in left)


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"nonsense\n", "line 1, is no JSON"), (b'{"step": 3}\n', "should be of step 0")],
)
def test_damaged_metrics_are_refused(tmp_path, content, word):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ValueError, match=word):
        metrics.read(tmp_path / "m")


@pytest.mark.parametrize("dies_in", ["fsync", "replace"])
def test_a_write_that_dies_leaves_the_file_of_before(tmp_path, monkeypatch, dies_in):
    file = tmp_path / "file"
    atomic.write(file, b"one")

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, dies_in, die)
        with pytest.raises(KeyboardInterrupt):
            atomic.write(file, b"two")
    assert file.read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(folder.os, "rename", die)
        with pytest.raises(KeyboardInterrupt):
            folder.create(tmp_path / "run", "kind", {}, {})
    assert not (tmp_path / "run").exists()
    made = folder.create(tmp_path / "run", "kind", {"a": math.inf}, {"seed": 1})
    about = folder.about(made.path)
    assert about["kind"] == "kind"
    assert about["config"] == {"a": math.inf}
    assert about["seeds"] == {"seed": 1}
    assert {"python", "torch", "refimpl", "commit"} <= about["versions"].keys()


def test_a_series_keeps_the_newest_and_the_milestones(tmp_path):
    series = Series(tmp_path, keep=2, milestone=4)
    for step in range(1, 10):
        series.save(step, {"step": step})
    assert series.steps == (4, 8, 9)
    found = series.newest()
    assert (found.step, found.state, found.refused) == (9, {"step": 9}, ())


def test_a_series_falls_back_on_the_one_before(tmp_path):
    series = Series(tmp_path, keep=3)
    for step in (1, 2, 3):
        series.save(step, {"step": step})
    for step in (2, 3):
        series.file(step).write_bytes(b"")
    found = series.newest()
    assert found.step == 1
    assert [text.split(" is not")[0][-11:] for text in found.refused] == [
        "00000003.pt",
        "00000002.pt",
    ]
    assert Series(tmp_path / "none").newest() is None


@pytest.mark.parametrize("values", [{"keep": 1}, {"milestone": 0}])
def test_a_series_of_one_is_refused(tmp_path, values):
    with pytest.raises(ValueError, match="at least two checkpoints"):
        Series(tmp_path, **values)


def test_versions_that_changed_are_told(tmp_path):
    made = folder.create(tmp_path / "run", "kind", {}, {})
    about = json.loads((made.path / "run.json").read_text())
    about["versions"]["torch"] = "0.1"
    made.write("run.json", json.dumps(about))
    (message,) = folder.take_up(made).messages
    assert "torch 0.1 → " in message


@pytest.mark.parametrize("content", ["{", "[]", '{"kind": "x"}'])
def test_what_is_not_a_run_is_refused(tmp_path, content):
    with pytest.raises(FileNotFoundError, match="not the folder of a run"):
        folder.about(tmp_path)
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match="run.json"):
        folder.about(tmp_path)
