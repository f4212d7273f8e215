"""diffrax: solvers in JAX, in double precision, dy/dτ = f(τ, y) and dY = f dτ + g dW."""

import contextlib
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from ..installed import library
from ..judging import Facts


class Diffrax:
    """The library, for its facts."""

    name = "diffrax"

    def __init__(self) -> None:
        self.jax = library("jax")
        self.module = library("diffrax")
        self.lineax = library("lineax")
        self.version = version("diffrax")

    @contextlib.contextmanager
    def double(self) -> Iterator[None]:
        """With float64, and as before afterwards."""
        before = self.jax.config.jax_enable_x64
        self.jax.config.update("jax_enable_x64", True)
        try:
            yield
        finally:
            self.jax.config.update("jax_enable_x64", before)


def everything() -> list[Any]:
    """Facts."""
    return [Facts(Diffrax())]
