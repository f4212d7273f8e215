"""Lab 1: simulate. An ODE, Brownian motion, Ornstein–Uhlenbeck, and Langevin on three modes.

    x ← x + h f(x, t) + g √h z                  one line, four pictures

Each is simulated by Euler(–Maruyama) with the step that everything else here uses, and laid over
its closed form: the flow e^{−θt}, the fan √t, the band of the OU process, the mixture's density.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ..equations import dynamics, langevin, sde
from ..simulate import run as run_chain
from ..statistics import budget
from ..statistics.orders import order
from ..toy import gaussian, mixture_1d
from ..toy.measures import kolmogorov, mode_weights
from .folder import Folder
from .pictures import DATA, MODEL, panels


@dataclass(frozen=True)
class Config:
    """Sizes of lab 1.

    Attributes:
        theta, sigma: of dx = −θx dt + σ dw.
        steps: of Euler–Maruyama on [0, 2].
        eps: Langevin's step.
    """

    paths: int = 4000
    steps: int = 200
    theta: float = 1.5
    sigma: float = 1.0
    start: float = 2.0
    eps: float = 0.01
    langevin_steps: int = 2000


def walk(
    f: Callable[[Tensor], Tensor],
    g: float,
    x: Tensor,
    *,
    h: float,
    steps: int,
    generator: torch.Generator,
) -> Tensor:
    """Euler–Maruyama for dx = f(x) dt + g dw: all states, shape (steps + 1, *x.shape)."""
    kernels = [lambda x: sde.euler_maruyama(x, f(x), g, h)] * steps
    return run_chain(kernels, x, generator=generator).states


def run(folder: Folder) -> None:
    """Simulate all four, draw them, and write what was measured."""
    config = Config(paths=500, steps=50, langevin_steps=200) if folder.quick else Config()
    generator = budget.generator("labs.1", folder.settings.seed)
    first, ((flow, langevin_axis),) = panels(1, 2, 4.0)
    second, ((brownian_axis, ou_axis),) = panels(1, 2, 4.0)
    metrics: dict[str, Any] = {
        "euler": _euler(flow, config),
        "brownian": _brownian(brownian_axis, config, generator),
        "ornstein_uhlenbeck": _ou(ou_axis, config, generator),
    }
    folder.say(0.4, "Langevin")
    metrics["langevin"] = _langevin(langevin_axis, config, generator)
    folder.picture(first, "lab1_flow_and_langevin.png")
    folder.picture(second, "lab1_noise.png")
    folder.finish(asdict(config), metrics)


def _euler(axis: Any, config: Config) -> dict[str, object]:
    """Euler against e^{−θt}: the error halves with the step. Its order is checked."""
    generator = torch.Generator().manual_seed(0)  # g = 0: nothing is drawn that matters
    counts = (2, 4, 8, 16, 32, 64, 128)
    x = torch.tensor([[config.start]], dtype=torch.float64)
    exact = float(dynamics.linear_flow(config.start, config.theta, 2.0))
    errors = []
    for n in counts:
        h = 2.0 / n
        states = walk(lambda x: -config.theta * x, 0.0, x, h=h, steps=n, generator=generator)
        errors.append(float(states[-1]) - exact)
        if n in (4, 8, 32):
            axis.plot([h * i for i in range(n + 1)], states[:, 0, 0], ".-", label=f"{n} steps")
    t = torch.linspace(0, 2, 100, dtype=torch.float64)
    flow = dynamics.linear_flow(torch.full_like(t, config.start), config.theta, t)
    axis.plot(t, flow, color=DATA, lw=2, label="exact")
    axis.set_title("dx/dt = −θx by Euler", fontsize=9)
    axis.legend(fontsize=7)
    found = order([2.0 / n for n in counts[-4:]], errors[-4:], expected=1.0, tolerance=0.05)
    return {"steps": counts, "error": errors, "order": found.order}


def _brownian(axis: Any, config: Config, generator: torch.Generator) -> dict[str, float]:
    """A fan of paths under ±2√t; increments are independent."""
    x = torch.zeros(config.paths, 1, dtype=torch.float64)
    h = 2.0 / config.steps
    w = walk(torch.zeros_like, 1.0, x, h=h, steps=config.steps, generator=generator)[..., 0]
    t = torch.arange(config.steps + 1, dtype=torch.float64) * h
    axis.plot(t, w[:, :15], lw=0.6, alpha=0.7, color=MODEL)
    for sign in (-2, 2):
        band = [0.0] + [sign * float(dynamics.brownian(0.0, float(u)).std) for u in t[1:]]
        axis.plot(t, band, color=DATA, lw=2)
    axis.set_title("Brownian motion, ±2√t", fontsize=9)
    half = config.steps // 2
    pair = torch.stack([w[half], w[-1] - w[half]])
    return {
        "variance_at_2": float(w[-1].var()),
        "exact_variance": 2.0,
        "correlation_of_increments": float(torch.corrcoef(pair)[0, 1]),
    }


def _ou(axis: Any, config: Config, generator: torch.Generator) -> dict[str, float]:
    """Paths from 2 into the stationary band."""
    x = torch.full((config.paths, 1), config.start, dtype=torch.float64)
    h = 2.0 / config.steps
    states = walk(
        lambda x: -config.theta * x,
        config.sigma,
        x,
        h=h,
        steps=config.steps,
        generator=generator,
    )[..., 0]
    t = [h * i for i in range(config.steps + 1)]
    law = [dynamics.ornstein_uhlenbeck(config.start, config.theta, config.sigma, u) for u in t]
    axis.plot(t, states[:, :15], lw=0.6, alpha=0.7, color=MODEL)
    for sign in (-2, 0, 2):
        axis.plot(t, [p.mean + sign * p.std for p in law], color=DATA, lw=2)
    axis.set_title("Ornstein–Uhlenbeck, mean ± 2 std", fontsize=9)
    return {
        "mean_at_2": float(states[-1].mean()),
        "exact_mean": float(law[-1].mean),
        "std_at_2": float(states[-1].std()),
        "exact_std": float(law[-1].std),
        "stationary_std": float(dynamics.stationary(config.theta, config.sigma).std),
    }


def _langevin(axis: Any, config: Config, generator: torch.Generator) -> dict[str, Any]:
    """A histogram over the density; and the chain's exact bias on a Gaussian.

    Each mode soon has its shape; how many samples it holds takes far longer, since chains cross
    the valleys rarely. `toy.ncsn` is about that.
    """
    law = mixture_1d()
    x = torch.randn(config.paths, 1, generator=generator, dtype=torch.float64)
    settled = _settle(law.score, x, config.eps, config.langevin_steps, generator)
    axis.hist(settled[:, 0].numpy(), bins=80, density=True, color=MODEL, alpha=0.6)
    u = torch.linspace(-3.5, 4.5, 400, dtype=torch.float64)
    axis.plot(u, law.log_density(u[:, None]).exp(), color=DATA, lw=2)
    axis.set_title("Langevin dynamics on three modes", fontsize=9)
    std, eps = 0.5, 0.1
    one = gaussian([0.0], [std])
    chain = _settle(one.score, std * x, eps, 200, generator)
    return {
        "mode_shares": mode_weights(settled, law),
        "exact_mode_shares": mode_weights(law.sample(100_000, generator), law),
        "kolmogorov_distance": kolmogorov(settled[:, 0], law),
        "variance_at_eps_0.1": float(chain.var()),
        "exact_variance_at_eps_0.1": float(langevin.stationary_variance(std, eps)),
        "target_variance": std**2,
    }


def _settle(
    score: Callable[[Tensor], Tensor], x: Tensor, eps: float, steps: int, generator: torch.Generator
) -> Tensor:
    for _ in range(steps):
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = langevin.step(x, score(x), eps).sample(z)
    return x
