"""Losses in which every ratio meets every advantage: (B, 1) times (B,), one axis averaged."""

import pytest
import torch

STEPS, BATCH = 6, 8
TOLD = {"clip": 0.05, "beta": 0.04}


def matrices(clip=True, high=0.05, centred=False, kl=True):
    """A record by step, and min(r_i A_j, clip(r_i) A_j) of each step, (steps, i, j)."""
    draw = torch.Generator().manual_seed(3)

    def normal(*size):
        return torch.randn(*size, generator=draw, dtype=torch.float64)

    a = normal(BATCH) + (0 if centred else 0.3)
    a = a - a.mean() if centred else a
    new = -1.4 + 0.1 * normal(STEPS, BATCH)
    old = new - 0.08 * normal(STEPS, BATCH)
    r = (new - old).exp()
    pairs = r[:, :, None] * a
    if clip:
        pairs = torch.minimum(pairs, r.clamp(0.95, 1 + high)[:, :, None] * a)
    c = {"log_prob": new, "log_prob_old": old, "ratio": r}
    c |= {"kl": normal(STEPS, BATCH) ** 2} if kl else {}
    c["t"] = torch.linspace(1, 0.3, STEPS, dtype=torch.float64)[:, None].expand(STEPS, BATCH)
    c = {n: x.reshape(-1) for n, x in c.items()} | {"advantages": a.repeat(STEPS)}
    return c, pairs


AXES = {
    "row j is the mean over the step's samples i of min(r_i A_j, clip(r_i) A_j): an outer": 1,
    "row i is the mean over the step's samples j of min(r_i A_j, clip(r_i) A_j): an outer": 2,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kl", [True, False])
@pytest.mark.parametrize("words", AXES)
def test_either_axis_is_told(judge, words, kl, dtype):
    c, pairs = matrices(kl=kl)
    c["loss"] = -pairs.mean(dim=AXES[words]).reshape(-1) + (0.04 * c["kl"] if kl else 0)
    found = judge({n: x.to(dtype) for n, x in c.items()}, TOLD if kl else {"clip": 0.05})["loss"]
    assert found.verdict == "differs"
    assert words in found.detail, found


def test_it_is_told_with_the_kl_in_the_mean_and_with_two_ends(judge):
    c, pairs = matrices(high=0.1)
    kl = c["kl"].reshape(STEPS, BATCH).mean(dim=1, keepdim=True).expand(STEPS, BATCH).reshape(-1)
    c["loss"] = -pairs.mean(dim=2).reshape(-1) + 0.04 * kl
    found = judge(c, TOLD | {"clip_high": 0.1})["loss"].detail
    assert "clip(r_i) A_j), and the KL's mean: an outer product" in found, found


@pytest.mark.parametrize("axis", [1, 2])
def test_a_product_that_is_not_clipped_is_told_so(judge, axis):
    c, pairs = matrices(clip=False)
    c["loss"] = -pairs.mean(dim=axis).reshape(-1) + 0.04 * c["kl"]
    found = judge(c, TOLD)["loss"].detail
    assert "of r_i A_j, never clipped: an outer product of (B, 1) and (B,)" in found, found


def test_all_pairs_are_told_where_a_step_has_one_loss(judge):
    c, pairs = matrices()
    whole = -pairs.mean(dim=(1, 2)) + 0.04 * c["kl"].reshape(STEPS, BATCH).mean(dim=1)
    c["loss"] = whole[:, None].expand(STEPS, BATCH).reshape(-1)
    found = judge(c, TOLD)["loss"].detail
    assert "it is the mean over all pairs of the step's samples of min(r_i" in found, found


def test_rows_without_levels_are_one_batch(judge):
    c, _ = matrices()
    del c["t"]
    r, a = c["ratio"], c["advantages"]
    pairs = torch.minimum(r[:, None] * a, r.clamp(0.95, 1.05)[:, None] * a)
    c["loss"] = -pairs.mean(dim=0) + 0.04 * c["kl"]
    assert "row j is the mean over the rows i" in judge(c, TOLD)["loss"].detail


def test_no_product_is_told_of_a_right_loss_nor_of_another(judge):
    c, pairs = matrices()
    own = -torch.diagonal(pairs, dim1=1, dim2=2).reshape(-1) + 0.04 * c["kl"]
    assert judge(c | {"loss": own}, TOLD)["loss"].verdict == "consistent"
    for wrong in (
        own + 0.01,
        1.1 * own,
        own.roll(1),
        own.reshape(STEPS, BATCH).cumsum(0).flatten(),
    ):
        assert "outer product" not in judge(c | {"loss": wrong}, TOLD)["loss"].detail


def test_no_product_is_told_of_a_term_that_is_lost_in_rounding(judge):
    """The mean over centred advantages, not clipped, is 0, as that of no term at all."""
    c, pairs = matrices(clip=False, centred=True)
    c["loss"] = -pairs.mean(dim=2).reshape(-1) + 0.04 * c["kl"]
    found = judge({n: x.float() for n, x in c.items()}, TOLD)["loss"]
    assert found.verdict == "differs"
    assert "outer product" not in found.detail, found
    print(found.detail)
