"""Flow-GRPO in one loop you can read aloud.

    prompts → groups → rollout → reward → advantage
            → for each epoch, for each minibatch: replay, ratio, min(r A, clip(r) A) − β KL, climb

The objective is summed over the trained steps and averaged over samples. Every formula is imported;
every iteration returns its readings, so that a run can be judged while it runs.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ... import methods
from . import watching
from .problem import Judged, Problem, judge
from .rollouts import Rollout, Steps, roll
from .settings import Settings
from .watching import Iteration, Update


class Trainer:
    """A run in progress: policy, its average, optimiser, generator, number of iterations done."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem, self.settings = problem, settings
        self.policy = problem.policy
        self.reference = problem.reference.requires_grad_(False)
        self.average = copy.deepcopy(self.policy) if settings.average else self.policy
        self.optimiser = torch.optim.Adam(self.policy.parameters(), settings.learning_rate)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.done = 0

    def iterate(self) -> Iteration:
        """One iteration: roll out, judge, climb.

        Raises:
            RewardError, ValueError, TypeError: rewards that cannot be used, see `problem.judge`.
            FloatingPointError: a gradient that is not finite.
        """
        s = self.settings
        prompts = self.problem.prompts(s.groups, self.generator)
        rollout = self.roll(prompts.repeat_interleave(s.group))
        judged = judge(self.problem.reward, rollout.ends, rollout.labels, s.group, s.bad_rewards)
        advantages = advantage(judged, s)
        signal = self._signal(rollout, advantages)
        updates = [
            [self.climb(part, a) for part, a in self.minibatches(rollout, advantages)]
            for _ in range(s.epochs)
        ]
        self.done += 1
        return watching.measured(rollout, judged, advantages, updates, signal, s, self.done)

    def roll(self, labels: Tensor) -> Rollout:
        """One trajectory for each label, from fresh noise."""
        s = self.settings
        plan = methods.plan(s.method, s.grid, self.done, s.seed)
        start = torch.randn(
            len(labels), self.problem.d, generator=self.generator, dtype=self.problem.dtype
        )
        return roll(self.policy, start, labels, s.method, plan, s.grid, self.generator)

    def minibatches(
        self, rollout: Rollout, advantages: Float[Tensor, "groups G"]
    ) -> Iterator[tuple[Rollout, Float[Tensor, " b"]]]:
        """The rollout in parts of whole groups, in an order that is drawn anew each time."""
        n, G = advantages.shape
        order = torch.arange(n)
        if self.settings.minibatches > 1:
            order = torch.randperm(n, generator=self.generator)
        for groups in order.chunk(self.settings.minibatches):
            rows = (groups[:, None] * G + torch.arange(G)).flatten()
            yield rollout.rows(rows), advantages[groups].flatten()

    def climb(self, rollout: Rollout, advantages: Float[Tensor, " b"]) -> Update:
        """One step of the optimiser along the objective's gradient, and of the average."""
        self.optimiser.zero_grad()
        steps = rollout.steps()
        means, terms = self.terms(steps, advantages)
        objective = steps.by_step(terms.objective).sum(dim=0).mean()
        torch.autograd.backward(-objective)
        bound = float("inf") if self.settings.max_norm is None else self.settings.max_norm
        norm = nn.utils.clip_grad_norm_(self.policy.parameters(), bound)
        if not bool(torch.isfinite(norm)):
            raise FloatingPointError(
                f"the gradient of iteration {self.done} is {norm.item()!r}: lower the learning "
                f"rate ({self.settings.learning_rate!r}), or look at the rewards"
            )
        self.optimiser.step()
        self._follow()
        return Update(
            steps,
            float(objective.detach()),
            float(steps.by_step(terms.kl).sum(dim=0).mean()),
            steps.by_step(terms.ratio),
            float(terms.stopped.double().mean()),
            float(norm),
            means,
        )

    def terms(self, steps: Steps, advantages: Float[Tensor, " b"]) -> tuple[Tensor, methods.Terms]:
        """Replay stored steps under the policy, and compare with how they were drawn."""
        s = self.settings
        v = steps.velocity(self.policy)
        with torch.no_grad():
            v_ref = steps.velocity(self.reference)
        new = steps.law(s.method, v)
        return new.mean.detach(), methods.terms(
            s.method,
            new,
            steps.old,
            steps.x_s,
            advantages.repeat(steps.K),
            weight=steps.weight,
            reference=steps.law(s.method, v_ref),
            velocities=(v, v_ref),
            step=steps.step,
        )

    @torch.no_grad()
    def _follow(self) -> None:
        """average ← decay · average + (1 − decay) · policy."""
        if self.settings.average is not None:
            for slow, fast in zip(self.average.parameters(), self.policy.parameters(), strict=True):
                slow.lerp_(fast, 1 - self.settings.average)

    def _signal(self, rollout: Rollout, advantages: Tensor) -> tuple[float, ...]:
        every = self.settings.signal
        if not every or self.done % every:
            return ()
        half = len(advantages) // 2
        return watching.signal(
            lambda part, a: self.terms(part, a)[1].objective,
            [
                (rollout.rows(torch.arange(start, stop)), advantages[a:b].flatten())
                for a, b in ((0, half), (half, 2 * half))
                for start, stop in [(a * advantages.shape[1], b * advantages.shape[1])]
            ],
            list(self.policy.parameters()),
        )

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs to go on with the same bits."""
        return {
            "done": self.done,
            "policy": self.policy.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        self.policy.load_state_dict(state["policy"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.done = int(state["done"])


def advantage(judged: Judged, settings: Settings) -> Float[Tensor, "groups G"]:
    """Advantages of the usable groups; the others have none, and move nothing."""
    found = torch.zeros_like(judged.rewards)
    if bool(judged.usable.any()):
        found[judged.usable] = methods.advantages(settings.method, judged.rewards[judged.usable])
    return found
