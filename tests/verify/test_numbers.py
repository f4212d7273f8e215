"""The numbers layer: complete, deterministic, and made of checks that hold."""

from importlib import import_module

import pytest

from refimpl.equations import equations
from refimpl.verify.identities import Disagreement, same
from refimpl.verify.layers import checks
from refimpl.verify.numbers import second_routes

NUMBERS = [c for c in checks().values() if c.layer == "numbers"]
ROWS = """PATH-1 PATH-2 PATH-3 PATH-4 PATH-5 VF-1 VF-2 VF-3 VF-4 SC-1 SC-2 SC-3 SC-4 SC-5 SC-6 SC-7
SC-8 SC-9 SC-10 CFG-2 CFG-3 CFG-7 GRPO-3 GRPO-4 GRPO-5 GRPO-6 GRPO-7 GRPO-8 FM-2
DYN-1 DYN-3 DYN-4 DYN-5 DYN-7 DYN-8 LD-1 LD-3 DDPM-1 DDPM-2 FM-1 SM-1 SM-2 SM-3 SM-4 NF-1 NF-2
NF-3 OT-1 OT-2 RFT-1"""


@pytest.mark.parametrize("check", NUMBERS, ids=lambda c: c.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_check_holds(check, seed):
    assert check.run(seed).summary


def test_every_equation_is_compared_with_its_second_route():
    compared = {i for c in NUMBERS if c.run.__module__ == second_routes.__name__ for i in c.covers}
    assert compared == set(equations())


def test_every_row_that_asks_for_a_number_has_one():
    assert set(ROWS.split()) <= {row for c in NUMBERS for row in c.rows}


def test_every_check_covers_known_equations_and_states_its_fact():
    for check in NUMBERS:
        assert set(check.covers) <= set(equations()), check.name
        assert check.statement.endswith("."), check.name


def test_figures_stay_within_what_is_allowed():
    for check in NUMBERS:
        if check.run.__module__ == second_routes.__name__:
            figures = check.run(0).figures
            # today's largest is 1.05; more than 2 of 8 means that a formula lost digits
            assert max(figures.values()) < 2, check.name


def test_an_identity_that_fails_says_by_how_much():
    with pytest.raises(Disagreement, match=r"a fact: the sides differ by .* roundings"):
        same("a fact", 1.0, 1.0 + 1e-12)
    with pytest.raises(Disagreement):
        same("a fact", float("nan"), 1.0)


PLANTED = [
    ("step_in_terms_of_the_ends", "sde", "flow_grpo_drift",
     lambda x, v, g, t: v + g**2 / t * (x + (1 - t) * v)),
    ("two_forms_of_the_kl", "kl", "flow_grpo",
     lambda v, v_ref, g, t, h: (v - v_ref) ** 2 / (2 * g**2)),
    ("golden_step_std", "sde", "flow_grpo_g", lambda t, a, inside: a * t),
    ("law_of_the_ratio", "policy", "ratio", lambda p, q: 1 + p - q),
    ("clipped_gradient_in_every_branch", "grpo", "surrogate",
     lambda ratio, advantage, clip: ratio * advantage),
    ("marginal_velocity_moves_the_mixture", "density", "continuity",
     lambda p, dp_dx, v, dv_dx: p * dv_dx + v * dp_dx),
    ("every_sde_keeps_the_marginals", "sde", "drift", lambda v, score, g: v),
    ("guidance_with_and_without_a_classifier", "guidance", "ho_salimans",
     lambda u, c, omega: (1 - omega) * u + omega * c),
]  # fmt: skip


@pytest.mark.parametrize(("check", "topic", "name", "wrong"), PLANTED, ids=[p[0] for p in PLANTED])
def test_an_identity_refutes_the_nearest_mistake(monkeypatch, check, topic, name, wrong):
    monkeypatch.setattr(import_module(f"refimpl.equations.{topic}"), name, wrong)
    with pytest.raises(Disagreement):
        checks()[f"numbers.{check}"].run(0)
