"""How long the run in the plane takes to 90 % of what there is to gain, and what the loop adds.

    python tests/benchmarks/training.py [--seconds 120] [--repeat 30]

Overhead is measured side by side: a rollout, or an update, against the same calls of the same
network on the same rows with nothing round them, forward and backward.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from refimpl.toy.grpo import Trainer, tasks
from refimpl.toy.grpo.loop import advantage
from refimpl.toy.grpo.problem import judge


def ratio(whole: Callable[[], object], bare: Callable[[], object], repeat: int) -> float:
    """The median of whole/bare, timed in turns."""
    found = []
    for _ in range(repeat):
        start = time.process_time()  # of one thread: what else the machine does is not in it
        bare()
        middle = time.process_time()
        whole()
        found.append((time.process_time() - middle) / (middle - start))
    return statistics.median(found)


def overhead(repeat: int) -> tuple[float, float]:
    """Of rollouts and of updates, as a share of the network's own time."""
    settings = tasks.SETTINGS["mixture"].but(average=None)
    trainer = Trainer(tasks.mixture(settings, 10).problem, settings)
    labels = torch.randint(3, (settings.groups,)).repeat_interleave(settings.group)
    rollout = trainer.roll(labels)
    judged = judge(trainer.problem.reward, rollout.ends, labels, settings.group, "refuse")
    part, advantages = next(trainer.minibatches(rollout, advantage(judged, settings)))
    steps = part.steps()
    levels = [torch.full((len(labels),), t, dtype=torch.float64) for t in settings.grid.levels[:-1]]

    @torch.no_grad()
    def calls() -> None:
        for x, t in zip(rollout.states, levels, strict=False):
            trainer.policy(x, t, labels)

    def passes() -> None:
        with torch.no_grad():
            steps.velocity(trainer.reference)
        v = steps.velocity(trainer.policy)
        torch.autograd.backward(v, torch.ones_like(v))

    return (
        ratio(lambda: trainer.roll(labels), calls, repeat) - 1,
        ratio(lambda: trainer.climb(part, advantages), passes, repeat) - 1,
    )


def to_ninety_percent(limit: float) -> tuple[float, int, float]:
    """Seconds of training and iterations until 90 % of the gain is reached, and the share then.

    There is to gain what the law tilted at β G/(G − 1) earns above the data: a group that is its
    own baseline sees (G − 1)/G of the reward. Samples take forty steps, training takes ten.
    """
    settings = tasks.SETTINGS["mixture"]
    made, plane = tasks.mixture(settings, 1000), tasks.plane.three()
    trainer, spent = Trainer(made.problem, settings), 0.0
    G, before = settings.group, plane.mean_reward(plane.law.given)
    top = plane.mean_reward(plane.optimum(settings.method.beta * G / (G - 1)))
    share = 0.0
    while share < 0.9 and spent < limit:
        start = time.perf_counter()
        for _ in range(5):
            trainer.iterate()
        spent += time.perf_counter() - start
        share = (made.measure(trainer)["sampled_reward"] - before) / (top - before)
    return spent, trainer.done, share


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Time the run in the plane.")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--repeat", type=int, default=30)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rollout, update = overhead(given.repeat)
    print(f"rollout     {rollout:+.1%} beyond the network's own time")
    print(f"update      {update:+.1%}")
    seconds, iterations, share = to_ninety_percent(given.seconds)
    print(f"90 % gain   {seconds:.1f} s, {iterations} iterations ({share:.1%} reached)")


if __name__ == "__main__":
    main()
