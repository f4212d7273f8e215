"""The command lines that several tests run stand in a file of their own."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # command_lines.py is no test
