"""The runs of the miniature's study: one thing changed at a time, everything else the preset's.

"levelled" is the setting that works, "equal" the plain one; "all-levelled" and "first-equal" tell
which of its two changes matters. The others are the article's ablations.
"""

from dataclasses import dataclass

from .. import presets
from ..config import Config


@dataclass(frozen=True)
class Arm:
    """A run.

    Attributes:
        about: what it changes, in words.
        changes: as on the command line.
    """

    about: str
    changes: tuple[str, ...] = ()


ARMS: dict[str, Arm] = {
    "levelled": Arm("noise in the first three steps, levelled weights"),
    "equal": Arm("noise in all steps, equal weights", ("method.window=all", "method.weight=equal")),
    "all-levelled": Arm("noise in all steps, levelled weights", ("method.window=all",)),
    "first-equal": Arm("noise in the first three steps, equal weights", ("method.weight=equal",)),
    "kl": Arm("KL, weight 0.01", ("method.beta=0.01",)),
    "kl-strong": Arm("KL, weight 0.1", ("method.beta=0.1",)),
    "noise-low": Arm("noise level a = 0.3", ("method.noise=0.3",)),
    "noise-high": Arm("noise level a = 1", ("method.noise=1.0",)),
    "group-4": Arm("96 prompts × 4", ("sampling.groups=96", "sampling.group=4")),
    "group-48": Arm("8 prompts × 48", ("sampling.groups=8", "sampling.group=48")),
    "window-1": Arm("noise in the first step", ("method.size=1",)),
    "window-6": Arm("noise in the first six steps", ("method.size=6",)),
    "seed-1": Arm("levelled, other prompts and noise", ("run.seed=1",)),
    "seed-2": Arm("levelled, other prompts and noise again", ("run.seed=2",)),
    "T-40": Arm("T = 40, noise down to the same level", ("sampling.steps=40", "method.size=13")),
}
"""By name."""

COMMON = (
    "training.iterations=60",
    "run.tensorboard=false",
    "run.checkpoint_every=10",
    "evaluation.every=10",
)
QUICK = (
    "sampling.groups=4",
    "sampling.group=4",
    "sampling.steps=5",
    "sampling.eval_steps=5",
    "training.iterations=2",
    "training.rows=48",
    "evaluation.prompts=8",
    "evaluation.every=1",
    "run.checkpoint_every=1",
)


def config(name: str, changes: tuple[str, ...] = (), *, quick: bool = False) -> Config:
    """The settings of an arm; `changes` come last.

    Raises:
        ValueError: no such arm, or a setting refused.
    """
    if name not in ARMS:
        raise ValueError(f"no arm is called {name!r}; there are {', '.join(ARMS)}")
    short = QUICK if quick else ()
    return presets.resolve(["miniature"], None, [*COMMON, *short, *ARMS[name].changes, *changes])
