"""The theorems about mixtures, in numbers: what moves p_t, what keeps it, what guidance does.

    ∂_t p = −∇·(p v)        ∇log p = E[score | x]        ∂_t p = −∇·(p f) + ½ g² Δp, any g

Both sides come from production code on mpmath numbers (see `mixtures`). Gaps are relative; the
bound is 1e-20, since derivatives at 30 digits lose no more than ten of them.
"""

from typing import Any

import mpmath as mp
import numpy as np

from ..equations import conversions, density, guidance, paths, sde
from ..equations.conventions import omega_from_w
from .check import Evidence, check
from .identities import Disagreement
from .mixtures import Field, Scene, mixture, scenes

DIGITS = 30
BOUND = 1e-20


def _close(fact: str, left: Any, right: Any, gaps: dict[str, float]) -> None:
    gap = float(abs(left - right) / (abs(left) + abs(right)))
    gaps[fact] = max(gap, gaps.get(fact, 0.0))
    if not gap <= BOUND:
        raise Disagreement(f"{fact}: relative gap {gap:.3g}, {BOUND:g} allowed")


def _report(gaps: dict[str, float]) -> Evidence:
    summary = f"{len(gaps)} comparisons, largest relative gap {max(gaps.values()):.1e}"
    return Evidence(f"{summary} (bound {BOUND:g})", gaps)


@check(
    "numbers",
    covers=(
        "density.continuity", "density.marginal", "density.posterior",
        "density.conditional_mean", "paths.conditional_velocity",
    ),
    rows=("VF-1", "VF-2", "VF-3"),
)  # fmt: skip
def marginal_velocity_moves_the_mixture(seed: int) -> Evidence:
    """The posterior mean of conditional velocities satisfies the continuity equation."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            p, v, dv = (
                scene.density(scene.x),
                scene.velocity(scene.x),
                scene.divergence_parts(scene.velocity),
            )
            rate = sum(
                density.continuity(p, scene.along(scene.density, i), v[i], dv[i])
                for i in scene.coordinates
            )
            _close(scene.name, rate, scene.rate(), gaps)
    return _report(gaps)


def _log_density(scene: Scene) -> Any:
    return lambda y: mp.log(scene.density(y))


@check(
    "numbers",
    covers=(
        "conversions.score_from_data", "conversions.score_from_velocity",
        "conversions.velocity_from_score", "density.conditional_mean",
    ),
    rows=("SC-2", "SC-7", "SC-8", "VF-4"),
)  # fmt: skip
def marginal_score_is_a_posterior_mean(seed: int) -> Evidence:
    """∇log p_t = E[conditional score | x], and the marginal velocity converts into it and back."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            c, v, score = scene.mixture.path(scene.t), scene.velocity(scene.x), scene.score(scene.x)
            for i in scene.coordinates:
                true = scene.along(_log_density(scene), i)
                _close(f"score, {scene.name}", score[i], true, gaps)
                from_v = conversions.score_from_velocity(c, scene.x[i], v[i])
                _close(f"from velocity, {scene.name}", from_v, true, gaps)
                from_score = conversions.velocity_from_score(c, scene.x[i], true)
                _close(f"to velocity, {scene.name}", from_score, v[i], gaps)
    return _report(gaps)


def _forward(scene: Scene, g: Any) -> Field:
    """The drift of the SDE that shares the marginals, t rising."""
    return lambda x: [
        sde.forward_drift(v, score, g)
        for v, score in zip(scene.velocity(x), scene.score(x), strict=True)
    ]


def _sampling(scene: Scene, g: Any) -> Field:
    """The displacement per unit of falling t."""
    return lambda x: [
        -sde.drift(v, score, g) for v, score in zip(scene.velocity(x), scene.score(x), strict=True)
    ]


def _fokker_planck(scene: Scene, f: Field, g: Any) -> Any:
    """∂_t p of dx = f dt + g dw: one term a coordinate."""
    p, here, df = scene.density(scene.x), f(scene.x), scene.divergence_parts(f)
    return sum(
        density.fokker_planck(
            p, scene.along(scene.density, i), scene.along(scene.density, i, 2), here[i], df[i], g
        )
        for i in scene.coordinates
    )


@check(
    "numbers",
    covers=(
        "density.fokker_planck", "sde.forward_drift", "sde.reverse_drift", "sde.drift",
        "sde.probability_flow", "sde.flow_grpo_drift",
    ),
    rows=("SC-3", "SC-4", "SC-5", "SC-6", "SC-9", "SC-10"),
)  # fmt: skip
def every_sde_keeps_the_marginals(seed: int) -> Evidence:
    """Fokker–Planck with the forward drift is ∂_t p for any g; with the sampling drift, −∂_t p."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            rate, x, t = scene.rate(), scene.x, scene.t
            v, score = scene.velocity(x)[0], scene.score(x)[0]
            for g in (mp.mpf("0.5"), mp.mpf("1.75")):
                forward, sampling = _forward(scene, g), _sampling(scene, g)
                _close(f"t rising, {scene.name}", _fokker_planck(scene, forward, g), rate, gaps)
                _close(f"t falling, {scene.name}", _fokker_planck(scene, sampling, g), -rate, gaps)
                f = forward(x)[0]
                _close("reversal", sde.reverse_drift(f, score, g), -sampling(x)[0], gaps)
                _close("flow", sde.probability_flow(f, score, g), v, gaps)
                if scene.mixture.path is paths.linear:
                    _close("Eq. 1", sde.flow_grpo_drift(x[0], v, g, t), -sampling(x)[0], gaps)
    return _report(gaps)


@check(
    "numbers",
    covers=(
        "guidance.classifier", "guidance.classifier_free", "guidance.bayes_score",
        "guidance.ho_salimans", "guidance.diffusers", "conventions.omega_from_w",
    ),
    rows=("CFG-2", "CFG-3", "CFG-7"),
)  # fmt: skip
def guidance_with_and_without_a_classifier(seed: int) -> Evidence:
    """v + w a_t ∇log p(y | x) = (1 − w) v(x) + w v(x | y) on every path, and three scales agree."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            # p(y | z) ∝ 1, 0, 2: the labelled data, again a mixture of the same points
            path = scene.mixture.path
            labelled = Scene(
                "labelled", mixture(len(scene.x), path, ("0.5", "0", "0.5")), scene.x, scene.t
            )
            a = conversions.velocity_from_score(path(scene.t), mp.mpf(0), mp.mpf(1))
            for i in scene.coordinates:
                log_p, log_p_y = _log_density(scene), _log_density(labelled)
                gradient = scene.along(log_p_y, i) - scene.along(log_p, i)
                score = guidance.bayes_score(scene.score(scene.x)[i], gradient)
                _close(f"Bayes, {scene.name}", score, labelled.score(scene.x)[i], gaps)
                v, v_y = scene.velocity(scene.x)[i], labelled.velocity(scene.x)[i]
                for w in (mp.mpf("0.5"), mp.mpf(1), mp.mpf("4.5")):
                    free = guidance.classifier_free(v, v_y, w)
                    _close(scene.name, guidance.classifier(v, a, gradient, w), free, gaps)
                    theirs = guidance.ho_salimans(v, v_y, omega_from_w(w))
                    _close("Ho and Salimans", theirs, free, gaps)
                    _close("diffusers", guidance.diffusers(v, v_y, w), free, gaps)
    return _report(gaps)


@check(
    "numbers",
    covers=("paths.linear", "paths.cosine", "paths.vp", "paths.ve"),
    rows=("PATH-2", "PATH-4", "PATH-5"),
)
def schedules_are_monotone_between_the_right_ends(seed: int) -> Evidence:
    """Every schedule loses data and gains noise; linear and cosine run from pure to pure."""
    levels, gaps = np.linspace(0.0, 1.0, 65), {}
    for name, c in (("linear", paths.linear(levels)), ("cosine", paths.cosine(levels))):
        ends = (c.alpha[0] - 1, c.alpha[-1], c.sigma[0], c.sigma[-1] - 1)
        gaps[name] = float(np.abs(ends).max())
        if gaps[name] > 2.0**-52:  # cos(π/2) is 6e-17, for π/2 is rounded
            raise Disagreement(f"{name} does not run from data to noise: {ends}")
    for name, c in (
        ("linear", paths.linear(levels)),
        ("cosine", paths.cosine(levels)),
        ("vp", paths.vp(levels[1:], 0.1, 20.0)),
        ("ve", paths.ve(levels[1:], 0.01, 50.0)),
    ):
        fall, rise = np.diff(np.broadcast_to(c.alpha, c.sigma.shape)), np.diff(c.sigma)
        if (rise <= 0).any() or (fall > 0).any() or (name != "ve" and (fall == 0).any()):
            raise Disagreement(f"{name} is not monotone")
    return Evidence(f"4 schedules at 64 levels, ends within {max(gaps.values()):.1e}", gaps)


@check("numbers", covers=("density.marginal", "paths.conditional"), rows=("PATH-1", "PATH-3"))
def the_marginal_path_ends_in_noise_and_in_data(seed: int) -> Evidence:
    """At t = 1 the marginal is N(0, I); near t = 0 each datum carries its own weight."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        m, x = mixture(2, paths.linear), [mp.mpf("0.5"), mp.mpf("-0.75")]
        _close("p_1 is N(0, I)", m.density(x, mp.mpf(1)), mp.npdf(x[0]) * mp.npdf(x[1]), gaps)
        t = mp.mpf(2) ** -20
        z, width = m.centres[0] * paths.linear(t).alpha, t * mp.sqrt(2 * mp.pi)
        # twelve standard deviations either way leave out 4e-33
        mass = width * mp.quad(lambda u: t * m.density([z[0] + t * u, z[1]], t), [-12, 0, 12])
        _close("a datum's mass near t = 0", mass, m.prior[0], gaps)
    return _report(gaps)
