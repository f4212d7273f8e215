"""What to say when the accelerator's memory is full: which setting helps, where it happened."""

import contextlib
from collections.abc import Iterator

import torch

BEFORE = "loading the model"
"""The one place that is passed before a run's folder is there: any setting may still change."""
REMEDIES = {
    BEFORE: "model.dtype=bf16, model.t5=false or text.precompute=true",
    "encoding prompts": "text.precompute=true",
    "the rollout": "a smaller sampling.batch",
    "decoding": "vae.batch=1 and vae.tiled=true",
    "the update": "a smaller training.rows, or model.gradient_checkpointing=true",
    "evaluation": "a smaller sampling.batch",
}


@contextlib.contextmanager
def guarded(where: str) -> Iterator[None]:
    """Turn an out-of-memory error into one line with a remedy.

    Raises:
        MemoryError: memory is full.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        reason = str(error).partition(". ")[0]
        raise MemoryError(f"memory is full in {where}: try {REMEDIES[where]} ({reason})") from error


def peak_gib() -> float | None:
    """The most that was allocated since the last call, on a GPU."""
    if not torch.cuda.is_available():
        return None
    peak = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return peak
