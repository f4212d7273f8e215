"""Time an Euler–Maruyama step of the exact two-dimensional mixture, of which the samplers are made.

    python tests/benchmarks/mixture.py [--batch 20000] [--repeat 100]

Beside it the same step as one would write it by hand in float64, components first, with no equation
of this project. Both are measured in turns; the ratio is the median over rounds.
"""

import argparse
import statistics
import time

import torch
from torch import Tensor

from refimpl.equations import Step, gaussian, paths, sde
from refimpl.toy import field, mixture_2d

STEP, G = Step(0.6, 0.5), 0.7


def by_hand(x: Tensor, noise: Tensor, weights: Tensor, means: Tensor, stds: Tensor) -> Tensor:
    """x_s from x_t, the marginal velocity worked out component by component."""
    t, h = STEP.t, STEP.h
    variance = (1 - t) ** 2 * stds**2 + t**2
    columns = range(x.shape[1])
    aways = [x[:, i] - (1 - t) * means[:, i, None] for i in columns]  # (K, n) each
    pulls = [aways[i] / variance[:, i, None] for i in columns]
    logits = (weights.log() - variance.log().sum(dim=1) / 2)[:, None]
    for away, pull in zip(aways, pulls, strict=True):
        logits = logits - away * pull / 2
    posterior = torch.softmax(logits, dim=0)
    v = torch.empty_like(x)
    for i in columns:
        data = means[:, i, None] + (1 - t) * stds[:, i, None] ** 2 * pulls[i]
        v[:, i] = (posterior * (t * pulls[i] - data)).sum(dim=0)
    drift = v + G**2 / (2 * t) * (x + (1 - t) * v)
    return x - h * drift + G * h**0.5 * noise


def main() -> None:
    """Print both, and their ratio."""
    parser = argparse.ArgumentParser(description="Time a step of the exact mixture.")
    parser.add_argument("--batch", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(1)
    draw, law = torch.Generator().manual_seed(0), mixture_2d()
    x, noise = torch.randn(2, given.batch, 2, generator=draw, dtype=torch.float64)
    v = field(law)

    def ours() -> Tensor:
        kernel = sde.transition(paths.linear(STEP.t), x, v(x, STEP.t), G, STEP)
        return gaussian.sample(kernel.mean, kernel.std, noise)

    def plain() -> Tensor:
        return by_hand(x, noise, law.weights, law.means, law.stds)

    torch.testing.assert_close(ours(), plain(), rtol=1e-12, atol=1e-12)
    rounds = []
    for _ in range(given.repeat):
        times = []
        for call in (ours, plain):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        rounds.append(times)
    ms = [1000 * statistics.median(one) for one in zip(*rounds, strict=True)]
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"[{given.batch}, 2], float64, one thread; {given.repeat} rounds, medians")
    print(f"by the equations {ms[0]:.2f} ms, by hand {ms[1]:.2f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
