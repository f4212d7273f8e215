"""The three tasks of `refimpl train toy`: settings, what is measured, and what is drawn.

gaussian    the line         mixture    the plane         digits    8 × 8 pictures
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ...runs import pictures
from ...runs.pictures import Picture
from ...simulate.grids import uniform
from ...statistics import budget
from ..examples import gaussian_1d
from ..training import Plan
from . import digits, line, plane
from .loop import Trainer
from .policies import ExactField
from .problem import Problem
from .settings import EXACT, Settings

LONG = 40
"""Steps when sampling, where training takes T: Flow-GRPO's denoising reduction."""

Say: TypeAlias = Callable[[float, str], None]
"""say(share done, what is being done)."""


@dataclass(frozen=True, eq=False)
class Task:
    """A problem, and how a policy for it is judged.

    Attributes:
        measure: of a trainer, quick enough to be asked often; by name.
        conclude: at the end: what goes into the summary.
        draw: pictures of its samples, by name.
        known: what a measurement is compared with in the report, by name and meaning.
    """

    problem: Problem
    measure: Callable[[Trainer], dict[str, float]]
    conclude: Callable[[Trainer], dict[str, Any]]
    draw: Callable[[Trainer], dict[str, Picture]]
    known: Mapping[str, Mapping[str, float]]


SETTINGS: dict[str, Settings] = {
    "gaussian": Settings(iterations=120, learning_rate=0.04, average=0.95, signal=10),
    "mixture": Settings(
        EXACT.but(noise=1.4, beta=1.0),
        groups=18,
        group=32,
        iterations=150,
        minibatches=2,
        learning_rate=1e-3,
        average=0.95,
        signal=10,
    ),
    "digits": Settings(
        EXACT.but(advantage_std="group", beta=0.05),
        groups=20,
        group=16,
        iterations=60,
        minibatches=2,
        learning_rate=1e-4,
        average=0.9,
        signal=5,
    ),
}
"""Settings by task; `quick` cuts them short."""


def quick(settings: Settings) -> Settings:
    """Seconds: the same code, too short to learn much."""
    return settings.but(
        groups=2 * settings.minibatches, group=4, iterations=min(3, settings.iterations), T=4,
        signal=1,
    )  # fmt: skip


def gaussian(settings: Settings, slope: float) -> Task:
    """N(1.5, 0.25) with reward slope·x: measured exactly, and sampled at the end."""
    law = gaussian_1d()
    wanted = line.predicted(law, slope, settings)
    before = line.end_law(ExactField((law,)), settings.method, settings.grid)

    def measure(trainer: Trainer) -> dict[str, float]:
        end = line.end_law(trainer.average, settings.method, settings.grid)
        return {"end_mean": float(end.mean), "end_std": float(end.std)}

    def sampled(trainer: Trainer, T: int) -> float:
        generator = budget.generator("grpo.line.evaluation", settings.seed)
        x, _ = plane.samples(
            trainer.average, 1, settings.method, uniform(T), 20_000, generator, d=1
        )
        return float(x.mean())

    def conclude(trainer: Trainer) -> dict[str, Any]:
        ends = line.cost(trainer.average, settings.method, (5, 10, 20, 40, 80))
        return {
            **measure(trainer),
            "end_mean_predicted": float(wanted.mean),
            "end_std_predicted": float(wanted.std),
            "end_mean_before": float(before.mean),
            **{f"end_mean_at_T{T}": float(end.mean) for T, end in ends.items()},
            **{f"end_std_at_T{T}": float(end.std) for T, end in ends.items()},
            **{f"end_mean_sampled_at_T{T}": sampled(trainer, T) for T in ends},
        }

    problem = line.problem(law, lambda x, y: slope * x[:, 0], settings.grid)
    known = {
        "reward": {"optimum": slope * float(wanted.mean), "before": slope * float(before.mean)},
        "end_mean": {"optimum": float(wanted.mean), "before": float(before.mean)},
        "end_std": {"optimum": float(wanted.std)},
    }
    return Task(problem, measure, conclude, lambda trainer: {}, known)


def mixture(settings: Settings, n: int) -> Task:
    """Three labels in the plane: distances to the tilted law, for T steps and for forty."""
    made = plane.three()
    beta = settings.method.beta
    target = made.optimum(beta) if beta else None

    def ends(trainer: Trainer, T: int, of: int) -> tuple[Tensor, Tensor]:
        generator = budget.generator("grpo.plane.evaluation", settings.seed)
        return plane.samples(trainer.average, 3, settings.method, uniform(T), of, generator)

    def measure(trainer: Trainer, T: int = LONG, of: int = n) -> dict[str, float]:
        x, y = ends(trainer, T, of)
        generator = budget.generator("grpo.plane.laws", settings.seed)
        found = {
            "sampled_reward": float(made.reward(x, y).mean()),
            "distance_to_reference": plane.distance(x, y, made.law.given, generator),
        }
        if target is not None:
            found["distance_to_optimum"] = plane.distance(x, y, target, generator)
        return found

    def conclude(trainer: Trainer) -> dict[str, Any]:
        start = made.law.given
        found: dict[str, Any] = {"reward_before": made.mean_reward(start)}
        if target is not None:
            generator = budget.generator("grpo.plane.laws", settings.seed)
            x = torch.cat([law.sample(2 * n, generator) for law in start])
            y = torch.arange(3).repeat_interleave(2 * n)
            found["reward_of_the_optimum"] = made.mean_reward(target)
            found["distance_to_optimum_before"] = plane.distance(x, y, target, generator)
        for T in (5, 10, 20, LONG):
            for name, value in measure(trainer, T, 2 * n).items():
                found[f"{name}_at_T{T}"] = value
        return found

    def draw(trainer: Trainer) -> dict[str, Picture]:
        x, _ = ends(trainer, LONG, n)
        generator = budget.generator("grpo.plane.picture", settings.seed)
        shown = {"reference": made.law.given} | ({"optimum": target} if target is not None else {})
        order = torch.randperm(len(x), generator=generator)
        return {
            f"tuned_and_{name}": pictures.scatter(
                x[order],
                beside=torch.cat([law.sample(n, generator) for law in laws])[order],
                labels=("tuned", name),
            )
            for name, laws in shown.items()
        }

    generator = budget.generator("grpo.plane.network", settings.seed)
    known = {"sampled_reward": {"before": made.mean_reward(made.law.given)}}
    if target is not None:
        known["sampled_reward"]["optimum"] = made.mean_reward(target)
    return Task(made.problem(generator), measure, conclude, draw, known)


def pictures_of_digits(
    settings: Settings, reward: str, pretraining: digits.Pretraining, file: Path, say: Say
) -> Task:
    """Digits tuned towards a rule or a classifier; another classifier says what is left of them."""
    if reward not in digits.REWARDS:
        raise ValueError(f"no reward {reward!r}; there are {', '.join(digits.REWARDS)}")
    data = digits.split(settings.seed)
    read = digits.judge(data)
    score = digits.REWARDS[reward](data)
    network = digits.reference(
        data,
        pretraining,
        settings.seed,
        file,
        lambda step, steps, loss: say(step / steps, f"learning the reference: loss {loss:.3g}"),
    )
    flat, labels = data.train.flatten(1), data.train_label

    def ends(network: torch.nn.Module, T: int, n: int) -> tuple[Tensor, Tensor]:
        generator = budget.generator("grpo.digits.evaluation", settings.seed)
        return plane.samples(
            network, 10, settings.method, uniform(T), n, generator, 64, torch.float32
        )

    def measure(trainer: Trainer, T: int = LONG, n: int = 20) -> dict[str, float]:
        x, y = ends(trainer.average, T, n)
        return {"sampled_reward": float(score(x, y).mean()), "read_as_asked": read(x, y)}

    def conclude(trainer: Trainer) -> dict[str, Any]:
        x, y = ends(trainer.reference, LONG, 50)
        found: dict[str, Any] = {
            "reward": reward,
            "reward_of_real_digits": float(score(flat, labels).mean()),
            "reward_before": float(score(x, y).mean()),
            "read_as_asked_before": read(x, y),
        }
        for T in (settings.T, LONG):
            for name, value in measure(trainer, T, 50).items():
                found[f"{name}_at_T{T}"] = value
        return found

    def draw(trainer: Trainer) -> dict[str, Picture]:
        names = [str(y) for y in range(10)]
        return {
            name: pictures.sheet(digits.sheets(*ends(network, LONG, 12), shown=12), names)
            for name, network in (("before", trainer.reference), ("tuned", trainer.average))
        }

    known = {"sampled_reward": {"real digits": float(score(flat, labels).mean())}}
    return Task(digits.problem(network, score), measure, conclude, draw, known)


def make(
    name: str, settings: Settings, options: Mapping[str, Any], folder: Path, short: bool, say: Say
) -> Task:
    """The task of that name."""
    if name == "gaussian":
        return gaussian(settings, float(options["slope"]))
    if name == "mixture":
        return mixture(settings, 50 if short else 1000)
    size = digits.Pretraining(Plan(10, average=0.9), 16, 16, 1) if short else digits.Pretraining()
    return pictures_of_digits(
        settings, str(options["reward"]), size, folder / "checkpoints/reference.pt", say
    )


OPTIONS: dict[str, dict[str, Any]] = {
    "gaussian": {"slope": 1.0},
    "mixture": {},
    "digits": {"reward": "ink"},
}
"""What a task asks for besides the settings of the loop."""


def configured(
    name: str, changes: Mapping[str, Any], short: bool
) -> tuple[Settings, dict[str, Any]]:
    """The settings and options of a run.

    Raises:
        ValueError: an unknown task or setting, or a value out of range.
    """
    if name not in SETTINGS:
        raise ValueError(f"no task {name!r}; there are {', '.join(SETTINGS)}")
    options = OPTIONS[name] | {k: v for k, v in changes.items() if k in OPTIONS[name]}
    settings = quick(SETTINGS[name]) if short else SETTINGS[name]
    return settings.but(**{k: v for k, v in changes.items() if k not in OPTIONS[name]}), options
