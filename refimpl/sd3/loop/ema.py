"""The exponential average of what is trained: evaluated and exported in place of the weights.

    average ← decay · average + (1 − decay) · weights      every `every` optimiser steps

`applied` puts the average into the network and gives the weights back afterwards; both are clones,
so that neither can be an alias of the other.
"""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..engine.shards import like


class Average:
    """One average of a list of parameters.

    Args:
        parameters: what is averaged; they stay where they are.
        decay, every: see the configuration.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], *, decay: float, every: int) -> None:
        self.parameters, self.decay, self.every = list(parameters), decay, every
        self.values = [parameter.detach().clone() for parameter in self.parameters]
        self.steps = 0

    @torch.no_grad()
    def follow(self) -> None:
        """Call once after every optimiser step."""
        self.steps += 1
        if self.steps % self.every == 0:
            for value, parameter in zip(self.values, self.parameters, strict=True):
                value.lerp_(parameter.detach(), 1 - self.decay)

    @property
    def moved(self) -> bool:
        """Whether it has taken a step since the weights it began with."""
        return self.steps >= self.every

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The network with the average in place of its weights."""
        weights = [parameter.detach().clone() for parameter in self.parameters]
        self._put(self.values)
        try:
            yield
        finally:
            self._put(weights)

    @torch.no_grad()
    def _put(self, values: Sequence[Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)

    @torch.no_grad()
    def restore(self, values: Sequence[Tensor], steps: int) -> None:
        """Back to a checkpoint."""
        for value, saved in zip(self.values, values, strict=True):
            value.copy_(like(value, saved))
        self.steps = steps
