"""Ratios: beside advantages of samples, against 1, against the clip and in nats."""

import re

import pytest
import torch
from safetensors.torch import save_file

from refimpl.audit import audit


def found(tmp_path, columns, **manifest):
    save_file({k: x.contiguous() for k, x in columns.items()}, tmp_path / "r.safetensors")
    report = audit(tmp_path / "r.safetensors", manifest)
    return {f.subject: f for f in report.findings}


def learning(T=3, B=8, spread=1e-3, dims=None):
    draw = torch.Generator().manual_seed(0)
    old = torch.randn(T * B, generator=draw, dtype=torch.float64)
    new = old + spread * torch.randn(T * B, generator=draw, dtype=torch.float64)
    made = {"log_prob": new, "log_prob_old": old, "ratio": (new - old).exp()}
    if dims:
        made |= {"x_t": torch.randn(T * B, dims, generator=draw)}
    return made


@pytest.mark.parametrize("order", ["steps first", "samples first"])
def test_advantages_of_samples_stand_beside_ratios_of_rows(tmp_path, order):
    T, B = 3, 8
    made = learning(T, B)
    rewards = torch.arange(B, dtype=torch.float64) ** 2
    advantages = (rewards - rewards.mean()) / rewards.std(correction=0)
    each = advantages.repeat(T) if order == "steps first" else advantages.repeat_interleave(T)
    steps = torch.arange(T)
    made["step"] = steps.repeat_interleave(B) if order == "steps first" else steps.repeat(B)
    made["loss"] = -torch.minimum(made["ratio"] * each, made["ratio"].clamp(0.999, 1.001) * each)
    made |= {"rewards": rewards, "advantages": advantages, "groups": torch.zeros(B).long()}
    told = found(tmp_path, made, clip=1e-3)
    assert told["ratio"].verdict == told["loss"].verdict == "consistent", told["loss"]
    assert told["advantages"].verdict == "consistent"


def test_a_mean_that_is_not_1_is_not_consistent(tmp_path):
    made = learning(spread=1e-3)
    made["log_prob"] = made["log_prob"] - 0.7
    made["ratio"] = (made["log_prob"] - made["log_prob_old"]).exp()
    told = found(tmp_path, made)["mean of the ratio"]
    assert told.verdict == "differs"
    assert "0.49" in told.detail


def test_a_mean_that_heavy_tails_hide_is_not_judged(tmp_path):
    assert found(tmp_path, learning(T=50, spread=6.0))["mean of the ratio"].verdict != "differs"


def test_the_clip_is_held_against_ratios_and_told_in_nats(tmp_path):
    told = found(tmp_path, learning(dims=256), clip=1e-4, log_prob="mean")["clip"]
    assert "of ratios outside 1 ± 0.0001" in told.detail
    assert "256 coordinates, the clip is 0.0256 nats" in told.detail


def test_a_replay_gap_lists_its_causes_and_the_noise_floor(tmp_path):
    told = found(tmp_path, learning(), clip=1e-4, on_policy=True)["ratio before the first update"]
    assert told.verdict == "differs"
    assert told.detail.index("another velocity") < told.detail.index("rounding of the network")
    assert "times the clip 0.0001: below that noise floor" in told.detail


def test_a_networks_own_rounding_is_offered_for_velocities_that_nearly_agree(tmp_path):
    draw = torch.Generator().manual_seed(1)
    v = torch.randn(64, 32, generator=draw)
    own = 1 + 2.0**-8 * (torch.rand(64, 32, generator=draw) - 0.5)
    made = {"x_t": torch.randn(64, 32, generator=draw), "v": v, "v_old": v * own}
    told = found(tmp_path, made, on_policy=True)["v against v_old"]
    assert told.verdict == "differs"
    assert "a network in bfloat16" in told.detail


def test_the_noise_floor_is_told_by_step(tmp_path):
    draw = torch.Generator().manual_seed(3)
    t = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64).repeat(200)
    floor = torch.tensor([1e-7, 1e-6, 1e-3], dtype=torch.float64).repeat(200)
    gap = floor * torch.randn(600, dtype=torch.float64, generator=draw)
    made = {"ratio": torch.exp(gap), "t": t, "log_prob": gap, "log_prob_old": 0 * gap}
    told = found(tmp_path, made, on_policy=True, clip=1e-4)["ratio before the first update"]
    assert told.verdict == "differs"
    seen = re.findall(r"t = ([\d.]+): ([\d.e-]+)", told.detail)
    assert [t for t, _ in seen] == ["0.9", "0.5", "0.1"]
    medians = [0.6745e-7, 0.6745e-6, 0.6745e-3]  # of |N(0, 1)|; from 200, and shown to one digit
    assert [float(x) for _, x in seen] == pytest.approx(medians, rel=0.35)
    assert "the clip is below the floor at t = 0.1" in told.detail
    assert "at t = 0.9" not in told.detail.partition("By step")[2].partition("; ")[2]
