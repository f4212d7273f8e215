"""A number that is none, in any column of a record that is wrong as well: told, and left out.

Where nothing fits every search is made, and the equations behind them refuse NaN.
"""

import pytest
import torch

OF_UPDATES = ("log_prob", "log_prob_old", "ratio", "advantages", "loss")
LATENTS = ("x_t", "x_s", "v", "v_ref", "mean", "noise")


def of_two_policies(c, rows):
    """Means without 1/t in the score; v_old sampled."""
    h, t, std = (rows(c, n) for n in ("h", "t", "std"))
    v = c["v"] + 0.05 * torch.cos(2 * c["x_t"])

    def mean(w):
        return c["x_t"] - h * (w + std**2 / h / 2 * (c["x_t"] + (1 - t) * w))

    x_s = mean(c["v"]) + std * c["noise"]
    return {"v_old": c["v"], "v": v, "mean": mean(v), "x_s": x_s}, {"a": 0.7}


def of_an_estimate(c, rows):
    return {"kl": c["kl"].abs() ** 1.1 + 0.3}, {"a": 0.7, "kl": "kl.k3"}


def of_a_density(c, rows):
    return {"log_prob": c["log_prob"] + torch.sin(3 * c["t"])}, {"a": 0.7, "log_prob": "sum"}


def of_guidance(c, rows):
    """v is guided by what was not declared, and the mean by something else."""
    parts = {"v_cond": c["v"], "v_uncond": c["v"] - 0.1 * torch.cos(c["x_t"])}
    return parts | {"mean": c["mean"] + 0.01 * torch.sin(c["x_t"])}, {"a": 0.7, "guidance": 4.5}


def of_an_update(c, rows):
    """A ratio and a loss that are made of nothing that was recorded."""
    changed, told = of_two_policies(c, rows)
    old = c["log_prob"]
    new = old + 1e-3 * torch.sin(50 * c["t"] + old)
    each = {"log_prob": new, "log_prob_old": old, "advantages": torch.cos(7 * old)}
    made = (new - old).exp() + 1e-3 * torch.sin(11 * old)
    return changed | each | {"ratio": made, "loss": torch.sin(made * old)}, told | {"clip": 1e-3}


WRONG = {"an update": of_an_update, "two policies": of_two_policies, "an estimate": of_an_estimate,
         "a density": of_a_density, "guidance": of_guidance}  # fmt: skip


def wrong(make, kit, name):
    c = make(dtype=torch.float64)
    c["h"] = c["t"] - c["s"]
    changed, told = WRONG[name](c, kit["rows"])
    del c["h"]
    return c | changed, told


def without(c, names):
    """The record with no number in one place of each of these, each in a row of its own."""
    found = dict(c)
    for row, name in enumerate(names):
        found[name] = c[name].clone()
        found[name][3 * row + 1].view(-1)[0] = torch.nan
    return found


def told_of(report, name):
    """What is said of the rows that hold none."""
    return [f.detail for f in report.findings if f.subject == name and "hold NaN" in f.detail]


@pytest.mark.parametrize("name", WRONG)
def test_numbers_that_are_none_are_left_out_of_every_search(make, kit, judge, name):
    c, told = wrong(make, kit, name)
    whole = judge(c, told)
    report = judge(without(c, [n for n in (*LATENTS, *OF_UPDATES) if n in c]), told)["report"]
    for column in ("x_s", "noise"):
        assert told_of(report, column), [(f.subject, f.detail) for f in report.findings]
    accused = {f.subject for f in whole["report"].findings if f.verdict == "differs"}
    assert accused  # else no search was made
    assert accused <= {f.subject for f in report.findings if f.verdict == "differs"}


def test_a_level_that_is_none_stops_no_search_for_weights(judge):
    """Nor a step of no length."""
    draw = torch.Generator().manual_seed(2)
    old, gap = 0.1 * torch.randn(2, 48, generator=draw, dtype=torch.float64)
    t = torch.linspace(1, 0.1, 48, dtype=torch.float64)
    s = t - 0.05
    t[3], s[5] = torch.nan, t[5]
    c = {"t": t, "s": s, "log_prob": old + 1e-2 * gap, "log_prob_old": old,
         "ratio": (0.01 * gap + torch.sin(9 * old)).exp()}  # fmt: skip
    assert judge(c, {"log_prob": "sum"})["ratio"].verdict == "differs"


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_each_column_may_lack_a_number(make, kit, judge, name):
    c, told = wrong(make, kit, name)
    for column in (*LATENTS, *OF_UPDATES, "v_old", "v_cond", "v_uncond", "t", "s", "std", "kl"):
        if column in c:
            report = judge(without(c, [column]), told)["report"]
            assert any(f.verdict == "differs" for f in report.findings), column


def test_steps_without_noise_have_no_estimate_and_stop_none(make, judge):
    c = make(dtype=torch.float64, last=False)
    c["std"][:12] = 0
    found = judge(c | {"kl": c["kl"] ** 1.1 + 0.3}, {"a": 0.7, "kl": "kl.k3"})
    assert found["kl"].verdict == "differs"


def test_a_prediction_that_lacks_a_number_is_known_by_the_others(make, kit, judge):
    c = make(dtype=torch.float64)
    c["v"] = c["x_t"] + (1 - kit["rows"](c, "t")) * c["v"]
    c["v"][5].view(-1)[0] = torch.nan
    found = judge(c, {"a": 0.7})["mean"]
    assert "v holds the prediction of noise" in found.detail, found
