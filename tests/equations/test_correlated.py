"""Facts about correlated Gaussians: axes that commute, axes that do not, and what is symmetric."""

import math

import numpy as np
import pytest
import scipy.linalg
from scipy.stats import multivariate_normal

from refimpl.equations import Gaussian, correlated, kl

P, Q = np.array([[1.5, 0.6], [0.6, 0.8]]), np.array([[0.7, -0.2], [-0.2, 1.1]])
GAP = np.array([0.4, -0.3])


def three(matrix):
    return matrix[0, 0], matrix[0, 1], matrix[1, 1]


def turned(matrix, angle):
    c, s = math.cos(angle), math.sin(angle)
    r = np.array([[c, -s], [s, c]])
    return r @ matrix @ r.T


@pytest.mark.covers("correlated.velocity")
@pytest.mark.parametrize("t", [0.0, 0.25, 0.7, 1.0])
def test_the_velocity_is_a_conditional_mean_by_matrices(t):
    mean, x = np.array([1.0, -0.5]), np.array([0.3, 0.9])
    state = (1 - t) ** 2 * P + t**2 * np.eye(2)
    shared = t * np.eye(2) - (1 - t) * P
    want = -mean + shared @ np.linalg.solve(state, x - (1 - t) * mean)
    xx, xy, yy = three(P)
    got = correlated.velocity(*x, *mean, xx, xy, yy, t)
    other = correlated.velocity(*x[::-1], *mean[::-1], yy, xy, xx, t)
    assert (got, other) == pytest.approx(tuple(want), rel=1e-13)


@pytest.mark.covers("correlated.velocity")
def test_along_a_common_axis_it_is_the_velocity_of_one_dimension():
    """C has the axes (1, 1) and (1, −1) with variances 1.4 and 0.6."""
    t, x, y = 0.4, 0.9, -0.2
    vx = correlated.velocity(x, y, 0.0, 0.0, 1.0, 0.4, 1.0, t)
    vy = correlated.velocity(y, x, 0.0, 0.0, 1.0, 0.4, 1.0, t)
    for sign, variance in ((1, 1.4), (-1, 0.6)):
        along, state = x + sign * y, (1 - t) ** 2 * variance + t**2
        want = (t - (1 - t) * variance) * along / state
        assert vx + sign * vy == pytest.approx(want, rel=1e-13)


@pytest.mark.covers("correlated.kl")
def test_kl_is_the_integral_of_the_log_ratio():
    """Gauss–Hermite with 6 nodes a coordinate: exact for quadratic forms."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    root = np.linalg.cholesky(P)
    total = 0.0
    for i, a in enumerate(nodes):
        for j, b in enumerate(nodes):
            x = GAP + root @ np.array([a, b])
            ratio = multivariate_normal(GAP, P).logpdf(x) - multivariate_normal(0 * GAP, Q).logpdf(
                x
            )
            total += weights[i] * weights[j] * ratio / (2 * math.pi)
    assert correlated.kl(*GAP, *three(P), *three(Q)) == pytest.approx(total, rel=1e-12)


@pytest.mark.covers("correlated.kl", "correlated.wasserstein")
def test_turning_both_laws_changes_nothing_and_turning_one_does():
    for angle in (0.3, 1.1):
        c, s = math.cos(angle), math.sin(angle)
        gap = np.array([[c, -s], [s, c]]) @ GAP
        for distance in (correlated.kl, correlated.wasserstein):
            was = distance(*GAP, *three(P), *three(Q))
            both = distance(*gap, *three(turned(P, angle)), *three(turned(Q, angle)))
            one = distance(*GAP, *three(turned(P, angle)), *three(Q))
            assert both == pytest.approx(was, rel=1e-12)
            assert abs(one - was) > 1e-3


@pytest.mark.covers("correlated.wasserstein")
def test_the_distance_is_that_of_matrix_roots():
    root = scipy.linalg.sqrtm(P)
    shared = np.trace(scipy.linalg.sqrtm(root @ Q @ root))
    want = GAP @ GAP + np.trace(P) + np.trace(Q) - 2 * shared
    got = correlated.wasserstein(*GAP, *three(P), *three(Q))
    assert got == pytest.approx(float(want), rel=1e-11)
    assert got == pytest.approx(correlated.wasserstein(*-GAP, *three(Q), *three(P)), rel=1e-14)


@pytest.mark.covers("correlated.kl", "correlated.wasserstein")
def test_on_common_axes_both_are_sums_over_the_axes():
    a, b = turned(np.diag([1.5, 0.5]), 0.7), turned(np.diag([0.8, 1.2]), 0.7)
    w = sum((math.sqrt(p) - math.sqrt(q)) ** 2 for p, q in ((1.5, 0.8), (0.5, 1.2)))
    assert correlated.wasserstein(0.0, 0.0, *three(a), *three(b)) == pytest.approx(w, rel=1e-12)
    nats = sum(
        kl.gaussian(Gaussian(0.0, math.sqrt(p)), Gaussian(0.0, math.sqrt(q)))
        for p, q in ((1.5, 0.8), (0.5, 1.2))
    )
    assert correlated.kl(0.0, 0.0, *three(a), *three(b)) == pytest.approx(nats, rel=1e-12)


@pytest.mark.covers("correlated.velocity", "correlated.kl", "correlated.wasserstein")
def test_what_is_no_covariance_is_refused():
    with pytest.raises(ValueError, match=r"determinant must be positive.*positive definite"):
        correlated.velocity(0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.5)
    for distance in (correlated.kl, correlated.wasserstein):
        with pytest.raises(ValueError, match="q_determinant must be positive"):
            distance(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, -1.5, 1.0)
