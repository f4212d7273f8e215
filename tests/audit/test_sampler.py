"""Records of two policies whose mean has no name: what was drawn is judged by the one that drew."""

import pytest
import torch

from refimpl.audit.judging.implied import coefficients

from .policies import HALF_LOG_2PI, TOLD, density, learner, right_score

SCORES = {
    "without its t": lambda x, v, t: -(x + (1 - t) * v),
    "of the other clock": lambda x, v, t: -(x - (1 - t) * v) / t,
    "with a number of its own": lambda x, v, t: -(x + (1 - 0.83 * t) * v) / t,
}


@pytest.mark.parametrize("name", SCORES)
def test_a_mistake_in_the_mean_accuses_nothing_that_was_drawn_about_the_right_one(judge, name):
    found = judge(learner(score=SCORES[name]), TOLD)
    assert found["mean"].verdict == "differs"
    for subject in ("x_s", "log_prob_old"):
        assert found[subject].verdict in ("consistent", "convention"), found[subject]
        assert "under v_old" in found[subject].detail
    assert [f.subject for f in found["report"].findings if f.verdict == "differs"] == ["mean"]


def test_what_was_drawn_wrongly_is_still_told(judge):
    spoilt = learner(score=SCORES["without its t"], draw=lambda mean, std, n: mean + std**2 * n)
    assert judge(spoilt, TOLD)["x_s"].verdict == "differs"


def test_a_density_that_is_wrong_of_both_policies_is_read_of_both(judge):
    def turned(x, mean, std):
        return (
            (-((x - mean) ** 2) / (2 * std**2) + torch.log(std) - HALF_LOG_2PI).flatten(1).mean(1)
        )

    found = judge(learner(score=SCORES["without its t"], scored=turned), TOLD)
    for subject in ("log_prob", "log_prob_old"):
        assert "+ log(std) −" in found[subject].detail, found[subject]


def test_where_no_two_numbers_give_the_mean_the_sampler_s_is_not_known(judge):
    """Nothing that was recorded says what v_old would have led to."""
    c = learner(score=lambda x, v, t: -torch.tanh(x + (1 - t) * v) / t)
    found = judge(c, TOLD)
    for subject in ("x_s", "log_prob_old"):
        assert found[subject].verdict == "not checked", found[subject]
        assert "the mean that v_old leads to" in found[subject].detail


@pytest.mark.parametrize("nudged", ["v", "v_old"])
def test_a_velocity_along_x_t_says_nothing_of_the_sampler_s_mean(judge, nudged):
    """As that of centred Gaussian data is: its share of the mean is not seen."""
    c = learner(score=SCORES["without its t"], moved=lambda x: 0 * x, nudged=nudged)
    found = judge(c, TOLD)
    assert found["mean"].verdict == "differs"
    for subject in ("x_s", "log_prob_old"):
        assert found[subject].verdict != "differs", found[subject]


def test_what_is_left_of_x_s_about_another_policys_mean_is_no_noise(judge):
    c = learner(score=lambda x, v, t: -torch.tanh(x + (1 - t) * v) / t, apart=2.0)
    found = judge({n: x for n, x in c.items() if n != "noise"}, TOLD)
    assert found["noise"].verdict == "not checked", found["noise"]
    uniform = torch.rand(c["noise"].shape, generator=torch.Generator().manual_seed(0))
    assert judge(c | {"noise": uniform}, TOLD)["noise"].verdict == "differs"


def test_a_named_mistake_of_the_draw_is_told_about_the_sampler_s_mean(judge):
    c = learner(draw=lambda mean, std, n: mean + std * std * n)
    found = judge(c, TOLD)["x_s"]
    assert found.verdict == "differs"
    assert found.detail.startswith("under v_old"), found
    assert "no closer than" not in found.detail


def test_one_policy_is_judged_by_the_recorded_mean(judge):
    found = judge(learner(score=SCORES["without its t"], apart=0.0), TOLD)
    assert found["x_s"].verdict == "consistent"
    assert "under v_old" not in found["x_s"].detail


def test_a_mean_of_the_sampler_s_velocity_is_the_sampler_s(judge):
    c = learner(score=SCORES["without its t"])
    h = (c["t"] - c["s"]).view(-1, 1, 1, 1)
    g = c["std"].view(-1, 1, 1, 1) / h.sqrt()
    t = c["t"].view(-1, 1, 1, 1)
    c["mean"] = c["x_t"] - h * (c["v_old"] + g**2 / 2 * (c["x_t"] + (1 - t) * c["v_old"]))
    found = judge({n: x for n, x in c.items() if n != "log_prob"}, TOLD)
    assert found["x_s"].verdict == "consistent"
    assert "by the coefficients" not in found["x_s"].detail


def test_coefficients_are_read_off_each_row():
    x, v = torch.randn(2, 5, 9, generator=torch.Generator().manual_seed(0)).double()
    a, b = torch.linspace(-1, 2, 5)[:, None].double(), torch.linspace(3, 0.1, 5)[:, None].double()
    c_x, c_v, left = coefficients(x, v, a * x + b * v)
    torch.testing.assert_close(c_x, a)
    torch.testing.assert_close(c_v, b)
    assert float(left.max()) < 1e-12


def test_the_state_of_the_step_after_is_told_of_a_sampler_without_a_recorded_mean(judge):
    c, step = learner(), 16
    kept = {n: x[:-step] for n, x in c.items() if n not in ("mean", "log_prob")}
    kept["x_s"] = c["x_s"][step:]
    found = judge(kept | {"log_prob_old": c["log_prob_old"][:-step]}, TOLD)["x_s"]
    assert "in the step after: row 0 has that of row 16" in found.detail, found


def test_a_velocity_that_is_a_step_late_may_have_seen_the_noise(judge):
    c, step = learner(apart=0.0), 16
    names = [n for n in c if n not in ("v_old", "log_prob_old")]
    late = {n: c[n][:-step] for n in names} | {"v": c["v"][step:]}
    found = judge(late, TOLD)
    assert "velocity of the step before" in found["mean"].detail
    assert found["noise"].verdict == "consistent", found["noise"]


def test_noise_of_another_law_is_not_told_of_the_ratio_as_well(judge):
    c = learner(draw=lambda mean, std, n: mean + std * n)
    draw = torch.Generator().manual_seed(2)
    even = torch.rand(c["noise"].shape, generator=draw)
    std = c["std"].view(-1, 1, 1, 1)
    c["x_s"] += std * (even - c["noise"])
    c["noise"] = even
    h = (c["t"] - c["s"]).view(-1, 1, 1, 1)
    t, g = c["t"].view(-1, 1, 1, 1), std / h.sqrt()
    old = c["x_t"] - h * (c["v_old"] - g**2 / 2 * right_score(c["x_t"], c["v_old"], t))
    c["log_prob"], c["log_prob_old"] = (density(c["x_s"], m, std) for m in (c["mean"], old))
    c["ratio"] = torch.exp(c["log_prob"] - c["log_prob_old"])
    found = judge(c, TOLD)
    assert found["noise"].verdict == "differs"
    assert found["mean of the ratio"].verdict != "differs", found["mean of the ratio"]


@pytest.mark.parametrize("other", ["v_old", "v_ref"])
def test_velocities_in_each_others_place_are_told_without_a_recorded_mean(judge, other):
    c = learner()
    if other == "v_ref":  # of one policy, which v_old is
        c |= {"v": c["v_old"], "v_ref": c["v"], "log_prob": c["log_prob_old"]}
        del c["v_old"], c["log_prob_old"]
    del c["mean"]
    right = judge(c, TOLD)
    assert not [f for f in right["report"].findings if f.verdict == "differs"]
    turned = judge(c | {"v": c[other], other: c["v"]}, TOLD)
    (found,) = [f for f in turned["report"].findings if f.verdict == "differs"]
    assert found.subject == "v"
    assert found.detail.startswith(f"v and {other} are exchanged")


def test_another_policy_that_sampled_is_no_exchange(judge):
    """x_s and its log-probability are those of v_ref, and of nothing else."""
    c = learner()
    c |= {"v_ref": c["v_old"], "log_prob": c["log_prob_old"]}
    kept = {n: x for n, x in c.items() if n not in ("v_old", "mean", "log_prob_old")}
    kept["log_prob"] = learner()["log_prob"]
    found = judge(kept, TOLD)
    assert "exchanged" not in found["x_s"].detail
    assert "v" not in found or "exchanged" not in found["v"].detail
