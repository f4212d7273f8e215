"""Flow-GRPO on SD3.5, the loop: rollouts, rewards, advantages, updates; watched, saved, resumable.

    with Trainer(config, parts, prompts, rewards, engine) as trainer:
        trainer.iterate()                one iteration, and what it measured

Rewards are computed beside the next batch's sampling. Which prompts and which noise an iteration
has follows from the seed, so that nothing random needs to be restored and any number of processes
trains the same policy.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from ... import methods
from ...equations import grpo
from ...runs.monitors import Reading
from .. import rewards
from ..engine.assemble import Parts
from ..engine.processes import Engine, Stepped, require_engine
from ..model.policy import Policy
from ..model.text import Text
from ..rewards import Background, Judged, Mixture
from ..settings.config import Config
from . import noise, rollout, update, watching
from .data import Prompted
from .ema import Average
from .prompts import Row, Sampler
from .scores import Clock, gathered, joined
from .together import Together
from .update import Experience, Scored


@dataclass(frozen=True, eq=False)
class Iteration:
    """What one iteration measured.

    Attributes:
        values: for the line of metrics.
        seconds: where time went, by name.
        experience, judged, advantages: this process's rollouts, and all scores and advantages.
    """

    values: dict[str, Any]
    seconds: dict[str, float]
    experience: Experience = field(repr=False)
    judged: Judged = field(repr=False)
    advantages: Tensor = field(repr=False)


class Trainer:
    """A run in progress.

    Args:
        config: the settings.
        parts: the model; its adapter, or all of it, is trained in place.
        data: prompts.
        mixture: the rewards.
        engine: the processes.
        examiner: the rewards of held-out images, None where they are the same.
    """

    def __init__(
        self,
        config: Config,
        parts: Parts,
        data: Prompted,
        mixture: Mixture,
        engine: Engine,
        examiner: Mixture | None = None,
    ) -> None:
        self.config, self.parts, self.data, self.engine = config, parts, data, engine
        self.device = engine.accelerator.device
        self.mixture, self.examiner = mixture, examiner or mixture
        self.background: Background[Judged] = Background(mixture, self.device)
        sampling = config.sampling
        self.sampler = Sampler(
            len(data.train), sampling.groups, sampling.group, engine.world, config.run.seed
        )
        if self.sampler.share % config.training.updates:
            raise ValueError(
                f"training.updates={config.training.updates} must divide the "
                f"{self.sampler.share} images of a process"
            )
        require_engine(config.adapter.kind, config.training.optimiser, engine.sharded)
        self.policy = Policy(
            engine.called,
            parts.transformer,
            parts.dtype,
            parts.encode([""]).to(self.device),
            sampling.guidance,
            config.training.unconditional_gradient,
            one_mode=config.model.compile != "none",
            call=parts.call,
            frozen=parts.frozen,
        )
        self.average = Average(engine.parameters, decay=config.ema.decay, every=config.ema.every)
        self.done = 0
        self.before_update: list[Any] = []
        self.skipped_in_a_row = 0
        self.together = Together(engine)

    @property
    def local(self) -> Policy:
        """The policy of this process alone, outside what accelerate wrapped round it."""
        return dataclasses.replace(self.policy, network=self.parts.transformer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.background.close()

    def iterate(self) -> Iteration:
        """One iteration.

        Raises:
            Stopped: a process was asked to leave, before the first optimiser step.
            RewardError: a reward failed, or scored nothing.
            FloatingPointError: a gradient that is not finite.
            MemoryError: with the setting that helps.
        """
        clock = Clock()
        plan = methods.plan(self.config.method, self.config.grid, self.done, self.config.run.seed)
        rows = self.sampler.rows(self.done, self.engine.rank)
        trajectory, text, prompt = self._roll(rows, plan)
        clock.mark("rollout")
        judged = self._judged(len(rows))
        clock.mark("waiting for rewards")
        advantages = self._advantages(judged)
        mine = advantages.flatten()[[row.row for row in rows]].double().to(self.device)
        experience = Experience(trajectory, text, prompt, mine, plan.weights)
        for call in self.before_update:
            call(self, experience, judged, advantages)
        learnt = self._learn(experience, rows)
        clock.mark("update")
        self.done += 1
        told = watching.of_rewards(judged, advantages, self.config.method,
                                   self.config.rewards.normalise)  # fmt: skip
        readings = {**told.pop("readings"), **learnt.pop("readings")}
        values = {**told, **learnt, "readings": readings}
        return Iteration(values, clock.seconds, experience, judged, advantages)

    def _roll(
        self, rows: tuple[Row, ...], plan: methods.Plan
    ) -> tuple[rollout.Trajectory, Text, Tensor]:
        """This process's rollouts; each batch's rewards are asked for while the next samples."""
        config, numbers = self.config, list(dict.fromkeys(row.prompt for row in rows))
        with self.together.within("encoding prompts"):
            text = self.parts.encode([self.data.train[i].text for i in numbers]).to(self.device)
        place = {number: i for i, number in enumerate(numbers)}
        prompt = torch.tensor([place[row.prompt] for row in rows], device=self.device)
        parts = []
        for start in range(0, len(rows), config.sampling.batch):
            chunk = rows[start : start + config.sampling.batch]
            texts = text.rows(prompt[start : start + len(chunk)])
            with self.together.within("the rollout"):
                drawn, shared = self._noise(chunk, texts)
                part = rollout.sample(
                    self.policy, texts, drawn,
                    grid=config.grid, method=config.method, plan=plan, shared=shared,
                    keep=config.training.unconditional_kept and self.policy.guided,
                )  # fmt: skip
            asked = [self.data.train[row.prompt] for row in chunk]
            with self.together.within("decoding"):
                images = self.parts.decode(part.ends).cpu()
                self.background.submit(images, [p.text for p in asked], [p.metadata for p in asked])
            parts.append(part)
        return rollout.Trajectory.joined(parts), text, prompt

    def _noise(
        self, chunk: tuple[Row, ...], text: Text
    ) -> tuple[Iterator[Tensor], rollout.Shared | None]:
        """What a batch draws, and which of its rollouts have one start."""

        def stream(kind: str, numbers: list[int]) -> Iterator[Tensor]:
            return noise.stream(self.config.run.seed, kind, self.done, numbers,
                                shape=self.parts.latent, device=self.device)  # fmt: skip

        own = stream("rollout", [row.row for row in chunk])
        if self.config.sampling.start == "own":
            return own, None
        group = [row.row // self.config.sampling.group for row in chunk]
        starts = list(dict.fromkeys(group))
        first = torch.tensor([group.index(one) for one in starts], device=self.device)
        place = torch.tensor([starts.index(one) for one in group], device=self.device)
        drawn = itertools.chain([next(stream("start", starts))], own)
        return drawn, rollout.Shared(text.rows(first), place)

    def _judged(self, count: int) -> Judged:
        """All processes' scores, in the order of the iteration's rows."""
        error, answers = None, []
        try:
            answers = [self.background.collect() for _ in range(len(self.background))]
        except Exception as found:
            error = found
        self.engine.agreed(error)
        rows = self.sampler.rows(self.done, self.engine.rank)
        prompts = self.engine.gathered(torch.tensor([row.prompt for row in rows]))
        self.sampler.require_whole(self.done, prompts.tolist())
        return gathered(self.engine, joined(answers))

    def _advantages(self, judged: Judged) -> Tensor:
        method = self.config.method
        found = rewards.advantages(
            judged,
            self.config.sampling.groups,
            normalise=self.config.rewards.normalise,
            std=method.advantage_std,
            ddof=method.ddof,
            eps=method.eps,
        ).values
        if method.advantage_bound is not None:
            found = grpo.bounded(found, method.advantage_bound)
        return found

    def _learn(self, experience: Experience, rows: tuple[Row, ...]) -> dict[str, Any]:
        """Every update of the iteration, and what was seen before the first of them."""
        config, training = self.config, self.config.training
        steps: list[Scored] = []
        made: list[Stepped] = []
        with self.together.within("the update"):
            cosines = self._signal(experience)
        signal = self._averaged(cosines) if cosines else []
        for number in range(training.epochs * training.updates):
            share = number % training.updates  # weights that have moved are moved to the end
            mine = [i for i, row in enumerate(rows) if row.row % training.updates == share]
            parts = update.gradient(
                self.policy, config.method, experience, mine,
                rows=training.rows, backward=self.engine.backward,
                each=partial(self.together.within, "the update", leave=number == 0),
                silent=not training.skip_silent or self.engine.sharded is not None,
                agree=lambda count: self.engine.agreed(None, count),
            )  # fmt: skip
            made.append(self._step())
            steps.append(update.joined(parts))
        first, last = steps[0], steps[-training.updates :]
        stopped = self._mean(torch.cat([s.stopped.double() for s in last]))
        readings = [
            *watching.before_update(first, experience, config.method, self.parts.dtype),
            *watching.unseen([s.ratio for s in steps[1 : training.updates]], config.method),
            *watching.of_gradient(made[0], experience, alone=self.engine.world == 1),
            Reading("clipped", stopped, 0.0, 0.5),
        ]
        if self.done == 0 and (self.config.adapter.start is None or self._from_start):
            readings.append(watching.at_start(first, experience, self.parts.dtype))
        return {
            "objective": self._mean(first.objective),
            "kl": self._mean(torch.cat([s.kl for s in steps])),
            "clipped": stopped,
            "gradient_norm": next((one.norm for one in made if not one.skipped), float("nan")),
            **watching.of_scaler(made),
            "ratio_gap_by_step": self._largest(watching.by_step(first, experience.steps)),
            "readings": {r.name: r.row for r in readings},
            **({"signal": signal} if signal else {}),
        }

    @property
    def _from_start(self) -> bool:
        """Whether the KL is measured from where the run begins, though that is not the base."""
        return self.config.adapter.reference == "start"

    def _step(self) -> Stepped:
        """One step of the optimiser and of the average; fp16's scaler may skip both.

        Raises:
            FloatingPointError: a gradient that is not finite, where no scaler deals with it.
        """
        made = self.engine.step()
        self.skipped_in_a_row = self.skipped_in_a_row + 1 if made.skipped else 0
        if not made.skipped:
            if not math.isfinite(made.norm):
                raise FloatingPointError(
                    f"the gradient of iteration {self.done} is {made.norm!r}: lower "
                    "training.learning_rate, or look at the rewards"
                )
            self.average.follow()
        return made

    def _signal(self, experience: Experience) -> list[float]:
        every = self.config.run.signal_every
        if not every or self.done % every or self.engine.sharded:
            return []
        cosines = watching.signal(
            self.local, self.config.method, experience, self.engine.parameters,
            rows=self.config.training.rows,
        )  # fmt: skip
        return cosines

    def _averaged(self, values: list[float]) -> list[float]:
        every = self.engine.gathered(torch.tensor([values]))
        return [float(x) for x in every.mean(dim=0)]

    def _mean(self, x: Tensor) -> float:
        return float(self.engine.gathered(x.double().mean().reshape(1)).mean())

    def _largest(self, values: list[float]) -> list[float]:
        every = self.engine.gathered(torch.tensor([values], dtype=torch.float64))
        return [float(x) for x in every.amax(dim=0)]

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs to make the same next update; every process must ask."""
        return {
            "done": self.done,
            **self.engine.state(),
            "average": [self.engine.held(value) for value in self.average.values],
            "average_steps": self.average.steps,
            "generator": torch.get_rng_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Back to a saved state.

        Raises:
            ValueError: of another adapter.
        """
        self.engine.restore(dict(state))
        self.average.restore(state["average"], state["average_steps"])
        torch.set_rng_state(state["generator"])
        self.done = int(state["done"])
