"""A run leaves when it is asked to, keeps what is done, and says a line an iteration."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.runs import metrics
from refimpl.sd3.loop.together import Stopped
from refimpl.sd3.model import adapters
from refimpl.sd3.run import progress, resuming
from refimpl.sd3.run.leaving import heeded
from refimpl.sd3.settings.config import plain

Make = Callable[..., Any]
CHANGES = ("training.iterations=3", "run.checkpoint_every=20", "training.updates=2")


def same_run(one: Path, other: Path) -> None:
    from safetensors.torch import load_file

    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    a, b = (load_file(run / "adapter" / adapters.WEIGHTS) for run in (one, other))
    assert all(torch.equal(a[name], b[name]) for name in a)


def checkpoints(out: Path) -> list[str]:
    return sorted(file.name for file in (out / "checkpoints").iterdir())


@pytest.fixture
def whole(settings: Make, started: Make, tmp_path: Path) -> Path:
    started(settings(*CHANGES), tmp_path / "whole")
    return tmp_path / "whole"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_between_iterations_loses_nothing(
    settings: Make, started: Make, tmp_path: Path, whole: Path, number: signal.Signals
) -> None:
    out, config = tmp_path / "run", settings(*CHANGES)

    def ask(seen: Any) -> None:
        if seen.done == 1:
            os.kill(os.getpid(), number)

    with pytest.raises(Stopped) as caught:
        started(config, out, say=ask)
    assert caught.value.signal == number
    assert checkpoints(out) == ["00000001.pt"]
    assert [row["event"] for row in resuming.history(out)] == ["started", "stopped"]
    assert signal.getsignal(number) == signal.SIG_DFL  # the handlers of before are back
    started(config, out, resume=True)
    same_run(whole, out)


def test_a_signal_within_an_iteration_loses_that_one(
    settings: Make, started: Make, tmp_path: Path, whole: Path
) -> None:
    """It comes while the second iteration is judged; the weights are those of the first."""
    out, config, calls = tmp_path / "run", settings(*CHANGES), []

    def asking(images: Any, prompts: Any, metadata: Any) -> Any:
        calls.append(len(images))
        if len(calls) == 4:  # two evaluations' halves or rollouts before
            os.kill(os.getpid(), signal.SIGTERM)
        red, _, blue = images.mean(dim=(2, 3)).T  # the fixture's reward
        return red - blue, {"brightness": images.mean(dim=(1, 2, 3))}

    with pytest.raises(Stopped):
        started(config, out, asking)
    (last,) = checkpoints(out)
    done = int(last.removesuffix(".pt"))
    assert len(metrics.read(out / "metrics.jsonl")) == done >= 1
    started(config, out, resume=True)
    same_run(whole, out)


def test_nothing_is_updated_once_a_process_was_asked(settings: Make, trainer: Make) -> None:
    """Asked between the rollout and the update: no step is made, no gradient is left behind."""
    with trainer(settings()) as made:
        before = [p.detach().clone() for p in made.engine.parameters]
        made.before_update.append(lambda *args: setattr(made.together, "asked", lambda: 15))
        with pytest.raises(Stopped):
            made.iterate()
        assert made.done == 0
        for old, parameter in zip(before, made.engine.parameters, strict=True):
            assert torch.equal(old, parameter)


def test_signals_are_only_taken_for_as_long_as_the_run_is() -> None:
    with heeded() as asked:
        assert asked.signal == 0
        os.kill(os.getpid(), signal.SIGUSR1)
        assert asked.signal == signal.SIGUSR1
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_minutes_make_checkpoints_too(settings: Make, started: Make, tmp_path: Path) -> None:
    out = tmp_path / "run"
    often = settings("training.iterations=2", "run.checkpoint_every=20",
                     "run.checkpoint_minutes=1e-6")  # fmt: skip
    started(often, out)
    assert checkpoints(out) == ["00000001.pt", "00000002.pt"]
    with pytest.raises(ValueError, match="checkpoint_minutes must be positive"):
        settings("run.checkpoint_minutes=0")


def test_without_a_terminal_every_iteration_is_a_line(
    quiet: None, settings: Make, tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(plain(settings("training.iterations=2", "data.holdout=null"))))
    words = ["train", "sd3", "--config", str(file), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    lines = [line for line in done.stderr.splitlines() if line.startswith("iteration")]
    assert [line.partition(":")[0] for line in lines] == ["iteration 1/2", "iteration 2/2"]
    for word in ("reward", "KL", "clipped", " s,", "left"):
        assert all(word in line for line in lines)
    assert lines[-1].endswith("left 0 s")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(34.4, "34 s"), (310, "5 min"), (40800, "11 h 20 min"), (3599, "1 h 0 min"),
     (2 * 86400 + 3 * 3600, "2 d 3 h")],
)  # fmt: skip
def test_time_is_told_as_one_says_it(seconds: float, said: str) -> None:
    assert progress.duration(seconds) == said
