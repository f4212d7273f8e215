"""Checks of the twelve conversions between data, noise, velocity and score.

    data_from_velocity   noise_from_velocity   score   velocity_from_score   ...

They are asked near both ends too, where a silent floor or ceiling shows.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import at, shapes, times, values
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..diagnosis.solving import one
from ..formulas.operations import Operation, Slip
from ..formulas.values import Formulas, Inputs, Parts, column, conversion
from ..formulas.written import begins, forms
from .paths import PATH_KEYS
from .table import offer

ENDS = (2.0**-8, 1 - 2.0**-8)
"""Levels near the ends."""


def _conversion_cases(name: str, short: str) -> object:
    def cases(subject: Subject) -> list[Case]:
        c, made = subject.conventions, []
        for k, shape in enumerate(shapes(c)):
            for st in times(c, shape[0], k):
                given = {"x": values("x", shape), short: values(short, shape), "t": st["t"]}
                made.append(Case({**given, "to": name}, f"shape {shape}"))
        if arrays.UNIT[c["dtype"]] <= 2.0**-24 and c["dims"] == "any":
            state = {"x": values("x", (4, 3)), short: values(short, (4, 3))}
            ends = ({**state, "t": at(c, t, t / 2, 4)["t"], "to": name} for t in ENDS)
            made += [Case(i, f"t = {t:.4g}") for i, t in zip(ends, ENDS, strict=True)]
        return made

    return cases


def _convert_size(short: str) -> object:
    def inner(i: Inputs, c: Conventions) -> Parts:
        both = np.abs(i["x"]) + np.abs(i[short])
        return {"value": both}

    return inner


CONVERSIONS = {
    "data_from_velocity": "v", "noise_from_velocity": "v", "score_from_velocity": "v",
    "velocity_from_score": "score", "velocity_from_data": "data", "velocity_from_noise": "noise",
    "score_from_data": "data", "score_from_noise": "noise", "data_from_noise": "noise",
    "data_from_score": "score", "noise_from_data": "data", "noise_from_score": "score",
}  # fmt: skip


def _angular(name: str, rule: Callable[[np.ndarray, np.ndarray, Any], Any]) -> Slip:
    """A conversion of diffusion models, whose coefficients' squares add up to 1."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        return {"value": rule(i["x"], i["v"], column(c.level(i["t"]), i["x"]))}

    return Slip(name, "α = √(1 − t²): v-prediction of diffusion models, not of a flow.",
                "ports from DDPM code", "the straight path: α = 1 − t", parts)  # fmt: skip


def _divided(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """A floor under the t² that a score from data is divided by, read off a wrong answer."""
    if cases[0].get("to") != "score_from_data" or c["path"] != "linear":
        return
    for i, parts in zip(cases, told, strict=True):
        right, got = conversion(Formulas(), i, c)["value"], parts.get("value")
        if got is None or got.shape != right.shape:
            return
        t = column(c.level(i["t"]), i["x"]) + 0 * right
        off = np.abs(got) < 0.999 * np.abs(right)
        if off.any() and (got[off] * right[off] > 0).all():
            floor = one(t[off] * np.sqrt(right[off] / got[off]))
            if floor is not None and floor < _HIGHEST:
                yield Slip(f"a floor of {floor:g} under the t that is divided by",
                           "The t beside it keeps the level.", "clamps against division by 0",
                           "declare t_min, or no clamp",
                           lambda i, c, low=floor: _floored_below(i, c, low))  # type: ignore[misc]  # fmt: skip
            return


_HIGHEST = 0.75
"""Some level lies above a floor: where none does, nothing was divided at all."""


def _floored_below(i: Inputs, c: Conventions, floor: float) -> Parts:
    t = column(c.level(i["t"]), i["x"])
    return {"value": conversion(Formulas(), i, c)["value"] * (t / np.maximum(t, floor)) ** 2}


_VP = {
    "data_from_velocity": (
        _angular("√(1 − t²) x − t v", lambda x, v, t: np.sqrt(1 - t**2) * x - t * v),),
    "noise_from_velocity": (
        _angular("t x + √(1 − t²) v", lambda x, v, t: t * x + np.sqrt(1 - t**2) * v),),
}  # fmt: skip

for _name, _short in CONVERSIONS.items():
    _capability = "score" if _name == "score_from_velocity" else _name
    offer(Operation(_capability, conversion, PATH_KEYS, _VP.get(_name, ()), _convert_size(_short),  # type: ignore[arg-type]
                    forms(_capability), begins, fitted=_divided),
          _conversion_cases(_name, _short), covers=(f"conversions.{_name}",))  # type: ignore[arg-type]  # fmt: skip
