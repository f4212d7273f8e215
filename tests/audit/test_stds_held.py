"""A density, divergence or mean by another std: one step's, one for all, another level of noise.

log p of d/std′, std′ = c, or c std        mean of c g        held at an end        d²/2·std²
"""

import pytest
import torch

from refimpl.equations import Step, gaussian, kl, paths, policy, sde

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum", "kl_reduction": "sum"}


@pytest.fixture(params=["noise", "data"])
def c(request, make):
    """A right record in float32, on either clock."""
    made = make(dtype=torch.float32, shape=(4, 6, 6))
    if request.param == "data":
        made |= {n: 1 - made[n].double() for n in ("t", "s")}
        made |= {n: -made[n] for n in ("v", "v_ref")}
    return made


def scored(c, std):
    return policy.total(gaussian.log_prob(c["x_s"], c["mean"], std.reshape(-1, 1, 1, 1)))


def wide(x, by=BATCH):
    return x.reshape(-1, by)


STDS = {
    "the first step's": (lambda s: s[:1] + 0 * s, "it has the std of the first step (t = 1)"),
    "the last step's": (lambda s: s[-1:] + 0 * s, "it has the std of the last step (t = 0.4286)"),
    "a step's": (lambda s: s[40:41] + 0 * s, "it has the std of the step (t = 0.875) at every"),
    "the mean": (lambda s: wide(s)[:, 0].mean() + 0 * s, "the mean of the steps'"),
    "a number": (lambda s: 0.37 + 0 * s, "one std for all steps stands in it: 0.37"),
    "of the step after": (lambda s: torch.cat([s[BATCH:], s[-BATCH:]]), "std of the step after"),
    "of the step before": (lambda s: torch.cat([s[:BATCH], s[:-BATCH]]), "std of the step before"),
    "another level's": (lambda s: s * 3 / 7, "0.4286 times the recorded one at every step: that "
                                             "of a = 0.3"),
    "a multiple": (lambda s: 1.37 * s, "its std is 1.37 times the recorded one at every step"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STDS)
def test_the_std_that_a_density_has_is_told(c, judge, kind):
    change, words = STDS[kind]
    found = judge(c | {"log_prob": scored(c, change(c["std"]))}, TOLD)["log_prob"]
    assert found.verdict == "differs"
    assert words in found.detail, found
    assert judge(c, TOLD)["log_prob"].verdict == "consistent"


def test_one_std_for_all_is_told_of_a_divergence_as_well(c, judge):
    found = judge(c | {"kl": c["kl"] * (c["std"] / 0.37) ** 2}, TOLD)["kl"]
    assert "one std for all steps stands in it: 0.37" in found.detail, found


@pytest.mark.parametrize(
    ("by", "words"),
    [(3 / 7, "0.4286 times the recorded one at every step: that of a = 0.3"),
     (1 / 0.7, "1.429 times the recorded one at every step: that of a = 1")],
)  # fmt: skip
@pytest.mark.parametrize("drawn", [True, False])
def test_a_mean_of_another_level_of_noise_is_told(make, judge, by, words, drawn):
    c = make(dtype=torch.float32)
    t, s, g = (c[n].double().reshape(-1, 1, 1, 1) for n in ("t", "s", "g"))
    mean = sde.transition(
        paths.linear(t), c["x_t"].double(), c["v"].double(), by * g, Step(t, s)
    ).mean
    names = ("x_t", "v", "t", "s", "std") + (("x_s", "noise") if drawn else ())
    kept = {n: c[n] for n in names}
    found = judge(kept | {"mean": mean.float()}, TOLD)["mean"]
    assert found.verdict == "differs"
    assert f"its g is {words}" in found.detail, found
    assert judge(kept | {"mean": c["mean"]}, TOLD)["mean"].verdict == "consistent"


@pytest.mark.parametrize(
    ("end", "words"),
    [({"max": -20.0}, "they are −20: held there from above, where it would be up to −0."),
     ({"min": -130.0}, "they are −130: held there from below, where it would be up to −173.")],
)  # fmt: skip
def test_the_end_that_holds_some_numbers_is_told(c, judge, end, words):
    found = judge(c | {"log_prob": c["log_prob"].clamp(**end)}, TOLD)["log_prob"]
    assert found.verdict == "differs"
    assert words in found.detail, found


@pytest.mark.parametrize("batch", [BATCH, 80])
@pytest.mark.parametrize("order", ["steps first", "batch first"])
@pytest.mark.parametrize("name", ["log_prob", "kl"])
def test_a_number_of_the_first_step_in_all_is_told(make, judge, name, order, batch):
    """Of a whole record, or of the first rows of a large one."""
    c = make(dtype=torch.float32, shape=(4, 4, 4), order=order, batch=batch)
    dim = 0 if order == "steps first" else 1
    held = c[name].narrow(dim, 0, 1).expand_as(c[name])
    found = judge(c | {name: held}, TOLD)[name]
    assert found.verdict == "differs"
    assert "it is of the sample's first step" in found.detail, found


def test_a_divergence_multiplied_by_the_variance_has_a_name(c, judge):
    d, std = c["mean"] - c["mean"].roll(1, -1), c["std"].reshape(-1, 1, 1, 1)
    kept = {n: x for n, x in c.items() if n != "v_ref"} | {"mean_ref": c["mean"].roll(1, -1)}
    made = judge(kept | {"kl": policy.total(d**2 / 2 * std**2)}, TOLD)["kl"]
    assert "kl.of_means: times the variance" in made.formula, made
    assert made.verdict == "differs"
    right = policy.total(kl.of_means(c["mean"], kept["mean_ref"], std))
    assert judge(kept | {"kl": right}, TOLD)["kl"].verdict == "consistent"
