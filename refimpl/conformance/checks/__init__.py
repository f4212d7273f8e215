"""What is asked of an adapter, a file a subject; this package finds the files."""

import pkgutil
from importlib import import_module

from ..adapter.capabilities import CAPABILITIES
from .register import CHECKS, TIERS, Check


def checks() -> dict[str, Check]:
    """All checks by id, in the order in which they are asked."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    place = {name: k for k, name in enumerate(CAPABILITIES)}
    by_capability = sorted(CHECKS.values(), key=lambda c: place[c.id.partition(".")[0]])
    return {c.id: c for tier in TIERS for c in by_capability if c.tier == tier}
