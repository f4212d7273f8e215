"""fp16 on a CPU, by torch's own scaler: an overflow skips an update and does not end the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refimpl.runs import metrics

Make = Callable[..., Any]
TOO_LARGE = 2.0**127


@pytest.fixture
def scaled(trainer: Make) -> Make:
    """`scaled(config, scale)`: a trainer whose loss is scaled as under fp16.

    The network computes in float32: what overflows is the scaled gradient.
    """

    def make(config: Any, scale: float, back: float = 0.5) -> Any:
        made = trainer(config)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, backoff_factor=back)
        accelerator = made.engine.accelerator
        accelerator.scaler = made.engine.optimiser.scaler = scaler
        accelerator.native_amp, accelerator.state._mixed_precision = True, "fp16"
        made.engine.optimiser._accelerate_step_called = False
        patch(made.engine.optimiser)
        return made

    return make


def patch(optimiser: Any) -> None:
    """What accelerate's wrapper does at birth where there is a scaler."""
    from accelerate.optimizer import patch_optimizer_step

    optimiser._optimizer_original_step_method = optimiser.optimizer.step
    optimiser._optimizer_patched_step_method = patch_optimizer_step(
        optimiser, optimiser.optimizer.step
    )


@pytest.fixture(autouse=True)
def plain_precision() -> Any:
    """The state that accelerate shares between its objects, as it was."""
    from accelerate.state import AcceleratorState

    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_an_overflow_skips_the_update_and_the_next_is_made(
    settings: Make, scaled: Make, kind: str
) -> None:
    config = settings("training.updates=2", "ema.every=1", f"adapter.kind={kind}")
    with scaled(config, TOO_LARGE) as made:
        before = [p.detach().clone() for p in made.engine.parameters]
        found = made.iterate().values
        assert found["skipped"] == 2
        assert found["loss_scale"] == TOO_LARGE / 4  # halved by each
        assert made.average.steps == 0
        assert "gradient_norm" not in found["readings"]
        assert all(torch.equal(a, b) for a, b in zip(before, made.engine.parameters, strict=True))
        made.engine.accelerator.scaler.update(1024.0)
        found = made.iterate().values
        assert found["skipped"] == 0
        assert 0 < found["gradient_norm"] < 1e6
        assert made.average.steps == 2
        assert not all(
            torch.equal(a, b) for a, b in zip(before, made.engine.parameters, strict=True)
        )


def test_skips_that_persist_are_told(settings: Make, scaled: Make, tmp_path: Path) -> None:
    from refimpl.sd3.run import session

    config = settings("training.iterations=3", "training.updates=4", "evaluation.pictures=1")
    made, told = scaled(config, TOO_LARGE, 0.999), []  # a scale that hardly falls
    with made:
        session.Session(made, tmp_path / "run", False, told.append).go(lambda seen: None)
    (text,) = [text for text in told if "skipped" in text]
    assert "the last 8 updates were skipped" in text
    assert "model.dtype=bf16" in text
    rows = metrics.read(tmp_path / "run" / "metrics.jsonl")
    assert [row["skipped"] for row in rows] == [4, 4, 4]


def test_without_a_scaler_a_gradient_that_is_not_finite_still_stops_the_run(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trainer(settings()) as made:
        real = made.engine.backward
        monkeypatch.setattr(
            made.engine, "backward", lambda loss, *rest: real(loss * float("inf"), *rest)
        )
        with pytest.raises(FloatingPointError, match="gradient of iteration 0"):
            made.iterate()
