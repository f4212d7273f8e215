"""Modules beside these tests, and the odd arguments that the equations are handed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "equations"))  # odd.py
