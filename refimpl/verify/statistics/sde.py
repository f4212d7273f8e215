"""Chains of the SDE: step residuals, and the exact law of each discrete chain."""

import math

import torch
from torch import Tensor

from ...equations import paths, sde
from ...simulate import diffusion, grids, laws, rollout
from ...simulate import sde as chains
from ...statistics import budget, distribution, gaussian, residuals
from ...statistics.budget import claim
from ...statistics.ledger import BOUNDARIES, CHAIN_NOISE, CHAIN_STEPS, N_WIDE, N
from ...statistics.outcome import Outcome
from ...toy import field, gaussian_1d, mixture_1d, mixture_2d, rotated_8d
from .. import independent, pictures
from ..accepting import evidence_of, frequencies, standard_normal
from ..check import Evidence, check
from ..controls import residuals_of
from ..discrete import distance
from .paths import density_of


@check(
    "statistics",
    covers=("sde.transition", "sde.flow_grpo_g", "sde.drift", "gaussian.sample"),
    rows=("SC-9", "GRPO-5", "GRPO-6"),
)
def transitions_have_white_residuals(seed: int) -> Evidence:
    """Steps of the paper's Eq. 9, scored under its Eq. 8, leave iid standard normal residuals."""
    outcomes, shown = [], {}
    for make, n, T in ((mixture_2d, N_WIDE, 10), (mixture_1d, N, 20), (rotated_8d, N_WIDE, 10)):
        p, name = make(), f"transition.{make.__name__}.white"
        generator, grid = budget.generator(name, seed), grids.uniform(T)
        g = diffusion.flow_grpo(0.7, sde.next_level)
        done = rollout(
            field(p),
            standard_normal(n, p.d, generator=generator),
            grid,
            diffusion=g,
            generator=generator,
        )
        declared = independent.denoising(p, grid.levels, _noise(0.7))
        outcomes.append(white(done.states, declared, name, T * n * p.d))
        if p.d == 2:
            title = "SDE, 10 steps: samples beside exact ones (eight modes)"
            shown[title] = pictures.scatter(done.states[-1], beside=p.sample(1200, generator))
    return evidence_of(outcomes, shown)


@check(
    "statistics",
    covers=("sde.transition", "sde.flow_grpo_g", "sde.euler_maruyama"),
    rows=("GRPO-6", "GRPO-9"),
)
def gaussian_chains_have_their_law(seed: int) -> Evidence:
    """On N(1.5, 0.25) the chain of T = 10, 20, 40 steps has its exact mean, variance and memory."""
    p, outcomes = gaussian_1d(), []
    for T in CHAIN_STEPS:
        for a in CHAIN_NOISE:
            name = f"chain.T{T}.a{a}"
            generator = budget.generator(name, seed)
            kernels = chains.denoising(
                field(p), grids.uniform(T), diffusion=diffusion.flow_grpo(a, sde.next_level)
            )
            law = independent.gaussian_law(p, independent.uniform(T), _noise(a))
            x = chains.run(
                kernels, standard_normal(N, 1, generator=generator), generator=generator
            ).states
            outcomes += _mean_and_variance(x[-1], law, name)
            rho = law.correlation_with_start[-1]
            rest = (x[-1] - law.mean[-1] - rho * law.std[-1] * x[0]) / (
                law.std[-1] * (1 - rho**2).sqrt()
            )
            outcomes.append(
                residuals.white(
                    rest[None],
                    {"the initial noise": x[:1]},
                    claim(f"{name}.given_start"),
                    detects_std=0.025,
                    detects_shift=0.032,
                )
            )
    return evidence_of(outcomes)


@check("statistics", covers=("sde.transition", "sde.flow_grpo_g"), rows=("GRPO-6", "SC-9", "DYN-9"))
def mixture_chains_have_their_law(seed: int) -> Evidence:
    """On mixtures (1-D, 20 steps; 8-D, 10 steps) samples have the law found by quadrature."""
    p, g = mixture_1d(), diffusion.flow_grpo(0.7, sde.next_level)
    grid, generator = grids.uniform(20), budget.generator("chain.mixture_1d.T20", seed)
    law = independent.flow_grpo_law(p, 20, 0.7)
    done = rollout(
        field(p), standard_normal(N, 1, generator=generator), grid, diffusion=g, generator=generator
    )
    outcomes = [
        distribution.cdf(
            done.states[-1, :, 0], law.cdf, claim("chain.mixture_1d.T20"), detects=0.017
        )
    ]
    shown = {
        "SDE, 20 steps: 100,000 samples and the exact density of p_0 (1-D)": pictures.histogram(
            done.states[-1],
            density_of(p),
            x=(-3.5, 4.5),
        ),
        "SDE: trajectories from noise to data (1-D)": pictures.trajectories(
            grid.levels, done.states, show=16
        ),
    }
    q, generator = rotated_8d(), budget.generator("chain.rotated_8d", seed)
    done = rollout(
        field(q),
        standard_normal(N_WIDE, 8, generator=generator),
        grids.uniform(10),
        diffusion=g,
        generator=generator,
    )
    known = {k: independent.flow_grpo_law(k, 10, 0.7) for k in set(q.factors)}
    y = q.unrotate(done.states[-1])
    for i, factor in enumerate(q.factors):
        name = claim(f"chain.rotated_8d.T10.factor{i}")
        outcomes.append(distribution.cdf(y[:, i], known[factor].cdf, name, detects=0.037))

    def characteristic(w: Tensor) -> Tensor:
        columns = q.unrotate(w).unbind(-1)
        return torch.stack(
            [known[k].characteristic(u) for k, u in zip(q.factors, columns, strict=True)]
        ).prod(dim=0)

    name = claim("chain.rotated_8d.T10.features")
    outcomes.append(
        distribution.features(done.states[-1], frequencies(8), characteristic, name, detects=0.07)
    )
    evidence = evidence_of(outcomes, shown)
    evidence.figures["computed distance of the chain to the data (1-D, 20 steps)"] = distance(
        law, p
    )
    return evidence


@check("statistics", covers=("sde.flow_grpo_g",), rows=("GRPO-7",))
def boundary_policies_have_their_laws(seed: int) -> Evidence:
    """Each remedy at t = 1 leads to a law of its own on SD3.5's grid, and samples have it."""
    p, whole = gaussian_1d(), grids.sd35_as_shipped(10)
    late = grids.from_levels((0.95, *(t for t in whole.levels if t < 0.95)))
    cases = {
        "next_level": (whole, sde.next_level, independent.next_level),
        "clamp": (whole, sde.clamp(0.99), lambda t, s: 0.99 if t > 0.99 else t),
        "refuse": (late, sde.refuse, lambda t, s: t),
    }
    outcomes, figures = [], {}
    for name in BOUNDARIES:
        grid, boundary, inside = cases[name]
        kernels = chains.denoising(field(p), grid, diffusion=diffusion.flow_grpo(0.7, boundary))
        start = p.at(paths.linear(grid.levels[0]))
        law = independent.gaussian_law(p, grid.levels, independent.odds(0.7, inside))
        generator = budget.generator(f"boundary.{name}", seed)
        x = chains.run(kernels, start.sample(N, generator), generator=generator).states[-1]
        outcomes += _mean_and_variance(x, law, f"boundary.{name}")
        figures[f"{name}: exact final variance (data 0.25)"] = float(law.variance[-1])
        figures[f"{name}: exact correlation with the start"] = float(law.correlation_with_start[-1])
        figures[f"{name}: first step's g"] = float(
            diffusion.flow_grpo(0.7, boundary)(grid.steps[0])
        )
    evidence = evidence_of(outcomes)
    evidence.figures.update(figures)
    return evidence


def _noise(a: float) -> independent.Noise:
    """The independent g of Flow-GRPO's sampler, with flow_grpo's remedy at t = 1."""
    return independent.odds(a, independent.next_level)


def white(
    states: Tensor, declared: tuple[chains.Kernel, ...], name: str, size: int = 20 * N
) -> Outcome:
    """The residuals of states under declared kernels are white; regressed on x and cos x."""
    e = residuals_of(states, declared)
    x = states[:-1]
    # 13/√(2·size) and 11/√size: a χ² and a z at alpha = 1e-9/7, with beta = 1e-3, rounded up
    return residuals.white(
        e,
        {"x": x, "cos x": x.cos()},
        claim(name),
        detects_std=13 / math.sqrt(2 * size),
        detects_shift=11 / math.sqrt(size),
    )


def _mean_and_variance(x: Tensor, law: laws.GaussianLaw, name: str) -> list[Outcome]:
    covariance = law.variance[-1].diag()
    return [
        gaussian.mean(x, law.mean[-1], covariance, claim(f"{name}.mean"), detects=0.03),
        gaussian.variance(x, law.mean[-1], law.std[-1], claim(f"{name}.variance"), detects=0.022),
    ]
