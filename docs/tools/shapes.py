"""Take the miniature's results into the documentation.

    refimpl train shapes --arm levelled --arm equal --arm kl --out RUNS
    python docs/tools/shapes.py RUNS

copies metrics.json, the curves and the sheets of pictures to docs/assets/shapes; the page's blocks
are filled from there by generate.py.
"""

import shutil
import sys
from pathlib import Path

ASSETS = Path(__file__).parents[1] / "assets" / "shapes"


def main() -> None:
    """Copy what the page shows."""
    (runs,) = map(Path, sys.argv[1:])
    ASSETS.mkdir(exist_ok=True)
    for file in sorted([runs / "metrics.json", *runs.glob("*.svg"), *runs.glob("*.png")]):
        shutil.copyfile(file, ASSETS / file.name)
        print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
