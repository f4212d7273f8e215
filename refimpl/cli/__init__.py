"""Floor 7: the command line, a module for each kind of command.

Commands: verify, coverage, kills, accumulate, check, audit, vectors, eq, new, missing, grid,
guidance, levels, sample, surrogate, train, doctor, lab, topic, study, sd3.
Exit codes: 0 everything holds, 1 something differs or fails, 2 it could not run (bad arguments,
a missing library), 130 interrupted.
"""

import sys

from . import (  # noqa: F401  (registers commands)
    adding,
    asking,
    auditing,
    checking,
    doctoring,
    gridding,
    guiding,
    killing,
    output,
    running,
    studying,
    training_sd3,
    training_shapes,
    vectors,
    verifying,
)
from .app import app

__all__ = ["app", "main"]


def main() -> None:
    """The entry point of the `refimpl` command."""
    sys.stdout, sys.stderr = output.lasting(sys.stdout, 1), output.lasting(sys.stderr, 2)
    try:
        app()
    except SystemExit as end:
        if (problem := output.close()) and end.code != 2:
            print(f"refimpl: the output could not be written: {problem}", file=sys.stderr)
            sys.exit(2)
        raise end
