"""Advantages of groups of any size, of one sample, and laid out as their rewards are."""

import pytest
import torch

from refimpl.equations import grpo

SIZES = (2, 7, 12, 1)
GROUP = {"advantage_std": "group", "ddof": 0, "eps": 1e-4}


def groups(sizes=SIZES, std="group", ddof=0, eps=1e-4):
    """Rewards, ids and advantages of groups of these sizes; one of one has the advantage 0."""
    draw = torch.Generator().manual_seed(2)
    rewards = torch.randn(sum(sizes), generator=draw, dtype=torch.float64)
    made = []
    for r in rewards.split(sizes):
        centred = r - r.mean()
        spread = rewards if std == "batch" else r
        over = 1.0 if std == "none" or len(r) == 1 else spread.std(correction=ddof) + eps
        made.append(centred / over)
    ids = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return {"rewards": rewards, "advantages": torch.cat(made), "groups": ids}


@pytest.mark.parametrize("std", ["group", "batch", "none"])
def test_advantages_of_groups_of_several_sizes_are_judged(judge, std):
    told = {"advantage_std": std} | ({} if std == "none" else {"ddof": 1, "eps": 1e-8})
    found = judge(groups(std=std, ddof=1, eps=1e-8), told)
    assert found["advantages"].verdict == "consistent", found["advantages"]
    if std != "none":
        assert judge(groups(std=std, ddof=0, eps=1e-8), told)["advantages"].verdict == "differs"


def test_wrong_advantages_of_groups_of_several_sizes_are_read(judge):
    def by_deviation(r):
        return (r - r.mean()) / ((r - r.mean()).abs().mean() + 1e-4)

    for sizes, says in (((4, 4, 7, 7), "mean absolute deviation"), ((4, 7, 12), "no formula")):
        c = groups(sizes)
        c["advantages"] = torch.cat([by_deviation(r) for r in c["rewards"].split(sizes)])
        found = judge(c, GROUP)["advantages"]
        assert found.verdict == "differs"
        assert says in found.detail, found
        assert "batch" not in found.detail  # one group of a size is no batch


def test_a_group_of_one_is_right_where_its_advantage_is_0(judge):
    c = groups((4, 4, 1, 4))
    found = judge(c, GROUP)
    assert (found["groups"].verdict, found["advantages"].verdict) == ("convention", "consistent")
    raw = torch.where(c["groups"] == 2, c["rewards"], c["advantages"])
    found = judge(c | {"advantages": raw}, GROUP)["groups"]
    assert found.verdict == "differs"
    assert "a group of one has no baseline: its advantage is the reward itself" in found.detail
    del c["advantages"]
    assert judge(c)["groups"].verdict == "differs"


def test_a_declared_limit_that_was_not_applied_is_told(judge):
    c = groups((6, 6, 6))
    most = float(c["advantages"].abs().max())
    found = judge(c, GROUP | {"advantage_limit": 1.0})["advantages"]
    assert (found.verdict, found.formula) == ("differs", "grpo.bounded: not bounded")
    assert f"|A| up to {most:.4g}" in found.detail
    assert judge(c, GROUP | {"advantage_limit": 5.0})["advantages"].verdict == "consistent"
    held = c | {"advantages": grpo.bounded(c["advantages"], 1.0)}
    assert judge(held, GROUP | {"advantage_limit": 1.0})["advantages"].verdict == "consistent"


@pytest.mark.parametrize("group", [None, 5])
def test_advantages_of_prompts_and_samples_stand_beside_ratios(judge, group):
    P, G, T = 6, 5, 3
    draw = torch.Generator().manual_seed(0)
    rewards = torch.randn(P, G, generator=draw, dtype=torch.float64)
    made = grpo.advantage(rewards, std="batch", ddof=1, eps=1e-4)
    old = torch.randn(T * P * G, generator=draw, dtype=torch.float64)
    new = old + 1e-3 * torch.randn(T * P * G, generator=draw, dtype=torch.float64)
    ratio, each = (new - old).exp(), made.flatten().repeat(T)
    c = {"rewards": rewards, "advantages": made, "ratio": ratio, "log_prob": new,
         "log_prob_old": old, "loss": -grpo.surrogate(ratio, each, 1e-3)}  # fmt: skip
    if group:
        c["rewards"] = rewards.flatten()
    told = {"clip": 1e-3, "advantage_std": "batch", "ddof": 1} | ({"group": group} if group else {})
    found = judge(c, told)
    assert (found["loss"].verdict, found["advantages"].verdict) == ("consistent", "consistent")
    crossed = made.T.contiguous().reshape(P, G)
    assert judge(c | {"advantages": crossed}, told)["loss"].verdict == "differs"


@pytest.mark.parametrize("order", ["steps first", "samples first"])
def test_advantages_of_rows_are_those_of_their_samples(judge, order):
    T, c = 3, groups((6, 6))
    each = c["advantages"]
    rows = each.repeat(T) if order == "steps first" else each.repeat_interleave(T)
    found = judge(c | {"advantages": rows}, GROUP)["advantages"]
    assert found.verdict == "consistent", found
    found = judge(c | {"advantages": rows * torch.linspace(1, 2, len(rows))}, GROUP)["advantages"]
    assert found.verdict == "not checked"  # each step has its own
    with pytest.raises(ValueError, match="store one per sample"):
        judge(c | {"advantages": rows[:-1]})


def test_groups_of_two_sizes_have_lost_nothing_unless_most_are_of_one(judge):
    assert judge(groups((2,) * 6 + (3,) * 4))["groups"].verdict == "convention"
    assert judge(groups((6,) * 9 + (5,)))["groups"].verdict == "differs"
    assert judge(groups((4,) * 4 + (8,) * 2))["groups"].verdict == "differs"
    assert judge(groups((2,) * 6 + (3,) * 4), GROUP | {"group": 2})["groups"].verdict == "differs"


def of_others(r):
    """Each reward less the mean of the group's other samples, sample by sample."""
    rest = [torch.cat([r[:, :k], r[:, k + 1 :]], dim=1).mean(dim=1) for k in range(r.shape[1])]
    return r - torch.stack(rest, dim=1)


def with_others(change=lambda r, a: a, sizes=(4, 4, 4)):
    c = groups(sizes)
    parts = [r[None] for r in c["rewards"].split(sizes)]
    made = [change(r, of_others(r) if r.shape[1] > 1 else 0 * r).flatten() for r in parts]
    return c | {"advantages": torch.cat(made)}


OTHERS = {"advantage_mean": "others", "advantage_std": "none"}


@pytest.mark.parametrize("sizes", [(4, 4, 4), (4, 4, 7, 7)])
def test_a_baseline_of_the_others_is_a_convention_until_it_is_declared(judge, sizes):
    c = with_others(sizes=sizes)
    found = judge(c)["advantages"]
    assert (found.verdict, found.formula) == ("convention", "grpo.leave_one_out")
    assert "not declared: advantage_mean = 'others'" in found.detail
    assert judge(c, {"advantage_std": "none"})["advantages"].verdict == "convention"
    assert judge(c, OTHERS)["advantages"].verdict == "consistent"
    for told in (GROUP, {"advantage_mean": "group"}, OTHERS | {"advantage_std": "group"}):
        assert judge(c, told)["advantages"].verdict == "differs", told


def test_a_declared_baseline_of_the_others_is_verified(judge):
    found = judge(groups((4, 4, 4), std="none"), OTHERS)["advantages"]
    assert found.verdict == "differs"
    assert "declared advantage_mean = 'others'" in found.detail
    std = with_others(lambda r, a: a / (r.std(dim=1, correction=1) + 1e-4))
    told = {"advantage_mean": "others", "advantage_std": "group", "ddof": 1, "eps": 1e-4}
    assert judge(std, told)["advantages"].verdict == "consistent"
    assert judge(std, told | {"ddof": 0})["advantages"].verdict == "differs"
    assert judge(std, {"advantage_std": "group"})["advantages"].verdict == "differs"
    assert judge(std)["advantages"].verdict == "convention"
    said = judge(std, {"advantage_std": "group", "ddof": 1, "eps": 1e-4})["advantages"].detail
    assert "baseline of the others" in said
    held = with_others(lambda r, a: a.clamp(-0.5, 0.5))
    assert judge(held, OTHERS | {"advantage_limit": 0.5})["advantages"].verdict == "consistent"
    with pytest.raises(ValueError, match="advantage_mean must be one of"):
        judge(held, {"advantage_mean": "rloo"})


SUMS = {
    "(R − (sum − R)/G)": lambda r, s, g: r - (s - r) / g,
    "(R − sum/(G − 1))": lambda r, s, g: r - s / (g - 1),
    "(R − sum/(G + 1))": lambda r, s, g: r - s / (g + 1),
    "(R − sum)": lambda r, s, g: r - s,
    "(R − (sum − R))": lambda r, s, g: r - (s - r),
    "(R − (sum + R)/G)": lambda r, s, g: r - (s + r) / g,
    "(R + sum/G)": lambda r, s, g: r + s / g,
    "(R + (sum − R)/(G − 1))": lambda r, s, g: r + (s - r) / (g - 1),
    "the mean of the others": lambda r, s, g: (s - r) / (g - 1),
    "(1 R − 0.15 sum)": lambda r, s, g: r - 0.15 * s,
}


def by_sums(rule, sizes, std):
    c = groups(sizes)
    made = []
    for r in c["rewards"].split(sizes):
        over = r.std(correction=1) + 1e-4 if std else 1.0
        made.append(rule(r, r.sum(), len(r)) / over)
    return c | {"advantages": torch.cat(made)}


@pytest.mark.parametrize("std", [False, True], ids=["no std", "over a std"])
@pytest.mark.parametrize("words", SUMS)
def test_a_sum_that_is_no_mean_is_told_with_what_divides_it(judge, words, std):
    told = {"advantage_std": "group", "ddof": 1, "eps": 1e-4} if std else {}
    found = judge(by_sums(SUMS[words], (5,) * 6, std), told)["advantages"]
    assert found.verdict == "differs"
    assert words in found.detail, found
    assert ("/(std + eps)" in found.detail) == std


def test_a_sum_is_told_in_groups_of_several_sizes(judge):
    found = judge(by_sums(SUMS["(R − (sum − R)/G)"], (4, 4, 7, 7), False))["advantages"]
    assert "(R − (sum − R)/G)" in found.detail, found


def test_no_sum_is_told_of_other_baselines(judge):
    for change in (lambda r, a: a + 0.1, lambda r, a: r - r.median(), lambda r, a: 1.1 * a,
                   lambda r, a: r - r.max(dim=1, keepdim=True).values):  # fmt: skip
        found = judge(with_others(change, (5,) * 6))["advantages"]
        assert found.verdict == "differs"
        assert "they are (" not in found.detail, found


@pytest.mark.parametrize(("ddof", "eps"), [(0, 0.0), (1, 1e-4)])
def test_the_std_of_a_part_of_the_batch_is_told(judge, ddof, eps):
    """As where each process takes the std of the rewards that it has."""
    c = groups((4,) * 6)
    r = c["rewards"].reshape(2, 3, 4)
    spread = r.reshape(2, -1).std(dim=1, correction=ddof)[:, None, None] + eps
    made = ((r - r.mean(dim=2, keepdim=True)) / spread).reshape(-1)
    found = judge(c | {"advantages": made}, {"advantage_std": "batch", "ddof": ddof, "eps": eps})
    assert f"over the std (ddof {ddof}) of 3 groups in a row" in found["advantages"].detail


def test_a_remedy_names_the_keys_of_a_manifest(judge):
    """Not those of the kit, which calls two of them otherwise."""
    r = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    dealt = r.reshape(-1).reshape(4, 6).T
    made = (dealt - dealt.mean(1, keepdim=True)) / (dealt.std(1, correction=0, keepdim=True) + 1e-4)
    ids = torch.arange(6).repeat_interleave(4)
    c = {"rewards": r.reshape(-1), "advantages": made.T.reshape(-1), "groups": ids}
    found = judge(c)["advantages"]
    assert "groups dealt out like cards" in found.detail, found
    assert "declare eps = 0.0001" in found.detail
    assert "advantage_eps" not in found.detail
