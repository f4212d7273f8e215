"""Numbers that no listed formula gives, read as the kit reads an adapter's: the line they follow.

    read("log_prob", [{"x_s": ..., "mean": ..., "std": ...}], [log_prob], u, conventions)
        →   it computes  −log(std²)  where  −log(std)  is meant. Remedy: ...

The kit's formulas are written out and edited by its diagnosis; a reading gives every number that
was asked, in two halves of the rows, or there is none.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ...conformance.adapter.conventions import Conventions
from ...conformance.adapter.patience import Patience
from ...conformance.adapter.results import Answer
from ...conformance.adapter.subject import quiet
from ...conformance.checks.advantages import ADVANTAGES
from ...conformance.checks.density import LOG_PROB, SAMPLE
from ...conformance.checks.grpo import OBJECTIVE, SURROGATE
from ...conformance.checks.policy import KL, RATIO
from ...conformance.checks.steps import DIFFUSION, STEP
from ...conformance.diagnosis.evidence import Evidence
from ...conformance.diagnosis.explaining import explain
from ...conformance.diagnosis.printing import number
from ...conformance.diagnosis.readings import Case, Explanation, cause
from ...conformance.formulas.operations import allowed

_OPERATIONS = {
    "schedule": (DIFFUSION, "value"), "mean": (STEP, "mean"), "x_s": (SAMPLE, "x_s"),
    "log_prob": (LOG_PROB, "value"), "kl": (KL, "value"), "ratio": (RATIO, "value"),
    "advantages": (ADVANTAGES, "value"), "loss": (OBJECTIVE, "value"),
    "loss without a KL": (SURROGATE, "value"),
}  # fmt: skip
"""What judges a recorded quantity, and what it calls its numbers."""

_OF_OTHERS = {"mean": ("log_prob", "log_prob_terms")}
"""Conventions of other parts of the same operation: to a quantity they make no difference."""

_PER_ROW = {"t", "s", "g", "std"}
_NUMBERS = 2**12
"""So many numbers of a latent are looked at, all rows together."""

_SHARP = 2.0**-8
"""What rounding may be, of a number that formulas are to be told apart by."""

_FEWEST = 8
"""Of fewer numbers a formula with one or two of its own gives all."""

_LEVELS = 5
"""Of so many levels a schedule without a number of its own is told: nobody meets them by chance."""

_DECIMAL = re.compile(r"\d\.\d")

_FLAT = 2.0**-8
"""Numbers that differ by less than this part of the largest are one, as far as formulas go."""

_ROWS = 2**8
"""So many rows at most are looked at."""

_TOLD = {"mistake", "edit", "argument", "factor", "constant", "convention"}
"""Kinds of readings that are told: a rounding is the audit's own to find."""


def cases_of(
    numbers: Mapping[str, Tensor], got: Tensor, *, split: bool = True
) -> tuple[list[dict[str, object]], list[Tensor]]:
    """A few rows as two cases, as far apart as the file has them; or the first rows as one.

    Args:
        numbers: by the kit's name of the argument, (n, D) or (n, 1); a level or a std becomes (n,).
        got: what was recorded, (n, D) or (n, 1).
    """
    rows = _spread(numbers, got) if split else list(range(min(len(got), _NUMBERS)))
    inputs, told = [], []
    for part in (rows[::2], rows[1::2]) if split else (rows,):
        inputs.append({name: _of(name, x[part]) for name, x in numbers.items()})
        told.append(got[part] if got.shape[1] > 1 else got[part, 0])
    return inputs, told


def _of(name: str, x: Tensor) -> object:
    own = x[:, 0] if name in _PER_ROW or x.shape[1] == 1 else x
    return own.double().numpy()


def _spread(numbers: Mapping[str, Tensor], got: Tensor) -> list[int]:
    """Rows at as many different levels as there are, none of them degenerate."""
    width = max([got.shape[1], *(x.shape[1] for x in numbers.values())])
    few = min(len(got), _ROWS, max(8, _NUMBERS // width))
    by = numbers["t"][:, 0] if "t" in numbers else torch.arange(len(got))
    order = torch.argsort(by, stable=True).tolist()
    return [order[round(k * (len(order) - 1) / max(1, few - 1))] for k in range(few)]


def read(
    subject: str, inputs: Sequence[Mapping[str, object]], got: Sequence[Tensor], u: float,
    conventions: Mapping[str, object] | None = None, *, known: Collection[str] = (),
) -> str:  # fmt: skip
    """What gives these numbers, in sentences; "" where nothing does.

    Args:
        subject: a key of the table above.
        inputs: the kit's arguments of each case, on the house clock.
        got: the recorded numbers of each case.
        u: the coarsest roundoff among them.
        conventions: what the kit is to take for declared.
        known: conventions that other numbers have shown: no other is asked about.
    """
    every = torch.cat([x.flatten() for x in got])
    few = len(every) < _FEWEST
    if few and (subject != "schedule" or len(every) < _LEVELS):
        return ""
    if bool((every == every[0]).all()):
        return f"it is {number(float(every[0]))} everywhere"
    if bool(every.max() - every.min() <= _FLAT * every.abs().max()):
        return ""  # a sign or a ratio is as good as any formula
    e = _evidence(subject, inputs, got, u, conventions)
    if e is None or not e.off or not _sharp(e):
        return ""
    idle = {*known, *_OF_OTHERS.get(subject, ())}
    op = replace(e.op, keys=tuple(k for k in e.op.keys if k not in idle))
    with quiet():
        found = explain(op, e.cases, e.answers, e.c, Patience(slips=False))
    if not found or not all(_stands(x, e) for x in found):
        return ""
    if few and any(x.kind not in ("edit", "mistake") or _DECIMAL.search(x.name) for x in found):
        return ""
    found = _unheld(_plainest(found))
    told = cause([replace(x, remedy="") if x.kind == "convention" else x for x in found])
    for theirs, ours in _KEYS.items():
        told = told.replace(theirs, ours)
    return told[0].lower() + told[1:]


_KEYS = {"advantage_eps": "eps", "advantage_ddof": "ddof"}
"""The kit's keys that a manifest calls otherwise."""


def _plainest(found: list[Explanation]) -> list[Explanation]:
    """Of edits that give the same numbers those with the fewest numbers of their own: in a record a
    weight is one number throughout, and its square is as good as itself."""
    if any(x.kind != "edit" or x.part for x in found):
        return found
    own = [len(set(_NUMBER.findall(x.name.partition("  where  ")[0]))) for x in found]
    return [x for x, n in zip(found, own, strict=True) if n == min(own)]


def _unheld(found: list[Explanation]) -> list[Explanation]:
    """Readings without those that hold rewards between ends that none of these is beyond."""
    names = {x.name for x in found}
    return [
        x for x in found if x.name == (bare := _HELD.sub("rewards", x.name)) or bare not in names
    ]


_HELD = re.compile(r"^rewards held (?:between \S+ and \S+|at \S+ from (?:below|above))")

_NUMBER = re.compile(r"\d+(?:\.\d+)?|[²³]")


def _stands(x: Explanation, e: Evidence) -> bool:
    """Whether it is told, and gives the numbers to their rounding: not to that of a sum it left."""
    return x.kind in _TOLD and (x.says is None or e.holds(x.says))


def _sharp(e: Evidence) -> bool:
    """Whether rounding is far below the numbers: else one formula is as good as another."""
    with np.errstate(divide="ignore", invalid="ignore"):  # zeros may be an end that holds them
        shares = np.concatenate(
            [np.ravel(allowed(r.unit) * r.sizes / np.abs(r.got)) for r in e.rows]
        )
    told = shares[np.isfinite(shares)]
    return bool(len(told)) and float(np.median(told)) < _SHARP


def right(
    subject: str, inputs: Sequence[Mapping[str, object]], got: Sequence[Tensor], u: float,
    conventions: Mapping[str, object] | None = None,
) -> bool:  # fmt: skip
    """Whether these numbers are what the formula gives."""
    if sum(x.numel() for x in got) < _FEWEST:
        return False
    e = _evidence(subject, inputs, got, u, conventions)
    return e is not None and not e.off and _sharp(e)


def _evidence(
    subject: str, inputs: Sequence[Mapping[str, object]], got: Sequence[Tensor], u: float,
    conventions: Mapping[str, object] | None,
) -> Evidence | None:  # fmt: skip
    op, part = _OPERATIONS[subject]
    exact = u < 2.0**-50
    c = Conventions({"dtype": "float64" if exact else "float32", **(conventions or {})})
    unit = max(u, 2.0**-53 if exact else 2.0**-24)
    cases = [Case(i, f"rows of half {k + 1}") for k, i in enumerate(inputs)]
    told = [Answer({part: x.double().numpy()}, {part: unit}, {part: ""}) for x in got]
    e = Evidence(op, cases, told, c)
    finite = all(np.isfinite(r.right).all() for r in e.rows if r.right is not None)
    return e if e.rows and finite else None
