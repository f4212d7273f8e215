"""The libraries and implementations that are compared, each by name.

    known("flow_matching")        known("flow_grpo", Path("a/checkout"))

Installed libraries are imported when their adapters are made; code in a checkout is read from the
folder that is given. Nothing of either is in this package.
"""

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

from ..conformance.adapter.naming import CannotRun, nearest
from . import own

INSTALLED = ("refimpl", "diffusers", "flow_matching", "torchcfm", "torchdiffeq")
"""This package, and the libraries that come with `pip install 'refimpl[peers]'`."""

OPTIONAL = ("azula", "torchsde", "diffrax", "k_diffusion", "sbi")
"""Libraries of samplers, by `pip install 'refimpl[samplers]'`, three of them with `--no-deps`."""

CHECKOUTS = (
    "flow_grpo", "flow_cps", "dance_grpo", "mix_grpo", "mm_grpo", "verl_omni", "flow_factory",
    "unirl", "diffusion_nft", "awm", "rlinf",
    "branch_grpo", "lerobot", "openpi", "precise",
)  # fmt: skip
"""Implementations that are read from a checkout."""


def known(name: str, path: Path | None = None) -> tuple[Any, ...]:
    """Everything to check of a library or implementation: adapters, and facts if it has some.

    Args:
        name: one of `INSTALLED`, `OPTIONAL` or `CHECKOUTS`.
        path: the checkout, for the latter.

    Raises:
        NotInstalled: the library is absent.
        CannotRun: an unknown name, a missing or needless path, a checkout that is another's.
    """
    names = (*INSTALLED, *OPTIONAL, *CHECKOUTS)
    if name not in names:
        raise CannotRun(f"no implementation is called {name!r}{nearest(name, names)}; "
                        "or give pkg.mod:obj")  # fmt: skip
    if (path is None) == (name in CHECKOUTS):
        told = (
            "is read from a checkout: add --path DIR" if path is None else "is installed: no --path"
        )
        raise CannotRun(f"{name} {told}")
    if path is not None and not path.is_dir():
        raise CannotRun(f"there is no folder {path}")
    if path is not None:
        return tuple(import_module(f".checkouts.{name}", __package__).everything(path))
    if name == "refimpl":
        return own.everything()
    register_facts(name)
    return tuple(import_module(f".{name}.adapter", __package__).everything())


def register_facts(library: str) -> None:
    """Import the files about a library, so that its facts are registered; not the library."""
    package = import_module(f".{library}", __package__)
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
