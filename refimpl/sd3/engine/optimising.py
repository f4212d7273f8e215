"""The optimiser and the course of its learning rate, each a library's.

optimiser(parameters, training)      torch's AdamW, or bitsandbytes' with 8-bit moments
schedule(optimiser, training)        diffusers' warm-up, linear or cosine; None for constant
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..settings.schedule import Training


def optimiser(parameters: Sequence[nn.Parameter], training: Training) -> torch.optim.Optimizer:
    """AdamW over what is trained.

    Raises:
        ModuleNotFoundError: 8-bit moments without bitsandbytes.
    """
    kind = eight_bit() if training.optimiser == "adamw8bit" else torch.optim.AdamW
    made: torch.optim.Optimizer = kind(
        list(parameters),
        lr=training.learning_rate,
        betas=training.betas,
        eps=training.eps,
        weight_decay=training.weight_decay,
    )
    return made


def eight_bit() -> Any:
    """bitsandbytes' AdamW."""
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError:
        raise ModuleNotFoundError(
            "training.optimiser=adamw8bit needs bitsandbytes: pip install "
            "'refimpl[bitsandbytes]', or take adamw"
        ) from None
    return AdamW8bit


def schedule(optimiser: torch.optim.Optimizer, training: Training) -> Any:
    """What changes the learning rate after every step that is made; None where nothing does."""
    from diffusers.optimization import get_scheduler

    if training.schedule == "constant" and not training.warmup:
        return None
    name = "constant_with_warmup" if training.schedule == "constant" else training.schedule
    return get_scheduler(
        name,
        optimiser,
        num_warmup_steps=training.warmup,
        num_training_steps=training.steps,
    )


def go_to(schedule: Any, step: int) -> None:
    """Put a schedule where it is after so many steps."""
    schedule.last_epoch = step
    rates = [
        law(step) * base for law, base in zip(schedule.lr_lambdas, schedule.base_lrs, strict=True)
    ]
    for group, rate in zip(schedule.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    schedule._last_lr = rates
