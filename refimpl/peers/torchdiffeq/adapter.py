"""torchdiffeq: odeint with the fixed steps that this package has too.

the clock is the user's: here the house clock, walked from 1 down to 0
"""

from importlib.metadata import version
from types import ModuleType
from typing import Any

import torch

from ..installed import library
from ..judging import Facts, deviations


class TorchDiffEq:
    """The library, for its facts."""

    name = "torchdiffeq"

    def __init__(self) -> None:
        self.module = library("torchdiffeq")
        self.version = version("torchdiffeq")

    def internals(self, name: str) -> ModuleType:
        """A module that is not part of the library's promises."""
        return library(f"torchdiffeq._impl.{name}")


class Method:
    """odeint with one method."""

    def __init__(self, its: TorchDiffEq, method: str, rule: str) -> None:
        self.name = f"odeint({method})"
        self.version = its.version
        self.conventions = {"ode_method": rule}
        self.deviations = deviations("torchdiffeq", self.name)
        self._its, self._method = its, method

    def ode_sampler(self, field: Any, x: Any, levels: Any) -> Any:
        levels = levels.to(torch.float64)
        return self._its.module.odeint(lambda t, y: field(y, t), x, levels, method=self._method)


def everything() -> list[Any]:
    """Adapters and facts."""
    its = TorchDiffEq()
    methods = {"euler": "euler", "midpoint": "midpoint", "heun2": "heun"}
    return [*(Method(its, method, rule) for method, rule in methods.items()), Facts(its)]
