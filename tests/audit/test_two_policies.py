"""Runs as trainers log them: the learner beside the policy that sampled, and beside the reference.

Right ones are not accused, and columns that say one thing are held against one another.
"""

import pytest
import torch

from refimpl.equations import gaussian, kl, paths, policy, sde
from refimpl.equations import guidance as guided

TOLD = {"a": 0.7, "log_prob": "sum", "kl_reduction": "sum"}


@pytest.fixture
def trained(make, kit):
    """A record of a later update: v is the learner's, v_old drew x_s."""

    def run(dtype=torch.float32, **changes):
        c = dict(make(dtype=dtype))
        rows = kit["rows"]
        step = sde.Step(rows(c, "t"), rows(c, "s"))
        c["v_old"], c["v"] = c["v"], c["v"] + 0.02 * torch.cos(2 * c["x_t"])
        law = sde.transition(paths.linear(step.t), c["x_t"], c["v"], rows(c, "g"), step)
        c |= {"mean": law.mean, "log_prob_old": c["log_prob"]}
        c["log_prob"] = policy.total(gaussian.log_prob(c["x_s"], c["mean"], rows(c, "std")))
        c["kl"] = policy.total(kl.flow_grpo(c["v"], c["v_ref"], rows(c, "g"), step.t, step.h))
        return c | changes

    return run


def differing(found):
    return [f for f in found["report"].findings if f.verdict == "differs"]


@pytest.mark.parametrize("drop", [(), ("mean",), ("mean", "noise"), ("v_ref",), ("v_ref", "mean")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_what_another_policy_sampled_is_not_held_against_the_learner(trained, judge, drop, dtype):
    c = {n: x for n, x in trained(dtype).items() if n not in drop}
    found = judge(c, TOLD)
    assert differing(found) == []
    if "v_ref" in drop:
        assert "it takes v_ref or mean_ref" in found["kl"].detail
    if drop == ("mean",):
        assert "x_s follows from v_old" in found["v"].detail


def test_noise_about_neither_policy_s_mean_is_still_told(trained, judge):
    c = trained()
    found = judge(c | {"x_s": c["x_s"] + 0.5 * c["noise"]}, TOLD)
    assert found["x_s"].verdict == "differs"


def reference(c, rows):
    """The law of the reference's step."""
    step = sde.Step(rows(c, "t"), rows(c, "s"))
    return sde.transition(paths.linear(step.t), c["x_t"], c["v_ref"], rows(c, "g"), step)


def with_log_ratio(make, kit, reduce):
    """A record, and log p_ref − log p of its rows."""
    c, rows = make(dtype=torch.float64), kit["rows"]
    new, ref = (
        reduce(gaussian.log_prob(c["x_s"], m, rows(c, "std")))
        for m in (c["mean"], reference(c, rows).mean)
    )
    return c, ref - new


@pytest.mark.parametrize("how", ["sum", "mean"])
@pytest.mark.parametrize("estimate", ["k1", "k2", "k3"])
def test_an_estimate_is_found_from_the_reference_s_velocity(make, kit, judge, estimate, how):
    """Beside a recorded mean too, and with what exp(l) − 1 − l loses in float64."""
    c, gap = with_log_ratio(make, kit, policy.total if how == "sum" else policy.average)
    value = {"k1": -gap, "k2": gap**2 / 2, "k3": torch.exp(gap) - 1 - gap}[estimate]
    told = {"a": 0.7, "kl": f"kl.{estimate}", "kl_reduction": how}
    assert judge(c | {"kl": value}, told)["kl"].verdict == "consistent"
    assert judge(c | {"kl": 1.5 * value}, told)["kl"].verdict == "differs"
    del told["kl_reduction"]  # an estimate is of the row's log-ratio, reduced as that is
    found = judge(c | {"kl": value}, told | {"log_prob": how})["kl"]
    assert (found.verdict, found.detail) == ("consistent", "declared")
    found = judge(c | {"kl": value}, told)["kl"]
    assert (found.verdict, found.detail) == (
        "convention", f"not declared: kl_reduction = {how!r}")  # fmt: skip
    assert judge(c | {"kl": value}, {"a": 0.7})["kl"].detail.startswith("not declared")
    assert "kl_reduction" not in judge(c | {"kl": value}, {"a": 0.7})["kl"].detail


ESTIMATES = {
    "half as much again": (lambda gap: 1.5 * (torch.exp(gap) - 1 - gap), "1.5 (exp(log_ratio) − 1"),
    "the other sign": (lambda gap: torch.exp(gap) - 1 + gap, "exp(log_ratio) − 1 + log_ratio"),
    "the other ratio": (lambda gap: torch.exp(-gap) - 1 - gap, "1/exp(log_ratio)  where"),
}


@pytest.mark.parametrize("how", ["sum", "mean"])
@pytest.mark.parametrize("name", ESTIMATES)
def test_what_a_declared_estimate_is_made_of_is_read(make, kit, judge, name, how):
    value, says = ESTIMATES[name]
    c, gap = with_log_ratio(make, kit, policy.total if how == "sum" else policy.average)
    bare = {n: x for n, x in c.items() if n not in ("log_prob", "noise")}
    told = {"kl_reduction": how} if how == "sum" else {}  # else it is found
    found = judge(bare | {"kl": value(gap)}, {"a": 0.7, "kl": "kl.k3"} | told)["kl"]
    assert says in found.detail, found.detail


def test_an_estimate_that_is_rounding_is_not_judged_and_nothing_else_is_taken_for_one(make, judge):
    """k3 of two policies that hardly differ, by exp(l) − 1 − l in float32."""
    c = make(dtype=torch.float32)
    ref = c["v"] + 2e-4 * torch.cos(2 * c["x_t"])
    step = sde.Step(*(c[n].double().reshape(-1, 1, 1, 1) for n in ("t", "s")))
    g, std = (c[n].double().reshape(-1, 1, 1, 1) for n in ("g", "std"))
    law = sde.transition(paths.linear(step.t), c["x_t"].double(), ref.double(), g, step)
    new, old = (
        policy.average(gaussian.log_prob(c["x_s"].double(), m.double(), std))
        for m in (c["mean"], law.mean)
    )
    gap = (old - new).float()
    near = c | {"v_ref": ref, "kl": torch.exp(gap) - 1 - gap}
    told = {"a": 0.7, "kl": "kl.k3", "kl_reduction": "mean"}
    found = judge(near, told)["kl"]
    assert found.verdict == "not checked"
    assert "expm1" in found.detail
    assert judge(near, told | {"kl": "kl.flow_grpo"})["kl"].verdict == "differs"
    assert judge(near | {"kl": near["kl"] + 1e-5}, told)["kl"].verdict == "differs"


def test_a_divergence_that_lacks_two_things_is_told_both(make, kit, judge):
    """(m − m_ref)²/g²: the ½ is missing, and h as in kl.without_h."""
    c, rows = make(dtype=torch.float64), kit["rows"]
    gap = c["mean"] - reference(c, rows).mean
    found = judge(c | {"kl": policy.total(gap**2 / rows(c, "g") ** 2)}, {"a": 0.7})["kl"]
    assert "Twice the field's quantity" in found.detail, found
    assert "too small by h" in found.detail
    assert found.detail.endswith("divide by the step's variance g² h")


def test_a_reversed_estimate_is_named_though_float32_lost_its_digits(make, kit, judge):
    """exp(−l) − 1 + l for exp(l) − 1 − l, of averages, as trainers write it."""
    c, gap = with_log_ratio(make, kit, policy.average)
    d = -gap.float()
    made = torch.exp(d) - d - 1
    found = judge(c | {"kl": made}, {"a": 0.7, "kl": "kl.k3", "kl_reduction": "mean"})["kl"]
    assert "kl.k3: ratio reversed, as float32 makes exp(l) − 1 − l of it" in found.detail, found


@pytest.mark.parametrize("apart", [2e-4, 1e-3, 3e-3, 1e-2])
def test_an_estimate_in_float32_is_not_told_for_a_mean_over_rows(make, judge, apart):
    c = make(dtype=torch.float32)
    ref = c["v"] + apart * torch.cos(2 * c["x_t"])
    step = sde.Step(*(c[n].double().reshape(-1, 1, 1, 1) for n in ("t", "s")))
    g, std = (c[n].double().reshape(-1, 1, 1, 1) for n in ("g", "std"))
    law = sde.transition(paths.linear(step.t), c["x_t"].double(), ref.double(), g, step)
    new, old = (
        policy.average(gaussian.log_prob(c["x_s"].double(), m.double(), std)).float()
        for m in (c["mean"], law.mean)
    )
    kl = torch.exp(old - new) - 1 - (old - new)
    found = judge(c | {"v_ref": ref, "kl": kl}, {"a": 0.7, "log_prob": "sum"})["kl"]
    assert "the mean over" not in found.detail, found
    assert "the sum over" not in found.detail


def test_a_mean_of_the_reference_that_v_ref_does_not_lead_to_is_told(make, kit, judge):
    c, rows = make(), kit["rows"]
    step = sde.Step(rows(c, "t"), rows(c, "s"))
    law = sde.transition(paths.linear(step.t), c["x_t"], c["v_ref"], rows(c, "g"), step)
    assert "mean_ref" not in judge(c | {"mean_ref": law.mean}, TOLD)
    found = judge(c | {"mean_ref": law.mean + 0.2 * c["v"]}, TOLD)
    assert found["mean_ref"].verdict == "differs"


def test_steps_that_do_not_join_are_told_where_the_layout_says_which_do(make, judge):
    c = make(order="steps first", dtype=torch.float32)
    assert "x_t" not in judge(c, TOLD | {"layout": "steps first"})
    stored = c | {"x_s": c["x_s"].bfloat16().float()}
    found = judge(stored, TOLD | {"layout": "steps first"})["x_t"]
    assert "in 96 of 96 rows it is not the x_s of the step before" in found.detail


def test_steps_without_noise_need_not_have_drawn_any(make, judge):
    """A window: the other steps are the ODE's, std 0 and noise 0 in the record."""
    c = make(dtype=torch.float32)
    silent = c["t"] < 0.6
    wide = silent.reshape(-1, 1, 1, 1)
    mean = torch.where(wide, c["x_t"] - (c["t"] - c["s"]).reshape(-1, 1, 1, 1) * c["v"], c["mean"])
    c |= {
        "mean": mean, "noise": torch.where(wide, 0.0, c["noise"]),
        "std": torch.where(silent, 0.0, c["std"]), "g": torch.where(silent, 0.0, c["g"]),
    }  # fmt: skip
    c["x_s"] = mean + c["std"].reshape(-1, 1, 1, 1) * c["noise"]
    found = judge({n: c[n] for n in ("x_t", "x_s", "v", "t", "s", "mean", "std", "noise")})
    assert differing(found) == []
    assert found["noise"].verdict == "consistent"


@pytest.mark.parametrize(("told", "verdict"), [({}, "convention"), ({"guidance": 4.5}, "differs")])
def test_a_scale_that_changes_on_the_way_is_told_by_level(make, judge, told, verdict):
    c = make(dtype=torch.float32)
    cond, uncond = c["v"] + 0.1 * torch.cos(c["x_t"]), c["v"]
    w = torch.where(c["t"] > 0.5, 4.5, 1.0).reshape(-1, 1, 1, 1)
    v = guided.classifier_free(uncond, cond, w)
    names = {"x_t": c["x_t"], "v": v, "v_cond": cond, "v_uncond": uncond, "t": c["t"], "s": c["s"]}
    found = judge(names, told)["guidance of v"]
    assert found.verdict == verdict
    assert "w is not one number: 4.5 from t = 1, 1 from t = " in found.detail
    off = judge(names | {"v": v + 0.01 * torch.sin(3 * c["x_t"])}, told)["guidance of v"]
    assert "it lies on no line" in off.detail


def test_a_turned_sign_of_the_policy_s_term_is_not_the_kl_s(judge):
    draw = torch.Generator().manual_seed(5)
    r, a, kl_ = torch.randn(3, 96, generator=draw, dtype=torch.float64)
    r, kl_ = torch.exp(0.2 * r), 0.01 * kl_**2
    u = torch.minimum(r * a, r.clamp(0.8, 1.2) * a)
    names = {"ratio": r, "advantages": a, "kl": kl_, "loss": u + 0.04 * kl_}
    found = judge(names, {"clip": 0.2, "beta": 0.04})["loss"]
    assert "the policy's term of the wrong sign" in found.formula
    assert "leaving the reference" not in found.detail


@pytest.mark.parametrize("share", [1, 2, 4])
def test_some_coordinates_alone_are_not_told_for_fresh_noise(make, kit, judge, share):
    c, rows = make(dtype=torch.float64), kit["rows"]
    each = gaussian.log_prob(c["x_s"], c["mean"], rows(c, "std")).flatten(1)
    part = each[:, : each.shape[1] // share].mean(dim=1)
    found = judge(c | {"log_prob": part})["log_prob"]
    assert "fresh noise" not in found.detail
    assert (found.verdict == "differs") == (share > 1)


@pytest.mark.parametrize("constants", ["dropped", "bare square"])
def test_constants_are_declared_without_their_reduction_too(make, kit, judge, constants):
    c, rows = make(dtype=torch.float64), kit["rows"]
    square = -((c["x_s"] - c["mean"]) ** 2)
    value = square if constants == "bare square" else square / (2 * rows(c, "std") ** 2)
    found = judge(c | {"log_prob": policy.average(value)}, {"constants": constants})["log_prob"]
    assert (found.verdict, found.detail) == ("convention", "declared in part")


def test_a_divergence_of_the_state_or_of_another_reference_is_told(make, kit, judge):
    c, rows = make(dtype=torch.float64), kit["rows"]
    step, std = sde.Step(rows(c, "t"), rows(c, "s")), rows(c, "std")
    law = reference(c, rows)
    told = {"a": 0.7, "kl": "kl.flow_grpo", "kl_reduction": "sum"}
    of_state = ((c["x_s"] - law.mean) ** 2 / (2 * std**2)).flatten(1).sum(1)
    found = judge(c | {"kl": of_state}, told)["kl"].detail
    assert "it is that of x_s, in place of the mean" in found, found
    flow = c["x_t"] - step.h * c["v_ref"]
    of_flow = ((c["mean"] - flow) ** 2 / (2 * std**2)).flatten(1).sum(1)
    found = judge(c | {"kl": of_flow}, told)["kl"].detail
    assert "its reference's mean is that of the ODE's step, and the policy's is not" in found, found


def test_a_large_update_is_not_said_to_be_another_policys(make, judge):
    c = make(dtype=torch.float32)
    draw = torch.Generator().manual_seed(4)
    c["v_old"] = c["v"] + 0.08 * c["v"].std() * torch.randn(c["v"].shape, generator=draw)
    found = judge({n: c[n] for n in ("x_t", "v", "v_old", "t", "s", "std")}, {"a": 0.7})
    assert found["v against v_old"].verdict == "convention"
    assert "it was a large one, or guidance" in found["v against v_old"].detail


def test_no_formula_is_named_that_some_rows_have_by_chance(make, kit, judge):
    """An estimate twice too large, of a state that was rounded after it was taken."""
    c, gap = with_log_ratio(make, kit, policy.total)
    c |= {"kl": gap**2, "x_s": c["x_s"].bfloat16().double()}
    found = judge(c, {"a": 0.7, "kl": "kl.k2", "log_prob": "sum"})["kl"]
    assert found.verdict == "differs"
    assert "rows do not fit" not in found.detail, found
