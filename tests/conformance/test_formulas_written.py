"""Formulas are written as one writes them, and taken apart into quantities that have names."""

import numpy as np
import pytest

from refimpl.conformance.adapter.conventions import Conventions
from refimpl.conformance.formulas.apart import NAMED, apart, taken_apart
from refimpl.conformance.formulas.program import written
from refimpl.conformance.formulas.written import begins, forms

T, S = np.array([0.75, 0.5]), np.array([0.5, 0.25])
AT_ONE = {"t": np.array([1.0, 0.5]), "s": np.array([0.5, 0.25])}
X, V = np.array([[1.0, -2.0, 0.5], [0.5, 3.0, 2.0]]), np.array([[2.0, 0.25, -1.0], [1.0, 0.5, 4.0]])
STEP = {"x": X, "v": V, "v_ref": V - 2, "t": T, "s": S}
MEANS = {"mean": X, "mean_ref": V, "t": T, "s": S}
STD = {"std": np.array([0.5, 2.0])}
GAP = {"log_prob": X[:, 0], "log_prob_ref": V[:, 0]}
R = {"rewards": np.array([[1.0, 2.0, 6.0], [-1.0, 0.0, 4.0]])}
RATIO = {"ratio": X[0] ** 2, "advantage": V[0], "clip_low": 0.2, "clip_high": 0.2}
GUIDED = {"v_uncond": X, "v_cond": V, "w": 3.0}


def lines(program):
    return [f"{row.name} = {row.source}" for row in program.lines]


WRITTEN = {
    "advantages": (R, {}, "base = group_mean(rewards)", "centred = rewards - base",
                   "variance = group_sum(centred ** 2) / n",
                   "value = centred / (sqrt(variance) + eps)"),
    "advantages, unbiased and bounded": (
        R, {"advantage_ddof": 1, "advantage_clip": 5, "advantage_floor": 0.015625},
        "base = group_mean(rewards)", "centred = rewards - base",
        "variance = group_sum(centred ** 2) / (n - 1)",
        "whole = centred / (maximum(sqrt(variance), 0.015625) + eps)",
        "value = minimum(maximum(whole, -5), 5)"),
    "advantages, of all": (
        R, {"advantage_std": "batch", "advantage_ddof": 1},
        "base = group_mean(rewards)", "centred = rewards - base",
        "variance = batch_sum((rewards - batch_mean(rewards)) ** 2) / (n * prompts - 1)",
        "value = centred / (sqrt(variance) + eps)"),
    "advantages, by the others": (
        R, {"advantage_mean": "others", "advantage_std": "none", "advantage_clip": 0.1 + 0.2},
        "base = (group_sum(rewards) - rewards) / (n - 1)", "centred = rewards - base",
        "whole = centred", "value = minimum(maximum(whole, -0.30000000000000004), "
        "0.30000000000000004)"),
    "diffusion": ({"t": T, "s": S}, {}, "g = a * sqrt(t / (1 - t))"),
    "diffusion, at pure noise": (AT_ONE, {}, "inside = where(t == 1, s, t)",
                                 "g = a * sqrt(t / (1 - inside))"),
    "diffusion, clamped": (AT_ONE, {"boundary": "clamp 0.9"}, "inside = minimum(t, 0.9)",
                           "g = a * sqrt(t / (1 - inside))"),
    "diffusion, refused": (AT_ONE, {"boundary": "refuse"}, "g = a * sqrt(t / (1 - t))"),
    "diffusion, held": (AT_ONE, {"t_min": 0.1, "t_max": 0.875},
                        "t_held = minimum(maximum(t, 0.1), 0.875)",
                        "g = a * sqrt(t_held / (1 - t_held))"),
    "kl": (MEANS | STD, {}, "each = (mean - mean_ref) ** 2 / (2 * std ** 2)",
           "value = total(each)"),
    "kl, without h": (MEANS | STD, {"kl": "without h", "kl_reduction": "mean"},
                      "g = std / sqrt(h)", "each = (mean - mean_ref) ** 2 / (2 * g ** 2)",
                      "value = average(each)"),
    "velocity_target": ({"data": X, "noise": V, "t": T}, {"t_max": 0.9}, "value = noise - data"),
    "noise_from_score": ({"x": X, "score": V, "t": T}, {"t_max": 0.9}, "t_held = minimum(t, 0.9)",
                         "value = -t_held * score"),
    "schedule": ({"steps": 4}, {}, "u = 1 - k / steps", "level = u"),
    "schedule, shifted": ({"steps": 4}, {"grid": "shift 3"}, "u = 1 - k / steps",
                          "level = shift * u / (1 + (shift - 1) * u)"),
}  # fmt: skip
"""Inputs, conventions, and the lines of the first form."""


@pytest.mark.parametrize("name", WRITTEN)
def test_a_formula_is_written_as_one_writes_it(name):
    inputs, declared, *want = WRITTEN[name]
    assert lines(forms(name.partition(",")[0])([inputs], Conventions(declared))[0]) == want


@pytest.mark.parametrize(
    ("name", "inputs", "declared"),
    [("kl", MEANS, {}), ("kl", MEANS, {"kl": "without h"}), ("kl", STEP, {"kl": "without h"}),
     ("kl", STEP, {"g": "cps"}), ("kl", STEP, {"std_min": 0.1}),
     ("sde_step", STEP, {"g": "frozen data", "t_min": 0.1}), ("sde_step", STEP | {"s": 0 * S},
                                                {"last_step": "data", "g": "cps"}),
     ("diffusion", {"t": T, "s": S}, {"g": "constant"}), ("guidance", GUIDED,
                                                          {"guidance": "zero-star"}),
     ("advantages", R, {"advantage_std": "others"}), ("model_time", {"t": T},
                                                      {"model_time": "int(1000 t)"}),
     ("schedule", {"steps": 4}, {"grid": "sd35 as shipped"}), ("ode_sampler", STEP, {})],
)  # fmt: skip
def test_where_no_form_is_known_none_is_written(name, inputs, declared):
    assert forms(name)([inputs], Conventions(declared)) == ()


@pytest.mark.parametrize("grid", ["uniform", "sd35 as shipped", "1/1000, shift 3", "shift 3"])
def test_a_grid_begins_with_its_levels_numbers_and_its_shift(grid):
    env = begins({"steps": 3}, Conventions({"grid": grid}))
    assert env["k"].tolist() == [0, 1, 2, 3]
    assert env.get("shift") == (3 if grid == "shift 3" else None)


# ---------------------------------------------------------------- taken apart


def column(x):
    return x.reshape(2, 1)


PATH_G = 0.7 * np.sqrt(column(T / (1 - T)))
HELD = column(np.clip(T, 0.6, 1))
HELD_G = 0.7 * np.sqrt(HELD / (1 - HELD))
DENSITY = MEANS | STD | {"x_s": V}
Z = (V - X) / column(STD["std"])


def of_velocities(g, t):
    return column(T - S) / 2 * (g * (1 - t) / (2 * t) + 1 / g) ** 2 * 4


APART = {
    "log_prob": (DENSITY, {}, {"residual": V - X, "z": Z, "loss": Z**2 / 2}),
    "log_prob, without 2 π": (DENSITY, {"log_prob_terms": "no log 2 pi"},
                              {"residual": V - X, "z": Z, "loss": Z**2 / 2}),
    "log_prob, quadratic": (DENSITY, {"log_prob_terms": "quadratic"},
                            {"residual": V - X, "z": Z, "loss": Z**2 / 2, "each": -(Z**2) / 2}),
    "log_prob, bare": (DENSITY, {"log_prob_terms": "bare square"},
                       {"residual": V - X, "loss": (V - X) ** 2, "each": -((V - X) ** 2)}),
    "replay": (STEP | {"x_s": V}, {}, {"residual", "z", "loss"}),
    "kl": (MEANS | STD, {}, {"difference": X - V, "square": (X - V) ** 2}),
    "kl, without h": (MEANS | STD, {"kl": "without h"},
                      {"difference": X - V, "square": (X - V) ** 2}),
    "kl, of means": (MEANS, {"kl": "means"}, {"difference": X - V, "square": (X - V) ** 2}),
    "kl, called velocity": (MEANS, {"kl": "velocity"},
                            {"difference": X - V, "square": (X - V) ** 2}),
    "kl, of velocities": (STEP, {"kl": "velocity"}, {"difference": 2 + 0 * V, "square": 4 + 0 * V}),
    "kl, of steps": (STEP, {}, {"difference": 2 + 0 * V, "square": 4 + 0 * V,
                                "each": of_velocities(PATH_G, column(T)) + 0 * V}),
    "kl, of steps, held": (STEP, {"t_min": 0.6}, {"difference": 2 + 0 * V, "square": 4 + 0 * V,
                                                  "each": of_velocities(HELD_G, HELD) + 0 * V}),
    "kl, k3": (GAP, {"kl": "k3"}, {"likelihood_ratio": np.exp([1.0, 0.5])}),
    "advantages": (R, {}, {"spread": np.sqrt([[14 / 3], [14 / 3]])}),
    "advantages, bounded": (R, {"advantage_clip": 1.0, "advantage_floor": 2.5},
                            {"spread": np.full((2, 1), 2.5)}),
    "surrogate": (RATIO, {}, {"low": 0.8, "high": 1.2, "plain": RATIO["ratio"] * V[0],
                              "clipped": RATIO["ratio"].clip(0.8, 1.2),
                              "whole": np.minimum(RATIO["ratio"] * V[0],
                                                  RATIO["ratio"].clip(0.8, 1.2) * V[0])}),
    "surrogate, a loss": (RATIO, {"sign": "loss"}, {"low", "high", "clipped", "whole"}),
    "objective": (RATIO | {"kl": 0.5, "beta": 0.1}, {}, {"low": 0.8, "high": 1.2}),
    "guidance": (GUIDED, {}, {"difference": V - X}),
    "guidance, ω": (GUIDED, {"guidance": "omega"}, {"difference": V - X}),
}  # fmt: skip
"""Inputs, conventions, and the quantities that get names, with their numbers or without."""


@pytest.mark.parametrize("name", APART)
def test_a_formula_that_is_taken_apart_names_its_quantities_and_gives_the_same(name):
    inputs, declared, quantities = APART[name]
    capability, c = name.partition(",")[0], Conventions(declared)
    (program,), plain = apart(capability)([inputs], c), forms(capability)([inputs], c)[0]
    env = begins(inputs, c)
    known = program.values(env)
    before, now = ({row.name for row in p.lines} for p in (plain, program))
    assert now - before == set(quantities) - before <= NAMED | {"whole"}
    for quantity in quantities:
        if isinstance(quantities, dict):
            np.testing.assert_allclose(known[quantity], quantities[quantity], rtol=1e-14)
        assert quantity in known
    for part, x in plain.run(env).items():
        np.testing.assert_allclose(program.run(env)[part], x, rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "inputs", "declared"),
    [("kl", GAP, {"kl": "k1"}), ("kl", GAP, {"kl": "k2"}), ("advantages", R,
                                                            {"advantage_std": "none"})],
)  # fmt: skip
def test_what_has_no_quantities_to_name_stays_in_one_piece(name, inputs, declared):
    c = Conventions(declared)
    (program,) = apart(name)([inputs], c)
    assert lines(program) == lines(forms(name)([inputs], c)[0])


def test_the_longest_formula_is_taken_apart_for_all_inputs():
    c = Conventions()
    cases = [STEP | {"x_s": V} | AT_ONE, STEP | {"x_s": V}]
    for order in (cases, cases[::-1]):
        (program,) = apart("replay")(order, c)
        assert lines(program)[:2] == ["inside = where(t == 1, s, t)",
                                      "g = a * sqrt(t / (1 - inside))"]  # fmt: skip
    assert apart("kl")([MEANS | STD, MEANS], c) == ()  # one of them has no form


def test_several_lines_take_the_place_of_one():
    plain = written("a = x + 1\nb = 2 * a\nvalue = b - x")
    made = taken_apart(plain, {"b": "twice = a + a\nb = twice", "other": "c = 1"})
    assert lines(made) == ["a = x + 1", "twice = a + a", "b = twice", "value = b - x"]
    assert made.parts == plain.parts
