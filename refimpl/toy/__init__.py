"""Floor 4: distributions whose p_t, velocity and score are exact at every noise level."""

from .examples import (
    examples,
    field,
    gaussian,
    gaussian_1d,
    mixture,
    mixture_1d,
    mixture_2d,
    rotated_2d,
    rotated_8d,
)
from .mixture import Mixture
from .product import Product

__all__ = [
    "Mixture",
    "Product",
    "examples",
    "field",
    "gaussian",
    "gaussian_1d",
    "mixture",
    "mixture_1d",
    "mixture_2d",
    "rotated_2d",
    "rotated_8d",
]
