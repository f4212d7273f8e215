"""What `refimpl audit` is told of a rollout: the conventions that its numbers follow."""

from collections.abc import Mapping
from typing import Any

from ..methods import Method


def manifest(method: Method, scheduler: Mapping[str, Any]) -> dict[str, Any]:
    """The conventions of a method, and of the scheduler's levels where they have a name.

    Args:
        scheduler: the configuration of the pipeline's scheduler.
    """
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
    plain = not (scheduler["use_dynamic_shifting"] or scheduler["shift_terminal"])
    if plain and scheduler["shift"] == 3.0:
        known["grid"] = "sd35_as_shipped"
    return known
