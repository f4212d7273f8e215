"""What the arguments of a vector mean, and the conventions under which they mean it.

v: the velocity at (x_t, t); it points towards noise        t: the noise level, 0 = data
"""

import inspect
import re

from ..equations.registry import find
from ..evidence.calls import flat_arguments

_CONVENTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("t", "s", "inside", "sigma"), "t is the noise level: 0 is data, 1 is noise."),
    (("v", "v_ref", "v_cond"), "A velocity points from data towards noise: v = noise − data."),
    (("s", "h"), "A step goes from t down to s; its length h = t − s is positive."),
    (("g",), "g is the SDE's coefficient; the standard deviation of a step is g √h."),
    (("std", "p_std"), "A std is a standard deviation, never a variance."),
    (("log_prob", "log_ratio", "kl"), "Log-probabilities and KLs are in nats."),
)
_EVERYWHERE = "Nothing is summed or averaged over coordinates unless the statement says so."


def meaning(equation_id: str, name: str) -> str:
    """What an argument is: said for this equation, by its docstring, or by the vocabulary."""
    published = _PUBLISHED.get((equation_id, name)) or _PUBLISHED.get(
        (find(equation_id).topic, name)
    )
    argument = flat_arguments(equation_id)[name]
    if published or argument.own:
        return published or argument.meaning
    return _documented(equation_id).get(name) or argument.meaning


_NOISE_LEVEL = "the noise level of the state"
_PUBLISHED = {
    ("dynamics", "t"): _NOISE_LEVEL,
    ("dynamics.brownian", "w"): "the guidance scale; 0 is unconditional, 1 conditional",
    ("guidance.classifier", "a"): "the noise level of Flow-GRPO, the factor in g",
    ("kernels.posterior_variance", "gap"): "as in the statement",
    ("objectives.energy_score", "df_dx"): "the derivative of f",
    ("weights.signal", "correlation"): "of the two ends of a path",
}
"""What schema 1 was published with, and says wrong or not at all; the declarations are right."""


def conventions(names: tuple[str, ...]) -> list[str]:
    """The conventions that concern arguments of these names."""
    concerned = [text for keys, text in _CONVENTIONS if set(keys) & set(names)]
    return [*concerned, _EVERYWHERE]


def _documented(equation_id: str) -> dict[str, str]:
    text = inspect.getdoc(find(equation_id).function) or ""
    section = re.search(r"^Args:\n((?: +.*\n?)+)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1], re.M) if section else []
    return {name: " ".join(words.split()).rstrip(".") for name, words in entries}
