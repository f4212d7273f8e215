"""Where the numbers of a file lie: regions of bytes that are read row by row.

npz, stored:      a zip of .npy files, whose numbers lie in the open        read in place
npz, compressed:  unpacked once into a temporary file                       read there
torch:            torch.load(weights_only=True, mmap=True)                  mapped, never run
"""

import io
import os
import pickle
import shutil
import tempfile
import warnings
import zipfile
from math import prod
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor


class Read(Protocol):
    """Rows a … b − 1, where the first `lead` dimensions count rows together."""

    def __call__(self, a: int, b: int, lead: int = 1) -> Tensor: ...


Region: TypeAlias = tuple[tuple[int, ...], torch.dtype, Read]
"""Shape, type, and what reads rows."""

_MIB = 2**20

_ROOMS = 16
"""Sizes of a read whose views of the buffer are remembered."""


def region(
    path: Path,
    offset: int,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    file: IO[bytes] | None = None,
) -> Region:
    """Numbers in C order from a byte of a file on."""
    held: dict[str, Any] = {"buffer": torch.empty(0, dtype=torch.uint8), "file": file}
    rooms: dict[tuple[int, int], tuple[memoryview, Tensor]] = {}

    def room(count: int, lead: int) -> tuple[memoryview, Tensor]:
        """So many rows of the buffer: as bytes to fill, and as numbers."""
        size = count * prod(shape[lead:]) * dtype.itemsize
        if held["buffer"].numel() < size:
            held["buffer"] = torch.empty(size, dtype=torch.uint8)
            rooms.clear()
        buffer = held["buffer"][:size]
        if len(rooms) > _ROOMS:
            rooms.clear()
        made = memoryview(buffer.numpy()), buffer.view(dtype).reshape(count, *shape[lead:])
        return rooms.setdefault((count, lead), made)

    def read(a: int, b: int, lead: int = 1) -> Tensor:
        if held["file"] is None:
            held["file"] = open(path, "rb", buffering=0)  # noqa: SIM115 (closed with the column)
        view, numbers = rooms.get((b - a, lead)) or room(b - a, lead)
        size, done = len(view), 0
        start = offset + a * (size // max(1, b - a))
        while done < size:
            got = os.preadv(held["file"].fileno(), [view[done:] if done else view], start + done)
            if not got:
                raise ValueError(f"{path} ended while it was read: is it still being written?")
            done += got
        return numbers

    return shape, dtype, read


def regions(path: Path) -> dict[str, Region]:
    """The columns of a zip: an npz, or what torch saved.

    Raises:
        ValueError: a damaged zip, or arrays of objects, which only code could read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(Path(m.filename).name == "data.pkl" for m in members):
                return torch_columns(path)
            return {
                m.filename.removesuffix(".npy"): _member(path, archive, m)
                for m in members
                if m.filename.endswith(".npy")
            }
    except (zipfile.BadZipFile, EOFError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is a damaged or truncated archive: {error}") from error


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Region:
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as stream:
        shape, fortran, dtype, header = _npy_header(path, name, stream)
        kind = _torch_type(path, name, dtype)
        size = header + prod(shape) * dtype.itemsize
        if size != member.file_size:
            raise ValueError(
                f"{path} is damaged: {name} has {member.file_size} bytes, and its header "
                f"speaks of {size}"
            )
        _bounded(path, name, member, in_memory=fortran and len(shape) > 1)
        if fortran and len(shape) > 1:
            return _columnwise(stream, shape, kind, dtype)
        if member.compress_type != zipfile.ZIP_STORED:
            unpacked = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the column)
            shutil.copyfileobj(stream, unpacked, _MIB)
            unpacked.flush()
            return region(path, 0, shape, kind, unpacked)
        while stream.read(_MIB):
            pass  # the checksum is compared at the end
    with open(path, "rb") as file:
        file.seek(member.header_offset + 26)
        lengths = file.read(4)
    local = 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    return region(path, member.header_offset + local + header, shape, kind)


_HEADER = 64 * 1024
_PLENTY = 256 * _MIB
_RATIO = 100
_MEMORY = 1024 * _MIB


def _npy_header(
    path: Path, name: str, stream: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order and type of an array, and the bytes before its numbers."""
    version = np.lib.format.read_magic(stream)
    width = {(1, 0): 2, (2, 0): 4}.get(version)
    if width is None:
        raise ValueError(f"{path}: {name} has the npy version {version}; save it with numpy")
    length = int.from_bytes(counted := stream.read(width), "little")
    if length > _HEADER:
        raise ValueError(f"{path} is damaged: {name} has a header of {length} bytes")
    whole = io.BytesIO(counted + stream.read(length))
    reader = np.lib.format.read_array_header_1_0 if width == 2 else (
        np.lib.format.read_array_header_2_0
    )  # fmt: skip
    shape, fortran, dtype = reader(whole)
    if dtype.hasobject:
        raise ValueError(
            f"{path}: {name} is an array of objects, which only unpickling could read; "
            "save plain numbers, np.asarray(x, dtype=float)"
        )
    return shape, fortran, dtype, 6 + 2 + width + length


def _bounded(path: Path, name: str, member: zipfile.ZipInfo, *, in_memory: bool) -> None:
    """Refuse what would fill the memory or the disk: before anything is unpacked."""
    size, packed = member.file_size, max(1, member.compress_size)
    if size > _PLENTY and size / packed > _RATIO:
        raise ValueError(
            f"{path}: {name} would unpack {packed} bytes into {size}: store it uncompressed, "
            "np.savez"
        )
    if in_memory and size > _MEMORY:
        raise ValueError(
            f"{path}: {name} is {size / _MIB:.4g} MiB in Fortran order, which is held in memory: "
            "save np.ascontiguousarray of it"
        )
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if member.compress_type != zipfile.ZIP_STORED and size > 0.9 * free:
        raise ValueError(
            f"{path}: {name} unpacks to {size / _MIB:.4g} MiB, and {tempfile.gettempdir()} has "
            f"{free / _MIB:.4g} free: store it uncompressed, np.savez"
        )


def _torch_type(path: Path, name: str, dtype: Any) -> torch.dtype:
    if dtype.kind == "V" and dtype.itemsize == 2:
        return torch.bfloat16  # numpy's name for the bfloat16 of ml_dtypes
    if dtype.kind == "c":
        raise ValueError(f"{path}: {name} holds complex numbers ({dtype}); real ones are audited")
    try:
        return torch.from_numpy(np.empty(0, dtype=dtype)).dtype
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: {name} has the type {dtype}; store floats or integers of this machine's order"
        ) from error


def _columnwise(stream: Any, shape: tuple[int, ...], kind: torch.dtype, dtype: Any) -> Region:
    """An array in Fortran order, which has no rows to slice: held in memory."""
    flat = np.frombuffer(stream.read(), dtype=dtype if kind != torch.bfloat16 else np.int16)
    whole = torch.from_numpy(np.ascontiguousarray(flat.reshape(shape[::-1]).transpose()))
    whole = whole.view(kind) if kind == torch.bfloat16 else whole
    return _held(whole, shape)


def torch_columns(path: Path) -> dict[str, Region]:
    """The tensors of a file that torch saved, mapped into memory.

    Raises:
        ValueError: a pickle that needs code, a damaged file, or no dict of tensors.
    """
    try:
        state = _load(path)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} needs code to be read, and is refused: nothing but tensors is unpickled. "
            "Save a plain dict of tensors, torch.save({'x_t': x_t, ...}, path)"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path} is a damaged or truncated torch file: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a dict of tensors by name")
    made = {}
    for name, x in state.items():
        if isinstance(x, (list, tuple)) and x and all(isinstance(y, Tensor) for y in x):
            raise ValueError(f"{path}: {name} is a list of tensors; store torch.stack({name})")
        if isinstance(x, Tensor):
            _refuse_odd(path, str(name), x)
        if isinstance(x, (int, float, Tensor)):
            tensor = torch.as_tensor(x).detach().contiguous()
            made[str(name)] = _held(tensor, tuple(tensor.shape))
    return made


def _refuse_odd(path: Path, name: str, x: Tensor) -> None:
    """Tensors that are not plain real numbers, one after the other, each of them in the file."""
    if x.is_complex():
        raise ValueError(f"{path}: {name} holds complex numbers ({x.dtype}); real ones are audited")
    if x.layout != torch.strided or x.is_quantized or x.is_meta:
        raise ValueError(f"{path}: {name} is no plain tensor ({x.layout}); store x.to_dense()")
    if x.numel() * x.element_size() > x.untyped_storage().nbytes():
        raise ValueError(
            f"{path}: {name} repeats {x.untyped_storage().nbytes()} bytes over the shape "
            f"{tuple(x.shape)}; store what it repeats, or x.contiguous()"
        )


def _load(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on protocols: what cannot be read is refused
        try:
            return torch.load(path, weights_only=True, mmap=True, map_location="cpu")
        except RuntimeError as error:
            if "mmap" not in str(error):
                raise
            raise pickle.UnpicklingError from error  # the format before zips, or a bare pickle


def _held(x: Tensor, shape: tuple[int, ...]) -> Region:
    """A tensor that is there already, in memory or mapped."""

    def read(a: int, b: int, lead: int = 1) -> Tensor:
        rows = x if x.ndim else x.reshape(1)
        return rows.reshape(-1, *rows.shape[lead:])[a:b]

    return shape, x.dtype, read
