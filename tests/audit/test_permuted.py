"""Rewards in another order than their samples: told where one order alone gives the advantages."""

import pytest
import torch

RULE = {"advantage_std": "group", "ddof": 0, "eps": 1e-4}
SAYS = "they are right for the same rewards in another order than that of their samples"


def advantages(r, std):
    centred = r - r.mean(1, keepdim=True)
    by = {"group": r.std(1, correction=0, keepdim=True), "batch": r.std(correction=0)}
    return centred if std == "none" else centred / (by[std] + 1e-4)


def rewards(groups=4, size=6, dtype=torch.float64, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(groups, size, generator=draw, dtype=torch.float64).to(dtype)


def shuffled(x, seed=2):
    order = torch.randperm(x.numel(), generator=torch.Generator().manual_seed(seed))
    return x.flatten()[order].reshape(x.shape), order


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(4, 6), (3, 8), (16, 16), (12, 3)])
@pytest.mark.parametrize("std", ["group", "batch", "none"])
def test_rewards_in_a_random_order_are_told(judge, std, shape, dtype):
    r = rewards(*shape, dtype)
    made, (mixed, order) = advantages(r, std), shuffled(r)
    rule = RULE | {"advantage_std": std}
    found = judge({"rewards": mixed, "advantages": made}, rule)["advantages"]
    assert found.verdict == "differs"
    first = int((order.argsort() != torch.arange(len(order))).nonzero()[0])
    says = f"{SAYS}: counted group by group, sample {first} has that of sample "
    assert f"{says}{int(order.argsort()[first])}" in found.detail, found
    assert judge({"rewards": r, "advantages": made}, rule)["advantages"].verdict == "consistent"


@pytest.mark.parametrize("kind", ["ties", "pairs", "coarse", "moved", "another rule"])
def test_no_order_is_told_that_is_not_the_only_one(judge, kind):
    """Equal rewards have no order, two give any line, coarse ones many, other advantages none."""
    r = rewards(12, {"pairs": 2, "coarse": 3}.get(kind, 6), torch.float32)
    r = (4 * r).round() / 4 if kind == "ties" else r
    made = advantages(r, "group")
    made = made + 1e-3 * torch.sin(7 * made) if kind == "moved" else made
    made = made.clamp(min=-0.5) if kind == "another rule" else made
    mixed = shuffled(r)[0].to(torch.float16 if kind == "coarse" else torch.float32)
    found = judge({"rewards": mixed, "advantages": made}, RULE)["advantages"]
    assert found.verdict == "differs"
    assert SAYS not in found.detail, found
