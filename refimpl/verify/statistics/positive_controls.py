"""Positive controls: samplers with one mistake each, rejected by the test that is meant for them.

They run every time: a mistake that its test accepts fails the run, since the test has lost its
power.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ...equations import sde
from ...simulate import diffusion, grids
from ...statistics import budget, distribution, gaussian, residuals
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...statistics.outcome import Outcome
from ...toy import field, gaussian_1d
from .. import independent
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check
from ..controls import CONSISTENT_G, MISTAKES, RIGHT, residuals_of


@check(
    "statistics",
    covers=("sde.transition", "sde.drift", "gaussian.sample"),
    rows=("GRPO-6", "GRPO-5", "SC-9"),
)
def mistaken_samplers_are_rejected(seed: int) -> Evidence:
    """Each sampler with one mistake is rejected by its designated test, the right one accepted."""
    T, g, v = 10, diffusion.flow_grpo(0.2, sde.next_level), field(gaussian_1d())
    grid, generator = grids.uniform(T), budget.generator("controls", seed)
    x, noise = (standard_normal(*s, generator=generator) for s in ((N, 1), (T, N, 1)))
    noise_of = independent.odds(0.2, independent.next_level)
    kernels = independent.denoising(gaussian_1d(), grid.levels, noise_of)
    law = independent.gaussian_law(gaussian_1d(), grid.levels, noise_of)

    def by_residuals(states: Tensor) -> Outcome:
        past = states[:-1]
        declared = [k(y) for k, y in zip(kernels, past, strict=True)]
        drift = torch.stack([one.mean for one in declared]) - past
        return residuals.white(
            residuals.residuals(states, declared),
            {"the drift": drift, "x": past},
            claim("controls.white"),
            detects_std=0.009,
            detects_shift=0.011,
        )

    def by_marginal(states: Tensor) -> list[Outcome]:
        covariance = law.variance[-1].diag()
        return [
            gaussian.mean(
                states[-1], law.mean[-1], covariance, claim("controls.mean"), detects=0.03
            ),
            gaussian.variance(
                states[-1], law.mean[-1], law.std[-1], claim("controls.variance"), detects=0.022
            ),
        ]

    states = RIGHT(v, x, grid, g, noise)
    outcomes, figures = [by_residuals(states), *by_marginal(states)], {}
    for mistake in MISTAKES:
        states = mistake.sampler(v, x, grid, g, noise)
        test: Callable[[Tensor], object] = (
            by_residuals if mistake.test == "residuals" else by_marginal
        )
        failure = must_reject(mistake.name, partial(test, states))
        figures[f"{mistake.name}: {failure.part}/bound"] = failure.statistic / failure.bound
    evidence = evidence_of(outcomes)
    weakest = min(figures, key=lambda name: figures[name])
    told = (
        f"{len(MISTAKES)} mistakes rejected, the right sampler accepted; "
        f"narrowest: {weakest} {figures[weakest]:.2f}"
    )
    return replace(evidence, summary=told, figures=evidence.figures | figures)


@check("statistics", covers=("sde.flow_grpo_g", "sde.drift"), rows=("GRPO-6", "SC-4"))
def marginals_do_not_see_a_consistent_g(seed: int) -> Evidence:
    """g wrong by 1 % in drift and noise passes every marginal test; residuals reject it."""
    p, T = gaussian_1d(), 20
    grid, generator = grids.uniform(T), budget.generator("null_space", seed)
    g = diffusion.flow_grpo(0.7, sde.next_level)
    x, noise = (standard_normal(*s, generator=generator) for s in ((N, 1), (T, N, 1)))
    wrong = CONSISTENT_G(field(p), x, grid, g, noise)
    noise_of = independent.odds(0.7, independent.next_level)
    kernels = independent.denoising(p, grid.levels, noise_of)
    law = independent.gaussian_law(p, grid.levels, noise_of)
    shifted = independent.gaussian_law(p, grid.levels, lambda t, s: 1.01 * noise_of(t, s))
    standardised = (wrong[-1, :, 0] - law.mean[-1]) / law.std[-1]
    outcomes = [
        distribution.cdf(
            standardised, torch.special.ndtr, claim("null_space.marginal"), detects=0.017
        ),
        gaussian.mean(
            wrong[-1], law.mean[-1], law.variance[-1].diag(), claim("null_space.mean"), detects=0.03
        ),
        gaussian.variance(
            wrong[-1], law.mean[-1], law.std[-1], claim("null_space.variance"), detects=0.022
        ),
    ]
    e = residuals_of(wrong, kernels)
    seen = must_reject(
        "g times 1.01 in drift and noise",
        lambda: residuals.white(
            e, {}, claim("controls.white"), detects_std=0.009, detects_shift=0.011
        ),
    )
    evidence = evidence_of(outcomes)
    evidence.figures["computed relative change of the final std"] = float(
        shifted.std[-1] / law.std[-1] - 1
    )
    evidence.figures["the residual test's statistic/bound on the same samples"] = (
        seen.statistic / seen.bound
    )
    return evidence
