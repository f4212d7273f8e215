"""Levels that were cut or rounded, on record or in the step: said once, and judged in full.

And policies whose names are crossed.
"""

import pytest
import torch

from refimpl.equations import Step, paths, sde

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum", "kl_reduction": "sum"}
LAW = ("x_t", "x_s", "v", "t", "s", "std")
WHOLE = (*LAW, "mean", "noise", "log_prob")
CUTS = {
    "cut to thousandths": lambda t: torch.floor(1000 * t) / 1000,
    "rounded to thousandths": lambda t: torch.round(1000 * t) / 1000,
    "rounded to bfloat16": lambda t: t.bfloat16().float(),
    "rounded to float16": lambda t: t.half().float(),
}


def differing(found):
    return [f for f in found["report"].findings if f.verdict == "differs"]


@pytest.mark.parametrize("scale", [1, 1000])
@pytest.mark.parametrize("names", [LAW, WHOLE])
@pytest.mark.parametrize("ends", [("t",), ("s",), ("t", "s")])
@pytest.mark.parametrize("words", CUTS)
def test_levels_that_were_recorded_short_are_told_and_taken_in_full(
    make, judge, words, ends, names, scale
):
    c = {n: x for n, x in make(dtype=torch.float32, shape=(4, 6, 6)).items() if n in names}
    short = c | {n: CUTS[words](c[n]) for n in ends}
    short |= {n: scale * short[n] for n in ("t", "s")}
    told = TOLD | ({"time_scale": 1000} if scale > 1 else {})
    found = judge(short, told)
    assert [f.subject for f in differing(found)] == [ends[0]], differing(found)
    both = " and ".join(ends)
    assert f"{both} {'were' if len(ends) > 1 else 'was'} {words} when" in differing(found)[0].detail
    assert found["schedule"].verdict == "consistent"
    assert not differing(judge(c | {n: scale * c[n] for n in ("t", "s")}, told))


@pytest.mark.parametrize("names", [("x_t", "x_s", "v", "t", "s", "std", "noise"), WHOLE])
@pytest.mark.parametrize("ends", [("t",), ("t", "s")])
@pytest.mark.parametrize("words", CUTS)
def test_levels_that_were_short_in_the_step_are_told(make, judge, words, ends, names):
    c = make(dtype=torch.float32, shape=(4, 6, 6))
    t, s = (CUTS[words](c[n]).double() if n in ends else c[n].double() for n in ("t", "s"))
    g = 0.7 * torch.sqrt(t / (1 - torch.where(t == 1, s[0], t)))
    t, s, g = (y.reshape(-1, 1, 1, 1) for y in (t, s, g))
    kernel = sde.transition(paths.linear(t), c["x_t"].double(), c["v"].double(), g, Step(t, s))
    made = {"mean": kernel.mean, "x_s": kernel.sample(c["noise"].double()), "std": kernel.std}
    made |= {"std": kernel.std.flatten()}
    kept = c | {n: x.float() for n, x in made.items()}
    found = judge({n: x for n, x in kept.items() if n in names and n != "log_prob"}, TOLD)
    assert [f.subject for f in differing(found)] == ["t"], differing(found)
    told = f"{' and '.join(ends)} of the step {'were' if len(ends) > 1 else 'was'} {words}"
    assert told in differing(found)[0].detail


def test_a_run_that_was_made_of_short_levels_and_recorded_so_is_right(make, judge):
    """Its steps fit as they are, though t is not the s before."""
    c = make(dtype=torch.float32)
    t, s = CUTS["cut to thousandths"](c["t"]).double(), c["s"].double()
    g = 0.7 * torch.sqrt(t / (1 - torch.where(t == 1, s[0], t)))
    t, s, g = (y.reshape(-1, 1, 1, 1) for y in (t, s, g))
    kernel = sde.transition(paths.linear(t), c["x_t"].double(), c["v"].double(), g, Step(t, s))
    made = {"mean": kernel.mean, "x_s": kernel.sample(c["noise"].double()), "t": t.flatten()}
    made |= {"std": kernel.std.flatten()}
    kept = {n: c[n] for n in ("x_t", "v", "s", "noise")} | {n: x.float() for n, x in made.items()}
    assert not differing(judge(kept, TOLD))


SAMPLED = ("x_t", "x_s", "v", "t", "s", "std", "noise")


@pytest.mark.parametrize("names", [LAW, SAMPLED, WHOLE], ids=["law", "drawn", "whole"])
@pytest.mark.parametrize("told", [TOLD, {}], ids=["declared", "bare"])
@pytest.mark.parametrize("words", ["rounded to bfloat16", "rounded to float16"])
def test_stds_that_were_recorded_short_are_told_and_taken_in_full(make, judge, words, told, names):
    c = {n: x for n, x in make(dtype=torch.float32, shape=(4, 6, 6)).items() if n in names}
    short = c | {"std": CUTS[words](c["std"])}
    found = judge(short, told)
    assert [f.subject for f in differing(found)] == ["std"], differing(found)
    when = "" if names is LAW else " when it was recorded"  # in the draw, for all that a law shows
    assert f"std was {words}{when}: those of g = 0.7" in differing(found)[0].detail
    assert found["schedule"].verdict in ("consistent", "convention")
    assert not differing(judge(c, told))


def test_a_run_that_was_made_of_short_stds_is_not_told_to_have_recorded_them_so(make, judge):
    c = make(dtype=torch.float32, shape=(4, 6, 6))
    std = CUTS["rounded to bfloat16"](c["std"])
    x_s = c["mean"] + std.reshape(-1, 1, 1, 1) * c["noise"]
    found = judge({n: c[n] for n in WHOLE[:-1]} | {"std": std, "x_s": x_s}, TOLD)
    assert "schedule" in {f.subject for f in differing(found)}
    assert not [f for f in differing(found) if "when it was recorded" in f.detail]


@pytest.mark.parametrize("crossed", [True, False])
def test_policies_whose_names_are_crossed_are_told_and_put_right(make, judge, crossed):
    c = make(dtype=torch.float32, shape=(4, 6, 6))
    t, s, g = (c[n].double().reshape(-1, 1, 1, 1) for n in ("t", "s", "g"))
    rule = paths.linear(t), c["x_t"].double(), c["v_ref"].double(), g, Step(t, s)
    c |= {"mean_ref": sde.transition(*rule).mean.float()}
    kept = {n: x for n, x in c.items() if n not in ("g", "noise")}
    assert not differing(judge(kept, TOLD))
    if crossed:
        found = judge(kept, TOLD | {"names": {"v": "v_ref", "v_ref": "v"}})
    else:
        found = judge(kept | {"v": c["v_ref"], "v_ref": c["v"]}, TOLD)
    assert [f.subject for f in differing(found)] == ["v"], differing(found)
    assert "v and v_ref are exchanged" in differing(found)[0].detail
    assert ("by the names that the manifest" in differing(found)[0].detail) == crossed


def test_a_mean_of_the_reference_is_not_told_for_crossed_names(make, judge):
    """Its mean_ref is right: what it was made with is wrong, and no name."""
    c = make(dtype=torch.float32)
    t, s, g = (c[n].double().reshape(-1, 1, 1, 1) for n in ("t", "s", "g"))
    rule = paths.linear(t), c["x_t"].double(), c["v_ref"].double(), g, Step(t, s)
    ref = sde.transition(*rule).mean.float()
    kept = {n: c[n] for n in ("x_t", "x_s", "v", "v_ref", "t", "s", "std")}
    told = differing(judge(kept | {"mean": ref, "mean_ref": ref}, TOLD))
    assert not [f for f in told if "exchanged" in f.detail]
    assert "mean" in {f.subject for f in told}


def half(c, names=("v", "v_ref")):
    return c | {n: c[n].half().float() for n in names if n in c}


@pytest.mark.parametrize("names", [LAW, WHOLE])
@pytest.mark.parametrize("ends", [("t",), ("t", "s")])
@pytest.mark.parametrize("words", ["rounded to bfloat16", "rounded to float16"])
def test_velocities_in_half_precision_hide_no_levels_that_were_recorded_short(
    judge, words, ends, names
):
    """What such a network's run may do to levels, this one did not: its steps were in float32."""
    c = half_run(lambda t: t)
    c = {n: x for n, x in c.items() if n in names}
    found = judge(c | {n: CUTS[words](c[n]) for n in ends}, TOLD)
    assert [f.subject for f in differing(found)] == [ends[0]], differing(found)
    assert f"{words} when" in differing(found)[0].detail
    assert not differing(judge(c, TOLD))


@pytest.mark.parametrize("names", [LAW, WHOLE])
def test_a_run_in_half_precision_whose_steps_had_such_levels_is_right(judge, names):
    c = {n: x for n, x in half_run(CUTS["rounded to bfloat16"]).items() if n in names}
    assert not differing(judge(c, TOLD))


def half_run(of_levels, T=10, batch=12, shape=(4, 6, 6)):
    """Steps in float32 from velocities in float16, with levels as they are made of the grid's."""
    draw = torch.Generator().manual_seed(0)
    grid = torch.tensor([3 * (1 - i / T) / (1 + 2 * (1 - i / T)) for i in range(T + 1)])
    levels = of_levels(grid).double()
    x, made = torch.randn(batch, *shape, generator=draw).double(), {}
    for i in range(T - 1):
        t, s, h = levels[i], levels[i + 1], levels[i] - levels[i + 1]
        g = 0.7 * (t / (1 - (t if i else s))) ** 0.5
        v = (0.8 * x + 0.3).half().double()
        mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        std, e = g * h**0.5, torch.randn(batch, *shape, generator=draw).double()
        x_s = (mean + std * e).float().double()
        z = (x_s - mean) / std
        log_prob = -(z**2) / 2 - torch.log(std) - torch.log(torch.tensor(2 * torch.pi)) / 2
        row = {"x_t": x, "x_s": x_s, "v": v, "mean": mean, "noise": e,
               "log_prob": log_prob.flatten(1).sum(1)}  # fmt: skip
        row |= {n: y.expand(batch) for n, y in (("t", t), ("s", s), ("std", std))}
        for n, y in row.items():
            made.setdefault(n, []).append(y.float())
        x = x_s
    return {n: torch.cat(y) for n, y in made.items()}
