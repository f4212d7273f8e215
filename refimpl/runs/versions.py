"""What a run's bits depend on besides its settings: interpreter, libraries, code, threads."""

import functools
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import numpy
import torch


def versions() -> dict[str, str]:
    """Python, torch, numpy, refimpl and its commit (where it runs from a checkout), and machine."""
    try:
        own = metadata.version("refimpl")
    except metadata.PackageNotFoundError:  # run from a copy of the sources
        own = "unknown"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "refimpl": own,
        "commit": commit(),
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
    }


@functools.cache
def commit(root: Path = Path(__file__).parents[2]) -> str:
    """The checkout's commit, marked where files differ from it; "none" outside a checkout."""
    if not (root / ".git").exists():
        return "none"
    try:
        head, changed = (
            subprocess.run(
                ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "refimpl"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return f"{head}+changes" if changed else head
