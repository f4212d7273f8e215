"""Calls of `simulate`, `statistics` and `methods` that are right, and what of each is made odd.

    PLACES["grids.shift"] = Place(grids.shift, {"t": 0.5, "by": 3.0})

Every argument in `arguments` is a number or an array, and is replaced in turn; what is in `beside`
stays. Numbers are exact in bfloat16, so that a value of another precision is the same number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from refimpl.equations import Gaussian, Step, ode, paths, sde
from refimpl.methods import Affine, Method, advantages, draw, kernel, plan, replay
from refimpl.simulate import diffusion, grids, laws, levels, named, normal, shipped, solvers
from refimpl.simulate import ode as flows
from refimpl.simulate import sde as chains
from refimpl.simulate.config import model, read
from refimpl.statistics import (
    Claim,
    counts,
    distribution,
    evalues,
    gaussian,
    orders,
    residuals,
)


@dataclass(frozen=True)
class Place:
    """A right call.

    Attributes:
        function: what is called.
        arguments: those that are replaced by odd things, one at a time.
        beside: those that are not.
        told: words that stand for an argument in messages, beside its own name.
        fine: odd things that are right for an argument.
    """

    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    beside: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fine: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers in float64."""
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=drawn, dtype=torch.float64)


def slope(x: torch.Tensor, t: float) -> torch.Tensor:
    """A field that is linear in x."""
    return x / 2 + t


def copied(x: Any) -> Any:
    """The same; a tensor in memory of its own, since x_s is put in its place."""
    return x.clone() if isinstance(x, torch.Tensor) else x


CLAIM, GRID, STEP = Claim("odd", 64), grids.uniform(4, 0.75, 0.25), Step(0.75, 0.5)
X, COLUMN = draws(64, 2), draws(64)
ZERO, ONE = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
EYE = torch.eye(2, dtype=torch.float64)
LATENT, OTHER = draws(4, 2), draws(4, 2, seed=1)
FOUR, TWO = draws(4, 4, 2), draws(2, 4, 2)
NODES = torch.linspace(-8, 8, 33, dtype=torch.float64)
HEAT = torch.exp(-(NODES**2) / 2) / (2 * torch.pi) ** 0.5
METHOD, AFFINE = Method(), Affine(1.0, -0.25, 0.5)
NOISE = {"diffusion": diffusion.constant(0.5)}
LOOSE = {"claim": CLAIM, "detects": 100.0}

SIMULATE = {
    "grids.uniform": Place(grids.uniform, {"T": 4, "start": 0.75, "end": 0.25}),
    "grids.from_levels": Place(grids.from_levels, {"levels": np.array([1.0, 0.5, 0.0])},
        told={"levels": ("level ", "a grid must fall")},
    ),
    "grids.Grid": Place(grids.Grid, {"levels": (1.0, 0.5, 0.0)},
        told={"levels": ("level ", "a grid must fall")},
    ),
    "grids.Grid.between": Place(GRID.between, {"high": 0.75, "low": 0.25}),
    "grids.shift": Place(grids.shift, {"t": 0.5, "by": 3.0}),
    "grids.shifted": Place(grids.shifted, {"T": 4, "by": 3.0}),
    "grids.sd35_once_shifted": Place(grids.sd35_once_shifted, {"T": 4}),
    "grids.sd35_as_shipped": Place(grids.sd35_as_shipped, {"T": 4}),
    "diffusion.flow_grpo": Place(
        lambda **odd: diffusion.flow_grpo(**odd, boundary=sde.next_level)(STEP), {"a": 0.5}
    ),
    "diffusion.constant": Place(lambda **odd: diffusion.constant(**odd)(STEP), {"g": 0.5}),
    "diffusion.window": Place(
        lambda **odd: diffusion.window(diffusion.constant(0.5), **odd)(STEP),
        {"high": 0.75, "low": 0.25},
    ),
    "levels.quantile": Place(levels.logit_normal().quantile, {"p": 0.25}),
    "levels.density": Place(levels.logit_normal().density, {"t": 0.25}),
    "levels.above": Place(levels.logit_normal().above, {"t": 0.25}),
    "levels.sample": Place(
        lambda **odd: levels.mode().sample(**odd, generator=np.random.default_rng(0)), {"n": 3}
    ),
    "levels.shifted": Place(lambda **odd: levels.cosmap().shifted(**odd).at(0.25), {"by": 2.0}),
    "levels.logit_normal": Place(
        lambda **odd: levels.logit_normal(**odd).quantile(0.25), {"location": 0.5, "scale": 2.0}
    ),
    "levels.mode": Place(lambda **odd: levels.mode(**odd).quantile(0.25), {"scale": 0.5}),
    "levels.beta": Place(lambda **odd: levels.beta(**odd).quantile(0.25), {"a": 1.5, "b": 1.0}),
    "levels.min_snr": Place(lambda **odd: levels.min_snr(**odd)(0.25), {"gamma": 4.0}),
    "levels.law": Place(lambda **odd: levels.law(**odd).quantile(0.25), {"text": "uniform"},
        told={"text": ("no law",)},
    ),
    "levels.weight": Place(lambda **odd: levels.weight(**odd)(0.25), {"text": "bell"},
        told={"text": ("no weight",)},
    ),
    "config.read": Place(read, {"entries": model("sd3.5")["config"]},
                         told={"entries": ("configuration", "_class_name")}),
    "shipped.made": Place(
        lambda **odd: shipped.made(read(model("qwen-image")["config"]), **odd),
        {"steps": 4, "tokens": 4096.0, "handed": "1/steps"},
        told={"handed": ("levels for 4 steps",)},
    ),
    "shipped.made, mu": Place(
        lambda **odd: shipped.made(read(model("qwen-image")["config"]), 4, **odd), {"mu": 1.0}
    ),
    "shipped.made, timesteps": Place(
        lambda **odd: shipped.made(read(model("sd3.5")["config"]), 2, **odd),
        {"timesteps": (1000.0, 500.0)},
    ),
    "shipped.of_name": Place(shipped.of_name, {"grid": "sd3.5", "steps": 4},
                             told={"grid": ("no model",)}),
    "named.identify": Place(
        lambda **odd: named.identify(**odd)[1][0],
        {"numbers": np.array([1.0, 0.75, 0.5, 0.25, 0.0]), "rounding": 2.0**-20},
        told={"numbers": ("levels lie in",)}, fine={"numbers": ("list", "tuple")},
    ),
    "ode.solve": Place(
        lambda **odd: flows.solve(ode.heun, slope, **odd, grid=GRID), {"x": LATENT}
    ),
    "ode.trajectory": Place(
        lambda **odd: flows.trajectory(ode.heun, slope, **odd, grid=GRID), {"x": LATENT}
    ),
    "ode.adaptive": Place(
        lambda **odd: flows.adaptive(slope, **odd),
        {"x": LATENT, "t": 0.75, "s": 0.25, "tolerance": 2.0**-20, "chunk": 2},
    ),
    "sde.rollout": Place(
        lambda **odd: chains.rollout(slope, **odd, grid=GRID, **NOISE),
        {"x": LATENT, "noise": draws(4, 4, 2)},
    ),
    "sde.run": Place(
        lambda **odd: chains.run(chains.denoising(slope, GRID, **NOISE), **odd),
        {"x": LATENT, "noise": draws(4, 4, 2)},
    ),
    "solvers.ddim": Place(
        lambda x, noise, **odd: solvers.run(solvers.ddim(**odd), slope, x, GRID, noise=noise),
        {"x": LATENT, "noise": draws(4, 4, 2), "eta": 0.5},
    ),
    "solvers.churned": Place(
        lambda **odd: solvers.run(solvers.churned(**odd), slope, LATENT, GRID, noise=FOUR),
        {"churn": 0.5},
    ),
    "solvers.restarts": Place(
        lambda **odd: solvers.run(solvers.restarts(**odd), slope, LATENT, GRID, noise=TWO),
        {"times": 2, "low": 0.375, "high": 0.75},
    ),
    "solvers.to_tolerance": Place(
        lambda **odd: solvers.run(solvers.to_tolerance(**odd), slope, LATENT, GRID),
        {"tolerance": 2.0**-20},
    ),
    "solvers.dpmpp_2m": Place(
        lambda **odd: solvers.run(solvers.DPMPP_2M, slope, **odd, grid=GRID), {"x": LATENT}
    ),
    "solvers.unipc": Place(
        lambda **odd: solvers.run(solvers.UNIPC, slope, **odd, grid=GRID), {"x": LATENT}
    ),
    "laws.gaussian_law": Place(
        lambda **odd: laws.gaussian_law(chains.denoising(slope, GRID, **NOISE), **odd),
        {"mean": ZERO, "std": ONE},
    ),
    "laws.density_law": Place(
        lambda **odd: laws.density_law(chains.denoising(slope, GRID, **NOISE), **odd),
        {"density": HEAT, "nodes": NODES, "tolerance": 0.5},
    ),
    "laws.nodes_for": Place(
        laws.nodes_for, {"smallest_std": 0.5, "half_width": 8.0, "resolution": 2.0}
    ),
    "laws.cdf": Place(laws.DensityLaw(NODES, HEAT).cdf, {"x": ZERO}),
    "laws.characteristic": Place(laws.DensityLaw(NODES, HEAT).characteristic, {"w": ONE}),
    "normal.Normal": Place(
        normal.Normal, {"mean": ZERO, "covariance": EYE}
    ),
    "normal.standard": Place(normal.standard, {"d": 2}),
    "normal.score": Place(normal.standard(2).score, {"x": LATENT}),
    "normal.data": Place(
        lambda **odd: normal.standard(2).data(paths.linear(0.5), **odd), {"x": LATENT}
    ),
    "normal.sample": Place(
        lambda **odd: normal.standard(2).sample(**odd, generator=torch.Generator().manual_seed(0)),
        {"n": 3},
    ),
    "normal.root": Place(normal.root, {"covariance": EYE}),
}  # fmt: skip

STATISTICS = {
    "Claim": Place(lambda **odd: Claim("odd", **odd), {"n": 64, "alpha": 0.25}),
    "gaussian.mean": Place(
        gaussian.mean, {"x": X, "mean": ZERO, "covariance": EYE}, LOOSE
    ),
    "gaussian.mean, detects": Place(
        gaussian.mean, {"detects": 128.0},
        {"x": X, "mean": ZERO, "covariance": EYE, "claim": CLAIM},
    ),
    "gaussian.hotelling": Place(gaussian.hotelling, {"x": X, "mean": ZERO}, LOOSE),
    "gaussian.hotelling, detects": Place(
        gaussian.hotelling, {"detects": 128.0}, {"x": X, "mean": ZERO, "claim": CLAIM}
    ),
    "gaussian.variance": Place(gaussian.variance, {"x": X, "mean": 0.0, "std": 1.0}, LOOSE),
    "gaussian.variance, detects": Place(
        gaussian.variance, {"detects": 128.0}, {"x": X, "mean": 0.0, "std": 1.0, "claim": CLAIM}
    ),
    "distribution.cdf": Place(
        distribution.cdf, {"x": COLUMN, "slack": 0.125, "detects": 128.0},
        {"claim": CLAIM, "law": torch.special.ndtr},
    ),
    "distribution.bounded": Place(
        distribution.bounded,
        {"x": X.cos(), "mean": ZERO + 0.5, "variance": ONE / 4, "low": -1.0, "high": 1.0,
         "slack": 0.125, "detects": 128.0},
        {"claim": CLAIM},
    ),
    "distribution.features": Place(
        distribution.features, {"x": X, "w": EYE, "slack": 0.125},
        {**LOOSE, "characteristic": lambda w: torch.exp(-(w**2).sum(1) / 2) + 0j},
    ),
    "counts.share": Place(
        counts.share, {"probability": 0.5, "detects": 0.5}, {"happened": COLUMN > 0, "claim": CLAIM}
    ),
    "counts.share, happened": Place(
        counts.share, {"happened": COLUMN > 0},
        {"probability": 0.5, "detects": 0.5, "claim": CLAIM},
        told={"happened": ("fixed n=64",)},
    ),
    "evalues.e_value": Place(evalues.e_value, {"p": 0.25}),
    "orders.order": Place(
        orders.order, {"expected": 1.0, "constant": 2.0, "tolerance": 0.25},
        {"h": (0.5, 0.25, 0.125), "error": (1.0, 0.5, 0.25)}, fine={"constant": ("None",)},
    ),
    "orders.order, ladders": Place(
        orders.order, {"h": (0.5, 0.25, 0.125), "error": (1.0, 0.5, 0.25)}, {"expected": 1.0}
    ),
    "residuals.residuals": Place(
        residuals.residuals, {"states": draws(2, 4, 2)},
        {"transitions": [Gaussian(draws(4, 2, seed=2), 0.5)]},
    ),
    "residuals.white": Place(
        residuals.white, {"e": draws(2, 64, 2), "detects_std": 128.0, "detects_shift": 128.0},
        {"regressors": {"x": draws(2, 64, 2, seed=1)}, "claim": CLAIM},
    ),
    "residuals.zero_mean": Place(
        residuals.zero_mean, {"e": COLUMN, "proxy": 1 + COLUMN**2, "detects": 128.0},
        {"weights": {"1": torch.ones_like(COLUMN)}, "claim": CLAIM},
    ),
}  # fmt: skip

METHODS = {
    **{
        f"Method.{name}": Place(
            Method, {name: value}, beside, fine={"advantage_bound": ("None",)}
        )
        for name, value, beside in (
            ("noise", 0.5, {}), ("clamp_at", 0.75, {}), ("size", 2, {}), ("stride", 2, {}),
            ("every", 2, {}), ("limit", 0.25, {}), ("beta", 0.5, {}), ("ddof", 1, {}),
            ("eps", 0.5, {}), ("advantage_bound", 2.0, {}), ("start", 1, {"window": "fixed"}),
            ("data_std", 0.5, {"kernel": "matched", "noise": 0.5}),
        )
    },
    "kernel": Place(
        lambda **odd: kernel(METHOD, **odd, step=STEP), {"x": LATENT, "v": OTHER}
    ),
    "plan": Place(
        lambda **odd: plan(Method(window="sliding", size=1), GRID, **odd),
        {"iteration": 2, "seed": 1},
    ),
    "advantages": Place(lambda **odd: advantages(METHOD, **odd), {"rewards": draws(2, 4)}),
    "draw": Place(
        lambda noise, **odd: draw(METHOD, AFFINE, **odd, noise=copied(noise)),
        {"x": LATENT, "v": OTHER, "noise": LATENT + 1},
    ),
    "replay": Place(
        lambda **odd: replay(METHOD, AFFINE, **odd), {"x": LATENT, "v": OTHER, "x_s": LATENT + 1}
    ),
}  # fmt: skip

ROOMS = {"simulate": SIMULATE, "statistics": STATISTICS, "methods": METHODS}
