"""Adam with 8-bit moments, as bitsandbytes has it: of which weights, and a resumed run is exact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

Make = Callable[..., Any]
KINDS = {
    "lora": ("adapter.rank=256", "adapter.alpha=256"),
    "full": ("adapter.kind=full",),
}
SMALLEST = 4096
"""Numbers of a tensor, from which on bitsandbytes keeps its moments in 8 bits."""

pytest.importorskip("bitsandbytes", reason="the extra bitsandbytes")


def weights(out: Path) -> dict[str, Tensor]:
    """Every tensor that a run exported."""
    return {
        f"{file.name}: {name}": x
        for file in out.rglob("*.safetensors") for name, x in load_file(file).items()
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_with_8_bit_moments_resumes_to_the_bit(
    settings: Make, whole_and_resumed: Make, kind: str
) -> None:
    config = settings(*KINDS[kind], "training.optimiser=adamw8bit", "training.iterations=2",
                      "ema.every=1", "training.learning_rate=1e-3")  # fmt: skip
    ours, theirs = map(weights, whole_and_resumed(config))
    assert ours.keys() == theirs.keys() != set()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("kind", KINDS)
def test_moments_of_large_weights_are_in_8_bits_and_lead_where_those_of_32_do(
    settings: Make, trainer: Make, kind: str
) -> None:
    found: dict[str, list[Tensor]] = {}
    for optimiser in ("adamw", "adamw8bit"):
        config = settings(*KINDS[kind], f"training.optimiser={optimiser}", "training.updates=1")
        with trainer(config) as made:
            before = [p.detach().clone() for p in made.engine.parameters]
            made.iterate()
            found[optimiser] = [
                p.detach() - b for p, b in zip(made.engine.parameters, before, strict=True)
            ]
            states = [made.engine.optimiser.optimizer.state[p] for p in made.engine.parameters]
            sizes = [p.numel() for p in made.engine.parameters]
    kinds = [s["state1"].dtype for s in states]
    assert kinds == [torch.uint8 if n >= SMALLEST else torch.float32 for n in sizes]
    assert torch.uint8 in kinds
    for a, b in zip(*found.values(), strict=True):
        assert float((a - b).norm()) <= 0.05 * float(a.norm())


@pytest.mark.parametrize("engine", ["FSDP", "DEEPSPEED"])
def test_an_engine_that_shards_is_refused(settings: Make, trainer: Make, engine: str) -> None:
    """Two processes of FSDP stop in the first step, where plain tensors meet sharded ones."""
    from refimpl.sd3.engine.processes import Engine
    from refimpl.sd3.loop.train import Trainer

    class Sharded(Engine):
        """As it is under that engine."""

        sharded = engine

    made = trainer(settings("training.optimiser=adamw8bit"))
    made.background.close()
    made.engine.__class__ = Sharded
    with pytest.raises(ValueError, match=f"adamw8bit does not run under {engine}.*engine ddp"):
        Trainer(made.config, made.parts, made.data, made.mixture, made.engine)
