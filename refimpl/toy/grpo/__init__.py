"""Flow-GRPO on toys: one loop you can read aloud (`loop`), and problems whose answers are known.

line        N(m, s²), reward k·x: the optimum is a closed form
plane       mixtures in the plane, one a label: the optimum is a tilted mixture
digits      8 × 8 digits, rewards from rules and from a classifier
"""

from .line import averaged, end_law, predicted, train
from .loop import Trainer
from .policies import Corrected, ExactField, Shifted
from .problem import Judged, Problem, RewardError, judge
from .rollouts import Rollout, Steps, as_field, kernels, roll
from .settings import EXACT, Settings
from .watching import Iteration, Update

__all__ = [
    "EXACT",
    "Corrected",
    "ExactField",
    "Iteration",
    "Judged",
    "Problem",
    "RewardError",
    "Rollout",
    "Settings",
    "Shifted",
    "Steps",
    "Trainer",
    "Update",
    "as_field",
    "averaged",
    "end_law",
    "judge",
    "kernels",
    "predicted",
    "roll",
    "train",
]
