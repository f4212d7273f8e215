"""Ratios: beside advantages of samples, against 1, against the clip and in nats."""

import re

import pytest
import torch
from safetensors.torch import save_file

from refimpl.audit import audit
from refimpl.equations import gaussian, kl, paths, policy, sde


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


TOLD = {"log_prob": "mean", "schedule": "flow_grpo", "a": 0.7}


def off_policy(make, kit):
    """Rows under a learner's velocity, the sampler's beside it, and their averaged densities."""
    c, rows = make(dtype=torch.float64), kit["rows"]
    draw = torch.Generator().manual_seed(7)
    step = sde.Step(rows(c, "t"), rows(c, "s"))

    def mean(v):
        return sde.transition(paths.linear(step.t), c["x_t"], v, rows(c, "g"), step).mean

    c["v_old"], old = c["v"], c["mean"]
    c["v"] = c["v"] + 0.02 * torch.randn(c["v"].shape, generator=draw, dtype=torch.float64)
    c |= {"mean": mean(c["v"]), "mean_ref": mean(c["v_ref"])}
    std = rows(c, "std")
    c["log_prob"], c["log_prob_old"] = (
        policy.average(gaussian.log_prob(c["x_s"], m, std)) for m in (c["mean"], old)
    )
    c["ratio"] = (c["log_prob"] - c["log_prob_old"]).exp()
    del c["kl"]
    return c, policy.log_ratio_of_means(c["x_s"], c["mean"], old, std).flatten(1), old


def remade(c, each, old, kind):
    std = c["std"].reshape(-1, 1, 1, 1)
    if kind == "each":
        return each.exp().mean(dim=1)
    if kind == "guard":
        gap = kl.of_means(c["mean"], old, std).flatten(1).mean(dim=1)
        return (c["std"] * (each.mean(dim=1) + gap)).exp()
    if kind == "reference":
        return policy.log_ratio_of_means(c["x_s"], c["mean"], c["mean_ref"], std).flatten(1).mean(
            dim=1).exp()  # fmt: skip
    return ((c["mean"] - old) * (c["x_s"] - old) / std**2).flatten(1).mean(dim=1).exp()


REMADE = {
    "each": ("differs", "", "the mean of the coordinates' own ratios"),
    "guard": ("convention", "weights.guard_log_ratio", "the ratio of GRPO-Guard"),
    "reference": ("differs", "", "against the reference, and not against the policy that sampled"),
    "first order": ("differs", "policy.log_ratio_of_means: distance from the old mean", "midpoint"),
}


@pytest.mark.parametrize("kind", REMADE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_ratio_that_latents_show_is_told(make, kit, judge, kind, dtype):
    c, each, old = off_policy(make, kit)
    c["ratio"] = remade(c, each, old, kind)
    told = judge({n: x.to(dtype) for n, x in c.items()}, TOLD)["ratio"]
    verdict, formula, says = REMADE[kind]
    assert (told.verdict, told.formula) == (verdict, formula), told
    assert says in told.detail


def test_a_right_ratio_is_not_accused_beside_a_wrong_density(make, kit, judge):
    c, _, _ = off_policy(make, kit)
    assert judge(c, TOLD)["ratio"].verdict == "consistent"
    moved = c | {"log_prob_old": c["log_prob_old"].flip(0)}
    told = judge(moved, TOLD)
    assert told["log_prob_old"].verdict == "differs"
    assert (told["ratio"].verdict, told["ratio"].formula) == ("consistent", "policy.ratio")
    told = judge(moved | {"ratio": 1.1 * c["ratio"]}, TOLD)
    assert told["ratio"].verdict == "not checked"
    assert "it takes log_prob_old, as recorded not what it is to be" in told["ratio"].detail
    told = judge(c | {"ratio": 1.1 * c["ratio"]}, TOLD)
    assert told["ratio"].verdict == "differs"


@pytest.mark.parametrize("bare", [True, False], ids=["without constants", "whole"])
@pytest.mark.parametrize("by", ["late", "early"])
def test_a_density_in_the_row_of_another_step_is_told_and_not_its_ratio(
    make, kit, judge, by, bare
):  # fmt: skip
    """Without the constants that were declared it has no name of its own: the ratio tells."""
    c, _, _ = off_policy(make, kit)
    std, told = c["std"], TOLD | {"constants": "kept"}
    if bare:
        gone = torch.log(std) + torch.log(torch.tensor(2 * torch.pi)) / 2
        c |= {n: c[n] + gone for n in ("log_prob", "log_prob_old")}
    c = {n: x.float() for n, x in c.items()}
    assert judge(c, told)["ratio"].verdict == "consistent"
    moved = c["log_prob_old"].roll(12 if by == "late" else -12)
    found = judge(c | {"log_prob_old": moved}, told)
    assert found["ratio"].verdict == "consistent", found["ratio"]
    assert found["log_prob_old"].verdict == "differs"
    wrong = f"it was recorded one step {by}: the ratio is made of that in the step"
    assert not bare or wrong in found["log_prob_old"].detail, found["log_prob_old"]


def test_a_ratio_of_the_step_after_is_told_beside_a_right_density(make, kit, judge):
    c, _, _ = off_policy(make, kit)
    wrong = (c["log_prob"] - c["log_prob_old"].roll(-12)).exp()
    found = judge(c | {"ratio": wrong}, TOLD)
    assert found["log_prob_old"].verdict == "consistent"
    assert "log p_old in it is of the same sample in the step after" in found["ratio"].detail


def test_a_ratio_of_ones_is_a_detached_one_or_was_rounded(tmp_path):
    """Off-policy: ones show neither, where rounding to bfloat16 would make them."""
    made = learning(spread=1e-3)
    ones = found(tmp_path, made | {"ratio": torch.ones(24, dtype=torch.float64)})["ratio"].detail
    assert "log p itself, detached, stands for log p_old" in ones
    assert "; or it was rounded to bfloat16" in ones
    far = learning(spread=0.1)
    ones = found(tmp_path, far | {"ratio": torch.ones(24, dtype=torch.float64)})["ratio"].detail
    assert "log p itself, detached, stands for log p_old" in ones
    assert "rounded" not in ones


def test_a_rounded_ratio_is_not_said_to_be_detached(tmp_path):
    made = learning(spread=0.01)
    told = found(tmp_path, made | {"ratio": made["ratio"].bfloat16().double()})["ratio"].detail
    assert "it was rounded to bfloat16" in told
    assert "detached" not in told
    same = learning(spread=0.0)
    assert found(tmp_path, same)["ratio"].verdict == "consistent"


def densities(n=24, near=0.05):
    """Log-probabilities of the size of averaged ones, and of policies that have parted."""
    draw = torch.Generator().manual_seed(4)
    old = -1.4 - 0.5 * torch.rand(n, generator=draw, dtype=torch.float64)
    return old + near * torch.randn(n, generator=draw, dtype=torch.float64), old


SLIPS = {
    "quotient of logs": lambda new, old: new / old,
    "quotient of logs, inverted": lambda new, old: old / new,
    "exponential of a quotient of logs": lambda new, old: (new / old).exp(),
    "one exponential of two": lambda new, old: new.exp() / old,
    "no exponential": lambda new, old: new - old + 1,
    "log-ratio for ratio": lambda new, old: new - old,
    "relative change of the log": lambda new, old: (new - old) / old.abs(),
    "difference of densities": lambda new, old: new.exp() - old.exp(),
    "density of the new policy alone": lambda new, old: new.exp(),
}


SUMMED = [(name, 200.0) for name in SLIPS if "quotient" in name]


@pytest.mark.parametrize(("name", "size"), [*((name, 1.0) for name in SLIPS), *SUMMED])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_slip_in_how_two_logarithms_make_a_ratio_is_named(tmp_path, name, size, dtype):
    new, old = (size * x for x in densities())
    made = {"log_prob": new, "log_prob_old": old, "ratio": SLIPS[name](new, old)}
    told = found(tmp_path, {n: x.to(dtype) for n, x in made.items()})["ratio"]
    assert (told.verdict, told.formula) == ("differs", f"policy.ratio: {name}"), told
    assert "exp(" in told.detail


def test_no_slip_is_told_of_a_right_ratio_nor_of_another(tmp_path):
    new, old = densities(near=1e-7)
    made = {"log_prob": new, "log_prob_old": old, "ratio": (new - old).exp()}
    assert found(tmp_path, made)["ratio"].verdict == "consistent"
    new, old = densities()
    for wrong in (new / old + 1e-3, 1.01 * new / old, (new / old) ** 1.5):
        told = found(tmp_path, {"log_prob": new, "log_prob_old": old, "ratio": wrong})["ratio"]
        assert told.formula == "", told


@pytest.mark.parametrize(("how", "power"), [("mean", -1), ("sum", 1)])
def test_a_difference_that_is_reduced_twice_is_a_mistake_where_the_reduction_was_declared(
    tmp_path, how, power
):
    made = learning(dims=64)
    made["ratio"] = (64.0**power * (made["log_prob"] - made["log_prob_old"])).exp()
    told = found(tmp_path, made, log_prob=how)["ratio"]
    assert told.verdict == "differs"
    assert "once more" in told.detail
    assert found(tmp_path, made)["ratio"].verdict == "convention"
    other = {"mean": "sum", "sum": "mean"}[how]
    assert found(tmp_path, made, log_prob=other)["ratio"].verdict == "convention"


def test_a_ratio_of_sums_is_in_nats_of_the_whole_sample(judge):
    """The clip of one is not divided by the number of coordinates again."""
    draw = torch.Generator().manual_seed(3)
    old, off = torch.randn(2, 64, generator=draw, dtype=torch.float64)
    wide = 50
    c = {"log_prob_old": old, "log_prob": old + 1e-3 * off, "ratio": (wide * 1e-3 * off).exp(),
         "x_t": torch.randn(64, wide, generator=draw, dtype=torch.float64)}  # fmt: skip
    found = judge(c, {"log_prob": "mean", "clip": 1e-4})
    assert "of sums, where averages were recorded" in found["ratio"].formula, found["ratio"]
    assert "nats" not in found["clip"].detail, found["clip"]


@pytest.mark.parametrize("way", ["first", "throughout", "held"])
def test_a_ratio_that_was_rounded_or_held_is_named(judge, way):
    draw = torch.Generator().manual_seed(3)
    old, off = torch.randn(2, 64, generator=draw)
    new = old - 1.4 + 1e-2 * off
    old = old - 1.4
    made = {
        "first": lambda: (new.bfloat16().float() - old.bfloat16().float()).exp(),
        "throughout": lambda: (new.bfloat16() - old.bfloat16()).exp().float(),
        "held": lambda: (new - old).exp().clamp(1 - 1e-3, 1 + 1e-3),
    }[way]()
    c = {"log_prob_old": old, "log_prob": new, "ratio": made}
    found = judge(c, {"clip": 1e-3})["ratio"]
    name = "held to 1 ± 0.001" if way == "held" else "log-probabilities rounded to bfloat16 first"
    assert found.formula == f"policy.ratio: {name}", found
