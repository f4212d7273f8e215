"""Fields that hold something else than they are named for; numbers of parts, or of other weights.

A field is told to hold what it holds, and nothing beside it is accused.
"""

import math

import pytest
import torch

from refimpl.equations import Step, gaussian, kl, paths, policy, sde

BATCH, STEPS = 12, 9  # of the record that `make` makes
WIDE = (4, 8, 8)
TOLD = {"a": 0.7, "boundary": "next_level", "schedule": "flow_grpo"}


def rows(c, name):
    return c[name].reshape(-1, 1, 1, 1)


def kernel(c, v):
    """The right step of each row under a velocity."""
    step = Step(rows(c, "t"), rows(c, "s"))
    return sde.transition(paths.linear(step.t), c["x_t"], v, rows(c, "g"), step)


def beside(c, by):
    """A velocity near v: another policy's."""
    return c["v"] + by * torch.tanh(c["x_t"].roll(1, -1))


def differing(found):
    return {f.subject for f in found["report"].findings if f.verdict == "differs"}


HELD = {
    "log of the std": ("std", lambda c: c["std"].log(), "the logarithm of the step's std"),
    "log of the variance": ("std", lambda c: 2 * c["std"].log(), "of the step's variance"),
    "variance": ("std", lambda c: c["std"] ** 2, "the step's variance"),
    "g h": ("std", lambda c: c["std"] * (c["t"] - c["s"]).sqrt(), "g h, which has no root of h"),
    "std for g": ("g", lambda c: c["std"], "g √h, the step's std"),
    "std noise": ("noise", lambda c: rows(c, "std") * c["noise"], "std times the draw"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HELD)
def test_a_field_is_told_to_hold_what_it_holds(make, judge, kind):
    name, change, words = HELD[kind]
    c = make(shape=WIDE)
    kept = {n: x for n, x in c.items() if name == "g" or n != "g"}
    found = judge(kept | {name: change(c)}, TOLD)
    said = [f.detail for f in found["report"].findings if f.subject == name]
    assert words in said[0]
    assert differing(found) == {name}


@pytest.mark.parametrize("of", ["noise", "data"])
def test_predictions_in_place_of_velocities_are_told(make, judge, of):
    c = make()
    t = rows(c, "t")
    held = c["x_t"] + (1 - t) * c["v"] if of == "noise" else c["x_t"] - t * c["v"]
    kept = {n: x for n, x in c.items() if n not in ("v_ref", "kl")}
    found = judge(kept | {"v": held}, TOLD)
    assert f"v holds the prediction of {of}" in found["mean"].detail
    assert differing(found) == {"mean"}


MEANS = {
    "of x_s": (lambda c, m: m(c["x_s"], c["v"]), "that of x_s, the state after the step"),
    "of data": (lambda c, m: c["x_t"] - rows(c, "t") * c["v"], "the prediction of data"),
    "of the reference": (lambda c, m: m(c["x_t"], c["v_ref"]), "policy's velocity, v_ref"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MEANS)
@pytest.mark.parametrize("scored", ["rightly", "by it"])
def test_a_wrong_mean_is_told_and_the_draw_is_judged_by_the_right_one(make, judge, kind, scored):
    change, words = MEANS[kind]
    c = make(shape=WIDE)
    step = Step(rows(c, "t"), rows(c, "s"))

    def m(x, v):
        return sde.transition(paths.linear(step.t), x, v, rows(c, "g"), step).mean

    wrong = change(c, m)
    by = {
        "rightly": c["log_prob"],
        "by it": policy.total(gaussian.log_prob(c["x_s"], wrong, rows(c, "std"))),
    }
    kept = {n: x for n, x in c.items() if n not in ("noise", "kl")}
    found = judge(kept | {"mean": wrong, "log_prob": by[scored]}, TOLD)
    assert words in found["mean"].detail, found["mean"]
    assert differing(found) == {"mean"}


def test_steps_without_noise_are_told_and_the_others_are_judged_without_them(make, judge):
    c = make(shape=WIDE)
    h, still = rows(c, "t") - rows(c, "s"), slice(0, 3 * BATCH)
    x_s = c["x_s"].clone()
    x_s[still] = (c["x_t"] - h * c["v"])[still]
    kept = {n: x for n, x in c.items() if n not in ("noise", "kl", "log_prob")}
    found = judge(kept | {"x_s": x_s}, TOLD)
    said = next(f.detail for f in found["report"].findings if f.subject == "x_s")
    assert "at t = 1, 0.9643, 0.9231 it is the ODE's step, x_t − h v" in said
    assert differing(found) - {"x_t"} == {"x_s"}


def test_draws_about_the_reference_are_told(make, judge):
    c = make(shape=WIDE)
    other = kernel(c, c["v_ref"])
    kept = {n: x for n, x in c.items() if n not in ("kl", "log_prob")}
    found = judge(kept | {"x_s": other.sample(c["noise"])}, TOLD)["x_s"]
    assert "about the mean of the reference's velocity" in found.detail, found.detail


def test_draws_about_weights_that_are_not_there_are_told(make, judge):
    c = make(shape=WIDE)
    other = kernel(c, beside(c, 0.02))
    kept = {n: x for n, x in c.items() if n not in ("kl", "log_prob", "v_ref")}
    found = judge(kept | {"x_s": other.sample(c["noise"])}, TOLD)["x_s"]
    assert "weights that were not recorded" in found.detail, found.detail


@pytest.mark.parametrize("whole", [True, False])
def test_a_rounded_state_is_not_told_for_other_weights(make, judge, whole):
    """The rounding of what was drawn is no share of v: it falls with the std, and not with h."""
    c = make(shape=WIDE, dtype=torch.float32)
    drawn = c["mean"] + (rows(c, "std") * c["noise"]).bfloat16().float()
    kept = {n: x for n, x in c.items() if n not in ("kl", "log_prob", "v_ref")}
    found = judge(kept | {"x_s": drawn.bfloat16().float() if whole else drawn}, TOLD)["x_s"]
    assert whole or found.verdict == "differs"
    assert "weights" not in found.detail


def test_a_state_that_was_scaled_after_its_draw_is_told(make, judge):
    c = make(shape=WIDE)
    last, x_s = slice((STEPS - 1) * BATCH, None), c["x_s"].clone()
    x_s[last] = x_s[last] / 1.5305 + 0.0609
    kept = {n: x for n, x in c.items() if n not in ("kl", "log_prob")}
    detail = judge(kept | {"x_s": x_s}, TOLD)["x_s"].detail
    assert "it is 0.6534 (mean + std noise) + 0.0609" in detail, detail


def each(c, subject):
    if subject == "kl":
        step = Step(rows(c, "t"), rows(c, "s"))
        return kl.flow_grpo(c["v"], c["v_ref"], rows(c, "g"), step.t, step.h)
    return gaussian.log_prob(c["x_s"], c["mean"], rows(c, "std"))


PARTS = {
    "channels": (lambda y: y[:, :3].flatten(1).sum(1),
                 "first 192 of 256 coordinates alone: 3 of 4 along axis 1"),
    "the last columns": (lambda y: y[..., -3:].flatten(1).mean(1), "last 3 of 8 along axis 3"),
    "over all": (lambda y: y[:, :, :5].flatten(1).sum(1) / 256, "first 5 of 8 along axis 2"),
    "flat": (lambda y: y.flatten(1)[:, :77].mean(1), "first 77 of 256 coordinates"),
}  # fmt: skip


@pytest.mark.parametrize("subject", ["log_prob", "kl"])
@pytest.mark.parametrize("kind", PARTS)
def test_numbers_of_some_coordinates_are_told_for_them(make, judge, kind, subject):
    reduce, words = PARTS[kind]
    c = make(shape=WIDE, order="steps first")
    flat = {n: x.reshape(-1, *x.shape[2:]) for n, x in c.items()}
    found = judge(c | {subject: reduce(each(flat, subject)).reshape(STEPS, BATCH)}, TOLD)[subject]
    assert words in found.detail, found.detail


def test_numbers_divided_by_a_count_are_told_with_what_there_are_so_many_of(make, judge):
    c = make(shape=WIDE)
    value = each(c, "log_prob").flatten(1).mean(1)
    detail = judge(c | {"log_prob": value / BATCH}, TOLD)["log_prob"].detail
    assert "1/12 (the rows of a step) times policy.average" in detail, detail
    value = each(c, "kl").flatten(1).mean(1)
    detail = judge(c | {"kl": value / 256}, TOLD)["kl"].detail
    assert "1/256 (the coordinates) times policy.average" in detail, detail


@pytest.mark.parametrize(
    ("shape", "of"),
    [((3, 4, 3), "the rows of a step or the places of a channel"),
     ((12, 4, 3), "the rows of a step or the channels or the places of a channel")],
)  # fmt: skip
def test_a_count_of_two_things_is_told_for_both(make, judge, shape, of):
    """A sum over channels, averaged over their places, of which there are as many as samples."""
    c = make(shape=shape, dtype=torch.float32, order="steps first")
    flat = {n: x.reshape(-1, *x.shape[2:]) for n, x in c.items()}
    value = each(flat, "kl").sum(1).mean((1, 2)).reshape(STEPS, BATCH)
    detail = judge(c | {"kl": value}, TOLD)["kl"].detail
    assert f"it is 1/12 ({of}) times policy.total" in detail, detail
    whole = each(flat, "kl").flatten(1).sum(1).reshape(STEPS, BATCH)
    assert judge(c | {"kl": whole}, TOLD)["kl"].verdict == "consistent"


DENSITIES = {
    "g h": (lambda c: gaussian.log_prob(c["x_s"], c["mean"], rows(c, "std") ** 2 / rows(c, "g")),
            "g h stands where g √h belongs"),
    "one length": (lambda c: gaussian.log_prob(c["x_s"], c["mean"], rows(c, "g") / math.sqrt(10)),
                   "its std is g √(1/10) at every step"),
    "precedence": (lambda c: -((c["x_s"] - c["mean"]) ** 2) / 2 * rows(c, "std") ** 2
                   - torch.log(rows(c, "std")) - math.log(2 * math.pi) / 2,
                   "The square is multiplied by std²/2"),
    "no square": (lambda c: gaussian.log_prob(c["mean"], c["mean"], rows(c, "std")),
                  "(x_s − mean)²/(2 std²) is left out"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DENSITIES)
def test_the_std_of_a_density_is_told(make, judge, kind):
    density, words = DENSITIES[kind]
    c = make(shape=WIDE)
    found = judge(c | {"log_prob": policy.total(density(c))}, TOLD)["log_prob"]
    assert found.verdict == "differs"
    assert words in found.detail, found.detail


def test_a_density_of_weights_that_are_not_there_is_told(make, judge):
    c = make(shape=WIDE)
    other = kernel(c, beside(c, 0.01))
    found = judge(c | {"log_prob": policy.total(other.log_prob(c["x_s"]))}, TOLD)["log_prob"]
    assert "as another policy's does" in found.detail, found.detail


def test_a_density_that_is_off_by_what_its_distance_is_is_no_other_policy_s(make, judge):
    c = make(shape=WIDE)
    square = (((c["x_s"] - c["mean"]) / rows(c, "std")) ** 2).flatten(1).mean(1)
    off = 20 * (torch.exp(square) - math.e)
    found = judge(c | {"log_prob": c["log_prob"] + off}, TOLD)["log_prob"]
    assert found.verdict == "differs"
    assert "another policy" not in found.detail, found.detail


def test_noise_is_judged_about_the_mean_of_the_policy_that_sampled(make, judge):
    """The means that were recorded are the learner's, some way from it."""
    c = make(shape=WIDE)
    learner = beside(c, 3.0)
    kept = {n: x for n, x in c.items() if n not in ("kl", "noise", "log_prob", "v_ref")}
    made = kept | {"v": learner, "v_old": c["v"], "mean": kernel(c, learner).mean}
    assert judge(made, TOLD)["noise"].verdict == "consistent"
    assert judge(made | {"v_old": learner}, TOLD)["noise"].verdict == "differs"


def test_the_old_policy_s_density_is_not_judged_without_its_velocity(make, judge):
    c = make(shape=WIDE)
    near = beside(c, 0.01)
    old = kernel(c, near)
    drawn = old.sample(c["noise"])
    kept = {n: x for n, x in c.items() if n not in ("kl", "noise")}
    made = {
        "x_s": drawn, "log_prob": policy.total(kernel(c, c["v"]).log_prob(drawn)),
        "log_prob_old": policy.total(old.log_prob(drawn)),
    }  # fmt: skip
    found = judge(kept | made, TOLD)
    assert found["log_prob_old"].verdict == "not checked"
    assert "it takes v_old" in found["log_prob_old"].detail
    found = judge(kept | made | {"v_old": near}, TOLD)
    assert found["log_prob_old"].verdict == "consistent"
    assert found["noise"].verdict == "consistent", found["noise"]


def test_a_mean_by_a_wrong_formula_says_nothing_of_the_densities(make, judge):
    """They are those of the means that were recorded; of v_old's nothing is known."""
    c = make(shape=WIDE)
    t, s, g = (rows(c, n) for n in ("t", "s", "g"))
    wrong = c["x_t"] - (t - s) * (c["v"] + g**2 / (2 * t**2) * (c["x_t"] + (1 - t) * c["v"]))
    x_s = wrong + rows(c, "std") * c["noise"]
    score = policy.total(gaussian.log_prob(x_s, wrong, rows(c, "std")))
    kept = {n: x for n, x in c.items() if n not in ("kl", "noise")}
    made = {"mean": wrong, "x_s": x_s, "log_prob": score, "v_old": c["v"] * 1.001}
    found = judge(kept | made, TOLD)
    assert found["mean"].verdict == "differs"
    assert found["log_prob"].verdict == "consistent"


def test_a_schedule_with_a_name_decides_what_std_holds(make, judge):
    """A correction by g² h² is one by std² h: the std is right, and so is its field."""
    c = make(shape=WIDE)
    t, s, g = (rows(c, n) for n in ("t", "s", "g"))
    h = t - s
    mean = c["x_t"] - h * (c["v"] + g**2 * h / (2 * t) * (c["x_t"] + (1 - t) * c["v"]))
    kept = {n: x for n, x in c.items() if n not in ("kl", "log_prob", "g")}
    made = kept | {"mean": mean, "x_s": mean + rows(c, "std") * c["noise"]}
    for manifest in (TOLD, TOLD | {"std": "step"}, {}):
        found = judge(made, manifest)
        assert differing(found) - {"x_t"} == {"mean"}, found
        assert "√h twice in the drift" in found["mean"].formula


@pytest.mark.parametrize("held", ["inside", "both"])
def test_a_clamp_of_either_kind_is_the_clamp_that_was_declared(make, judge, held):
    c = make(boundary=sde.clamp(0.99))
    if held == "both":
        t, s = rows(c, "t"), rows(c, "s")
        inside = t.clamp(max=0.99)
        g = 0.7 * (inside / (1 - inside)).sqrt()
        kernel = sde.transition(paths.linear(t), c["x_t"], c["v"], g, Step(t, s))
        kept = {n: x for n, x in c.items() if n not in ("kl", "log_prob")}
        c = kept | {"mean": kernel.mean, "x_s": kernel.sample(c["noise"]), "g": g.flatten(),
                    "std": kernel.std.flatten()}  # fmt: skip
    assert judge(c, {"a": 0.7, "boundary": "clamp 0.99"})["schedule"].verdict == "consistent"


def test_a_level_that_rounding_puts_above_one_is_one(make, judge):
    c = make(dtype=torch.float32)
    t = torch.where(c["t"] == 1, torch.tensor(1 + 2.0**-23), c["t"])
    found = judge(c | {"t": t}, TOLD)
    assert differing(found) == set()
    assert "12 rows lie above 1 by rounding" in found["clock"].detail
    assert differing(judge(c | {"t": t}, TOLD | {"time_scale": 1})) == set()
    far = torch.where(c["t"] == 1, torch.tensor(1.001), c["t"])
    assert differing(judge(c | {"t": far}, TOLD | {"time_scale": 1})) != set()


@pytest.mark.parametrize("estimate", [kl.k1, kl.k2, kl.k3])
def test_an_estimate_against_the_old_policy_is_told_for_that(make, judge, estimate):
    c = make(shape=WIDE)
    old = beside(c, 0.05)

    def score(v):
        return policy.total(kernel(c, v).log_prob(c["x_s"]))

    kept = {n: x for n, x in c.items() if n != "noise"} | {"v_old": old}
    value = estimate(score(old) - score(c["v"]))
    found = judge(kept | {"kl": value}, TOLD | {"kl": f"kl.{estimate.__name__}"})["kl"]
    assert found.verdict == "differs"
    assert "from the policy that sampled, not from the reference" in found.detail, found.detail


def test_the_size_of_k1_is_told_for_that(make, judge):
    c = make(shape=WIDE)
    other = kernel(c, c["v_ref"])
    log_ratio = policy.total(other.log_prob(c["x_s"])) - c["log_prob"]
    found = judge(c | {"kl": kl.k1(log_ratio).abs()}, TOLD | {"kl": "kl.k1"})["kl"]
    assert "kl.k1: absolute" in found.formula, found
    assert judge(c | {"kl": kl.k1(log_ratio)}, TOLD | {"kl": "kl.k1"})["kl"].verdict != "differs"


def test_estimates_that_are_nearly_one_are_told_by_what_they_lack_and_not_by_a_sign(make, judge):
    c = make(shape=WIDE)
    other = kernel(c, c["v_ref"])
    log_ratio = policy.total(other.log_prob(c["x_s"])) - c["log_prob"]
    found = judge(c | {"kl": kl.k3(log_ratio) + 1}, TOLD | {"kl": "kl.k3"})["kl"]
    assert "kl.k3: no −1" in found.formula, found
    flat = 1 + 1e-4 * torch.rand(len(c["t"]), generator=torch.Generator().manual_seed(0)).double()
    assert judge(c | {"kl": flat}, TOLD)["kl"].detail == "equals no formula that is known for it"


def test_a_divergence_multiplied_by_the_variance_is_told(make, judge):
    c = make(shape=WIDE)
    value = policy.total(each(c, "kl") * rows(c, "std") ** 4)
    assert "kl.of_means: times the variance" in judge(c | {"kl": value}, TOLD)["kl"].formula


STATES = {
    "axes exchanged": ("x_s", lambda c: c["x_s"].transpose(2, 3), "are axes exchanged?"),
    "one buffer, x_t": ("x_t", lambda c: c["x_t"][-BATCH:].repeat(STEPS, 1, 1, 1), "one buffer"),
    "one buffer, x_s": ("x_s", lambda c: c["x_s"][-BATCH:].repeat(STEPS, 1, 1, 1), "one buffer"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STATES)
def test_a_state_that_holds_other_numbers_is_told_and_nothing_beside_it(make, judge, kind):
    name, change, words = STATES[kind]
    c = make(shape=WIDE)
    kept = {n: x for n, x in c.items() if n not in ("noise", "mean")}
    found = judge(kept | {name: change(c)}, TOLD)
    said = [f.detail for f in found["report"].findings if f.subject == name]
    assert words in said[0]
    assert differing(found) == {name}


def test_levels_in_each_other_s_place_are_told(make, judge):
    c = make(shape=WIDE)
    found = judge(c | {"t": c["s"], "s": c["t"]}, TOLD)
    assert "t and s are exchanged" in found["report"].findings[0].detail
    assert differing(found) == {"t"}


def test_rows_without_noise_are_not_said_to_be_rounded(make, judge):
    c = make(shape=WIDE)
    kept = {n: x for n, x in c.items() if n not in ("noise", "log_prob", "kl", "g")}
    std, x_s = kept["std"].clone(), kept["x_s"].clone()
    std[:BATCH] = 0
    x_s[:BATCH] = (c["x_t"] - (rows(c, "t") - rows(c, "s")) * c["v"])[:BATCH]
    mean = kept["mean"].clone()
    mean[:BATCH] = x_s[:BATCH]
    found = judge(kept | {"std": std, "x_s": x_s, "mean": mean}, {"a": 0.7})
    assert found["noise"].verdict == "consistent"
    assert "rounded" not in found["noise"].detail


def test_a_mean_of_a_coarser_type_than_what_it_is_made_of_is_said(make, judge):
    """It is right to the rounding of its own numbers, and that is a part of std here."""
    c = {n: x.float() for n, x in make(shape=WIDE).items()}
    short = c | {"mean": c["mean"].bfloat16().float()}
    found = judge(short, TOLD)["mean"]
    assert found.verdict == "convention", found
    assert "it holds bfloat16 values, and x_t and v do not" in found.detail
    assert judge(c, TOLD)["mean"].verdict == "consistent"
