"""The plan: counts are exact, and the published tables come out of it."""

from typing import Any

import pytest
import torch

from refimpl.sd3.model import flops
from refimpl.sd3.model.architectures import ARCHITECTURES
from refimpl.sd3.run import plan
from refimpl.sd3.settings import presets
from refimpl.sd3.settings.config import DTYPES


@pytest.mark.parametrize(("size", "resolution"), [("tiny", 128), ("medium", 512), ("large", 1024)])
def test_operations_are_those_that_torch_counts(size: str, resolution: int) -> None:
    from diffusers import SD3Transformer2DModel
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    settings = ARCHITECTURES[size].transformer
    side = resolution // 8
    with torch.device("meta"), torch.no_grad():
        network = SD3Transformer2DModel(**settings)
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            network(
                torch.zeros(1, settings["in_channels"], side, side),
                torch.zeros(1, 205, settings["joint_attention_dim"]),
                torch.zeros(1, settings["pooled_projection_dim"]),
                torch.zeros(1),
            )
    counted = flops.forward(settings, flops.image_tokens(settings, resolution), 205)
    assert counted == counter.get_total_flops()
    assert sum(p.numel() for p in network.parameters()) == plan.PARAMETERS[size]


@pytest.mark.parametrize(
    ("changes", "tflop"),
    [
        (("training.unconditional_gradient=true",), 175.5),
        ((), 151.3),
        (("method.beta=0",), 111.3),
        (("training.unconditional_kept=true",), 151.3 - 9 * 2.224),
        (("sampling.guidance=1",), 89.0),
        (("sampling.guidance=1", "method.beta=0", "method.window=first"), 39.5),
        # of seven places for the window: three steps before it on average and its first one, made
        # once for 24; that one is trained once for 8, the rows of a pass
        (
            (
                "sampling.guidance=1",
                "method.beta=0",
                "method.window=random",
                "sampling.start=group",
                "sampling.batch=24",
            ),
            39.5 - 4 * 23 / 24 * 2.224 - 7 / 8 * 2.224 * (1 + flops.BACKWARD),
        ),
    ],
)
def test_each_recipe_costs_what_its_parts_add_up_to(changes: tuple[str, ...], tflop: float) -> None:
    """Counted by hand from 2.224 TFLOP a forward pass, 2.7 a backward one, 2.5 a decoding."""
    found = plan.plan(presets.resolve([], None, changes))
    assert found.per_image == pytest.approx(tflop, rel=2e-3)


def test_a_batch_that_splits_a_group_makes_its_beginning_again() -> None:
    changes = ("sampling.guidance=1", "method.window=fixed", "method.start=4",
               "sampling.start=group", "sampling.group=24")  # fmt: skip
    for batch, calls in (
        (1, 10),
        (8, 10 - 5 * 7 / 8),
        (24, 10 - 5 * 23 / 24),
        (48, 10 - 5 * 23 / 24),
    ):
        config = presets.resolve([], None, (*changes, f"sampling.batch={batch}"))
        assert plan.plan(config).rollout_calls == pytest.approx(calls)


@pytest.mark.parametrize(
    ("more", "calls"),
    [
        (("training.rows=24",), 2 + 1 / 24),
        (("training.rows=8",), 2 + 1 / 8),
        (("training.rows=24", "training.updates=2"), 2 + 1 / 12),
        (("training.rows=24", "sampling.start=own"), 3),
    ],
)
def test_the_step_at_which_a_group_parts_is_trained_once_for_the_rows_of_a_pass(
    more: tuple[str, ...], calls: float
) -> None:
    """Of three trained steps; an update has its share of every group, and the KL asks as often."""
    changes = ("sampling.guidance=1", "method.window=fixed", "method.start=4", "method.size=3",
               "sampling.start=group", "sampling.group=24")  # fmt: skip
    found = plan.plan(presets.resolve([], None, (*changes, *more)))
    assert found.trained_calls == pytest.approx(calls)
    assert found.reference_calls == pytest.approx(calls)


def test_fewer_steps_after_the_window_are_fewer_calls() -> None:
    changes = ("sampling.guidance=1", "method.beta=0", "method.window=fixed", "method.start=2")
    found = [plan.plan(presets.resolve([], None, (*changes, *more)))
             for more in ((), ("sampling.after=2",))]  # fmt: skip
    assert [one.rollout_calls for one in found] == [10, 7]
    assert [one.trained_calls for one in found] == [3, 3]


def test_the_adapter_is_as_large_as_published() -> None:
    medium = ARCHITECTURES["medium"].transformer
    assert flops.adapter_parameters(medium, 32, "attn") == 18_776_064


def test_memory_meets_the_values_it_was_fitted_to() -> None:
    medium, large = (ARCHITECTURES[size].transformer for size in ("medium", "large"))
    for settings, resolution, gib in ((medium, 512, 2.40), (medium, 1024, 8.6), (large, 512, 5.1)):
        image = flops.image_tokens(settings, resolution)
        found = flops.activation_bytes(settings, image, 205) / 2**30
        assert found == pytest.approx(gib, rel=0.03)


@pytest.mark.parametrize("processes", [1, 8])
def test_the_kept_half_costs_one_stored_latent_a_trained_step(processes: int) -> None:
    """Nine steps of 1152 images, 16 · 64 · 64 numbers of four bytes; nothing without guidance."""

    def stored(*changes: str) -> float:
        return plan.plan(presets.resolve([], None, changes), processes).gib["stored rollouts"]

    kept = "training.unconditional_kept=true"
    assert stored(kept) - stored() == pytest.approx(9 * 1152 * 16 * 64**2 * 4 / 2**30 / processes)
    assert stored(kept, "sampling.guidance=1") == stored("sampling.guidance=1")


def test_all_weights_cost_what_they_are_made_of() -> None:
    """Medium, 2.243 · 10⁹ numbers: 8.36 GiB in float32, 4.18 in 16 bits."""
    full = "adapter.kind=full"

    def counted(*changes: str) -> Any:
        return plan.plan(presets.resolve([], None, [full, *changes]))

    found = counted()
    assert found.gib["transformer"] == pytest.approx(8.36, abs=0.01)
    assert found.gib["gradient, optimiser, average"] == pytest.approx(4 * 8.36, abs=0.02)
    assert (
        found.gib["reference"] == found.gib["weights in 16 bits"] == pytest.approx(4.18, abs=0.01)
    )
    assert found.disk_gib == pytest.approx(4 * 8.36, abs=0.02)
    assert "33.43 GiB a checkpoint" in "\n".join(found.lines())
    assert found.tflop["backward"] == pytest.approx(9 * 2 * 2.224, rel=1e-3)
    assert "reference" not in counted("method.beta=0").gib
    exact = counted("model.dtype=fp32")
    assert "weights in 16 bits" not in exact.gib
    assert exact.gib["reference"] == exact.gib["transformer"]
    lower = counted("training.optimiser=adamw8bit")
    assert lower.gib["gradient, optimiser, average"] == pytest.approx(2.5 * 8.36, abs=0.02)
    assert lower.disk_gib == pytest.approx(2.5 * 8.36, abs=0.02)
    assert lower.exported_gib == found.exported_gib == pytest.approx(8.36, abs=0.01)
    assert found.gib["activations"] > plan.plan(presets.resolve([])).gib["activations"]


def test_the_gradient_of_all_weights_is_two_forward_passes() -> None:
    from diffusers import SD3Transformer2DModel
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        network = SD3Transformer2DModel(**ARCHITECTURES["medium"].transformer)
        given = (torch.zeros(1, 16, 64, 64), torch.zeros(1, 205, 4096), torch.zeros(1, 2048))
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            v = network(*given, torch.zeros(1)).sample
            forward = counter.get_total_flops()
            v.sum().backward()
    backward = counter.get_total_flops() - forward
    assert backward / forward == pytest.approx(flops.FULL_BACKWARD, abs=0.01)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_activations_of_all_weights_are_those_that_autograd_keeps(dtype: str) -> None:
    """A third layer, and a second attention in one of two: within a percent of the plan's bytes."""
    two, three, dual = (_bytes_kept(dtype, *at) for at in ((2, ()), (3, ()), (2, (0,))))
    layer, second = flops.FULL_BYTES[dtype]
    assert (three - two) / (1229 * 320) == pytest.approx(layer, rel=0.01)
    assert (dual - two) / (1229 * 320) == pytest.approx(second, rel=0.01)


def _bytes_kept(dtype: str, layers: int, dual: tuple[int, ...]) -> int:
    """Held for the backward pass of one image, all weights trained, at a width of 320."""
    from diffusers import SD3Transformer2DModel

    from refimpl.sd3.model import whole

    lower = DTYPES[dtype]
    shape = {**ARCHITECTURES["medium"].transformer, "num_layers": layers,
             "dual_attention_layers": dual, "num_attention_heads": 5,
             "caption_projection_dim": 320}  # fmt: skip
    network = SD3Transformer2DModel(**shape)
    whole.begin(network, lower, reference=False)
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, Any] = {}

    def hold(x: torch.Tensor) -> torch.Tensor:
        at = x.untyped_storage()
        if at.data_ptr() not in own and {1024, 205, 1229} & {*x.shape}:
            kept[at.data_ptr()] = at
        return x

    given = [torch.zeros(1, 16, 64, 64), torch.zeros(1, 205, 4096), torch.zeros(1, 2048)]
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda x: x):
        network(*(x.to(lower) for x in given), torch.zeros(1))
    return sum(at.nbytes() for at in kept.values())


def test_a_dry_run_says_what_matters() -> None:
    config = presets.resolve(["flow_grpo"])
    lines = plan.plan(config, processes=8).lines(rate=356)
    told = "\n".join(lines)
    assert "1152 an iteration" in told
    assert "20 an image to sample, 18 to train (9 steps), 18 of the reference" in told
    assert "425 ms an image and process" in told
    seconds = plan.plan(config, processes=8).seconds(356)
    assert seconds == pytest.approx(1152 * 151.26 / 356 / 8, rel=1e-3)
