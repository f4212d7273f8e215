"""What one process meets, all of them hear of; and gradients are exchanged once a step."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refimpl.sd3.engine import disk
from refimpl.sd3.engine.processes import all_or_none
from refimpl.sd3.loop import rollout, update
from refimpl.sd3.run import resuming

Make = Callable[..., Any]


def another_fails(engine: Any, monkeypatch: pytest.MonkeyPatch, at: int) -> list[int]:
    """Two processes as this one sees them, the other of which fails at the `at`-th agreement."""
    real, calls = engine.gathered, [0]

    def gathered(x: Any) -> Any:
        if x.dtype == torch.int32 and x.shape == (1, 2):
            calls[0] += 1
            return torch.cat([real(x), torch.tensor([[calls[0] == at, 0]], dtype=torch.int32)])
        return real(x)

    monkeypatch.setattr(engine, "gathered", gathered)
    return calls


@pytest.mark.parametrize("at", range(1, 6))
def test_a_failure_elsewhere_ends_the_iteration_here(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """While encoding, sampling, decoding, judging or updating: no process waits for another."""
    with trainer(settings("training.rows=8")) as made:
        another_fails(made.engine, monkeypatch, at)
        with pytest.raises(RuntimeError, match="process 1 stopped with an error"):
            made.iterate()
        assert made.done == 0


@pytest.mark.parametrize(("place", "name"), [(rollout, "sample"), (update, "score")])
def test_a_failure_here_is_told_before_it_is_raised(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    with trainer(settings()) as made:
        told: list[Any] = []
        real = made.engine.gathered
        monkeypatch.setattr(made.engine, "gathered", lambda x: (told.append(x), real(x))[1])

        def fail(*args: Any, **options: Any) -> Any:
            raise ZeroDivisionError("here")

        monkeypatch.setattr(place, name, fail)
        with pytest.raises(ZeroDivisionError, match="here"):
            made.iterate()
        assert told[-1].tolist() == [[1, 0]]


def test_loading_fails_everywhere_or_nowhere() -> None:
    class Two:
        device = torch.device("cpu")

        def gather(self, x: Any) -> Any:
            return torch.cat([x, torch.tensor([1], dtype=torch.int32)])

    with pytest.raises(RuntimeError, match="process 1 stopped"), all_or_none(Two()):
        pass
    with pytest.raises(ValueError, match="mine"), all_or_none(Two()):
        raise ValueError("mine")


def test_gradients_are_exchanged_once_a_step_and_no_buffer_is(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three micro-batches an update, two updates: two exchanges of all parameters at once."""
    with trainer(settings("training.updates=2", "training.rows=4")) as made:
        assert made.policy.network is made.parts.transformer  # past DistributedDataParallel
        sent: list[Any] = []
        monkeypatch.setattr(type(made.engine), "world", 2)
        monkeypatch.setattr(torch.distributed, "all_reduce", lambda x: sent.append(x.clone()))
        micro: list[int] = []
        real = made.engine.backward
        monkeypatch.setattr(
            made.engine, "backward", lambda *args: (micro.append(args[1]), real(*args))
        )
        made.iterate()
    assert micro == [0, 1, 2, 0, 1, 2]
    assert [x.numel() for x in sent] == [sum(p.numel() for p in made.engine.parameters)] * 2
    assert all(float(x.abs().max()) > 0 for x in sent)


def test_a_full_disk_says_where_and_what_helps(
    settings: Make, started: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once there is room again the run goes on."""
    from refimpl.runs import checkpoint

    config, out = settings("training.iterations=2"), tmp_path / "run"
    with monkeypatch.context() as patched:
        real = checkpoint.save

        def full(path: Path, state: Any) -> None:
            if path.name == "00000002.pt":
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            real(path, state)

        patched.setattr(checkpoint, "save", full)
        with pytest.raises(OSError, match=r"00000002.pt could not be written; free some space"):
            started(config, out)
    started(config, out, resume=True)
    assert (out / "summary.json").exists()
    with (
        pytest.raises(PermissionError),
        disk.guarded(tmp_path),
    ):  # anything else stays what it is
        raise PermissionError(errno.EACCES, "no")


def test_stray_files_among_checkpoints_are_named_and_left_alone(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    started(settings("training.iterations=1"), out)
    for name in ("12x.pt", "best.pt", "notes.txt"):
        (out / "checkpoints" / name).write_text("mine")
    told: list[str] = []
    started(settings("training.iterations=2"), out, resume=True, warn=told.append)
    (text,) = [text for text in told if "ignored" in text]
    assert "12x.pt, best.pt, notes.txt" in text
    assert (out / "checkpoints" / "12x.pt").read_text() == "mine"
    assert "resumed" in [row["event"] for row in resuming.history(out)]


def test_wandb_gets_one_identity_for_all_sessions_and_the_pictures(
    settings: Make, started: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys
    import types

    begun: list[dict[str, Any]] = []
    logged: list[dict[str, Any]] = []
    fake = types.SimpleNamespace(
        init=lambda **about: begun.append(about),
        log=lambda values, step: logged.append(values),
        finish=lambda: None,
        Image=lambda image: image.size,
    )
    monkeypatch.setitem(sys.modules, "wandb", fake)
    out = tmp_path / "run"
    for iterations in (1, 2):
        changes = (f"training.iterations={iterations}", "run.tracker=wandb",
                   "run.tracker_project=mine")  # fmt: skip
        started(settings(*changes), out, resume=iterations == 2)
    assert begun[0]["id"] == begun[1]["id"]
    assert {about["resume"] for about in begun} == {"allow"}
    assert {about["project"] for about in begun} == {"mine"}
    assert any("held out" in values for values in logged)
    assert any("reward" in values for values in logged)
