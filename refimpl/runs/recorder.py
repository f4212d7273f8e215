"""What a run did, as tensors on the disk: the recorder that a trainer calls.

    with Recorder("runs/mine/record", manifest={"a": 0.7, "clip": 1e-4}) as record:
        record.step(x_t=x_t, x_s=x_s, t=t, s=s, v=v, std=std, log_prob=log_prob, step=i)
        record.rollout(rewards=rewards, groups=groups, advantages=advantages)
        record.update(log_prob=new, log_prob_old=old, ratio=ratio, kl=kl, loss=loss)

Every call is a batch: rows first, any subset of the names. Shards are safetensors files, written
beside and renamed, so that each is whole or absent. Values and dtypes are kept as they were given:
a record that rounds cannot say whether the run did.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from . import atomic

FORMAT = "refimpl.record/1"
"""The `format` of a shard's metadata; beside it stand `kind` and `manifest`, a JSON text."""

_POLICY = (
    "x_t", "x_s", "t", "s", "v", "v_ref", "v_old", "v_cond", "v_uncond", "mean", "mean_ref",
    "std", "g", "noise", "log_prob", "log_prob_old", "step",
)  # fmt: skip
_GROUP = ("rewards", "groups", "advantages")

KINDS: dict[str, tuple[str, ...]] = {
    "step": _POLICY,
    "rollout": _GROUP,
    "update": (*_POLICY, *_GROUP, "ratio", "kl", "loss"),
}
"""The names that each kind of call takes; `refimpl audit` says what each one means."""


class Recorder:
    """Writes what a run did into a folder of shards, in constant memory.

    Args:
        path: the folder; made if absent.
        manifest: conventions that the numbers follow, as plain values; see `refimpl audit`.
        shard_bytes: a shard is written once its tensors fill this much.
        resume: go on after the shards that are there.

    Raises:
        FileExistsError: the folder holds shards and `resume` is not set.
        TypeError: a manifest that JSON cannot hold.
    """

    def __init__(
        self,
        path: str | Path,
        manifest: Mapping[str, Any] | None = None,
        *,
        shard_bytes: int = 64 * 2**20,
        resume: bool = False,
    ) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._manifest = json.dumps(dict(manifest or {}))
        self._shard_bytes = shard_bytes
        there = {kind: len(list(self.path.glob(f"{kind}-*.safetensors"))) for kind in KINDS}
        if any(there.values()) and not resume:
            raise FileExistsError(
                f"{self.path} holds a record already: choose another folder, or resume=True"
            )
        self._shards = there
        self._calls = dict.fromkeys(KINDS, 0)
        self._waiting: dict[str, list[dict[str, Tensor]]] = {kind: [] for kind in KINDS}

    def step(self, **tensors: Any) -> None:
        """One denoising step of a batch: x_t, x_s, t, s, v, mean, std, noise, log_prob ...

        Raises:
            TypeError: an unknown name, or something that is no number, array or tensor.
            ValueError: lengths that differ, or a recorder that is closed.
        """
        self._add("step", tensors)

    def rollout(self, **tensors: Any) -> None:
        """One batch of finished samples: rewards, groups, advantages."""
        self._add("rollout", tensors)

    def update(self, **tensors: Any) -> None:
        """One optimiser step, or micro-batch of it: log_prob, log_prob_old, ratio, kl, loss ...

        Here `log_prob` and `v` are the policy's in training, `log_prob_old` and `v_old` those of
        the policy that sampled.
        """
        self._add("update", tensors)

    def close(self) -> None:
        """Write what is waiting."""
        for kind in KINDS:
            self._flush(kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _add(self, kind: str, given: Mapping[str, Any]) -> None:
        if not given:
            raise ValueError(f"{kind}() was given nothing to record")
        unknown = [name for name in given if name not in KINDS[kind]]
        if unknown:
            raise TypeError(
                f"{kind}() does not know {', '.join(unknown)}; it takes {', '.join(KINDS[kind])}"
            )
        rows = _batch(kind, {name: _tensor(name, x) for name, x in given.items()})
        rows["batch"] = torch.full((len(next(iter(rows.values()))),), self._calls[kind])
        self._calls[kind] += 1
        waiting = self._waiting[kind]
        if waiting and _signature(waiting[-1]) != _signature(rows):
            self._flush(kind)
        self._waiting[kind].append(rows)
        if sum(x.nbytes for row in self._waiting[kind] for x in row.values()) >= self._shard_bytes:
            self._flush(kind)

    def _flush(self, kind: str) -> None:
        waiting = self._waiting[kind]
        if not waiting:
            return
        joined = {name: torch.cat([rows[name] for rows in waiting]) for name in waiting[0]}
        target = self.path / f"{kind}-{self._shards[kind]:06d}.safetensors"
        about = {"format": FORMAT, "kind": kind, "manifest": self._manifest}
        atomic.write(target, save(joined, metadata=about))
        self._shards[kind] += 1
        self._waiting[kind] = []


def _tensor(name: str, x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x.detach().to("cpu", copy=True).contiguous()
    if isinstance(x, float):
        return torch.tensor(x, dtype=torch.float64)
    try:
        return torch.from_numpy(np.array(x))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} is no number, array or tensor: {type(x).__name__}") from error


def _batch(kind: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every tensor with the same number of rows: what holds for the whole batch is repeated."""
    lengths = {name: len(x) for name, x in tensors.items() if x.ndim and len(x) != 1}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name}: {n}" for name, n in lengths.items())
        raise ValueError(f"{kind}() wants rows first, the same number in every tensor, got {told}")
    n = next(iter(lengths.values()), 1)
    return {
        name: (x if x.ndim else x.reshape(1)).expand(n, *x.shape[1:]).contiguous()
        for name, x in tensors.items()
    }


def _signature(rows: dict[str, Tensor]) -> list[tuple[str, torch.dtype, torch.Size]]:
    return [(name, x.dtype, x.shape[1:]) for name, x in sorted(rows.items())]
