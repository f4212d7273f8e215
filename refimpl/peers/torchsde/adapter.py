"""torchsde: dY = f(τ, Y) dτ + g(τ, Y) dW on a rising clock, τ = 1 − (noise level)."""

from importlib.metadata import version
from typing import Any

from ..installed import library
from ..judging import Facts


class TorchSDE:
    """The library, for its facts."""

    name = "torchsde"

    def __init__(self) -> None:
        self.module = library("torchsde")
        self.version = version("torchsde")


def everything() -> list[Any]:
    """Facts."""
    return [Facts(TorchSDE())]
