"""What an implementation declares about itself, and the only place where the kit converts.

    conventions = {"time": "data at 1", "log_prob": "mean", "boundary": "clamp 0.99"}

A convention that is not declared has the default of this table, which is the article's wherever the
article says something. Unknown keys and values are refused. The formulas of the conversions are
those of `refimpl.equations.conventions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...equations import conventions as equations
from ...equations.elementary import sqrt
from ...simulate import shipped
from ...simulate.config import models
from .naming import CannotRun, nearest


@dataclass(frozen=True)
class Key:
    """One thing to declare.

    Attributes:
        default: what holds when nothing is declared.
        words: the values that are words.
        pattern: a word that is followed by a number, such as "clamp" in "clamp 0.99".
        number: whether a plain number is a value: "positive", "nonnegative", or "".
        function: whether a function is a value.
        what: what it says, in a line.
    """

    default: Any
    words: tuple[str, ...]
    what: str
    pattern: str = ""
    number: str = ""
    function: bool = False

    @property
    def values(self) -> str:
        """The values, for messages and the page."""
        shown = [repr(word) for word in self.words]
        shown += [f"'{self.pattern} <number>'"] if self.pattern else []
        shown += [f"a {self.number} number"] if self.number else []
        shown += ["a function of the noise level"] if self.function else []
        return ", ".join(shown)


FROZEN = ("frozen data", "frozen data, constant")
NO_G = ("cps", *FROZEN)
"""Values of "g" whose steps are not Euler–Maruyama's: their mean is not the drift's."""

# fmt: off
KEYS: dict[str, Key] = {
    "arrays": Key("torch", ("torch", "numpy", "jax"), "what your functions are given"),
    "dtype": Key("float64", ("float64", "float32", "bfloat16", "float16"),
        "the precision in which they are called"),
    "dims": Key("any", ("any",), "how many dimensions x has, batch included", number="positive"),
    "t": Key("(B,)", ("(B,)", "scalar", "(B, 1, ...)"), "the shape in which you take t and s"),
    "time": Key("noise at 1", ("noise at 1", "data at 1", "noise at 1000", "data at 1000"),
        "your clock, for t, s and levels"),
    "velocity": Key("", ("noise - data", "data - noise"),
        "the sign of v; by default that of dx/dt on your clock"),
    "path": Key("linear", ("linear", "cosine", "vp"), "the path between data and noise"),
    "grid": Key("uniform", ("uniform", "sd35 as shipped", "any"),
        "the noise levels that `schedule` returns; also a model's, such as 'wan2.1' or "
        "'flux.1-dev 4096' (tokens), and '1/1000, shift 3'", pattern="shift"),
    "g": Key("flow_grpo", ("flow_grpo", "constant", *NO_G),
        "the noise of a step", function=True),
    "a": Key(0.7, (), "noise level: a of a √(t/(1 − t)), the constant g, or CPS's η",
        number="nonnegative"),
    "boundary": Key("next_level", ("next_level", "refuse", "finite", "none"),
        "what stands for t inside 1/(1 − t) at t = 1; none: no step starts there", pattern="clamp"),
    "t_min": Key(0.0, (), "a floor of the noise level inside your formulas (not in h)",
        number="nonnegative"),
    "t_max": Key(1.0, (), "a ceiling of the noise level inside your formulas (not in h)",
        number="positive"),
    "std_min": Key(0.0, (), "a floor of the std of a step (g √h)", number="nonnegative"),
    "last_step": Key("sampled", ("sampled", "data"),
        "whether the step to s = 0 adds noise, or returns the predicted data"),
    "std": Key("g sqrt(h)", ("g sqrt(h)", "g", "variance"), "what std means wherever you use it"),
    "stored": Key("dtype", ("dtype", "float32", "bfloat16", "float16"),
        "the precision to which x_s is rounded, before it is scored"),
    "log_prob": Key("sum", ("sum", "mean", "none"), "how log-probabilities are reduced"),
    "log_prob_terms": Key("all", ("all", "no log 2 pi", "quadratic", "bare square"),
        "which terms of the Gaussian's log-density you keep"),
    "ratio": Key("plain", ("plain", "guard"), "exp(new − old), or GRPO-Guard's RatioNorm"),
    "kl": Key("eq3", ("eq3", "without h", "velocity", "means", "k1", "k2", "k3"),
        "which quantity `kl` is"),
    "kl_reduction": Key("sum", ("sum", "mean", "none"), "how it is reduced over coordinates"),
    "advantage_mean": Key("group", ("group", "others"),
        "the baseline: the group's mean, or that of the others (leave-one-out)"),
    "advantage_std": Key("group", ("group", "others", "batch", "none"),
        "what the standard deviation is over; others: the group without the sample itself"),
    "advantage_floor": Key(0.0, (), "the smallest standard deviation that is divided by",
        number="nonnegative"),
    "advantage_ddof": Key(0, (), "0 or 1: n or n − 1 under the root", number="nonnegative"),
    "advantage_eps": Key(0.0, (), "what is added to the standard deviation", number="nonnegative"),
    "advantage_clip": Key("none", ("none",), "a bound on advantages", number="positive"),
    "sign": Key("objective", ("objective", "loss"), "whether surrogate and objective are "
                                                    "maximised"),
    "guidance": Key("w", ("w", "omega", "zero-star"), "the scale: (1 − w) u + w c, or "
        "(1 + ω) c − ω u; or CFG-Zero*: u times its projection on c before"),
    "model_time": Key("1000 t", ("1000 t", "t", "1 - t", "int(1000 t)"),
        "what the network is given for noise level t"),
    "ode_method": Key("euler", ("euler", "heun", "midpoint", "rk4"), "the rule of `ode_sampler`"),
}
# fmt: on


class Conventions(Mapping[str, Any]):
    """A complete, validated set of conventions.

    Raises:
        CannotRun: an unknown key or value.
    """

    def __init__(self, declared: Mapping[str, Any] | None = None) -> None:
        declared = dict(declared or {})
        self.declared = {key: _valid(key, value) for key, value in declared.items()}
        self._all = {key: k.default for key, k in KEYS.items()} | self.declared
        if not self._all["velocity"]:
            data_time = self._all["time"].startswith("data")
            self._all["velocity"] = "data - noise" if data_time else "noise - data"

    def __getitem__(self, key: str) -> Any:
        return self._all[key]

    def __iter__(self) -> Any:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def but(self, **changes: Any) -> "Conventions":
        """The same with some values changed."""
        return Conventions(self.declared | changes)

    # ---------------------------------------------------------------- clocks and signs

    def level(self, t: Any) -> Any:
        """The noise level of a time on their clock."""
        if self["time"].endswith("1000"):
            t = equations.level_of_network_time(t)
        return equations.flip_time(t) if self["time"].startswith("data") else t

    def clock(self, t: Any) -> Any:
        """Their time of a noise level."""
        t = equations.flip_time(t) if self["time"].startswith("data") else t
        return equations.network_time(t) if self["time"].endswith("1000") else t

    def held(self, t: Any) -> Any:
        """A noise level between the declared floor and ceiling."""
        if self["t_min"] <= 0 and self["t_max"] >= 1:
            return t
        return np.clip(t, self["t_min"], self["t_max"])

    def velocity(self, v: Any) -> Any:
        """Between their sign of v and this package's, either way."""
        return v if self["velocity"] == "noise - data" else equations.flip_velocity(v)

    # ---------------------------------------------------------------- the meaning of std

    def std(self, theirs: Any, h: Any) -> Any:
        """g √h from what they call std."""
        return {
            "g sqrt(h)": lambda: theirs,
            "g": lambda: theirs * sqrt(h),
            "variance": lambda: sqrt(theirs),
        }[self["std"]]()

    def their_std(self, std: Any, h: Any) -> Any:
        """What they call std, from g √h."""
        return {
            "g sqrt(h)": lambda: std,
            "g": lambda: std / sqrt(h),
            "variance": lambda: std**2,
        }[self["std"]]()


def _valid(key: str, value: Any) -> Any:
    if key not in KEYS:
        raise CannotRun(f"no convention is called {key!r}{nearest(key, KEYS)}")
    known = KEYS[key]
    if isinstance(value, str):
        return _word(key, known, value)
    if callable(value) and known.function:
        return value
    if value is None and "none" in known.words:
        return "none"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise CannotRun(f"{key} = {value!r} is not a convention: {known.values}")
    if known.number == "" or not 0 <= value < np.inf or (known.number == "positive" and value <= 0):
        raise CannotRun(f"{key} = {value!r} is not a convention: {known.values}")
    if key == "advantage_ddof" and value not in (0, 1):
        raise CannotRun(f"advantage_ddof must be 0 or 1, got {value!r}")
    if key in ("t_min", "t_max") and value > 1:
        raise CannotRun(f"{key} is a noise level and must lie between 0 and 1, got {value!r}")
    if key == "dims" and value not in (2, 3, 4, 5, 6):
        raise CannotRun(f"dims must be 'any' or 2 to 6 (the batch is one of them), got {value!r}")
    return value


def _word(key: str, known: Key, value: str) -> str:
    spelt = {_plain(word): word for word in known.words}
    if _plain(value) in spelt:
        return spelt[_plain(value)]
    head, _, tail = (
        value.strip().replace("(", " ").replace(")", " ").replace("_", " ").partition(" ")
    )
    if known.pattern and head.lower() == known.pattern:
        try:
            number = float(tail)
        except ValueError:
            number = 0.0
        if number > 0 and (known.pattern != "clamp" or number < 1):
            return f"{known.pattern} {literal(number)}"
    if key == "grid" and (grid := _shipped(value)):
        return grid
    near = nearest(value, known.words) if known.words else ""
    raise CannotRun(f"{key} = {value!r} is not a convention: {known.values}{near}")


def _shipped(value: str) -> str:
    """The short name of a shipped grid, if it is one: a model, its tokens, or a last level.

    Raises:
        CannotRun: a model whose tokens are missing, or no number.
    """
    name = value.strip().lower()
    if not name.startswith((shipped.SHORT, *models())):
        return ""
    try:
        shipped.of_name(name, 2)
    except ValueError as error:
        raise CannotRun(f"grid = {value!r}: {error}") from None
    return name


def literal(x: float) -> str:
    """A number as one writes it, every digit of it."""
    return repr(float(x)).removesuffix(".0")


def _plain(word: str) -> str:
    """Spelling aside: case, spaces, underscores, signs written differently."""
    swaps = {"√": "sqrt", "−": "-", "_": "", " ": "", "*": "", "(h)": "h"}
    word = word.lower()
    for old, new in swaps.items():
        word = word.replace(old, new)
    return word
