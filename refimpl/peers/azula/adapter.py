"""azula: diffusion samplers over a denoiser and a schedule.

alpha(t), sigma(t)        t = 1 is noise        denoiser(x_t, t).mean = E[data | x_t]
"""

from importlib.metadata import version
from typing import Any

from ..installed import library
from ..judging import Facts


class Azula:
    """The library, for its facts."""

    name = "azula"

    def __init__(self) -> None:
        self.noise = library("azula.noise")
        self.denoise = library("azula.denoise")
        self.sample = library("azula.sample")
        self.version = version("azula")


def everything() -> list[Any]:
    """Facts."""
    return [Facts(Azula())]
