"""The command line: verify, check, eq, sample, surrogate, train, lab, topic, coverage.

Exit codes: 0 everything holds, 1 something differs or fails, 2 it could not run (bad arguments,
a missing library).
"""

from . import asking, running, verifying  # noqa: F401  (importing registers the commands)
from .app import app

__all__ = ["app", "main"]


def main() -> None:
    """The entry point of the `refimpl` command."""
    app()
