"""Velocities that lie on no line through v_uncond and v_cond, and parts of another policy's."""

import pytest
import torch

from refimpl.equations import Step, guidance, kl, paths, policy, sde

N, D = 24, 32


def record(rule, **more):
    draw = torch.Generator().manual_seed(5)
    cond, uncond = (torch.randn(N, D, generator=draw, dtype=torch.float64) for _ in range(2))
    x = torch.randn(N, D, generator=draw, dtype=torch.float64)
    t = torch.linspace(0.9, 0.2, N, dtype=torch.float64)
    return {"x_t": x, "t": t, "s": t - 0.02, "v": rule(cond, uncond), "v_cond": cond,
            "v_uncond": uncond} | more  # fmt: skip


def plain(cond, uncond, w=4.5):
    return guidance.classifier_free(uncond, cond, w)


def std(x):
    return x.std(dim=1, keepdim=True)


RULES = {
    "v_cond alone": (lambda c, u: 4.5 * c, "it is 4.5 v_cond: v_uncond is left out"),
    "weights": (lambda c, u: 4.5 * c - 4.5 * u,
                "it is 4.5 v_cond + -4.5 v_uncond: the weights do not"),
    "rescaled": (lambda c, u: plain(c, u) * std(c) / std(plain(c, u)),
                 "it is guidance by w = 4.5, rescaled row by row"),
    "zero star": (lambda c, u: plain(c, ((c * u).sum(1) / (u**2).sum(1))[:, None] * u),
                  "with v_uncond scaled row by row, as CFG-Zero* has it"),
    "halves mixed up": (lambda c, u: plain(c, u.roll(1, 0)),
                        "v_uncond in it is that of other rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_guidance_off_the_line_is_told_for_what_it_is(judge, name):
    rule, says = RULES[name]
    found = judge(record(rule), {"guidance": 4.5})["guidance of v"]
    assert found.verdict == "differs"
    assert says in found.detail, found


def test_nothing_is_said_of_a_velocity_that_is_made_of_neither(judge):
    found = judge(record(lambda c, u: plain(c, u) + 0.1 * torch.sin(9 * c)), {"guidance": 4.5})
    assert found["guidance of v"].detail == "it lies on no line through v_uncond and v_cond"


def test_another_policy_s_velocity_is_not_held_against_this_one_s_parts(judge):
    c = record(plain)
    found = judge(c | {"v_old": 1.01 * c["v"]}, {"guidance": 4.5})
    assert found["guidance of v"].verdict == "consistent"
    assert found["guidance of v_old"].verdict == "not checked"
    assert "guidance" not in found


def test_a_mean_of_the_declared_guidance_is_told_where_v_is_not_guided(make, judge):
    c = make(dtype=torch.float32)
    draw = torch.Generator().manual_seed(5)
    uncond = c["v"] + torch.randn(c["v"].shape, generator=draw)
    cond = uncond + (c["v"] - uncond) / 4.5  # guided by 4.5 it is the velocity that was used
    found = judge(c | {"v": cond, "v_cond": cond, "v_uncond": uncond}, {"a": 0.7, "guidance": 4.5})
    assert "the velocity guided by the declared 4.5, which v is not" in found["mean"].detail


def test_zeros_at_steps_without_noise_are_no_densities(make, judge):
    c = make()
    still = torch.arange(len(c["std"])) < 24
    c = {n: c[n] for n in ("x_t", "x_s", "t", "s", "std", "v", "log_prob")}
    c["std"] = torch.where(still, 0.0, c["std"])
    shape = (-1, 1, 1, 1)
    h = (c["t"] - c["s"]).reshape(shape)
    c["x_s"] = torch.where(still.reshape(shape), c["x_t"] - h * c["v"], c["x_s"])
    for number, verdict in ((0.0, "consistent"), (-1.0, "differs")):
        c["log_prob"] = torch.where(still, number, c["log_prob"])
        found = judge(c, {"log_prob": "sum"})["report"].findings
        told = {f.verdict for f in found if f.subject == "log_prob"}
        assert ("differs" in told) == (verdict == "differs")


def test_guidance_that_was_applied_twice_is_told(judge):
    twice = judge(record(lambda c, u: plain(plain(c, u), u)), {"guidance": 4.5})["guidance of v"]
    assert (twice.verdict, twice.formula) == (
        "differs", "guidance.classifier_free: applied twice",
    )  # fmt: skip
    assert "w = 20.25 = 4.5²: v_uncond" in twice.detail
    once = judge(record(plain), {"guidance": 4.5})["guidance of v"]
    assert once.verdict == "consistent"


def test_a_divergence_is_not_judged_by_velocities_before_their_guidance(judge):
    """The mean says that v is not the guided one, and so does the divergence of two of them."""
    draw = torch.Generator().manual_seed(6)
    x, cond, uncond, off, more = torch.randn(5, N, D, generator=draw, dtype=torch.float64)
    t = torch.linspace(0.9, 0.2, N, dtype=torch.float64)[:, None]
    step, g = Step(t, t - 0.02), 0.7 * (t / (1 - t)).sqrt()
    v, v_ref = plain(cond, uncond), plain(cond + 0.1 * off, uncond + 0.1 * more)
    kernel, other = (sde.transition(paths.linear(t), x, w, g, step) for w in (v, v_ref))
    each = kl.gaussian(kernel, other)
    c = {"x_t": x, "t": t[:, 0], "s": t[:, 0] - 0.02, "mean": kernel.mean, "std": kernel.std[:, 0],
         "v": cond, "v_cond": cond, "v_uncond": uncond, "v_ref": cond + 0.1 * off,
         "kl": policy.total(each)}  # fmt: skip
    told = {"guidance": 4.5, "kl_reduction": "sum"}
    found = judge(c, told)
    assert "guided by the declared 4.5, which v is not" in found["mean"].detail
    assert found["kl"].verdict == "not checked", found["kl"]
    assert "v_ref leads to no mean that is known" in found["kl"].detail
    right = judge(c | {"v": v, "v_ref": v_ref}, told)
    assert right["mean"].verdict == right["kl"].verdict == "consistent", right
