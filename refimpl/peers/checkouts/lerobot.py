"""LeRobot (github.com/huggingface/lerobot): the flow head of its π₀ policy, from a checkout.

    refimpl check lerobot --path DIR

The house clock: t = 1 is noise, and the target is noise − data. The lines of the training loss are
cut out of a method that needs the whole model.
"""

from pathlib import Path
from typing import Any

from ..checkout import Checkout
from .stepping import Base

POLICY = "src/lerobot/policies/pi0/modeling_pi0.py"


class Head(Base):
    """The points and targets of training."""

    def __init__(
        self, checkout: Checkout, library: str = "lerobot", policy: str = POLICY, **conventions: Any
    ) -> None:
        super().__init__(checkout, library, f"{library}, pi0", **conventions)
        self._file = checkout.file(policy)

    def path(self, data: Any, noise: Any, t: Any) -> Any:
        actions, drawn = (x.reshape(len(x), -1, 1) for x in (data, noise))
        made = self._file.value("time_expanded", "x_t", actions=actions, noise=drawn, time=t)
        return made.reshape(data.shape)

    def velocity_target(self, data: Any, noise: Any, t: Any) -> Any:
        return self._file.value("u_t", actions=data, noise=noise)


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    return [Head(Checkout(path, POLICY))]
