"""What to say when the disk is full: where, and what helps."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Turn the error of a full disk or quota into one line with a remedy.

    Raises:
        OSError: nothing more can be written to `folder`.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        place = Path(error.filename or folder)
        gib = shutil.disk_usage(folder).free / 2**30
        raise OSError(
            f"the disk is full, or its quota ({gib:.2f} GiB free): {place} could not be written; "
            "free some space and --resume, with run.record_every=0 or without run.milestone to "
            "write less"
        ) from error
