"""Levels and stds that were recorded a step late, or early: said once, and nothing else accused."""

import pytest
import torch

TOLD = {"a": 0.7, "log_prob": "sum", "boundary": "next_level"}
BATCH = 12


def late(x):
    return torch.cat([x[-BATCH:], x[:-BATCH]])


def early(x):
    return torch.cat([x[BATCH:], x[-BATCH:]])


def off(found):
    return {f.subject: f.detail for f in found["report"].findings if f.verdict == "differs"}


@pytest.mark.parametrize("moved", [late, early])
@pytest.mark.parametrize("names", [("t", "s"), ("std",), ("std", "g")], ids="-".join)
@pytest.mark.parametrize("kept", [("mean", "noise"), ("noise",), ()], ids=["all", "noise", "bare"])
def test_what_was_recorded_a_step_off_is_said_once(make, judge, moved, names, kept):
    c = make(dtype=torch.float32)
    gone = {"mean", "noise"} - set(kept) | {"g"} - set(names)
    c = {n: moved(x) if n in names else x for n, x in c.items() if n not in gone}
    found = judge(c, TOLD)
    (told,) = off(found).items()
    which = {late: "before", early: "after"}[moved]
    assert told[0] == names[0]
    assert f" of the step {which}; the rest is judged with each step's own" in told[1], told
    assert found["log_prob"].verdict == "consistent", found["log_prob"]


def test_levels_recorded_batch_first_are_put_right_sample_by_sample(make, judge):
    c = make(order="batch first", dtype=torch.float32)
    for n in ("t", "s"):
        c[n] = torch.roll(c[n], 1, dims=1)
    told = off(judge(c, TOLD | {"layout": "batch first"}))
    assert set(told) == {"t"}, told


def test_a_mean_made_with_the_std_of_another_step_is_the_mean_s_fault(make, kit, judge):
    """The recorded stds follow their schedule: the record is right, and the mean is not."""
    c = make(dtype=torch.float64)
    std, h, t = (y.view(-1, 1, 1, 1) for y in (early(c["std"]), c["t"] - c["s"], c["t"]))
    score = -(c["x_t"] + (1 - t) * c["v"]) / t
    c["mean"] = c["x_t"] - h * c["v"] + std**2 / 2 * score
    told = off(judge({n: x for n, x in c.items() if n not in ("x_s", "g", "kl")}, TOLD))
    assert set(told) == {"mean"}, told
    assert "it is that of the std of the step after" in told["mean"]
