"""These tests speak of every equation, so every module of them is imported first."""

import pkgutil
from importlib import import_module

import refimpl.equations

for module in pkgutil.iter_modules(refimpl.equations.__path__, "refimpl.equations."):
    import_module(module.name)  # every equation registers itself
