"""Other families' networks behind the same policy: called as their pipelines do, and trained."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from refimpl.sd3.model import calling
from refimpl.sd3.model.calling import Call, packed, unpacked
from refimpl.sd3.model.policy import Policy, add_adapter
from refimpl.sd3.model.text import Text

Make = Callable[..., Any]
TOKENS, WIDTH = 7, 32


def words(n: int, seed: int = 1) -> Text:
    seeded = torch.Generator().manual_seed(seed)
    return Text(torch.randn(n, TOKENS, WIDTH, generator=seeded),
                torch.randn(n, WIDTH, generator=seeded),
                torch.ones(n, TOKENS, dtype=torch.long))  # fmt: skip


def flux() -> tuple[Any, Call]:
    from diffusers import FluxTransformer2DModel

    return FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=WIDTH, pooled_projection_dim=WIDTH,
        guidance_embeds=True, axes_dims_rope=(4, 4, 8),
    ), calling.Flux(3.5)  # fmt: skip


def qwen() -> tuple[Any, Call]:
    from diffusers import QwenImageTransformer2DModel

    return QwenImageTransformer2DModel(
        in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=WIDTH, axes_dims_rope=(8, 4, 4),
    ), calling.qwen_image  # fmt: skip


FAMILIES = {"FLUX.1-dev": flux, "Qwen-Image": qwen}


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, quiet: None) -> tuple[str, Any, Call]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network, call = FAMILIES[request.param]()
    return request.param, network.eval(), call


def test_packing_is_the_pipelines_and_comes_undone() -> None:
    from diffusers import FluxPipeline, QwenImagePipeline

    x = torch.randn(2, 4, 6, 8)
    for pipeline in (FluxPipeline, QwenImagePipeline):
        assert torch.equal(packed(x), pipeline._pack_latents(x, 2, 4, 6, 8))
    assert torch.equal(unpacked(packed(x), 3, 4), x)


def test_the_policys_euler_steps_are_the_pipelines(family: tuple[str, Any, Call]) -> None:
    """The same latents, after four steps of the family's own pipeline with its own shift."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, QwenImagePipeline

    name, network, call = family
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer"))
    text, x = words(2), torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    options: dict[str, Any] = {
        "prompt_embeds": text.embeddings, "height": 64, "width": 64, "num_inference_steps": 4,
        "latents": packed(x), "output_type": "latent",
    }  # fmt: skip
    if name == "FLUX.1-dev":
        pipeline = FluxPipeline(scheduler=scheduler, transformer=network, text_encoder_2=None,
                                tokenizer_2=None, **parts)  # fmt: skip
        options |= {"pooled_prompt_embeds": text.pooled, "guidance_scale": 3.5}
    else:
        pipeline = QwenImagePipeline(scheduler=scheduler, transformer=network, **parts)
        options |= {"prompt_embeds_mask": text.mask, "true_cfg_scale": 1.0}
    pipeline.set_progress_bar_config(disable=True)
    theirs = unpacked(pipeline(**options).images, 4, 4)
    policy = Policy(network, network, torch.float32, words(1), 1.0, False, call=call)
    for t, s in zip(scheduler.sigmas, scheduler.sigmas[1:], strict=False):
        with torch.no_grad():
            v = policy.velocity(x, t.expand(2), text)
        x = x + (s - t) * v
    torch.testing.assert_close(x, theirs, rtol=1e-5, atol=1e-5)
    assert (x - unpacked(options["latents"], 4, 4)).abs().max() > 0.1


def redness(images: Tensor, prompts: Any, metadata: Any) -> Any:
    return images[:, 0].mean(dim=(1, 2)) - images[:, 2].mean(dim=(1, 2)), {}


def test_the_trainer_trains_it(
    family: tuple[str, Any, Call], settings: Make, trainer: Make
) -> None:
    """Ratio 1 before the update, a gradient, and a reward that rises, on a shifted grid."""
    from refimpl.sd3.engine.assemble import Parts
    from refimpl.sd3.engine.processes import Engine
    from refimpl.sd3.loop.train import Trainer

    _, network, call = family
    config = settings(
        "sampling.grid=shifted", "sampling.shift=1.8", "sampling.guidance=1", "sampling.group=16",
        "sampling.batch=32", "training.rows=32", "training.learning_rate=1e-2", "method.beta=0",
        "ema.every=1", preset="levelled",
    )  # fmt: skip
    add_adapter(network, rank=4, alpha=8, targets="attn", seed=0)
    made = trainer(config)
    table = {text: words(1, seed) for seed, text in enumerate(["", *made.data.texts])}
    parts = Parts(
        network,
        lambda prompts: Text.joined([table[prompt] for prompt in prompts]),
        lambda latents: (0.5 + latents[:, :3] / 10).clamp(0, 1),
        (4, 4, 4),
        torch.float32,
        call=call,
    )
    ready = Engine(made.engine.accelerator, network, config.training)
    mixture = replace(made.mixture, rewards={"redness": redness})
    with Trainer(config, parts, made.data, mixture, ready) as learner:
        found = [learner.iterate().values for _ in range(8)]
    assert all(max(values["ratio_gap_by_step"]) == 0 for values in found)
    assert found[0]["gradient_norm"] > 0
    assert found[-1]["reward"] > found[0]["reward"] + 0.005, [v["reward"] for v in found]


def test_a_shift_without_its_grid_is_refused(settings: Make) -> None:
    with pytest.raises(ValueError, match="is of grid=shifted"):
        settings("sampling.shift=5")
    levels = settings("sampling.grid=shifted", "sampling.shift=5").grid.levels
    assert levels[2] == pytest.approx(5 * 0.5 / (1 + 4 * 0.5))
