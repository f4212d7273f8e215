"""k_diffusion: the samplers of a variance-exploding path, cut out of their file.

    x = data + sigma noise        model(x, sigma) = E[data | x]        sigmas fall to 0

The package imports its training code, its metrics and CLIP when it is imported. The file of the
samplers is found without importing it, and its functions are compiled alone.
"""

import importlib.util
import math
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from ..checkout import Source
from ..installed import NotInstalled
from ..judging import Facts


class KDiffusion:
    """The functions of its file of samplers, for the facts."""

    name = "k_diffusion"

    def __init__(self) -> None:
        found = importlib.util.find_spec("k_diffusion")
        if found is None or not found.submodule_search_locations:
            raise NotInstalled("k_diffusion is not installed: pip install --no-deps k-diffusion")
        folder = Path(next(iter(found.submodule_search_locations)))
        self._file = Source(folder / "sampling.py")
        dims = Source(folder / "utils.py").function("append_dims")
        self._names: dict[str, Any] = {
            "torch": torch, "math": math, "utils": SimpleNamespace(append_dims=dims),
            "trange": lambda n, **_: range(n), "integrate": _integrate(),
        }  # fmt: skip
        for name in ("append_zero", "to_d", "get_ancestral_step", "default_noise_sampler",
                     "linear_multistep_coeff"):  # fmt: skip
            self._names[name] = self.function(name)
        self.version = version("k-diffusion")

    def function(self, name: str) -> Any:
        """One of its functions."""
        return self._file.function(name, **self._names)


def _integrate() -> Any:
    from scipy import integrate

    return integrate


def everything() -> list[Any]:
    """Facts."""
    return [Facts(KDiffusion())]
