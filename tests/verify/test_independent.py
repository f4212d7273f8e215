"""The laws that samples are held to: right to 50 digits, and deaf to what is under test."""

import sys

import mpmath as mp
import pytest
import torch

from refimpl.equations.watching import watched
from refimpl.evidence.mistakes import mistakes
from refimpl.evidence.planting import plant
from refimpl.evidence.route import DIGITS
from refimpl.evidence.routes import routes
from refimpl.statistics.outcome import gathered
from refimpl.toy import gaussian_1d, mixture_1d, mixture_2d, rotated_8d
from refimpl.verify import independent
from refimpl.verify.layers import checks

LAWS = (gaussian_1d, mixture_1d, mixture_2d, rotated_8d)
STEPS = ((1.0, 0.9), (0.6, 0.35), (0.1, 0.0))
CHAINS = (
    "transitions_have_white_residuals", "gaussian_chains_have_their_law",
    "mixture_chains_have_their_law", "boundary_policies_have_their_laws",
    "mistaken_samplers_are_rejected",
)  # fmt: skip


def places(d):
    return torch.randn(3, d, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def exact_velocity(p, x, t):
    """E[noise − data | x] by quadrature of what Bayes' rule says, in one dimension."""
    parts = list(
        zip(p.weights.tolist(), p.means[:, 0].tolist(), p.stds[:, 0].tolist(), strict=True)
    )

    def mean(f):
        total = mp.mpf(0)
        for w, m, s in parts:
            # data | component is normal; given the datum the noise is (x − (1 − t) data)/t
            spans = [m + k * s for k in range(-12, 13, 2)]
            total += mp.quad(
                lambda z, w=w, m=m, s=s: w * mp.npdf(z, m, s) * mp.npdf(x, (1 - t) * z, t) * f(z),
                spans,
            )
        return total

    return mean(lambda z: (x - (1 - t) * z) / t - z) / mean(lambda z: mp.mpf(1))


@pytest.mark.parametrize("make", LAWS)
@pytest.mark.parametrize(("t", "s"), STEPS)
def test_a_step_is_the_50_digit_route_of_the_transition(make, t, s):
    """At the velocity that the independent posterior gives, entry by entry."""
    p, g = make(), 0.7
    x = places(p.d)
    v = independent.velocity(p)(x, t)
    got = independent.denoising(p, (t, s), lambda t, s: g)[0](x)
    with mp.workdps(DIGITS):
        for at, slope, mean in zip(x.flatten(), v.flatten(), got.mean.flatten(), strict=True):
            linear = (1 - mp.mpf(t), mp.mpf(t), mp.mpf(-1), mp.mpf(1))
            numbers = (mp.mpf(float(z)) for z in (at, slope, g, t, s))
            want = routes()["sde.transition"](*linear, *numbers)
            # ten operations on numbers up to a dozen
            assert abs(want["mean"] - float(mean)) < 1e-13
            assert abs(want["std"] - got.std) < 1e-15


@pytest.mark.parametrize("make", [gaussian_1d, mixture_1d])
@pytest.mark.parametrize("t", [0.9, 0.3])
def test_the_velocity_is_bayes_rule_by_quadrature(make, t):
    p, x = make(), places(1)
    got = independent.velocity(p)(x, t)
    with mp.workdps(25):
        for at, v in zip(x.flatten().tolist(), got.flatten().tolist(), strict=True):
            assert abs(exact_velocity(p, mp.mpf(at), mp.mpf(t)) - v) < 1e-11


@pytest.mark.parametrize("make", LAWS)
def test_the_velocity_is_productions(make):
    p = make()
    from refimpl.toy import field

    for t in (1.0, 0.5, 0.01):
        x = places(p.d)
        torch.testing.assert_close(
            independent.velocity(p)(x, t), field(p)(x, t), rtol=1e-11, atol=1e-11
        )


def test_a_step_up_is_the_50_digit_forward_drift():
    p, g, t, s = mixture_1d(), 0.8, 0.3, 0.45
    x = places(1)
    _, noise = independent.posterior(p, x, 1 - t, t)
    v = independent.velocity(p)(x, t)
    got = independent.noising(p, (t, s), g)[0](x)
    with mp.workdps(DIGITS):
        for at, slope, e, mean in zip(*(z.flatten() for z in (x, v, noise, got.mean)), strict=True):
            numbers = [mp.mpf(float(z)) for z in (at, slope, e)]
            f = routes()["sde.forward_drift"](numbers[1], -numbers[2] / t, mp.mpf(g))
            want = routes()["sde.euler_maruyama"](numbers[0], f, mp.mpf(g), mp.mpf(s) - mp.mpf(t))
            assert abs(want["mean"] - float(mean)) < 1e-13
            assert abs(want["std"] - got.std) < 1e-15


def test_no_equation_is_called_on_the_way():
    levels = independent.uniform(4)
    noise = independent.odds(0.7, independent.next_level)
    with watched() as called:
        independent.gaussian_law(gaussian_1d(), levels, noise)
        independent.flow_grpo_law(mixture_1d(), 4, 0.7)
        independent.denoising(rotated_8d(), levels, noise)[0](places(8))
        independent.noising(mixture_2d(), levels[-2::-1], 0.8)[0](places(2))
        independent.carried(
            independent.CLASSICAL, independent.velocity(mixture_1d()), places(1), levels
        )
    assert called == set()


@pytest.mark.statistical
@pytest.mark.parametrize("check", CHAINS)
@pytest.mark.parametrize("name", ["no ½ in the score correction", "sign of the score correction"])
def test_a_drift_without_its_half_or_with_the_wrong_sign_is_seen(check, name):
    (mistake,) = [m for m in mistakes("sde.drift") if m.name == name]
    with plant(mistake), pytest.raises(AssertionError, match="beyond"):
        checks()[f"statistics.{check}"].run(0)
    checks()[f"statistics.{check}"].run(0)


SEEN = {
    "transitions_have_white_residuals": {
        "transition.mixture_1d.white", "transition.mixture_2d.white", "transition.rotated_8d.white",
    },
    "gaussian_chains_have_their_law": {
        f"chain.T{T}.a{a}.variance" for T in (10, 20, 40) for a in (0.7, 1.0)
    },
    "mixture_chains_have_their_law": {"chain.mixture_1d.T20", "chain.rotated_8d.T10.factor0"},
    "boundary_policies_have_their_laws": {"boundary.next_level.variance"},
}  # fmt: skip


@pytest.mark.statistical
@pytest.mark.parametrize("check", SEEN)
def test_it_is_seen_in_every_dimension_and_at_every_length(check):
    (mistake,) = [m for m in mistakes("sde.drift") if m.name == "no ½ in the score correction"]
    with plant(mistake), gathered() as found:
        checks()[f"statistics.{check}"].run(0)
    assert SEEN[check] <= {failure.name for failure in found.failures}


def test_what_was_planted_is_put_back():
    from refimpl.equations import find, sde

    before = sde.drift, find("sde.drift")
    (mistake,) = [m for m in mistakes("sde.drift") if m.name == "no score correction"]
    with plant(mistake), watched() as called:
        assert sde.drift(2.0, 1.0, 1.0) == 2.0
        assert find("sde.drift").function(2.0, 1.0, 1.0) == 2.0
    assert called == {"sde.drift"}
    assert (sde.drift, find("sde.drift")) == before


CACHED = {
    "refimpl.verify.statistics.accuracy._variance": (20, 2.0),
    "refimpl.verify.statistics.guidance._guided_law": (2.5, 0.7, (0.9, 0.5, 0.0)),
}
"""What checks work out once and keep, with arguments to call it by."""


def test_what_is_kept_while_mistakes_are_planted_calls_no_equation():
    """Kept from before, it would be the right law of a wrong function, or the other way round."""
    checks()
    found = {
        f"{name}.{of}": value
        for name, module in list(sys.modules.items())
        if name.startswith("refimpl.verify.statistics")
        for of, value in vars(module).items()
        if hasattr(value, "cache_info") and value.__module__ == name
    }  # fmt: skip
    assert found.keys() == CACHED.keys()
    for name, function in found.items():
        with watched() as called:
            function.__wrapped__(*CACHED[name])
        assert called == set(), name
