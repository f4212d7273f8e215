"""Every wrong run that is known from the wild is caught, and named."""

import pytest
import torch

from refimpl.equations import Step, gaussian, grpo, guidance, kl, paths, policy
from refimpl.evidence.mistakes import mistakes

DTYPES = (torch.float64, torch.float32)


def step_of(c, rows):
    return Step(rows(c, "t"), rows(c, "s"))


def caught(found, subject, *words):
    f = found[subject]
    assert f.verdict == "differs", found
    for word in words:
        assert word in f.formula + " " + f.detail, f
    return f


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [m.name for m in mistakes("sde.transition")])
@pytest.mark.parametrize("drop", [(), ("mean", "g", "kl"), ("mean", "g", "kl", "noise")], ids=len)
def test_a_wrong_step_is_named(make, kit, judge, name, dtype, drop):
    c, rows = make(dtype=dtype), kit["rows"]
    m = next(m for m in mistakes("sde.transition") if m.name == name)
    kernel = m.wrong(paths.linear(rows(c, "t")), c["x_t"], c["v"], rows(c, "g"), step_of(c, rows))
    std = kernel.std + 0 * rows(c, "t")
    x_s = kernel.mean + std * c["noise"]
    log_prob = policy.total(gaussian.log_prob(x_s, kernel.mean, std))
    wrong = c | dict(mean=kernel.mean, x_s=x_s, std=std.reshape(-1), log_prob=log_prob)
    found = judge({k: x for k, x in wrong.items() if k not in drop}, {"a": 0.7})
    if name == "g × 1.01 in both" and drop:
        caught(found, "schedule", "declared a = 0.7", "0.707")  # nothing else can see it
        return
    guilty = [f for f in found["report"].findings if f.verdict == "differs" and name in f.formula]
    assert guilty, found["report"].findings


REDUCED = {"sum": policy.total, "mean": policy.average}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("how", REDUCED)
@pytest.mark.parametrize("declared", [False, True], ids=["undeclared", "declared"])
@pytest.mark.parametrize("name", [m.name for m in mistakes("gaussian.log_prob")])
def test_a_wrong_density_is_named(make, kit, judge, name, declared, how, dtype):
    """A declared sum or mean says nothing of what is summed: the mistake stays one."""
    c, rows = make(dtype=dtype), kit["rows"]
    m = next(m for m in mistakes("gaussian.log_prob") if m.name == name)
    wrong = REDUCED[how](m.wrong(c["x_s"], c["mean"], rows(c, "std")))
    told = {"log_prob": how, "constants": "kept", "kl_reduction": "sum"} if declared else {}
    caught(judge(c | {"log_prob": wrong}, told), "log_prob", name, REDUCED[how].__name__)


def test_what_is_wrong_beside_dropped_constants_is_not_announced_by_them(make, kit, judge):
    c, rows = make(dtype=torch.float32), kit["rows"]
    bare = -((c["x_s"] - c["mean"]) ** 2) / (2 * rows(c, "g") ** 2)
    told = {"log_prob": "sum", "constants": "dropped"}
    caught(judge(c | {"log_prob": policy.total(bare)}, told), "log_prob", "with g for")


def test_dropped_constants_g_for_std_and_mean_for_sum_are_named(make, kit, judge):
    c, rows = make(dtype=torch.float32), kit["rows"]
    bare = gaussian.log_prob(c["x_s"], c["mean"], rows(c, "std"))
    bare = bare - gaussian.log_prob(c["mean"], c["mean"], rows(c, "std"))
    caught(judge(c | {"log_prob": policy.average(bare)}), "log_prob", "no normaliser")
    told = {"log_prob": "mean", "constants": "dropped"}
    assert judge(c | {"log_prob": policy.average(bare)}, told)["log_prob"].verdict == "consistent"
    g = policy.total(gaussian.log_prob(c["x_s"], c["mean"], rows(c, "g")))
    caught(judge(c | {"log_prob": g}), "log_prob", "g for the step's std")
    mean = c | {"log_prob": policy.average(bare + 0)}
    averaged = mean | {"log_prob": c["log_prob"] / 40}
    caught(judge(averaged, {"log_prob": "sum"}), "log_prob", "mean for sum")


KL = {
    "KL without h": lambda c, rows: c["kl"] * (c["t"] - c["s"]),
    "KL without ½": lambda c, rows: 2 * c["kl"],
    "MSE of the means": lambda c, rows: 2 * c["kl"] * c["std"] ** 2,
    "½ of the squared distance": lambda c, rows: policy.total(kl.velocity(c["v"], c["v_ref"]) / 2),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", KL)
@pytest.mark.parametrize("divisor", [1, 40])
def test_a_wrong_kl_is_named_summed_or_averaged(make, kit, judge, name, divisor, dtype):
    c = make(dtype=dtype)
    wrong = c | {"kl": KL[name](c, kit["rows"]) / divisor}
    told = {"kl_reduction": "sum" if divisor == 1 else "mean"}
    for manifest in ({}, told, told | {"kl": "kl.flow_grpo"}):
        caught(judge(wrong, manifest), "kl", name)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
def test_latents_rounded_after_scoring_are_no_declared_mean(make, judge, half):
    c = make(dtype=torch.float32, shape=(4, 8, 8))
    c["log_prob"] = c["log_prob"] / 256
    c["x_s"] = c["x_s"].to(half)
    caught(judge(c, {"log_prob": "mean", "constants": "kept"}), "log_prob", "round first")


def test_a_kl_against_the_old_policy_is_named(make, kit, judge):
    c, rows = make(), kit["rows"]
    c["v_old"] = c["v"] + 0.01 * c["v_ref"]
    h = rows(c, "t") - rows(c, "s")
    c["kl"] = policy.total(kl.flow_grpo(c["v"], c["v_old"], rows(c, "g"), rows(c, "t"), h))
    caught(judge(c), "kl", "against the old policy")


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("with_noise", [True, False])
@pytest.mark.parametrize("upcast", [True, False])
def test_latents_rounded_after_scoring_are_found_and_sized(
    make, kit, judge, half, with_noise, upcast
):
    c = make(dtype=torch.float32, shape=(4, 8, 8))
    stored = c["x_s"].to(half).float()
    size = float((c["log_prob"] - kit["rescored"](c, stored)).abs().max())
    c["x_s"] = stored if upcast else stored.to(half)
    if not with_noise:
        del c["noise"]
    f = caught(
        judge(c, {"clip": 1e-4}), "log_prob", "scored before it was rounded", "clip is 0.0001"
    )
    told = float(f.detail.partition("up to ")[2].partition(" nats")[0])
    assert told == pytest.approx(size, rel=0.5)  # a probe's largest row, or that of all
    right = c | {"x_s": stored, "log_prob": kit["rescored"](c, stored)}
    assert judge(right)["log_prob"].verdict == "consistent"


def test_fresh_noise_in_the_replay_is_told_from_other_errors(make, kit, judge):
    c, rows = make(dtype=torch.float32), kit["rows"]
    other = torch.randn(c["noise"].shape, generator=torch.Generator().manual_seed(9))
    x = gaussian.sample(c["mean"], rows(c, "std"), other)
    caught(judge(c | {"log_prob": kit["rescored"](c, x)}), "log_prob", "fresh noise")
    odd = judge(c | {"log_prob": c["log_prob"] + 0.3})["log_prob"]
    assert odd.verdict == "differs"
    assert "fresh noise" not in odd.detail


def test_one_log_prob_for_a_whole_batch_is_named(make, judge):
    c = make()
    each = c["log_prob"].reshape(9, 12)
    caught(judge(c | {"log_prob": each.mean(1, keepdim=True).expand(9, 12).reshape(-1)}),
           "log_prob", "whole batch reduced")  # fmt: skip


def test_an_outer_product_of_log_probs_is_named(make, judge):
    c = make()
    outer = c["log_prob"][:, None] + 0 * c["log_prob"][None]
    caught(judge(c | {"log_prob": outer}), "log_prob", "outer product")


def test_a_finite_log_prob_without_noise_differs(make, judge):
    c = make(a=0.0)
    caught(judge(c | {"log_prob": torch.zeros(len(c["t"]))}), "log_prob", "no density")


@pytest.mark.parametrize("with_noise", [True, False])
@pytest.mark.parametrize("how", ["every row", "every step", "two samples"])
def test_reused_noise_is_found(make, kit, judge, how, with_noise):
    c, rows = make(shape=(4, 8, 8), dtype=torch.float32), kit["rows"]
    noise = c["noise"].reshape(9, 12, 4, 8, 8).clone()
    if how == "every row":
        noise[:] = noise[:1, :1].clone()
    elif how == "every step":
        noise[:] = noise[:1].clone()
    else:
        noise[5, 3] = noise[5, 7]
    c["noise"] = noise.reshape(-1, 4, 8, 8)
    c["x_s"] = gaussian.sample(c["mean"], rows(c, "std"), c["noise"])
    c["log_prob"] = kit["rescored"](c)
    if not with_noise:
        del c["noise"]
    told = "of the same sample again" if how == "every step" else "share their noise"
    caught(judge(c), "noise", told)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_noise_of_another_size_or_law_is_found(make, kit, judge, factor):
    c = make(shape=(4, 8, 8), dtype=torch.float32)
    caught(judge(c | {"noise": factor * c["noise"]}), "noise", "another variance")
    uniform = (torch.special.ndtr(c["noise"]) - 0.5) * 12**0.5
    caught(judge(c | {"noise": uniform}), "noise", "not normal")


def test_a_velocity_that_did_not_make_the_step_moves_the_residuals(make, judge):
    c = {k: x for k, x in make(batch=64).items() if k in ("x_t", "x_s", "t", "s", "v", "std")}
    caught(judge(c | {"v": 0.6 * c["v"]}), "noise", "moves with", "guidance")


def guided(make, w, w_old):
    c = make(dtype=torch.float32)
    draw = torch.Generator().manual_seed(5)
    uncond = c["v"] + torch.randn(c["v"].shape, generator=draw)
    cond = uncond + (c["v"] - uncond) / w_old
    return c | dict(
        v_cond=cond, v_uncond=uncond, v_old=c["v"], v=guidance.classifier_free(uncond, cond, w)
    )


def test_guidance_in_the_rollout_and_not_in_training_is_named(make, judge):
    found = judge(guided(make, 1.0, 4.5))
    caught(found, "guidance", "w = 4.5 in the rollout and 1 in training")
    caught(found, "v against v_old", "guidance")
    caught(judge(guided(make, 5.5, 5.5), {"guidance": 4.5}), "guidance of v", "w − 1 for w")
    assert judge(guided(make, 4.5, 4.5), {"guidance": 4.5})["guidance of v"].verdict == "consistent"


def test_a_gap_of_velocities_is_no_update(make, judge):
    c = make(dtype=torch.float32)
    caught(judge(c | {"v_old": 1.5 * c["v"]}), "v against v_old", "more than an update makes")
    near = c | {"v_old": c["v"] * 1.001}
    assert judge(near)["v against v_old"].verdict == "consistent"
    caught(judge(near, {"on_policy": True}), "v against v_old", "declared on_policy")


ADVANTAGES = {
    "variance for std": "variance for std",
    "eps under the root": "eps under the root",
}


@pytest.mark.parametrize("name", ADVANTAGES)
def test_wrong_advantages_are_named(kit, judge, name):
    c = kit["rewards"]()
    m = next(m for m in mistakes("grpo.advantage") if m.name == name)
    wrong = m.wrong(c["rewards"].reshape(6, 4), std="group", ddof=0, eps=1e-2).reshape(-1)
    caught(judge(c | {"advantages": wrong}), "advantages", name)


def test_another_baseline_and_other_declared_conventions_are_named(kit, judge):
    c = kit["rewards"]()
    r = c["rewards"].reshape(6, 4)
    whole = grpo.advantage(r.reshape(1, -1), std="group", ddof=0, eps=0.0)
    caught(judge(c | {"advantages": whole.reshape(-1)}), "advantages", "one group for all")
    across = grpo.advantage(r.T.reshape(6, 4), std="group", ddof=0, eps=0.0).reshape(4, 6).T
    caught(judge(c | {"advantages": across.reshape(-1)}), "advantages", "across prompts")
    caught(judge(c | {"advantages": c["rewards"]}), "advantages", "the rewards themselves")
    for rule, name in (
        (dict(std="batch"), "batch for group"), (dict(ddof=1), "other ddof"),
        (dict(eps=1e-2), "other eps"),
    ):  # fmt: skip
        told = {"advantage_std": "group", "ddof": 0, "eps": 0.0}
        found = judge(kit["rewards"](**rule), told)
        caught(found, "advantages", name)


def test_group_sizes_that_differ_are_told_with_their_cause(kit, judge):
    c = kit["rewards"]()
    alone = {n: x for n, x in c.items() if n != "advantages"}
    twice = torch.where(c["groups"] == 1, 0, c["groups"])
    caught(judge(alone | {"groups": twice}), "groups", "a prompt that comes twice")
    one = c["groups"].clone()
    one[0] = 99
    caught(judge(alone | {"groups": one}), "groups", "a group of one")
    caught(judge(alone, {"group": 24}), "groups", "declared group = 24")
    bad = c["advantages"].clone()
    bad[3] = torch.nan
    caught(judge(c | {"advantages": bad}), "advantages", "NaN")


def learning(make):
    c = make(shape=(2, 2), batch=24)
    draw = torch.Generator().manual_seed(3)
    n, old = len(c["log_prob"]), c["log_prob"]
    new = old + 0.2 * torch.randn(n, generator=draw, dtype=torch.float64)
    advantages = torch.randn(n, generator=draw, dtype=torch.float64)
    return dict(log_prob=new, log_prob_old=old, ratio=policy.ratio(new, old),
                advantages=advantages, kl=c["kl"])  # fmt: skip


@pytest.mark.parametrize("name", [m.name for m in mistakes("policy.ratio")])
def test_a_wrong_ratio_is_named(make, judge, name):
    c = learning(make)
    m = next(m for m in mistakes("policy.ratio") if m.name == name)
    caught(judge(c | {"ratio": m.wrong(c["log_prob"], c["log_prob_old"])}), "ratio", name)


def test_a_ratio_before_the_first_update_is_one(make, judge):
    c = learning(make)
    caught(judge(c, {"on_policy": True}), "ratio before the first update", "replay is not exact")
    same = c | {"log_prob": c["log_prob_old"], "ratio": torch.ones_like(c["ratio"])}
    found = judge(same, {"on_policy": True})["ratio before the first update"]
    assert found.verdict == "consistent"


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize("name", [m.name for m in mistakes("grpo.surrogate")])
def test_a_wrong_surrogate_is_named(make, judge, name, averaged):
    c = learning(make)
    m = next(m for m in mistakes("grpo.surrogate") if m.name == name)
    wrong = m.wrong(c["ratio"], c["advantages"], 0.2)
    loss = -grpo.objective(wrong, c["kl"], 0.04)
    loss = loss.mean() if averaged else loss
    caught(judge(c | {"loss": loss}, {"clip": 0.2, "beta": 0.04}), "loss", name)


def test_a_wrong_sign_in_the_loss_is_named(make, judge):
    c, told = learning(make), {"clip": 0.2, "beta": 0.04}
    surrogate = grpo.surrogate(c["ratio"], c["advantages"], 0.2)
    for name in ("sign of the KL", "no KL"):
        m = next(m for m in mistakes("grpo.objective") if m.name == name)
        caught(judge(c | {"loss": -m.wrong(surrogate, c["kl"], 0.04)}, told), "loss", name)
    up = grpo.objective(surrogate, c["kl"], 0.04)
    caught(judge(c | {"loss": up}, told), "loss", "the objective itself")


def test_a_few_wrong_rows_among_many_are_found_where_they_are(make, kit, judge):
    c = make(batch=120, dtype=torch.float32)
    c["log_prob"][700] += 0.01
    f = caught(judge(c), "log_prob", "1 of 1080 rows", "row 700")
    assert f.gap == pytest.approx(0.01, rel=0.05)
    c = make(batch=120, dtype=torch.float32)
    c["mean"][33, 1, 4, 3] += 0.01
    caught(judge(c), "mean", "1 of 1080 rows", "row 33")


@pytest.mark.parametrize("name", ["x_t", "x_s", "v", "noise", "log_prob", "kl", "std"])
def test_what_is_not_finite_is_counted_and_the_rest_is_judged(make, judge, name):
    c = make(dtype=torch.float32)
    c[name][17].fill_(torch.nan) if c[name].ndim > 1 else c[name].__setitem__(17, torch.nan)
    found = judge(c)
    said = [f for f in found["report"].findings if f.verdict == "differs"]
    assert any(("NaN" in f.detail and "1 of 108" in f.detail) for f in said), said
    assert found["x_s"].formula == "gaussian.sample"
    assert found["noise"].verdict == "consistent", found["noise"]


@pytest.mark.parametrize("name", ["x_t", "x_s", "v", "noise", "mean"])
def test_a_scaled_state_is_told_beside_what_is_not_finite(make, judge, name):
    c = make(dtype=torch.float32)
    c["x_s"] = 0.5 * c["x_s"]
    c[name][17] = torch.nan
    caught(judge(c), "x_s", "scaled or shifted after it was drawn")


def test_levels_that_no_step_has_are_counted(make, judge):
    c = make()
    c["s"][5] = c["t"][5]
    caught(judge(c), "levels", "1 of 108 rows")


def test_a_state_that_is_the_mean_has_no_noise_to_be_tested(make, judge):
    c = make()
    bare = {n: x for n, x in c.items() if n not in ("noise", "log_prob")}
    found = judge(bare | {"x_s": c["mean"].clone()})["noise"]
    assert found.verdict == "differs"
    assert found.detail == "it is 0 throughout: x_s is the mean, before its noise or without any"
