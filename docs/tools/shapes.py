"""Take the miniature's results into the documentation.

    for n in 0 1 2; do refimpl train shapes --network $n --no-looks --out FAST-$n \
        --arm fast --arm fast-1 --arm fast-2 --arm fast-kl; done
    python docs/tools/shapes.py --repeats FAST-0 FAST-1 FAST-2

writes repeats.json, repeats.svg and a sheet of pictures to docs/assets/shapes; `--arm fast-free`,
`fast-half`, `lora`, and the same with `-1` and `-2`, are the other recipes. Runs that no folder has
stay as repeats.json has them. The older study of one network is

    refimpl train shapes --out RUNS --arm levelled --arm long --arm equal --arm early \
        --arm kl --arm kl-strong --arm noise-low --arm noise-high --arm group-4 --arm T-40 \
        --arm seed-1 --arm seed-2
    python docs/tools/shapes.py --study RUNS

which copies metrics.json, its curves and sheets. The page's blocks are filled by generate.py.
"""

import argparse
import json
import shutil
from pathlib import Path

from refimpl.sd3.shapes import repeats

ASSETS = Path(__file__).parents[1] / "assets" / "shapes"


def main() -> None:
    """Copy what the page shows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--study", type=Path, metavar="RUNS")
    parser.add_argument("--repeats", type=Path, nargs="+", metavar="FAST", default=[])
    asked = parser.parse_args()
    ASSETS.mkdir(exist_ok=True)
    if asked.study is not None:
        names = ("metrics.json", "base.png", "levelled.png", "long.png")
        copy([asked.study / name for name in names] + sorted(asked.study.glob("*.svg")))
    if asked.repeats:
        kept = ASSETS / "repeats.json"
        before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None
        found = repeats.gather(asked.repeats, before)
        text = json.dumps(found, indent=1, sort_keys=True) + "\n"
        kept.write_text(text, encoding="utf-8")
        (ASSETS / "repeats.svg").write_text(repeats.drawing(found).svg("repeats"), encoding="utf-8")
        copy([file for file in (asked.repeats[0] / "fast.png",) if file.exists()])


def copy(files: list[Path]) -> None:
    """Into the assets, under the same names."""
    for file in files:
        shutil.copyfile(file, ASSETS / file.name)
        print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
