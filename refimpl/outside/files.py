"""Files that other people wrote, read within bounds that are checked first.

    text(path, 64 MiB)    content(path, 64 MiB), bytes    parsed(text)    settings(path), an object

What is not a plain file (a pipe, a device, a folder) is never opened, what is too large is never
read, and whatever is wrong is one `ValueError` that names the file and the remedy.
"""

import json
import stat
from pathlib import Path
from typing import Any

MIB = 2**20


def plain_file(path: Path, most: int) -> int:
    """The size of a plain file of at most so many bytes.

    Raises:
        FileNotFoundError: there is none.
        ValueError: a folder, a pipe, a device; or too large.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot look at {path}: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        kind = next((words for test, words in _KINDS if test(found.st_mode)), "no plain file")
        raise ValueError(f"{path} is {kind}: a plain file is wanted")
    if found.st_size > most:
        raise ValueError(
            f"{path} has {found.st_size / MIB:.4g} MiB, and at most {most / MIB:.4g} are read here"
        )
    return found.st_size


def bounded(path: Path, most: int) -> Path:
    """The path, if nothing is there or a plain file of at most so many bytes.

    For readers that say themselves what is missing.

    Raises:
        ValueError: see `plain_file`.
    """
    if path.exists():
        plain_file(path, most)
    return path


_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"), (stat.S_ISSOCK, "a socket"),
)  # fmt: skip


def content(path: Path, most: int, begins: bytes = b"") -> bytes:
    """The bytes of a plain file; b"" where it does not begin as it should.

    Raises:
        FileNotFoundError, ValueError: see `plain_file`.
    """
    size = plain_file(path, most)
    try:
        with open(path, "rb") as file:
            head = file.read(len(begins))
            found = head + file.read(size + 1 - len(head)) if head == begins else b""
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    if len(found) > size:
        raise ValueError(f"{path} grew while it was read: wait until it is written")
    return found


def text(path: Path, most: int) -> str:
    """The text of a plain file.

    Raises:
        FileNotFoundError, ValueError: see `plain_file`; or what is not UTF-8.
    """
    try:
        return content(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 (byte {error.start})") from None


def parsed(content: str, what: str) -> Any:
    """JSON, however it is damaged or nested.

    Raises:
        ValueError: not JSON, or nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply to be read") from None
    except ValueError as error:
        raise ValueError(f"{what} is no JSON: {str(error)[:200]}") from None


SETTINGS = 16 * MIB
"""Larger than any file of settings: those of a network have some kilobytes."""


def settings(path: Path, most: int = SETTINGS) -> dict[str, Any]:
    """A JSON object from a file: what a network, a pipeline or an adapter says of itself.

    Raises:
        FileNotFoundError, ValueError: see `text` and `parsed`; or something else than an object.
    """
    found = parsed(text(path, most), str(path))
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}, and an object is wanted")
    return found
