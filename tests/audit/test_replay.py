"""Why a replay is not exact, and what the record refutes of it; ratios over a sample's steps."""

import pytest
import torch

from refimpl.equations import Step, gaussian, paths, policy, sde

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum", "on_policy": True}
SUBJECT = "ratio before the first update"
NAMES = ("x_t", "x_s", "v", "t", "s", "std", "mean", "log_prob")


def replayed(c, new, old=None):
    """The record with a learner's log-probabilities and the sampler's."""
    old = c["log_prob"] if old is None else old
    kept = {n: c[n] for n in NAMES}
    return kept | {"log_prob": new, "log_prob_old": old, "ratio": torch.exp(new - old)}


def scored(c, std, mean=None):
    std, mean = std.reshape(-1, 1, 1, 1), c["mean"] if mean is None else mean
    return policy.total(gaussian.log_prob(c["x_s"], mean, std))


@pytest.mark.parametrize("recorded", [True, False])
def test_a_velocity_that_is_the_sampler_s_is_no_cause(make, judge, recorded):
    """Recorded as the sampler's, or told by the sampler's log-probability."""
    c = make()
    wrong = replayed(c, scored(c, 1.05 * c["std"]))
    found = judge(wrong | ({"v_old": c["v"]} if recorded else {}), TOLD)[SUBJECT]
    assert found.verdict == "differs"
    assert found.detail.startswith("replay is not exact: see log_prob; v is that of the sampler")
    assert "another velocity" not in found.detail
    assert "bfloat16" not in found.detail
    assert judge(replayed(c, c["log_prob"]), TOLD)[SUBJECT].verdict == "consistent"


def test_an_old_log_probability_with_a_mistake_is_named(make, judge):
    c = make()
    bare = c["log_prob"] - scored(c, c["std"], c["x_s"])
    found = judge(replayed(c, c["log_prob"], bare), TOLD)[SUBJECT]
    assert "see log_prob_old; v is that of the sampler" in found.detail, found


def after_an_update(c, size):
    """The record of a learner whose velocity is another than the sampler's."""
    old = c["v"] + size * torch.sin(c["x_t"])
    t, s, g = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "s", "g"))
    before = sde.transition(paths.linear(t), c["x_t"], old, g, Step(t, s))
    x_s = before.sample(c["noise"])
    c |= {"x_s": x_s, "v_old": old, "log_prob": policy.total(gaussian.log_prob(
        x_s, c["mean"], c["std"].reshape(-1, 1, 1, 1)))}  # fmt: skip
    return replayed(c, c["log_prob"], policy.total(before.log_prob(x_s))) | {"v_old": old}


@pytest.mark.parametrize("size", [0.02, 0.002])
def test_a_record_that_is_off_policy_is_told_where_one_policy_was_declared(make, judge, size):
    wrong = after_an_update(make(), size)
    told = judge(wrong, TOLD)
    for subject in (SUBJECT, "v against v_old"):
        assert "on_policy is not to be declared" in told[subject].detail, told[subject]
    free = judge(wrong, {k: x for k, x in TOLD.items() if k != "on_policy"})
    assert not [f for f in free["report"].findings if f.verdict == "differs"]


def test_a_velocity_far_from_the_sampler_s_is_no_update(make, judge):
    found = judge(after_an_update(make(), 0.5), TOLD)
    for subject in (SUBJECT, "v against v_old"):
        assert found[subject].verdict == "differs"
        assert "on_policy is not to be declared" not in found[subject].detail


def test_another_velocity_stays_a_cause_where_it_may_be_one(make, judge):
    wrong = after_an_update(make(), 0.02)
    found = judge(wrong, TOLD)[SUBJECT]
    assert "; causes, the largest first: another velocity" in found.detail, found
    assert "latents stored" not in found.detail
    alone = {n: wrong[n] for n in ("log_prob", "log_prob_old", "ratio")}
    assert "latents stored in bfloat16" in judge(alone, TOLD)[SUBJECT].detail


OVER = {
    "is the running sum over the sample's steps": lambda x: x.cumsum(0),
    "is of the sample's first step": lambda x: x[:1].expand_as(x),
    "is the sum over the sample's steps": lambda x: x.sum(0, keepdim=True).expand_as(x),
}  # fmt: skip


@pytest.mark.parametrize("order", ["rows", "steps first", "batch first"])
@pytest.mark.parametrize("words", OVER)
def test_a_ratio_over_the_steps_of_a_sample_is_told_without_levels(judge, words, order):
    """By the layout, or by how many rewards there are."""
    draw = torch.Generator().manual_seed(5)
    old, gap = torch.randn(2, STEPS, BATCH, generator=draw, dtype=torch.float64)
    c = {"log_prob": old + 0.1 * gap, "log_prob_old": old, "ratio": OVER[words](0.1 * gap).exp()}
    laid = {"rows": torch.flatten, "steps first": lambda x: x, "batch first": lambda x: x.T}[order]
    told = {"log_prob": "sum"} | ({} if order == "rows" else {"layout": order})
    more = {"rewards": torch.linspace(0, 1, BATCH).double() ** 2}
    found = judge({n: laid(x) for n, x in c.items()} | more, told)["ratio"]
    assert found.verdict == "differs"
    assert f"log p − log p_old in it {words}" in found.detail, found
    right = {n: laid(x) for n, x in (c | {"ratio": (0.1 * gap).exp()}).items()}
    assert judge(right | more, told)["ratio"].verdict == "consistent"


def test_samples_come_first_where_as_many_rewards_say_so(judge):
    """Neither levels nor a layout tell: advantages repeated in the wrong order are still told."""
    draw = torch.Generator().manual_seed(6)
    old, gap, kl = torch.randn(3, BATCH, STEPS, generator=draw, dtype=torch.float64)
    rewards = torch.randn(BATCH, generator=draw, dtype=torch.float64)
    a = (rewards - rewards.mean()) / rewards.std(correction=0)
    c = {"log_prob": old + 1e-3 * gap, "log_prob_old": old, "kl": kl**2}
    ratio = torch.exp(c["log_prob"] - old)
    used = a[torch.arange(BATCH * STEPS) % BATCH].reshape(BATCH, STEPS)
    told = {"log_prob": "sum", "clip": 0.2, "beta": 0.04}
    sample = {"rewards": rewards, "advantages": a}
    whole = c | sample | {"ratio": ratio}
    found = judge(whole | {"loss": 0.04 * kl**2 - ratio * used}, told)["loss"]
    assert "the advantages in it are those of other samples" in found.detail, found
    right = judge(whole | {"loss": 0.04 * kl**2 - ratio * a[:, None]}, told)
    assert right["loss"].verdict == "consistent", right["loss"]
    summed = torch.exp((1e-3 * gap).cumsum(1))
    found = judge(whole | {"ratio": summed}, {"log_prob": "sum"})["ratio"]
    assert "log p − log p_old in it is the running sum" in found.detail, found


def stepped(c, h, score):
    """Means and stds of a step whose length is h, with the score of another velocity."""
    t, g = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "g"))
    h = h.reshape(-1, 1, 1, 1)
    mean = c["x_t"] - h * (c["v"] + g**2 / (2 * t) * (c["x_t"] + (1 - t) * score))
    std = g * h.sqrt()
    kept = {n: c[n] for n in ("x_t", "v", "t", "s", "noise")}
    return kept | {"mean": mean, "std": std.flatten(), "x_s": mean + std * c["noise"]}


@pytest.mark.parametrize(("by", "which"), [(BATCH, "before"), (-BATCH, "after")])
def test_a_length_of_another_step_is_told_of_mean_and_std(make, judge, by, which):
    c = make()
    inside = slice(BATCH, None) if by > 0 else slice(None, -BATCH)
    made = stepped(c, (c["t"] - c["s"]).roll(by, 0), c["v"])
    found = judge({n: x[inside] for n, x in made.items()}, {"a": 0.7, "schedule": "flow_grpo"})
    assert f"its h is that of the step {which}" in found["mean"].detail, found["mean"]
    told = f"std = g √h with the h of the step {which}, g = 0.7 √(t/(1 − t))"
    assert told in found["schedule"].detail, found["schedule"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_score_of_another_velocity_than_the_drift_s_is_told(make, judge, dtype):
    c = make(dtype=dtype)
    other = c["v"] + 0.3 * torch.sin(2 * c["x_t"])
    made = stepped(c, c["t"] - c["s"], other)
    detail = judge(made | {"v_cond": other, "v_uncond": c["v_ref"]}, {"a": 0.7})["mean"].detail
    assert "the score in it is of v_cond, and the drift of v" in detail, detail
    made = stepped(c | {"v": other}, c["t"] - c["s"], c["v"]) | {"v": c["v"]}
    detail = judge(made | {"v_cond": other, "v_uncond": c["v_ref"]}, {"a": 0.7})["mean"].detail
    assert "the drift in it is of v_cond, and the score of v" in detail, detail
