"""Right records are found consistent: every file, precision, layout, subset and convention."""

import itertools

import pytest
import torch

from refimpl.audit import audit
from refimpl.audit.reporting.report import text
from refimpl.equations import grpo, kl, policy, sde
from refimpl.simulate import grids

DTYPES = (torch.float64, torch.float32, torch.bfloat16)


def clean(report):
    assert report.consistent, text(report)
    return {f.subject: f for f in report.findings}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("kind", ["safetensors", "npz", "compressed", "torch"])
def test_a_right_record_is_consistent_in_every_file_and_precision(make, kit, writers, kind, dtype):
    content = make(dtype=dtype) | kit["rewards"]()
    found = clean(audit(writers[kind](content)))
    assert found["mean"].formula == "sde.transition"
    assert found["x_s"].formula == "gaussian.sample"
    assert found["log_prob"].formula == "policy.total of gaussian.log_prob"
    assert "kl.flow_grpo" in found["kl"].formula + found["kl"].detail
    assert found["noise"].detail.startswith("white")
    assert found["advantages"].verdict == "consistent"
    assert found["log_prob"].rows == found["mean"].rows == 9 * 12


@pytest.mark.parametrize("order", ["rows", "steps first", "batch first"])
def test_layouts_are_read_off_the_shapes(make, writers, order):
    content = make(order=order, shape=(2, 5, 4), batch=7)
    report = audit(writers["safetensors"](content))
    found = clean(report)
    words = {"rows": "rows (N,)", "steps first": "(T, B)", "batch first": "(B, T)"}[order]
    assert words in report.parts[0].title
    assert found["log_prob"].rows == 63
    assert found["log_prob"].formula == "policy.total of gaussian.log_prob"


@pytest.mark.parametrize("order", ["steps first", "batch first"])
def test_one_value_per_step_is_repeated_for_its_samples(make, writers, order):
    content = make(order=order, batch=7)
    dim = 1 if order == "steps first" else 0
    for name in ("t", "s", "std", "g"):
        content[name] = content[name].select(dim, 0)
    assert clean(audit(writers["torch"](content)))["log_prob"].rows == 63


DROPS = [(), ("mean",), ("noise",), ("mean", "noise"), ("g",), ("std",), ("g", "std"),
         ("v", "v_ref", "kl"), ("x_t", "v", "v_ref", "kl"), ("t", "s", "g", "kl"),
         ("mean", "g", "kl"), ("mean", "g", "std")]  # fmt: skip


@pytest.mark.parametrize("drop", DROPS, ids="-".join)
@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
def test_any_subset_will_do(make, judge, drop, dtype):
    content = {k: x for k, x in make(dtype=dtype).items() if k not in drop}
    found = judge(content)
    clean(found["report"])
    assert found["log_prob"].verdict == "consistent"


def test_declared_conventions_are_verified_and_undeclared_ones_named(make, judge):
    content = make(dtype=torch.float32)
    D = content["x_t"][0].numel()
    content["log_prob"] = content["log_prob"] / D
    content["kl"] = policy.average(kl.velocity(content["v"], content["v_ref"]))
    guessed = judge(content)
    assert guessed["log_prob"].verdict == guessed["kl"].verdict == "convention"
    assert "policy.average" in guessed["log_prob"].formula
    assert "kl.velocity" in guessed["kl"].formula
    told = dict(log_prob="mean", kl="kl.velocity", kl_reduction="mean", a=0.7,
                boundary="next_level", grid="sd35_once_shifted", time="noise")  # fmt: skip
    declared = judge(content, told)
    assert {f.verdict for f in declared["report"].findings} == {"consistent"}


@pytest.mark.parametrize("name", ["kl.flow_grpo", "kl.velocity", "kl.without_h"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_kl_of_zero_is_whichever_was_declared(make, judge, name, reduction):
    """Before the first update the policy is the reference, and each of these formulas gives 0."""
    content = make()
    content |= {"v_ref": content["v"].clone(), "kl": 0 * content["kl"]}
    assert judge(content, {"kl": name, "kl_reduction": reduction})["kl"].verdict == "consistent"


def test_what_was_declared_and_is_not_so_differs(make, judge):
    content = make()
    for wrong, subject in (
        ({"log_prob": "mean"}, "log_prob"), ({"a": 0.5}, "schedule"), ({"kl": "kl.velocity"}, "kl"),
        ({"boundary": "clamp 0.99"}, "schedule"), ({"grid": "sd35_as_shipped"}, "grid"),
    ):  # fmt: skip
        found = judge(content, wrong)[subject]
        assert found.verdict == "differs"
        assert f"declared {next(iter(wrong))}" in found.detail


def test_data_time_network_time_and_std_that_holds_g_are_recognised(make, judge):
    content = make(dtype=torch.float64)
    other = content | {"t": 1 - content["t"], "s": 1 - content["s"], "v": -content["v"],
                       "v_ref": -content["v_ref"]}  # fmt: skip
    found = judge(other)
    clean(found["report"])
    assert "t = 1 is data" in found["clock"].detail
    assert found["clock"].verdict == "convention"
    assert judge(other, {"time": "data"})["clock"].verdict == "consistent"
    network = content | {"t": 1000 * content["t"], "s": 1000 * content["s"]}
    assert "1000 t" in judge(network)["clock"].detail
    holds_g = {k: x for k, x in content.items() if k != "g"} | {"std": content["g"]}
    found = judge(holds_g)
    clean(found["report"])
    assert found["std"].verdict == "convention"
    assert judge(holds_g, {"std": "g"})["std"].verdict == "consistent"


@pytest.mark.parametrize(
    ("boundary", "a", "words"),
    [(sde.clamp(0.99), 0.7, "clamp 0.99"), (sde.next_level, 1.2, "next_level")],
)
def test_the_schedule_is_named(make, judge, boundary, a, words):
    found = judge(make(boundary=boundary, a=a))["schedule"]
    assert found.formula == "flow_grpo"
    assert words in found.detail
    assert f"g = {a:g}" in found.detail


@pytest.mark.parametrize("name", ["uniform", "sd35_once_shifted", "sd35_as_shipped"])
def test_the_grid_is_named(make, judge, name):
    assert judge(make(grid=getattr(grids, name)))["grid"].formula == name


@pytest.mark.parametrize("name", ["uniform", "sd35_once_shifted", "sd35_as_shipped"])
def test_a_windows_steps_are_found_on_the_grid_that_was_declared(make, judge, name):
    """Together or apart."""
    whole = make(T=10, grid=getattr(grids, name))
    step = torch.arange(9).repeat_interleave(len(whole["t"]) // 9)
    for window in ((3, 4, 5), (1, 6), (0,)):
        kept = torch.isin(step, torch.tensor(window))
        content = {key: x[kept] for key, x in whole.items()}
        found = judge(content, {"grid": name})["grid"]
        assert found.verdict == "consistent"
        assert f"{len(window)} of 10 steps" in found.detail
        if window == (0,):  # 1 to 0.9 is also the first of four shifted steps
            continue
        for other in {"uniform", "sd35_once_shifted", "sd35_as_shipped"} - {name}:
            assert judge(content, {"grid": other})["grid"].verdict == "differs"


def test_a_step_over_levels_of_the_declared_grid_is_none_of_it(make, judge):
    """0.9 and 0.6 are levels of ten even steps, and no even grid goes from one to the other."""
    whole = make(T=10, grid=grids.uniform)
    kept = (whole["t"] - 0.9).abs() < 1e-12
    content = {key: whole[key][kept] for key in ("x_t", "t", "s", "v")}
    assert judge(content, {"grid": "uniform"})["grid"].verdict == "consistent"
    content["s"] = torch.full_like(content["s"], 0.6)
    assert judge(content, {"grid": "uniform"})["grid"].verdict == "differs"


def test_euler_steps_without_noise_are_told_as_such(make, judge):
    content = make(a=0.0)
    found = judge(content)
    clean(found["report"])
    assert "every step is the ODE's" in found["schedule"].detail


@pytest.mark.parametrize(
    ("std", "ddof", "eps"),
    list(itertools.product(("group", "batch"), (0, 1), (0.0, 1e-4))) + [("none", 0, 0.0)],
)
def test_advantages_of_every_convention_are_recognised(kit, judge, std, ddof, eps):
    content = kit["rewards"](std=std, ddof=ddof, eps=eps, dtype=torch.float32)
    found = judge(content)["advantages"]
    assert found.verdict == (
        "consistent" if (std, ddof, eps) == ("group", 0, 0.0) else "convention"
    )
    told = {"advantage_std": std} | ({} if std == "none" else {"ddof": ddof, "eps": eps})
    assert judge(content, told)["advantages"].verdict == "consistent"
    if std != "none":
        assert judge(content, told | {"ddof": 1 - ddof})["advantages"].verdict == "differs"


def test_limited_advantages_equal_groups_and_offsets_are_right(kit, judge):
    content = kit["rewards"](groups=8, size=6)
    content["advantages"] = grpo.bounded(content["advantages"], 1.0)
    assert "limited to ±1" in judge(content)["advantages"].detail
    flat = kit["rewards"]()
    flat["rewards"][:4], flat["advantages"][:4] = 0.25, 0.0
    assert judge(flat)["advantages"].verdict == "consistent"
    draw = torch.Generator().manual_seed(1)
    far = 1e4 + torch.randn(6, 4, generator=draw)
    made = grpo.advantage(far, std="group", ddof=0, eps=0.0)
    assert judge({"rewards": far, "advantages": made})["advantages"].verdict == "consistent"


def learning(make, kit, clip=0.2, beta=0.04):
    content = make(shape=(2, 2), batch=24, dtype=torch.float64)
    draw = torch.Generator().manual_seed(3)
    old = content["log_prob"]
    new = old + 0.2 * torch.randn(len(old), generator=draw, dtype=torch.float64)
    advantages = torch.randn(len(old), generator=draw, dtype=torch.float64)
    ratio = policy.ratio(new, old)
    loss = -grpo.objective(grpo.surrogate(ratio, advantages, clip), content["kl"], beta)
    return dict(log_prob=new, log_prob_old=old, ratio=ratio, advantages=advantages,
                kl=content["kl"], loss=loss)  # fmt: skip


def test_ratio_and_loss_are_recomputed_and_beta_and_clip_found(make, kit, judge):
    content = learning(make, kit)
    found = judge(content)
    assert found["ratio"].formula == "policy.ratio"
    assert found["loss"].verdict == "convention"
    assert "clip 0.2" in found["loss"].detail
    assert "β = 0.04" in found["loss"].detail
    assert judge(content, dict(clip=0.2, beta=0.04))["loss"].verdict == "consistent"
    averaged = content | {"loss": content["loss"].mean()}
    assert judge(averaged, dict(clip=0.2, beta=0.04))["loss"].verdict == "consistent"


def random_case(seed):
    draw = torch.Generator().manual_seed(seed)

    def pick(*choices):
        return choices[int(torch.randint(len(choices), (1,), generator=draw))]

    shape = pick((3,), (2, 5), (4, 3, 3), (1, 1, 6))
    return dict(
        batch=pick(2, 5, 16), shape=shape, T=pick(2, 4, 10), a=pick(0.3, 0.7, 1.0, 1.4142),
        dtype=pick(*DTYPES), seed=seed, order=pick("rows", "steps first", "batch first"),
        boundary=pick(sde.next_level, sde.clamp(0.99)),
        grid=pick(grids.uniform, grids.sd35_once_shifted, grids.sd35_as_shipped),
    ), pick(*DROPS[:8])  # fmt: skip


def no_false_alarm(make, judge, seeds):
    for seed in seeds:
        case, drop = random_case(seed)
        if case["order"] != "rows" and case["batch"] == case["T"] - 1:
            case["batch"] += 1  # a square needs t to tell its sides; here it may be dropped
        content = {k: x for k, x in make(**case).items() if k not in drop}
        report = judge(content)["report"]
        assert report.consistent, f"{case} without {drop}\n{text(report)}"


def test_random_right_records_raise_no_alarm(make, judge):
    no_false_alarm(make, judge, range(25))


@pytest.mark.slow
def test_a_thousand_random_right_records_raise_no_alarm(make, judge):
    no_false_alarm(make, judge, range(1000))


def test_noise_is_judged_with_the_velocity_that_sampled(make, judge):
    kept = {k: x for k, x in make(shape=(64,), batch=32).items()
            if k not in ("mean", "noise", "v_ref", "kl", "log_prob")}  # fmt: skip
    moved = kept["v"] + 0.5 * kept["v"].flip(0)
    assert judge(kept | {"v": moved, "v_old": kept["v"]})["noise"].verdict == "consistent"
    assert judge(kept | {"v": moved})["noise"].verdict == "differs"
    assert judge(kept | {"v_old": moved})["noise"].verdict == "differs"
