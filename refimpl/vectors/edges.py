"""The inputs of the vectors beyond `cases`: nearer the ends, further from zero, and refused ones.

    t = 255/256, t = 2⁻¹⁰        rewards around 10⁴        σ → 0, α → 0        NaN, t = 2, std = 0

Inputs that must be refused are not typed: each argument in turn is given each bad value, and what
the production function refuses becomes a vector, with the reason that it gives.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..equations.registry import find
from ..evidence.calls import Inputs, arguments, flat_names
from ..evidence.cases import inputs
from .exact import elementwise

_NEAR_NOISE, _NEAR_DATA = 1 - 2.0**-8, 2.0**-8
_C_NEAR_NOISE = {"alpha": _NEAR_DATA, "sigma": _NEAR_NOISE, "d_alpha": -1.0, "d_sigma": 1.0}
_C_NEAR_DATA = {"alpha": _NEAR_NOISE, "sigma": _NEAR_DATA, "d_alpha": -1.0, "d_sigma": 1.0}
_OFFSET = 10240.0  # rewards of this size, 64 apart, are exact in bfloat16

_EXTRA: dict[str, tuple[dict[str, float], ...]] = {
    "gaussian.sample": ({"mean": _OFFSET, "std": 2.0**-7},),
    "gaussian.log_prob": ({"x": _OFFSET, "mean": _OFFSET - 64, "std": 64.0},),
    "paths.linear": ({"t": _NEAR_NOISE}, {"t": _NEAR_DATA}),
    "paths.cosine": ({"t": _NEAR_NOISE}, {"t": 2.0**-10}),
    "sde.flow_grpo_g": (
        {"t": _NEAR_NOISE, "inside": _NEAR_NOISE},
        {"t": 2.0**-10, "inside": 2.0**-10},
        {"t": 1.0, "inside": 1 - 2.0**-5},
    ),
    "sde.flow_grpo_drift": ({"t": _NEAR_NOISE}, {"t": 2.0**-10}),
    "sde.transition": (
        {"t": _NEAR_NOISE, "s": 0.875, **_C_NEAR_NOISE},
        {"t": _NEAR_DATA, "s": 0.0, **_C_NEAR_DATA},
    ),
    "kl.gaussian": ({"p_std": 0.5, "q_std": 0.50390625, "p_mean": 1.0, "q_mean": 1.0},),
    "kl.flow_grpo": ({"t": _NEAR_NOISE}, {"v": 1.0, "v_ref": _NEAR_NOISE}, {"h": 2.0**-10}),
    "kl.k3": ({"log_ratio": 2.0**-14}, {"log_ratio": -(2.0**-7)}),
    "policy.log_ratio": ({"log_prob": -_OFFSET, "log_prob_old": 64 - _OFFSET},),
    "policy.ratio": (
        {"log_prob": -_OFFSET, "log_prob_old": -_OFFSET},
        {"log_prob": -_OFFSET, "log_prob_old": 64 - _OFFSET},
    ),
    "ode.euler": ({"t": 1.0, "s": 0.0}, {"t": 2.0**-7, "s": 0.0}),
    "ode.heun": ({"t": 1.0, "s": 0.0},),
    "ode.rk4": ({"t": 1.0, "s": 0.0},),
    "guidance.classifier_free": ({"w": 7.5}, {"v_uncond": 1.5, "v_cond": 1.5}),
    "guidance.diffusers": ({"guidance_scale": 7.5}, {"v_uncond": 1.5, "v_cond": 1.5}),
    "ddpm.forward": ({"beta": 2.0**-10},),
}


def _rewards(rows: list[list[float]], std: str, ddof: int, eps: float) -> dict[str, Any]:
    return {"rewards": np.array(rows), "std": std, "ddof": ddof, "eps": eps}


_FAR = [[_OFFSET, _OFFSET + 64, _OFFSET + 128, _OFFSET + 256]]
_EXTRA_WHOLE: dict[str, tuple[dict[str, Any], ...]] = {
    "grpo.advantage": (
        _rewards(_FAR, "group", 0, 0.0),
        _rewards(_FAR, "group", 1, 2.0**-13),
        _rewards([[_OFFSET] * 3, [_OFFSET] * 3], "batch", 0, 0.0),
        _rewards([[1.0, 1.0, 1.0, 1.0078125]], "group", 0, 0.0),
    ),
}

BAD = (math.nan, -1.0, 0.0, 1.0, 2.0)
"""Values that an argument may have to refuse: 1 is a singular end, 2 above every noise level."""


def cases(equation_id: str) -> list[Inputs]:
    """The inputs that have a result: those of `cases.inputs`, then the further ones.

    Raises:
        KeyError: no equation is called so.
    """
    known = inputs(equation_id)
    if not elementwise(equation_id):
        return [*known, *_EXTRA_WHOLE.get(equation_id, ())]
    further = [{**known[1], **change} for change in _EXTRA.get(equation_id, ())]
    names = flat_names(equation_id)
    if set(_C_NEAR_NOISE) < set(names) and "t" not in names:
        ends = ({**known[1], **end} for end in (_C_NEAR_NOISE, _C_NEAR_DATA))
        further += [case for case in ends if not refusal(equation_id, case)]
    return [*known, *further]


def refused(equation_id: str) -> Iterator[tuple[str, Inputs, str]]:
    """Argument, inputs and reason of each call that the production function refuses."""
    base = cases(equation_id)[1 if elementwise(equation_id) else 0]
    for name, bad in _candidates(equation_id, base):
        reason = refusal(equation_id, bad)
        if reason:
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
    name = _WITHOUT_NOISE.get(equation_id, "")
    if isinstance(case.get(name), float) and case[name] == 0:
        return f"{name} = 0: the limit exists and is returned here; an error is as good"
    return ""


_WITHOUT_NOISE = {
    "gaussian.sample": "std",
    "paths.conditional": "sigma",
    "conversions.velocity_from_score": "sigma",
    "sde.transition": "g",
    "sde.euler_maruyama": "g",
    "dynamics.ornstein_uhlenbeck": "sigma",
}
"""Equations that return a law without noise, or a limit, where many libraries refuse."""
