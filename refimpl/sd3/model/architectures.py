"""The networks of SD3.5, as configurations: medium, large, and a tiny one of the same shape.

    medium   2,243,171,520 parameters     large   8,056,627,520     tiny   85,120

The numbers are those of the published repositories' configuration files. `tiny` has everything
that makes SD3.5 what it is (RMS-normalised queries and keys, dual attention, three text encoders,
a sixteenfold patch of latents) at a size that a test can afford.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Size: TypeAlias = Literal["tiny", "medium", "large"]
SIZES: tuple[Size, ...] = ("tiny", "medium", "large")


@dataclass(frozen=True)
class Architecture:
    """The keyword arguments of each network's constructor.

    Attributes:
        transformer: of `SD3Transformer2DModel`.
        vae: of `AutoencoderKL`.
        clip_l, clip_g: of `CLIPTextConfig`; the vocabulary's size comes from the tokenizer.
        t5: of `T5Config`.
        scheduler: of `FlowMatchEulerDiscreteScheduler`.
    """

    transformer: dict[str, Any]
    vae: dict[str, Any]
    clip_l: dict[str, Any]
    clip_g: dict[str, Any]
    t5: dict[str, Any]
    scheduler: dict[str, Any]


_SCHEDULER = {"num_train_timesteps": 1000, "shift": 3.0}

_VAE = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 16,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "scaling_factor": 1.5305,
    "shift_factor": 0.0609,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    "mid_block_add_attention": True,
    "sample_size": 1024,
}

_CLIP_L = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
}

_CLIP_G = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}

_T5 = {
    "d_model": 4096,
    "d_ff": 10240,
    "d_kv": 64,
    "num_layers": 24,
    "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
}

_PUBLISHED = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "attention_head_dim": 64,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 2048,
    "qk_norm": "rms_norm",
}

_MEDIUM = {
    **_PUBLISHED,
    "num_layers": 24,
    "num_attention_heads": 24,
    "caption_projection_dim": 1536,
    "pos_embed_max_size": 384,
    "dual_attention_layers": tuple(range(13)),
}

_LARGE = {
    **_PUBLISHED,
    "num_layers": 38,
    "num_attention_heads": 38,
    "caption_projection_dim": 2432,
    "pos_embed_max_size": 192,
    "dual_attention_layers": (),
}

_TINY_CLIP = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 16,
}

TINY = Architecture(
    transformer={
        "sample_size": 16,
        "patch_size": 2,
        "in_channels": 4,
        "out_channels": 4,
        "num_layers": 2,
        "attention_head_dim": 8,
        "num_attention_heads": 4,
        "joint_attention_dim": 32,
        "caption_projection_dim": 32,
        "pooled_projection_dim": 32,
        "pos_embed_max_size": 16,
        "dual_attention_layers": (0,),
        "qk_norm": "rms_norm",
    },
    vae={
        **_VAE,
        "latent_channels": 4,
        "block_out_channels": (4, 4, 4, 4),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "norm_num_groups": 2,
        "sample_size": 128,
    },
    clip_l={**_TINY_CLIP, "hidden_act": "quick_gelu"},
    clip_g={**_TINY_CLIP, "hidden_act": "gelu"},
    t5={
        "d_model": 32,
        "d_ff": 64,
        "d_kv": 8,
        "num_layers": 2,
        "num_heads": 4,
        "feed_forward_proj": "gated-gelu",
    },
    scheduler=_SCHEDULER,
)

_VAE_BLOCKS = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}

ARCHITECTURES: dict[Size, Architecture] = {
    "tiny": TINY,
    "medium": Architecture(_MEDIUM, {**_VAE, **_VAE_BLOCKS}, _CLIP_L, _CLIP_G, _T5, _SCHEDULER),
    "large": Architecture(_LARGE, {**_VAE, **_VAE_BLOCKS}, _CLIP_L, _CLIP_G, _T5, _SCHEDULER),
}
