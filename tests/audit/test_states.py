"""States, means and levels that hold something else: which it is, and the rest without it."""

import pytest
import torch

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum", "kl_reduction": "sum"}
FEW = ("x_t", "x_s", "v", "t", "s", "std")
BEFORE = ("x_t", "v", "t", "s", "std", "mean")
WHOLE = (*FEW, "mean", "noise", "log_prob", "v_ref", "kl")


def some(c, names):
    return {n: c[n] for n in names}


def differing(found):
    return [f for f in found["report"].findings if f.verdict == "differs"]


def last(c, name):
    """What a list of one tensor holds at the end."""
    return c[name][-BATCH:].repeat(STEPS, 1, 1, 1)


def shuffled(c):
    order = torch.randperm(STEPS * BATCH, generator=torch.Generator().manual_seed(1))
    return {n: x[order] for n, x in c.items()}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(
    ("name", "names"), [("x_t", BEFORE), ("x_t", WHOLE), ("x_s", WHOLE), ("mean", WHOLE)]
)
def test_one_buffer_is_told_in_any_order_and_without_the_other_state(
    make, judge, name, names, mixed
):
    c = some(make(dtype=torch.float32), names)
    wrong = c | {name: last(c, name)}
    told = differing(judge(shuffled(wrong) if mixed else wrong, TOLD))
    assert [f.subject for f in told] == [name], told
    assert "a view of one buffer" in told[0].detail
    assert not differing(judge(shuffled(c) if mixed else c, TOLD))


def test_two_buffers_are_told_one_by_one(make, judge):
    c = make(dtype=torch.float32)
    told = differing(judge(c | {n: last(c, n) for n in ("x_t", "x_s")}, TOLD))
    assert [f.subject for f in told] == ["x_s", "x_t"], told


def test_rows_of_several_updates_are_no_buffer(make, judge):
    """They hold one state twice, at one level."""
    c = some(make(dtype=torch.float32), WHOLE)
    both = {n: torch.cat([x, x]) for n, x in c.items()}
    assert not differing(judge(shuffled_of(both), TOLD))


def shuffled_of(c):
    n = len(c["t"])
    order = torch.randperm(n, generator=torch.Generator().manual_seed(2))
    return {k: x[order] for k, x in c.items()}


@pytest.mark.parametrize("names", [FEW, WHOLE])
@pytest.mark.parametrize("name", ["x_t", "x_s"])
def test_of_two_states_that_go_on_turned_the_turned_one_is_told(make, judge, name, names):
    c = some(make(shape=(2, 6, 6), dtype=torch.float32), names)
    told = differing(judge(c | {name: c[name].transpose(2, 3)}, TOLD))
    assert [f.subject for f in told] == [name], told
    assert "in another order: are axes exchanged?" in told[0].detail


@pytest.mark.parametrize("step", [0, 4, STEPS - 1])
@pytest.mark.parametrize("names", [FEW, WHOLE])
@pytest.mark.parametrize("name", ["x_t", "x_s", "mean"])
def test_a_place_that_was_never_filled_is_told_and_nothing_follows_from_it(
    make, judge, name, names, step
):
    c = some(make(dtype=torch.float32), names)
    if name not in c:
        return
    x = c[name].clone()
    x[step * BATCH : (step + 1) * BATCH] = 0
    told = differing(judge(c | {name: x}, TOLD))
    assert [f.subject for f in told] == [name], told
    level = float(c["t"][step * BATCH])
    assert told[0].detail.startswith(f"in all rows at t = {level:.4g} {name} holds zeros"), told


def test_rows_here_and_there_that_were_never_filled_are_counted(make, judge):
    c = some(make(dtype=torch.float32), WHOLE)
    x = c["x_s"].clone()
    x[::7] = 0
    told = differing(judge(c | {"x_s": x}, TOLD))
    assert [f.subject for f in told] == ["x_s"], told
    assert "in 16 of 108 rows that were looked at x_s holds zeros" in told[0].detail


def test_a_velocity_of_zero_is_no_empty_place(make, judge):
    """CFG-Zero* leaves the first steps out on purpose."""
    c = some(make(dtype=torch.float64), (*FEW, "noise"))
    v = c["v"].clone()
    v[:BATCH] = 0
    t, s = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "s"))
    g2 = c["std"].reshape(t.shape) ** 2 / (t - s)
    by_v = (t - s) * (1 + g2 * (1 - t) / (2 * t))
    assert not differing(judge(c | {"v": v, "x_s": c["x_s"] + by_v * (c["v"] - v)}, TOLD))


@pytest.mark.parametrize("names", [("x_s", "mean", "t", "s", "std", "log_prob"), FEW])
def test_levels_in_each_other_s_place_are_told_by_their_stds_alone(make, judge, names):
    c = some(make(dtype=torch.float32), names)
    found = judge(c | {"t": c["s"], "s": c["t"]}, TOLD)
    assert [f.subject for f in differing(found)] == ["t"]
    assert "t is the noise level" in found["clock"].detail
    turned = {n: 1 - c[n] for n in ("t", "s")} | {n: -c[n] for n in ("v",) if n in c}
    assert not differing(judge(c | turned, TOLD))
