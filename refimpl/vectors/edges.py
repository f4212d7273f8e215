"""Inputs of the vectors beyond `evidence.inputs`: nearer the ends, far from zero, and refused ones.

    t = 255/256, t = 2⁻¹⁰        rewards around 10⁴        σ → 0, α → 0        NaN, t = 2, std = 0

Inputs that must be refused are not typed: each argument in turn is given each bad value, and what
the production function refuses becomes a vector, with the reason that it gives.
"""

import math
from collections.abc import Iterator

import numpy as np

from ..equations.registry import find
from ..evidence.awkward import LINEAR_NEAR_DATA, LINEAR_NEAR_NOISE
from ..evidence.calls import Inputs, arguments, flat_names
from ..evidence.inputs import awkward, inputs
from .exact import elementwise

BAD = (math.nan, -1.0, 0.0, 1.0, 2.0)
"""Values that an argument may have to refuse: 1 is a singular end, 2 above every noise level."""


def cases(equation_id: str) -> list[Inputs]:
    """The inputs that have a result: those of `evidence.inputs`, then the further ones.

    Raises:
        KeyError: no equation is called so.
    """
    known, own = inputs(equation_id), awkward(equation_id)
    if not elementwise(equation_id):
        return [*known, *own.further]
    further = [{**known[1], **change} for change in own.further]
    names = flat_names(equation_id)
    if set(LINEAR_NEAR_NOISE) < set(names) and "t" not in names:
        ends = ({**known[1], **end} for end in (LINEAR_NEAR_NOISE, LINEAR_NEAR_DATA))
        further += [case for case in ends if not refusal(equation_id, case)]
    return [*known, *further]


def refused(equation_id: str) -> Iterator[tuple[str, Inputs, str]]:
    """Argument, inputs and reason of each call that the production function refuses."""
    base = cases(equation_id)[1 if elementwise(equation_id) else 0]
    for name, bad in _candidates(equation_id, base):
        reason = refusal(equation_id, bad)
        if reason and "outer product" not in reason:  # not a refusal of schema 1
            yield name, bad, reason


def refusal(equation_id: str, bad: Inputs) -> str:
    """Why the production function refuses these inputs: its message without value and remedy.

    Empty if it does not refuse them.
    """
    try:
        find(equation_id).function(**arguments(equation_id, bad))
    except (ValueError, TypeError) as error:
        return str(error).partition(";")[0].partition(", got")[0]
    except ArithmeticError:
        return ""
    return ""


def _candidates(equation_id: str, base: Inputs) -> Iterator[tuple[str, Inputs]]:
    for name, x in base.items():
        if isinstance(x, str):
            yield name, {**base, name: "other"}
        elif isinstance(x, int):
            yield name, {**base, name: -1}
        elif isinstance(x, np.ndarray):
            for value in (math.nan, -1.0):
                spoiled = x.copy()
                spoiled[(0,) * x.ndim] = value
                yield name, {**base, name: spoiled}
            yield name, {**base, name: x[..., :1]}
        elif isinstance(x, float):
            yield from ((name, {**base, name: value}) for value in BAD if value != x)
            if name == "s" and "t" in base:
                yield name, {**base, name: base["t"]}
    yield from _columns_against_rows(equation_id, base)


def _columns_against_rows(equation_id: str, base: Inputs) -> Iterator[tuple[str, Inputs]]:
    """(2,) against (2, 1): shapes that would broadcast to (2, 2) by accident."""
    first, *others = [name for name, x in base.items() if isinstance(x, float)] or [""]
    if elementwise(equation_id) and others:
        row = {first: np.array([base[first]] * 2)}
        columns = {name: np.array([[base[name]]] * 2) for name in others}
        yield first, {**base, **row, **columns}


def acceptable(equation_id: str, case: Inputs) -> str:
    """Why an implementation may refuse these inputs that have a result; "" if it must not."""
    if equation_id == "grpo.advantage" and not case["eps"]:
        rewards = case["rewards"]
        if (rewards == rewards[:, :1]).all(axis=1).any():
            return "0/0 in a group of equal rewards: 0 here; an error is as good"
    name = awkward(equation_id).vanishing
    if isinstance(case.get(name), float) and case[name] == 0:
        return f"{name} = 0: the limit exists and is returned here; an error is as good"
    return ""
