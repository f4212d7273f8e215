"""What `refimpl audit` is told of a rollout: the conventions that its numbers follow."""

from typing import Any

from ..methods import Method


def manifest(method: Method) -> dict[str, Any]:
    """The conventions of a method; the grid is the pipeline's, and is read off its levels."""
    known: dict[str, Any] = {
        "time": "noise",
        "time_scale": 1,
        "layout": "rows",
        "std": "step",
        "log_prob": "sum" if method.reduction == "total" else "mean",
        "constants": "kept",
    }
    if method.kernel in ("flow_grpo", "constant"):
        known |= {"sampler": "sde.transition", "schedule": method.kernel, "a": method.noise}
    elif method.kernel == "cps":
        known |= {"sampler": "kernels.preserving", "schedule": "cps", "a": method.noise}
    if method.kernel == "flow_grpo" and method.boundary == "next_level":
        known["boundary"] = "next_level"
    return known
