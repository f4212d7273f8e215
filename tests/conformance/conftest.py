"""These tests speak of every equation, so every module of them is imported first."""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import refimpl.equations

sys.path.append(str(Path(__file__).parent))  # strangers.py and wild.py are no tests

for module in pkgutil.iter_modules(refimpl.equations.__path__, "refimpl.equations."):
    import_module(module.name)  # every equation registers itself
