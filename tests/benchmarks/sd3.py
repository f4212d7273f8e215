"""Time what a sampling step and its scoring cost beside the network, ours and flow_grpo's.

    python tests/benchmarks/sd3.py CHECKOUT [--batch 8] [--side 32] [--repeat 40]

CHECKOUT is a folder of github.com/yifan123/flow_grpo. The network is a stand-in that returns a
constant, so that nothing but the trainers' own arithmetic is timed: T = 10 steps of latents
[batch, 16, side, side] and their storage, one thread, calls of both in turn, medians of processor
time. Drawing the noise is shown apart: both do it, with the same call. Ours scores a step at a
time, as theirs does, and all nine in one pass, which theirs cannot.
"""

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from refimpl import methods
from refimpl.equations import grpo
from refimpl.sd3.loop import noise, rollout, update
from refimpl.sd3.loop.update import Experience
from refimpl.sd3.model.text import Text
from refimpl.sd3.settings import presets

T = 10
ADVANTAGES = (-1.0, 1.0)


class StandIn:
    """A policy whose velocity is fixed; in training, with a gradient."""

    def __init__(self, v: Tensor) -> None:
        self.v = v

    def velocity(self, x: Tensor, t: Tensor, text: Text) -> Tensor:
        """v, whatever is asked, as often as it is asked for."""
        v = self.v.repeat(len(x) // len(self.v), 1, 1, 1)
        return v.requires_grad_() if torch.is_grad_enabled() else v


def theirs(checkout: Path, v: Tensor) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Their step: T of them in a rollout, and all but the last scored, with gradients."""
    sys.path.insert(0, str(checkout))
    step = importlib.import_module(
        "flow_grpo.diffusers_patch.sd3_sde_with_logprob"
    ).sde_step_with_logprob
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)
    scheduler.set_timesteps(T)
    start, advantages = torch.randn(v.shape), torch.linspace(*ADVANTAGES, len(v))

    @torch.no_grad()
    def sample() -> tuple[Tensor, list[Tensor]]:
        x, states, scores = start, [start], []
        for t in scheduler.timesteps:
            x, log_prob, _, _ = step(scheduler, v, t.unsqueeze(0), x, noise_level=0.7)
            states.append(x)
            scores.append(log_prob)
        return torch.stack(states, dim=1), scores  # as their trainer keeps them

    states, scores = sample()

    def learn() -> None:
        for j in range(T - 1):
            moving = v.clone().requires_grad_()
            _, log_prob, _, _ = step(
                scheduler, moving, scheduler.timesteps[j].repeat(len(v)), states[:, j],
                prev_sample=states[:, j + 1], noise_level=0.7,
            )  # fmt: skip
            ratio = torch.exp(log_prob - scores[j])
            torch.autograd.backward(-grpo.surrogate(ratio, advantages, 1e-4).mean())

    return sample, learn


def ours(v: Tensor) -> tuple[Callable[[], Any], Callable[[int], Any]]:
    """The same of `refimpl.sd3`, at flow_grpo's settings without KL; scored in passes of so many
    steps.
    """
    settings = ("method.beta=0", "text.cache=null", "sampling.guidance=1")
    config = presets.resolve(["flow_grpo"], None, settings)
    plan = methods.plan(config.method, config.grid)
    policy: Any = StandIn(v)
    text = Text(torch.zeros(len(v), 1, 1), torch.zeros(len(v), 1))

    def sample() -> rollout.Trajectory:
        drawn = noise.stream(0, "bench", 0, range(len(v)), shape=v.shape[1:])
        return rollout.sample(
            policy, text, drawn, grid=config.grid, method=config.method, plan=plan
        )

    advantages = torch.linspace(*ADVANTAGES, len(v), dtype=torch.float64)
    held = Experience(sample(), text, torch.arange(len(v)), advantages, plan.weights)

    def learn(steps: int) -> None:
        for rows in update.batches(range(len(v)), range(held.steps), steps * len(v)):
            scored = update.score(policy, config.method, held, rows)
            torch.autograd.backward(-scored.objective.sum())

    return sample, learn


def milliseconds(calls: dict[str, Callable[[], Any]], repeat: int) -> dict[str, float]:
    """The median processor time of each, called in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeat + 2):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(each[2:]) for name, each in times.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time the trainers' own arithmetic.")
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=40)
    given = parser.parse_args()
    torch.set_num_threads(1)
    v = torch.randn(given.batch, 16, given.side, given.side)
    sample, learn = ours(v)
    their_sample, their_learn = theirs(given.checkout, v)
    found = milliseconds(
        {
            "noise": lambda: [torch.randn(v.shape) for _ in range(T)],
            "ours, sampling": sample, "theirs, sampling": their_sample,
            "ours, scoring": lambda: learn(1), "theirs, scoring": their_learn,
            "ours, in one pass": lambda: learn(T - 1),
        },
        given.repeat,
    )  # fmt: skip
    drawing = found["noise"] / T
    print(f"{tuple(v.shape)}, ms a step; drawing the noise {drawing:.2f}, not counted below")
    for what, their_name, steps, less in (
        ("sampling", "sampling", T, drawing),
        ("scoring", "scoring", T - 1, 0.0),
        ("in one pass", "scoring", T - 1, 0.0),
    ):
        mine = found[f"ours, {what}"] / steps - less
        other = found[f"theirs, {their_name}"] / steps - less
        print(f"{what:<12} ours {mine:6.2f}   flow_grpo {other:6.2f}   {mine / other:5.2f} of it")


if __name__ == "__main__":
    main()
