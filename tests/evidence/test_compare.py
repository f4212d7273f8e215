"""Comparisons: what passes, what raises, and what the message says."""

import mpmath as mp
import numpy as np
import pytest
import torch

from refimpl.conformance import Mismatch, reference
from refimpl.equations import Coefficients, Gaussian, equations, kl, sde
from refimpl.evidence import compare
from refimpl.evidence.inputs import inputs
from refimpl.evidence.rounding import ROUNDINGS

STEP = {"x": 1.5, "f": -0.5, "g": 0.75, "h": 0.25}


def test_one_rounding_passes_and_a_hundred_do_not():
    right = sde.euler_maruyama(**STEP)
    assert compare("sde.euler_maruyama", right, None, STEP) <= 1
    off = Gaussian(right.mean * (1 + 100 * 2.0**-53), right.std)
    with pytest.raises(Mismatch, match=r"sde.euler_maruyama \(mean\) is off by"):
        compare("sde.euler_maruyama", off, None, STEP)


def test_the_tolerance_follows_the_precision_of_the_numbers():
    case = {name: torch.tensor([x], dtype=torch.float32) for name, x in STEP.items()}
    right = sde.euler_maruyama(**case)
    numbers = {name: np.array([x]) for name, x in STEP.items()}
    assert compare("sde.euler_maruyama", right, None, numbers) <= ROUNDINGS
    off = Gaussian(right.mean.double() * (1 + 1e-7), right.std.double())
    with pytest.raises(Mismatch):
        compare("sde.euler_maruyama", off, None, numbers)


def test_a_message_names_equation_gap_place_mistake_and_remedy():
    case = inputs("kl.flow_grpo")[0]
    wrong = kl.flow_grpo(**case) * case["h"]
    with pytest.raises(Mismatch) as caught:
        compare("kl.flow_grpo", wrong, None, case)
    message = str(caught.value)
    for words in ("kl.flow_grpo", "ulps", "at (", "v_ref=", "'KL without h'", "variance g² h"):
        assert words in message
    assert caught.value.looks_like == ("KL without h",)
    assert caught.value.gap > 1e-3


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (lambda x: -x, "negative"),
        (lambda x: 2 * x, "twice"),
        (lambda x: x / 2, "half"),
        (np.exp, "exponential"),
        (lambda x: x.reshape(len(x), -1).sum(axis=1), "sum over coordinates"),
        (lambda x: x.reshape(len(x), -1).mean(axis=1), "mean over coordinates"),
    ],
)
def test_a_known_convention_is_recognised(transform, words):
    case = inputs("sde.drift")[0]
    right = equations()["sde.drift"].function(**case)
    with pytest.raises(Mismatch, match=words) as caught:
        compare("sde.drift", transform(right), None, case)
    assert words in caught.value.convention


def test_an_unknown_error_is_said_to_be_unknown():
    case = inputs("sde.drift")[0]
    right = equations()["sde.drift"].function(**case)
    with pytest.raises(Mismatch, match="resembles no mistake") as caught:
        compare("sde.drift", right + 0.123, None, case)
    assert caught.value.looks_like == ()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_a_mismatch(bad):
    with pytest.raises(Mismatch):
        compare("kl.k1", bad, None, {"log_ratio": 0.5})


def test_missing_parts_and_wrong_shapes_are_mismatches():
    with pytest.raises(Mismatch, match="parts"):
        compare("sde.euler_maruyama", 1.375, None, STEP)
    case = inputs("sde.drift")[0]
    right = equations()["sde.drift"].function(**case)
    with pytest.raises(Mismatch, match="shape"):
        compare("sde.drift", right[:, :, 0], None, case)
    assert compare("paths.linear", Coefficients(0.25, 0.75, -1, 1), None, {"t": 0.75}) == 0


def test_a_trusted_source_can_stand_in_for_the_second_route():
    want = {"value": np.asarray(0.125)}
    assert compare("kl.k2", 0.125, want, {"log_ratio": 0.5}) == 0
    with pytest.raises(Mismatch):
        compare("kl.k2", 0.125, {"value": np.asarray(0.25)}, {"log_ratio": 0.5})


def test_the_tolerance_never_hides_one_per_cent():
    for equation_id in equations():
        exact = reference(equation_id, inputs(equation_id)[0])
        for part, want in exact.want.items():
            slack = np.asarray(exact.slack[part], dtype=np.float64)
            size = np.abs(np.asarray(want, dtype=np.float64))
            seen = ROUNDINGS * 2.0**-53 * slack <= 0.01 * np.where(size, size, np.inf)
            assert seen.all(), equation_id


def test_the_condition_of_a_difference_is_the_size_of_its_terms():
    exact = reference("policy.log_ratio", {"log_prob": 1000.0, "log_prob_old": 999.0})
    assert float(exact.want["value"]) == 1
    # 1 for the result, 1000 and 999 for the arguments
    assert float(exact.slack["value"]) == pytest.approx(2000)


def test_references_do_not_change_the_callers_precision():
    before = mp.mp.dps
    reference("kl.k3", {"log_ratio": 0.75})
    assert mp.mp.dps == before


def test_an_equation_without_a_second_route_is_an_error():
    with pytest.raises(KeyError, match="no second route"):
        reference("kl.k4", {"log_ratio": 0.5})
