"""The study of Adjoint Matching: the kept numbers, what only κ = 1 gives, and the frontier."""

import json
from pathlib import Path

import pytest

from refimpl.labs import adjoint
from refimpl.toy.grpo.exact import best

KEPT = json.loads((Path(__file__).parents[2] / "docs/assets/study/adjoint.json").read_text("utf-8"))


def test_the_kept_laws_are_what_is_computed():
    for kept, found in zip(KEPT["laws"], adjoint.laws(), strict=True):
        assert found == pytest.approx(kept, rel=1e-9, abs=1e-12)


def test_only_the_memoryless_noise_leaves_a_flow_that_ends_in_the_tilted_law():
    for kept, found in zip(KEPT["flows"], adjoint.flows(), strict=True):
        assert found == pytest.approx(kept, rel=1e-6, abs=1e-9)
        memoryless = abs(found["kappa"] - 1) < 1e-9
        assert (abs(found["mean"]) < 1e-6) is memoryless
        assert (abs(found["std"]) < 1e-6) is memoryless


@pytest.mark.parametrize("name", adjoint.NAMES)
def test_both_gradients_have_the_exact_one_for_their_mean(name):
    found = adjoint.noise(name, 4096)
    # the mean of n gradients has noise 1/(n signal) beside it; five times that leaves room
    assert found["cosine"] > (1 + 5 / (4096 * KEPT["trainers"][name]["signal"])) ** -0.5
    # a ratio of a mean and a variance over 4096 samples, against one over 16384
    assert found["start"] == pytest.approx(KEPT["trainers"][name]["start"], rel=0.1)


def test_the_frontier_passes_through_the_optimum():
    reference = adjoint.runner("Adjoint Matching", 0.02, 0).chain
    top = best(reference, adjoint.REWARD, adjoint.BETA)
    gained = float(top.expected(adjoint.REWARD) - reference.expected(adjoint.REWARD))
    assert adjoint.frontier(reference, float(top.kl(reference))) == pytest.approx(gained, rel=1e-9)


def test_network_calls_are_counted():
    run = adjoint.train("Adjoint Matching", 0.05, 0, 100_000)
    calls = [next(run)[0] for _ in range(5)]
    assert calls == [7 * 10 * 256 * (i + 1) for i in range(5)]
