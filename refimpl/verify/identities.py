"""Identities between equations: facts that no single formula contains.

    mean of a step = (1 − s) data + (s − g² h/(2t)) noise          KL of two steps = Eq. 3

Both sides run production code, composed differently, in float64; gradients come from automatic
differentiation. Bounds are 64 roundings of the largest term: the sides have some twenty operations
each. Mixtures in one and two dimensions are in `mixtures`.
"""

from typing import Any

import torch

from ..equations import conversions, gaussian, kl, paths, sde
from ..equations.elementary import Num
from .check import Evidence, check

ROUNDINGS = 64
"""Unit roundoffs of the largest term by which two compositions of ~20 operations may differ."""


class Disagreement(AssertionError):
    """Two sides of an identity that differ by more than rounding explains."""


def same(fact: str, left: Any, right: Any, *, largest: Any = None) -> float:
    """The gap between two sides, in unit roundoffs of the largest term.

    Args:
        fact: what is claimed, for the message.
        left: one side.
        right: the other.
        largest: the size of the largest term, a number or an array of them; the larger of the two
            sides' largest entries if left out.

    Raises:
        Disagreement: more than `ROUNDINGS`, or not finite.
    """
    a, b = (torch.as_tensor(x, dtype=torch.float64).detach() for x in (left, right))
    if largest is None:
        largest = max(float(a.abs().max()), float(b.abs().max()), 1e-300)
    gap = float(((a - b).abs() / (torch.as_tensor(largest) * 2.0**-53)).max())
    if not gap <= ROUNDINGS:
        raise Disagreement(
            f"{fact}: the sides differ by {gap:.3g} roundings of the largest term; "
            f"{ROUNDINGS} are allowed"
        )
    return gap


def report(gaps: dict[str, float]) -> Evidence:
    fact = max(gaps, key=lambda name: gaps[name])
    return Evidence(f"largest gap {gaps[fact]:.1f} roundings ({fact}), {ROUNDINGS} allowed", gaps)


def draw(seed: int, *names: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (4, 3, 2, 5)
    return {n: torch.randn(shape, generator=generator, dtype=torch.float64) for n in names}


def levels() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """t, s and g per sample, shaped to meet (4, 3, 2, 5)."""
    column = (-1, 1, 1, 1)
    t = torch.tensor([0.9375, 0.75, 0.5, 0.0625], dtype=torch.float64).reshape(column)
    s = torch.tensor([0.875, 0.25, 0.46875, 0.0], dtype=torch.float64).reshape(column)
    return t, s, sde.flow_grpo_g(t, 0.7, t)


def step_of(x: Num, v: Num) -> gaussian.Gaussian:
    t, s, g = levels()
    return sde.transition(paths.linear(t), x, v, g, sde.Step(t, s))


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
        "through Eq. 1": same("mean through Eq. 1", mean, d["x"] - (t - s) * drift),
    })  # fmt: skip


@check("numbers", covers=("sde.transition", "gaussian.sample"), rows=("GRPO-6",))
def noise_variance_after_onestep_of(seed: int) -> Evidence:
    """From the exact marginal of point-mass data the variance is s² + (g² h²/t)(1 + g²/(4t))."""
    t, s, g = levels()
    h, one = t - s, torch.ones_like(t)
    p = step_of(one, one / t)  # the datum is 0, so v = x/t, and the mean is linear in x
    variance = (p.mean * t) ** 2 + p.std**2
    want = s**2 + g**2 * h**2 / t * (1 + g**2 / (4 * t))
    return report({"variance": same("variance after one step", variance, want)})


@check(
    "numbers",
    covers=("kl.of_means", "kl.flow_grpo", "kl.gaussian", "kl.without_h", "sde.transition"),
    rows=("GRPO-8",),
)
def two_forms_of_the_kl(seed: int) -> Evidence:
    """KL of two steps = (mean difference)²/(2 std²) = Eq. 3; without h it is h times smaller."""
    d = draw(seed, "x", "v", "v_ref")
    t, s, g = levels()
    h = t - s
    p, q = step_of(d["x"], d["v"]), step_of(d["x"], d["v_ref"])
    eq_3 = kl.flow_grpo(d["v"], d["v_ref"], g, t, h)
    # the difference of two means cancels: each is rounded at its own size
    size = (p.mean - q.mean).abs() * (p.mean.abs() + q.mean.abs()) / p.std**2
    means = kl.of_means(p.mean, q.mean, p.std)
    return report({
        "both forms": same("Eq. 3, both forms", means, eq_3, largest=size),
        "general KL": same("general Gaussian KL", kl.gaussian(p, q), means, largest=size + 1),
        "without h": same(
            "the field's variant", kl.without_h(p.mean, q.mean, g), eq_3 * h, largest=size * h
        ),
    })  # fmt: skip


@check("numbers", covers=("gaussian.log_prob", "kl.flow_grpo", "sde.transition"), rows=("GRPO-5",))
def gradients_in_the_velocity(seed: int) -> Evidence:
    """∂log p/∂v = −h c (x_s − mean)/std², ∂KL/∂v = h c² (v − v_ref)/g², c = 1 + g²(1 − t)/(2t)."""
    d = draw(seed, "x", "v", "v_ref", "noise")
    t, s, g = levels()
    h, c = t - s, 1 + g**2 * (1 - t) / (2 * t)
    v = d["v"].requires_grad_()
    p = step_of(d["x"], v)
    x_s = p.sample(d["noise"]).detach()
    (score,) = torch.autograd.grad(p.log_prob(x_s).sum(), v)
    (pull,) = torch.autograd.grad(kl.flow_grpo(v, d["v_ref"], g, t, h).sum(), v)
    return report({
        "log-probability": same("∂log p/∂v", score, -h * c * (x_s - p.mean) / p.std**2),
        "KL": same("∂KL/∂v", pull, h * c**2 * (v - d["v_ref"]) / g**2),
    })  # fmt: skip
