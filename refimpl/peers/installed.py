"""Libraries that are compared: imported when asked for, with a remedy where they are absent."""

from importlib import import_module
from types import ModuleType


class NotInstalled(ModuleNotFoundError):
    """A library to compare with is absent; the message says how to get it."""


_OF_SAMPLERS = {"azula", "torchsde", "diffrax", "lineax", "jax", "k_diffusion", "sbi"}

_ALONE = {"torchcfm": "torchcfm", "azula": "azula", "k_diffusion": "k-diffusion",
          "sbi": "sbi zuko nflows"}  # fmt: skip
"""What is installed without its own requirements: they name torchvision, which must fit the torch,
or trainers and data, which nothing here needs."""


def library(name: str) -> ModuleType:
    """The module of that name.

    Raises:
        NotInstalled: it cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        own = name.partition(".")[0]
        extra = "samplers" if own in _OF_SAMPLERS else "peers"
        told = f"{own} is not installed ({error}): pip install 'refimpl[{extra}]'"
        if own in _ALONE:
            told += f", then pip install --no-deps {_ALONE[own]}"
        raise NotInstalled(told) from error
