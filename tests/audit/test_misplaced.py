"""Right numbers in the wrong rows, and numbers that are a multiple of the right ones."""

import pytest
import torch

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum", "kl_reduction": "sum"}


def steps_of(x):
    return x.reshape(STEPS, BATCH, *x.shape[1:])


MOVES = {
    "the step before": (lambda x: steps_of(x).roll(1, 0), "the same sample in the step before"),
    "the step after": (lambda x: steps_of(x).roll(-1, 0), "the same sample in the step after"),
    "reversed": (
        lambda x: steps_of(x).flip(1),
        "other samples of the same step, in reversed order: row 0 has",
    ),
    "shuffled": (
        lambda x: steps_of(x)[:, torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))],
        "other samples of the same step",
    ),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", ["log_prob", "kl"])
def test_a_number_of_another_row_is_told_whose_it_is(make, judge, name, move, dtype):
    c = make(dtype=dtype)
    change, words = MOVES[move]
    moved = change(c[name]).reshape(c[name].shape)
    found = judge(c | {name: moved}, TOLD)[name]
    assert found.verdict == "differs"
    assert f"right for {words}" in found.detail
    assert "fresh noise" not in found.detail


@pytest.mark.parametrize("name", ["log_prob", "kl"])
def test_a_number_that_is_only_near_another_row_s_is_not_told_for_it(make, judge, name):
    c = make(dtype=torch.float64)
    near = 1.0001 * steps_of(c[name]).flip(1).reshape(c[name].shape)
    found = judge(c | {name: near}, TOLD)[name]
    assert found.verdict == "differs"
    assert "right for" not in found.detail


@pytest.mark.parametrize("name", ["log_prob", "kl"])
def test_some_rows_of_others_do_not_make_it_all(make, judge, name):
    c = make(dtype=torch.float64)
    moved = steps_of(c[name]).roll(1, 1).reshape(c[name].shape)
    part = torch.where(torch.arange(len(moved)) % 3 == 0, 1.7 * moved, moved)
    assert "right for other" not in judge(c | {name: part}, TOLD)[name].detail


@pytest.mark.parametrize("move", ["reversed", "shuffled"])
def test_a_mean_of_another_sample_s_velocity_is_told(make, judge, move):
    c = make(dtype=torch.float32)
    change, words = MOVES[move]
    found = judge(c | {"v": change(c["v"]).reshape(c["v"].shape)}, TOLD)["mean"]
    assert f"the velocity of {words}" in found.detail


def test_a_log_probability_of_fresh_noise_is_still_told(make, kit, judge):
    c = make(dtype=torch.float64)
    other = c["mean"] + kit["rows"](c, "std") * torch.randn_like(c["mean"])
    found = judge(c | {"log_prob": kit["rescored"](c, other)}, TOLD)["log_prob"]
    assert "fresh noise" in found.detail


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: 0.5 * c["kl"], "0.5 times policy.total"),
        (lambda c: c["kl"] * c["t"], "it is t times policy.total of kl.flow_grpo"),
    ],
    ids=["half", "times t"],
)
def test_a_multiple_of_a_small_divergence_is_told(make, judge, change, words):
    """A small one, in float32: its rounding is too coarse for a search among lines."""
    c = make(dtype=torch.float32)
    near = c | {"v_ref": c["v"] + 0.02 * torch.cos(2 * c["x_t"])}
    scale = near["g"] * (1 - near["t"]) / (2 * near["t"]) + 1 / near["g"]
    gap = (near["v"] - near["v_ref"]).flatten(1).double()
    near["kl"] = ((gap**2).sum(1) * scale**2 * (near["t"] - near["s"]) / 2).float()
    assert judge(near, TOLD)["kl"].verdict == "consistent"
    assert words in judge(near | {"kl": change(near)}, TOLD)["kl"].detail


def test_levels_that_are_both_one_end_are_told(make, judge):
    c = make()
    moved = c | {"t": steps_of(c["t"]).roll(-1, 0).reshape(-1)}
    assert judge(moved)["t"].detail.startswith("t is that of the step after")
    found = judge({n: x for n, x in moved.items() if n not in ("mean", "noise", "x_s")})
    assert "In 96 of them t = s" in found["levels"].detail
    assert not {"schedule", "grid"} & set(found)  # one step alone is left to see


@pytest.mark.parametrize("schedule", ["constant", "flow_grpo"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_schedule_is_found_where_neither_std_nor_g_was_recorded(
    make, judge, schedule, declared, kit
):
    """And says nothing of itself: it was assumed, and the mean bears it out."""
    c = make() if schedule == "flow_grpo" else constant(kit)
    told = {"schedule": schedule, "a": 0.7} if declared else {}
    found = judge({n: x for n, x in c.items() if n not in ("std", "g")}, told)
    assert found["mean"].verdict == "consistent"
    assert "schedule" not in found
    assert "not recorded; g = 0.7" in found["std"].detail


def test_a_schedule_that_was_assumed_in_vain_is_not_said_to_fit(make, judge):
    c = {n: x for n, x in make().items() if n not in ("std", "g", "log_prob", "kl")}
    found = judge(c, {"schedule": "constant", "a": 0.7})
    assert found["mean"].verdict == "differs"
    assert "was tried" in found["std"].detail


def constant(kit):
    """The mean of each step with g = 0.7, written out."""
    draw = torch.Generator().manual_seed(0)
    t = torch.linspace(0.9, 0.2, 8, dtype=torch.float64).repeat_interleave(BATCH)
    x, v, noise = torch.randn(3, 8 * BATCH, 2, 5, 4, generator=draw, dtype=torch.float64)
    c = {"x_t": x, "v": v, "noise": noise, "t": t, "s": t - 0.1}
    level = kit["rows"](c, "t")
    score = -(x + (1 - level) * v) / level
    mean = x - 0.1 * (v - 0.7**2 / 2 * score)
    return c | {"mean": mean, "x_s": mean + 0.7 * 0.1**0.5 * noise}


# ---------------------------------------------------------------- advantages

RULE = {"advantage_std": "group", "ddof": 0, "eps": 1e-4}


def in_a_row(r, m):
    return r.reshape(-1, m).mean(1).repeat_interleave(m).reshape(r.shape)


SPREAD = {"correction": 0, "keepdim": True}
ADVANTAGES = {
    "the group's, in rising order": lambda r, a: a.sort(1).values,
    "the group's, in falling order": lambda r, a: a.sort(1, descending=True).values,
    "in reversed order": lambda r, a: a.flip(1),
    "each a place later": lambda r, a: a.roll(1, 1),
    "each group's in the place of the next": lambda r, a: a.roll(1, 0),
    "the group's other samples": lambda r, a: a[:, [2, 0, 3, 1]],
    "other groups' samples": lambda r, a: a.flatten()[torch.randperm(24)].reshape(a.shape),
    "0.5 times those of std of the group": lambda r, a: a / 2,
    "mean of 8 samples in a row, where a group has 4": (
        lambda r, a: (r - in_a_row(r, 8)) / (r.std(1, **SPREAD) + 1e-4)
    ),
    "the std are of 8 samples in a row, where a group has 4": (
        lambda r, a: (
            (r - in_a_row(r, 8)).reshape(-1, 8)
            / (r.reshape(-1, 8).std(1, **SPREAD) + 1e-4)
        ).reshape(r.shape)
    ),
    "the std are of 2 samples in a row, where a group has 4": (
        lambda r, a: (
            (r - in_a_row(r, 2)).reshape(-1, 2)
            / (r.reshape(-1, 2).std(1, **SPREAD) + 1e-4)
        ).reshape(r.shape)
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", ADVANTAGES)
def test_advantages_of_others_are_told_whose_they_are(kit, judge, words):
    c = kit["rewards"](eps=1e-4)
    r, a = (c[n].reshape(6, 4) for n in ("rewards", "advantages"))
    found = judge(c | {"advantages": ADVANTAGES[words](r, a).reshape(-1)}, RULE)["advantages"]
    assert found.verdict == "differs"
    assert words in found.detail


def test_a_group_of_equal_rewards_makes_no_rule_fit(kit, judge):
    """Its deviations are 0, and what is divided by them is no number."""
    c = kit["rewards"](eps=1e-4)
    r, a = (c[n].reshape(6, 4).clone() for n in ("rewards", "advantages"))
    r[0], a[0], a[1:] = 3.0, 0.0, torch.sin(7 * a[1:])
    wrong = c | {"rewards": r.reshape(-1), "advantages": a.reshape(-1)}
    found = judge(wrong, RULE)["advantages"]
    assert (found.verdict, found.formula) == ("differs", "")
    assert "samples in a row" not in found.detail


def test_another_eps_is_not_called_a_missing_one(kit, judge):
    found = judge(kit["rewards"](eps=1e-2), RULE)["advantages"]
    assert (found.verdict, found.formula) == ("differs", "grpo.advantage: other eps")
    found = judge(kit["rewards"](eps=0.0), RULE)["advantages"]
    assert found.formula == "grpo.advantage: eps missing"


# ---------------------------------------------------------------- the update


def update(low=0.2, high=0.2, ratio=lambda gap: torch.exp(gap)):
    draw = torch.Generator().manual_seed(5)
    old, apart, a, kl = torch.randn(4, 96, generator=draw, dtype=torch.float64)
    new, kl = old + 0.25 * apart, 0.01 * kl**2
    r = ratio(new - old)
    surrogate = torch.minimum(r * a, r.clamp(1 - low, 1 + high) * a)
    names = dict(log_prob=new, log_prob_old=old, ratio=r, advantages=a, kl=kl)
    return names | {"loss": 0.04 * kl - surrogate}


@pytest.mark.parametrize("ends", [(0.2, 0.28), (0.3, 0.2)])
def test_a_clip_with_two_ends_is_read_and_can_be_declared(judge, ends):
    low, high = ends
    told = f"between 1 − {low:g} and 1 + {high:g}"
    found = judge(update(low, high), {"clip": 0.2, "beta": 0.04})["loss"]
    assert found.verdict == "differs"
    assert told in found.detail
    assert judge(update(low, high), {})["loss"].verdict == "convention"
    declared = {"clip": low, "clip_high": high, "beta": 0.04}
    assert judge(update(low, high), declared)["loss"].verdict == "consistent"
    assert judge(update(), declared)["loss"].verdict == "differs"


def test_centred_log_ratios_are_told(judge):
    found = judge(update(ratio=lambda gap: torch.exp(gap - gap.mean())))["ratio"]
    assert (found.verdict, found.formula) == ("differs", "policy.ratio: log-ratios centred")


def test_a_weight_is_told_once_and_not_by_its_square_too(judge):
    c = update()
    found = judge(c | {"loss": -c["advantages"] / 2 + 0.04 * c["kl"]}, {"clip": 0.2, "beta": 0.04})
    assert "−0.5 advantage + β kl" in found["loss"].detail
    assert "Or it computes" not in found["loss"].detail
