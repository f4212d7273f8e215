"""Floor 7: the command line, a module for each kind of command.

Commands: verify, coverage, check, audit, vectors, eq, new, missing, sample, surrogate, train,
doctor, lab, topic, study, sd3.
Exit codes: 0 everything holds, 1 something differs or fails, 2 it could not run (bad arguments,
a missing library).
"""

from . import (  # noqa: F401  (registers commands)
    adding,
    asking,
    auditing,
    checking,
    doctoring,
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
    app()
