"""Time one sampling step and its replay, with log-probabilities, at the size of SD3.5's latents.

    python tests/benchmarks/step.py [--batch 16] [--repeat 40]

What is compared, all in float32 on one thread, and measured in turns, so that a busy machine slows
all of them alike:

    floor             one draw of noise and one fused multiply-add: what no step can avoid
    step, replay      this project's: `methods.affine` once, then `methods.draw` and `replay`
    plain formula     the field's elementwise formula, its levels one a sample
    flow_grpo         the same as its scheduler runs it: levels looked up by timestep, then cast

The two of the field are written here from its formula. A ratio is the median over rounds of the
quotient within a round.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from refimpl import methods
from refimpl.equations import Step, expand_like, paths, policy, sde
from refimpl.simulate import grids

T, AT, LEVEL = 10, 2, 0.7
"""Steps of the grid, the step that is timed, and the noise level a."""


@dataclass(frozen=True)
class Field:
    """The field's step: x_s = mean + std √−dt ε, and the mean of its log-density.

    Attributes:
        levels: σ of the grid, from 1 to 0, and 1000 σ, the timesteps, as the scheduler holds them.
    """

    levels: Tensor

    def looked_up(self, x: Tensor, v: Tensor, timesteps: Tensor, x_s: Tensor | None,
                  draw: torch.Generator) -> tuple[Tensor, Tensor]:  # fmt: skip
        """From timesteps, one a sample, as flow_grpo's scheduler is called."""
        known = 1000 * self.levels
        at = torch.tensor([int((known == one).nonzero()[0]) for one in timesteps])
        x_s = None if x_s is None else x_s.float()
        sigma, below = (expand_like(self.levels[i], x) for i in (at, at + 1))
        return self.elementwise(x.float(), v.float(), sigma, below, x_s, draw)

    def elementwise(self, x: Tensor, v: Tensor, sigma: Tensor, below: Tensor, x_s: Tensor | None,
                    draw: torch.Generator) -> tuple[Tensor, Tensor]:  # fmt: skip
        """From levels of shape (B, 1, ...)."""
        dt = below - sigma
        inside = torch.where(sigma == 1, self.levels[1], sigma)
        g = LEVEL * torch.sqrt(sigma / (1 - inside))
        mean = x * (1 + g**2 / (2 * sigma) * dt)
        mean = mean + v * (1 + g**2 * (1 - sigma) / (2 * sigma)) * dt
        std = g * torch.sqrt(-dt)
        if x_s is None:
            x_s = mean + std * torch.randn(x.shape, generator=draw)
        log_prob = -((x_s - mean) ** 2) / (2 * std**2) - torch.log(std)
        log_prob = log_prob - math.log(2 * math.pi) / 2
        return x_s, log_prob.mean(dim=(1, 2, 3))


def calls(batch: int) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    draw = torch.Generator().manual_seed(0)
    x, v = torch.randn(2, batch, 16, 64, 64, generator=draw)
    grid, method = grids.uniform(T), methods.Method(noise=LEVEL, reduction="average")
    law = methods.affine(method, grid)[AT]
    field = Field(torch.tensor(grid.levels, dtype=torch.float32))
    timesteps = (1000 * field.levels[AT]).expand(batch)
    sigma, below = (expand_like(field.levels[i].expand(batch), x) for i in (AT, AT + 1))
    g = sde.flow_grpo_g(sigma, LEVEL, sigma)
    stored = law.law(x, v).sample(torch.randn(x.shape, generator=draw))

    def step() -> tuple[Tensor, Tensor]:
        return methods.draw(method, law, x, v, torch.randn(x.shape, generator=draw))

    def by_equations() -> tuple[Tensor, Tensor]:
        kernel = sde.transition(paths.linear(sigma), x, v, g, Step(sigma, below))
        x_s = kernel.sample(torch.randn(x.shape, generator=draw))
        return x_s, policy.average(kernel.log_prob(x_s))

    made: dict[str, Callable[[], object]] = {
        "floor": lambda: torch.addcmul(x, torch.randn(x.shape, generator=draw), v),
        "step": step,
        "step, plain formula": lambda: field.elementwise(x, v, sigma, below, None, draw),
        "step, flow_grpo": lambda: field.looked_up(x, v, timesteps, None, draw),
        "step, equations with a level a sample": by_equations,
        "replay": lambda: methods.replay(method, law, x, v, stored),
        "replay, plain formula": lambda: field.elementwise(x, v, sigma, below, stored, draw),
        "replay, flow_grpo": lambda: field.looked_up(x, v, timesteps, stored, draw),
    }
    right = methods.replay(method, law, x, v, stored)
    for name in ("replay, plain formula", "replay, flow_grpo"):
        torch.testing.assert_close(made[name]()[1].double(), right, rtol=1e-5, atol=0)  # type: ignore[index]
    return made


def timed(made: dict[str, Callable[[], object]], repeat: int) -> dict[str, list[float]]:
    """Seconds of every call, round by round."""
    for call in made.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(repeat):
        for name, call in made.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time one sampling step and its replay.")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with torch.no_grad():
        seconds = timed(calls(given.batch), given.repeat)

    def ratio(name: str, to: str) -> float:
        return statistics.median(a / b for a, b in zip(seconds[name], seconds[to], strict=True))

    print(f"[{given.batch}, 16, 64, 64], float32, one thread; {given.repeat} rounds, medians")
    print(f"{'':<40}{'ms':>8}{'least':>8}{'floors':>8}{'of plain':>10}")
    for name, times in seconds.items():
        plain = f"{name.partition(',')[0]}, plain formula"
        of_plain = f"{ratio(name, plain):10.2f}" if plain in seconds else ""
        print(
            f"{name:<40}{1000 * statistics.median(times):8.2f}{1000 * min(times):8.2f}"
            f"{ratio(name, 'floor'):8.2f}{of_plain}"
        )


if __name__ == "__main__":
    main()
