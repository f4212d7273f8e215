"""Tiny random pipelines of several families, made here: nothing is downloaded."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

T = 6
"""Steps."""
SHIFTED = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}


def noisy(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def scheduler(**settings: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**settings)


def sd3() -> tuple[Any, dict[str, Any]]:
    from refimpl.sd3.model import pipelines

    return pipelines.at_random("tiny", seed=0), {
        "prompt": ["a", "b"], "height": 32, "width": 32, "max_sequence_length": 8,
        "guidance_scale": 4.5,
    }  # fmt: skip


def flux() -> tuple[Any, dict[str, Any]]:
    from diffusers import FluxPipeline, FluxTransformer2DModel

    transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32,
        guidance_embeds=True, axes_dims_rope=(4, 4, 8),
    )  # fmt: skip
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"))
    return FluxPipeline(scheduler=scheduler(shift=3.0, **SHIFTED), transformer=transformer,
                        **parts), {
        "prompt_embeds": noisy(2, 5, 32), "pooled_prompt_embeds": noisy(2, 32),
        "height": 64, "width": 64, "guidance_scale": 3.5,
    }  # fmt: skip


def qwen() -> tuple[Any, dict[str, Any]]:
    from diffusers import QwenImagePipeline, QwenImageTransformer2DModel

    transformer = QwenImageTransformer2DModel(
        in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=32, axes_dims_rope=(8, 4, 4),
    )  # fmt: skip
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer"))
    mask = torch.ones(2, 7, dtype=torch.long)
    settings = {**SHIFTED, "shift_terminal": 0.02, "max_shift": 0.9}
    return QwenImagePipeline(scheduler=scheduler(**settings), transformer=transformer, **parts), {
        "prompt_embeds": noisy(2, 7, 32), "prompt_embeds_mask": mask,
        "negative_prompt_embeds": noisy(2, 7, 32, seed=2), "negative_prompt_embeds_mask": mask,
        "true_cfg_scale": 4.0, "height": 64, "width": 64,
    }  # fmt: skip


def wan() -> tuple[Any, dict[str, Any]]:
    from diffusers import WanPipeline, WanTransformer3DModel

    transformer = WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16, text_dim=32,
        freq_dim=32, ffn_dim=32, num_layers=1,
    )  # fmt: skip
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer"))
    return WanPipeline(scheduler=scheduler(shift=5.0), transformer=transformer, **parts), {
        "prompt_embeds": noisy(2, 5, 32), "negative_prompt_embeds": noisy(2, 5, 32, seed=2),
        "height": 32, "width": 32, "num_frames": 5, "guidance_scale": 5.0,
    }  # fmt: skip


def ltx() -> tuple[Any, dict[str, Any]]:
    from diffusers import LTXPipeline, LTXVideoTransformer3DModel

    transformer = LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=16,
        cross_attention_dim=32, num_layers=1, caption_channels=32,
    )  # fmt: skip
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer"))
    settings = {**SHIFTED, "base_shift": 0.95, "max_shift": 2.05, "shift_terminal": 0.1,
                "base_image_seq_len": 1024}  # fmt: skip
    mask = torch.ones(2, 5, dtype=torch.long)
    return LTXPipeline(scheduler=scheduler(**settings), transformer=transformer, **parts), {
        "prompt_embeds": noisy(2, 5, 32), "prompt_attention_mask": mask,
        "negative_prompt_embeds": noisy(2, 5, 32, seed=2), "negative_prompt_attention_mask": mask,
        "height": 64, "width": 64, "num_frames": 9, "guidance_scale": 3.0,
    }  # fmt: skip


def sana() -> tuple[Any, dict[str, Any]]:
    from diffusers import SanaPipeline, SanaTransformer2DModel

    transformer = SanaTransformer2DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=1,
        num_cross_attention_heads=2, cross_attention_head_dim=8, cross_attention_dim=16,
        caption_channels=32, sample_size=32,
    )  # fmt: skip
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer"))
    mask = torch.ones(2, 5, dtype=torch.long)
    return SanaPipeline(scheduler=scheduler(shift=3.0), transformer=transformer, **parts), {
        "prompt_embeds": noisy(2, 5, 32), "prompt_attention_mask": mask,
        "negative_prompt_embeds": noisy(2, 5, 32, seed=2), "negative_prompt_attention_mask": mask,
        "negative_prompt": None, "prompt": None,
        "height": 64, "width": 64, "guidance_scale": 4.5, "use_resolution_binning": False,
    }  # fmt: skip


FAMILIES: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "SD3": sd3, "FLUX.1": flux, "Qwen-Image": qwen, "Wan": wan, "LTX": ltx, "Sana": sana,
}  # fmt: skip


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[Any, Callable[..., torch.Tensor]]:
    """A pipeline, and `sampled(seed, **changes)`: latents of two samples."""
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline, options = FAMILIES[request.param]()
    pipeline.set_progress_bar_config(disable=True)

    def sampled(seed: int = 3, **changes: Any) -> torch.Tensor:
        made = pipeline(
            **{**options, **changes}, num_inference_steps=T, output_type="latent",
            generator=torch.Generator().manual_seed(seed),
        )  # fmt: skip
        found = made.frames if hasattr(made, "frames") else made.images
        return torch.as_tensor(found)

    return pipeline, sampled
