"""Adapters: small classes of plain functions, one for each library that is compared.

    class Mine:  name = "mine";  roundoff = 2**-24;  def euler_step(self, x, v, t, s): ...

An adapter has only what its library has. Values go in and come out on the house clock; the adapter
converts through `refimpl.equations.conventions`, in the open. A library is imported when its
adapter is made, not before.
"""

from importlib import import_module
from types import ModuleType


class NotInstalled(ModuleNotFoundError):
    """A library to compare with is absent; the message says how to get it."""


def library(name: str) -> ModuleType:
    """The module of that name.

    Raises:
        NotInstalled: it cannot be imported.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise NotInstalled(
            f"{name.partition('.')[0]} is not installed ({error}): pip install 'refimpl[peers]'"
        ) from error
