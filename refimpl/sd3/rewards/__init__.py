"""Rewards: what an image is worth, given its prompt. The interface; each reward has a module."""

from .background import Background
from .groups import advantages
from .mixture import Judged, Mixture
from .named import available, make
from .protocol import Reward, RewardError, judge

__all__ = [
    "Background",
    "Judged",
    "Mixture",
    "Reward",
    "RewardError",
    "advantages",
    "available",
    "judge",
    "make",
]
