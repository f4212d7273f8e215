"""Examples of hypothesis are derived from the test itself: the same on every machine."""

import os
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

import refimpl.equations

sys.path.append(str(Path(__file__).parent))  # strategies.py lies beside these tests

for module in pkgutil.iter_modules(refimpl.equations.__path__, "refimpl.equations."):
    import_module(module.name)  # every equation registers itself

settings.register_profile(
    "equations",
    derandomize=True,
    deadline=None,
    max_examples=25,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("equations")
