"""Wrong runs that no list has: the formula that they followed is read from the numbers, or nothing.

    STEPS: a hook of a sampler that is written out here       LOSSES, ADVANTAGES, RATIOS: one line

Nothing of refimpl's makes the runs' numbers.
"""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from refimpl.audit.judging import readings
from refimpl.conformance.diagnosis.readings import Explanation

TOLD = {"log_prob": "mean", "kl_reduction": "mean", "constants": "kept", "a": 0.7}
HALF_LOG_2PI = math.log(2 * math.pi) / 2


def right_score(x, v, t, s):
    return -(x + (1 - t) * v) / t


def density(x, mean, std, h, g):
    return -((x - mean) ** 2) / (2 * std**2) - torch.log(std) - HALF_LOG_2PI


def run(
    *, score=right_score, draw=lambda std, g, h: std, log_prob=density, velocity=lambda v, past: v,
    gap=lambda d, std, g, h: d**2 / (2 * std**2), g_of=None, reduce=lambda each: each.mean(1),
    keep=lambda x: x, share=0.5,
) -> dict[str, Tensor]:  # fmt: skip
    """A run of ten steps in float32, as a trainer would write it."""
    made = torch.Generator().manual_seed(11)
    x, pull = (torch.randn(16, 4, 6, 6, generator=made) for _ in range(2))
    u = torch.linspace(1, 0.02, 10, dtype=torch.float64)
    levels = (3 * u / (1 + 2 * u)).float()
    rows, past = [], None
    for t, s in pairwise(levels):
        h, top = t - s, levels[1]
        v = 0.35 * x - 0.2 * torch.tanh(x) + 0.1 * pull * (1 + t)
        g = 0.7 * torch.sqrt(t / (1 - torch.where(t == 1, top, t))) if g_of is None else g_of(t, s)
        std, used = g * torch.sqrt(h), velocity(v, past)
        others = used + 0.3 * torch.sin(x)
        mean, other = (x - h * (w - share * g**2 * score(x, w, t, s)) for w in (used, others))
        noise = torch.randn(x.shape, generator=made)
        x_s = keep(mean + draw(std, g, h) * noise)
        rows.append({
            "x_t": x, "x_s": x_s, "v": v, "noise": noise, "mean": mean, "mean_ref": other,
            "v_ref": others, "t": t.expand(16), "s": s.expand(16), "std": std.expand(16),
            "log_prob": reduce(log_prob(x_s, mean, std, h, g).flatten(1)),
            "kl": gap(mean - other, std, g, h).flatten(1).mean(1),
        })  # fmt: skip
        x, past = x_s, v
    return {name: torch.cat([r[name] for r in rows]) for name in rows[0]}


STEPS = {
    "score over s": ("mean", "−noise_hat/s", dict(score=lambda x, v, t, s: -(x + (1 - t) * v) / s)),
    "1 − s for 1 − t": ("mean", "x + (1 − s) v  where  x + (1 − t) v",
                        dict(score=lambda x, v, t, s: -(x + (1 - s) * v) / t)),
    "data for noise": ("mean", "x − t v  where", dict(score=lambda x, v, t, s: -(x - t * v) / t)),
    "score without x": ("mean", "(1 − t) v  where",
                        dict(score=lambda x, v, t, s: -(1 - t) * v / t)),
    "a floor in the score": ("mean", "−noise_hat/maximum(t, 0.5)",
                             dict(score=lambda x, v, t, s: -(x + (1 - t) * v) / t.clamp(min=0.5))),
    "six tenths for a half": ("mean", "1.2 (−noise_hat/t)", dict(share=0.6)),
    "the step before's velocity": ("mean", "the velocity of the step before",
                                   dict(velocity=lambda v, past: v if past is None else past)),
    "g at s": ("schedule", "g at the end of the step",
               dict(g_of=lambda t, s: 0.7 * torch.sqrt(s / (1 - s)))),
    "noise by √h": ("x_s", "√h noise", dict(draw=lambda std, g, h: h.sqrt())),
    "half of the noise": ("x_s", "std noise/2", dict(draw=lambda std, g, h: std / 2)),
    "x_s held at 2": ("x_s", "the sample held between −2 and 2",
                      dict(keep=lambda x: x.clamp(-2, 2))),
    "log of the variance": ("log_prob", "log(std)·2", dict(
        log_prob=lambda x, m, std, h, g: density(x, m, std, h, g) - torch.log(std))),
    "the other sign": ("log_prob", "of the wrong sign",
                       dict(log_prob=lambda *told: -density(*told))),
    "Laplace": ("log_prob", "−abs(residual/std) − log(2 std)", dict(
        log_prob=lambda x, m, std, h, g: -(x - m).abs() / std - torch.log(2 * std))),
    "eps beside std": ("log_prob", "std + 0.01  where  std", dict(
        log_prob=lambda x, m, std, h, g: density(x, m, std + 0.01, h, g))),
    "a floor of std": ("log_prob", "maximum(std, 0.3)", dict(
        log_prob=lambda x, m, std, h, g: density(x, m, std.clamp(min=0.3), h, g))),
    "√h for std": ("log_prob", "log(√h)", dict(
        log_prob=lambda x, m, std, h, g: density(x, m, h.sqrt(), h, g))),
    "over √D": ("log_prob", "sum over √D", dict(reduce=lambda each: each.sum(1) / 12)),
    "the batch's mean": ("log_prob", "the whole batch was reduced",
                         dict(reduce=lambda each: each.mean().expand(16))),
    "held from below": ("log_prob", "−0.5", dict(reduce=lambda each: each.mean(1).clamp(min=-0.5))),
    "ten times the KL": ("kl", "10 average(each)",
                         dict(gap=lambda d, std, g, h: 10 * d**2 / (2 * std**2))),
    "KL of the other sign": ("kl", "computes  −average(each)  where",
                             dict(gap=lambda d, std, g, h: -(d**2) / (2 * std**2))),
}  # fmt: skip
"""Subject, what is said, and what was done."""


@pytest.mark.parametrize("name", STEPS)
def test_a_wrong_step_that_no_list_has_is_read(judge, name):
    subject, says, hooks = STEPS[name]
    found = judge(run(**hooks), TOLD)[subject]
    assert found.verdict == "differs", found
    assert says in found.detail, found


def test_a_run_in_data_time_is_read_as_well(judge):
    c = run(score=lambda x, v, t, s: -(x + (1 - s) * v) / t)
    c = c | {n: 1 - c[n] for n in ("t", "s")} | {n: -c[n] for n in ("v", "v_ref")}
    found = judge(c, TOLD | {"time": "data"})["mean"]
    assert "x + (1 − s) v  where  x + (1 − t) v" in found.detail, found


def test_nothing_is_said_of_a_density_whose_mean_is_not_known(judge):
    """Without the recorded mean, a wrong one leaves the log-probability open where noise tells it;
    without both, the log-probability does."""
    c = run(score=lambda x, v, t, s: -(x + (1 - t) * v) / s)
    drawn = judge({n: x for n, x in c.items() if n != "mean"}, TOLD)
    assert drawn["log_prob"].verdict == "not checked", drawn["log_prob"]
    assert "−noise_hat/s" in drawn["x_s"].detail
    plain = judge({n: x for n, x in c.items() if n not in ("mean", "noise")}, TOLD)
    assert plain["log_prob"].verdict == "consistent", plain["log_prob"]
    assert "−noise_hat/s" in plain["mean"].detail


def test_the_run_without_a_hook_is_right(judge):
    report = judge(run(), TOLD | {"kl": "kl.flow_grpo"})["report"]
    assert not [f for f in report.findings if f.verdict == "differs"]


def learned(*, ratio=lambda new, old: (new - old).exp(), loss=None):
    made = torch.Generator().manual_seed(4)
    old, moved, a, kl = (torch.randn(96, generator=made, dtype=torch.float64) for _ in range(4))
    old, kl = 0.1 * old - 1.4, 0.1 * kl**2
    r, clip, beta = ratio(old + 0.2 * moved, old), 0.2, 0.04
    surrogate = torch.minimum(r * a, r.clamp(1 - clip, 1 + clip) * a)
    whole = -(surrogate - beta * kl) if loss is None else loss(r, a, surrogate, kl)
    return {"log_prob": old + 0.2 * moved, "log_prob_old": old, "ratio": r, "advantages": a,
            "kl": kl, "loss": whole}  # fmt: skip


LEARNED = {
    "log-ratio held": ("ratio", "the log-ratio held between −0.1 and 0.1",
                       dict(ratio=lambda n, o: (n - o).clamp(-0.1, 0.1).exp())),
    "log-ratio for ratio": ("ratio", "The log-ratio is taken for the ratio",
                            dict(ratio=lambda n, o: n - o)),
    "three times": ("ratio", "3 (log_prob − log_prob_old)",
                    dict(ratio=lambda n, o: (3 * (n - o)).exp())),
    "a quotient": ("ratio", "log p/log p_old stands for exp(log p − log p_old)",
                   dict(ratio=lambda n, o: n / o)),
    "clip(r A)": ("loss", "clip(r A)", dict(
        loss=lambda r, a, s, kl: -(torch.minimum(r * a, (r * a).clamp(0.8, 1.2)) - 0.04 * kl))),
    "min of the losses": ("loss", "which is max of the losses −r A and −clip(r) A", dict(
        loss=lambda r, a, s, kl: torch.minimum(-r * a, -r.clamp(0.8, 1.2) * a) + 0.04 * kl)),
    "min of the losses, beside another": ("loss", "for min (min of the losses for max)", dict(
        loss=lambda r, a, s, kl: torch.minimum(-r * a, -r.clamp(0.8, 1.2) * a) + 0.04 * r * kl)),
    "ratio times KL": ("loss", "β ratio kl",
                       dict(loss=lambda r, a, s, kl: -(s - 0.04 * r * kl))),
    "the batch's KL": ("loss", "the KL in it is the mean over all rows",
                       dict(loss=lambda r, a, s, kl: -(s - 0.04 * kl.mean()))),
    "another β": ("loss", "declared beta = 0.04, and the numbers have clip 0.2",
                  dict(loss=lambda r, a, s, kl: -(s - 0.08 * kl))),
    "log ratio times A": ("loss", "−log(ratio) advantage",
                          dict(loss=lambda r, a, s, kl: -(r.log() * a - 0.04 * kl))),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNED)
def test_a_wrong_ratio_or_loss_that_no_list_has_is_read(judge, name):
    subject, says, hooks = LEARNED[name]
    found = judge(learned(**hooks), {"clip": 0.2, "beta": 0.04})
    assert found[subject].verdict == "differs", found
    assert says in found[subject].detail, found
    if name == "log-ratio for ratio":
        assert "never negative" in found["loss"].detail


def centred(r):
    return r - r.mean(1, keepdim=True)


def std(r):
    return r.std(1, unbiased=False, keepdim=True)


ADVANTAGES = {
    "the other sign": ("of the wrong sign", lambda r: -centred(r) / (std(r) + 1e-4)),
    "less the largest": ("less the group's largest",
                         lambda r: (r - r.max(1, keepdim=True).values) / (std(r) + 1e-4)),
    "over the range": ("over the group's range", lambda r: centred(r)
                       / (r.max(1, keepdim=True).values - r.min(1, keepdim=True).values)),
    "less the batch's mean": ("less the batch's mean, over the group's std",
                              lambda r: (r - r.mean()) / (std(r) + 1e-4)),
    "a floor of std": ("at least 0.2", lambda r: centred(r) / std(r).clamp(min=0.2)),
    "another group's": ("each group's in the place of the next",
                        lambda r: (centred(r) / (std(r) + 1e-4)).roll(1, 0)),
    "torch's median": ("the lower of the group's two medians", lambda r:
                       (r - r.median(1, keepdim=True).values) / (std(r) + 1e-4)),
    "no negative ones": ("maximum(centred/(√variance + eps), 0)",
                         lambda r: (centred(r) / (std(r) + 1e-4)).clamp(min=0)),
    "one end": ("minimum(centred/(√variance + eps), 0.5)",
                lambda r: (centred(r) / (std(r) + 1e-4)).clamp(max=0.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", ADVANTAGES)
def test_wrong_advantages_that_no_list_has_are_read(judge, name):
    says, rule = ADVANTAGES[name]
    made = torch.Generator().manual_seed(1)
    rewards = 0.2 * torch.randn(8, 8, generator=made) + torch.randn(8, 1, generator=made)
    found = judge({"rewards": rewards, "advantages": rule(rewards)})["advantages"]
    assert found.verdict == "differs"
    assert says in found.detail, found


def test_nothing_is_said_where_nothing_fits(judge):
    """A bend that no edit makes, in each quantity in its turn."""
    bent = run(log_prob=lambda *told: density(*told) + 0.2 * told[0] * told[0].sin())
    found = judge(bent, TOLD)["log_prob"]
    assert found.detail == "equals no formula that is known for it"
    loss = learned(loss=lambda r, a, s, kl: torch.cos(3 * r) * a + kl.sin())
    found = judge(loss, {"clip": 0.2, "beta": 0.04})["loss"]
    assert found.detail == "equals no formula that is known for it"


def test_numbers_below_their_rounding_are_not_read(judge):
    """A KL of two policies that hardly differ could follow from anything."""
    c = run()
    c["kl"] = 1e-7 * c["kl"].square()
    del c["mean_ref"]
    c["v_ref"] = c["v"] + 1e-5
    assert judge(c, TOLD)["kl"].detail == "equals no formula that is known for it"


def test_latents_of_real_size_are_read_by_their_squares(judge, monkeypatch):
    """Beyond some width a row stands for its coordinates by two that are as large on average."""
    monkeypatch.setattr("refimpl.audit.reporting.unexplained._WIDEST", 64)
    floor = run(log_prob=lambda x, m, std, h, g: density(x, m, std.clamp(min=0.3), h, g))
    assert "maximum(std, 0.3)" in judge(floor, TOLD)["log_prob"].detail
    summed = run(
        reduce=lambda each: each.sum(1),
        log_prob=lambda x, m, std, h, g: density(x, m, std, h, g) - torch.log(std),
    )
    assert "log(std)·2" in judge(summed, TOLD | {"log_prob": "sum"})["log_prob"].detail
    tenfold = run(gap=lambda d, std, g, h: 10 * d**2 / (2 * std**2))
    assert "10 average(each)" in judge(tenfold, TOLD)["kl"].detail
    bent = run(log_prob=lambda *told: density(*told) + 0.2 * told[0] * told[0].sin())
    assert judge(bent, TOLD)["log_prob"].detail == "equals no formula that is known for it"


@pytest.mark.parametrize(("off", "told"), [(0.0, "it computes  log_prob  is meant"), (0.1, "")])
def test_a_reading_is_held_to_the_rounding_of_what_was_recorded(monkeypatch, off, told):
    """Not to that of the sum of which it may have been an edit, whose tolerance is larger."""
    new, old = torch.linspace(-1, 1, 16)[:, None].double(), torch.zeros(16, 1).double()
    cases, got = readings.cases_of({"log_prob": new, "log_prob_old": old}, new)
    own = Explanation(
        "edit", "log_prob", 0.0, "", "", says=lambda i: {"value": i["log_prob"] + off}
    )
    monkeypatch.setattr(readings, "explain", lambda *given: [own])
    assert readings.read("ratio", cases, got, 2.0**-53).startswith(told)
    assert bool(readings.read("ratio", cases, got, 2.0**-53)) == bool(told)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_numbers_are_not_read(judge, n):
    """Any formula with a number of its own gives one, two or three."""
    for content, subject in (
        (run(log_prob=lambda x, m, std, h, g: -(x - m).abs() / std), "log_prob"),
        (learned(ratio=lambda new, old: new / old), "ratio"),
    ):
        found = judge({name: x[:n] for name, x in content.items()}, TOLD | {"clip": 0.2})
        assert found[subject].detail == "equals no formula that is known for it"


def test_what_depends_on_nothing_is_said_to_be_one_number(judge):
    c = run()
    assert judge(c | {"log_prob": 0 * c["log_prob"] + 1}, TOLD)["log_prob"].detail.endswith(
        "it is 1 everywhere"
    )
    made = torch.Generator().manual_seed(1)
    rewards = torch.randn(8, 8, generator=made)
    told = judge({"rewards": rewards, "advantages": torch.ones(8, 8)})["advantages"].detail
    assert told.endswith("it is 1 everywhere")


def test_a_density_that_follows_from_the_noise_alone_is_not_called_rounded(judge):
    c = run()
    bare = {n: x for n, x in c.items() if n not in ("v", "v_ref")}
    found = judge(bare | {"mean": 0 * c["mean"]}, TOLD)["log_prob"]
    assert "right for the noise, of which x_s − mean is not made" in found.detail, found


def test_no_number_is_read_off_what_all_rewards_have_in_common(judge):
    """Advantages without a std are over any number of the batch, times a number of its own."""
    made = torch.Generator().manual_seed(1)
    rewards = 0.2 * torch.randn(8, 8, generator=made) + torch.randn(8, 1, generator=made)
    told = {"advantage_std": "group", "ddof": 0, "eps": 0.0}
    found = judge({"rewards": rewards, "advantages": centred(rewards) * 8 / 7}, told)["advantages"]
    assert found.verdict == "differs"
    assert "times the batch's" not in found.detail
    assert "size of the group" not in found.detail


def test_no_estimate_is_believed_that_would_give_zeros_as_well(judge):
    """The rounding of k1's two log-densities is larger than a small divergence."""
    c = run(score=lambda x, v, t, s: -(x + (1 - t) * v) / s)
    t, s, std = (c[name].view(-1, 1, 1, 1) for name in ("t", "s", "std"))
    x, h, v = c["x_t"], t - s, c["v"] + 0.03 * torch.cos(3 * c["x_t"])
    other = x - h * (v - (std**2 / h) / 2 * right_score(x, v, t, s))
    c |= {"v_ref": v, "kl": ((c["mean"] - other) ** 2 / (2 * std**2)).flatten(1).mean(1)}
    found = judge({n: y for n, y in c.items() if n not in ("mean", "mean_ref")}, TOLD)["kl"]
    assert found.formula == "", found


def test_a_schedule_of_ones_own_is_a_convention_unless_another_was_declared(judge):
    c = run(g_of=lambda t, s: 0.7 * t)
    own = judge(c, {"log_prob": "mean", "kl_reduction": "mean"})
    assert own["schedule"].verdict == "convention"
    assert not [f for f in own["report"].findings if f.verdict == "differs"]
    assert judge(c, TOLD)["schedule"].verdict == "differs"


def test_a_density_of_the_state_before_the_step_is_told_so(judge):
    c = run()
    mean, std = c["mean"], c["std"].view(-1, 1, 1, 1)
    c["log_prob"] = density(c["x_t"], mean, std, 0, 0).flatten(1).mean(1)
    found = judge(c, TOLD)["log_prob"]
    assert "it is that of x_t, the state before the step" in found.detail, found


def test_a_mean_with_the_levels_of_another_step_is_told_so(judge):
    """The sampler's counter is raised before the step is taken, for all that a step knows of it."""
    c, step = run(), 16
    wrong = c | {n: torch.cat([c[n][step:], c[n][-step:]]) for n in ("t", "s", "std")}
    kept = {n: x[:-step] for n, x in wrong.items()}
    found = judge(kept | {"log_prob": kept["log_prob"]}, {"log_prob": "mean"})
    assert "the levels of the step before" in found["mean"].detail, found["mean"]


@pytest.mark.parametrize("kept", [("mean", "mean_ref"), ()], ids=["means recorded", "made of v"])
def test_a_number_made_of_the_mean_of_another_step_is_told_so(judge, kept):
    """A buffer that is read before it is filled; of the first step there is nothing before."""
    c, step = run(), 16
    late = {n: c[n].roll(step, 0) for n in ("mean", "mean_ref")}
    std = c["std"].view(-1, 1, 1, 1)
    c["kl"] = ((c["mean"] - late["mean_ref"]) ** 2 / (2 * std**2)).flatten(1).mean(1)
    c["log_prob"] = density(c["x_s"], late["mean"], std, 0, 0).flatten(1).mean(1)
    gone = {"mean", "mean_ref"} - set(kept)
    found = judge({n: x for n, x in c.items() if n not in gone}, TOLD | {"kl": "kl.flow_grpo"})
    assert "it is that from the reference's mean of the step before" in found["kl"].detail, found
    assert "it is about the mean of the step before" in found["log_prob"].detail, found


FEW = {"schedule": "flow_grpo", "a": 0.7}


@pytest.mark.parametrize(
    ("g", "said"),
    [(lambda t, s: 0.7 * torch.sqrt(s / (1 - s)), "g at the end of the step"),
     (lambda t, s: 0.7 * t, "equals the mistake 'g = a t'"),
     (lambda t, s: 0.31 + 0.77 * t**1.7, "no schedule with a name: g(1) = 1.08")],
)  # fmt: skip
def test_a_schedule_of_few_levels_is_read_where_it_has_no_number_of_its_own(make, judge, g, said):
    c = {n: x for n, x in make(T=8).items() if n in ("x_t", "t", "s", "std")}
    c["std"] = g(c["t"], c["s"]) * torch.sqrt(c["t"] - c["s"])
    assert said in judge(c, FEW)["schedule"].detail


def test_a_density_about_the_state_before_the_step_is_told(make, judge, kit):
    c = make()
    z = (c["x_s"] - c["x_t"]) / kit["rows"](c, "std")
    each = -(z**2) / 2 - torch.log(kit["rows"](c, "std")) - math.log(2 * math.pi) / 2
    c["log_prob"] = each.flatten(1).sum(1)
    assert "(x_s − x)²/(2 std²)" in judge(c)["log_prob"].detail


@pytest.mark.parametrize("how", ["sum", "mean"])
def test_a_divergence_made_of_velocities_is_told_in_either_reduction(judge, how):
    """The paper's weight, h/2 ((1 − t) g/(2 t) + 1/g)², with 1 + t for 1 − t."""
    c = run()
    t, s, std = (c[n].view(-1, 1, 1, 1) for n in ("t", "s", "std"))
    g, gap = std / torch.sqrt(t - s), c["v"] - c["v_ref"]
    each = ((t - s) / 2 * ((1 + t) * g / (2 * t) + 1 / g) ** 2 * gap**2).flatten(1)
    c["kl"] = getattr(each, how)(1)
    bare = {n: x for n, x in c.items() if n not in ("mean", "mean_ref", "log_prob")}
    for declared in ({"a": 0.7}, {"a": 0.7, "kl_reduction": how}):
        found = judge(bare, declared)["kl"]
        assert "h/2 (g (1 + t)/(2 t) + 1/g)² (v − v_ref)²  where" in found.detail, found.detail


@pytest.mark.parametrize(
    ("share", "said"),
    [(lambda D: 1 / D, "is 1/D, of D ="), (lambda D: D**-0.5, "is 1/√D, of D ="),
     (float, "is D, of D ="), (lambda D: 0.37, "")],
)  # fmt: skip
def test_a_number_that_counts_coordinates_is_told_so(judge, share, said):
    """The squares of all coordinates, and their constants another number of times."""
    c = run(reduce=lambda each: each.sum(1))
    D, std = c["x_s"][0].numel(), c["std"].view(-1, 1, 1, 1)
    z = ((c["x_s"] - c["mean"]) / std).flatten(1)
    constants = D * (torch.log(c["std"]) + math.log(2 * math.pi) / 2)
    c["log_prob"] = -(z**2).sum(1) / 2 - share(D) * constants
    found = judge({n: x for n, x in c.items() if n != "kl"}, {"log_prob": "sum"})["log_prob"]
    assert found.verdict == "differs"
    assert said in found.detail, found
    assert bool(said) == ("Here" in found.detail), found


def test_a_loss_is_told_in_its_own_signs_and_a_factor_of_one_as_none(judge):
    """A small term's factor is lost in the rounding of the large one."""

    def wrong(r, a, s, kl):
        return -s + 0.04 * kl * a

    c = {n: x.float() for n, x in learned(loss=wrong).items()}
    found = judge(c, {"clip": 0.2, "beta": 0.04})["loss"]
    assert "−surrogate + β advantage kl  where  −surrogate + β kl" in found.detail, found


@pytest.mark.parametrize("name", ["median", "range"])
def test_no_clamp_that_changes_nothing_is_offered(judge, name):
    """Of rewards that lie between its ends."""
    made = torch.Generator().manual_seed(1)
    r = 0.8 * torch.rand(8, 8, generator=made) - 0.4
    low, high = r.min(1, keepdim=True).values, r.max(1, keepdim=True).values
    rules = {"median": (r - r.median(1, keepdim=True).values) / (std(r) + 1e-4),
             "range": (r - low) / (high - low)}  # fmt: skip
    found = judge({"rewards": r, "advantages": rules[name]})["advantages"].detail
    assert name in found
    assert "held" not in found
    assert "more that give" not in found
    wide = torch.where(torch.arange(8) == 0, 3.0, r)
    held = wide.clamp(-1, 1)
    wrong = (held - held.median(1, keepdim=True).values) / (std(held) + 1e-4)
    found = judge({"rewards": wide, "advantages": wrong})["advantages"].detail
    assert "held between −1 and 1" in found, found
