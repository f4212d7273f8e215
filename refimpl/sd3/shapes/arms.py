"""The runs of the miniature's study: one thing changed at a time, everything else the preset's.

"fast" trains all weights by noise in one step, held by a small KL; "fast-kl" has a larger one,
"fast-free" none and a lower rate; "fast-half" is free too, with half the captions, and "lora" that
with a LoRA. The others are an older study: "levelled" is the setting that works there, "equal" the
plain one; "all-levelled" and "window-equal" tell which of its two changes matters, "early" and
"late" where the window has to be, "shifted" whether the grid does. What is left are the article's
ablations, two more seeds and a longer run.
"""

from dataclasses import dataclass

from ..settings import presets
from ..settings.config import Config


@dataclass(frozen=True)
class Arm:
    """A run.

    Attributes:
        about: what it changes, in words.
        changes: as on the command line.
    """

    about: str
    changes: tuple[str, ...] = ()


_CHEAP = (
    "method.size=1",
    "method.noise=1.0",
    "sampling.start=group",
    "sampling.after=2",
    "training.skip_silent=true",
    "training.schedule=linear",
    "sampling.batch=192",
    "training.rows=192",
)
_HALF = (*_CHEAP, "adapter.kind=full", "training.iterations=150", "training.learning_rate=3e-4")
_FREE = (
    *_HALF,
    "sampling.groups=48",
    "training.iterations=160",
    "training.learning_rate=2e-4",
    "training.rows=768",
    "evaluation.every=40",
    "run.checkpoint_every=40",
)
_FAST = (*_FREE, "training.learning_rate=3e-4", "method.beta=0.1")
_KL = (*_FAST, "method.beta=0.3")
_LORA = (
    *_CHEAP,
    "adapter.applied=merged",
    "training.iterations=195",
    "training.learning_rate=0.0025",
    "evaluation.every=60",
)
_START = "method.start=0"
_EVEN = (_START, "method.weight=equal")

ARMS: dict[str, Arm] = {
    "fast": Arm("all weights, noise in step 2 alone, one start a group, KL of weight 0.1", _FAST),
    "fast-1": Arm("fast, other prompts and noise", (*_FAST, "run.seed=1")),
    "fast-2": Arm("fast, other prompts and noise again", (*_FAST, "run.seed=2")),
    "fast-free": Arm("fast without a KL, at two thirds of the rate", _FREE),
    "fast-free-1": Arm("fast-free, other prompts and noise", (*_FREE, "run.seed=1")),
    "fast-free-2": Arm("fast-free, other prompts and noise again", (*_FREE, "run.seed=2")),
    "fast-half": Arm("fast-free, half the captions in 150 iterations, rate of fast", _HALF),
    "fast-half-1": Arm("fast-half, other prompts and noise", (*_HALF, "run.seed=1")),
    "fast-half-2": Arm("fast-half, other prompts and noise again", (*_HALF, "run.seed=2")),
    "fast-kl": Arm("fast, KL of weight 0.3", _KL),
    "fast-kl-1": Arm("fast-kl, other prompts and noise", (*_KL, "run.seed=1")),
    "fast-kl-2": Arm("fast-kl, other prompts and noise again", (*_KL, "run.seed=2")),
    "lora": Arm("fast-half with a LoRA in place of all weights", _LORA),
    "lora-1": Arm("lora, other prompts and noise", (*_LORA, "run.seed=1")),
    "lora-2": Arm("lora, other prompts and noise again", (*_LORA, "run.seed=2")),
    "levelled": Arm("noise in steps 2 to 4, levelled weights"),
    "equal": Arm("noise in all steps, equal weights", ("method.window=all", *_EVEN)),
    "all-levelled": Arm("noise in all steps, levelled weights", ("method.window=all", _START)),
    "window-equal": Arm("noise in steps 2 to 4, equal weights", ("method.weight=equal",)),
    "early": Arm("noise in steps 0 to 2", (_START,)),
    "late": Arm("noise in steps 6 to 8", ("method.start=6",)),
    "kl": Arm("KL, weight 0.01", ("method.beta=0.01",)),
    "kl-strong": Arm("KL, weight 0.1", ("method.beta=0.1",)),
    "noise-low": Arm("noise level a = 0.3", ("method.noise=0.3",)),
    "noise-high": Arm("noise level a = 1", ("method.noise=1.0",)),
    "group-4": Arm("96 prompts × 4", ("sampling.groups=96", "sampling.group=4")),
    "group-48": Arm("8 prompts × 48", ("sampling.groups=8", "sampling.group=48")),
    "window-1": Arm("noise in step 3", ("method.start=3", "method.size=1")),
    "window-6": Arm("noise in steps 1 to 6", ("method.start=1", "method.size=6")),
    "shifted": Arm(
        "SD3.5's grid, noise between nearly the same levels",
        ("sampling.grid=as_shipped", "method.start=4", "method.size=3"),
    ),
    "seed-1": Arm("levelled, other prompts and noise", ("run.seed=1",)),
    "seed-2": Arm("levelled, other prompts and noise again", ("run.seed=2",)),
    "T-40": Arm(
        "T = 40, noise between the same levels",
        ("sampling.steps=40", "method.start=8", "method.size=12"),
    ),
    "long": Arm("levelled, twice as long", ("training.iterations=120",)),
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
    return presets.resolve(["miniature"], None, [*COMMON, *ARMS[name].changes, *short, *changes])
