"""Samples for objectives, couplings, guidance and tilting, on Gaussians where all is known.

    target − E[target | x_t] ~ N(0, Var)     guided flow ~ N(0, (s^{1−w} s_y^w)²)
    E_p[e^{r/β} f] = Z E_{p*}[f]

Each fact is a Gaussian or bounded statistic with an exact null law. Where a wrong belief is common
(guidance samples the tilted law; Monte Carlo of C has no sign) the test must reject it.
"""

import math
from functools import partial

import torch
from torch import Tensor

from ..equations import coupling, guidance, likelihood, objectives, ode, paths, tilting
from ..equations.gaussian import Gaussian
from ..simulate import grids
from ..simulate.ode import solve
from ..statistics import budget, distribution, residuals
from ..statistics import gaussian as exact
from ..statistics.budget import claim
from ..statistics.ledger import N
from ..toy import gaussian as gaussian_problem
from .check import Evidence, check
from .accepting import evidence_of, must_reject, standard_normal


@check(
    "statistics",
    covers=("objectives.flow_matching", "objectives.gap", "objectives.denoising"),
    rows=("FM-1", "FM-2", "SM-1", "SM-2"),
)
def the_gap_between_losses_is_a_variance(seed: int) -> Evidence:
    """Targets scatter about their posterior means with variance −C, unrelated to x.

    So the gradients of both losses agree, for every network.
    """
    p, outcomes = gaussian_problem([1.5], [0.5]), []
    for t in (0.15, 0.5, 0.85):
        c = paths.linear(t)
        generator = budget.generator(f"objective.t{t}", seed)
        data = p.sample(N, generator)
        noise = standard_normal(N, 1, generator=generator)
        x = paths.interpolate(c, data, noise)
        left_over = coupling.correlated_velocity_variance(t, 0.5, 0.0)
        for name, target, mean, scale in (
            ("velocity", paths.velocity(c, data, noise), p.velocity(c, x), 1.0),
            ("score", -noise / t, p.at(c).score(x), (1 - t) / t),
        ):
            # On the linear path noise − E[noise] = (1 − t)(v − E[v]); the score is −noise/t.
            e = (target - mean) / (scale * math.sqrt(left_over))
            outcomes.append(
                residuals.white(
                    e[None],
                    {"x": x[None], "cos x": torch.cos(x)[None]},
                    claim(f"objective.{name}.t{t}"),
                    detects_std=0.03,
                    detects_shift=0.035,
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


@check("statistics", covers=("likelihood.hutchinson",), rows=("NF-3",))
def hutchinson_is_unbiased(seed: int) -> Evidence:
    """Random signs: εᵀJε has mean tr J and variance (J₁₂ + J₂₁)², J not symmetric."""
    j = torch.tensor([[0.75, 1.125], [-0.375, -1.625]], dtype=torch.float64)
    generator = budget.generator("hutchinson", seed)
    signs = torch.randint(0, 2, (N, 2), generator=generator).double() * 2 - 1
    estimate = likelihood.hutchinson(signs, signs @ j.T)
    swing = abs(float(j[0, 1] + j[1, 0]))
    trace = float(j.trace())
    outcome = distribution.bounded(
        estimate[:, None],
        torch.tensor([trace], dtype=torch.float64),
        torch.tensor([swing**2], dtype=torch.float64),
        trace - swing,
        trace + swing,
        claim("hutchinson.mean"),
        detects=0.03,
    )
    return evidence_of([outcome])


@check(
    "statistics",
    covers=("coupling.correlated_velocity_variance", "coupling.gaussian_map", "coupling.cost"),
    rows=("OT-1",),
)
def couplings_keep_both_ends_and_differ_in_between(seed: int) -> Evidence:
    """Correlations 0, 0.8 and 1 share both ends; Var(v | x_t) falls from s²/Var x to nothing."""
    t, std, law = 0.4, 0.5, Gaussian(1.5, 0.5)
    outcomes = []
    for rho in (0.0, 0.8):
        generator = budget.generator(f"coupling.rho{rho}", seed)
        noise, other = standard_normal(2, N, 1, generator=generator)
        mixed = rho * noise + math.sqrt(1 - rho**2) * other
        data = coupling.gaussian_map(mixed, law)
        outcomes.append(
            exact.variance(data, 1.5, std, claim(f"coupling.rho{rho}.end"), detects=0.025)
        )
        x = paths.interpolate(paths.linear(t), data, noise)
        v = paths.velocity(paths.linear(t), data, noise)
        spread = (1 - t) ** 2 * std**2 + t**2 + 2 * t * (1 - t) * rho * std
        slope = (t - (1 - t) * std**2 + (1 - 2 * t) * rho * std) / spread
        best = -1.5 + slope * (x - (1 - t) * 1.5)
        left_over = coupling.correlated_velocity_variance(t, std, rho)
        e = (v - best) / math.sqrt(left_over)
        outcomes.append(
            residuals.white(
                e[None],
                {"x": x[None]},
                claim(f"coupling.rho{rho}.velocity"),
                detects_std=0.03,
                detects_shift=0.035,
            )
        )
    return evidence_of(outcomes)


@check("statistics", covers=("guidance.gaussian_std", "guidance.tilted_std"), rows=("CFG-6",))
def guidance_samples_neither_law(seed: int) -> Evidence:
    """At w = 3 the guided flow of N(0, 1) and N(0, 0.6²) has std 0.6³, not that of p(x)p(y|x)³."""
    w, plain, given = 3.0, gaussian_problem([0.0], [1.0]), gaussian_problem([0.0], [0.6])

    def field(x: Tensor, t: float) -> Tensor:
        c = paths.linear(t)
        return guidance.classifier_free(plain.velocity(c, x), given.velocity(c, x), w)

    generator = budget.generator("guided", seed)
    x = solve(ode.rk4, field, standard_normal(N, 1, generator=generator), grids.uniform(40))
    sampled = guidance.gaussian_std(1.0, 0.6, w)
    outcome = exact.variance(x, 0.0, sampled, claim("guided.geometric"), detects=0.025)
    rejected = [
        must_reject(belief, partial(exact.variance, x, 0.0, std, claim(name), detects=0.025))
        for belief, std, name in (
            ("guidance samples p(x) p(y | x)^w", guidance.tilted_std(1.0, 0.6, w), "guided.tilted"),
            ("guidance samples p(x | y)", 0.6, "guided.conditional"),
        )
    ]
    evidence = evidence_of([outcome])
    for failure in rejected:
        share = failure.statistic / failure.bound
        evidence.figures[f"{failure.name}: rejected, statistic/bound"] = share
    for scale in (1.0, 1.5, 2.0, 3.0, 5.0, 7.5):
        ratio = guidance.gaussian_std(1.0, 0.6, scale) / guidance.tilted_std(1.0, 0.6, scale)
        evidence.figures[f"std of the guided flow over that of the tilted law, w = {scale}"] = ratio
    return evidence


@check("statistics", covers=("tilting.quadratic", "tilting.value"), rows=("RFT-1",))
def importance_weights_reach_the_tilted_law(seed: int) -> Evidence:
    """E_p[e^{r/β} cos x] = Z E_{p*}[cos x] for r = −(x − 2)²/2, β = 0.5: bounded statistics."""
    p, goal, beta = Gaussian(0.5, 1.0), 2.0, 0.5
    star = tilting.quadratic(p, goal, beta)
    generator = budget.generator("tilted", seed)
    x = p.sample(standard_normal(N, generator=generator))
    weight = torch.exp(-((x - goal) ** 2) / (2 * beta))
    total = math.sqrt(beta / (beta + p.std**2)) * math.exp(
        -((goal - p.mean) ** 2) / (2 * (beta + p.std**2))
    )
    wave = math.exp(-(star.std**2) / 2) * math.cos(star.mean)
    second = _second_moment(p, goal, beta)
    outcome = distribution.bounded(
        torch.stack([weight, weight * torch.cos(x)], dim=1),
        torch.tensor([total, total * wave], dtype=torch.float64),
        torch.tensor([second, second], dtype=torch.float64),  # E[w²] bounds both variances
        -1.0,
        1.0,
        claim("tilted.weights"),
        detects=0.025,
    )
    return evidence_of([outcome])


def _second_moment(p: Gaussian, goal: float, beta: float) -> float:
    """E_p[e^{2r/β}], the same integral at half the β."""
    half = beta / 2
    return math.sqrt(half / (half + p.std**2)) * math.exp(
        -((goal - p.mean) ** 2) / (2 * (half + p.std**2))
    )
