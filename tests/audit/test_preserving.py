"""Records of Flow-CPS: right ones pass, wrong ones are read as lines of CPS and not of the SDE.

Nothing of refimpl's makes the numbers. η is 0.8, so std = s sin(0.8 π/2) = 0.951 s.
"""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

TOLD = {
    "sampler": "kernels.preserving", "schedule": "cps", "a": 0.8, "grid": "uniform",
    "log_prob": "mean", "constants": "kept", "kl_reduction": "mean",
}  # fmt: skip
ETA = 0.8


def density(x_s, mean, std):
    return -((x_s - mean) ** 2) / (2 * std**2) - torch.log(std) - math.log(2 * math.pi) / 2


def run(
    *, std_of=lambda s, t: s * math.sin(ETA * math.pi / 2), draw=lambda std, s, h: std,
    noise_of=lambda x, v, t, s: x + (1 - t) * v, data_of=lambda x, v, t, s: x - t * v,
    keep=lambda s, std: torch.sqrt((s**2 - std**2).clamp(min=0)), log_prob=density,
    kl=lambda d, std: d**2 / (2 * std**2),
) -> dict[str, Tensor]:  # fmt: skip
    """Nine of ten even steps of 16 samples in float32, as a trainer would write them."""
    made = torch.Generator().manual_seed(5)
    x, pull = (torch.randn(16, 4, 6, 6, generator=made) for _ in range(2))
    levels = torch.linspace(1, 0, 11, dtype=torch.float64).float()
    rows = []
    for t, s in pairwise(levels[:-1]):
        v = 0.6 * x - 0.3 * torch.tanh(2 * x) + 0.2 * pull * (1 + t)
        v_ref = v + 0.02 * torch.cos(2 * x)
        std = torch.as_tensor(std_of(s, t))
        mean, mean_ref = (
            (1 - s) * data_of(x, w, t, s) + keep(s, std) * noise_of(x, w, t, s) for w in (v, v_ref)
        )
        noise = torch.randn(x.shape, generator=made)
        x_s = mean + draw(std, s, t - s) * noise
        rows.append({
            "x_t": x, "x_s": x_s, "v": v, "v_ref": v_ref, "mean": mean, "noise": noise,
            "t": t.expand(16), "s": s.expand(16), "std": std.expand(16),
            "log_prob": log_prob(x_s, mean, std).flatten(1).mean(1),
            "kl": kl(mean - mean_ref, std).flatten(1).mean(1),
        })  # fmt: skip
        x = x_s
    return {name: torch.cat([r[name] for r in rows]) for name in rows[0]}


@pytest.mark.parametrize("told", [TOLD, {}], ids=["declared", "undeclared"])
@pytest.mark.parametrize("drop", [(), ("std",), ("mean", "noise"), ("std", "mean")], ids=str)
def test_a_right_run_differs_in_nothing(judge, told, drop):
    found = judge({n: x for n, x in run().items() if n not in drop}, told)
    assert [f for f in found["report"].findings if f.verdict == "differs"] == []
    subject = "mean" if "mean" in found else "x_s"
    assert found[subject].formula == "kernels.preserving"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"noise_of": lambda x, v, t, s: x + (1 - s) * v}, "x + (1 − s) v"),
        ({"noise_of": lambda x, v, t, s: x - (1 - t) * v}, "velocity of the other clock"),
        ({"data_of": lambda x, v, t, s: x - s * v}, "x − s v"),
    ],
    ids=["1 − s in the noise", "sign in the noise", "s for t in the data"],
)
def test_a_wrong_line_is_read_as_one_of_cps(judge, wrong, words):
    found = judge(run(**wrong), TOLD)
    assert words in found["mean"].detail, found["mean"]
    assert found["kl"].verdict == "not checked"  # of means that v_ref does not lead to
    assert "mean_ref" in found["kl"].detail


def test_of_two_mistakes_that_are_one_the_declared_sampler_s_is_told(judge):
    whole = run(keep=lambda s, std: s)
    found = judge(whole, TOLD)["mean"]
    assert found.formula == "kernels.preserving: noise not reduced"
    assert "√(σ_s² − std²)" in found.detail
    assert "no score correction" in judge(whole, {})["mean"].formula


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (ETA, "η = 0.5903: η stands for sin(η π/2)"),
        (math.cos(ETA * math.pi / 2), "η = 0.2: cos stands for sin"),
        (math.sin(ETA * math.pi), "sin(η π) stands for"),
        (0.3, "η = 0.194"),
    ],
)
def test_another_angle_is_told_with_how_it_came_about(judge, share, words):
    found = judge(run(std_of=lambda s, t: share * s), TOLD)["schedule"]
    assert found.verdict == "differs"
    assert words in found.detail


def test_a_std_that_is_no_share_of_the_level_is_told_by_what_it_is_a_share_of(judge):
    found = judge(run(std_of=lambda s, t: 0.05 * t), TOLD)
    assert "std = 0.05 t, where s sin(η π/2) is declared" in found["schedule"].detail
    above = judge(run(std_of=lambda s, t: 0.85 * t), TOLD)
    assert "std exceeds s in" in above["mean"].detail


def test_noise_of_another_size_is_not_taken_for_another_meaning_of_std(judge):
    """The mean has shown what std is."""
    found = judge(run(draw=lambda std, s, h: std * torch.sqrt(h)), TOLD)["x_s"]
    assert "mean + std noise √h" in found.detail
    found = judge(run(draw=lambda std, s, h: s), TOLD)["x_s"]
    assert "mean + s noise" in found.detail


def test_flow_cps_s_own_density_and_penalty_can_be_declared(judge):
    own = run(log_prob=lambda x_s, mean, std: -((x_s - mean) ** 2), kl=lambda d, std: d**2)
    undeclared = judge(own, {})["log_prob"]
    assert undeclared.verdict == "convention", undeclared
    assert "bare square" in undeclared.formula
    sampler = {k: x for k, x in TOLD.items() if k != "constants"}
    open_ = judge(own, sampler)["log_prob"]
    assert open_.verdict == "convention", open_
    assert "not declared: constants = 'bare square'" in open_.detail
    kept = judge(own, TOLD)["log_prob"]
    assert kept.verdict == "differs", kept
    assert "declared constants = 'kept'" in kept.detail
    declared = judge(own, TOLD | {"constants": "bare square", "kl": "mse of means"})
    assert {declared[n].verdict for n in ("log_prob", "kl")} == {"consistent"}
    assert judge(run(), TOLD | {"constants": "bare square"})["log_prob"].verdict == "differs"


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("told", [{"sampler": "kernels.preserving"}, {}], ids=len)
def test_a_wrong_line_of_a_step_with_frozen_data_is_read(judge, constant, told):
    """Its std has no angle: the share of noise that is kept is read off it."""

    def std_of(s, t):
        share = torch.exp(-0.49 * (1 / s - 1 / t)) if constant else (
            (s * (1 - t) / (t * (1 - s))) ** 0.49
        )  # fmt: skip
        return s * torch.sqrt(1 - share)

    right = judge(run(std_of=std_of), told)
    assert right["mean"].formula == "kernels.preserving"
    wrong = judge(run(std_of=std_of, noise_of=lambda x, v, t, s: x + (1 - s) * v), told)
    assert "x + (1 − s) v  where  x + (1 − t) v" in wrong["mean"].detail
