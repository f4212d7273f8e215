"""Steps that are right for other levels, weights or velocities than were recorded: which is told.

Every record is a right one with one change; what the run did is known, and is the expectation.
"""

import math

import pytest
import torch

from refimpl.equations import Step, paths, sde
from refimpl.simulate import grids

BATCH, STEPS = 12, 9  # of the record that `make` makes
A = 0.7


def steps(c, name):
    """A column as (steps, batch, ...)."""
    return c[name].reshape(STEPS, BATCH, *c[name].shape[1:])


def stepped(c, t, s, g, **other):
    """The record of a run whose steps had these levels and this g, (rows,)."""
    x, v = c["x_t"], c["v"]
    t, s, g = (y.reshape(-1, 1, 1, 1) for y in (t, s, g))
    mean = x - (t - s) * (v + g**2 / (2 * t) * (x + (1 - t) * v))
    std = g * (t - s).sqrt()
    kept = {n: y for n, y in c.items() if n not in ("log_prob", "kl", "g", "v_ref")}
    return kept | {"mean": mean, "std": std.flatten(), "x_s": mean + std * c["noise"]} | other


def law(t, top):
    """g of the article, with the next level at the end."""
    return A * torch.sqrt(t / (1 - torch.where(t == 1, top, t)))


def whole(x):
    return torch.floor(1000 * x) / 1000


def after(c, name):
    """A column of the step after; the last step's own at the end."""
    x = steps(c, name)
    return torch.cat([x[1:], x[-1:]]).reshape(c[name].shape)


LEVELS = {
    "h in thousandths": (lambda c: (c["t"], c["t"] - (whole(c["t"]) - whole(c["s"]))), {},
                         "its h is that of levels in whole thousandths, cut off"),
    "h of the next step": (lambda c: (c["t"], c["t"] - after(c, "t") + after(c, "s")), {},
                           "its h is that of the step after"),
    "s recorded as for an even grid": (
        lambda c: (c["t"], c["s"]), {"s": lambda c: c["t"] - 0.11},
        "its s is the t of the step after, and the recorded s is another",
    ),
    "recorded before the shift": (
        lambda c: (c["t"], c["s"]), {n: lambda c, n=n: c[n] / (3 - 2 * c[n]) for n in ("t", "s")},
        "levels shifted by 3, of which the recorded ones are not shifted",
    ),
    "recorded after a second shift": (
        lambda c: (c["t"], c["s"]),
        {n: lambda c, n=n: 3 * c[n] / (1 + 2 * c[n]) for n in ("t", "s")},
        "levels before their shift by 3",
    ),
    "in another order": (
        lambda c: (c["t"], c["s"]),
        {n: lambda c, n=n: steps(c, n).flip(0).flatten() for n in ("t", "s")},
        "the levels of other rows: t and s are in another order",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEVELS)
def test_the_levels_that_a_step_is_right_for_are_told(make, judge, kind):
    of, recorded, words = LEVELS[kind]
    c = make()
    t, s = of(c)
    made = stepped(c, t, s, law(t, c["t"].unique()[-2]))
    report = judge(made | {n: change(c) for n, change in recorded.items()}, {"a": A})
    found = report["mean"]
    assert found.verdict == "differs"
    assert words in found.detail, found.detail
    assert "thousandths" in words or "thousandths" not in report["schedule"].detail
    assert "of levels cut" not in report["schedule"].detail


@pytest.mark.parametrize(
    ("words", "cut"),
    [("rounded to bfloat16", lambda t: t.bfloat16().double()), ("cut or rounded to", whole)],
)
def test_levels_of_no_grid_that_were_recorded_short_are_told_by_their_means(
    make, judge, words, cut
):
    levels = [1.0, 0.9312, 0.9048, 0.7139, 0.6021, 0.4457, 0.3086, 0.2713, 0.2034, 0.0519, 0.0]
    c = make(grid=lambda T: grids.from_levels(levels))
    made = stepped(c, c["t"], c["s"], law(c["t"], c["t"].unique()[-2]))
    found = judge(made | {n: cut(c[n]) for n in ("t", "s")}, {"a": A})["mean"]
    assert found.verdict == "differs"
    assert f"t and s were {words}" in found.detail, found.detail
    assert "when they were recorded" in found.detail


def test_a_window_recorded_with_the_levels_of_another_is_told(make, judge):
    c = make()
    late = {n: x[3 * BATCH : 7 * BATCH] for n, x in c.items() if n not in ("g", "log_prob", "kl")}
    early = {n: c[n][: 4 * BATCH] for n in ("t", "s")}
    found = judge(late | early, {"a": A})["mean"]
    assert "the levels 3 steps later on the grid" in found.detail, found.detail


def test_a_window_of_flow_cps_with_the_levels_of_another_is_told(make, judge):
    """Its mean gives its levels as an SDE's does."""
    c = make()
    t, s = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "s"))
    std = s * math.sin(0.8 * math.pi / 2)
    mean = (c["x_t"] - t * c["v"]) * (1 - s) + (c["x_t"] + (1 - t) * c["v"]) * (
        s**2 - std**2
    ).sqrt()
    kept = {n: c[n] for n in ("x_t", "v", "t", "s", "noise")}
    made = kept | {"mean": mean, "std": std.flatten(), "x_s": mean + std * c["noise"]}
    late = {n: x[2 * BATCH : 7 * BATCH] for n, x in made.items()}
    early = {n: c[n][: 5 * BATCH] for n in ("t", "s")}
    found = judge(late | early, {"sampler": "kernels.preserving"})["mean"]
    assert "the levels 2 steps later on the grid" in found.detail, found.detail


def test_right_steps_and_other_formulas_are_not_told_for_other_levels(make, judge):
    c = make()
    assert judge(c, {"a": A})["mean"].verdict == "consistent"
    t, s = c["t"], c["s"]
    x, v, g = c["x_t"], c["v"], c["g"].reshape(-1, 1, 1, 1)
    t, s = t.reshape(g.shape), s.reshape(g.shape)
    wrong = x - (t - s) * (v + g**2 / (2 * s) * (x + (1 - t) * v))
    kept = {n: y for n, y in c.items() if n not in ("log_prob", "kl")}
    found = judge(
        kept | {"mean": wrong, "x_s": wrong + (g * (t - s).sqrt()) * c["noise"]}, {"a": A}
    )
    assert "−noise_hat/s" in found["mean"].detail


def test_a_mean_that_is_a_little_off_is_not_told_for_levels_near_its_own(make, judge):
    """Its coefficients are those of levels within a thousandth, which give other means."""
    c = make(a=0.05)
    e = c["std"].reshape(-1, 1, 1, 1) ** 2 / (2 * c["t"].reshape(-1, 1, 1, 1))
    mean = c["mean"] + (torch.exp(-e) - 1 + e) * c["x_t"]
    kept = {n: y for n, y in c.items() if n not in ("log_prob", "kl")}
    drawn = mean + c["std"].reshape(-1, 1, 1, 1) * c["noise"]
    found = judge(kept | {"mean": mean, "x_s": drawn}, {"a": 0.05})["mean"]
    assert found.verdict == "differs"
    assert "thousandths" not in found.detail, found.detail


def test_noise_beside_a_std_of_one_is_not_told_to_be_scaled(make, judge):
    c = make()
    made = stepped(c, c["t"], c["s"], (c["t"] - c["s"]) ** -0.5)
    found = judge({n: y for n, y in made.items() if n != "mean"})
    assert not [f for f in found["report"].findings if "std times the draw" in f.detail]


def test_a_schedule_of_the_levels_before_their_shift_is_told(make, judge):
    c = make()
    early = c["t"] / (3 - 2 * c["t"])
    g = A * torch.sqrt(early / (1 - torch.where(early == 1, 0.9, early)))
    made = stepped(c, c["t"], c["s"], g)
    found = judge(made, {"a": A})["schedule"]
    assert "of levels before their shift by 3" in found.detail, found.detail


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (lambda u: u / (3 - 2 * u), "uniform ones shifted by 0.3333"),
        (lambda u: 2.5 * u / (1 + 1.5 * u), "uniform ones shifted by 2.5"),
        (lambda u: (1 - u + u * 0.02 ** (1 / 7)) ** 7, "as Karras's with ρ = 7"),
        (lambda u: torch.cos((1 - u) * math.pi / 2), "cosines of evenly spaced angles"),
        (lambda u: u**2, "square roots are evenly spaced"),
    ],
)
def test_how_a_grid_without_a_name_is_spaced_is_told(make, judge, grid, words):
    levels = grid(torch.linspace(1, 0, 11, dtype=torch.float64)).clamp(0, 1)
    if words.endswith("ρ = 7"):
        levels = levels.flip(0)
    c = make(grid=lambda T: grids.from_levels([1.0, *levels.tolist()[1:-1], 0.0]))
    detail = judge(c, {"a": A, "grid": "sd35_once_shifted"})["grid"].detail
    assert words in detail, detail


def test_levels_of_no_rule_are_told_to_be_of_none(make, judge):
    levels = [1.0, 0.93, 0.9, 0.71, 0.6, 0.44, 0.3, 0.27, 0.2, 0.05, 0.0]
    c = make(grid=lambda T: grids.from_levels(levels))
    assert judge(c, {"a": A})["grid"].detail.endswith("a grid without a name")


STDS = {
    "g of the step after": (lambda c: after(c, "g") * (c["t"] - c["s"]).sqrt(),
                            "g of the step after times √h"),
    "h of the step after": (lambda c: c["g"] * (after(c, "t") - after(c, "s")).sqrt(),
                            "g times √h of the step after"),
    "one length for all": (lambda c: c["g"] / math.sqrt(10), "0.3162 g: √(1/10) stands for √h"),
    "a root too many": (lambda c: (c["g"] * (c["t"] - c["s"])).sqrt(), "g^0.5 √h"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STDS)
def test_what_a_std_is_made_of_is_told(make, judge, kind):
    made, words = STDS[kind]
    c = make()
    kept = {n: x for n, x in c.items() if n not in ("log_prob", "kl", "noise")}
    detail = judge(kept | {"std": made(c)}, {"a": A})["std"].detail
    assert words in detail, detail


def test_a_std_of_one_length_for_all_steps_is_told_without_g(make, judge):
    c = make()
    kept = {n: x for n, x in c.items() if n not in ("log_prob", "kl", "g", "mean", "noise")}
    detail = judge(kept | {"std": c["g"] / math.sqrt(10)}, {"a": A})["schedule"].detail
    assert "at every step, long or short: √(1/10) stands for √h" in detail, detail


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (lambda e: (1 - 2 * e).sqrt(), "√(1 − 2 e)"),
        (lambda e: torch.exp(-e), "exp(−e)"),
        (lambda e: 1 / (1 + e), "1/(1 + e)"),
    ],
)
def test_another_weight_of_x_is_told(make, judge, weight, words):
    c = make(a=0.3)
    t, s, g = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "s", "g"))
    kernel = sde.transition(paths.linear(t), c["x_t"], c["v"], g, Step(t, s))
    e = g**2 * (t - s) / (2 * t)
    mean = kernel.mean + (weight(e) - (1 - e)) * c["x_t"]
    kept = {n: x for n, x in c.items() if n not in ("log_prob", "kl")}
    found = judge(kept | {"mean": mean, "x_s": mean + kernel.std * c["noise"]}, {"a": 0.3})["mean"]
    assert f"x_t has the weight {words}" in found.detail, found.detail


def test_a_solver_of_two_steps_is_told_with_its_weights(make, judge):
    c = make()
    v = steps(c, "v")
    used = torch.cat([v[:1], 1.5 * v[1:] - 0.5 * v[:-1]]).reshape(c["v"].shape)
    t, s, g = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "s", "g"))
    kernel = sde.transition(paths.linear(t), c["x_t"], used, g, Step(t, s))
    kept = {n: x for n, x in c.items() if n not in ("log_prob", "kl")}
    drawn = {"mean": kernel.mean, "x_s": kernel.sample(c["noise"])}
    found = judge(kept | drawn, {"a": A})["mean"]
    assert "1.5 v − 0.5 of that of the step before" in found.detail, found.detail


def test_a_step_at_which_another_quantity_was_stored_is_told(make, judge):
    c = make()
    last = slice((STEPS - 1) * BATCH, None)
    mean = c["mean"].clone()
    mean[last] = (c["x_t"] - c["t"].reshape(-1, 1, 1, 1) * c["v"])[last]
    kept = {n: x for n, x in c.items() if n not in ("log_prob", "kl")}
    detail = judge(kept | {"mean": mean}, {"a": A})["mean"].detail
    assert "alone: the field mean holds the prediction of data" in detail, detail


def test_a_mean_of_a_velocity_that_is_not_there_is_said_to_be_that(make, judge):
    c = make(dtype=torch.float64)
    used = c["v"] + 0.2 * torch.tanh(c["x_t"].roll(1, -1))
    t, s, g = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "s", "g"))
    kernel = sde.transition(paths.linear(t), c["x_t"], used, g, Step(t, s))
    kept = {n: x for n, x in c.items() if n not in ("log_prob", "kl")}
    drawn = {"mean": kernel.mean, "x_s": kernel.sample(c["noise"])}
    detail = judge(kept | drawn, {"a": A})["mean"].detail
    assert "another state or velocity is in it" in detail, detail


@pytest.mark.parametrize("moved", ["h of the next step", "h in thousandths"])
def test_a_mean_alone_of_another_length_is_told(make, judge, moved):
    """Its g and the std are those of the step's own levels."""
    c = make(dtype=torch.float64)
    at, _, words = LEVELS[moved]
    t, s = at(c)
    x, v = c["x_t"], c["v"]
    level, g = (y.reshape(-1, 1, 1, 1) for y in (t, c["std"] / (c["t"] - c["s"]).sqrt()))
    h = (t - s).reshape(-1, 1, 1, 1)
    mean = x - h * (v + g**2 / (2 * level) * (x + (1 - level) * v))
    kept = {n: y for n, y in c.items() if n not in ("log_prob", "kl", "g", "v_ref")}
    x_s = mean + c["std"].reshape(-1, 1, 1, 1) * c["noise"]
    found = judge(kept | {"mean": mean, "x_s": x_s}, {"a": A})
    assert f"{words}; its g is that of its own step" in found["mean"].detail, found["mean"]
    assert found["x_s"].verdict == "consistent"
