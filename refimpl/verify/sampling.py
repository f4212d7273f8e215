"""A toy sampled on demand: the rollout, its moments beside the exact ones, and its replay.

    x_T ~ N(0, I)  →  x_0 by Euler's ODE or by Flow-GRPO's SDE, with the exact velocity field

What is printed is what a user needs to believe a sampler: mean and variance beside the exact
ones, and, for the SDE, that scoring the stored states again gives the recorded log-probabilities.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..equations import paths, sde
from ..simulate.diffusion import constant, flow_grpo
from ..simulate.grids import uniform
from ..simulate.sde import Rollout, replay, rollout
from ..toy.examples import examples, field
from .pictures import Picture, histogram, scatter

MOST = 50_000_000
"""Samples of all steps together: in two dimensions two or three gigabytes."""


@dataclass(frozen=True)
class Request:
    """What to sample.

    Raises:
        ValueError: an unknown toy, no steps or no samples, or more than are kept.
    """

    toy: str
    sampler: Literal["ode", "sde"]
    a: float
    steps: int
    n: int
    seed: int

    def __post_init__(self) -> None:
        if self.toy not in examples():
            raise ValueError(f"no toy is called {self.toy!r}; there are {', '.join(examples())}")
        if self.steps < 1 or self.n < 2:
            raise ValueError(
                f"at least 1 step and 2 samples, got steps={self.steps!r}, n={self.n!r}"
            )
        if self.steps * self.n > MOST:
            raise ValueError(
                f"a rollout keeps every state, and steps × n is at most {MOST:,}: "
                f"got steps={self.steps}, n={self.n}"
            )
        if self.sampler == "sde" and not self.a > 0:
            raise ValueError(f"an SDE needs a > 0, got a={self.a!r}; a = 0 is --sampler ode")


@dataclass(frozen=True, eq=False)
class Sampled:
    """A rollout with what is said of it.

    Attributes:
        lines: for the terminal.
        picture: samples beside exact ones, drawn when it is asked for.
    """

    rollout: Rollout
    log_prob: Tensor | None
    lines: tuple[str, ...]
    picture: Picture

    def save(self, file: Path) -> None:
        """Write levels, states, means, stds, noise and log-probabilities to an .npz file.

        Raises:
            OSError: the folder does not exist.
        """
        arrays = {
            "levels": np.asarray(self.rollout.grid.levels),
            "states": self.rollout.states.numpy(),
            "means": self.rollout.means.numpy(),
            "stds": np.asarray(self.rollout.stds),
            "noise": self.rollout.noise.numpy(),
        }
        if self.log_prob is not None:
            arrays["log_prob"] = self.log_prob.numpy()
        with file.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]


def sample_toy(request: Request) -> Sampled:
    """Sample with the exact field from t = 1 to 0, then score what was stored."""
    problem = examples()[request.toy]
    generator = torch.Generator().manual_seed(request.seed)
    velocity = field(problem)
    diffusion = flow_grpo(request.a, sde.next_level) if request.sampler == "sde" else constant(0.0)
    start = torch.randn(request.n, problem.d, generator=generator, dtype=torch.float64)
    done = rollout(
        velocity, start, uniform(request.steps), diffusion=diffusion, generator=generator
    )
    ends = done.states[-1]
    exact = problem.sample(request.n, generator)
    lines = [
        f"toy         {request.toy}, {problem.d}-D, {request.n} samples, T = {request.steps}",
        f"mean        {_row(ends.mean(0))}   exact {_row(problem.mean)}",
        f"variance    {_row(ends.var(0))}   exact {_row(problem.covariance.diagonal())}",
    ]
    log_prob = None
    if request.sampler == "sde":
        log_prob = torch.stack([done.log_prob(i) for i in range(done.T)])
        again = torch.stack(
            [k.log_prob(x) for k, x in zip(replay(done, velocity), done.states[1:], strict=True)]
        )
        gap = float((again - log_prob).abs().max())
        lines.append(f"replay      largest change of a log-probability: {gap:g}")
        lines.append(f"step std    {_row(torch.tensor(done.stds))}   g √h")
    return Sampled(done, log_prob, tuple(lines), _picture(problem, ends, exact))


def _row(values: Tensor) -> str:
    return " ".join(f"{float(value):.4f}" for value in values.flatten()[:10])


def _picture(problem: object, ends: Tensor, exact: Tensor) -> Picture:
    if ends.shape[1] == 1:
        law = problem.at(paths.linear(0.0))  # type: ignore[attr-defined]
        low, high = float(exact.min()), float(exact.max())
        return histogram(
            ends[:, 0],
            lambda x: np.exp(law.log_density(torch.from_numpy(x)[:, None]).numpy()),
            x=(low, high),
        )
    return scatter(ends[:, :2], beside=exact[:, :2])
