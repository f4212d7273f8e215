"""Run command lines in one process and write down how each ended; a helper of the tests beside it.

python driver.py LINES HIDDEN FOUND      two JSON lists, and the file to write
"""

import json
import shlex
import sys
import traceback
from importlib.machinery import PathFinder


class Without(PathFinder):
    """A finder to which some libraries are not installed."""

    hidden: frozenset[str] = frozenset()

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] in cls.hidden:
            return None
        return PathFinder.find_spec(fullname, path, target)


def main() -> None:
    lines, hidden, found = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
    Without.hidden = frozenset(hidden)
    sys.meta_path[sys.meta_path.index(PathFinder)] = Without

    from typer.testing import CliRunner

    from refimpl.cli import app

    shown = {}
    for line in lines:
        ran = CliRunner(charset=sys.stdout.encoding).invoke(app, shlex.split(line))
        text = ran.output
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            text += "".join(traceback.format_exception(ran.exception))
        shown[line] = (ran.exit_code, text)
    with open(found, "w", encoding="utf-8") as file:
        json.dump(shown, file)


if __name__ == "__main__":
    main()
