"""Time one sampling step and its replay, with log-probabilities, at the size of SD3.5's latents.

    python tests/benchmarks/step.py [--batch 16] [--repeat 20]

The floor is what no implementation can avoid: drawing the noise and one fused multiply-add.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from refimpl.equations import Step, expand_like, paths, policy, sde


def milliseconds(call: Callable[[], object], repeat: int) -> float:
    """The median time of a call."""
    call()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time one sampling step and its replay.")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(0)
    x, v = torch.randn(2, given.batch, 16, 64, 64, generator=draw)
    levels = torch.full((given.batch,), 0.75)
    step = Step(expand_like(levels, x), expand_like(levels - 0.1, x))
    c = paths.linear(step.t)
    g = sde.flow_grpo_g(step.t, 0.7, step.t)

    def floor() -> object:
        return torch.addcmul(x, torch.randn(x.shape, generator=draw), v)

    def sample() -> object:
        kernel = sde.transition(c, x, v, g, step)
        x_s = kernel.sample(torch.randn(x.shape, generator=draw))
        return policy.total(kernel.log_prob(x_s))

    stored = sde.transition(c, x, v, g, step).sample(torch.randn(x.shape, generator=draw))

    def replay() -> object:
        return policy.total(sde.transition(c, x, v, g, step).log_prob(stored))

    print(f"[{given.batch}, 16, 64, 64], float32, one thread; medians of {given.repeat}")
    for name, call in (("floor", floor), ("sampling step", sample), ("replay", replay)):
        print(f"{name:<14}{milliseconds(call, given.repeat):8.2f} ms")


if __name__ == "__main__":
    main()
