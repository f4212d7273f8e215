"""Files that are whole or absent: written beside, synced, then renamed into place.

    write(path, bytes)      a process killed at any moment leaves the old file or the new one

A rename within a folder is atomic; syncing the file before it, and the folder after it, makes the
order of the two survive a power failure too.
"""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path`, or leave what is there untouched.

    Raises:
        OSError: the folder does not exist, or the disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make the folder's entries durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written, in a folder that no other process uses and
    in the folders inside it.
    """
    for left in folder.rglob(".*.part"):
        if left.is_file():
            left.unlink()
