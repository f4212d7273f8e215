"""The reading of a wrong implementation is its true cause, or none; right ones are not flagged."""

import inspect

import everyday  # noqa: F401 (it adds to those of strange)
import exchanged  # noqa: F401 (it adds to those of strange)
import likely  # noqa: F401 (it adds to those of strange)
import misplaced  # noqa: F401 (it adds to those of strange)
import numbered  # noqa: F401 (it adds to those of strange)
import numpy as np
import objectives  # noqa: F401 (it adds to those of strange)
import ordinary  # noqa: F401 (it adds to those of strange)
import parted  # noqa: F401 (it adds to those of strange)
import practised  # noqa: F401 (it adds to those of strange)
import pytest
import remade  # noqa: F401 (it adds to those of strange)
import saturated  # noqa: F401 (it adds to those of strange)
import strange
import torch
import unused  # noqa: F401 (it adds to those of strange)

from refimpl.conformance.adapter.conventions import Conventions
from refimpl.conformance.adapter.patience import Patience
from refimpl.conformance.adapter.results import Answer
from refimpl.conformance.adapter.subject import Subject
from refimpl.conformance.checks import asking, checks
from refimpl.conformance.checks.policy import RATIO
from refimpl.conformance.checks.table import OFFERS
from refimpl.conformance.diagnosis.evidence import Evidence, quietly
from refimpl.conformance.diagnosis.explaining import explain
from refimpl.conformance.diagnosis.readings import Case
from refimpl.conformance.formulas.conversions import CONVERSIONS
from refimpl.conformance.formulas.operations import ROUNDINGS, size
from refimpl.conformance.formulas.values import Formulas
from refimpl.conformance.kit import judge
from refimpl.conformance.running import Runner
from refimpl.peers.own import Refimpl


@pytest.mark.parametrize("name", strange.WRONG)
def test_what_no_list_names_is_read_from_its_numbers(name):
    function, conventions, check, says, but = strange.WRONG[name]
    result = Runner(strange.adapter(function, conventions)).result(check)
    assert result.verdict == "differs", result
    for words in says:
        assert words in result.cause, result.cause
    for words in but:
        assert words not in result.cause, result.cause


SINGLE = (
    "a clamp at the start", "a level that is held in both places", "a floor of noise",
    "two slopes at one time", "Heun with .6 and .6, in a sampler", "an index to the nearest",
    "advantages centred once more", "a robust score", "held after a median",
    "over the range and a twentieth",
)  # fmt: skip
"""What float32 hid: 1 − t near 1, numbers that are read off, zeros, limits, groups without one."""

OTHERWISE = {
    "a level of a thousand for g": "g at a level cut to thousandths",
    "a level that is cut": "argument t cut to hundredths",
}
"""Wrong implementations that round to float32 themselves, where that is the declared precision."""

HALVES = ("a score in half precision", "a network told a level in half precision")
"""What a whole chain's tolerance hides in float32."""


def in_single(name):
    """The same implementation, asked in float32."""
    function, conventions, check, says, but = strange.WRONG[name]
    told = (OTHERWISE[name],) if name in OTHERWISE else says
    result = Runner(strange.adapter(function, conventions | {"dtype": "float32"})).result(check)
    assert result.verdict == "differs", result
    for words in told:
        assert words in result.cause, result.cause
    for words in but:
        assert words not in result.cause, result.cause


@pytest.mark.parametrize("name", SINGLE)
def test_what_is_read_in_double_precision_is_read_in_single(name):
    in_single(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n, x in strange.WRONG.items() if x[1] == strange.FINE | x[1]
                                  and n not in (*SINGLE, *HALVES)])  # fmt: skip
def test_all_that_is_read_in_double_precision_is_read_in_single(name):
    in_single(name)


def column(t, x):
    return t.reshape(-1, *[1] * (x.ndim - 1))


def test_the_other_clock_is_named_from_the_one_that_is_declared():
    def data_from_velocity(x, v, t):
        return x - column(t, x) * v

    given = {"data_from_velocity": data_from_velocity}
    told = Runner({**given, "conventions": {"time": "data at 1"}}).result(
        "data_from_velocity.value"
    )
    assert "'noise-time path'" in told.cause, told.cause
    assert "at t = 0 it is data" in told.cause


def test_half_precision_tells_no_clock_that_it_cannot_show():
    """x − v, where x − t v is meant: beside x no t/1000 is seen in bfloat16."""
    given = {"data_from_velocity": lambda x, v, t: x - v}
    told = Runner({**given, "conventions": {"dtype": "bfloat16"}}).result(
        "data_from_velocity.value"
    )
    assert told.verdict == "differs"
    assert "time =" not in told.cause, told.cause


def test_two_slopes_of_a_half_step_are_read():
    """A predictor that goes half as far, and Ralston's weights: far from Heun's rule."""

    def heun_step(field, x, t, s):
        h = column(t - s, x)
        first = field(x, t)
        return x - h * (first + 2 * field(x - h / 2 * first, s)) / 3

    for dtype in ("float64", "float32"):
        given = {"heun_step": heun_step, "conventions": {"dtype": dtype}}
        told = Runner(given).result("heun_step.value")
        line = "x − h (0.333333 k1 + 0.666667 k2) with k2 = field(x − 0.5 h k1, t − h)"
        assert line in told.cause, told.cause


def test_a_clamp_is_told_beside_the_mistake_that_was_read_elsewhere():
    def diffusion(t):
        return torch.sqrt(0.7 * t / (1 - t.clamp(max=0.99)))

    found = {r.check: r.cause for r in judge(strange.adapter(diffusion, strange.FINE)).failures}
    assert "'√a for a'" in found["diffusion.value"]
    assert "with boundary = 'clamp 0.99':  √a for a" in found["diffusion.boundary"]


@pytest.mark.parametrize("name", strange.NAMELESS)
def test_nothing_is_said_where_nothing_fits(name):
    functions, conventions, check = strange.NAMELESS[name]
    result = Runner({**functions, "conventions": conventions}).result(check)
    assert result.verdict == "differs"
    assert result.explanations == ()


def test_infinity_gives_no_number_that_came_back():
    """Beside it every number is near: of a shape that is wrong nothing else is asked."""
    given = {"log_prob": np.arange(3.0), "log_prob_old": np.zeros(3)}
    got = Answer({"value": np.ones((3, 3))}, {"value": 2.0**-53}, {"value": ""})
    e = Evidence(RATIO, [Case(given)], [got], Conventions({}))
    assert not e.holds(lambda i: {"value": np.full((3, 3), np.inf)})
    assert e.holds(lambda i: {"value": np.ones((3, 3))})


@pytest.mark.parametrize("name", strange.RIGHT)
def test_what_is_right_and_declared_is_not_flagged(name):
    report = judge(strange.adapter(*strange.RIGHT[name]))
    assert report.conforms, [f"{r.check}: {r.cause}" for r in report.failures]


def half(*names, kind):
    """The reference, some arguments of every function rounded on the way in."""

    def spoilt(function):
        def rounded(**given):
            near = {n: x.to(kind).to(x.dtype) for n, x in given.items() if n in names}
            return function(**given | near)

        rounded.__signature__ = inspect.signature(function)
        return rounded

    return spoilt


ROUNDED = {
    "path": ("data", "noise"), "velocity_target": ("data",), "data_from_velocity": ("t",),
    "noise_from_velocity": ("v",), "score": ("x", "v"), "velocity_from_score": ("score",),
    "velocity_from_data": ("t",), "velocity_from_noise": ("x", "noise"), "score_from_data": ("x",),
    "score_from_noise": ("t",), "data_from_noise": ("noise",), "data_from_score": ("x", "score"),
    "noise_from_data": ("data",), "noise_from_score": ("score",), "diffusion": ("t",),
    "ode_step": ("x", "v"), "heun_step": ("x",), "sde_step": ("x", "v"), "log_prob": ("x_s",),
    "replay": ("v", "x_s"), "ratio": ("log_prob", "log_prob_old"), "kl": ("mean", "mean_ref"),
    "advantages": ("rewards",), "surrogate": ("ratio", "advantage"), "objective": ("kl",),
    "guidance": ("v_cond",), "ode_sampler": ("levels",), "sde_sampler": ("noise",),
    "model_time": ("t",),
}  # fmt: skip


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("capability", ROUNDED)
def test_arguments_that_are_rounded_on_the_way_in_are_found_and_named(capability, kind):
    if capability.endswith("sampler") and kind is torch.float16:
        pytest.skip("a whole chain's tolerance hides float16's rounding of one input")
    names = ROUNDED[capability]
    function = getattr(Refimpl(), capability)
    spoilt = half(*names, kind=kind)(function)
    c = {**Refimpl.conventions, "dtype": "float32"}
    result = Runner({capability: spoilt, "conventions": c}).result(f"{capability}.value")
    assert result.verdict == "differs"
    word = str(kind).removeprefix("torch.")
    told = [e.name for e in result.explanations]
    listed = ", ".join(n for n in names)
    if capability == "model_time":
        assert told == [f"level cast to {word}"]
    else:
        assert any(f"{listed} rounded to {word}" in name for name in told), result.cause


def test_every_capability_is_asked_with_rounded_arguments():
    assert set(ROUNDED) == set(OFFERS) - {"schedule"}


OTHER = (
    {},
    {"log_prob": "mean", "std": "g", "time": "data at 1", "guidance": "omega"},
    {"log_prob_terms": "quadratic", "boundary": "clamp 0.99", "sign": "loss", "std": "variance"},
    {"advantage_std": "batch", "advantage_clip": 1.0, "log_prob": "none", "model_time": "t"},
)


@pytest.mark.parametrize("g", ["flow_grpo", "constant", "cps"])
@pytest.mark.parametrize("kl", ["eq3", "without h", "velocity", "k3"])
def test_what_is_written_out_is_the_registered_formula(g, kl):
    checks()  # fills the table
    reached = set()
    for other in OTHER:
        c = {**Refimpl.conventions, "g": g, "kl": kl, **other}
        subject = Subject({n: getattr(Refimpl(), n) for n in OFFERS} | {"conventions": c})
        for name, offered in OFFERS.items():
            reached |= (
                {name} if _agree(offered.operation, offered.cases(subject), subject) else set()
            )
    loops, free = {"schedule", "ode_sampler", "sde_sampler"}, {"diffusion"}
    assert reached >= set(OFFERS) - loops - (set() if g == "flow_grpo" else free)


@pytest.mark.parametrize("path", ["cosine", "vp"])
def test_conversions_on_other_paths_are_the_registered_ones(path):
    checks()  # fills the table
    c = {**Refimpl.conventions, "path": path}
    subject = Subject({n: getattr(Refimpl(), n) for n in CONVERSIONS} | {"conventions": c})
    for name in CONVERSIONS:
        assert _agree(OFFERS[name].operation, OFFERS[name].cases(subject), subject), name


@pytest.mark.parametrize("kl", ["eq3", "velocity"])
def test_a_divergence_of_velocities_is_written_as_the_registered_one(kl):
    def of_velocities(v, v_ref, t, s):
        """Only its arguments are looked at."""

    c = {**Refimpl.conventions, "kl": kl}
    subject = Subject({"kl": of_velocities, "conventions": c})
    checks()  # fills the table
    cases = OFFERS["kl"].cases(subject)
    assert all({"v", "v_ref"} <= k.inputs.keys() for k in cases)
    assert _agree(OFFERS["kl"].operation, cases, subject) == 2 * len(cases)  # whole, and apart


def _agree(op, cases, subject):
    """Each form of a program on each case, whole and taken apart; how many there were."""
    c: Conventions = subject.conventions
    n, asked = 0, [k.inputs for k in cases]
    for program in (*op.written(asked, c), *op.apart(asked, c)):
        for case in cases:
            got = quietly(lambda i, p=program: p.run(op.begins(i, c)), case.inputs)
            assert got is not None, (op.capability, case.label)
            want, sizes = op.evaluate(Formulas(), case.inputs, c), size(op, case.inputs, c)
            for part in set(want) & set(got):
                bound = ROUNDINGS * 2.0**-53 * sizes[part]
                assert np.shape(got[part]) == np.shape(want[part]), (op.capability, part)
                assert (np.abs(got[part] - want[part]) <= bound).all(), (op.capability, part)
                n += 1
    return n


def test_a_shape_that_happens_to_work_is_not_named_as_the_cause():
    """Batches of odd size fail, whatever the number of dimensions."""

    def sde_step(x, v, t, s, noise):
        half = noise[: len(x) // 2]
        return x - (t - s).view(-1, *[1] * (x.ndim - 1)) * v + torch.cat([half, -half])

    result = Runner({"sde_step": sde_step, "conventions": strange.FINE}).result("sde_step.basic")
    assert result.verdict == "differs"
    assert result.explanations == ()


def nameless(*names):
    """The reference, its results bent by what no list knows."""

    def bent(function):
        def one(x):
            return x * (1 + 0.3 * torch.sin(3.1 * x) ** 3 / (1 + x**2))

        def spoilt(**given):
            told = function(**given)
            return {n: one(x) for n, x in told.items()} if isinstance(told, dict) else one(told)

        spoilt.__signature__ = inspect.signature(function)
        return spoilt

    own = {n: bent(getattr(Refimpl(), n)) for n in names}
    return {**own, "conventions": {**Refimpl.conventions, "dtype": "float64"}}


def counted(monkeypatch):
    """The names of the operations for which a cause is looked for, as they come."""
    seen = []

    def noting(op, *given, **more):
        seen.append((op.capability, more["deep"]))
        return explain(op, *given, **more)

    monkeypatch.setattr(asking, "explain", noting)
    return seen


def test_what_the_values_do_not_tell_is_not_looked_for_again(monkeypatch):
    seen = counted(monkeypatch)
    report = judge(nameless("kl", "ratio"))
    assert len(report.failures) >= 4
    assert not any(r.explanations for r in report.failures)
    assert sorted(seen) == [("kl", True), ("ratio", True)]


def test_what_the_values_tell_is_tried_first_on_all_that_follows(monkeypatch):
    def sde_step(x, v, t, s, noise):
        mean, std, _ = strange.kernel(x, v, t, s, by=1.02)
        return mean + std * noise, mean, std

    seen = counted(monkeypatch)
    runner = Runner({"sde_step": sde_step, "conventions": strange.FINE})
    results = [runner.result(f"sde_step.{name}") for name in ("value", "last", "boundary")]
    assert all("1.02 h drift" in r.cause for r in results), [r.cause for r in results]
    assert seen == [("sde_step", True)]


def test_two_faults_at_once_are_sought_in_vain_for_a_few_functions_alone():
    runner = Runner(nameless("ratio", "kl", "guidance", "surrogate"))
    for name in ("ratio", "kl", "guidance", "surrogate"):
        assert runner.result(f"{name}.value").explanations == ()
    assert runner.subject.patience.deep == 0


def test_one_edit_is_found_when_all_patience_is_spent():
    def kl(mean, mean_ref, std):
        return torch.sum((mean + mean_ref) ** 2 / (2 * std**2), tuple(range(1, mean.ndim)))

    runner = Runner({"kl": kl, "conventions": strange.FINE})
    runner.subject.patience = Patience(0)
    assert "mean + mean_ref" in runner.result("kl.value").cause


def test_a_part_that_nothing_explains_is_not_searched_for_again():
    """Its mean has a name, its std has none: later checks look for names, and find the mean's."""

    def sde_step(x, v, t, s, noise):
        t, s = (y.view(-1, *[1] * (x.ndim - 1)) for y in (t, s))
        h, mean = t - s, x - (t - s) * v
        std = 0.1 * torch.sin(3 * t) ** 2 + 0.2 * h + 0.05 * s**3
        return mean + std * noise, mean, std

    runner = Runner({"sde_step": sde_step, "conventions": {}})
    runner.result("sde_step.value")
    assert runner.subject.half_read == {"sde_step"}
    spent = runner.subject.patience.left
    last = runner.result("sde_step.last")
    assert "Its mean equals the mistake 'no score correction'" in last.cause
    assert "Its std is nothing that is known here" in last.cause
    assert runner.subject.patience.left == spent


def test_a_wrong_gradient_is_read_by_what_its_values_were():
    runner = Runner(strange.adapter(*strange.WRONG["a clip around 0"][:2]))
    runner.result("surrogate.value")
    assert "minimum(ratio, clip_high)" in runner.result("surrogate.gradient").cause
