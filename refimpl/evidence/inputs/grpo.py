"""Equal rewards, the four quadrants of the clip, no KL."""

import numpy as np

from ..awkward import GROUPS, OFFSET, Awkward, grid
from ..calls import Inputs
from ..lattices import positive

_EQUAL = grid([[0.75, 0.75, 0.75], [1.0, 2.0, 4.0]])
_FAR = grid([[OFFSET, OFFSET + 64, OFFSET + 128, OFFSET + 256]])


def _advantage(rewards: np.ndarray, std: str, ddof: int, eps: float) -> Inputs:
    return {"rewards": rewards, "std": std, "ddof": ddof, "eps": eps}


INPUTS: dict[str, Awkward] = {
    "grpo.advantage": Awkward(
        whole=(
            _advantage(GROUPS, "group", 0, 0.0625),
            _advantage(GROUPS, "group", 0, 0.0),
            _advantage(GROUPS, "group", 1, 0.0),
            _advantage(GROUPS, "batch", 0, 0.0625),
            _advantage(GROUPS, "batch", 1, 0.0),
            _advantage(GROUPS, "none", 0, 0.0),
            _advantage(_EQUAL, "group", 0, 0.0),
            _advantage(_EQUAL, "batch", 1, 0.0),
            _advantage(grid([[0.5, 1.5]]), "group", 1, 0.0),
        ),
        further=(
            _advantage(_FAR, "group", 0, 0.0),
            _advantage(_FAR, "group", 1, 2.0**-13),
            _advantage(grid([[OFFSET] * 3, [OFFSET] * 3]), "batch", 0, 0.0),
            _advantage(grid([[1.0, 1.0, 1.0, 1.0078125]]), "group", 0, 0.0),
        ),
    ),
    "grpo.leave_one_out": Awkward(
        whole=({"rewards": GROUPS}, {"rewards": _EQUAL}, {"rewards": grid([[0.5, 1.5]])}),
        further=({"rewards": _FAR},),
    ),
    "grpo.bounded": Awkward(
        edges=(
            {"advantage": -2.0, "limit": 0.5},
            {"advantage": 2.0, "limit": 0.5},
            {"advantage": 0.25, "limit": 0.5},
        )
    ),
    "grpo.surrogate": Awkward(
        edges=(
            {"ratio": 1.0, "clip": 0.0},
            {"ratio": 1.125, "clip": 0.125},
            {"ratio": 0.5, "advantage": -1.0},
            {"ratio": 0.5, "advantage": 1.0},
            {"ratio": 2.0, "advantage": -1.0},
            {"ratio": 2.0, "advantage": 1.0},
            {"advantage": 0.0},
            {"ratio": 0.0},
        )
    ),
    "grpo.objective": Awkward(lattices={"kl": positive}, edges=({"beta": 0.0}, {"kl": 0.0})),
}
