"""Rewards that need no weights: JPEG size and colourfulness.

    jpeg_incompressibility    kB of the JPEG at quality 95 (1 kB = 1000 bytes)
    jpeg_compressibility      −kB/500
    colourfulness             √(σ_rg² + σ_yb²) + 0.3 √(μ_rg² + μ_yb²) over pixels of 0 … 255

The first two are DDPO's (Black et al. 2023, arXiv:2305.13301), in flow_grpo's units. The third is
Hasler and Süsstrunk's M̂⁽³⁾ (2003, Human Vision and Electronic Imaging VIII): 0 is grey, 15
slightly, 33 averagely, 59 quite, 109 extremely colourful. It is a statistic of an image and no
equation of the method: the one formula of this package.
"""

import io
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .images import as_bytes
from .protocol import Answer, Metadata, Reward

QUALITY = 95


def jpeg_incompressibility() -> Reward:
    """kB of each image as a JPEG: detail and noise are rewarded."""

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        return _kilobytes(images), {}

    return score


def jpeg_compressibility() -> Reward:
    """−kB/500 of each image as a JPEG: flat areas are rewarded."""

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        size = _kilobytes(images)
        return -size / 500, {"kilobytes": size}

    return score


def _kilobytes(images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, " B"]:
    from PIL import Image

    sizes = []
    for image in as_bytes(images):
        file = io.BytesIO()
        Image.fromarray(image).save(file, format="JPEG", quality=QUALITY)
        sizes.append(file.tell() / 1000)
    return torch.tensor(sizes, dtype=torch.float32)


def colourfulness() -> Reward:
    """How colourful each image is; see the module."""

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        red, green, blue = np.moveaxis(255 * images.cpu().numpy().astype(np.float64), 1, 0)
        rg, yb = red - green, (red + green) / 2 - blue
        over = (1, 2)
        spread = np.hypot(rg.std(axis=over), yb.std(axis=over))
        centre = np.hypot(rg.mean(axis=over), yb.mean(axis=over))
        return torch.from_numpy((spread + 0.3 * centre).astype(np.float32)), {}

    return score
