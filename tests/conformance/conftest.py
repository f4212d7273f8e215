"""Implementations to be checked, right and wrong, lie beside these tests: strangers.py, wild.py."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
