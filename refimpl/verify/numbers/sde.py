"""The SDE and its step: the mean in terms of the ends, golden widths, marginals that stay."""

from typing import Any

import mpmath as mp
import numpy as np
import torch
from scipy import stats

from ...equations import conversions, density, paths, sde
from ...simulate import diffusion, grids
from ...simulate import sde as chains
from ...toy import field, gaussian_1d
from ..check import Evidence, check
from ..identities import Disagreement, draw, levels, report, same, step_of
from ..mixtures import DIGITS, Field, Scene, close, compared, scenes


@check(
    "numbers",
    covers=("sde.transition", "conversions.data_from_velocity", "conversions.noise_from_velocity"),
    rows=("GRPO-6", "SC-9"),
)
def step_in_terms_of_the_ends(seed: int) -> Evidence:
    """The mean of a step is (1 − s) data + (s − g² h/(2t)) noise: the datum's part is exact."""
    d = draw(seed, "x", "v")
    (t, s, g), c = levels(), paths.linear(levels()[0])
    data, noise = (f(c, d["x"], d["v"]) for f in (
        conversions.data_from_velocity, conversions.noise_from_velocity
    ))  # fmt: skip
    want = (1 - s) * data + (s - g**2 * (t - s) / (2 * t)) * noise
    drift = sde.flow_grpo_drift(d["x"], d["v"], g, t)
    mean = step_of(d["x"], d["v"]).mean
    return report({
        "through the ends": same("mean through the ends", mean, want),
        "through the SDE": same("mean through the drift", mean, d["x"] - (t - s) * drift),
    })  # fmt: skip


@check("numbers", covers=("sde.transition",), rows=("GRPO-6",))
def noise_variance_after_onestep_of(seed: int) -> Evidence:
    """From the exact marginal of point-mass data the variance is s² + (g² h²/t)(1 + g²/(4t))."""
    t, s, g = levels()
    h, one = t - s, torch.ones_like(t)
    p = step_of(one, one / t)  # the datum is 0, so v = x/t, and the mean is linear in x
    variance = (p.mean * t) ** 2 + p.std**2
    want = s**2 + g**2 * h**2 / t * (1 + g**2 / (4 * t))
    return report({"variance": same("variance after one step", variance, want)})


SHIPPED_STD = (0.7000, 0.7430, 0.5362, 0.4459, 0.3918, 0.3528, 0.3191, 0.2820, 0.2254, 0.0063)
"""g √h on SD3.5's grid as diffusers ships it, T = 10, a = 0.7, with flow_grpo's rule at t = 1."""


ONCE_SHIFTED_STD = (0.7000, 0.7384, 0.5317, 0.4415, 0.3877, 0.3500, 0.3195, 0.2905, 0.2562, 0.2021)
"""The same on the grid shifted once."""


@check("numbers", covers=("sde.flow_grpo_g", "sde.euler_maruyama"), rows=("GRPO-6", "GRPO-7"))
def golden_step_std(seed: int) -> Evidence:
    """g √h on SD3.5's two grids is what others measured, to the last digit printed."""
    worst = 0.0
    for grid, golden in (
        (grids.sd35_as_shipped(10), SHIPPED_STD),
        (grids.sd35_once_shifted(10), ONCE_SHIFTED_STD),
    ):
        for step, want in zip(grid.steps, golden, strict=True):
            g = sde.flow_grpo_g(step.t, 0.7, sde.next_level(step))
            std = sde.euler_maruyama(0.0, 0.0, g, step.h).std
            worst = max(worst, abs(std - want))
            if not abs(std - want) <= 0.5001e-4:  # half a unit of the fourth decimal
                raise Disagreement(f"std of the step {step} is {std:.6f}, golden {want:.4f}")
    return Evidence(f"20 steps, largest gap {worst:.1e} (rounded at 5e-5)", {"gap": worst})


@check("numbers", covers=("sde.flow_grpo_g",), rows=("GRPO-7",))
def remedies_at_the_singular_start(seed: int) -> Evidence:
    """At t = 1 g is refused; flow_grpo's remedy gives 3.70 and a clamp at .99 gives 7.00."""
    step = grids.sd35_once_shifted(10).steps[0]
    try:
        sde.flow_grpo_g(step.t, 0.7, sde.refuse(step))
    except ValueError:
        pass
    else:
        raise Disagreement("g at t = 1 must be refused: it is singular there")
    s = mp.mpf(step.s)
    next_level = sde.flow_grpo_g(step.t, 0.7, sde.next_level(step))
    clamped = sde.flow_grpo_g(step.t, 0.7, sde.clamp(0.99)(step))
    return report({
        "next level": same("next_level", next_level, float(0.7 / mp.sqrt(1 - s))),
        "clamp": same("clamp(0.99)", clamped, float(mp.mpf(7) / 10 / mp.sqrt(mp.mpf(0.01)))),
    })  # fmt: skip


def _forward(scene: Scene, g: Any) -> Field:
    """The drift of the SDE that shares the marginals, t rising."""
    return lambda x: [
        sde.forward_drift(v, score, g)
        for v, score in zip(scene.velocity(x), scene.score(x), strict=True)
    ]


def _sampling(scene: Scene, g: Any) -> Field:
    """The displacement per unit of falling t."""
    return lambda x: [
        -sde.drift(v, score, g) for v, score in zip(scene.velocity(x), scene.score(x), strict=True)
    ]


def _fokker_planck(scene: Scene, f: Field, g: Any) -> Any:
    """∂_t p of dx = f dt + g dw: one term a coordinate."""
    p, here, df = scene.density(scene.x), f(scene.x), scene.divergence_parts(f)
    return sum(
        density.fokker_planck(
            p, scene.along(scene.density, i), scene.along(scene.density, i, 2), here[i], df[i], g
        )
        for i in scene.coordinates
    )


@check(
    "numbers",
    covers=(
        "density.fokker_planck", "sde.forward_drift", "sde.reverse_drift", "sde.drift",
        "sde.probability_flow", "sde.flow_grpo_drift",
    ),
    rows=("SC-3", "SC-4", "SC-5", "SC-6", "SC-9", "SC-10"),
)  # fmt: skip
def every_sde_keeps_the_marginals(seed: int) -> Evidence:
    """Fokker–Planck with the forward drift is ∂_t p for any g; with the sampling drift, −∂_t p."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            rate, x, t = scene.rate(), scene.x, scene.t
            v, score = scene.velocity(x)[0], scene.score(x)[0]
            for g in (mp.mpf("0.5"), mp.mpf("1.75")):
                forward, sampling = _forward(scene, g), _sampling(scene, g)
                close(f"t rising, {scene.name}", _fokker_planck(scene, forward, g), rate, gaps)
                close(f"t falling, {scene.name}", _fokker_planck(scene, sampling, g), -rate, gaps)
                f = forward(x)[0]
                close("reversal", sde.reverse_drift(f, score, g), -sampling(x)[0], gaps)
                close("flow", sde.probability_flow(f, score, g), v, gaps)
                if scene.mixture.path is paths.linear:
                    close(
                        "the paper's Eq. 8",
                        sde.flow_grpo_drift(x[0], v, g, t),
                        -sampling(x)[0],
                        gaps,
                    )
    return compared(gaps)


@check("numbers", covers=("sde.transition", "gaussian.log_prob"), rows=("GRPO-1",))
def a_trajectory_is_a_decision_process(seed: int) -> Evidence:
    """Σ log π(x_s | x_t) over a stored rollout is the joint log-density of the whole trajectory."""
    grid, g = grids.uniform(6), diffusion.flow_grpo(0.7, sde.next_level)
    v = field(gaussian_1d())
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(5, 1, generator=generator, dtype=torch.float64)
    done = chains.rollout(v, start, grid, diffusion=g, generator=generator)
    summed = sum(done.log_prob(i)[:, 0] for i in range(done.T))
    offsets, mixing = np.zeros(done.T), np.zeros((done.T, done.T))
    slope_of_start = np.zeros(done.T)
    mean, pull, row = 0.0, 1.0, np.zeros(done.T)
    for i, kernel in enumerate(chains.denoising(v, grid, diffusion=g)):
        at = [float(kernel(torch.tensor([[z]], dtype=torch.float64)).mean) for z in (0.0, 1.0)]
        slope = at[1] - at[0]
        mean, pull, row = slope * mean + at[0], slope * pull, slope * row
        row = row + np.eye(done.T)[i] * done.stds[i]
        offsets[i], slope_of_start[i], mixing[i] = mean, pull, row
    joint = [
        stats.multivariate_normal.logpdf(
            done.states[1:, k, 0].numpy(),
            offsets + slope_of_start * float(start[k]),
            mixing @ mixing.T,
        )
        for k in range(len(start))
    ]
    gap = float(np.abs(np.array(joint) - np.asarray(summed)).max())
    if not gap < 1e-9:  # SciPy inverts a covariance whose condition number is some thousands
        raise AssertionError(f"the steps' log-probabilities miss the joint one by {gap:.2g}")
    return Evidence(f"five trajectories of six steps, largest gap {gap:.1e}", {"gap": gap})
