"""Loading what rewards are made of: one line where a package or its weights are missing.

Nothing here is imported before a reward is made, and nothing but safetensors or plain tensors is
read.
"""

import importlib
import textwrap
from pathlib import Path
from typing import Any

from .protocol import RewardError


def package(name: str, *, install: str) -> Any:
    """Import a package.

    Args:
        install: what to hand pip.

    Raises:
        RewardError: it is not installed, or does not fit what is installed beside it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise RewardError(
            f"the package {name!r} cannot be imported ({_short(error)}): pip install '{install}'"
        ) from error


def pretrained(kind: Any, source: str, **options: Any) -> Any:
    """`kind.from_pretrained(source)`, from a folder or a repository.

    Raises:
        RewardError: not there, not reachable, or damaged.
    """
    try:
        return kind.from_pretrained(source, local_files_only=Path(source).is_dir(), **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise RewardError(
            f"{kind.__name__} could not be loaded from {source!r}: {_short(error)}; give the "
            "folder of a copy in the reward's options, or make the repository reachable"
        ) from error


def _short(error: Exception) -> str:
    return textwrap.shorten(str(error), 200, placeholder=" …")
