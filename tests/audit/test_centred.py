"""Records without mean and noise: the mean is read off log-probabilities where v does not lead to
it."""

import math

import pytest
import torch

from refimpl.audit.judging import centre
from refimpl.equations import gaussian, policy

from .policies import TOLD, density, learner, right_score

PLAIN = ("x_t", "x_s", "v", "t", "s", "std", "log_prob")
OLD = (*PLAIN, "v_old", "log_prob_old")


def kept(c, names=PLAIN):
    return {n: c[n] for n in names}


def off(judged):
    return {f.subject for f in judged["report"].findings if f.verdict == "differs"}


def test_the_weights_of_a_mean_are_read_off_log_probabilities():
    draw = torch.Generator().manual_seed(0)
    x, v, noise = torch.randn(3, 9, 40, generator=draw).double()
    mean = 0.9 * x - 0.15 * v
    std = torch.full((9, 1), 0.3, dtype=torch.float64)
    x_s = mean + std * noise
    each = gaussian.log_prob(x_s, mean, std)
    for reduce in (policy.total, policy.average):
        found = centre.solve(x, v, x_s, 0.3, reduce(each).float().double(), 2.0**-24)
        assert found is not None
        assert abs(found.c_x - 0.9) < 5 * found.roundoff < 1e-4
        assert abs(found.c_v + 0.15) < 5 * found.roundoff


@pytest.mark.parametrize("spoil", ["fewer rows", "narrow", "no noise", "another mean", "NaN"])
def test_no_weights_are_made_up(spoil):
    draw = torch.Generator().manual_seed(1)
    x, v, noise = torch.randn(3, 9, 40, generator=draw).double()
    std = torch.full((9, 1), 0.3, dtype=torch.float64)
    mean = 0.9 * x - 0.15 * (torch.tanh(3 * v) if spoil == "another mean" else v)
    x_s = mean + std * noise
    logs = policy.average(gaussian.log_prob(x_s, mean, std))
    if spoil == "NaN":
        logs = logs.index_fill(0, torch.tensor(2), math.nan)
    rows, wide = (slice(5 if spoil == "fewer rows" else 9), slice(7 if spoil == "narrow" else 40))
    given = [y[rows, wide] for y in (x, v, x_s)]
    width = 0.0 if spoil == "no noise" else 0.3
    assert centre.solve(*given, width, logs[rows], 2.0**-24) is None


@pytest.mark.parametrize("size", [1.0, 1e200])
def test_a_search_that_leads_away_ends_in_nothing(size):
    """Squares of 1e200 are infinite, and no matrix with such a number has an inverse."""
    x, v, x_s = size * torch.randn(3, 9, 40, generator=torch.Generator().manual_seed(1)).double()
    logs = torch.cos(torch.arange(9.0)).double()
    for velocity in (v, 0 * v, x):
        assert centre.solve(x, velocity, x_s, 0.3, logs, 2.0**-24) is None


SLIPS = {
    "1.3 (x + (1 − t) v)": lambda x, v, t: 1.3 * right_score(x, v, t),
    "−noise_hat/(t − 0.1)": lambda x, v, t: -(x + (1 - t) * v) / (t - 0.1),
}


@pytest.mark.parametrize("line", SLIPS)
@pytest.mark.parametrize("names", [PLAIN, OLD], ids=["one policy", "two policies"])
def test_a_slip_in_the_mean_is_told_and_nothing_else(judge, line, names):
    found = judge(kept(learner(score=SLIPS[line], apart=0.02 * (names is OLD)), names), TOLD)
    assert f"it computes  {line}  where" in found["mean"].detail, found["mean"]
    assert "neither it nor the noise was recorded" in found["mean"].detail
    assert off(found) == {"mean"}
    assert found["noise"].verdict == found["log_prob"].verdict == "consistent"
    if names is OLD:
        assert found["log_prob_old"].verdict == "consistent"
        assert "under v_old" in found["noise"].detail


@pytest.mark.parametrize("names", [PLAIN, OLD], ids=["one policy", "two policies"])
def test_a_slip_too_small_to_be_seen_in_x_s_is_told_of_the_density(judge, names):
    c = learner(score=lambda x, v, t: 1.02 * right_score(x, v, t), apart=0.02 * (names is OLD))
    found = judge(kept(c, names), TOLD)
    for subject in set(names) & {"log_prob", "log_prob_old"}:
        assert "for another mean than v leads to: it computes  1.02 " in found[subject].detail
        assert "x_s does not tell" in found[subject].detail
    assert found["mean"].verdict == "consistent"


def test_a_density_about_another_mean_than_x_s_was_drawn_about_is_told_of_the_density(judge):
    c = kept(learner(apart=0.0))
    t, s, std = (c[n].view(-1, 1, 1, 1) for n in ("t", "s", "std"))
    slip = SLIPS["1.3 (x + (1 − t) v)"](c["x_t"], c["v"], t)
    mean = c["x_t"] - (t - s) * c["v"] + std**2 / 2 * slip
    found = judge(c | {"log_prob": density(c["x_s"], mean, std.expand_as(mean))}, TOLD)
    assert found["mean"].verdict == found["noise"].verdict == "consistent"
    assert off(found) == {"log_prob"}
    assert (
        "it is right for another mean than v leads to: it computes  1.3 "
        in found["log_prob"].detail
    )
    assert "x_s does not tell" not in found["log_prob"].detail


def test_a_density_with_a_line_of_its_own_is_told_for_that(judge):
    """Its mean follows from x_t and v as well; what is told is the shorter story."""

    def nearer(x, mean, std):
        return policy.average(gaussian.log_prob(x, 0.8 * mean, std))

    found = judge(kept(learner(scored=nearer, apart=0.0)), TOLD)["log_prob"]
    assert "it computes  −(x_s − 0.8 mean)²/(2 std²)" in found.detail, found


def test_a_mean_is_read_off_on_the_other_clock(judge):
    c = kept(learner(score=SLIPS["1.3 (x + (1 − t) v)"], apart=0.0))
    turned = {"t": 1 - c["t"], "s": 1 - c["s"], "v": -c["v"]}
    found = judge(c | turned, TOLD | {"time": "data"})
    assert "it computes  1.3 (x + (1 − t) v)  where" in found["mean"].detail, found["mean"]
    assert off(found) == {"mean"}


def test_rows_without_numbers_are_left_out_of_what_is_read_off(judge):
    c = kept(learner(score=SLIPS["1.3 (x + (1 − t) v)"], apart=0.0))
    c["x_t"] = c["x_t"].clone()
    c["x_t"][3, 0, 0, 0] = math.nan
    found = judge(c, TOLD)
    assert "it computes  1.3 (x + (1 − t) v)  where" in found["mean"].detail, found["mean"]


def test_another_policy_s_density_is_of_no_mean_that_v_leads_to(judge):
    c = learner(apart=0.02)
    found = judge(kept(c) | {"v": c["v_old"]}, TOLD)
    assert off(found) == {"log_prob"}
    assert "as another policy's does whose velocity was not recorded" in found["log_prob"].detail


def test_a_right_record_is_judged_as_before(judge):
    found = judge(kept(learner(apart=0.0)), TOLD)
    assert not off(found)
    assert "log-probabilities are those of" not in found["mean"].detail


def test_what_is_left_of_x_s_shows_a_mean_that_lies_in_no_plane_of_x_t_and_v(judge):
    """Its law alone does not: the mean that v leads to is in doubt, and so is the density."""
    c = learner(
        score=lambda x, v, t: right_score(x, v, t) * (1 - 0.35 * torch.tanh(x) ** 2), apart=0.0
    )
    found = judge(kept(c), TOLD)
    assert "it moves with x_t" in found["noise"].detail
    for subject in ("mean", "log_prob"):
        assert found[subject].verdict == "not checked", found[subject]
        assert "v does not lead to the mean that sampled" in found[subject].detail


def test_stds_are_not_put_right_by_chance(judge):
    """exp(std/2) is as wide as what is left of x_s here, and of no schedule."""
    found = judge(kept(learner(score=SLIPS["1.3 (x + (1 − t) v)"], apart=0.0)), TOLD)
    assert "std" not in off(found)


def test_levels_that_do_not_meet_are_no_rounded_ones(judge):
    """Two equations have two solutions: the levels of k/8 are in bfloat16 whatever was done."""
    c = learner(score=lambda x, v, t: -(x + (0.98 - t) * v) / t, apart=0.0)
    found = judge({n: x for n, x in c.items() if not n.endswith("_old")}, TOLD)
    assert "it computes  x + (0.98 − t) v  where" in found["mean"].detail, found["mean"]


def stale(x, by=16):
    """A step late: the first step has its own."""
    return torch.cat([x[:by], x[:-by]])


OTHERS = {
    "the velocity without guidance (v_cond)": lambda c: {
        "v": c["v"] + 0.5 * torch.cos(c["x_t"]), "v_cond": c["v"],
        "v_uncond": c["v"] - torch.cos(c["x_t"]),
    },
    "the velocity of the step after": lambda c: {"v": stale(c["v"])},
}  # fmt: skip


@pytest.mark.parametrize("words", OTHERS)
def test_a_velocity_that_was_recorded_elsewhere_is_found(judge, words):
    c = learner(apart=0.0, moved=lambda x: 4 * torch.sin(5 * x))
    found = judge(kept(c) | OTHERS[words](c), TOLD)
    assert f"it is that of {words}" in found["mean"].detail, found["mean"]
    assert off(found) == {"mean"}
    assert found["noise"].verdict == found["log_prob"].verdict == "consistent"


def test_a_state_that_was_recorded_a_step_late_is_said_once(judge):
    c = kept(learner(apart=0.0))
    found = judge(c | {"x_t": stale(c["x_t"])}, TOLD)
    assert found["x_t"].detail.startswith("x_t is that of the step before")
    assert off(found) == {"x_t"}


def test_noise_of_another_width_is_held_against_others_in_its_own(judge):
    """No neighbours, pairs or means are told of numbers that are merely wide."""
    c = kept(learner(apart=0.0, draw=lambda mean, std, n: mean + std / 8**-0.5 * n))
    told = judge(c, TOLD)["noise"].detail
    assert "2.8 times as wide at every step" in told
    for words in ("a mean,", "go together", "moves with", "two rows"):
        assert words not in told, told


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-(3**0.5), 3**0.5), (-1.7, 2.7)])
def test_uniform_noise_has_its_name(judge, low, high):
    """Whatever its mean: x_t and v, which have one too, are not told beside it."""

    def uniform(mean, std, n):
        return mean + std * (low + (high - low) * torch.special.ndtr(n.double()).float())

    told = judge(kept(learner(apart=0.0, draw=uniform)), TOLD)["noise"].detail
    assert "it is uniform, between" in told, told
    assert "moves with" not in told, told


def test_a_mean_in_half_precision_may_be_what_was_scored(judge):
    """It lies beside the right one as an update does, and is off by what bfloat16 makes."""
    c = kept(learner(apart=0.0))
    t, s, std = (c[n].view(-1, 1, 1, 1) for n in ("t", "s", "std"))
    x, v = (c[n].bfloat16().float() for n in ("x_t", "v"))
    mean = (x - (t - s) * v + std**2 / 2 * right_score(x, v, t)).bfloat16().float()
    short = {"log_prob": density(c["x_s"], mean, std.expand_as(mean))}
    told = judge(c | short, TOLD)["log_prob"].detail
    assert "or the mean that was scored was computed in bfloat16" in told, told
    c = learner(apart=0.2)
    told = judge(kept(c) | {"v": c["v_old"]}, TOLD)["log_prob"].detail
    assert "as another policy's does" in told
    assert "bfloat16" not in told


def test_means_that_the_law_does_not_tell_apart_are_told_apart_by_what_was_scored(judge):
    """At h = 1/8 throughout √h twice in the drift is as wide as no correction at all."""
    found = judge(kept(learner(score=lambda x, v, t: 0 * x, apart=0.0)), TOLD)["mean"]
    assert "no score correction" in found.formula
    assert "√h twice" not in found.formula


def test_levels_that_were_rounded_when_they_were_recorded_are_read_off_a_mean(judge):
    """Of no grid, and rounded at both ends: steps still end where the next ones begin."""
    c = learner(apart=0.0, levels=(0.97, 0.9113, 0.8049, 0.6521, 0.5537, 0.3911, 0.2203))
    short = {n: c[n].bfloat16().float() for n in ("t", "s")}
    c = {n: x for n, x in c.items() if not n.endswith("_old")} | short
    found = judge(c, {"log_prob": "mean"})
    assert "t and s were rounded to bfloat16 when they were recorded" in found["mean"].detail, (
        found["mean"]
    )


def test_a_draw_for_the_whole_batch_has_its_name(judge):
    c = learner(apart=0.0, draw=lambda mean, std, n: mean + std * n[:1])
    told = judge(kept(c), TOLD)["noise"].detail
    assert "it is one for many rows: drawn once and expanded over the batch" in told, told


def test_where_the_mean_is_another_what_is_left_of_x_s_is_told_for_no_noise(judge):
    """It goes on from step to step, is too wide and moves with v: for one reason."""
    c = learner(apart=0.0, moved=lambda x: 4 * torch.sin(5 * x))
    found = judge(kept(c) | {"v": 0.2 * c["x_t"] + 0.4 * torch.tanh(2 * c["v"])}, TOLD)["noise"]
    assert "moves with" in found.detail, found
    for words in ("again", "variance", "two rows"):
        assert words not in found.detail, found


def test_a_sampler_that_was_not_declared_is_told_by_what_was_scored(judge):
    """CPS steps: by their law alone they may be a slip in the sampler that was declared."""
    c = kept(learner(apart=0.0))
    t, s = (c[n].double().view(-1, 1, 1, 1) for n in ("t", "s"))
    std, x, v = s * math.sin(0.4 * math.pi), c["x_t"].double(), c["v"].double()
    mean = (1 - s) * (x - t * v) + (s**2 - std**2).sqrt() * (x + (1 - t) * v)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(8)).double()
    x_s = (mean + std * noise).float()
    logs = density(x_s.double(), mean, std.expand_as(mean)).float()
    steps = {"x_s": x_s, "std": std.flatten().float(), "log_prob": logs}
    told = judge(c | steps, {"log_prob": "mean", "sampler": "sde.transition"})["mean"]
    assert told.formula == "kernels.preserving", told
    assert "declared sampler" in told.detail
