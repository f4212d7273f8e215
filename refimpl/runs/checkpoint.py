"""Checkpoints that are whole or absent, and a series of them that survives a damaged one.

    refimpl-checkpoint 1 <sha256 of the rest>⏎<torch.save of the state>

The digest is checked on reading; what was damaged on the disk is refused, not half loaded. Only
tensors and plain values are read back, never code.
"""

import hashlib
import io
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .. import outside
from . import atomic

LARGEST = 2**40
"""Bytes of a checkpoint: that of a 12-billion-parameter policy with its optimizer has 0.2 TiB."""

MAGIC = b"refimpl-checkpoint 1 "
_HEADER = len(MAGIC) + 64 + 1
_OURS = re.compile(r"([0-9]{8,})\.pt")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors and plain values) to `path`, or leave what is there untouched.

    Raises:
        OSError: the folder does not exist, or the disk is full.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    digest = hashlib.sha256(payload).hexdigest().encode()
    atomic.write(path, MAGIC + digest + b"\n" + payload)


def load(path: Path) -> dict[str, Any]:
    """The state that was saved, its tensors on the CPU.

    Raises:
        FileNotFoundError: there is none.
        ValueError: not a checkpoint of this version, or damaged.
    """
    content = outside.content(path, LARGEST, MAGIC)
    if not content:
        raise ValueError(f"{path} is not a refimpl checkpoint of version 1: delete it and run anew")
    digest, payload = content[len(MAGIC) : _HEADER - 1], content[_HEADER:]
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        raise ValueError(
            f"{path} is damaged: its {len(payload)} bytes do not have the digest that was written "
            "with them; delete it and run anew"
        )
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} cannot be read by torch {torch.__version__}: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not the state of a run")
    return state


@dataclass(frozen=True)
class Found:
    """The newest whole checkpoint of a series.

    Attributes:
        step, state: of it.
        refused: newer ones that are damaged, newest first, with what is wrong.
    """

    step: int
    state: dict[str, Any]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """A folder of checkpoints by step: the newest `keep`, and every `milestone`-th for good.

    Attributes:
        keep: ≥ 2, so that a damaged one never is the last.
        milestone: steps whose multiples are never removed; None for none.

    Raises:
        ValueError: keep < 2 or milestone < 1.
    """

    folder: Path
    keep: int = 2
    milestone: int | None = None

    def __post_init__(self) -> None:
        if self.keep < 2 or (self.milestone is not None and self.milestone < 1):
            raise ValueError(
                "keep at least two checkpoints (the one before is used if the last is damaged), "
                f"and milestones from 1: got keep={self.keep}, milestone={self.milestone}"
            )

    def file(self, step: int) -> Path:
        """Where the checkpoint of a step lies."""
        return self.folder / f"{step:08d}.pt"

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps that have one, rising."""
        named = (_OURS.fullmatch(file.name) for file in self.folder.glob("*.pt"))
        return tuple(sorted(int(found[1]) for found in named if found))

    @property
    def strays(self) -> tuple[str, ...]:
        """Files that no run wrote under these names: never read, never removed."""
        files = (file.name for file in self.folder.iterdir() if not file.name.startswith("."))
        return tuple(sorted(name for name in files if not _OURS.fullmatch(name)))

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write one, then remove what is no longer kept."""
        save(self.file(step), state)
        self.prune()

    def prune(self) -> None:
        """Remove what is no longer kept."""
        for gone in self.steps[: -self.keep]:
            if self.milestone is None or gone % self.milestone:
                self.file(gone).unlink()

    def newest(self) -> Found | None:
        """The newest whole one; damaged ones are passed over and told, None if there is none.

        Raises:
            ValueError: there are checkpoints and all of them are damaged.
        """
        refused: list[str] = []
        for step in reversed(self.steps):
            try:
                return Found(step, load(self.file(step)), tuple(refused))
            except ValueError as error:
                refused.append(str(error))
        if refused:
            raise ValueError("no checkpoint is whole: " + "; ".join(refused))
        return None

    def forget_after(self, step: int) -> None:
        """Remove newer ones: they are damaged, and would be written again under the same name."""
        for newer in self.steps:
            if newer > step:
                self.file(newer).unlink()
