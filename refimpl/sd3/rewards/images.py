"""Images in the forms that libraries take: bytes, and pictures of PIL."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image


def as_bytes(images: Float[Tensor, "B 3 H W"]) -> UInt8[np.ndarray, "B H W 3"]:
    """[0, 1] to 0 … 255, rounded to the nearest; channels last."""
    levels = (255 * images.detach().cpu()).round().numpy().astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(0, 2, 3, 1))


def as_pictures(images: Float[Tensor, "B 3 H W"]) -> "list[Image]":
    """The same as PIL's images."""
    from PIL import Image

    return [Image.fromarray(image) for image in as_bytes(images)]
