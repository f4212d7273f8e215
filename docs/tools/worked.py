"""The names that a number inside a lecture may use: the equations, and a few exact results.

A page writes `<!--= std(0.75, 0.6667) as .3f -->`, and the generator puts the value there.
"""

import json
import math
from functools import cache
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from statistics import NormalDist
from typing import Any

import implementations
import solvers_block
import torch
from scipy import optimize

from refimpl.equations import Coefficients, Gaussian, Step, equations, paths, sde
from refimpl.labs.adjoint.problem import GROUP, GROUPS
from refimpl.labs.grids import SEARCHED
from refimpl.sd3.model import flops
from refimpl.sd3.model.architectures import ARCHITECTURES
from refimpl.sd3.run.plan import PARAMETERS
from refimpl.simulate import config, diffusion, grids, laws, levels, shipped
from refimpl.simulate.config import Config
from refimpl.simulate.sde import denoising
from refimpl.toy import field, variants
from refimpl.toy import levels as training
from refimpl.toy.examples import gaussian as gaussian_data
from refimpl.toy.examples import mixture
from refimpl.toy.grpo import bias

F64 = torch.float64


def g(t: float, a: float = 0.7, s: float | None = None) -> float:
    """Flow-GRPO's diffusion coefficient at t; at t = 1 the lower level s stands in."""
    return float(sde.flow_grpo_g(t, a, inside=t if s is None or t < 1 else s))


def std(t: float, s: float, a: float = 0.7) -> float:
    """The standard deviation of Flow-GRPO's step from t to s."""
    return g(t, a, s) * math.sqrt(t - s)


def law(
    mean: float, width: float, T: int, a: float, *, grid: str = "uniform", remedy: str = "next"
) -> laws.GaussianLaw:
    """The exact law of Flow-GRPO's chain of T steps on data N(mean, width²), level by level."""
    made = {
        "uniform": grids.uniform,
        "shifted": grids.sd35_once_shifted,
        "shipped": grids.sd35_as_shipped,
    }[grid](T)
    policy = sde.next_level if remedy == "next" else sde.clamp(0.99)
    problem = gaussian_data([mean], [width])
    kernels = denoising(field(problem), made, diffusion=diffusion.flow_grpo(a, policy))
    return laws.gaussian_law(kernels, torch.zeros(1, dtype=F64), torch.ones(1, dtype=F64))


def end_std(T: int, a: float, width: float = 0.5, **more: str) -> float:
    """The standard deviation of the chain's end; the data's is `width`."""
    return float(law(1.5, width, T, a, **more).std[-1])


def memory(T: int, a: float, **more: str) -> float:
    """The correlation of the chain's end with its start, on data N(1.5, 0.25)."""
    return float(law(1.5, 0.5, T, a, **more).correlation_with_start[-1])


COIN = mixture([0.5, 0.5], [[-1.0], [1.0]], [[0.0], [0.0]])
"""Data that are −1 or 1, with equal chances."""


def coin(what: str, x: float, t: float) -> float:
    """What a perfect network says of data ±1 at x on the linear path: "velocity", "data", "noise".

    Also "score", from the mixture's own density, and "weight", the posterior chance of +1.
    """
    c, at = paths.linear(t), torch.tensor([x], dtype=F64)
    if what == "score":
        return float(COIN.at(c).score(at))
    if what == "weight":
        return (1 + coin("data", x, t)) / 2
    asked = {
        "velocity": COIN.velocity,
        "data": COIN.posterior_data,
        "noise": COIN.posterior_noise,
    }[what]
    return float(asked(c, at))


def guided(variant: str, pair: str, steps: int = 28) -> variants.End:
    """What a variant of guidance samples of GAUSSIANS or MODES, in the steps of its table."""
    return variants.end(variant, getattr(variants, pair), 4.5, grids.shifted(steps, 3.0))


def more_draws(law: str) -> float:
    """The share of draws that uniform levels need more, weighed to what a law of levels trains."""
    drawn, none = levels.law(law), levels.weight("none")
    weigh = training.instead(levels.uniform(), drawn, none)
    weighed = training.noise(levels.uniform(), weigh).variance
    return weighed / training.noise(drawn, none).variance - 1


def clip_turns(clip: float) -> float:
    """How far a policy may move, in standard deviations, until the clipped gradient points back.

    The step is that of the bias study's table: the one that decides most of the end.
    """
    rho = max(step["share"] for step in _kept("study/methods")["steps"]) ** 0.5
    return float(optimize.brentq(lambda d: bias.clipped(d, clip, rho), 0.01, 1.0))


def rounded(std: float) -> float:
    """The mean change of a step's log-density if its action is rounded to bfloat16 afterwards.

    The action has the size of a latent: it is standard normal, here 200,000 of its quantiles.
    """
    x = torch.special.ndtri((torch.arange(200_000, dtype=F64) + 0.5) / 200_000)
    return -float(((x.bfloat16().double() - x) ** 2).mean()) / (2 * std**2)


def model(name: str) -> Config:
    """The scheduler's configuration of a public model."""
    return config.read(config.model(name)["config"])


@cache
def _kept(file: str) -> Any:
    path = Path(__file__).parents[1] / "assets" / f"{file}.json"
    return json.loads(path.read_text("utf-8"))


def recorded(file: str, *keys: str | int) -> float:
    """A number that a run left beside the pages: recorded("labs/topics", "energies", "CD-1")."""
    found = _kept(file)
    for key in keys:
        found = found[key]
    return float(found)


RUNS = {
    "energies": "energy",
    "two_heads": "interpolants",
    "invertible_blocks": "blocks",
    "transport": "coupling",
    "denoising_diffusion": "ddpm",
    "scales": "ncsn",
}
"""Topics of `refimpl topic` whose settings a page may name, and their modules."""


def chosen(topic: str, name: str) -> float:
    """A setting of a topic's run, by its name in the configuration."""
    config = import_module(f"refimpl.toy.{RUNS[topic]}").Config()
    return float(attrgetter(name)(config))


def _topics() -> dict[str, Any]:
    from refimpl import equations as package

    return {e.topic: getattr(package, e.topic) for e in equations().values()}


NAMES: dict[str, Any] = {
    **_topics(),
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "pi", "inf")},
    "Coefficients": Coefficients,
    "Gaussian": Gaussian,
    "Phi": NormalDist().cdf,
    "Step": Step,
    "grids": grids,
    "flops": flops,
    "medium": ARCHITECTURES["medium"].transformer,
    "vae": ARCHITECTURES["medium"].vae,
    "parameters": PARAMETERS,
    "torch": torch,
    "tensor": lambda *x: torch.tensor(x if len(x) > 1 else x[0], dtype=F64),
    "g": g,
    "coin": coin,
    "std": std,
    "end_std": end_std,
    "memory": memory,
    "law": law,
    "guided": guided,
    "seen": implementations.seen,
    "declaring": implementations.declaring,
    "how_many": implementations.how_many,
    "version": implementations.version,
    "more_draws": more_draws,
    "clip_turns": clip_turns,
    "rounded": rounded,
    "recorded": recorded,
    "chosen": chosen,
    "model": model,
    "boundary": lambda name: config.model(name)["boundary"],
    "shipped_levels": lambda name, steps: shipped.made(model(name), steps).levels,
    "drawn_levels": levels.law,
    "searched": SEARCHED,
    "GROUP": GROUP,
    "GROUPS": GROUPS,
    "solver_error": solvers_block.error,
    "solver_width": solvers_block.width,
}
