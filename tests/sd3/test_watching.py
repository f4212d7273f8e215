"""What an iteration's numbers are held to, each by hand and without a network."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from refimpl import methods
from refimpl.methods import Method
from refimpl.runs.monitors import Reading
from refimpl.sd3.engine.processes import Stepped
from refimpl.sd3.loop import rollout, watching
from refimpl.sd3.loop.rollout import Trajectory
from refimpl.sd3.loop.update import Experience, Scored
from refimpl.sd3.rewards import Judged
from refimpl.simulate import grids

ROUNDED = 1e3 * 2**-23
"""A thousand roundings of float32."""

EXACT = Method(skip_last=False, eps=0.0)


def by_name(readings: list[Reading]) -> dict[str, Reading]:
    return {reading.name: reading for reading in readings}


def bounds(reading: Reading) -> tuple[float, float]:
    return reading.low, reading.high


def about(value: float) -> Any:
    return pytest.approx(value, rel=1e-6, abs=0)


def scored(ratio: list[float], kl: float = 0.0, moved: float = 0.0) -> Scored:
    """Rows of two steps in turn."""
    rows, numbers = torch.tensor(ratio).double(), torch.arange(len(ratio))
    one = torch.linspace(0, 1, len(ratio)).double()
    return Scored(0 * rows, rows, kl * one, rows > 9, moved * one, numbers // 2, numbers % 2)


def experience(method: Method = EXACT, n: int = 12) -> tuple[Experience, torch.Tensor]:
    """n chains of eight coordinates, and the noise that was drawn."""
    draw, grid = torch.Generator().manual_seed(0), grids.uniform(3)
    noise = torch.randn(3, n, 2, 2, 2, generator=draw)
    states, velocities = [torch.randn(n, 2, 2, 2, generator=draw)], []
    for law, e in zip(methods.affine(method, grid), noise, strict=True):
        velocities.append(torch.randn(n, 2, 2, 2, generator=draw))
        states.append(law.law(states[-1], velocities[-1]).sample(e))
    laws = methods.affine(method, grid)
    held = Trajectory(states[-1], tuple(states), tuple(velocities), grid.levels, laws)
    text: Any = None
    return Experience(held, text, torch.zeros(n).long(), torch.ones(n).double(), (1.0,) * 3), noise


@pytest.mark.parametrize(("reduction", "counted"), [("total", 8), ("average", 1)])
def test_before_an_update_ratio_and_replay_are_held_to_rounding(
    reduction: str, counted: int
) -> None:
    held, _ = experience()
    seen = scored([1.0, 0.5, 1.25, 1.0], moved=0.02)
    method = EXACT.but(reduction=reduction)
    found = by_name(watching.before_update(seen, held, method, torch.float32))
    assert found["ratio_gap"].value == 0.5
    assert bounds(found["ratio_gap"]) == (0, about(ROUNDED * counted**0.5))
    assert found["replay_gap"].value == about(math.sqrt(2 * 0.02 / counted))
    assert bounds(found["replay_gap"]) == (0, about(ROUNDED))
    assert {"residual_mean", "residual_variance", "residual_lag"} < found.keys()
    half = by_name(watching.before_update(seen, held, method, torch.bfloat16))
    assert [bounds(half[name]) for name in ("ratio_gap", "replay_gap")] == [(0, math.inf)] * 2


def test_residuals_are_the_noise_that_was_drawn_by_the_first_eight() -> None:
    held, noise = experience()
    found = by_name(watching.before_update(scored([1.0, 1.0]), held, EXACT, torch.float32))
    e = noise[:, :8].double()
    n = e.numel()
    assert found["residual_mean"].value == pytest.approx(float(e.sum()) / n**0.5, abs=1e-4)
    spread = (float((e**2).sum()) - n) / (2 * n) ** 0.5
    assert found["residual_variance"].value == pytest.approx(spread, abs=1e-4)
    level = torch.full((12,), 1.0)
    first = rollout.law(EXACT, held.trajectory.states[0], held.trajectory.velocities[0], level,
                        level * 2 / 3)  # fmt: skip
    residual = (held.trajectory.states[1].double() - first.mean) / first.std
    torch.testing.assert_close(residual, noise[0].double(), rtol=0, atol=1e-5)


def test_at_the_start_the_mean_kl_is_0_up_to_rounding_where_that_is_known() -> None:
    held, _ = experience()
    found = watching.at_start(scored([1.0] * 5, kl=0.5), held, torch.float32)
    assert (found.name, found.value) == ("kl_start", 0.25)
    assert bounds(found) == (0, about(ROUNDED * 8**0.5))
    assert bounds(watching.at_start(scored([1.0]), held, torch.bfloat16)) == (0, math.inf)


def test_the_mean_ratio_is_asked_of_whole_ratios_alone() -> None:
    ratios = [torch.tensor([1.5, 0.5]), torch.tensor([2.0])]
    (found,) = watching.unseen(ratios, EXACT)
    assert found.name == "mean_ratio"
    assert found.value == about(1 / 1.5**0.5)
    average = EXACT.but(reduction="average")
    assert watching.unseen(ratios, average) == watching.unseen([], EXACT) == []
    assert watching.unseen(ratios, average.but(ratio="guard")) == []


def test_a_gradient_has_its_length_unless_its_step_was_skipped() -> None:
    held, _ = experience()
    (found,) = watching.of_gradient(Stepped(2.0), held, alone=True)
    assert (found.name, found.value, found.holds) == ("gradient_norm", 2.0, True)
    silent = replace(held, advantages=0 * held.advantages)
    for one, alone, fault in ((held, True, True), (held, False, False), (silent, True, False)):
        (zero,) = watching.of_gradient(Stepped(0.0), one, alone=alone)
        assert zero.holds == (not fault)
    assert watching.of_gradient(Stepped(math.inf, skipped=True), held, alone=True) == []


def test_a_scaler_tells_its_skips_and_its_last_scale() -> None:
    assert watching.of_scaler([Stepped(1.0)]) == {}
    made = [Stepped(1.0, True, 8.0), Stepped(1.0, True, 4.0), Stepped(1.0, False, 5.0)]
    assert watching.of_scaler(made) == {"skipped": 2, "loss_scale": 5.0}


def test_rewards_are_told_by_name_with_what_was_not_scored() -> None:
    nan = math.nan
    judged = Judged(
        {"a": 1.0, "b": -1.0},
        {"a": torch.tensor([1.0, 2.0, 3.0, nan]), "b": torch.tensor([1.0, 0.0, nan, nan])},
        {"a/x": torch.tensor([4.0, 6.0, nan, nan])},
    )
    advantages = torch.tensor([[1.0, -1.0], [0.0, 0.0], [0.5, -0.5], [2.0, -2.0]]).double()
    told = watching.of_rewards(judged, advantages, EXACT.but(advantage_std="none"), "together")
    readings = told.pop("readings")
    assert told == {
        "reward": 1.0, "reward/a": 2.0, "reward/b": 0.5, "extra/a/x": 5.0, "unscored": 3,
        "zero_groups": 0.25,
    }  # fmt: skip
    assert readings["zero_groups"] == [0.25, 0.0, 0.5]
    assert readings["advantage_mean"][0] == 0
    assert readings["advantage_std"][1:] == [-math.inf, math.inf]
    for normalise, known in (("together", True), ("apart", False)):
        readings = watching.of_rewards(judged, advantages, EXACT, normalise)["readings"]
        assert math.isfinite(readings["advantage_std"][1]) == known


@pytest.mark.parametrize(
    ("changes", "normalise", "expected"),
    [
        ({}, "together", 1.0),
        ({"ddof": 1}, "together", 0.75**0.5),
        ({}, "apart", None),
        ({"eps": 1e-4}, "together", None),
        ({"advantage_std": "batch"}, "together", None),
        ({"advantage_bound": 5.0}, "together", 1.0),
    ],
)
def test_the_spread_of_advantages_is_asked_for_where_it_is_known(
    changes: dict[str, Any], normalise: str, expected: float | None
) -> None:
    advantages = torch.tensor([[-1.5, -0.5, 0.5, 1.5], [3.0, -1.0, -1.0, -1.0]]).double()
    found = by_name(watching.of_advantages(advantages, EXACT.but(**changes), normalise))
    low, high = bounds(found["advantage_std"])
    if expected is None:
        assert (low, high) == (-math.inf, math.inf)
    else:
        assert (low + high) / 2 == pytest.approx(expected, rel=1e-6)
        assert high - low < 0.01


def test_bounded_advantages_are_asked_for_nothing() -> None:
    method = EXACT.but(advantage_bound=2.0)
    inside, at = (torch.tensor([[x, -x]]).double() for x in (1.5, 2.0))
    assert [r.name for r in watching.of_advantages(inside, method, "together")] == [
        "advantage_mean", "advantage_std"
    ]  # fmt: skip
    assert watching.of_advantages(at, method, "together") == []
    assert watching.of_advantages(-at, method, "together") == []


def test_the_largest_gap_is_told_step_by_step() -> None:
    assert watching.by_step(scored([1.5, 0.75, 0.25, 1.0]), 2) == [0.75, 0.25]
