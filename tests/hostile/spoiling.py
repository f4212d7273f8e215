"""Right files spoiled in every small way: their bytes, and the values of the documents in them.

bytes_spoiled(whole)        title → bytes: cut, doubled, flipped, zeroed, of another kind
documents_spoiled(found)    title → document: each value in turn another one, gone, or misnamed
"""

import bz2
import copy
import gzip
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

MIB = 2**20
MOST = 64 * MIB
"""What reading a small spoiled file may take at its height, of Python's memory and numpy's."""
T = TypeVar("T")


def bytes_spoiled(whole: bytes) -> dict[str, bytes]:
    """A file's bytes, spoiled."""
    n = len(whole)
    spoiled = {
        "empty": b"",
        "one byte": whole[:1],
        "eight bytes": whole[:8],
        "half": whole[: n // 2],
        "all but the last byte": whole[:-1],
        "one byte more": whole + b"\x00",
        "twice": whole * 2,
        "from its middle": whole[n // 2 :],
        "backwards": whole[::-1],
        "zeros": bytes(n),
        "ones": b"\xff" * n,
        "zeros at its end": whole[: n // 2] + bytes(n - n // 2),
        "zeros at its start": bytes(16) + whole[16:],
        "text": b"nothing but text\n" * 20,
        "a page": b"<!DOCTYPE html><html><body>404</body></html>",
        "a pickle": b"\x80\x04\x95\x0e\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x8c\x06system\x93.",
        "packed": gzip.compress(whole),
        "packed otherwise": bz2.compress(whole),
        "after a mark": b"\xef\xbb\xbf" + whole,
        "after a line": b"\n" + whole,
        "in UTF-16": whole.decode("latin-1").encode("utf-16"),
        "a large length": b"\xff\xff\xff\xff\xff\xff\xff\x7f" + whole[8:],
        "a pointer to elsewhere": b"version https://git-lfs.github.com/spec/v1\nsize 123456789\n",
    }
    places = [n * k // 24 for k in range(24)]
    flipped = {f"flipped at {at}": _flipped(whole, at) for at in places if at < n}
    return {title: made for title, made in (spoiled | flipped).items() if made != whole}


def _flipped(whole: bytes, at: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]


OTHER: dict[str, Any] = {
    "null": None, "true": True, "false": False, "zero": 0, "minus one": -1, "a half": 0.5,
    "a large number": 1e300, "a whole number past floats": 10**400, "infinity": float("inf"),
    "not a number": float("nan"), "no text": "", "text": "x", "long text": "x" * 5000,
    "text of a number": "1", "a control character": "\x1b[2J\x07", "a lone half": "\ud800",
    "no list": [], "a list": [1, "a", None], "no object": {}, "an object": {"a": 1},
    "a nest": [[[[[[[[[[1]]]]]]]]]], "a path": "../../etc/passwd", "a long list": [0] * 5000,
}  # fmt: skip


def documents_spoiled(document: Any) -> Iterator[tuple[str, Any]]:
    """A document whose values are replaced in turn, dropped, or misnamed, the whole one too."""
    for title, other in OTHER.items():
        yield f"all of it {title}", other
    for path in _paths(document):
        where = "/".join(map(str, path))
        for title, other in OTHER.items():
            yield (
                f"{where} {title}",
                _changed(document, path, lambda at, key, o=other: _put(at, key, o)),
            )
        yield f"{where} gone", _changed(document, path, lambda at, key: at.pop(key))
        if isinstance(path[-1], str):
            yield f"{where} misnamed", _changed(document, path, _misname)


def _paths(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value; of a list the first two entries alone."""
    rows = node.items() if isinstance(node, dict) else enumerate(node[:2]) if _is_list(node) else ()
    for key, value in rows:
        yield (*above, key)
        yield from _paths(value, (*above, key))


def _is_list(node: Any) -> bool:
    return isinstance(node, list)


def _changed(document: Any, path: Sequence[Any], change: Callable[[Any, Any], object]) -> Any:
    made = copy.deepcopy(document)
    at = made
    for key in path[:-1]:
        at = at[key]
    change(at, path[-1])
    return made


def _put(at: Any, key: Any, other: Any) -> None:
    at[key] = copy.deepcopy(other)


def _misname(at: Any, key: str) -> None:
    at[f"{key}x"] = at.pop(key)


def refusal(read: Callable[[], T], *, named: str = "") -> str:
    """What is wrong with how a reader ends, "" if it reads, or refuses in a line, within bounds."""
    with height() as excess:
        try:
            read()
        except (ValueError, FileNotFoundError) as error:
            said = str(error)
            if "\n" in said or len(said) > 1000 or named not in said:
                return f"{type(error).__name__}: {said[:200]!r}"
        except Exception as error:
            return f"from the depths: {type(error).__name__}: {str(error)[:200]!r}"
        return excess()


@contextmanager
def height() -> Iterator[Callable[[], str]]:
    """Says whether more than `MOST` was taken so far, "" if not."""

    def excess() -> str:
        _, most = tracemalloc.get_traced_memory()
        return "" if most < MOST else f"{most / MIB:.0f} MiB at its height"

    tracemalloc.start()
    try:
        yield excess
    finally:
        tracemalloc.stop()


def some(rows: Sequence[T], seed: int, every: int) -> Sequence[T]:
    """Every so-manieth, from a place of its own."""
    return rows[seed % every :: every]
