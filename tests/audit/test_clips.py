"""A clip that no ratio reaches where it counts: none, or a wider one; the record tells no more."""

import pytest
import torch

BATCH = 64


def clipped(clip, spread, *, high=None, side=0):
    """Ratios beside advantages, and a loss with this clip; all of one side if that is asked."""
    draw = torch.Generator().manual_seed(5)
    a = torch.randn(BATCH, generator=draw, dtype=torch.float64)
    d = spread * torch.rand(BATCH, generator=draw, dtype=torch.float64)
    a, r = (a.abs() if side > 0 else a), 1 + torch.where(torch.arange(BATCH) % 2 == 0, d, -d)
    s = torch.minimum(r * a, r.clamp(1 - clip, 1 + (high or clip)) * a)
    return {"ratio": r, "advantages": a, "loss": -s}, d


@pytest.mark.parametrize("clip", [1e-3, 1e9], ids=["a wider one", "none"])
def test_a_clip_that_nothing_reaches_is_none_or_a_wider_one(judge, clip):
    c, _ = clipped(clip, 9e-4)
    counts = (c["ratio"] - 1) * c["advantages"] > 0
    most = float((c["ratio"] - 1).abs()[counts].max())
    found = judge(c, {"clip": 1e-4})["loss"]
    assert (found.verdict, found.formula) == ("differs", "grpo.surrogate: never clipped")
    assert f"there is none, or one wider than {most:.3g}, the furthest" in found.detail, found
    assert "No ratio is held by the declared clip" in found.detail


def test_both_ends_are_told_where_two_are_declared(judge):
    c, _ = clipped(2e-3, 9e-4, high=4e-3)
    found = judge(c, {"clip": 1e-4, "clip_high": 2e-4})["loss"].detail
    assert "one whose ends lie beyond 1 − 0.000" in found, found
    c, _ = clipped(2e-3, 9e-4, high=4e-3, side=1)
    found = judge(c, {"clip": 1e-4, "clip_high": 2e-4})["loss"].detail
    assert "one whose ends lie beyond 1 − 0 and 1 + 0.000" in found, found


def test_a_wider_clip_that_is_reached_is_told_itself(judge):
    c, _ = clipped(1e-3, 4e-3)
    found = judge(c, {"clip": 1e-4})["loss"]
    assert "declared clip = 0.0001, and the numbers have clip 0.001" in found.detail, found
    assert judge(c, {"clip": 1e-3})["loss"].verdict == "consistent"
