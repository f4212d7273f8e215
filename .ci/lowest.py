"""The lowest versions of the core dependencies that pyproject.toml allows, as pip requirements.

    python .ci/lowest.py                    numpy==2.0 scipy==1.13 ...
    python .ci/lowest.py --leave torch      all but torch, whose old builds need not be at hand

`make lowest` installs them into an environment of their own and runs the tests of the core there.
"""

import argparse
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def lowest(leave: frozenset[str] = frozenset()) -> list[str]:
    """`name==version` for every core dependency that is not left.

    Raises:
        ValueError: a dependency without a lower bound.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = []
    for line in project["dependencies"]:
        told = re.fullmatch(r"([\w.-]+)>=([\w.]+)", line)
        if told is None:
            raise ValueError(f"a dependency is written name>=version, got {line!r}")
        if told[1] not in leave:
            found.append(f"{told[1]}=={told[2]}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--leave", nargs="*", default=[], help="names that any version will do for")
    print(*lowest(frozenset(parser.parse_args().leave)))
