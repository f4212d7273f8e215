"""Mutants of the libraries' sources lie beside these tests, and are no tests themselves."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
