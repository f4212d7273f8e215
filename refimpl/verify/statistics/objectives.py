"""Objectives: regressions, and the gap between losses."""

import math
from functools import partial

import torch

from ...equations import conversions, objectives, paths
from ...statistics import budget, residuals
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import REGRESSIONS, N
from ...toy import gaussian as gaussian_problem
from ...toy import mixture_1d
from .. import independent
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check
from .paths import schedule


@check(
    "statistics",
    covers=(
        "paths.velocity",
        "density.conditional_mean",
        "conversions.noise_from_velocity",
        "conversions.data_from_velocity",
        "conversions.score_from_velocity",
        "conversions.score_from_noise",
    ),
    rows=("VF-4", "SC-2", "SC-8"),
)
def regressions_leave_nothing_to_predict(seed: int) -> Evidence:
    """v, noise, data and score are conditional means: target − field is unpredictable from x."""
    p, outcomes = mixture_1d(), []
    for path in ("linear", "cosine"):
        c = schedule(path, 0.4)  # where α and σ differ
        generator = budget.generator(f"regression.{path}", seed)
        data, noise = p.sample(N, generator), standard_normal(N, 1, generator=generator)
        x = paths.interpolate(c, data, noise)
        v = p.velocity(c, x)
        # Given x, each target is (a constant) + slope · data, and data is a mixture of Gaussians.
        cases = {
            "velocity": (
                paths.velocity(c, data, noise) - v,
                c.d_alpha - c.d_sigma * c.alpha / c.sigma,
            ),
            "noise": (noise - conversions.noise_from_velocity(c, x, v), c.alpha / c.sigma),
            "data": (data - conversions.data_from_velocity(c, x, v), 1.0),
            "score": (
                conversions.score_from_noise(c, noise) - conversions.score_from_velocity(c, x, v),
                c.alpha / c.sigma**2,
            ),
        }
        means = torch.stack([k.posterior_data(c, x) for k in p.components])
        spread = (p.stds * c.sigma) ** 2 / ((c.alpha * p.stds) ** 2 + c.sigma**2)
        proxy = (means.amax(dim=0) - means.amin(dim=0)) ** 2 / 4 + spread.max()
        weights = {"1": torch.ones(N, dtype=torch.float64)} | {
            f"{f.__name__}({k}x)": f(k * x[:, 0]) for k in (1, 2) for f in (torch.cos, torch.sin)
        }
        late = paths.velocity(c, data, noise) - p.velocity(schedule(path, 0.6), x)
        must_reject(
            "the velocity of another level",
            partial(
                residuals.zero_mean,
                late[:, 0],
                cases["velocity"][1] ** 2 * proxy[:, 0],
                weights,
                claim(f"regression.velocity.{path}"),
                detects=0.035,
            ),
        )
        for what in REGRESSIONS:
            error, slope = cases[what]
            name = claim(f"regression.{what}.{path}")
            outcomes.append(
                residuals.zero_mean(
                    error[:, 0], slope**2 * proxy[:, 0], weights, name, detects=0.035
                )
            )
    return evidence_of(outcomes)


@check(
    "statistics",
    covers=("objectives.flow_matching", "objectives.denoising", "objectives.weighted_denoising"),
    rows=("FM-1", "FM-2", "SM-1", "SM-2"),
)
def losses_scatter_by_the_gap(seed: int) -> Evidence:
    """At the exact field the root of each loss is normal with the gap's variance, unrelated to x.

    So the gradients of both losses agree, for every network. On N(1.5, s²) the velocity's target
    scatters with variance s²/V, V = (1 − t)² s² + t²; the score's error is −(1 − t)/t times it.
    """
    p, outcomes = gaussian_problem([1.5], [0.5]), []
    for t in (0.15, 0.5, 0.85):
        generator = budget.generator(f"objective.t{t}", seed)
        data = p.sample(N, generator)
        noise = standard_normal(N, 1, generator=generator)
        x = (1 - t) * data + t * noise
        its_data, its_noise = independent.posterior(p, x, 1 - t, t)
        sign = torch.sign(noise - data - (its_noise - its_data))
        left_over = 0.5 / math.sqrt(((1 - t) * 0.5) ** 2 + t**2)
        score = -its_noise / t
        for name, loss, scale in (
            ("velocity", objectives.flow_matching(its_noise - its_data, noise - data), 1.0),
            ("score", objectives.denoising(score, noise, t), (1 - t) / t),
            ("weighted", objectives.weighted_denoising(score, noise, t), 1 - t),
        ):
            outcomes.append(
                residuals.white(
                    (sign * loss.sqrt() / (scale * left_over))[None],
                    {"x": x[None], "cos x": torch.cos(x)[None]},
                    claim(f"objective.{name}.t{t}"),
                    detects_std=0.03,
                    detects_shift=0.035,
                )
            )
    return evidence_of(outcomes)


@check("statistics", covers=("objectives.gap",), rows=("FM-1", "SM-1"))
def the_gap_between_losses_is_a_variance(seed: int) -> Evidence:
    """(target − mean)² + C(x) is unpredictable from x: C is minus the target's variance given x.

    The data are three points, so that the target takes three values given x, and (target − mean)²
    lies between the least and the largest of their squares (Hoeffding's lemma).
    """
    prior = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)[:, None]
    points, outcomes = torch.tensor([-1.5, 0.5, 2.0], dtype=torch.float64)[:, None], []
    for t in (0.5, 0.85):
        generator = budget.generator(f"objective.gap.t{t}", seed)
        k = torch.multinomial(prior[:, 0], N, replacement=True, generator=generator)
        x = (1 - t) * points[k, 0] + t * standard_normal(N, generator=generator)
        share = torch.softmax(prior.log() - (x - (1 - t) * points) ** 2 / (2 * t**2), dim=0)
        targets = (x - points) / t
        squares = (targets - (share * targets).sum(0)) ** 2
        outcomes.append(
            residuals.zero_mean(
                squares.gather(0, k[None])[0] + objectives.gap(share, targets),
                (squares.amax(0) - squares.amin(0)) ** 2 / 4,
                {"1": torch.ones_like(x), "cos x": x.cos(), "sin x": x.sin()},
                claim(f"objective.gap.t{t}"),
                detects=0.035,
            )
        )
    return evidence_of(outcomes)


@check("statistics", covers=("objectives.implicit",), rows=("SM-3",))
def implicit_and_explicit_score_matching_agree(seed: int) -> Evidence:
    """For s(x) = −k(x − m) on N(m, s²): E[s′ + ½s²] = −k + ½k²s², met by a chi-square on s."""
    mean, std, k = 1.5, 0.5, 2.7
    generator = budget.generator("implicit", seed)
    x = mean + std * standard_normal(N, 1, generator=generator)
    score = -k * (x - mean)
    outcome = exact.variance(score, 0.0, k * std, claim("implicit.score"), detects=0.025)
    loss = objectives.implicit(score, -k * torch.ones_like(x)).mean()
    explicit = ((score + (x - mean) / std**2) ** 2).mean() / 2
    constant = -((x - mean) ** 2).mean() / (2 * std**4)
    boundary = float(loss - explicit - constant)
    # What is left is ∂(p s)/p averaged: k((x − m)²/s² − 1), whose mean vanishes; same chi-square.
    expected = float(k * (((x - mean) / std) ** 2 - 1).mean())
    if abs(boundary - expected) > 1e-11:  # rounding of means over 1e5 samples
        raise AssertionError(f"implicit − explicit − constant = {boundary}, not {expected}")
    return evidence_of([outcome])
