"""`refimpl verify` with jobs that never end after the first of each worker, to be interrupted."""

import signal
import sys
import time

from refimpl.verify import run

DONE: list[str] = []
"""What this process has carried out."""


def one_and_no_more(kind, name, seed):
    """A result at once; then nothing, for good."""
    while DONE:
        time.sleep(3600)
    DONE.append(name)
    return run.Outcome(name, "numbers" if kind == "check" else "proofs", (), "holds", "at once", 0)


if __name__ == "__main__":
    from refimpl.cli import main

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    run._job = one_and_no_more
    sys.argv[0] = "refimpl"
    main()
