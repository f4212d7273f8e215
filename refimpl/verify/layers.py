"""The layers of evidence: each is a folder of checks, a file a topic; here they are found."""

import pkgutil
from importlib import import_module

from .check import CHECKS, LAYERS, Check


def checks() -> dict[str, Check]:
    """All checks by name, layer by layer, after importing the files that register them."""
    for layer in LAYERS:
        package = import_module(f".{layer}", __package__)
        for module in pkgutil.iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
    return {c.name: c for layer in LAYERS for c in CHECKS.values() if c.layer == layer}
