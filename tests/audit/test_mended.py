"""Columns of other rows, exchanged columns, and declarations that the numbers refute."""

import pytest
import torch

from refimpl.equations import gaussian, policy

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum", "kl_reduction": "sum"}


def steps_of(x):
    return x.reshape(STEPS, BATCH, *x.shape[1:])


def rolled(x, by, dim):
    return steps_of(x).roll(by, dim).reshape(x.shape)


LIES = {
    "time": ({"time": "data"}, "clock", "declared time = 'data', and the steps fit without it"),
    "time_scale": ({"time_scale": 1000}, "clock", "declared time_scale = 1000, and the steps fit"),
    "std": ({"std": "g"}, "std", "declared std = 'g', and the steps fit without it"),
}  # fmt: skip


@pytest.mark.parametrize("gone", [("g",), ("g", "mean", "noise")])
@pytest.mark.parametrize("name", LIES)
def test_a_declaration_that_the_steps_refute_is_told_and_the_rest_is_judged_without(
    make, judge, name, gone
):
    """By numbers, or by the law of what is left of x_s."""
    c = {n: x for n, x in make(shape=(4, 8, 8)).items() if n not in gone}
    lie, subject, says = LIES[name]
    found = judge(c, TOLD | lie)
    told = [f for f in found["report"].findings if f.verdict == "differs"]
    assert [(f.subject, says in f.detail) for f in told] == [(subject, True)], told
    assert found["mean"].verdict == found["log_prob"].verdict == "consistent"


def test_states_that_are_exchanged_are_told_and_the_rest_is_judged_with_both_put_right(make, judge):
    c = make()
    found = judge(c | {"x_t": c["x_s"], "x_s": c["x_t"]}, TOLD)
    told = [f for f in found["report"].findings if f.verdict == "differs"]
    assert [f.subject for f in told] == ["x_t"], told
    assert "x_t and x_s are exchanged" in told[0].detail
    assert found["x_s"].verdict == "consistent"


@pytest.mark.parametrize("wrong", ["x_s", "x_t"])
def test_one_state_in_both_places_is_told_and_nothing_else_is_blamed(make, judge, wrong):
    c = make()
    found = judge(c | {wrong: c["x_t" if wrong == "x_s" else "x_s"]}, TOLD)
    told = [f for f in found["report"].findings if f.verdict == "differs"]
    assert [f.subject for f in told] == [wrong]
    assert "hold the same numbers" in told[0].detail


@pytest.mark.parametrize("order", ["rows", "steps first", "batch first"])
@pytest.mark.parametrize("wrong", ["x_s", "x_t"])
def test_a_state_of_other_samples_is_told_whose_it_is(make, judge, wrong, order):
    c = make(order=order)
    dim = {"rows": 1, "steps first": 1, "batch first": 0}[order]
    moved = rolled(c[wrong], 1, 1) if order == "rows" else c[wrong].roll(1, dim)
    found = judge(c | {wrong: moved}, TOLD)
    told = [f for f in found["report"].findings if f.verdict == "differs"]
    assert [f.subject for f in told] == [wrong]
    assert "x_s goes on as the x_t of other samples" in told[0].detail


@pytest.mark.parametrize("order", ["rows", "steps first", "batch first"])
def test_states_that_go_on_are_not_told_for_others(make, judge, order):
    found = judge(make(order=order), TOLD)["report"].findings
    assert not [f for f in found if f.verdict == "differs"]


@pytest.mark.parametrize(("by", "which"), [(1, "after"), (-1, "before")])
def test_a_std_of_another_step_is_told(make, judge, by, which):
    """Of no schedule with a name: whether the record is wrong or the step, nothing tells."""
    c = make(boundary=lambda step: 0.9 * step.t)
    c = {n: x for n, x in c.items() if n != "g"} | {"std": rolled(c["std"], by, 0)}
    found = judge(c, {"log_prob": "sum"})
    assert f"it is that of the std of the step {which}" in found["mean"].detail
    assert f"its noise has the std of the step {which}" in found["x_s"].detail


def test_noise_that_was_drawn_again_is_told(make, judge):
    c = make()
    again = c["noise"].flip(0, 2)
    found = judge(c | {"noise": again}, TOLD)["x_s"]
    assert "that is another draw" in found.detail


def scored(c, mean, std, shape=(-1, 1, 1, 1)):
    return policy.total(gaussian.log_prob(c["x_s"], mean, std.reshape(shape)))


@pytest.mark.parametrize("name", ["after", "shuffled"])
def test_a_density_with_the_std_of_another_step_is_told(make, judge, name):
    c = make()
    order = torch.randperm(len(c["std"]), generator=torch.Generator().manual_seed(2))
    std = rolled(c["std"], -1, 0) if name == "after" else c["std"][order]
    says = "the std of the step after" if name == "after" else "std of other steps, in another"
    found = judge(c | {"log_prob": scored(c, c["mean"], std)}, TOLD)["log_prob"]
    assert found.verdict == "differs"
    assert f"it is right for the {says.removeprefix('the ')}" in found.detail, found


def test_a_divergence_with_the_variance_of_another_step_is_told(make, judge):
    c = make()
    kl = c["kl"] * (c["std"] / rolled(c["std"], -1, 0)) ** 2
    found = judge(c | {"kl": kl}, TOLD)["kl"]
    assert "it is right for the std of the step after" in found.detail, found


def test_a_density_about_the_step_of_the_ode_is_told(make, kit, judge):
    c = make()
    h = kit["rows"](c, "t") - kit["rows"](c, "s")
    found = judge(c | {"log_prob": scored(c, c["x_t"] - h * c["v"], c["std"])}, TOLD)["log_prob"]
    assert "it is right for another mean than the one recorded: that of the ODE" in found.detail


@pytest.mark.parametrize("words", ["first", "last"])
def test_a_density_of_half_of_the_coordinates_is_told(make, kit, judge, words):
    c = make()
    each = gaussian.log_prob(c["x_s"], c["mean"], kit["rows"](c, "std"))
    half = each[:, :1] if words == "first" else each[:, 1:]
    found = judge(c | {"log_prob": half.flatten(1).sum(1)}, TOLD)["log_prob"]
    assert f"it is that of the {words} 20 of 40 coordinates alone" in found.detail


def test_a_variance_in_the_field_std_is_told_and_its_root_is_taken(make, judge):
    c = {n: x for n, x in make().items() if n != "g"}
    found = judge(c | {"std": c["std"] ** 2}, {"log_prob": "sum", "std": "step"})
    told = [f for f in found["report"].findings if f.verdict == "differs"]
    assert [f.subject for f in told] == ["std"]
    assert "holds the step's variance" in told[0].detail


def test_rows_of_one_level_that_do_not_fit_are_told_with_it(make, judge):
    c = make()
    first = (torch.arange(STEPS * BATCH) < BATCH).double()
    off = 0.3 * torch.tanh(c["x_t"].roll(1, -1)) * first.reshape(-1, 1, 1, 1)
    found = judge(c | {"x_s": c["x_s"] + off}, TOLD)["x_s"]
    assert "12 of 108 rows do not fit, the first is row 0: all at t = 1" in found.detail


def test_rows_of_several_levels_are_not_told_for_those_of_the_first(make, judge):
    """A few of the rows that do not fit are kept: the first ones, which are of one step."""
    c = make(batch=80)
    first = (torch.arange(len(c["t"])) < 160).double()
    off = 0.3 * torch.tanh(c["x_t"].roll(1, -1)) * first.reshape(-1, 1, 1, 1)
    found = judge(c | {"x_s": c["x_s"] + off}, TOLD)["x_s"]
    assert "160 of 720 rows do not fit" in found.detail
    assert "all at" not in found.detail


def test_numbers_that_were_never_filled_in_are_told(make, judge):
    c = make()
    late = torch.arange(STEPS * BATCH) >= (STEPS - 1) * BATCH
    found = judge(c | {"log_prob": torch.where(late, 0.0, c["log_prob"])}, TOLD)["log_prob"]
    assert "all at t = 0.4286, they are 0" in found.detail


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [((4, 4, 4, 4), "consistent"), ((4, 4, 4, 8), "differs"), ((4, 4, 8, 8), "differs"),
     ((4, 4, 4, 3), "differs"),
     ((3, 4, 4, 5, 8), "convention")],
)  # fmt: skip
def test_groups_without_a_common_size_have_not_lost_samples(judge, sizes, verdict):
    groups = torch.cat([torch.full((n,), k) for k, n in enumerate(sizes)])
    rewards = torch.linspace(-1, 2, len(groups), dtype=torch.float64) ** 3
    assert judge({"rewards": rewards, "groups": groups})["groups"].verdict == verdict


def test_no_std_is_not_called_the_batch_s(kit, judge):
    found = judge(kit["rewards"](), {"advantage_std": "none"})["advantages"]
    assert (found.verdict, found.formula) == ("differs", "grpo.advantage")


SUMS = {
    "the running sum over the sample's steps": lambda x: x.cumsum(0),
    "the sum over the sample's steps": lambda x: x.sum(0, keepdim=True).expand_as(x),
    "the mean over the sample's steps": lambda x: x.mean(0, keepdim=True).expand_as(x),
}  # fmt: skip


@pytest.mark.parametrize("words", SUMS)
@pytest.mark.parametrize("name", ["log_prob", "kl"])
def test_a_number_of_several_steps_is_told_for_it(make, judge, name, words):
    c = make()
    made = SUMS[words](steps_of(c[name])).reshape(c[name].shape)
    found = judge(c | {name: made}, TOLD)[name]
    assert f"it is {words}" in found.detail, found
