"""Libraries that are compared: imported when asked for, with a remedy where they are absent."""

from importlib import import_module
from types import ModuleType


class NotInstalled(ModuleNotFoundError):
    """A library to compare with is absent; the message says how to get it."""


_OF_SAMPLERS = {"azula", "torchsde", "diffrax", "lineax", "jax", "k_diffusion"}

_ALONE = {"torchcfm", "azula", "k_diffusion"}
"""Their own requirements name torchvision, which they hardly need and which must fit the torch."""


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
            told += f", then pip install --no-deps {own.replace('_', '-')}"
        raise NotInstalled(told) from error
