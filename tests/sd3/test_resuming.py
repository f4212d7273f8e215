"""A run goes on with other settings where they do not decide what is trained, and says so."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.runs import metrics
from refimpl.sd3.engine import memory
from refimpl.sd3.run import resuming
from refimpl.sd3.settings.config import Config, plain
from refimpl.sd3.settings.overrides import keys

Make = Callable[..., Any]


def test_what_a_full_memory_advises_can_be_done_on_resume() -> None:
    """Every setting that a message names, where the run's folder is there already."""
    named = {
        key
        for where, remedy in memory.REMEDIES.items()
        if where != memory.BEFORE
        for key in re.findall(r"[a-z_]+\.[a-z_0-9]+", remedy)
    }
    assert {"training.rows", "sampling.batch", "vae.batch"} <= named <= set(keys(Config))
    assert all(resuming.may_change(key) for key in named)


def test_every_pattern_names_a_setting() -> None:
    for pattern in resuming.MAY_CHANGE:
        head = pattern.removesuffix("*").rstrip(".")
        options = pattern.startswith("rewards.options.")
        assert options or any(key.startswith(head) for key in keys(Config)), pattern


def test_changed_settings_are_recorded_and_the_run_ends_where_it_would_have(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    started(settings("training.iterations=2"), tmp_path / "whole")
    started(settings("training.iterations=1"), out)
    told: list[str] = []
    other = settings("training.iterations=2", "training.rows=4", "evaluation.pictures=1")
    started(other, out, resume=True, warn=told.append)
    (note,) = [text for text in told if "other settings" in text]
    assert "training.rows 8 → 4" in note
    (row,) = [row for row in resuming.history(out) if row["event"] == "changed"]
    assert row["step"] == 1
    assert row["changes"]["training.iterations"] == [1, 2]
    assert json.loads((out / "run.json").read_text())["config"]["training"]["rows"] == 8
    assert yaml.safe_load((out / "config.yaml").read_text())["training"]["rows"] == 4
    assert resuming.changes(out, other) == {}
    a, b = (metrics.read(path / "metrics.jsonl") for path in (tmp_path / "whole", out))
    assert [row["step"] for row in b] == [0, 1]
    for name in ("reward", "kl", "gradient_norm"):  # sums in another order
        assert b[1][name] == pytest.approx(a[1][name], rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sampling.steps=5", "sampling.steps: 4 there, 5 here"),
        ("method.beta=0.5", "method.beta: 0.04 there, 0.5 here"),
        ("rewards.weights={ocr: 1}", "rewards.weights: {'jpeg_compressibility': 1.0} there"),
        ("training.learning_rate=1", "training.learning_rate: 0.0003 there, 1.0 here"),
        ("adapter.rank=8", "adapter.rank: 32 there, 8 here"),
    ],
)
def test_what_decides_the_training_is_refused_by_key_old_and_new(
    settings: Make, started: Make, tmp_path: Path, change: str, said: str
) -> None:
    (tmp_path / "run").mkdir()
    about = {"kind": "sd3", "config": metrics.plain(plain(settings())), "versions": {}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match=re.escape(said)):
        resuming.changes(tmp_path / "run", settings(change))


def test_fewer_iterations_than_are_done_are_refused(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    started(settings("training.iterations=2"), tmp_path / "run")
    with pytest.raises(ValueError, match="is less than the 2 iterations"):
        started(settings("training.iterations=1"), tmp_path / "run", resume=True)


def test_memory_that_ran_out_is_survived_by_doing_what_the_message_says(
    quiet: None, settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the command line: the update's memory is full, then `--resume training.rows=4`."""
    from refimpl.sd3.loop import update

    file, real = tmp_path / "config.yaml", update.score
    file.write_text(yaml.safe_dump(plain(settings("training.iterations=1"))))
    out = str(tmp_path / "run")

    def small(policy: Any, method: Any, experience: Any, rows: Any) -> Any:
        if len(rows.sample) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return real(policy, method, experience, rows)

    monkeypatch.setattr(update, "score", small)
    done = CliRunner().invoke(app, ["train", "sd3", "--config", str(file), "--out", out])
    assert done.exit_code == 2
    assert "a smaller training.rows" in done.output
    again = ["train", "sd3", "--resume", "--out", out, "training.rows=4"]
    done = CliRunner().invoke(app, again)
    assert done.exit_code == 0, done.output
    assert "training.rows 8 → 4" in " ".join(done.output.split())
    assert (tmp_path / "run" / "summary.json").exists()
