"""Make the figures of the course.

python docs/tools/figures              all of them
python docs/tools/figures clip-and-mask guidance-width
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "tools")]

from figures import evidence, flows, rewards, sampling, side  # noqa: E402, F401
from figures.style import FIGURES, write  # noqa: E402

for name in write(sys.argv[1:] or list(FIGURES)):
    print(f"drew {name}")
