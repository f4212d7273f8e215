"""From networks to fields: what solvers call, and the border where precision changes.

    field(x, t) = network(x, t, y)
    field(x, t) = (1 − w) network(x, t, ∅) + w network(x, t, y)

A solver's t is one number and its x may be float64; a network wants a level per row and computes
in its own precision. x is cast on the way in and the answer on the way out, here and nowhere else.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor, nn

from ...equations import guidance
from ...equations.ode import Field

Network = TypeVar("Network", bound=nn.Module)


def build(make: Callable[[], Network], generator: torch.Generator) -> Network:
    """make(), its first weights drawn from `generator`; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        return make()


def parameters(network: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in network.parameters())


def as_field(network: nn.Module, y: Int[Tensor, " B"] | int | None = None) -> Field:
    """field(x, t) of a network; y is a label per row, one for all rows, or None for ∅."""
    dtype = next(network.parameters()).dtype

    def field(x: Tensor, t: float | Tensor) -> Tensor:
        level = torch.as_tensor(t, dtype=dtype, device=x.device).expand(len(x))
        answer: Tensor = network(x.to(dtype), level, _labels(y, x))
        return answer.to(x.dtype)

    return field


def classifier_free_field(network: nn.Module, y: Int[Tensor, " B"] | int, w: float) -> Field:
    """ṽ = (1 − w) v(x) + w v(x | y), from one network that knows ∅.

    Both evaluations are made at every w, so that w = 0 and w = 1 are not special.
    """
    unconditional, conditional = as_field(network), as_field(network, y)
    return lambda x, t: guidance.classifier_free(unconditional(x, t), conditional(x, t), w)


def _labels(y: Tensor | int | None, x: Tensor) -> Tensor | None:
    if isinstance(y, int):
        return torch.tensor(y, device=x.device).expand(len(x))
    return y
