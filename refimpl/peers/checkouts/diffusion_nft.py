"""DiffusionNFT (github.com/NVlabs/DiffusionNFT): the steps of its samplers, from a checkout.

    refimpl check diffusion_nft --path DIR

The method needs no likelihood; its sampler file keeps MixGRPO's two steps all the same.
"""

from pathlib import Path
from typing import Any

from ..checkout import Checkout
from .dance_grpo import two
from .mix_grpo import Flow
from .stepping import FUNCTIONS, Base, named, stepped

STEPS = "flow_grpo/diffusers_patch/solver.py"


class Dance(Base):
    """dance_grpo_step."""

    def __init__(self, checkout: Checkout) -> None:
        own = {"t": "scalar", "g": "constant", "a": 0.3, "boundary": "finite"}
        super().__init__(checkout, "diffusion_nft", "diffusion_nft, dance_grpo_step", **own)
        self._step = checkout.file(STEPS).function("dance_grpo_step", **FUNCTIONS)

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        x_s, _, log_prob = stepped(self._step, noise, v, x, 0.3, two(t, s), 0, None)
        return named(x_s, log_prob=log_prob)

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        return self._step(v, x, 0.3, two(t, s), 0, x_s)[2]


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEPS)
    return [Flow(checkout, "diffusion_nft", STEPS), Dance(checkout)]
