"""Which steps decide: guide one step of the flow, leave the others, and judge the pictures.

    gain_k = strict(guidance in step k alone) − strict(no guidance),      the same noise in both

Guidance sharpens what a caption asks for. A step in which it changes the reward is one in which
velocities matter to the reward, and noise has something to find there. Forward passes are all it
takes: T + 2 sets of pictures.
"""

from dataclasses import dataclass

import torch
from diffusers import StableDiffusion3Pipeline
from torch import Tensor

from ...simulate.grids import Grid
from .captions import Caption
from .evaluation import sampled
from .reward import marks


@dataclass(frozen=True)
class Decisions:
    """What was seen.

    Attributes:
        plain, guided: the share of strictly right pictures without and with guidance throughout.
        gains: of each step, and their standard errors, from differences picture by picture.
        levels: t of each step.
        guidance: the scale.
    """

    plain: float
    guided: float
    gains: tuple[float, ...]
    errors: tuple[float, ...]
    levels: tuple[float, ...]
    guidance: float


def look(
    pipeline: StableDiffusion3Pipeline,
    captions: list[Caption],
    each: int,
    grid: Grid,
    *,
    guidance: float = 4.5,
    seed: int,
) -> Decisions:
    """Guide each step of the grid by itself.

    Raises:
        ValueError: guidance of 1, which is none.
    """
    if guidance == 1:
        raise ValueError("guidance=1 is none, and changes nothing at any step: choose more")

    def judged(*steps: int) -> Tensor:
        images = sampled(pipeline, captions, each, grid, guidance=guidance, seed=seed, guided=steps)
        strict, _ = marks(images.flatten(0, 1), [c for c in captions for _ in range(each)])
        return strict

    plain = judged()
    gains = torch.stack([judged(step) - plain for step in range(grid.T)])
    return Decisions(
        plain=plain.mean().item(),
        guided=judged(*range(grid.T)).mean().item(),
        gains=tuple(gains.mean(dim=1).tolist()),
        errors=tuple((gains.std(dim=1) / gains.shape[1] ** 0.5).tolist()),
        levels=grid.levels[:-1],
        guidance=guidance,
    )
