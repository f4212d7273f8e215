"""Chains of the SDE, computed without a sample: replay, golden numbers, exact laws."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...equations import ode, paths, policy, sde
from ...simulate import diffusion, grids, laws, replay, rollout
from ...simulate import sde as chains
from ...simulate.ode import solve
from ...statistics import budget
from ...toy import Mixture, field, gaussian_1d, mixture_1d
from ...toy import gaussian as gaussian_problem
from .. import pictures
from ..accepting import standard_normal
from ..check import Evidence, check
from ..discrete import chain_law, distance


@check(
    "samplers",
    covers=("sde.transition", "gaussian.sample"),
    rows=("GRPO-5",),
)
def replay_is_bitwise(seed: int) -> Evidence:
    """Replaying a rollout of (B, C, H, W) latents gives every log-probability again, bit by bit."""
    generator = budget.generator("replay", seed)
    x = standard_normal(3, 4, 2, 5, generator=generator)

    def v(x: Tensor, t: float) -> Tensor:
        return torch.sin(x) * (1 + t) + x.flip(-1) / 2

    done = rollout(
        v,
        x,
        grids.sd35_as_shipped(10),
        diffusion=diffusion.flow_grpo(0.7, sde.next_level),
        generator=generator,
    )
    for i, kernel in enumerate(replay(done, v)):
        again, stored = kernel.log_prob(done.states[i + 1]), done.log_prob(i)
        if not torch.equal(again, stored):
            raise AssertionError(
                f"step {i} scores differ by {float((again - stored).abs().max()):.3g}"
            )
        if not bool((policy.ratio(policy.total(again), policy.total(stored)) == 1).all()):
            raise AssertionError(f"step {i}: the ratio of a policy with itself is not 1")
        e = (done.states[i + 1] - kernel.mean) / kernel.std
        if (
            not float((e - done.noise[i]).abs().max()) < 1e-12
        ):  # cancellation in x_s − mean: eps · |x|/std
            raise AssertionError(f"step {i}: the residual is not the noise that was drawn")
    return Evidence(
        "10 steps of 120 numbers: log-probabilities bitwise, ratio exactly 1", {"largest gap": 0.0}
    )


@check("samplers", covers=("sde.transition", "ode.euler"), rows=("DYN-9", "GRPO-6"))
def without_noise_the_chain_is_euler(seed: int) -> Evidence:
    """g = 0 turns the SDE's chain into Euler's method for the flow, bit by bit."""
    noise = standard_normal(4, 3, 2, generator=budget.generator("euler", seed))
    v = field(mixture_1d())
    x, grid = noise[..., :1], grids.uniform(10)
    done = rollout(
        v, x, grid, diffusion=diffusion.constant(0.0), noise=torch.ones(10, *x.shape, dtype=x.dtype)
    )
    if not torch.equal(done.states[-1], solve(ode.euler, v, x, grid)):
        raise AssertionError("a chain with g = 0 is not Euler's method")
    return Evidence("10 steps, bitwise", {"largest gap": 0.0})


_ONE = torch.ones(1, dtype=torch.float64)


SHIPPED = (1, 0.9601, 0.9133, 0.8577, 0.7904, 0.7073, 0.6022, 0.4649, 0.2780, 0.0089, 0)


ONCE = (1, 0.9643, 0.9231, 0.8750, 0.8182, 0.7500, 0.6667, 0.5625, 0.4286, 0.2500, 0)


SHIPPED_STD = (0.7000, 0.7430, 0.5362, 0.4459, 0.3918, 0.3528, 0.3191, 0.2820, 0.2254, 0.0063)


ONCE_STD = (0.7000, 0.7384, 0.5317, 0.4415, 0.3877, 0.3500, 0.3195, 0.2905, 0.2562, 0.2021)


POINT_STD = (1.0007, 0.9887, 0.9285, 0.8556, 0.7680, 0.6604, 0.5252, 0.3561, 0.2488, 0.0618)


# a: final variance, correlation with the initial noise, half a unit of the latter's last digit
FINAL = {
    0.0: (0.1856, 1.0, 1e-12),
    0.7: (0.2300, 0.226, 5e-4),
    1.0: (0.2435, 0.032, 5e-4),
    math.sqrt(2): (0.2544, 0.00056, 5e-6),
}


@check("samplers", covers=("sde.flow_grpo_g", "sde.transition"), rows=("GRPO-6", "GRPO-7"))
def grids_and_steps_have_their_golden_numbers(seed: int) -> Evidence:
    """SD3.5's two grids at T = 10, their step stds at a = 0.7, and a point mass's noise."""
    gap = 0.0
    for grid, levels, stds in (
        (grids.sd35_as_shipped(10), SHIPPED, SHIPPED_STD),
        (grids.sd35_once_shifted(10), ONCE, ONCE_STD),
    ):
        gap = max(gap, _gap("levels", grid.levels, levels))
        gap = max(gap, _gap("step stds", _stds(grid, 0.7), stds))
    point = gaussian_problem([0.0], [0.0])
    law = _law(point, grids.sd35_as_shipped(10), 0.7)
    gap = max(gap, _gap("a point mass's std", law.std[1:, 0].tolist(), POINT_STD))
    return Evidence(f"52 numbers of four decimals, largest gap {gap:.1e}", {"largest gap": gap})


@check("samplers", covers=("sde.transition", "sde.flow_grpo_g"), rows=("GRPO-6", "GRPO-7"))
def gaussian_chain_has_its_golden_law(seed: int) -> Evidence:
    """Ten uniform steps on N(1.5, 0.25): final variance and memory of the start for four a."""
    figures = {}
    for a, (variance, correlation, half) in FINAL.items():
        law = _law(gaussian_1d(), grids.uniform(10), a)
        found = float(law.variance[-1]), float(law.correlation_with_start[-1])
        if not (abs(found[0] - variance) < 5e-5 and abs(found[1] - correlation) < half):
            raise AssertionError(
                f"a={a:.3g}: variance and correlation {found}, not {(variance, correlation)}"
            )
        if (
            not abs(float(law.mean[-1]) - 1.5) < 1e-12
        ):  # the mean path is straight: Euler is exact on it
            raise AssertionError(f"a={a:.3g}: final mean {float(law.mean[-1])!r}, not 1.5")
        figures[f"a={a:.4g}: final variance (data 0.25)"] = found[0]
        figures[f"a={a:.4g}: correlation with the initial noise"] = found[1]
    return Evidence("four final variances and correlations to the printed digits", figures)


@check("samplers", covers=("sde.transition", "sde.euler_maruyama"), rows=("GRPO-6",))
def one_step_overshoots_by_a_known_variance(seed: int) -> Evidence:
    """From an exact marginal, one step's noise variance is s² + (g²h²/t)(1 + g²/(4t))."""
    gap = 0.0
    for t, s in ((0.9, 0.8), (0.5, 0.45), (0.3, 0.1)):
        for g in (0.3, 1.0, 2.0):
            kernel = chains.denoising(
                field(gaussian_problem([0.0], [0.0])),
                grids.from_levels((t, s)),
                diffusion=diffusion.constant(g),
            )
            found = float(laws.gaussian_law(kernel, 0 * _ONE, t * _ONE).variance[-1])
            h = t - s
            gap = max(gap, abs(found - (s**2 + g**2 * h**2 / t * (1 + g**2 / (4 * t)))))
    if not gap < 1e-14:  # a dozen operations on numbers near 1
        raise AssertionError(f"the excess variance of one step is off by {gap:.3g}")
    return Evidence(f"nine steps, largest gap {gap:.1e}", {"largest gap": gap})


@check("samplers", covers=("sde.transition",), rows=("GRPO-6",))
def transfer_operator_agrees_with_the_recursion(seed: int) -> Evidence:
    """Two exact laws of one chain, by quadrature and by recursion, agree on Gaussian data."""
    gap = 0.0
    for a in (0.3, 0.7, 1.0):
        law, density = _law(gaussian_1d(), grids.uniform(10), a), chain_law(gaussian_1d(), 10, a)
        gap = max(
            gap,
            abs(density.mass - 1),
            abs(density.mean - float(law.mean[-1])),
            abs(density.variance - float(law.variance[-1])),
        )
    if not gap < 1e-10:  # the tails beyond 8.5 hold 1e-17; the trapezoid rule adds 1e-12 a step
        raise AssertionError(f"quadrature and recursion differ by {gap:.3g}")
    return Evidence(
        f"mass, mean and variance for three a, largest gap {gap:.1e}", {"largest gap": gap}
    )


@check("samplers", covers=("sde.transition",), rows=("GRPO-6", "GRPO-9"))
def mixture_chain_approaches_the_data(seed: int) -> Evidence:
    """A chain's exact law on a mixture is off by .023 at T = 10, and by nearly half that at 20."""
    p, lines = mixture_1d(), {}
    figures: dict[str, float] = {}
    for a in (0.5, 0.7, 1.0):
        steps = (5, 10, 20)
        gaps = [distance(chain_law(p, T, a), p) for T in steps]
        if not gaps[0] > gaps[1] > gaps[2]:
            raise AssertionError(f"a={a}: the distance to the data must fall with T, got {gaps}")
        figures |= {
            f"a={a}, T={T}: sup|F − F_data|": gap for T, gap in zip(steps, gaps, strict=True)
        }
        lines[f"a = {a}"] = (steps, gaps)
    shown = pictures.curves(
        lines, x_label="steps T", y_label="sup |F − F_data|", log_x=True, log_y=True
    )
    return Evidence(
        f"at T = 20, a = 0.7: {figures['a=0.7, T=20: sup|F − F_data|']:.4f} (computed, no samples)",
        figures,
        {"Distance of the discrete chain to the data, computed (1-D mixture)": shown},
    )


def _stds(grid: grids.Grid, a: float) -> list[float]:
    g = diffusion.flow_grpo(a, sde.next_level)
    return [sde.euler_maruyama(0.0, 0.0, g(step), step.h).std for step in grid.steps]


def _law(problem: Mixture, grid: grids.Grid, a: float) -> laws.GaussianLaw:
    start = problem.at(paths.linear(grid.levels[0]))
    kernels = chains.denoising(
        field(problem), grid, diffusion=diffusion.flow_grpo(a, sde.next_level)
    )
    return laws.gaussian_law(kernels, start.mean, start.covariance.diag().sqrt())


def _gap(what: str, found: Sequence[float], printed: Sequence[float]) -> float:
    gap = max(abs(a - b) for a, b in zip(found, printed, strict=True))
    if not gap < 5.1e-5:  # half a unit of the fourth decimal
        raise AssertionError(f"{what} differ by {gap:.2g} from the printed ones: {list(found)}")
    return gap
