"""What a penalty on steps buys: log-ratios of whole trajectories, and of the images they end in."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from ...equations import kl, paths, sde, weights
from ...equations.gaussian import Gaussian
from ...equations.sde import Step
from ...simulate import diffusion, grids, laws
from ...simulate.sde import Kernel
from ...statistics import budget
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import gaussian_1d
from .. import independent
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check

MOVED = (0.3, 0.2, -0.1, 0.15, 0.2, 0.1, -0.2, 0.1, 0.1, 0.0)
"""How far the new policy moves the velocity at each of ten steps."""

ONE = torch.ones(1, dtype=torch.float64)
GRID = grids.sd35_once_shifted(10)
G = diffusion.flow_grpo(0.7, sde.next_level)


def _kernel(step: Step, moved: float) -> Kernel:
    """A step of Flow-GRPO on Gaussian data, its velocity moved."""
    problem, c = gaussian_1d(), paths.linear(step.t)
    return lambda x: sde.transition(c, x, problem.velocity(c, x) + moved, G(step), step)


@check(
    "statistics",
    covers=("kl.trajectory", "kl.images", "kl.seen", "weights.lever"),
    rows=("GRPO-13",),
)
def a_penalty_on_steps_bounds_what_images_show(seed: int) -> Evidence:
    """log p/p_ref of trajectories is N(K, 2K), K the sum of the steps' KLs; images show less."""
    new = [_kernel(step, by) for step, by in zip(GRID.steps, MOVED, strict=True)]
    old = [_kernel(step, 0.0) for step in GRID.steps]
    generator = budget.generator("trajectories", seed)
    x = standard_normal(N, 1, generator=generator)
    ratio = torch.zeros(N, dtype=torch.float64)
    for kernel, other in zip(new, old, strict=True):
        moved = kernel(x)
        following = moved.sample(standard_normal(N, 1, generator=generator))
        ratio += (moved.log_prob(following) - other(x).log_prob(following))[:, 0]
        x = following
    whole, figures = _closed_forms(new, old)
    end = laws.gaussian_law(_independent(), 0 * ONE, ONE)

    def ratio_has(mean: float) -> object:
        return exact.mean(ratio[:, None], mean * ONE, 2 * whole * ONE[:, None],
                          claim("trajectories.mean"), detects=0.035)  # fmt: skip

    must_reject("the mean over steps", partial(ratio_has, whole / len(new)))
    outcomes = [
        exact.mean(ratio[:, None], whole * ONE, 2 * whole * ONE[:, None],
                   claim("trajectories.mean"), detects=0.035),
        exact.variance(ratio, whole, (2 * whole) ** 0.5, claim("trajectories.variance"),
                       detects=0.025),
        exact.mean(x, end.mean[-1], end.variance[-1][:, None], claim("trajectories.images"),
                   detects=0.035),
    ]  # fmt: skip
    evidence = evidence_of(outcomes)
    evidence.figures.update(figures)
    return evidence


def _independent() -> list[Kernel]:
    """The new policy's kernels by the independent ones: a moved v moves the score as well."""
    noise_of = independent.odds(0.7, independent.next_level)
    plain = independent.denoising(gaussian_1d(), GRID.levels, noise_of)

    def moved(kernel: Kernel, t: float, s: float, by: float) -> Kernel:
        push = (t - s) * by * (1 + noise_of(t, s) ** 2 * (1 - t) / (2 * t))
        return lambda x: Gaussian(kernel(x).mean - push, kernel(x).std)

    pairs = zip(plain, pairwise(GRID.levels), MOVED, strict=True)
    return [moved(kernel, t, s, by) for kernel, (t, s), by in pairs]


def _closed_forms(new: Sequence[Kernel], old: Sequence[Kernel]) -> tuple[float, dict[str, float]]:
    """The KL of trajectories; images against the laws of both chains' ends.

    Raises:
        AssertionError: they disagree, or images show more than they can.
    """
    steps = GRID.steps
    levers = [float(weights.lever(G(s), s.t, s.h)) for s in steps]
    shift = -torch.tensor(levers, dtype=torch.float64) * torch.tensor(MOVED, dtype=torch.float64)
    std = torch.tensor([float(k(ONE[:, None]).std) for k in old], dtype=torch.float64)
    carried, start = _carried(old)
    whole = float(kl.trajectory(shift, std))
    image = float(kl.images(shift, std, carried, start))
    share = float(kl.seen(std, carried, start))
    ends = [laws.gaussian_law(kernels, 0 * ONE, ONE) for kernels in (new, old)]
    apart = float(kl.of_means(ends[0].mean[-1], ends[1].mean[-1], ends[1].std[-1]))
    if not abs(apart - image) < 1e-12 * image:
        raise AssertionError(f"the ends of both chains are {apart:.9g} apart, not {image:.9g}")
    if not image <= share * whole:
        raise AssertionError(f"images show {image:.4g} of {whole:.4g}, more than {share:.4g}")
    return whole, {"KL of trajectories": whole, "KL of images": image, "share at most": share}


def _carried(kernels: Sequence[Kernel]) -> tuple[Tensor, float]:
    """P_k of each step, and of the start."""
    slopes = [float(k(ONE[:, None]).mean - k(0 * ONE[:, None]).mean) for k in kernels]
    left = torch.tensor(slopes, dtype=torch.float64).flip(0).cumprod(0).flip(0)
    return torch.cat([left[1:], ONE]), float(left[0])
