"""openpi (github.com/Physical-Intelligence/openpi): the flow head of π₀, from a checkout.

    refimpl check openpi --path DIR

Its PyTorch side, on the house clock: t = 1 is noise, and the target is noise − data. The sampler is
a method of the whole model; it runs as it stands, with stand-ins for what sees pictures and text.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from ..checkout import Checkout
from . import lerobot

POLICY = "src/openpi/models_pytorch/pi0_pytorch.py"


class Head(lerobot.Head):
    """The points and targets of training, and Euler's steps from 1 to 0."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(checkout, "openpi", POLICY)
        self._sample = self._file.function(
            "PI0Pytorch.sample_actions", torch=torch, make_att_2d_masks=lambda *_: None
        )

    def ode_sampler(self, field: Any, x: Any, steps: int) -> Any:
        return self._sampled(lambda x, t: field(x, t), x, steps)

    def schedule(self, steps: int) -> Any:
        """The times at which the sampler asks its network, and where the last step ends."""
        asked: list[float] = []

        def field(x: Any, t: Any) -> Any:
            asked.append(float(t[0]))
            return -torch.ones_like(x)

        end = self._sampled(field, torch.zeros(1, 1), steps)
        return [*asked, 1.0 - float(end)]

    def _sampled(self, field: Any, x: Any, steps: int) -> Any:
        model = _Policy(lambda state, masks, cache, x, t: field(x, t))
        return self._sample(model, x.device, SimpleNamespace(state=x), x, steps)


class _Policy:
    """A policy that is its velocity: whatever else is asked of it does nothing."""

    def __init__(self, denoise_step: Any) -> None:
        self.denoise_step = denoise_step
        self.paligemma_with_expert = SimpleNamespace(
            forward=lambda **_: (None, None),
            paligemma=SimpleNamespace(language_model=SimpleNamespace(config=SimpleNamespace())),
        )

    def _preprocess_observation(self, observation: Any, train: bool) -> Any:
        return None, None, None, None, observation.state

    def embed_prefix(self, *_: Any) -> Any:
        return None, torch.ones(1, 1), None

    def _prepare_attention_masks_4d(self, *_: Any) -> Any:
        return None


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    return [Head(Checkout(path, POLICY))]
