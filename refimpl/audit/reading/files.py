"""Dumps on the disk: safetensors, npz, torch files and folders of them, read in slices of rows.

    open_dump(path)  →  Shard(s), each a mapping of names to columns;   column.read(a, b)  →  rows

Nothing is unpickled that could run code, and nothing larger than the rows asked for is held. A
column's buffer is used again by its next read.
"""

import json
import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...outside import MIB, parsed, plain_file
from ...runs.recorder import FORMAT
from ...typed.problems import shown
from . import archives

_TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
_SUFFIXES = (".safetensors", ".npz", ".pt", ".pth", ".bin", ".ckpt")


@dataclass(frozen=True)
class Column:
    """One tensor of a dump.

    Attributes:
        shape, dtype: as stored.
        read: rows a … b − 1 of it, shape (b − a, ...); valid until the next read.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    read: archives.Read

    def all(self) -> Tensor:
        """The whole column, for the small ones; a scalar has shape ()."""
        return self.read(0, self.shape[0] if self.shape else 1).clone().reshape(self.shape)


@dataclass(frozen=True)
class Shard:
    """One file.

    Attributes:
        columns: by name.
        kind: "step", "rollout" or "update" for the recorder's own files, else "record".
        manifest: what the file says about its conventions.
    """

    path: Path
    columns: dict[str, Column]
    kind: str
    manifest: dict[str, Any]


def open_dump(path: Path) -> list[Shard]:
    """The shards at a path: one for a file, all of a folder's, in the order of their names.

    Raises:
        FileNotFoundError: nothing is there, or a folder without dumps.
        ValueError: a file that is empty, damaged, truncated, of another format, or that needs code
            to be read; the message says what to do.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES and p.name[0] != ".")
        if not files:
            raise FileNotFoundError(f"{path} holds no dump: no {', '.join(_SUFFIXES)} file")
        return [shard for file in files for shard in open_dump(file)]
    if not plain_file(path, _LARGEST):
        raise ValueError(f"{path} is empty")
    try:
        return [_opened(path)]
    except _DAMAGED as error:
        told = str(error)[:200] or "no reason is given"
        raise ValueError(f"{path} is damaged: {told} ({type(error).__name__})") from error


_LARGEST = 2**50
"""No bound on the size of a dump: it is read in slices."""

_DAMAGED = (zlib.error, lzma.LZMAError, struct.error, RecursionError, AttributeError, OverflowError,
            NotImplementedError, MemoryError, KeyError, IndexError, TypeError)  # fmt: skip
"""What readers raise for bytes that nobody wrote in good faith."""

HEADER = 100 * MIB
"""The largest header of a safetensors file, as in the library that defines the format."""


def _opened(path: Path) -> Shard:
    with open(path, "rb") as file:
        head = file.read(16)
    about: dict[str, str] = {}
    if head[:4] == b"PK\x03\x04" or zipfile.is_zipfile(path):
        regions = archives.regions(path)
    elif head[:1] == b"\x80" and path.suffix != ".safetensors":  # there it may be a length
        regions = archives.torch_columns(path)
    elif head[:6] == b"\x93NUMPY":
        raise ValueError(f"{path} is a single array: save named ones, np.savez(path, x_t=..., ...)")
    else:
        regions, about = _safetensors(path)
    columns = {name: Column(name, *region) for name, region in regions.items()}
    if not columns:
        raise ValueError(f"{path} holds no tensors")
    return Shard(path, columns, about.get("kind", "record"), _manifest(path, about))


def _manifest(path: Path, about: dict[str, str]) -> dict[str, Any]:
    if about.get("format", FORMAT) != FORMAT:
        raise ValueError(f"{path} has the format {shown(about['format'])}; this reads {FORMAT!r}")
    try:
        manifest = json.loads(about.get("manifest", "{}"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: the manifest in its metadata is no JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise ValueError(f"{path}: the manifest in its metadata is no table")
    return manifest


def _safetensors(path: Path) -> tuple[dict[str, archives.Region], dict[str, str]]:
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise ValueError(
                f"{path} is no safetensors, npz or torch file, or it is truncated: "
                f"its header would take {length} bytes of {size}"
            )
        if length > HEADER:
            raise ValueError(f"{path}: a header of {length / MIB:.4g} MiB; at most 100 are read")
        try:
            header = dict(
                parsed(file.read(length).decode("utf-8"), f"{path} is damaged: its header")
            )
            about = header.pop("__metadata__", {})
            regions = {}
            for name, entry in header.items():
                start, end = entry["data_offsets"]
                if not _is_count(start, end, *entry["shape"]) or start > end:
                    raise ValueError(
                        f"{path} is damaged: {name} lies at {shown([start, end])} with the "
                        f"shape {shown(entry['shape'])}"
                    )
                if 8 + length + end > size:
                    raise ValueError(
                        f"{path} is truncated: {name} ends at byte {8 + length + end} of {size}"
                    )
                if entry["dtype"] not in _TYPES:
                    raise ValueError(
                        f"{path}: {name} has the type {shown(entry['dtype'])}; store floats or "
                        "integers"
                    )
                dtype, shape = _TYPES[entry["dtype"]], tuple(entry["shape"])
                if end - start != prod(shape) * dtype.itemsize:
                    raise ValueError(
                        f"{path} is damaged: {name} has {end - start} bytes for {shown(shape)}"
                    )
                regions[name] = archives.region(path, 8 + length + start, shape, dtype)
        except (UnicodeDecodeError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is no safetensors, npz or torch file, or its header is damaged ({error})"
            ) from error
    return regions, about


def _is_count(*numbers: Any) -> bool:
    return all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers)
