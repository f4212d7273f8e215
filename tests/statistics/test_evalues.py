"""E-values: fair under the null, profitable against it, and bounded by Ville."""

import pytest
import torch

from refimpl.statistics import evalues


def test_an_e_value_has_mean_one_under_uniform_p():
    u = [(k + 0.5) / 10_000 for k in range(10_000)]
    mean = sum(evalues.e_value(x * x) * 2 * x for x in u) / len(u)  # ∫ e(p) dp with p = u²
    assert mean == pytest.approx(1, abs=1e-6)  # the integrand is a straight line in u, but near 0


def test_it_falls_with_p_so_that_larger_p_values_are_no_gain():
    values = [evalues.e_value(p) for p in (1e-30, 1e-12, 1e-6, 0.01, 0.25, 0.5, 1.0)]
    assert values[0] == values[1]
    assert values[1:] == sorted(values[1:], reverse=True)
    assert evalues.e_value(0.25) == 1.0


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match=r"a p-value lies in \[0, 1\]"):
        evalues.e_value(p)


def test_right_code_rarely_reaches_a_high_wealth():
    """Ville at 1/α = 20: two thousand histories of a hundred runs, at most one in twenty."""
    p = torch.rand(2000, 100, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    e = 1 + evalues.STAKE * (1 / (2 * p.sqrt()) - 1)
    share = float((e.cumprod(1).amax(1) >= 20).double().mean())
    assert share <= 0.05 + 4.5 * (0.05 * 0.95 / 2000) ** 0.5  # 4.5 standard errors


def test_a_small_defect_adds_up():
    """Half a standard error in every run: no single p-value below 1e-9, yet the wealth grows."""
    z = torch.randn(400, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 2
    p = (2 * torch.special.ndtr(-z.abs())).tolist()
    assert min(p) > 1e-9
    assert evalues.wealth({"a": x} for x in p)["a"] > 1e9


def test_wealth_is_kept_name_by_name_and_meant():
    runs = [{"a": 0.01, "b": 1.0}, {"a": 0.01}]
    each = evalues.wealth(runs)
    assert each["a"] == pytest.approx(evalues.e_value(0.01) ** 2)
    assert each["b"] == pytest.approx(evalues.e_value(1.0))
    assert evalues.together(each) == pytest.approx((each["a"] + each["b"]) / 2)
    assert evalues.together({}) == 1.0
