"""BranchGRPO (github.com/Fredreic1849/BranchGRPO): DanceGRPO's step in a tree, from a checkout.

    refimpl check branch_grpo --path DIR

Where the tree splits, the same step draws several samples, with its noise scaled.
"""

from pathlib import Path
from typing import Any

from ..checkout import Checkout
from .dance_grpo import two
from .stepping import FUNCTIONS, Base, named, stepped

TRAIN = "fastvideo/train_branchgrpo_flux.py"
SCALE = 0.3
"""--tree_split_noise_scale, at its default."""

ETA = 0.5
"""Unlike the scale, so that one is not taken for the other."""


class Step(Base):
    """flux_step_with_split, the first of the samples that it draws."""

    def __init__(self, checkout: Checkout, name: str, splits: int) -> None:
        own = {"t": "scalar", "g": "constant", "a": ETA, "boundary": "finite"}
        super().__init__(checkout, "branch_grpo", f"branch_grpo, {name}", **own)
        self._step = checkout.file(TRAIN).function("flux_step_with_split", **FUNCTIONS)
        self._split = (splits, SCALE if splits > 1 else 1.0)

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        x, v, noise, like = _flat(x), _flat(v), _flat(noise), x.shape
        x_s, _, log_prob = stepped(self._step, noise, v, x, ETA, two(t, s), 0, None, True, True,
                                   *self._split)  # fmt: skip
        mean = self._step(v, x, ETA, two(t, s), 0, None, False, True)[0]
        return named(x_s[: len(x)].reshape(like), log_prob=log_prob[: len(x)],
                     mean=mean.reshape(like))  # fmt: skip

    def ode_step(self, x: Any, v: Any, t: Any, s: Any) -> Any:
        return self._step(v, x, ETA, two(t, s), 0, None, False, False)[0]

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        return self._step(v, x, ETA, two(t, s), 0, x_s, True, True)[2]


def _flat(x: Any) -> Any:
    """Tokens, as FLUX has them: (B, n, 1)."""
    return x.reshape(len(x), -1, 1)


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, TRAIN)
    return [Step(checkout, "one sample", 1), Step(checkout, "a split", 2)]
