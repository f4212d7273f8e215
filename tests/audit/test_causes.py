"""A number that no formula gives may be right for other columns than its row's: they are tried."""

import pytest
import torch

from refimpl.equations import Step, paths, policy, sde


def scored(c, x_s, v, t, s, a=0.7):
    """log p of x_s by the article's step."""
    t, s = (y.reshape(-1, 1, 1, 1) for y in (t, s))
    step = Step(t, s)
    g = sde.flow_grpo_g(t, a, sde.next_level(step))
    return policy.total(sde.transition(paths.linear(t), c["x_t"], v, g, step).log_prob(x_s))


def rowwise(make):
    return make(batch=8, T=10, seed=3)


@pytest.mark.parametrize("by", [1, -1])
def test_levels_of_the_next_or_last_step_are_found(make, judge, by):
    c = rowwise(make)
    t, s = (torch.roll(c[n], -8 * by) for n in ("t", "s"))
    c["log_prob"] = scored(c, c["x_s"], c["v"], t, s)
    told = judge(c)["log_prob"]
    assert told.verdict == "differs"
    assert f"the step {'after' if by > 0 else 'before'}" in told.detail, told


def test_guidance_that_is_missing_in_training_is_found(make, judge):
    c = rowwise(make)
    draw = torch.Generator().manual_seed(5)
    uncond = torch.randn(c["v"].shape, generator=draw, dtype=c["v"].dtype)
    cond = uncond + (c["v"] - uncond) / 4.5
    c |= {"v_cond": cond, "v_uncond": uncond}
    c["log_prob"] = scored(c, c["x_s"], cond, c["t"], c["s"])
    told = judge(c)["log_prob"]
    assert told.verdict == "differs"
    assert "without guidance" in told.detail, told
    assert "fresh noise" not in told.detail


def test_another_policys_velocity_is_found(make, judge):
    c = rowwise(make)
    c["log_prob"] = scored(c, c["x_s"], c["v_ref"], c["t"], c["s"])
    told = judge(c)["log_prob"]
    assert told.verdict == "differs"
    assert "another policy's velocity, v_ref" in told.detail, told
