"""Slips of whole runs: what was drawn, scored and scheduled, seen in what most trainers keep."""

import math
from itertools import pairwise

import pytest
import torch

from .policies import density, learner, right_score

STEP = 16  # rows
BARE = ("x_t", "x_s", "v", "t", "s", "std", "log_prob")


def sampled(
    *, noises=None, mean_of=None, std_of=None, scored=density, dtype=torch.float32, rounded=True
):
    """Nine of ten even steps of 16 samples: g = 0.7 √(t/(1 − t)), at t = 1 of the next level.

    Args:
        noises: the noise of a step, from its number, what starts the run and a fresh draw.
        mean_of, std_of: from a step's x, v, t, s, the length of the step after, and g.
        rounded: the state that it starts from is, before the first step.
    """
    made = torch.Generator().manual_seed(7)
    start, pull = (torch.randn(STEP, 4, 6, 6, generator=made) for _ in range(2))
    if rounded:  # what is kept is what was used
        start = start.to(dtype).float()
    levels = [1 - k / 10 for k in range(11)]
    x, rows = start, []
    for k in range(9):
        t, s, after = levels[k : k + 3]
        v = (0.6 * x + 0.3 * torch.tanh(2 * x) + 0.2 * pull).to(dtype).float()
        g = 0.7 * math.sqrt(t / (1 - (levels[1] if t == 1 else t)))
        std, right = g * math.sqrt(t - s), x - (t - s) * (v - g**2 / 2 * right_score(x, v, t))
        std = std if std_of is None else std_of(t, s, s - after, g)
        mean = right if mean_of is None else mean_of(x, v, t, s, s - after, g)
        fresh = torch.randn(x.shape, generator=made)
        x_s = (mean + std * (fresh if noises is None else noises(k, start, fresh))).to(dtype)
        one = torch.ones(STEP)
        x_s = x_s.float()
        rows.append({
            "x_t": x.to(dtype), "x_s": x_s.to(dtype), "v": v.to(dtype), "mean": mean,
            "t": t * one, "s": s * one, "std": std * one,
            "log_prob": scored(x_s, mean, torch.as_tensor(std)),
        })  # fmt: skip
        x = x_s
    return {name: torch.stack([r[name] for r in rows]) for name in rows[0]}


def bare(c, layout="steps first"):
    """What most trainers keep, (T, B) or (B, T)."""
    turned = {n: c[n] if layout == "steps first" else c[n].transpose(0, 1) for n in BARE}
    return {n: x.contiguous() for n, x in turned.items()}


@pytest.mark.parametrize("layout", ["steps first", "batch first"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_one_noise_for_all_steps_is_told_and_no_mean_is_accused(judge, dtype, layout):
    """In half precision what is left of x_s is that noise no closer than a few per cent."""
    one = torch.randn(STEP, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    c = sampled(noises=lambda k, start, fresh: one, dtype=dtype)
    found = judge(bare(c, layout), {"layout": layout})
    before = "step before, of the same sample" if layout == "steps first" else "row before"
    assert f"it is that of the {before} again" in found["noise"].detail, found["noise"]
    assert "another velocity" not in found["noise"].detail
    assert found["mean"].verdict != "differs", found["mean"]


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_a_start_that_was_rounded_after_its_use_is_told_apart_from_samples(judge, kind):
    dtype = getattr(torch, kind)
    found = judge(bare(sampled(dtype=dtype, rounded=False)))["log_prob"]
    said = f"the x_t that sampling starts from was rounded to {kind} when it was stored"
    assert said in found.detail, found
    assert "scored before" not in found.detail
    assert judge(bare(sampled(dtype=dtype)))["log_prob"].verdict == "convention"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_noise_that_is_the_state_of_the_start_is_told_so(judge, dtype):
    c = sampled(noises=lambda k, start, fresh: start if k == 0 else fresh, dtype=dtype)
    found = judge(bare(c))
    assert f"in {STEP} of {9 * STEP} rows it is x_t itself" in found["noise"].detail, found
    assert "another velocity" not in found["noise"].detail
    assert found["mean"].verdict != "differs", found["mean"]
    wrong = judge(bare(sampled(mean_of=lambda x, v, t, s, after, g: x - 1.3 * (t - s) * v)))
    assert "x_t itself" not in wrong["noise"].detail


def test_a_mean_of_the_declared_schedule_is_not_judged_by_a_std_of_another(judge):
    c = sampled(std_of=lambda t, s, after, g: g * math.sqrt(after))
    c["std"][3:] *= 1.07  # no length of a step gives these
    flat = {n: x.flatten(0, 1) for n, x in c.items()}
    found = judge(flat, {"schedule": "flow_grpo", "a": 0.7})
    assert "it is right for the declared g, and the std is not" in found["mean"].detail, found


def test_the_square_of_a_step_whose_angle_is_another_is_still_that(judge):
    """The law of the residuals cannot tell which mean it is; what was scored does."""

    def std_of(t, s, after, g):
        return s * math.cos(0.4 * math.pi)

    def mean_of(x, v, t, s, after, g):
        std = std_of(t, s, after, g)
        return (1 - s) * (x - t * v) + math.sqrt(s**2 - std**2) * (x + (1 - t) * v)

    def square(x_s, mean, std):
        return -((x_s - mean) ** 2).flatten(1).mean(1)

    c = sampled(std_of=std_of, mean_of=mean_of, scored=square)
    found = judge(bare(c), {"sampler": "kernels.preserving", "schedule": "cps", "a": 0.8})
    assert found["log_prob"].verdict == "convention", found["log_prob"]
    assert "bare square" in found["log_prob"].formula


def of_sde(x, v, t, h, g):
    return x - h * (v - g**2 / 2 * right_score(x, v, t))


def test_steps_of_the_velocity_of_the_step_before_are_told_of_the_mean(judge):
    """A cache that is a step late, and right at the first: what was scored is what was drawn."""
    past = []

    def mean_of(x, v, t, s, after, g):
        past.append(v)
        return of_sde(x, past[max(0, len(past) - 2)], t, t - s, g)

    found = judge(bare(sampled(mean_of=mean_of)))
    assert "it is that of the velocity of the step before" in found["mean"].detail, found
    assert found["log_prob"].verdict == "convention", found["log_prob"]
    assert found["noise"].verdict == "consistent", found["noise"]


@pytest.mark.parametrize(
    ("over", "weight", "said"),
    [(lambda t, s: 1 - t, lambda t: 1 - t, "is divided by 1 − t where t is meant"),
     (lambda t, s: t * (1 - t), lambda t: t,
      "is divided by t (1 − t) where t is meant, and made of x_t + (t) v where x_t + (1 − t) v is"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kept", [BARE, (*BARE, "mean")], ids=["bare", "mean"])
def test_a_score_of_other_levels_is_read_below_a_guard_at_1(judge, kept, over, weight, said):
    """At t = 1 these have no value, and the trainer takes another one."""

    def mean_of(x, v, t, s, after, g):
        t = 0.97 if t == 1 else t
        return x - (0.1 if t == 0.97 else t - s) * (v + 0.045 * (x + weight(t) * v) / over(t, s))

    c = sampled(std_of=lambda t, s, after, g: 0.3 * math.sqrt(t - s), mean_of=mean_of)
    found = judge({n: c[n] for n in kept})["mean"]
    assert f"below t = 1 the score in it {said}" in found.detail, found


def test_a_score_of_no_level_has_no_name_below_a_guard_at_1(judge):
    def mean_of(x, v, t, s, after, g):
        return x - (t - s) * (v + 0.045 * (x + (1 - t) * v) / (0.9 - 0.7 * t))

    c = sampled(std_of=lambda t, s, after, g: 0.3 * math.sqrt(t - s), mean_of=mean_of)
    found = judge({n: x for n, x in c.items() if n != "log_prob"})["mean"]
    assert found.verdict == "differs"
    assert "the score in it is" not in found.detail, found


def test_levels_that_were_cut_in_the_mean_alone_are_told(judge):
    """1000 · 0.9 is 900 in float32, and one less where it is widened before."""
    levels = torch.tensor([0.9876, 0.9, 0.7891, 0.6543, 0.5, 0.4321, 0.3217, 0.2345, 0.15])
    made = torch.Generator().manual_seed(4)
    x, rows = torch.randn(STEP, 4, 6, 6, generator=made), []
    for t, s in pairwise(levels):
        v, g = 0.6 * x + 0.3 * torch.tanh(2 * x), 0.4
        u, w = (torch.floor(1000 * y) / 1000 for y in (t, s))
        mean, std = of_sde(x, v, u, u - w, g), g * torch.sqrt(t - s)
        noise = torch.randn(x.shape, generator=made)
        rows.append({
            "x_t": x, "x_s": mean + std * noise, "v": v, "mean": mean, "noise": noise,
            "t": t.expand(STEP), "s": s.expand(STEP), "std": std.expand(STEP),
        })  # fmt: skip
        x = rows[-1]["x_s"]
    found = judge({n: torch.cat([r[n] for r in rows]) for n in rows[0]})["mean"]
    assert "it is right for levels cut to thousandths; its g is that of its own" in found.detail


def test_a_level_of_noise_is_told_by_the_declared_one(judge):
    found = judge(bare(sampled()), {"schedule": "flow_grpo", "a": 0.49})["schedule"]
    assert "0.7 is √a: a stands under the root" in found.detail, found


def test_what_equals_something_is_not_said_before_to_equal_nothing(judge):
    c = sampled(mean_of=lambda x, v, t, s, after, g: of_sde(x, v, t, t - s, math.sqrt(g)))
    found = judge({n: x.flatten(0, 1) for n, x in c.items()})["mean"]
    assert found.detail.startswith("it equals the mistake"), found


@pytest.mark.parametrize(
    ("times", "said"), [(1, "+ log(std) − log(2 π)/2"), (-2, "− log(std)·2 − log(2 π)/2")]
)
def test_a_density_that_is_averaged_is_read_as_one_where_nothing_is_declared(judge, times, said):
    """As a sum each of its terms would be another."""

    def scored(x_s, mean, std):
        return density(x_s, mean, std) + (1 + times) * torch.log(std)

    found = judge(bare(sampled(scored=scored)))["log_prob"]
    assert f"it computes  −(x_s − mean)²/(2 std²) {said}  where" in found.detail, found


def test_a_number_of_another_sample_is_told_so_where_its_steps_follow_each_other(judge):
    c = bare(sampled(), "batch first")
    c["log_prob"] = c["log_prob"].roll(1, 0)
    found = judge(c, {"layout": "batch first"})["log_prob"]
    assert "right for other samples of the same step: row 9 has that of row 0" in found.detail


def test_a_density_under_the_reference_is_told_so(judge):
    c = learner()
    c["v_ref"] = c["v_old"] + 0.05 * torch.sin(3 * c["x_t"])
    t, s, std = (c[n].view(-1, 1, 1, 1) for n in ("t", "s", "std"))
    g = std / (t - s).sqrt()
    of_ref = c["x_t"] - (t - s) * (c["v_ref"] - g**2 / 2 * right_score(c["x_t"], c["v_ref"], t))
    found = judge(c | {"log_prob_old": density(c["x_s"], of_ref, std)})["log_prob_old"]
    assert "it is that of another policy's velocity, v_ref" in found.detail, found


def test_a_ratio_of_ones_is_told_for_a_detached_one_before_it_is_put_down_to_rounding(judge):
    c = {"log_prob_old": 0.6 + 0.3 * torch.rand(64, generator=torch.Generator().manual_seed(3))}
    c["log_prob"] = c["log_prob_old"] + 3e-4 * torch.cos(7 * c["log_prob_old"])
    found = judge(c | {"ratio": torch.ones(64)})["ratio"]
    assert found.verdict == "differs"
    assert "it is 1 in every row" in found.detail, found
    assert found.detail.index("detached") < found.detail.index("rounded to bfloat16")


def test_an_estimate_that_float32_has_all_but_cancelled_is_not_judged(judge):
    """Which of two directions it has is lost with its digits."""
    c = learner(apart=2e-2)
    c["v_ref"] = c["v"] + 2e-2 * torch.cos(3 * c["x_t"])
    t, s, std = (c[n].view(-1, 1, 1, 1) for n in ("t", "s", "std"))
    g = std / (t - s).sqrt()
    of_ref = c["x_t"] - (t - s) * (c["v_ref"] - g**2 / 2 * right_score(c["x_t"], c["v_ref"], t))
    log = c["log_prob"] - density(c["x_s"], of_ref, std)
    kl = torch.exp(log) - log - 1
    assert 0 < float(kl.max()) < 1e-5
    found = judge(c | {"kl": kl})["kl"]
    assert found.verdict == "not checked", found
    assert "expm1" in found.detail
    assert judge(c | {"kl": kl + 3e-5 * torch.sin(1e3 * log)})["kl"].verdict == "differs"
