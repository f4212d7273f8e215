"""Files that were made to mislead their reader are refused in one line, before memory is taken."""

import io
import json
import os
import resource
import struct
import sys
import zipfile

import numpy as np
import pytest
import torch

from refimpl.audit import audit

GIB = 2**30


def npy(array, shape=None):
    """The bytes of an .npy file; with another shape in its header, if one is given."""
    made = io.BytesIO()
    np.save(made, array)
    whole = made.getvalue()
    if shape is None:
        return whole
    told = str(tuple(array.shape)).encode()
    other = str(tuple(shape)).encode()
    return whole.replace(told, other).replace(b" " * (len(other) - len(told)), b"", 1)


def zipped(path, compression=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def safetensors(path, entries, data=b"\x00" * 64):
    header = json.dumps(entries).encode() if not isinstance(entries, bytes) else entries
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def past_its_end(path):
    zipped(path / "x.npz", x_t=npy(np.arange(4.0), (400,)), v=npy(np.arange(400.0)))
    return path / "x.npz"


def flipped(path):
    zipped(path / "x.npz", x_t=npy(np.arange(400.0)))
    whole = bytearray((path / "x.npz").read_bytes())
    whole[900] ^= 0xFF
    (path / "x.npz").write_bytes(whole)
    return path / "x.npz"


def bomb(path):
    head = npy(np.zeros(1, np.uint8))
    told = head[: head.index(b"\n")].replace(b"(1,)", b"(536870912,)").replace(b" " * 8, b"", 1)
    with (
        zipfile.ZipFile(path / "x.npz", "w", zipfile.ZIP_DEFLATED) as file,
        file.open("x_t.npy", "w", force_zip64=True) as member,
    ):
        member.write(told + b"\n")
        for _ in range(512):
            member.write(bytes(2**20))
    return path / "x.npz"


def long_header(path):
    zipped(path / "x.npz", x_t=b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 8) + b"{")
    return path / "x.npz"


def broken_stream(path):
    zipped(path / "x.npz", zipfile.ZIP_LZMA, x_t=npy(np.arange(4000.0)))
    whole = bytearray((path / "x.npz").read_bytes())
    whole[60:90] = b"\xff" * 30
    (path / "x.npz").write_bytes(whole)
    return path / "x.npz"


def complex_npz(path):
    np.savez(path / "x.npz", x_t=np.ones((4, 3), complex))
    return path / "x.npz"


def before_the_start(path):
    entry = {"dtype": "F64", "shape": [2], "data_offsets": [-16, 0]}
    safetensors(path / "x.safetensors", {"x_t": entry})
    return path / "x.safetensors"


def negative_shape(path):
    entry = {"dtype": "F64", "shape": [-2, -1], "data_offsets": [0, 16]}
    safetensors(path / "x.safetensors", {"x_t": entry})
    return path / "x.safetensors"


def sparse_header(path):
    with open(path / "x.safetensors", "wb") as file:
        file.write(struct.pack("<Q", 5 * GIB))
        file.truncate(5 * GIB + 8)
    return path / "x.safetensors"


def nested_header(path):
    safetensors(path / "x.safetensors", b"[" * 300_000)
    return path / "x.safetensors"


def entries_of_another_kind(path):
    safetensors(path / "x.safetensors", {"x_t": 3, "v": None})
    return path / "x.safetensors"


def saved(path, **tensors):
    torch.save(tensors, path / "x.pt")
    return path / "x.pt"


def complex_torch(path):
    return saved(path, x_t=torch.ones(4, dtype=torch.cfloat))


HOSTILE = {
    "a member past its end": (past_its_end, "its header speaks of"),
    "a flipped byte": (flipped, "CRC"),
    "half a GiB in half a MB": (bomb, "store it uncompressed"),
    "a header of 4 GiB": (long_header, "a header of"),
    "a broken stream": (broken_stream, "damaged"),
    "complex numbers in npz": (complex_npz, "complex"),
    "offsets before the start": (before_the_start, "is damaged"),
    "a negative shape": (negative_shape, "is damaged"),
    "a sparse header of 5 GiB": (sparse_header, "at most 100"),
    "a nested header": (nested_header, "nested too deeply"),
    "entries of another kind": (entries_of_another_kind, "damaged"),
    "one number over a GiB": (lambda p: saved(p, x_t=torch.zeros(1).expand(2**30)), "repeats"),
    "complex numbers in torch": (complex_torch, "complex"),
    "a sparse tensor": (lambda p: saved(p, x_t=torch.eye(3).to_sparse()), "no plain tensor"),
    "a pipe": (lambda p: os.mkfifo(p / "x.npz") or p / "x.npz", "a pipe"),
    "a device": (lambda p: type(p)("/dev/zero"), "a device"),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from the kernel, in KiB")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_misleads_is_refused_before_memory_is_taken(name, tmp_path):
    make, says = HOSTILE[name]
    path = make(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=says) as refused:
        audit(path)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken < 256 * 1024, f"{taken / 1024:.0f} MiB"
