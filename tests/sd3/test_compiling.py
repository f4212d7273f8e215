"""A compiled run is compiled wherever it calls the network, and its ratio is exactly one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch._dynamo import config as limits
from torch._dynamo.utils import counters

from refimpl.sd3.engine import compiling
from refimpl.sd3.model.policy import adapter_off

Make = Callable[..., Any]
KEPT = ("recompile_limit", "accumulated_recompile_limit", "fail_on_recompile_limit_hit")
CHANGES = ("sampling.guidance=4.5", "method.beta=0.04", "training.updates=2", "training.rows=4",
           "sampling.batch=4", "sampling.steps=3")  # fmt: skip


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """torch's compiler as it was."""
    before = {name: getattr(limits, name) for name in KEPT}
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()
    for name, value in before.items():
        setattr(limits, name, value)


def ratio_is_one_through_the_trainer(settings: Make, trainer: Make, *changes: str) -> Any:
    """Rollout, reference, update and evaluation, twice: weights that have moved, too."""
    from refimpl.sd3.run.evaluate import evaluate

    with trainer(settings(*CHANGES, "model.compile=blocks", *changes)) as made:
        for _ in range(2):
            evaluate(made, made.data.held_out)
            found = made.iterate().values
            assert found["readings"]["ratio_gap"][0] == 0.0
            assert found["ratio_gap_by_step"] == [0.0, 0.0]
        return made


@pytest.mark.parametrize(
    "changes",
    [
        (),
        pytest.param(("training.unconditional_gradient=true",), marks=pytest.mark.slow),
        pytest.param(("adapter.kind=full",), marks=pytest.mark.slow),
    ],
)
def test_every_call_is_compiled_and_the_ratio_is_one(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch, changes: tuple[str, ...]
) -> None:
    """By the compiler's own tracing, with a backend that needs no C++ compiler."""
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    ratio_is_one_through_the_trainer(settings, trainer, *changes)
    assert counters["frames"]["total"] == counters["frames"]["ok"] > 0
    assert not counters["graph_break"]
    # two kinds of block, with a gradient and as the reference; held fixed, a half has a third
    graphs = 4 if "training.unconditional_gradient=true" in changes else 6
    assert counters["stats"]["unique_graphs"] == graphs


@pytest.mark.slow
def test_code_that_a_compiler_made_keeps_the_ratio_at_one(settings: Make, trainer: Make) -> None:
    ratio_is_one_through_the_trainer(settings, trainer)


def test_where_torch_would_give_up_the_run_stops(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went on uncompiled before, with a line in a log."""
    from torch._dynamo.exc import FailOnRecompileLimitHit

    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    monkeypatch.setattr(compiling, "VERSIONS", 2)
    with (
        trainer(settings(*CHANGES, "model.compile=blocks")) as made,
        pytest.raises(FailOnRecompileLimitHit),
    ):
        made.iterate()


def test_a_rollout_in_the_updates_mode_keeps_nothing(settings: Make, trainer: Make) -> None:
    """The velocity is the same to the bit, without a graph behind it; so is the reference's."""
    from dataclasses import replace

    with trainer(settings()) as made, torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 0.1
        x, t = torch.randn(2, *made.parts.latent), torch.tensor([0.5, 0.9])
        text = made.parts.encode(["a", "b"])
        other = replace(made.policy, one_mode=True)
        v = other.velocity(x, t, text)
        assert torch.equal(v, made.policy.velocity(x, t, text))
        assert not v.requires_grad
        assert torch.equal(other.reference(x, t, text), made.policy.reference(x, t, text))
        with adapter_off(made.parts.transformer):
            assert not torch.equal(v, made.policy.velocity(x, t, text))
