"""What the noise in x_s is multiplied by, about the mean of either policy."""

import pytest
import torch

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum"}


def mean_of(c, v):
    """The article's step, written out."""
    t, s, std = (c[n].reshape(-1, 1, 1, 1) for n in ("t", "s", "std"))
    return c["x_t"] - (t - s) * v - std**2 / (2 * t) * (c["x_t"] + (1 - t) * v)


def drawn(make, width, *, by="v_old", mean=True, dtype=torch.float32):
    """x_s about the mean of the sampler's velocity, which the learner has left, or of v."""
    c = make(dtype=torch.float64)
    rest = (-1, 1, 1, 1)
    if by == "v_old":
        c["v_old"], draw = c["v"], torch.Generator().manual_seed(7)
        c["v"] = c["v"] + 0.02 * torch.randn(c["v"].shape, generator=draw, dtype=torch.float64)
    std = c["std"].reshape(rest) * width(c).reshape(rest)
    c["x_s"] = mean_of(c, c[by]) + std * c["noise"]
    names = ["x_t", "x_s", "v", "t", "s", "std", "noise", *([by] if by == "v_old" else [])]
    c["mean"] = mean_of(c, c["v"])
    names += ["mean"] if mean else []
    return {n: c[n].to(dtype) for n in names}


def of_step(c):
    return torch.linspace(0.5, 1.3, STEPS, dtype=torch.float64).repeat_interleave(BATCH)


def of_row(c):
    return torch.linspace(0.5, 1.3, STEPS * BATCH, dtype=torch.float64)


WIDTHS = {
    "it is mean + 0.8 std noise": lambda c: 0.8 + 0 * c["std"],
    "it is mean − 0.5 std noise": lambda c: -0.5 + 0 * c["std"],
    "c is 0.5 at t = 1, 0.6 at t = 0.96": of_step,
    "mean + std noise √h": lambda c: (c["t"] - c["s"]) ** 0.5,
    "mean + t noise": lambda c: c["t"] / c["std"],
    "c is another in each row, 0.5 to 1.3": of_row,
    "it equals 'gaussian.sample: g for std'": lambda c: (c["t"] - c["s"]) ** -0.5,
    "it equals 'no noise: x_s is the mean'": lambda c: 0 * c["std"],
}


@pytest.mark.parametrize("mean", [True, False], ids=["with a mean", "without"])
@pytest.mark.parametrize("words", WIDTHS)
def test_another_width_about_the_samplers_mean_is_told(make, judge, words, mean):
    found = judge(drawn(make, WIDTHS[words], mean=mean), TOLD)
    assert found["x_s"].verdict == "differs"
    if "g for std" in words:
        own = "gaussian.sample: g for std"
        assert found["x_s"].formula == (own if mean else f"sde.transition, {own}")
        assert "no closer than" not in found["x_s"].detail
        return
    assert words in found["x_s"].detail, found["x_s"]
    assert found["x_s"].detail.endswith("; the mean is that of v_old")


@pytest.mark.parametrize("mean", [True, False], ids=["with a mean", "without"])
def test_another_width_about_the_policys_own_mean_is_told(make, judge, mean):
    found = judge(drawn(make, WIDTHS["it is mean + 0.8 std noise"], by="v", mean=mean), TOLD)
    assert ("0.8 std noise" in found["x_s"].detail) or mean, found["x_s"]
    assert "0.8" in found["x_s"].detail
    found = judge(drawn(make, of_step, by="v", mean=mean), TOLD)
    assert "c is 0.5 at t = 1, 0.6 at t = 0.96" in found["x_s"].detail, found["x_s"]


def test_a_right_width_is_none(make, judge):
    c = drawn(make, lambda c: 1 + 0 * c["std"])
    assert judge(c, TOLD)["x_s"].verdict == "consistent"


def test_no_width_is_told_of_what_it_does_not_make(make, judge):
    """Another draw beside the noise, an offset, and rounding that hides the factor."""
    c = drawn(make, lambda c: 0.8 + 0 * c["std"])
    other = 0.1 * c["noise"].roll(1, 0)
    for changed in (c["x_s"] + other, c["x_s"] + 0.1, c["x_s"] + 1e-3 * c["x_t"]):
        assert "+ 0.8 std noise" not in judge(c | {"x_s": changed}, TOLD)["x_s"].detail
    near = drawn(make, lambda c: 1.004 + 0 * c["std"])
    near["x_s"] = near["x_s"].bfloat16().float()
    assert "std noise," not in judge(near, TOLD)["x_s"].detail
