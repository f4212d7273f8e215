"""Steps, scores and divergences by numbers that are computed here; and their forms, written out."""

import numpy as np
import pytest

from refimpl.conformance.adapter.conventions import Conventions
from refimpl.conformance.formulas import steps
from refimpl.conformance.formulas.apart import apart
from refimpl.conformance.formulas.stages import stages
from refimpl.conformance.formulas.values import Formulas
from refimpl.conformance.formulas.written import begins, forms
from refimpl.equations import paths
from refimpl.equations.gaussian import Gaussian
from refimpl.evidence.mistakes import mistakes

CLOSE = dict(rtol=1e-12, atol=1e-12)
"""Numbers of order one, a few of which are divided by a level of 1/16: float64 keeps this."""

T, S = np.array([0.75, 0.25, 0.5]), np.array([0.5, 0.0625, 0.125])
X = np.array([[[1.0, -2.0]], [[0.5, 3.0]], [[-1.5, 0.25]]])
V = np.array([[[-0.5, 0.75]], [[2.0, -1.0]], [[1.25, 1.0]]])
V_REF = np.array([[[0.5, 1.0]], [[1.0, -1.5]], [[1.0, -1.0]]])
NOISE = np.array([[[0.25, 1.5]], [[-1.0, -0.5]], [[2.0, -0.25]]])
G = np.array([0.5, 1.0, 1.5])
CLOCKS = {
    "noise at 1": lambda t: t, "data at 1": lambda t: 1 - t,
    "noise at 1000": lambda t: 1000 * t, "data at 1000": lambda t: 1000 * (1 - t),
}  # fmt: skip
APART = ("log_prob", "replay", "kl")


def column(t):
    return np.asarray(t).reshape(-1, 1, 1)


def rated(t):
    """A schedule of one's own."""
    return 0.25 + float(t) / 2


def given(clock="noise at 1", t=T, s=S, **more):
    """A step as an adapter is asked for it."""
    sign = -1 if clock.startswith("data") else 1
    v = {k: sign * x for k, x in (("v", V), ("v_ref", V_REF))}
    return {"x": X, "t": CLOCKS[clock](t), "s": CLOCKS[clock](s), **v, **more}


def pair(inputs):
    """The levels of a step alone, as g is asked for."""
    return {k: inputs[k] for k in ("t", "s")}


def told(name, inputs, ways, **conventions):
    """All parts, which every form that is written out gives as well; so many forms there are."""
    c = Conventions(conventions)
    got = getattr(steps, {"sde_step": "step"}.get(name, name))(Formulas(), inputs, c)
    written = forms(name)([inputs], c)
    taken = apart(name)([inputs], c) if name in APART else ()
    assert (len(written), len(taken)) == (ways, min(ways, 1) * (name in APART))
    for program in (*written, *taken):
        parts = program.run(begins(inputs, c))
        assert set(parts) == set(got)
        for part, x in parts.items():
            np.testing.assert_allclose(x, got[part], **CLOSE)
            assert np.shape(x) == np.shape(got[part])
    return got


def kernel(g, t=T, s=S, v=V, low=0.0, high=1.0):
    """Eq. 9: the mean and the std of a step, its level held between two ends."""
    h = column(t - s)
    at, g = column(np.clip(t, low, high)), column(g)
    mean = X - h * (v + g**2 / (2 * at) * (X + (1 - at) * v))
    return mean, g * np.sqrt(h)


def log_density(x, mean, std):
    return -((x - mean) ** 2) / (2 * std**2) - np.log(std) - np.log(2 * np.pi) / 2


SCHEDULES = {
    "flow_grpo": (dict(a=0.9), 0.9 * np.sqrt(T / (1 - T))),
    "constant": (dict(a=0.9, g="constant"), np.full(3, 0.9)),
    "own": (dict(g=rated), 0.25 + T / 2),
}
STDS = {
    "g sqrt(h)": lambda s, h: s,
    "g": lambda s, h: s / np.sqrt(h),
    "variance": lambda s, h: s**2,
}
REDUCED = {"sum": lambda x: x.sum((1, 2)), "mean": lambda x: x.mean((1, 2)), "none": lambda x: x}

# ---------------------------------------------------------------- the SDE's step


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("what", STDS)
def test_a_step_is_the_papers_with_the_declared_noise(schedule, what, clock):
    declared, g = SCHEDULES[schedule]
    mean, std = kernel(g)
    got = told("sde_step", given(clock, noise=NOISE), 5, time=clock, std=what, **declared)
    np.testing.assert_allclose(got["mean"], mean, **CLOSE)
    np.testing.assert_allclose(got["std"], STDS[what](std, column(T - S)), **CLOSE)
    np.testing.assert_allclose(got["x_s"], mean + std * NOISE, **CLOSE)
    np.testing.assert_allclose(got["log_prob"], log_density(std * NOISE, 0, std).sum((1, 2)))


def test_the_noise_of_a_step_may_be_given():
    for name, numbers in (("g", G), ("a", 0.3)):
        g = numbers if name == "g" else 0.3 * np.sqrt(T / (1 - T))
        mean, std = kernel(g)
        got = told("sde_step", given(**{name: numbers}), 5)
        assert set(got) == {"mean", "std"}
        np.testing.assert_allclose(got["mean"], mean, **CLOSE)
        np.testing.assert_allclose(got["std"], std, **CLOSE)
    got = told("sde_step", given(a=0.3), 5, g="constant", a=0.9)
    np.testing.assert_allclose(got["std"], kernel(0.3)[1], **CLOSE)


AT_ONE, BELOW = np.array([1.0, 0.5, 0.75]), np.array([0.75, 0.25, 0.5])
BOUNDARIES = {
    "next_level": [0.75, 0.5, 0.75], "clamp 0.6": [0.6, 0.5, 0.6],
    "refuse": None, "finite": None, "none": None,
}  # fmt: skip


@pytest.mark.parametrize("rule", BOUNDARIES)
def test_a_step_from_noise_has_the_declared_remedy(rule):
    inputs = given(t=AT_ONE, s=BELOW)
    if BOUNDARIES[rule] is None:
        for refuse in (steps.step, steps.diffusion):
            with pytest.raises(ValueError, match="inside"):
                refuse(Formulas(), inputs, Conventions({"boundary": rule}))
        plain = told("diffusion", {"t": BELOW, "s": S / 2}, 1, boundary=rule, a=1.0)
        np.testing.assert_allclose(plain["value"], np.sqrt(BELOW / (1 - BELOW)))
        return
    g = 0.5 * np.sqrt(AT_ONE / (1 - np.array(BOUNDARIES[rule])))
    mean, std = kernel(g, AT_ONE, BELOW)
    got = told("sde_step", inputs, 5, boundary=rule, a=0.5)
    np.testing.assert_allclose(got["mean"], mean, **CLOSE)
    np.testing.assert_allclose(got["std"], std, **CLOSE)
    np.testing.assert_allclose(told("diffusion", pair(inputs), 1, boundary=rule, a=0.5)["value"], g)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_level_is_held_inside_formulas_and_not_in_h(clock):
    low, high = 0.375, 0.625
    at = np.clip(T, low, high)
    for declared, g in (({}, 0.7 * np.sqrt(at / (1 - at))), (dict(g="constant"), [0.7] * 3),
                        (dict(g=rated), 0.25 + at / 2)):  # fmt: skip
        mean, std = kernel(g, low=low, high=high)
        ends = {"t_min": low, "t_max": high, "time": clock, **declared}
        got = told("sde_step", given(clock), 4, **ends)
        np.testing.assert_allclose(got["mean"], mean, **CLOSE)
        np.testing.assert_allclose(got["std"], std, **CLOSE)
        value = told("diffusion", pair(given(clock)), int(not declared), **ends)["value"]
        np.testing.assert_allclose(value, g, **CLOSE)


def test_no_level_is_singular_below_a_ceiling():
    """g is that of the ceiling, where without one the next level stood in for 1."""
    high = np.minimum(AT_ONE, 0.9)
    got = told("diffusion", {"t": AT_ONE, "s": BELOW}, 1, t_max=0.9, a=1.0)
    np.testing.assert_allclose(got["value"], np.sqrt(high / (1 - high)), **CLOSE)
    low = told("diffusion", {"t": AT_ONE, "s": BELOW}, 1, t_min=0.6, a=1.0)
    np.testing.assert_allclose(low["value"], np.sqrt(np.array([1 / 0.25, 0.6 / 0.4, 3])), **CLOSE)


@pytest.mark.parametrize("g", ["flow_grpo", "cps"])
def test_a_std_is_not_less_than_its_floor_and_the_mean_knows_nothing_of_it(g):
    plain = told("sde_step", given(noise=NOISE), 1 if g == "cps" else 5, g=g)
    assert (plain["std"] < 0.3).any()
    got = told("sde_step", given(noise=NOISE), 1 if g == "cps" else 5, g=g, std_min=0.3)
    np.testing.assert_array_equal(got["mean"], plain["mean"])
    np.testing.assert_array_equal(got["std"], np.maximum(plain["std"], 0.3))
    np.testing.assert_allclose(got["x_s"], got["mean"] + got["std"] * NOISE)


def ends(v=V, low=0.0):
    at = column(np.maximum(T, low))
    return X - at * v, X + (1 - at) * v


@pytest.mark.parametrize("low", [0.0, 0.375])
def test_the_coefficients_preserving_step_keeps_the_level_of_noise(low):
    (data, noise), s = ends(low=low), column(S)
    std = s * np.sin(0.4 * np.pi / 2)
    for more, declared in (({}, dict(a=0.4)), (dict(a=0.4), {})):
        got = told("sde_step", given(**more), 1, g="cps", t_min=low, **declared)
        np.testing.assert_allclose(got["std"], std, **CLOSE)
        mean = (1 - s) * data + np.sqrt(s**2 - std**2) * noise
        np.testing.assert_allclose(got["mean"], mean, **CLOSE)


@pytest.mark.parametrize("low", [0.0, 0.375])
@pytest.mark.parametrize("g", ["frozen data", "frozen data, constant"])
def test_with_the_predicted_data_held_the_noise_decays_exactly(g, low):
    """Of its variance s² the share that a step keeps stays, and the rest is drawn anew."""
    (data, noise), s, t = ends(low=low), column(S), column(T)
    if g == "frozen data":
        kept = (s * (1 - t) / (t * (1 - s))) ** (0.4**2)
    else:
        kept = np.exp(-(0.4**2) * (1 / s - 1 / t))
    for more, declared in (({}, dict(a=0.4)), (dict(a=0.4), {})):
        got = told("sde_step", given(**more), 1 if low == 0 else 0, g=g, t_min=low, **declared)
        np.testing.assert_allclose(got["mean"], (1 - s) * data + s * np.sqrt(kept) * noise, **CLOSE)
        np.testing.assert_allclose(got["std"], s * np.sqrt(1 - kept), **CLOSE)


def test_the_last_step_may_return_the_predicted_data():
    for g in ("flow_grpo", "cps"):
        got = told("sde_step", given(s=0 * S, noise=NOISE), 0, last_step="data", g=g)
        assert set(got) == {"mean", "std", "x_s"}  # a point has no density
        np.testing.assert_allclose(got["mean"], X - column(T) * V, **CLOSE)
        np.testing.assert_array_equal(got["x_s"], got["mean"])
        np.testing.assert_array_equal(got["std"], np.zeros((3, 1, 1)))
    mean, std = kernel(0.7 * np.sqrt(T / (1 - T)), s=0 * S)
    got = told("sde_step", given(s=0 * S), 5)
    np.testing.assert_allclose(got["mean"], mean, **CLOSE)
    some = S * [1, 0, 1]  # a batch of which one step alone ends at data
    mean, std = kernel(0.7 * np.sqrt(T / (1 - T)), s=some)
    got = steps.step(Formulas(), given(s=some), Conventions({"last_step": "data"}))
    np.testing.assert_allclose(got["std"], std, **CLOSE)


def test_one_level_serves_a_whole_batch():
    got = steps.step(Formulas(), given(t=0.75, s=0.5), Conventions())
    each = steps.step(Formulas(), given(t=np.full(3, 0.75), s=np.full(3, 0.5)), Conventions())
    assert got["std"].shape == each["std"].shape == (3, 1, 1)
    for part in ("mean", "std"):
        np.testing.assert_array_equal(got[part], each[part])


WITHIN = ("conversions.score_from_velocity", "sde.drift", "sde.euler_maruyama", "sde.transition",
          "sde.flow_grpo_g")  # fmt: skip


@pytest.mark.parametrize(
    "m", [m for m in mistakes() if m.equation in WITHIN], ids=lambda m: m.equation
)
def test_a_mistake_in_any_equation_of_a_step_makes_the_step_that_it_would(m):
    def of(id, right):
        return m.wrong if m.equation == id else right

    t, h = column(T), column(T - S)
    g = of("sde.flow_grpo_g", lambda t, a, inside: a * np.sqrt(t / (1 - inside)))(t, 0.7, t)
    at = paths.linear(t)
    score = of("conversions.score_from_velocity", lambda c, x, v: -(x + c.alpha * v) / c.sigma)
    drift = of("sde.drift", lambda v, score, g: v - g**2 / 2 * score)(V, score(at, X, V), g)
    euler = of("sde.euler_maruyama", lambda x, f, g, h: Gaussian(x + h * f, g * np.sqrt(h)))
    want = euler(X, -drift, g, h)
    if m.equation == "sde.transition":
        want = m.wrong(at, X, V, g, steps.levels(given(), Conventions(), X))
    got = steps.step(Formulas(m), given(), Conventions())
    np.testing.assert_allclose(got["mean"], want.mean, **CLOSE)
    np.testing.assert_allclose(got["std"], np.broadcast_to(want.std, (3, 1, 1)), **CLOSE)


# ---------------------------------------------------------------- the ODE's steps


@pytest.mark.parametrize("clock", CLOCKS)
def test_eulers_step_follows_the_velocity(clock):
    got = told("ode_step", given(clock), 5, time=clock)["value"]
    np.testing.assert_allclose(got, X - column(T - S) * V, **CLOSE)


@pytest.mark.parametrize("clock", CLOCKS)
def test_heuns_step_follows_the_mean_of_two_slopes(clock):
    shown = {"rate": -0.5, "slope": 1.25, "bend": 0.125}
    inputs = given(clock) | shown
    t, s = column(T), column(S)

    def field(x, t):
        return -0.5 * x + 1.25 * t + 0.125 * x**2

    first = field(X, t)
    want = X - (t - s) * (first + field(X - (t - s) * first, s)) / 2
    c = Conventions({"time": clock})
    np.testing.assert_allclose(steps.heun_step(Formulas(), inputs, c)["value"], want, **CLOSE)
    (program,) = forms("heun_step")([inputs], c)
    got = program.run(begins(inputs, c) | {"field": field})["value"]
    np.testing.assert_allclose(got, want, **CLOSE)


# ---------------------------------------------------------------- scores

TERMS = {
    "all": log_density,
    "no log 2 pi": lambda x, m, s: log_density(x, m, s) + np.log(2 * np.pi) / 2,
    "quadratic": lambda x, m, s: -((x - m) ** 2) / (2 * s**2),
    "bare square": lambda x, m, s: -((x - m) ** 2),
}


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("how", REDUCED)
def test_a_score_has_the_declared_terms_reduced_as_declared(terms, how):
    declared = {"log_prob_terms": terms, "log_prob": how}
    mean, std = kernel(0.7 * np.sqrt(T / (1 - T)))
    x_s = mean + NOISE / 2
    want = REDUCED[how](TERMS[terms](x_s, mean, std))
    by_terms = (terms, how) == ("all", "sum")
    for what in STDS:
        theirs = STDS[what](std, column(T - S))
        shown = {"x_s": x_s, "mean": mean, "std": theirs.ravel(), "t": T, "s": S}
        got = told("log_prob", shown, 1 + by_terms, std=what, **declared)
        np.testing.assert_allclose(got["value"], want, **CLOSE)
    got = told("replay", given(x_s=x_s), 5, **declared)
    np.testing.assert_allclose(got["value"], want, **CLOSE)
    got = told("sde_step", given(x_s=x_s), 5, **declared)
    assert set(got) == {"mean", "std", "log_prob"}
    np.testing.assert_allclose(got["log_prob"], want, **CLOSE)


def test_a_sample_is_the_mean_and_the_noise():
    c = Conventions({"std": "g"})
    inputs = {"mean": X, "noise": NOISE, "std": G, "t": T, "s": S}
    (program,) = forms("sample")([inputs], c)
    want = X + column(G * np.sqrt(T - S)) * NOISE
    np.testing.assert_allclose(program.run(begins(inputs, c))["x_s"], want, **CLOSE)


def test_a_ratio_is_the_exponential_of_a_difference():
    new, old = np.array([0.5, -1.0, 2.0]), np.array([0.25, 1.0, 2.0])
    shown = {"log_prob": new, "log_prob_old": old}
    np.testing.assert_allclose(told("ratio", shown, 1)["value"], np.exp(new - old), **CLOSE)
    shown |= {"std": np.array([0.5, 0.25, 2.0]), "divergence": np.array([0.125, 2.0, 0.5])}
    got = told("ratio", shown, 1, ratio="guard")["value"]
    np.testing.assert_allclose(got, np.exp([0.5 * 0.375, 0.25 * 0.0, 2.0 * 0.5]), **CLOSE)


# ---------------------------------------------------------------- divergences

GAP = {"log_prob": np.array([0.5, -1.0, 2.0]), "log_prob_ref": np.array([0.25, 1.0, 2.0])}


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("k1", lambda r: -r),
        ("k2", lambda r: r**2 / 2),
        ("k3", lambda r: np.exp(r) - 1 - r),
    ],
)
def test_estimators_are_of_the_log_ratio_towards_the_reference(kind, of):
    r = np.array([-0.25, 2.0, 0.0])
    np.testing.assert_allclose(told("kl", GAP, 1, kl=kind)["value"], of(r), **CLOSE)


@pytest.mark.parametrize("how", REDUCED)
@pytest.mark.parametrize("what", STDS)
def test_a_divergence_of_means_is_over_the_declared_noise(what, how):
    h, std = column(T - S), column(G)
    shown = {"mean": X, "mean_ref": V, "std": STDS[what](std, h).ravel(), "t": T, "s": S}
    square = (X - V) ** 2
    for kind, each in (("eq3", square / (2 * std**2)), ("without h", h * square / (2 * std**2)),
                       ("means", square), ("velocity", square)):  # fmt: skip
        got = told("kl", shown, 1, kl=kind, kl_reduction=how, std=what)["value"]
        np.testing.assert_allclose(got, REDUCED[how](each), **CLOSE)


KERNELS = {
    "the paper's": {},
    "clamped": {"boundary": "clamp 0.6"},
    "constant": {"g": "constant", "a": 0.4},
    "one's own": {"g": rated},
    "preserving": {"g": "cps"},
    "frozen": {"g": "frozen data"},
    "frozen, constant": {"g": "frozen data, constant"},
    "floored": {"std_min": 0.3},
    "held": {"t_min": 0.375, "t_max": 0.625},
    "on another clock": {"time": "data at 1000"},
    "by its variance": {"std": "variance"},
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_divergence_of_velocities_is_that_of_their_steps(name):
    """The step says what the noise is, and how far the means are apart."""
    declared = KERNELS[name]
    clock = declared.get("time", "noise at 1")
    plain = {k: x for k, x in declared.items() if k != "std"}
    both = [steps.step(Formulas(), given(clock) | {"v": given(clock)[n]}, Conventions(plain))
            for n in ("v", "v_ref")]  # fmt: skip
    square, std = (both[0]["mean"] - both[1]["mean"]) ** 2, both[0]["std"]
    written = declared.get("g") in (None, "constant", rated) and "std_min" not in declared
    shown = {k: x for k, x in given(clock).items() if k != "x"}
    for inputs in (given(clock), shown):
        got = told("kl", inputs, int(written), **declared)["value"]
        np.testing.assert_allclose(got, (square / (2 * std**2)).sum((1, 2)), **CLOSE)
        got = told("kl", inputs, 0, kl="without h", **declared)["value"]
        want = column(T - S) * square / (2 * std**2)
        np.testing.assert_allclose(got, want.sum((1, 2)), **CLOSE)
        got = told("kl", inputs, 0, kl="means", **declared)["value"]
        np.testing.assert_allclose(got, square.sum((1, 2)), **CLOSE)
        got = told("kl", inputs, 1, kl="velocity", **declared)["value"]
        np.testing.assert_allclose(got, ((V - V_REF) ** 2).sum((1, 2)), **CLOSE)
    means = {"mean": both[0]["mean"], "mean_ref": both[1]["mean"], "t": shown["t"], "s": shown["s"]}
    got = told("kl", means, 0, **declared)["value"]
    np.testing.assert_allclose(got, (square / (2 * std**2)).sum((1, 2)), **CLOSE)


def test_the_noise_of_a_divergence_may_be_given():
    got = told("kl", given(g=G), 1)["value"]
    p, std = kernel(G)
    q, _ = kernel(G, v=V_REF)
    np.testing.assert_allclose(got, ((p - q) ** 2 / (2 * std**2)).sum((1, 2)), **CLOSE)


@pytest.mark.parametrize(
    "m",
    [m for m in mistakes() if m.equation in ("kl.flow_grpo", "sde.transition")],
    ids=lambda m: m.equation,
)
def test_a_mistake_in_a_divergence_or_its_step_makes_the_divergence_that_it_would(m):
    t, h = column(T), column(T - S)
    g = 0.7 * np.sqrt(t / (1 - t))
    if m.equation == "sde.transition":
        at = steps.levels(given(), Conventions(), X)
        p, q = (m.wrong(paths.linear(t), X, v, g, at) for v in (V, V_REF))
        want = (p.mean - q.mean) ** 2 / (2 * p.std**2)
    else:
        want = m.wrong(V, V_REF, g, t, h)
    f = Formulas(m)
    got = steps.kl(f, given(), Conventions())["value"]
    np.testing.assert_allclose(got, want.sum((1, 2)), **CLOSE)
    assert "sde.transition" in f.used  # so that its mistakes are among those that are tried


# ---------------------------------------------------------------- a step of a loop


def field(x, t):
    return -0.5 * x + 1.25 * t + 0.125 * x**2


def rule(x, t, s):
    """One step of each of the declared rules."""
    h, first = t - s, field(x, t)
    middle = field(x - h / 2 * first, t - h / 2)
    third = field(x - h / 2 * middle, t - h / 2)
    last = field(x - h * third, s)
    return {
        "euler": x - h * first, "heun": x - h / 2 * (first + field(x - h * first, s)),
        "midpoint": x - h * middle,
        "rk4": x - h / 6 * (first + 2 * middle + 2 * third + last),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "ways"), [("euler", 5), ("heun", 1), ("midpoint", 1), ("rk4", 1)]
)
def test_a_loop_takes_the_declared_step_of_the_ode(method, ways):
    made = stages({"levels": [1.0, 0.5, 0.0]}, Conventions({"ode_method": method}))
    assert len(made) == ways
    env = {"x": X, "t": 0.5, "s": 0.25, "h": 0.25, "field": field}
    for program in made:
        np.testing.assert_allclose(program.run(env)["x_s"], rule(X, 0.5, 0.25)[method], **CLOSE)


@pytest.mark.parametrize(
    ("declared", "ways"),
    [({}, 5), ({"g": "cps"}, 1), ({"g": "frozen data"}, 1), ({"t_min": 0.6}, 4)],
)
def test_a_loop_takes_the_declared_step_of_the_sde(declared, ways):
    c = Conventions(declared)
    levels = np.array([0.75, 0.5, 0.25])
    made = stages({"levels": levels, "noise": [NOISE] * 2}, c)
    assert len(made) == ways
    shown = {"x": X, "v": field(X, 0.5), "t": np.array(0.5), "s": np.array(0.25), "noise": NOISE}
    want = steps.step(Formulas(), shown, c)["x_s"]
    env = {"x": X, "t": 0.5, "s": 0.25, "h": 0.25, "field": field, "noise": NOISE, "a": c["a"]}
    for program in made:
        np.testing.assert_allclose(program.run(env)["x_s"], want, **CLOSE)


def test_a_loop_from_noise_has_the_remedy_in_its_step():
    c = Conventions()
    levels, of = np.array([1.0, 0.5, 0.25]), np.array([0.5, 0.25, 0.0])
    made = stages({"levels": levels, "noise": [NOISE] * 2}, c)
    assert [row.name for row in made[0].lines][:3] == ["v", "inside", "g"]
    shown = {"x": X, "v": field(X, 1.0), "t": np.array(1.0), "s": np.array(0.5), "noise": NOISE}
    want = steps.step(Formulas(), shown, c)["x_s"]
    env = {"x": X, "t": 1.0, "s": 0.5, "h": 0.5, "field": field, "noise": NOISE, "a": c["a"]}
    for program in made:
        np.testing.assert_allclose(program.run(env)["x_s"], want, **CLOSE)
    assert len(stages({"levels": of, "noise": [NOISE] * 2}, c.but(last_step="data"))) == 5
