"""What a command will write is looked at before it works: a path that cannot be written ends it.

reports(json, html)        files        folder(out)        a folder to make, or to write into
resumable(out)             a folder that must be there, for --resume
"""

import os
import stat
from pathlib import Path


def reports(*files: Path | None) -> None:
    """See that each of the files can be written, and that they differ.

    Raises:
        OSError: no folder to write into, a folder in its place, no permission.
        ValueError: one path for two reports.
    """
    given = [file for file in files if file is not None]
    for file in given:
        _tried(file)
    if len({file.resolve() for file in given}) < len(given):
        raise ValueError(f"one file cannot hold two reports: {given[0]} is given twice")


def _tried(file: Path) -> None:
    """Open the file as it will be opened, and leave no trace."""
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder: name a file in it")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"no folder {file.parent} to write {file.name} into")
    there = file.exists()
    if there and not stat.S_ISREG(file.stat().st_mode):
        return  # a pipe or a device is not opened twice
    try:
        with open(file, "ab"):
            pass
    except OSError as error:
        raise OSError(f"{file} cannot be written: {error.strerror}") from None
    if not there:
        file.unlink()


def folder(path: Path | None) -> None:
    """See that a folder is there to be written into, or can be made.

    Raises:
        OSError: a file in its way, or no permission.
    """
    if path is None:
        return
    nearest = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(f"{path} cannot be a folder: {nearest} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PermissionError(f"{path} cannot be written: no permission in {nearest}")


def resumable(path: Path, resume: bool) -> None:
    """See that there is something to go on with.

    Raises:
        FileNotFoundError: nothing is there.
    """
    if resume and not path.is_dir():
        raise FileNotFoundError(f"--resume: there is no run in {path}: start it without")
