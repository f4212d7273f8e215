"""Losses and ratios that are right for other rows, for other columns, or up to a weight."""

import math

import pytest
import torch

from refimpl.audit.judging import composed, relearnt
from refimpl.audit.judging.finding import UNLISTED
from refimpl.audit.judging.updates import Part
from refimpl.equations import grpo

STEPS, BATCH = 6, 8
CLIP, BETA = 1e-3, 0.04
DECLARED = {"clip": CLIP, "beta": BETA}


def of_steps(x):
    return x.reshape(STEPS, BATCH)


def update(
    loss=lambda c: plain(c), ratio=lambda new, old: (new - old).exp(), spread=1e-3, **changed
):  # fmt: skip
    """Rows of an update, steps one after another; `loss` and `ratio` of the columns."""
    draw = torch.Generator().manual_seed(3)

    def randn(n=STEPS * BATCH):
        return torch.randn(n, generator=draw, dtype=torch.float64)

    old = randn() * 0.1 - 1.4
    c = {
        "t": torch.linspace(1, 0.2, STEPS).double().repeat_interleave(BATCH),
        "s": torch.linspace(0.84, 0.04, STEPS).double().repeat_interleave(BATCH),
        "log_prob": old + spread * randn(), "log_prob_old": old,
        "advantages": randn(BATCH).repeat(STEPS), "kl": 0.1 * randn() ** 2,
    }  # fmt: skip
    c["ratio"] = ratio(c["log_prob"], c["log_prob_old"])
    c["loss"] = loss(c)
    return c | changed


def plain(c, clip=CLIP, beta=BETA, weight=1.0):
    r, a = c["ratio"], c["advantages"]
    held = r.clamp(1 - clip, 1 + clip)
    return -weight * torch.minimum(r * a, held * a) + beta * c["kl"]


def but(name, change):
    return lambda c: plain(c | {name: change(c[name])})


def moved(by, dim):
    return lambda x: of_steps(x).roll(by, dim).reshape(-1)


def white_of_steps(x):
    x = of_steps(x)
    return ((x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)).reshape(-1)


def mean_of_steps(x):
    return of_steps(x).mean(dim=1, keepdim=True).expand(STEPS, BATCH).reshape(-1)


def h(c):
    return c["t"] - c["s"]


def shuffled(x):
    order = torch.randperm(BATCH, generator=torch.Generator().manual_seed(1))
    return of_steps(x)[:, order].reshape(-1)


LOSSES = {
    "another sample's A": (
        but("advantages", moved(1, 1)), "A in it is of the sample before"),
    "A in another order": (but("advantages", shuffled), "are those of other samples"),
    "another sample's KL": (but("kl", moved(-1, 1)), "KL in it is of the next sample"),
    "the step before's KL": (
        but("kl", moved(1, 0)), "KL in it is of the same sample in the step before"),
    "a step's mean KL": (but("kl", mean_of_steps), "KL in it is the mean over the step's samples"),
    "|A|": (but("advantages", torch.abs), "|A| stands for A"),
    "sign of A": (but("advantages", torch.sign), "the sign of A stands for A"),
    "A is 1": (but("advantages", torch.ones_like), "the advantages do not enter"),
    "the step's number": (
        but("advantages", lambda a: a[:STEPS].repeat_interleave(BATCH)),
        "A in it is of the sample that has the step's number"),
    "A held": (but("advantages", lambda a: a.clamp(-0.8, 0.8)), "held between −0.8 and 0.8"),
    "over T": (lambda c: plain(c) / STEPS, "it is 1/6, the steps, times"),
    "√h": (lambda c: plain(c) * h(c) ** 0.5, "it is √h times the right one"),
    "√h, policy alone": (lambda c: plain(c, weight=h(c) ** 0.5), "policy's term in it is √h times"),
    "REINFORCE": (
        lambda c: -c["advantages"] * c["log_prob"] + BETA * c["kl"], "as in REINFORCE"),
    "both numbers": (lambda c: plain(c, 2e-3, 0.01), "declared beta = 0.04, clip = 0.001, and"),
    "mean over B − 1": (
        lambda c: (plain(c).mean() * STEPS * BATCH / (STEPS * BATCH - 1)).expand(STEPS * BATCH),
        "48/47, the rows over one less"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_other_numbers_is_told_for_it(judge, name):
    loss, says = LOSSES[name]
    if name in ("√h", "√h, policy alone"):  # h is one number on a uniform grid
        c = update()
        c["s"] = c["t"] - torch.linspace(0.2, 0.1, STEPS).double().repeat_interleave(BATCH)
        c["loss"] = loss(c)
    else:
        c = update(loss)
    found = judge(c, DECLARED)["loss"]
    assert found.verdict == "differs"
    assert says in found.detail, found


def by(rule, weight=1.0, beta=BETA):
    """A loss whose policy's term is made of ratio and advantage by a rule."""
    return lambda c: -weight * rule(c["ratio"], c["advantages"]) + beta * c["kl"]


def rewarded():
    """Rewards and advantages of two groups of samples, as rows have them."""
    draw = torch.Generator().manual_seed(5)
    rewards = torch.rand(2, BATCH // 2, generator=draw, dtype=torch.float64) + 0.4
    ids = torch.arange(2.0).double()[:, None].expand_as(rewards)
    made = {"rewards": rewards, "advantages": rule(rewards), "groups": ids}
    return {n: x.reshape(-1).repeat(STEPS) for n, x in made.items()}


COMPOSED = {
    "the reward": (lambda c: plain(c | {"advantages": c["rewards"]}), "the reward stands for A"),
    "the reward, centred": (
        lambda c: plain(c | {"advantages": c["rewards"] - c["rewards"].mean()}),
        "the reward less the mean of all stands for A"),
    "the reward, less its group's": (
        lambda c: plain(c | {"advantages": c["rewards"] - torch.stack(
            [c["rewards"][c["groups"] == k].mean() for k in (0, 1)])[c["groups"].long()]}),
        "the reward less its group's mean stands for A"),
    "half": (lambda c: plain(c) / 2, "it is 0.5 times the right one"),
    "half a mean": (lambda c: mean_of_steps(plain(c)) / 2, "it is 0.5 times the right one"),
    "summed": (lambda c: BATCH * mean_of_steps(plain(c)), "the sum over the 8 rows of a batch"),
    "GradScaler": (lambda c: 65536 * plain(c), "it is 65536 times the right one"),
    "any number": (lambda c: 0.37 * plain(c), "it is 0.37 times the right one"),
    "half, policy alone": (by(lambda r, a: grpo.surrogate(r, a, CLIP), 0.5),
                           "the policy's term in it is 0.5 times the right one"),
    "±ε": (by(lambda r, a: torch.minimum(r * a, r.clamp(-CLIP, CLIP) * a)),
           "its ratio is clipped to ±ε: the 1 of 1 ± ε is forgotten"),
    "from below": (by(lambda r, a: torch.minimum(r * a, r.clamp_min(1 - CLIP) * a)),
                   "it is clipped from below alone"),
    "left out": (by(lambda r, a: torch.where((r - 1).abs() <= CLIP, r * a, 0)),
                 "rows whose ratio is outside the clip are left out"),
    "the log-ratio": (by(lambda r, a: r.log() * a),
                      "log(ratio) stands for the ratio, −log(ratio) advantage, and nothing is"),
    "whitened again": (
        lambda c: plain(c | {"advantages": (c["advantages"] - c["advantages"].mean())
                             / c["advantages"].std()}),
        "the advantages in it are whitened over the rows (ddof 1)"),
    "whitened again in each step": (
        lambda c: plain(c | {"advantages": white_of_steps(c["advantages"])}),
        "the advantages in it are whitened again over the step's rows (ddof 1)"),
    "max(A, 0), no clip": (by(lambda r, a: r * a.clamp_min(0)),
                           "max(A, 0) stands for A, and nothing is clipped"),
    "KL²": (lambda c: plain(c | {"kl": c["kl"] ** 2}), "the square of the KL stands in it"),
    "KL over h": (
        lambda c: plain(c | {"kl": c["kl"] / h(c)}), "the KL in it is weighted by 1/h"),
    "the entropy": (
        lambda c: plain(c) - 0.01 * (c["std"].log() + 0.5 * math.log(2 * math.pi * math.e)),
        "log std + ½ log 2πe, is added with the weight −0.01"),
    "the reward, halved": (
        lambda c: plain(c | {"advantages": c["rewards"]}) / 2,
        "the reward stands for A, and it is 0.5 times the right one"),
    "another ratio": (
        lambda c: plain(c | {"ratio": (c["log_prob"] - c["log_prob_old"]).exp()}),
        "the ratio in it is exp(log p − log p_old), which the recorded one is not"),
}  # fmt: skip


def exchanged(name):
    """The record of a loss with some parts exchanged, in float32, and what is said of it."""
    loss, says = COMPOSED[name]
    c = update(lambda c: c["kl"], spread=2e-3)
    if name == "another ratio":
        c["ratio"] = c["ratio"].clamp(1 - 2e-3, 1 + 2e-3)
    c |= rewarded()
    c["s"] = c["t"] - torch.linspace(0.2, 0.1, STEPS).double().repeat_interleave(BATCH)
    c["std"] = 0.7 * (c["t"] / 2).sqrt() * h(c).sqrt()
    return {n: x.float() for n, x in (c | {"loss": loss(c)}).items()}, says


def judged(judge, c):
    of_samples = {n: c[n][:BATCH] for n in ("rewards", "advantages", "groups")}
    return judge(c | of_samples, DECLARED)["loss"]


@pytest.mark.parametrize("name", COMPOSED)
def test_a_loss_with_parts_exchanged_is_told_for_them(name):
    c, says = exchanged(name)
    rows = Part({n: x.double() for n, x in c.items()}, dict.fromkeys(c, 2.0**-24), 1)
    _, told = composed.told([rows], CLIP, BETA, relearnt.weights_of(rows))
    assert says in told
    assert "; or " not in told
    assert ", and " not in told or ", and " in says
    beside = rows.but(loss=rows.of["loss"] * (1 + 1e-4 * torch.cos(torch.arange(rows.n) ** 2.0)))
    assert composed.told([rows, beside], CLIP, BETA, relearnt.weights_of(rows))[1] == ""


@pytest.mark.parametrize("name", ["the reward", "half a mean", "from below"])
def test_parts_exchanged_are_told_in_a_record(judge, name):
    c, says = exchanged(name)
    found = judged(judge, c)
    assert found.verdict == "differs"
    assert found.detail.startswith(UNLISTED)
    assert says in found.detail, found


def test_a_weight_of_the_kl_is_told_as_a_multiple_of_the_declared(judge):
    c, _ = exchanged("half")
    c |= {"x_t": torch.randn(len(c["t"]), 50), "loss": plain(c, beta=50 * BETA)}
    found = judged(judge, c)
    assert "β = 2: the KL's weight in it is 2, 50 (50 coordinates) β" in found.detail, found


def test_a_loss_of_few_numbers_is_not_composed(judge):
    """Four steps' means can be given by some weight of some exchanged part, whatever they are."""
    c, _ = exchanged("half")
    few = torch.tensor([0.1, -0.2, 0.3, 0.15]).repeat_interleave(12)
    assert judged(judge, c | {"loss": few}).detail == UNLISTED


@pytest.mark.parametrize("whole", [True, False])
def test_a_loss_of_nothing_known_is_not_composed(judge, whole):
    c, _ = exchanged("half")
    made = torch.cos(300 * c["ratio"]) * c["advantages"] + c["kl"].sin()
    made = made if whole else mean_of_steps(made)
    assert judged(judge, c | {"loss": made}).detail == UNLISTED


def test_a_dual_clip_is_told_with_its_number(judge):
    def loss(c):
        r, a = c["ratio"], c["advantages"]
        both = torch.minimum(r * a, r.clamp(0.8, 1.2) * a)
        return -torch.where(a < 0, torch.maximum(both, 3 * a), both) + BETA * c["kl"]

    found = judge(update(loss, spread=1.5), {"clip": 0.2, "beta": BETA})["loss"]
    assert "the ratio is held at 3, in " in found.detail, found


def test_a_ratio_held_below_1_is_no_dual_clip(judge):
    def loss(c):
        a = c["advantages"]
        return torch.where(a < 0, -0.95 * a + BETA * c["kl"], plain(c, 0.2))

    found = judge(update(loss, spread=0.5), {"clip": 0.2, "beta": BETA})["loss"]
    assert found.verdict == "differs"
    assert "dual clip" not in found.detail


@pytest.mark.parametrize("shape", ["whole", "a step's"])
def test_a_mean_is_right_whatever_it_was_taken_over(judge, shape):
    """No column says which rows were averaged: they hold one loss."""
    c = update()
    c["loss"] = mean_of_steps(plain(c)) if shape == "a step's" else plain(c).mean() + 0 * c["loss"]
    del c["t"], c["s"]
    assert judge(c, DECLARED)["loss"].verdict == "consistent"


def test_few_means_do_not_show_a_weight(judge):
    """A weight can always be found that gives one number."""
    c = {n: x.float() for n, x in update().items()}
    found = judge(c | {"loss": 1.1 * plain(c).mean() + 0 * c["loss"]}, DECLARED)["loss"]
    assert found.verdict == "differs"
    assert "β =" not in found.detail


def test_a_loss_with_a_kl_that_was_not_recorded_is_not_judged(judge):
    c = update()
    del c["kl"]
    assert judge(c, {"clip": CLIP})["loss"].verdict == "not checked"
    assert judge(c, {"clip": CLIP, "beta": 0.0})["loss"].verdict == "differs"


RATIOS = {
    "another sample's": (lambda d: of_steps(d).roll(1, 1).exp().reshape(-1),
                         "log p − log p_old in it is of the sample before"),
    "the trajectory's": (lambda d: of_steps(d).sum(0).exp().repeat(STEPS),
                         "log p − log p_old in it is the sum over the sample's steps"),
    "the mean over steps": (lambda d: of_steps(d).mean(0).exp().repeat(STEPS),
                            "log p − log p_old in it is the mean over the sample's steps"),
    "running": (lambda d: of_steps(d).cumsum(0).exp().reshape(-1), "the running sum over"),
    "a step's mean": (lambda d: mean_of_steps(d.exp()), "one number for all of them"),
    "of a step's mean": (lambda d: mean_of_steps(d).exp(),
                         "log p − log p_old in it is the mean over the step's samples"),
    "over its mean": (lambda d: d.exp() / d.exp().mean(), "it is divided by its mean"),
    "less a step's mean": (lambda d: (d - mean_of_steps(d)).exp(),
                           "its log-ratios are less their mean over the step's"),
    "standardised": (lambda d: ((d - d.mean()) / d.std()).exp(),
                     "its log-ratios are standardised over the rows (ddof 1)"),
    "standardised by step": (
        lambda d: ((d - mean_of_steps(d)) / of_steps(d).std(1, correction=0).repeat_interleave(
            BATCH)).exp(),
        "its log-ratios are standardised over the step's rows (ddof 0)"),
    "times t": (lambda d: (d * update()["t"]).exp(), "its log-ratio is multiplied by t"),
    "bfloat16": (lambda d: d.exp().bfloat16().double(), "it was rounded to bfloat16"),
}  # fmt: skip


@pytest.mark.parametrize("name", RATIOS)
def test_a_ratio_of_other_rows_is_told_whose_it_is(judge, name):
    rule, says = RATIOS[name]
    c = update(spread=1e-2)
    made = rule(c["log_prob"] - c["log_prob_old"])
    found = judge({n: x for n, x in c.items() if n != "loss"} | {"ratio": made})["ratio"]
    assert found.verdict == "differs"
    assert says in found.detail, found


@pytest.mark.parametrize("of", ["log_prob", "log_prob_old"])
def test_a_ratio_with_one_density_of_the_step_before_is_told(judge, of):
    c = update()
    other = c | {of: moved(1, 0)(c[of])}
    found = judge(c | {"ratio": (other["log_prob"] - other["log_prob_old"]).exp()})["ratio"]
    called = {"log_prob": "log p in", "log_prob_old": "log p_old in"}[of]
    assert f"{called} it is of the same sample in the step before" in found.detail, found


def test_a_mean_log_ratio_is_told_where_no_column_says_of_which_step(judge):
    c = update(spread=1e-2)
    made = mean_of_steps(c["log_prob"] - c["log_prob_old"]).exp()
    bare = {n: x for n, x in c.items() if n not in ("t", "s", "loss")}
    found = judge(bare | {"ratio": made})["ratio"]
    assert "log p − log p_old in it is the mean over rows, one number for all" in found.detail


def test_a_ratio_of_other_rows_densities_is_told_for_them(judge):
    c = update(spread=1e-2)
    order = torch.randperm(STEPS * BATCH, generator=torch.Generator().manual_seed(1))
    found = judge(c | {"log_prob_old": c["log_prob_old"][order]})["ratio"]
    back = order.tolist().index(0)
    assert f"log p_old in it is that of other rows: row 0 has that of row {back}" in found.detail


def test_ratios_that_are_rounding_are_not_told_for_other_rows(judge):
    """Within what rounding allows of a sum over steps, and beyond what it allows of one."""
    c = {n: x.float() for n, x in update(spread=1e-7).items() if n not in ("loss", "kl")}
    near = 1 + 7e-6 * (1 + 0.1 * torch.sin(torch.arange(STEPS * BATCH)))
    found = judge(c | {"ratio": near})["ratio"]
    assert found.verdict == "differs"
    assert "sum over" not in found.detail, found
    assert " in it " not in found.detail


def test_log_probabilities_in_half_precision_are_told_where_a_clip_is_finer(judge):
    c = update()
    old = c["log_prob_old"].bfloat16().double()
    c |= {"log_prob_old": old, "ratio": (c["log_prob"] - old).exp()}
    found = judge(c, {"clip": 1e-3})["ratio"]
    assert found.verdict == "differs"
    assert "log_prob_old has bfloat16 values, " in found.detail
    assert judge(c, {"clip": 0.2})["ratio"].verdict == "consistent"


def rule(r, eps=1e-4):
    return (r - r.mean(1, keepdim=True)) / (r.std(1, correction=0, keepdim=True) + eps)


def merged(r):
    made = rule(r)
    made[[1, 3]] = rule(r[[1, 3]].reshape(1, -1)).reshape(2, -1)
    return made


def over(r, other):
    return (r - other.mean(1, keepdim=True)) / (other.std(1, correction=0, keepdim=True) + 1e-4)


def ends(r):
    best, worst = r.amax(1, keepdim=True), r.amin(1, keepdim=True)
    return torch.where((r == best) | (r == worst), rule(r), 0.0)


ADVANTAGES = {
    "whitened twice": (
        lambda r: rule(rule(r).reshape(1, -1)).reshape(r.shape),
        "they are whitened twice: std of the"),
    "whitened after a bound": (
        lambda r: rule(rule(r).clamp(-1, 1).reshape(1, -1)).reshape(r.shape),
        "eps 0.0001 first, held to ±1, then over all"),
    "one prompt's two groups": (merged, "groups 1, 3 (from 0) share one baseline and std"),
    "another group's": (
        lambda r: over(r, r.roll(1, 0)), "the baseline and the std are those of the group before"),
    "another group's baseline": (
        lambda r: (r - r.roll(-1, 0).mean(1, keepdim=True)) / (
            r.std(1, correction=0, keepdim=True) + 1e-4),
        "the baseline is that of the next group"),
    "the best and the worst": (ends, "they are 0 but for the best and the worst"),
}  # fmt: skip


@pytest.mark.parametrize("name", ADVANTAGES)
def test_advantages_made_another_way_from_the_same_rewards_are_told(judge, name):
    way, says = ADVANTAGES[name]
    r = torch.randn(6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    r = r * torch.linspace(0.5, 2, 6).double()[:, None] + torch.arange(6.0).double()[:, None]
    found = judge({"rewards": r, "advantages": way(r)})["advantages"]
    assert found.verdict == "differs"
    assert says in found.detail, found


OF_EACH_GROUP = {
    "a running baseline": (
        lambda r: rule(r) + 0.1 * (1 + torch.arange(6)[:, None]) / (
            r.std(1, correction=0, keepdim=True) + 1e-4),
        "each group's baseline is not its mean: it is 0.1 to 0.6 below that"),
    "a divisor of its own": (
        lambda r: (r - r.mean(1, keepdim=True)) / (1 + 0.3 * torch.arange(6)[:, None]),
        "R − mean over a number that is no std of it: what divides is 1 to 2.5"),
    "a line of its own": (
        lambda r: (r - 0.2 * torch.arange(6)[:, None]) / (1 + 0.3 * torch.arange(6)[:, None]),
        "linear in R, of another baseline and divisor: what divides is 1 to 2.5"),
}  # fmt: skip
GROUP = {"advantage_std": "group", "ddof": 0, "eps": 1e-4}


@pytest.mark.parametrize("name", OF_EACH_GROUP)
def test_advantages_with_a_number_for_each_group_are_told(judge, name):
    way, says = OF_EACH_GROUP[name]
    r = torch.randn(6, 5, generator=torch.Generator().manual_seed(1)).float().double()
    found = judge({"rewards": r.float(), "advantages": way(r).float()}, GROUP)["advantages"]
    assert found.verdict == "differs"
    assert says in found.detail, found


def test_two_rewards_in_a_group_show_no_line(judge):
    """Whatever is made of two numbers is linear in them."""
    r = torch.randint(2, (6, 8), generator=torch.Generator().manual_seed(1)).float()
    made = rule(r) + 0.1 * torch.arange(6)[:, None]
    found = judge({"rewards": r, "advantages": made}, GROUP)["advantages"]
    assert found.verdict == "differs"
    assert "each group" not in found.detail


def test_advantages_of_the_batch_before_are_told(judge):
    draw = torch.Generator().manual_seed(1)
    r = torch.randn(12, 5, generator=draw, dtype=torch.float64)
    made = torch.cat([torch.randn(4, 5, generator=draw, dtype=torch.float64), rule(r[:8])])
    made = rule(torch.cat([made[:4], r[:8]]))
    ids = torch.arange(12).repeat_interleave(5)
    found = judge({
        "rewards": r.flatten(), "advantages": made.flatten(), "groups": ids, "batch": ids // 4,
    })["advantages"]  # fmt: skip
    assert "they are those of the rewards of the batch before" in found.detail, found


def test_a_loss_with_its_own_advantages_is_not_told_for_another_order(judge):
    c = update()
    c["loss"] = -c["ratio"] * c["advantages"] + 1e-4 * c["kl"]
    del c["kl"]
    assert "order" not in judge(c, {"clip": CLIP})["loss"].detail


def test_rows_of_a_sample_that_follow_each_other_are_put_in_order(judge):
    c = {n: of_steps(x).T.reshape(-1) for n, x in update(spread=1e-2).items() if n != "loss"}
    d = (c["log_prob"] - c["log_prob_old"]).reshape(BATCH, STEPS)
    found = judge(c | {"ratio": d.cumsum(1).exp().reshape(-1)})["ratio"]
    assert "the running sum over the sample's steps" in found.detail, found
