"""A reading holds where nothing was asked: what only coincides on the inputs is not printed.

Every quantity of every formula is remade in turn (its sign, its hyperbolic tangent, held at 1, held
where half of its values lie), and the readings of the answers are tried on other inputs.
"""

import random

import numpy as np
import pytest

from refimpl.conformance.adapter.results import Answer
from refimpl.conformance.adapter.spreads import SMALL, spread
from refimpl.conformance.adapter.subject import Subject
from refimpl.conformance.checks import checks
from refimpl.conformance.checks.asking import fresh
from refimpl.conformance.checks.table import OFFERS, precise
from refimpl.conformance.diagnosis.evidence import Evidence, quietly
from refimpl.conformance.diagnosis.explaining import explain
from refimpl.conformance.diagnosis.instead import instead
from refimpl.conformance.diagnosis.readings import Case
from refimpl.conformance.diagnosis.remade import opened, remade
from refimpl.conformance.diagnosis.solving import solved
from refimpl.peers.own import Refimpl

SUBJECT = Subject(Refimpl, "")
C = SUBJECT.conventions
checks()  # fills the table
WRITTEN = sorted(set(OFFERS) - {"schedule", "ode_sampler", "sde_sampler"})
EACH = 6
"""Programs tried for each capability: of all that there are, drawn by its name."""


def others(op, cases):
    """The formula with one quantity remade; limits at 1, and in the middle of its values."""
    inputs, begun = [k.inputs for k in cases], op.begins(cases[0].inputs, C)
    program = opened(op.written(inputs, C)[0], begun)
    with np.errstate(all="ignore"):
        known = program.values(begun)
        for r in remade(program, known, range(len(program.lines))):
            for limit in _limits(r.held.value(known)) if r.free else (None,):
                yield (r if limit is None else r.at(limit)).of(program)
        for plain in (program, *op.apart(inputs, C)):
            yield from substituted(plain, plain.values(begun), plain is not program)


def substituted(program, known, apart):
    """The formula with one quantity taken for another; two limits lie about 0."""
    for x in instead(program, known, range(len(program.lines)), apart=apart):
        for limit in _limits(known[x.was.name]) if x.numbers else (None,):
            numbers = [-limit, limit][-len(x.numbers) :] if x.numbers else []
            yield program.changed(x.place, x.at(*numbers))


def _limits(q):
    return 1.0, float(np.median(np.abs(q)))


def answers(program, op, cases):
    """What an implementation of the program returns; None where it has no value."""
    told = [quietly(lambda i: program.run(op.begins(i, C)), k.inputs) for k in cases]
    if not all(t and all(np.isfinite(x).all() for x in t.values()) for t in told):
        return None
    return [Answer(t, dict.fromkeys(t, 2.0**-53), {}) for t in told]


@pytest.mark.parametrize("capability", WRITTEN)
def test_a_reading_holds_on_inputs_that_were_never_asked(capability):
    op, cases = OFFERS[capability].operation, OFFERS[capability].cases(SUBJECT)
    asked = [*precise(SUBJECT, cases), *fresh(SUBJECT, cases)]
    programs = list(others(op, asked))
    chosen = random.Random(capability).sample(programs, min(EACH, len(programs)))
    read = 0
    for program in chosen:
        got = answers(program, op, asked)
        if got is None or not Evidence(op, asked, got, C).off:
            continue  # it says nothing here, or what is right
        readings = [x for x in explain(op, asked, got, C, deep=False) if not x.part and x.says]
        kept = [x for x in readings if all(holds(x, program, op, k) for k in elsewhere(cases))]
        assert kept or not readings, [x.name for x in readings]
        read += bool(kept)
    assert read >= len(chosen) // 2


def test_readings_that_part_somewhere_all_stand_and_the_same_one_stands_once():
    """Of advantages 1.5 and −1.25 a sign and what is held at 1 are the same numbers."""
    op, cases = OFFERS["surrogate"].operation, OFFERS["surrogate"].cases(SUBJECT)
    ways = {
        "sign(A)": lambda i: {"value": np.sign(i["advantage"])},
        "(A > 0) − (A < 0)": lambda i: {"value": 1.0 * (i["advantage"] > 0) - (i["advantage"] < 0)},
        "clamp(A, −1, 1)": lambda i: {"value": np.clip(i["advantage"], -1, 1)},
    }
    e = Evidence(op, cases, [Answer({}, {}, {}) for _ in cases], C)
    assert e.distinct(ways, ways.get, len) == ["sign(A)", "clamp(A, −1, 1)"]


def test_a_number_that_nothing_depends_on_is_not_found():
    """Two numbers held at 3 and at 4 are as far apart, where both are 5 or both are 1."""
    x = np.array([1.0, 1.0, 5.0, 5.0])
    apart = lambda c: np.minimum(x, c[0]) - np.minimum(x + 0.5 * (x < 2), c[0])  # noqa: E731
    assert solved(apart, apart([4.0]), [3.0]) is None
    assert solved(lambda c: np.minimum(x, c[0]), np.minimum(x, 3.0), [3.0]) == [3.0]


def elsewhere(cases):
    """Inputs of other signs and sizes."""
    return [Case(spread(C, k.inputs, seed, by)) for k in cases[:3]
            for seed, by in ((23, 1.0), (35, 1.0), (47, SMALL))]  # fmt: skip


def holds(reading, program, op, case):
    """Whether it gives the program's numbers."""
    want = quietly(lambda i: program.run(op.begins(i, C)), case.inputs)
    told = quietly(reading.says, case.inputs)
    return want is None or told is None or all(
        np.allclose(told[p], want[p], 1e-6, 1e-12 + 1e-9 * np.abs(want[p]).max(initial=0.0))
        for p in want.keys() & told.keys()
    )  # fmt: skip
