"""Odd calls end in the right number or in an error that names the argument, never otherwise.

Every argument of every equation in turn is handed each of some ninety odd things; the right number
is the second route's. A sample runs always, all of it at night.
"""

import warnings
import zlib
from functools import cache

import numpy as np
import pytest
import sympy as sp
import torch
from odd import EQUIVALENT, NO_NUMBER

from refimpl.equations import Step, conventions, dynamics, equations, find, grpo, langevin, sde
from refimpl.equations.domain import CHOICE, UNUSED
from refimpl.evidence.calls import LINEAR_FIELD, arguments, flat_arguments
from refimpl.evidence.inputs import inputs, reduces
from refimpl.evidence.reference import reference
from refimpl.evidence.rounding import ROUNDINGS

EVERY = [pytest.param(id, marks=pytest.mark.covers(id), id=id) for id in equations()]
ODD = [*EQUIVALENT, *NO_NUMBER]


@cache
def base(equation_id):
    return dict(inputs(equation_id)[0 if reduces(equation_id) else 1])


def names(equation_id):
    """The arguments that the equation uses; a test's own field is not one of them."""
    return [
        name
        for name, argument in flat_arguments(equation_id).items()
        if name not in LINEAR_FIELD and argument.domain is not UNUSED
    ]


def shown(equation_id, name):
    return next(p.shown for p in find(equation_id).places if p.name == name)


def outcome(equation_id, name, odd):
    """What is wrong with a call, "" if nothing is."""
    case = base(equation_id)
    value = EQUIVALENT[odd](case[name]) if odd in EQUIVALENT else NO_NUMBER[odd]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = find(equation_id).function(**arguments(equation_id, {**case, name: value}))
    except (TypeError, ValueError) as error:
        message = str(error)
        if "\n" in message or shown(equation_id, name) not in message or len(message) > 400:
            return f"{type(error).__name__} does not name {name}: {message[:120]!r}"
        return ""
    except Exception as error:
        return f"from the depths: {type(error).__name__}: {str(error)[:120]!r}"
    if odd in NO_NUMBER:
        return f"accepted: {got!r}"
    return wrong(equation_id, case, got, precision(value))


def precision(x):
    """The unit roundoff of what was handed in, or of float64."""
    if isinstance(x, torch.Tensor):
        return torch.finfo(x.dtype).eps / 2
    floating = isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f"
    return max(2.0**-53, float(np.finfo(x.dtype).eps) / 2) if floating else 2.0**-53


def wrong(equation_id, case, got, u):
    """How a result differs from the second route's, "" if it does not."""
    second = reference(equation_id, case)
    numbers = vars(got) if hasattr(got, "__dataclass_fields__") else {"value": got}
    for part, x in numbers.items():
        if isinstance(x, torch.Tensor):
            x = x.detach().to(torch.float64).numpy()
        x = np.asarray(np.frompyfunc(float, 1, 1)(x), dtype=np.float64)
        want = np.asarray(second.want[part], dtype=np.float64)
        slack = np.asarray(second.slack[part], dtype=np.float64)
        # the reference itself is rounded here, by one float64 unit
        allowed = ROUNDINGS * u * slack + 2.0**-52 * abs(want)
        if not (abs(x - want) <= allowed).all():
            return f"not the right number: {part} = {x.ravel()[:3]}, not {want.ravel()[:3]}"
    return ""


def calls(equation_id, sample=False):
    """All pairs of an argument and an odd thing, or some that differ between equations."""
    domains = {name: find(equation_id).arguments[name].domain for name in names(equation_id)}
    pairs = [
        (name, odd)
        for name, domain in domains.items()
        for odd in (NO_NUMBER if domain is CHOICE else ODD)
        if odd != "int8 number" or not (domain.whole or domain is CHOICE)  # a count like others
    ]
    start = zlib.crc32(equation_id.encode()) % 17
    return pairs[start::17] if sample else pairs


def failures(equation_id, sample=False):
    return [
        f"{name} as {odd}: {said}"
        for name, odd in calls(equation_id, sample)
        if (said := outcome(equation_id, name, odd))
    ]


@pytest.mark.parametrize("equation_id", EVERY)
def test_some_odd_calls_end_in_the_right_number_or_a_clear_error(equation_id):
    assert not failures(equation_id, sample=True)


@pytest.mark.slow
@pytest.mark.parametrize("equation_id", EVERY)
def test_every_odd_call_ends_in_the_right_number_or_a_clear_error(equation_id):
    assert not failures(equation_id)


def test_there_are_tens_of_thousands_of_odd_calls():
    assert sum(len(calls(id)) for id in equations()) > 30_000
    assert {odd for id in equations() for _, odd in calls(id, sample=True)} == set(ODD)


# ---------------------------------------------------------------- calls that went wrong once


ONES = np.ones((4, 1)), np.ones((1, 4))


@pytest.mark.covers("langevin.perturbed_weight")
def test_an_array_of_small_integers_does_not_overflow_in_silence():
    with pytest.raises(TypeError, match=r"^sigma must hold real numbers, got dtype torch.uint8"):
        langevin.perturbed_weight(torch.tensor([200], dtype=torch.uint8))
    with pytest.raises(TypeError, match=r"^sigma must be a floating-point number, got uint8 200"):
        langevin.perturbed_weight(np.uint8(200))
    assert langevin.perturbed_weight(200.0) == 40_000


@pytest.mark.covers("dynamics.picard_bound", "dynamics.euler_on_linear")
def test_what_is_counted_is_whole():
    with pytest.raises(ValueError, match=r"counted from 1, got n=nan$"):
        dynamics.picard_bound(1.0, 1.0, 1.0, float("nan"))
    with pytest.raises(ValueError, match=r"^n must be a whole number, got 1.5$"):
        dynamics.picard_bound(1.0, 1.0, 1.0, 1.5)
    with pytest.raises(ValueError, match=r"^steps must be a whole number, got 1.5$"):
        dynamics.euler_on_linear(1.0, 1.0, 1.0, steps=1.5)
    with pytest.raises(ValueError, match=r"^steps must be a whole number, got values from 1.5 to"):
        dynamics.euler_on_linear(1.0, 1.0, 1.0, steps=np.array([1.5, 2.0]))
    with pytest.raises(ValueError, match=r"^dimensions must be a whole number, got 0.5$"):
        conventions.beta_for_mean_without_h(1.0, 1.0, 0.5)
    for two in (2, 2.0, np.int64(2), np.float32(2), sp.Integer(2), torch.tensor(2.0)):
        assert dynamics.euler_on_linear(1.0, 1.0, 1.0, steps=two) == 0.25
        assert dynamics.picard_bound(1.0, 1.0, 1.0, two) == 0.5


@pytest.mark.covers("grpo.surrogate", "sde.drift")
@pytest.mark.parametrize("convert", [np.asarray, torch.tensor])
def test_arrays_that_only_meet_in_an_outer_product_are_refused(convert):
    column, row = (convert(x) for x in ONES)
    with pytest.raises(ValueError, match=r"ratio .*\(4, 1\) and advantage .*\(1, 4\): .*outer"):
        grpo.surrogate(column, row, 0.2)
    with pytest.raises(ValueError, match=r"outer product .* one of them the shape \(4, 4\)"):
        sde.drift(column, row, 1.0)
    advantages = convert(np.array([[-1.0], [0.5], [0.5], [-0.4]]))
    assert grpo.surrogate(column, advantages, 0.2).mean() == pytest.approx(-0.1, rel=1e-15)


@pytest.mark.covers("sde.drift", "sde.transition")
def test_a_column_per_sample_meets_a_field():
    x, column = torch.ones(2, 3, 4, 5), torch.full((2, 1, 1, 1), 0.5)
    assert sde.drift(x, x, column).shape == x.shape
    step = Step(column, column / 2)
    path = find("paths.linear").function(step.t)
    assert sde.transition(path, x, x, column, step).mean.shape == x.shape
    shared, own = torch.ones(1, 3, 4, 5), torch.ones(2, 1, 1, 1)
    assert sde.drift(x, shared, own).shape == x.shape  # x has the shape of the result


@pytest.mark.covers("sde.drift")
def test_symbols_do_not_meet_rounded_arrays():
    v = sp.Symbol("v")
    with pytest.raises(TypeError, match=r"score is a Tensor and v a Symbol"):
        sde.drift(v, torch.ones(2), 1.0)
    assert sde.drift(v, 1, sp.Integer(2)) == v - 2


@pytest.mark.covers("conversions.score_from_noise", "ode.euler", "grpo.advantage")
def test_a_structure_a_function_and_a_word_are_asked_for_by_name():
    with pytest.raises(TypeError, match=r"^c must be a Coefficients, got tuple"):
        find("conversions.score_from_noise").function((1.0, 2.0), 1.0)
    with pytest.raises(TypeError, match=r"^field must be a function, got float 1.0"):
        find("ode.euler").function(1.0, 1.0, Step(1.0, 0.5))
    for std in (None, np.array(["group"]), 1.5, True):
        with pytest.raises(TypeError, match=r"^std must be a word or a count, got"):
            grpo.advantage(ONES[0].T, std=std, ddof=0, eps=0.0)
    with pytest.raises(ValueError, match=r"^rewards must be an array with 1 or more axes, got"):
        grpo.advantage(1.0, std="group", ddof=0, eps=0.0)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'g'"):
        sde.drift(1.0, 1.0)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'a'"):
        sde.drift(1.0, 1.0, a=1.0)
