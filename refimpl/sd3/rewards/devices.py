"""Which accelerator a reward computes on: its own process's.

    placed({"device": "cuda"}, torch.device("cuda:3"))      {"device": "cuda:3"}

"cuda" without a number is device 0 of the machine, on which eight processes would pile up their
reward models. Here it is the device of the process, for the options of every reward and, in the
thread that computes rewards, for whatever a reward itself calls "cuda".
"""

from collections.abc import Mapping
from typing import Any

import torch

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def placed(options: Mapping[str, Any], device: torch.device | None) -> dict[str, Any]:
    """The options with "cuda" made this process's device; other devices stay as they are.

    Args:
        device: of this process; None leaves everything.
    """
    found = dict(options)
    if device is not None and device.type == "cuda" and found.get("device") == "cuda":
        found["device"] = str(device)
    return found


def precision(name: str) -> torch.dtype:
    """The dtype of "fp32", "bf16" or "fp16".

    Raises:
        ValueError: another name.
    """
    if name not in PRECISIONS:
        raise ValueError(f"dtype must be one of {', '.join(PRECISIONS)}, got {name!r}")
    return PRECISIONS[name]


def make_current(device: torch.device | None) -> None:
    """Let "cuda" mean `device` in the calling thread; CUDA asks every thread anew."""
    if device is not None and device.type == "cuda":
        torch.cuda.set_device(device)
