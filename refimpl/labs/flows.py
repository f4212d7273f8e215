"""Lab 2: learn a flow and a score in two dimensions, and hold them against the exact ones.

    flow matching        v_θ, sampled by the ODE             rows of p_t beside rows of samples
    score matching       s_θ, sampled by the reverse SDE     denoising, weighted; implicit
    near data            the plain denoising loss ~ d/σ²     and times σ² it stays

At every level the samples' energy distance to the exact p_t is written down, and the relative L²
error of the learnt field: the pictures are drawn from the same tensors.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..equations import conversions, langevin, paths
from ..equations.ode import Field, heun
from ..equations.paths import Coefficients
from ..simulate import Grid, diffusion, grids, rollout
from ..simulate.ode import trajectory
from ..statistics import budget
from ..toy import Mixture, Product, losses, mixture_2d, rotated_2d
from ..toy import field as exact_field
from ..toy.batches import from_law
from ..toy.measures import energy_distance, field_error
from ..toy.networks import MLP, as_field, build
from ..toy.scores import NoiseScore, blow_up
from ..toy.training import Loss, Plan, train
from .folder import Folder
from .pictures import DATA, MODEL, cloud, panels

SHOWN = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Levels of the pictures."""

LEVELS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01)
"""Levels at which the blow-up is measured."""


@dataclass(frozen=True)
class Config:
    """Sizes of lab 2.

    Attributes:
        flow, score, compare: plans of flow matching, of denoising score matching, and of the
            comparison of the three score objectives at one level.
        level: where they are compared; noise enough that the score is smooth.
    """

    flow: Plan = field(default_factory=lambda: Plan(3000))
    score: Plan = field(default_factory=lambda: Plan(3000))
    compare: Plan = field(default_factory=lambda: Plan(1000))
    batch: int = 256
    n: int = 3000
    ode_steps: int = 40
    sde_steps: int = 400
    level: float = 0.2


def vp(t: Any) -> Coefficients:
    """The variance-preserving path with the usual rates."""
    return paths.vp(t, 0.1, 20.0)


def run(folder: Folder) -> None:
    """Train, sample, draw and measure."""
    config = Config()
    if folder.quick:
        short = Plan(20)
        config = Config(short, short, short, n=200, sde_steps=20)
    metrics: dict[str, Any] = {}
    laws: dict[str, Mixture | Product] = {"ring": mixture_2d(), "rotated": rotated_2d()}
    for i, (name, law) in enumerate(laws.items()):
        share = 0.25 * i
        metrics[f"flow_matching_{name}"] = _flow(folder, config, name, law, share)
    metrics["score_matching_ring"] = _score(folder, config, mixture_2d(), 0.5)
    metrics["objectives"] = _objectives(folder, config, rotated_2d(), 0.75)
    metrics["near_data"] = _near_data(folder)
    folder.finish(asdict(config), metrics)


def _flow(
    folder: Folder, config: Config, name: str, law: Mixture | Product, share: float
) -> dict[str, Any]:
    generator = budget.generator(f"labs.2.flow.{name}", folder.settings.seed)
    network = build(lambda: MLP(2), generator)
    trained = train(
        network,
        losses.flow_matching(),
        from_law(law, config.batch),
        config.flow,
        generator=generator,
        file=folder.checkpoint(f"flow_{name}"),
        resume=folder.resume,
        on_progress=folder.training(share, share + 0.23, f"flow matching, {name}"),
    )
    learnt = as_field(trained.network)
    noise = torch.randn(config.n, 2, generator=generator, dtype=torch.float64)
    grid = grids.uniform(config.ode_steps)
    states = trajectory(heun, learnt, noise, grid)
    error = field_error(learnt, exact_field(law), law, generator=generator)
    walk = {t: states[_nearest(grid, t)] for t in SHOWN}
    distances = _rows(
        folder, f"lab2_flow_{name}.png", law, paths.linear, walk, generator, "flow (ODE)"
    )
    return {"relative_error": asdict(error), "energy_distance": distances}


def _score(folder: Folder, config: Config, law: Mixture, share: float) -> dict[str, Any]:
    generator = budget.generator("labs.2.score", folder.settings.seed)
    network = build(lambda: NoiseScore(MLP(2), vp), generator)
    low = 1e-3  # below it the path's σ is under .012, far less than the modes' width of .25
    trained = train(
        network,
        losses.denoising(vp, levels=losses.uniform(low), weighted=True),
        from_law(law, config.batch),
        config.score,
        generator=generator,
        file=folder.checkpoint("score"),
        resume=folder.resume,
        on_progress=folder.training(share, share + 0.23, "denoising score matching"),
    )
    learnt = as_field(trained.network)

    def velocity(x: Tensor, t: float) -> Tensor:
        v: Tensor = conversions.velocity_from_score(vp(t), x, learnt(x, t))
        return v

    def g(t: float) -> float:
        c = vp(t)
        return float(langevin.noise_rate(c.alpha, c.sigma, c.d_alpha, c.d_sigma)) ** 0.5

    grid = grids.uniform(config.sde_steps, end=low)
    noise = torch.randn(config.n, 2, generator=generator, dtype=torch.float64)
    chain = rollout(
        velocity, noise, grid, diffusion=diffusion.of_level(g), path=vp, generator=generator
    )
    walk = {max(t, low): chain.states[_nearest(grid, t)] for t in SHOWN}
    distances = _rows(folder, "lab2_score_ring.png", law, vp, walk, generator, "reverse SDE")
    error = field_error(learnt, _exact_score(law, vp), law, generator=generator, path=vp)
    return {"relative_error": asdict(error), "energy_distance": distances}


def _objectives(folder: Folder, config: Config, law: Product, share: float) -> dict[str, float]:
    """Three objectives, one minimiser: the relative L² error that each reaches at one level."""
    levels = losses.among(torch.tensor([config.level]))
    ways: dict[str, tuple[Loss, Callable[[], nn.Module]]] = {
        "denoising": (losses.denoising(levels=levels, weighted=False), lambda: MLP(2)),
        "denoising_weighted": (
            losses.denoising(levels=levels, weighted=True),
            lambda: NoiseScore(MLP(2), paths.linear),
        ),
        "implicit": (losses.implicit(levels=levels), lambda: MLP(2)),
    }
    found = {}
    for i, (name, (loss, make)) in enumerate(ways.items()):
        generator = budget.generator(f"labs.2.objectives.{name}", folder.settings.seed)
        start = share + 0.08 * i
        network = train(
            build(make, generator),
            loss,
            from_law(law, config.batch),
            config.compare,
            generator=generator,
            file=folder.checkpoint(name),
            resume=folder.resume,
            on_progress=folder.training(start, start + 0.08, name),
        ).network
        exact = _exact_score(law, paths.linear)
        at = (config.level,)
        error = field_error(as_field(network), exact, law, generator=generator, levels=at)
        found[name] = error.overall
    return found


def _near_data(folder: Folder) -> dict[str, Any]:
    """What each form of the denoising loss weighs at the right answer, level by level."""
    generator = budget.generator("labs.2.near_data", folder.settings.seed)
    found = blow_up(mixture_2d(), generator=generator, levels=LEVELS)
    figure, axes = panels(1, 2, 3.6)
    pairs = (
        ("loss at the exact score", found.plain, found.weighted),
        ("variance of its derivative", found.plain_gradient, found.weighted_gradient),
    )
    for axis, (title, plain, weighted) in zip(axes[0], pairs, strict=True):
        axis.loglog(found.sigma, plain, "o-", color=MODEL, label="plain")
        axis.loglog(found.sigma, weighted, "s-", color=DATA, label="times σ²")
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("σ")
        axis.legend(fontsize=7)
    folder.picture(figure, "lab2_near_data.png")
    return asdict(found)


def _exact_score(law: Mixture | Product, path: Callable[[float], Coefficients]) -> Field:
    return lambda x, t: law.at(path(float(t))).score(x)


def _nearest(grid: Grid, t: float) -> int:
    return min(range(grid.T + 1), key=lambda i: abs(grid.levels[i] - t))


def _rows(
    folder: Folder,
    name: str,
    law: Mixture | Product,
    path: Callable[[float], Coefficients],
    walk: dict[float, Tensor],
    generator: torch.Generator,
    title: str,
) -> dict[str, float]:
    """Exact marginals over samples; the energy distance of each pair, and chance's beside it."""
    figure, axes = panels(2, len(walk), 2.0, 2.1)
    distances = {}
    for column, (t, x) in enumerate(walk.items()):
        true = law.at(path(t)).sample(len(x), generator)
        distances[f"t={t:g}"] = energy_distance(x, true)
        cloud(axes[0][column], true, f"exact, t = {t:g}", DATA)
        cloud(axes[1][column], x, f"{title}, t = {t:g}", MODEL)
    folder.picture(figure, name)
    pair = [law.sample(len(x), generator) for _ in range(2)]
    return distances | {"chance": energy_distance(*pair)}
