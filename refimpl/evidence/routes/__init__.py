"""Second routes, a file a topic; this package finds them."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from ..route import ROUTES, Route

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def routes() -> Mapping[str, Route]:
    """The second route of each equation, by id."""
    return MappingProxyType(ROUTES)
