"""Planted mistakes: what must turn red does, what is published is what a trial finds."""

import pytest

from refimpl.equations import equations
from refimpl.evidence.mistakes import mistakes
from refimpl.evidence.probes import every_probe, probes
from refimpl.verify import kills, matrix
from refimpl.verify.check import Check, Evidence
from refimpl.verify.layers import checks
from refimpl.verify.run import run_check

SAMPLED = [c for c in checks().values() if c.layer == "statistics"]
REVERSED = "KL estimate reversed"
CONSISTENT = "sde.flow_grpo_g: g × 1.01 in both"


@pytest.fixture(scope="module")
def rows():
    return {row["mistake"]: row for row in matrix.published()}


def test_each_check_of_samples_designates_a_mistake_of_all_that_it_covers():
    assert set(kills.designated()) == {c.run.__name__ for c in SAMPLED}
    for check in SAMPLED:
        table = kills.designated()[check.run.__name__]
        assert set(table) == set(check.covers), check.name
        assert all(table.values()), check.name


@pytest.mark.statistical
@pytest.mark.parametrize("check", SAMPLED, ids=lambda c: c.name)
def test_designated_mistakes_turn_the_check_red(check):
    assert kills.strike(check, 0) >= len(check.covers)


def test_a_check_that_accepts_a_designated_mistake_fails(monkeypatch):
    blind = Check("statistics.blind", "statistics", ("kl.k1",), (), lambda seed: Evidence("blind"))
    monkeypatch.setattr(kills, "designated", lambda: {blind.run.__name__: {"kl.k1": [REVERSED]}})
    monkeypatch.setattr(kills, "checks", lambda: {blind.name: blind})
    outcome = run_check(blind, 0)
    assert outcome.verdict == "fails"
    assert "statistics.blind has lost its power: it accepts 'kl.k1: KL estimate" in outcome.detail


def test_a_mistake_that_nobody_knows_is_refused():
    with pytest.raises(KeyError, match="no mistake and no probe is called 'sde.drift: unheard of'"):
        kills.mistake_of("sde.drift: unheard of")


def test_probes_have_names_of_their_own_and_change_the_result():
    titles = [m.title for m in (*mistakes(), *every_probe())]
    assert len(set(titles)) == len(titles)
    (drift,) = probes("sde.drift")
    assert drift.wrong(2.0, 0.0, 1.0) == pytest.approx(2.2)
    mean, std = (p.wrong(1.0, 2.0, 3.0, 0.25) for p in probes("sde.euler_maruyama"))
    assert (mean.mean, mean.std) == (pytest.approx(1.65), 1.5)
    assert (std.mean, std.std) == (1.5, pytest.approx(1.65))


def test_the_matrix_holds_every_mistake_and_every_probe(rows):
    titles = [m.title for id in equations() for m in kills.candidates(id)]
    assert list(rows) == titles


def test_every_named_mistake_is_seen_by_its_second_route(rows):
    assert [t for t in (m.title for m in mistakes()) if rows[t]["number"] != "seen"] == []


def test_a_g_that_is_wrong_consistently_is_unseen_by_marginals_and_seen_by_residuals(rows):
    for title in (CONSISTENT, "sde.transition: g × 1.01 in both"):
        assert (rows[title]["marginal"], rows[title]["residual"]) == ("unseen", "seen")


def test_the_matrix_says_that_designated_mistakes_are_seen(rows):
    for check in SAMPLED:
        for id, names in kills.designated()[check.run.__name__].items():
            for name in names:
                assert rows[f"{id}: {name}"]["checks"][check.name] != "passes"


TRIED = [
    ("numbers.sde_drifts", "sde.drift: no ½ in the score correction"),
    ("samplers.gaussian_chain_has_its_golden_law", "sde.transition: √h missing"),
    ("statistics.importance_weights_reach_the_tilted_law", "tilting.quadratic: std × 1.1"),
    ("statistics.surrogate_gradient_is_the_policy_gradient", "grpo.surrogate: max for min"),
    ("statistics.surrogate_away_from_the_old_policy", "grpo.surrogate: max for min"),
    ("statistics.boundary_policies_have_their_laws", CONSISTENT),
    ("statistics.the_gap_between_losses_is_a_variance", "objectives.gap: no gap"),
]


@pytest.mark.parametrize(("check", "title"), TRIED)
def test_a_trial_finds_what_is_published(rows, check, title):
    red = " and ".join(kills.trial(check, title).red) or "passes"
    assert rows[title]["checks"][check] == red


def test_a_proof_finds_what_is_published(rows):
    for m in mistakes("sde.transition"):
        assert matrix._job("proof", m.title) == (rows[m.title]["proof"] == "seen")
