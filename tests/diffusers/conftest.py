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


def mochi() -> tuple[Any, dict[str, Any]]:
    """Its levels rise."""
    from diffusers import MochiPipeline, MochiTransformer3DModel

    transformer = MochiTransformer3DModel(
        num_attention_heads=2, attention_head_dim=8, num_layers=2, pooled_projection_dim=16,
        in_channels=12, text_embed_dim=32, time_embed_dim=4, max_sequence_length=16,
    )  # fmt: skip
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer"))
    settings, mask = {"invert_sigmas": True}, torch.ones(2, 16, dtype=torch.bool)
    return MochiPipeline(scheduler=scheduler(**settings), transformer=transformer, **parts), {
        "prompt_embeds": noisy(2, 16, 32), "prompt_attention_mask": mask,
        "negative_prompt_embeds": noisy(2, 16, 32, seed=2), "negative_prompt_attention_mask": mask,
        "height": 32, "width": 32, "num_frames": 7, "guidance_scale": 4.5,
    }  # fmt: skip


def kandinsky() -> tuple[Any, dict[str, Any]]:
    """It writes each step into its latents in place."""
    from diffusers import Kandinsky5T2VPipeline, Kandinsky5Transformer3DModel

    transformer = Kandinsky5Transformer3DModel(
        in_text_dim=16, in_text_dim2=8, time_dim=16, model_dim=16, ff_dim=32, num_text_blocks=1,
        num_visual_blocks=1, axes_dims=(2, 2, 4),
    )  # fmt: skip
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2"))
    ends = torch.tensor([0, 5, 10], dtype=torch.int32)
    parts |= {"scheduler": scheduler(shift=5.0), "transformer": transformer}
    return Kandinsky5T2VPipeline(**parts), {
        "prompt_embeds_qwen": noisy(2, 5, 16), "prompt_embeds_clip": noisy(2, 8),
        "prompt_cu_seqlens": ends, "negative_prompt_cu_seqlens": ends,
        "negative_prompt_embeds_qwen": noisy(2, 5, 16, seed=2),
        "negative_prompt_embeds_clip": noisy(2, 8, seed=2),
        "height": 32, "width": 32, "num_frames": 5, "guidance_scale": 5.0,
    }  # fmt: skip


def ltx2() -> tuple[Any, dict[str, Any]]:
    """Film and sound, each with a copy of the scheduler."""
    from diffusers import (
        AutoencoderKLLTX2Audio,
        AutoencoderKLLTX2Video,
        LTX2Pipeline,
        LTX2VideoTransformer3DModel,
    )
    from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors

    heads = {"num_attention_heads": 2, "attention_head_dim": 8}
    sizes = {**heads, "num_layers": 1, "num_learnable_registers": None}
    transformer = LTX2VideoTransformer3DModel(
        in_channels=4, out_channels=4, cross_attention_dim=16, audio_in_channels=4,
        audio_out_channels=4, audio_num_attention_heads=2, audio_attention_head_dim=4,
        audio_cross_attention_dim=8, num_layers=1, caption_channels=16, rope_double_precision=False,
        **heads,
    )  # fmt: skip
    vae = AutoencoderKLLTX2Video(
        latent_channels=4, block_out_channels=(8,), decoder_block_out_channels=(8,),
        down_block_types=("LTX2VideoDownBlock3D",), layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1), spatio_temporal_scaling=(True,),
        decoder_spatio_temporal_scaling=(True,), decoder_inject_noise=(False, False),
        downsample_type=("spatial",), upsample_type=("spatiotemporal",), upsample_residual=(False,),
        upsample_factor=(1,), patch_size=1, spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )  # fmt: skip
    sound = AutoencoderKLLTX2Audio(
        base_channels=4, ch_mult=(1,), num_res_blocks=1, latent_channels=2, mel_bins=8
    )
    connectors = LTX2TextConnectors(
        caption_channels=16, text_proj_in_factor=1, connector_rope_base_seq_len=16,
        rope_double_precision=False,
        **{f"{of}_connector_{name}": n for of in ("video", "audio") for name, n in sizes.items()},
    )  # fmt: skip
    settings = {**SHIFTED, "base_shift": 0.95, "max_shift": 2.05, "shift_terminal": 0.1}
    mask = torch.ones(2, 5, dtype=torch.long)
    return LTX2Pipeline(
        scheduler=scheduler(**settings), vae=vae, audio_vae=sound, text_encoder=None,
        tokenizer=None, connectors=connectors, transformer=transformer, vocoder=None,
    ), {
        "prompt_embeds": noisy(2, 5, 16), "prompt_attention_mask": mask,
        "negative_prompt_embeds": noisy(2, 5, 16, seed=2), "negative_prompt_attention_mask": mask,
        "height": 64, "width": 64, "num_frames": 9, "guidance_scale": 3.0, "stg_scale": 0.0,
        "modality_scale": 1.0,
    }  # fmt: skip


FAMILIES: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "SD3": sd3, "FLUX.1": flux, "Qwen-Image": qwen, "Wan": wan, "LTX": ltx, "Sana": sana,
    "Mochi": mochi, "Kandinsky 5": kandinsky, "LTX-2": ltx2,
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
