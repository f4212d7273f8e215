"""A rounding is named where rounding explains the numbers, and nowhere else."""

from itertools import pairwise
from typing import ClassVar

import pytest
import torch
from wild import stepped

from refimpl.conformance.kit import judge
from refimpl.conformance.running import Runner


def steps(slope):
    """An adapter of an ODE sampler from (field, x, t, s) → x."""

    def ode_sampler(field, x, levels):
        for t, s in pairwise(levels):
            x = slope(field, x, t, s)
        return x

    return ode_sampler


def midpoint_at(c):
    return steps(lambda f, x, t, s: x + (s - t) * f(x + c * (s - t) * f(x, t), t + c * (s - t)))


def second_slope_at_the_end(f, x, t, s):
    return x + (s - t) * f(x + (s - t) / 2 * f(x, t), s)


def heun(first):
    def one(f, x, t, s):
        k = f(x, t)
        return x + (s - t) * (first * k + (1 - first) * f(x + (s - t) * k, s))

    return steps(one)


def heun_cut(f, x, t, s):
    k = f(x, t)
    y = x + (s - t) * k
    return y if float(s) == 0 else x + (s - t) / 2 * (k + f(y, s))


def one_step_short(field, x, levels):
    return steps(lambda f, x, t, s: x + (s - t) * f(x, t))(field, x, levels[:-1])


def drift_off(by):
    def sde_step(x, v, t, s, noise):
        mean, g, h = stepped(x, v, t, s)
        mean = x + by * (mean - x)
        return mean + g * h.sqrt() * noise, mean, g * h.sqrt()

    return sde_step


def correction_off(by):
    def sde_step(x, v, t, s, noise):
        mean, g, h = stepped(x, v, t, s, half=2 * by)
        return mean + g * h.sqrt() * noise, mean, g * h.sqrt()

    return sde_step


def leave_one_out(rewards):
    n = rewards.shape[1]
    mean = (rewards.sum(1, keepdim=True) - rewards) / (n - 1)
    square = ((rewards**2).sum(1, keepdim=True) - rewards**2) / (n - 1)
    std = torch.sqrt((square - mean**2).clamp_min(0))
    return torch.where(std > 0, (rewards - mean) / (std + 1e-6), rewards - mean)


def advantage_times(share):
    def advantages(rewards):
        made = rewards - rewards.mean(1, keepdim=True)
        made = made / (rewards.std(1, keepdim=True, unbiased=False) + 1e-4)
        return made + share * torch.sin(rewards)

    return advantages


ODE = {"t": "scalar"}
WRONG = {
    "drift 2 % off": ({"sde_step": drift_off(1.02)}, {}),
    "drift 0.5 % off": ({"sde_step": drift_off(1.005)}, {}),
    "drift 0.02 % off": ({"sde_step": drift_off(1.0002)}, {}),
    "correction 3 % off": ({"sde_step": correction_off(1.03)}, {}),
    "midpoint at 0.6": ({"ode_sampler": midpoint_at(0.6)}, ODE | {"ode_method": "midpoint"}),
    "midpoint at 0.51": ({"ode_sampler": midpoint_at(0.51)}, ODE | {"ode_method": "midpoint"}),
    "second slope at the end": (
        {"ode_sampler": steps(second_slope_at_the_end)}, ODE | {"ode_method": "midpoint"}),
    "Heun with 0.4 and 0.6": ({"ode_sampler": heun(0.4)}, ODE | {"ode_method": "heun"}),
    "Heun with 0.49 and 0.51": ({"ode_sampler": heun(0.49)}, ODE | {"ode_method": "heun"}),
    "Heun's last step cut": ({"ode_sampler": steps(heun_cut)}, ODE | {"ode_method": "heun"}),
    "one step short": ({"ode_sampler": one_step_short}, ODE),
    "advantage 84 % off": ({"advantages": advantage_times(0.84)}, {}),
    "advantage 1 % off": ({"advantages": advantage_times(0.01)}, {}),
    "leave-one-out": (
        {"advantages": leave_one_out}, {"advantage_ddof": 0, "advantage_eps": 1e-6}),
}  # fmt: skip


def readings(functions, conventions, dtype="float32", check=""):
    """The readings of everything that differs, or of one check, and whether anything does."""
    declared = {"advantage_eps": 1e-4, "advantage_ddof": 0, "dtype": dtype} | conventions
    target = {**functions, "conventions": declared}
    if check:
        found = Runner(target).result(check)
        return list(found.explanations), found.verdict == "differs"
    report = judge(target, tiers=("basic", "vectors"))
    return [e for r in report.failures for e in r.explanations], bool(report.failures)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_formula_is_not_put_down_to_rounding(name, dtype):
    functions, conventions = WRONG[name]
    found, differs = readings(functions, conventions, dtype)
    assert differs
    assert not [e.name for e in found if e.kind == "rounding"]


# ---------------------------------------------------------------- what is rounded, and is


def inside(kind):
    """The drift is computed in a coarse type, and added in the fine one."""

    def sde_step(x, v, t, s, noise):
        mean, g, h = stepped(x, v, t, s)
        mean = x + (mean - x).to(kind).to(x.dtype)
        return mean + g * h.sqrt() * noise, mean, g * h.sqrt()

    return sde_step


def at_the_end(kind):
    def sde_step(x, v, t, s, noise):
        mean, g, h = stepped(x, v, t, s)
        std = (g * h.sqrt()).to(kind).to(x.dtype)
        mean = mean.to(kind).to(x.dtype)
        return (mean + std * noise).to(kind).to(x.dtype), mean, std

    return sde_step


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_numbers_that_are_members_of_a_type_are_said_to_be(kind):
    found, _ = readings({"sde_step": at_the_end(kind)}, {}, check="sde_step.value")
    name = str(kind).removeprefix("torch.")
    assert any(f"every number is exactly a {name}" in e.name for e in found), found


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_a_coarse_operand_inside_is_put_down_to_rounding(kind):
    found, differs = readings({"sde_step": inside(kind)}, {}, check="sde_step.value")
    assert differs
    told = [e for e in found if "within the rounding" in e.name]
    assert told, found
    assert "or a smaller term to a coarser type" in told[0].remedy


def test_a_rounding_is_not_read_beside_another_fault():
    def sde_step(x, v, t, s, noise):
        mean, g, h = stepped(x, v, t, s)
        mean = mean.to(torch.bfloat16).to(x.dtype)
        std = g * h.sqrt() * (1 + 0.3 * torch.sin(5 * h))
        return mean + std * noise, mean, std

    found, differs = readings({"sde_step": sde_step}, {})
    assert differs
    assert not [e for e in found if e.kind == "rounding"]


def test_the_formulas_of_this_file_are_right_where_nothing_is_spoilt():
    advantages = advantage_times(0.0)
    for functions, conventions in (
        ({"sde_step": drift_off(1.0), "advantages": advantages}, {}),
        ({"ode_sampler": midpoint_at(0.5)}, ODE | {"ode_method": "midpoint"}),
        ({"ode_sampler": heun(0.5)}, ODE | {"ode_method": "heun"}),
    ):
        _, differs = readings(functions, conventions)
        assert not differs


def vp(t, off=0.0):
    """σ² = 1 − α² by subtraction, as public code has it; α with a relative error."""
    alpha = torch.exp(-(0.1 * t + 19.9 * t**2 / 2) / 2) * (1 + off)
    sigma = torch.sqrt(1 - alpha**2)
    rate = 0.1 + 19.9 * t
    return alpha, sigma, -rate * alpha / 2, rate * alpha**2 / (2 * sigma)


class VariancePreserving:
    """A right path on a data time, whose noise scale loses digits near data."""

    conventions: ClassVar = {"time": "data at 1", "path": "vp"}
    off = 0.0

    def velocity_from_noise(self, x, noise, t):
        t = (1 - t).reshape(-1, *(1,) * (x.ndim - 1))
        alpha, sigma, slope, spread = vp(t, self.off)
        return -(slope * (x - sigma * noise) / alpha + spread * noise)


@pytest.mark.parametrize(("off", "right"), [(0.0, True), (1e-9, False), (-1e-9, False)])
def test_a_path_off_by_1e_9_is_told_from_what_cancelling_loses(off, right):
    subject = VariancePreserving()
    subject.off = off
    found = {r.check: r.verdict for r in judge(subject).results}
    verdicts = {found[f"velocity_from_noise.{kind}"] for kind in ("basic", "value")}
    assert (verdicts == {"agrees"}) == right, verdicts
