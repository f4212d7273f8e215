"""Checkpoints that are whole or absent: written beside, synced, then renamed into place.

    refimpl-checkpoint 1 <sha256 of the rest>⏎<torch.save of the state>

A rename is atomic, so that a process killed while writing leaves the checkpoint of before. The
digest is checked on reading; what was damaged on the disk is refused, not half loaded. Only
tensors and plain values are read back, never code.
"""

import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import Any

import torch

MAGIC = b"refimpl-checkpoint 1 "
_HEADER = len(MAGIC) + 64 + 1


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values) to `path`, or leave what is there untouched.

    Raises:
        OSError: the folder does not exist, or the disk is full.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    digest = hashlib.sha256(payload).hexdigest().encode()
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            file.write(MAGIC + digest + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """The state that was saved.

    Raises:
        FileNotFoundError: there is none.
        ValueError: not a checkpoint of this version, or damaged.
    """
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        raise ValueError(f"{path} is not a refimpl checkpoint of version 1: delete it and run anew")
    digest, payload = content[len(MAGIC) : _HEADER - 1], content[_HEADER:]
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        raise ValueError(
            f"{path} is damaged: its {len(payload)} bytes do not have the digest that was written "
            "with them; delete it and run anew"
        )
    try:
        state = torch.load(io.BytesIO(payload), weights_only=True)
    except (RuntimeError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} cannot be read by torch {torch.__version__}: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not the state of a run")
    return state
