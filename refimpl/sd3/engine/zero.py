"""DeepSpeed's optimiser, which ZeRO spreads over processes: read whole, and written back.

    moments(optimiser, parameters)      what torch's AdamW keeps of each, on every process
    restore(optimiser, parameters, …)   weights and moments, in DeepSpeed's own copies too

DeepSpeed steps on flat copies of the parameters; a weight that is written past them is gone with
the next step. Every process must call these together.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

_MOMENTS = ("exp_avg", "exp_avg_sq")


def moments(optimiser: Any, parameters: Sequence[Tensor]) -> list[dict[str, Tensor]]:
    """The state of AdamW by parameter, as torch keeps it: step, exp_avg, exp_avg_sq.

    Args:
        optimiser: accelerate's wrapper.
    """
    from deepspeed.utils import safe_get_full_optimizer_state as get

    (step,) = {float(state["step"]) for state in _flat(optimiser)}
    return [
        {"step": _flat(optimiser)[0]["step"].new_tensor(step).cpu(),
         **{key: get(parameter, key).cpu() for key in _MOMENTS}}
        for parameter in parameters
    ]  # fmt: skip


def restore(
    optimiser: Any,
    parameters: Sequence[Tensor],
    weights: Sequence[Tensor],
    saved: Sequence[dict[str, Tensor]],
) -> None:
    """Put weights and moments back.

    Args:
        weights: whole, one a parameter.
        saved: what `moments` gave, or nothing.
    """
    from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

    for parameter, weight in zip(parameters, weights, strict=True):
        parameter.copy_(weight)
        safe_set_full_fp32_param(parameter, weight.to(parameter.device))
    if not any(saved):
        return
    _begin(optimiser.optimizer)
    for parameter, state in zip(parameters, saved, strict=True):
        for key in _MOMENTS:
            safe_set_full_optimizer_state(parameter, state[key].to(parameter.device), key)
    for flat in _flat(optimiser):
        flat["step"].fill_(float(saved[0]["step"]))


def _begin(sharded: Any) -> None:
    """Let AdamW make its state, by a step of length 0: DeepSpeed makes it with the first step."""
    base = sharded.optimizer
    rates = [group["lr"] for group in base.param_groups]
    for group in base.param_groups:
        group["lr"] = 0.0
        for flat in group["params"]:
            flat.grad = torch.zeros_like(flat)
    base.step()
    for group, rate in zip(base.param_groups, rates, strict=True):
        group["lr"] = rate
        for flat in group["params"]:
            flat.grad = None
    sharded._lazy_init_hp_params_optimizer_state()


def _flat(optimiser: Any) -> list[dict[str, Tensor]]:
    """The states of this process's flat parameters."""
    return list(optimiser.optimizer.optimizer.state.values())
