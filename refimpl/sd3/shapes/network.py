"""SD3's own transformer and pipeline, small: 3.1 million parameters, 16 × 16 pixels, no VAE.

    5 layers, 4 heads of 32, patches of 4 × 4, dual attention in the first two, RMS-normalised

The latent is the picture itself, z = scale · (image − shift) with the image in [−1, 1], as SD3's
pipeline scales what its VAE gives; here scale 1.5 and shift −0.8 make black ground −0.3.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    ConfigMixin,
    FlowMatchEulerDiscreteScheduler,
    ModelMixin,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.utils import logging
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn

from .drawing import SIDE
from .words import WIDTH

TRANSFORMER = {
    "sample_size": SIDE,
    "patch_size": 4,
    "in_channels": 3,
    "out_channels": 3,
    "num_layers": 5,
    "attention_head_dim": 32,
    "num_attention_heads": 4,
    "joint_attention_dim": WIDTH,
    "caption_projection_dim": 128,
    "pooled_projection_dim": WIDTH,
    "pos_embed_max_size": 4,
    "dual_attention_layers": (0, 1),
    "qk_norm": "rms_norm",
}


class Pixels(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A VAE that does nothing: latents are pixels, scaled by the pipeline like any VAE's."""

    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        scaling_factor: float = 1.5,
        shift_factor: float = -0.8,
        latent_channels: int = 3,
        block_out_channels: tuple[int, ...] = (3,),
    ) -> None:
        super().__init__()
        # what a network without weights is saved and cast by
        self.anchor = nn.Parameter(torch.zeros(1), requires_grad=False)

    def decode(
        self, latents: Tensor, return_dict: bool = True, generator: Any = None
    ) -> DecoderOutput | tuple[Tensor]:
        """The latents, in the form that AutoencoderKL answers in."""
        return DecoderOutput(sample=latents) if return_dict else (latents,)


def latents(images: Float[Tensor, "B 3 16 16"]) -> Float[Tensor, "B 3 16 16"]:
    """z = scale · ((2 image − 1) − shift) of images in [0, 1]; the pipeline goes the other way."""
    vae = Pixels().config
    return vae.scaling_factor * (2 * images - 1 - vae.shift_factor)


def transformer(seed: int, **changed: Any) -> SD3Transformer2DModel:
    """SD3's transformer with adaLN-zero: at birth every block is the identity and v = 0.

    Args:
        seed: of the weights; torch's global generator is left as it was.
        changed: entries of TRANSFORMER, for smaller ones.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SD3Transformer2DModel(**{**TRANSFORMER, **changed})
    modulations = [block.norm1.linear for block in network.transformer_blocks]
    modulations += [block.norm1_context.linear for block in network.transformer_blocks]
    for linear in [*modulations, network.norm_out.linear, network.proj_out]:
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
    return network


def pipeline(network: SD3Transformer2DModel) -> StableDiffusion3Pipeline:
    """A pipeline around the transformer, without text encoders; SD3.5's scheduler."""
    return StableDiffusion3Pipeline(
        transformer=network,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0),
        vae=Pixels(),
        **dict.fromkeys(_TEXT),
    )


_TEXT = (
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
    "tokenizer",
    "tokenizer_2",
    "tokenizer_3",
)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without diffusers' remarks: no text encoders, and a VAE that is not its own."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def save(network: SD3Transformer2DModel, folder: Path) -> None:
    """The pipeline around the transformer, in diffusers' format; safetensors."""
    with _quiet():
        pipeline(network).save_pretrained(folder)


def load(folder: Path) -> StableDiffusion3Pipeline:
    """The pipeline that was saved; safetensors only.

    Raises:
        ValueError: no such folder, or no whole pipeline in it.
    """
    if not (folder / "model_index.json").is_file():
        raise ValueError(f"{folder} holds no pre-trained shapes: it has no model_index.json")
    try:
        with _quiet():
            return StableDiffusion3Pipeline.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, **dict.fromkeys(_TEXT)
            )
    except (OSError, ValueError, SafetensorError) as error:
        raise ValueError(f"{folder} could not be loaded: {error}") from error
