"""Take the miniature's results into the documentation.

    refimpl train shapes --out RUNS --arm levelled --arm long --arm equal --arm early \
        --arm kl --arm kl-strong --arm noise-low --arm noise-high --arm group-4 --arm T-40 \
        --arm seed-1 --arm seed-2
    python docs/tools/shapes.py RUNS

copies metrics.json, the curves and three sheets of pictures to docs/assets/shapes; the page's
blocks are filled from there by generate.py.
"""

import shutil
import sys
from pathlib import Path

ASSETS = Path(__file__).parents[1] / "assets" / "shapes"


def main() -> None:
    """Copy what the page shows."""
    (runs,) = map(Path, sys.argv[1:])
    ASSETS.mkdir(exist_ok=True)
    shown = [runs / name for name in ("metrics.json", "base.png", "levelled.png", "long.png")]
    for file in sorted([*shown, *runs.glob("*.svg")]):
        shutil.copyfile(file, ASSETS / file.name)
        print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
