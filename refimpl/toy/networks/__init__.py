"""Small networks that take (x, t, y): an MLP, a U-Net and a diffusion transformer."""

from .condition import Condition
from .dit import DiT
from .fields import as_field, build, classifier_free_field, parameters
from .mlp import MLP
from .unet import UNet

__all__ = [
    "MLP",
    "Condition",
    "DiT",
    "UNet",
    "as_field",
    "build",
    "classifier_free_field",
    "parameters",
]
