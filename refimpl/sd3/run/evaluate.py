"""Evaluation: held-out prompts, the flow's ODE, the averaged adapter, always the same noise.

rewards by name, averaged over prompts;     a sheet of the first images, with their rewards
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..engine.memory import guarded
from ..loop import noise, rollout
from ..loop.prompts import Prompts
from ..loop.scores import gathered, joined
from ..loop.train import Trainer
from ..model import images
from ..rewards import Judged


@dataclass(frozen=True, eq=False)
class Evaluated:
    """What an evaluation found.

    Attributes:
        means: by reward, "reward" their weighted sum, over the prompts that were scored.
        pictures: the first images, (k, 3, h, w), the same prompts and noises each time.
        captions: prompt and reward of each.
        scores: the weighted sum for every prompt, NaN where not scored.
    """

    means: dict[str, float]
    pictures: Tensor
    captions: list[str]
    scores: Tensor

    def sheet(self) -> bytes:
        """A PNG of the pictures."""
        return images.sheet(self.pictures, self.captions)


def evaluate(trainer: Trainer, prompts: Prompts, *, average: bool = True) -> Evaluated:
    """Measure the policy on prompts, one image each; every process must take part.

    Args:
        average: evaluate the averaged weights; False takes the weights as they are.

    Raises:
        RewardError, MemoryError: as in training.
    """
    engine, config = trainer.engine, trainer.config
    count, world = len(prompts), engine.world
    each = -(-count // world)
    mine = [min(i * world + engine.rank, count - 1) for i in range(each)]
    keep = -(-min(config.evaluation.pictures, count) // world)
    error, answers, kept = None, [], []
    if average:
        with trainer.average.applied():
            ends = _ends(trainer, prompts, mine)
    else:
        ends = _ends(trainer, prompts, mine)
    try:
        for start in range(0, each, config.vae.batch):
            chunk = mine[start : start + config.vae.batch]
            with guarded("decoding"):
                drawn = trainer.parts.decode(ends[start : start + len(chunk)]).cpu()
            asked = [prompts[i] for i in chunk]
            answers.append(
                trainer.examiner(drawn, [p.text for p in asked], [p.metadata for p in asked])
            )
            kept.append(drawn[: max(0, keep - start)])
    except Exception as found:
        error = found
    engine.agreed(error)
    judged = gathered(engine, joined(answers))
    order = torch.arange(each * world).reshape(world, each).T.flatten()  # rank order → prompt order
    drawn = engine.gathered(torch.cat(kept))
    pictures = drawn.reshape(world, keep, *drawn.shape[1:]).transpose(0, 1)
    shown = min(config.evaluation.pictures, count)
    total = judged.total[order][:count]
    return Evaluated(
        _means(judged, order[:count]),
        pictures.flatten(0, 1)[:shown],
        [f"{total[i]:.3g}  {prompts[i].text}" for i in range(shown)],
        total,
    )


def _ends(trainer: Trainer, prompts: Prompts, mine: list[int]) -> Tensor:
    config, ends = trainer.config, []
    grid = config.sampling.levels(config.sampling.eval_steps)
    for start in range(0, len(mine), config.sampling.batch):
        chunk = mine[start : start + config.sampling.batch]
        drawn = noise.stream(config.run.seed, "evaluation", 0, chunk,
                             shape=trainer.parts.latent, device=trainer.device)  # fmt: skip
        with trainer.together.within("evaluation"):
            text = trainer.parts.encode([prompts[i].text for i in chunk]).to(trainer.device)
            ends.append(
                rollout.sample(trainer.policy, text, drawn, grid=grid, method=config.method,
                               plan=rollout.without_noise(grid)).ends
            )  # fmt: skip
    return torch.cat(ends)


def _means(judged: Judged, rows: Tensor) -> dict[str, float]:
    found = {"reward": judged.total, **judged.scores, **judged.extras}
    return {name: float(x[rows].double().nanmean()) for name, x in found.items()}
