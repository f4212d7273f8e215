"""Of tests that noise fails, only those are told that no other explains."""

import itertools

import pytest
import torch

BATCH, STEPS = 12, 9  # of the record that `make` makes
WIDE = (4, 8, 8)


def again(c, change):
    """The record with other noise, from which all states follow."""
    e = change(c["noise"].reshape(STEPS, BATCH, *c["noise"].shape[1:]))
    std = c["std"].reshape(STEPS, BATCH, 1, 1, 1)
    mean = c["mean"].reshape(e.shape)
    return c | {
        "noise": e.reshape(c["noise"].shape),
        "x_s": (mean + std * e).reshape(c["x_s"].shape),
    }


def told(judge, c, recorded=True):
    kept = c if recorded else {n: x for n, x in c.items() if n != "noise"}
    kept = {n: x for n, x in kept.items() if n not in ("log_prob", "kl")}
    found = judge(kept, {"a": 0.7})["noise"]
    assert found.verdict == "differs"
    return found.detail


def test_noise_of_one_channel_is_told_for_that_alone(make, judge):
    c = make(shape=WIDE)
    detail = told(judge, again(c, lambda e: e[:, :, :1].expand_as(e)))
    assert "64 numbers of a row come again in the same row" in detail
    assert "two rows" not in detail
    assert "not normal" not in detail


@pytest.mark.parametrize("recorded", [True, False])
def test_noise_that_is_cut_is_told_with_where(make, judge, recorded):
    c = make(shape=WIDE)
    detail = told(judge, again(c, lambda e: e.clamp(-2, 2)), recorded)
    assert "no number lies beyond ±2: it was cut there" in detail
    assert "variance" not in detail


@pytest.mark.parametrize("recorded", [True, False])
def test_noise_of_another_size_is_not_told_for_an_end(make, judge, recorded):
    """Of smaller noise the largest number is smaller too."""
    detail = told(judge, again(make(shape=WIDE), lambda e: 0.6 * e), recorded)
    assert "another variance" in detail
    assert "no number lies beyond" not in detail


def test_one_draw_for_all_steps_is_not_told_for_its_chance_mean(make, judge):
    c = make(shape=WIDE)
    detail = told(judge, again(c, lambda e: e[:1].expand_as(e)))
    assert "that of the step before, of the same sample again" in detail
    assert "mean" not in detail
    assert "not normal" not in detail


def test_noise_of_the_other_sign_is_told_so(make, judge):
    c = make(shape=WIDE)
    detail = told(judge, again(c, lambda e: torch.cat([e[:, :6], -e[:, :6]], dim=1)))
    assert "it was used again with the other sign" in detail


def test_uniform_numbers_have_a_mean_and_an_end_and_are_not_called_repeated(make, judge):
    c = make(shape=WIDE)
    detail = told(judge, again(c, lambda e: torch.special.ndtr(e)))
    assert "it has a mean" in detail
    assert "it is uniform, between" in detail
    assert "again" not in detail
    assert "two rows" not in detail


def chain(make, mix=lambda e, past: e, velocity=lambda v: v):
    """A chain whose states follow from its own noise: what comes next depends on it."""
    c = make(shape=WIDE)
    rows = {n: x.reshape(STEPS, BATCH, *x.shape[1:]) for n, x in c.items()}
    x, past, made = rows["x_t"][0], None, {n: [] for n in ("x_t", "x_s", "v", "mean")}
    for k in range(STEPS):
        t, g, std = (rows[n][k].reshape(-1, 1, 1, 1) for n in ("t", "g", "std"))
        h = (rows["t"][k] - rows["s"][k]).reshape(-1, 1, 1, 1)
        v = 0.8 * x + 0.3
        used = velocity(v)
        mean = x - h * (used + g**2 / (2 * t) * (x + (1 - t) * used))
        e = rows["noise"][k] if past is None else mix(rows["noise"][k], past)
        told = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        for n, y in zip(made, (x, mean + std * e, v, told), strict=True):
            made[n].append(y)
        x, past = mean + std * e, e
    kept = {n: c[n] for n in ("t", "s", "std")}
    return kept | {n: torch.cat(y) for n, y in made.items()}


def test_noise_that_goes_on_is_not_told_for_another_velocity(make, judge):
    c = chain(make, mix=lambda e, past: 0.5 * past + 0.75**0.5 * e)
    detail = told(judge, c)
    assert "of the step before, of the same sample again" in detail
    assert "it moves with" not in detail


def test_another_velocity_is_not_told_for_noise_that_goes_on(make, judge):
    c = chain(make, velocity=lambda v: 1.5 * v)
    detail = told(judge, c)
    assert "it moves with v" in detail
    assert "again" not in detail
    assert "share" not in detail


def test_rows_of_several_updates_are_there_twice_whatever_the_policy(make, kit, judge):
    """The noise that a learner's mean leaves is another's in every update."""
    c = make(shape=WIDE)
    t, s, g = (kit["rows"](c, n) for n in ("t", "s", "g"))
    kept = {n: c[n] for n in ("x_t", "x_s", "t", "s", "std", "v", "mean")}
    off = 1e-3 * torch.sin(c["v"])
    mean = c["mean"] - (t - s) * (1 + g**2 * (1 - t) / (2 * t)) * off
    both = {n: torch.cat([x, x]) for n, x in kept.items()}
    both |= {"v": torch.cat([c["v"], c["v"] + off]), "mean": torch.cat([c["mean"], mean])}
    found = judge(both, {"a": 0.7})["noise"]
    assert (found.verdict, found.detail) == ("not checked", "rows are there twice")


def test_residuals_that_share_their_noise_are_not_held_against_the_mean(make, judge):
    kept = chain(make, mix=lambda e, past: past)
    found = judge({n: x for n, x in kept.items() if n != "mean"}, {"a": 0.7})
    assert found["noise"].verdict == "differs"
    assert found["mean"].verdict == "not checked", found["mean"]


WIDTHS = {
    "nine tenths": (lambda t, h: 0.9 + 0 * t, "it is 0.9"),
    "h for √h": (lambda t, h: h.sqrt(), "it is √h times as wide"),
    "at two steps": (lambda t, h: torch.where(t > 0.95, 1.5, 1.0), "at t = 1 (by 1.5"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WIDTHS)
def test_how_wide_the_noise_is_is_told(make, judge, kind):
    width, words = WIDTHS[kind]
    c = make(shape=WIDE)
    by = width(c["t"], c["t"] - c["s"]).reshape(STEPS, BATCH, 1, 1, 1)
    detail = told(judge, again(c, lambda e: by * e), recorded=False)
    assert words in detail, detail
    assert "moves" not in detail


def test_noise_with_a_mean_is_not_told_for_what_it_moves_with(make, judge):
    """v has a mean as well."""
    c = make(shape=WIDE)
    c["v"] = c["v"] + 1
    detail = told(judge, again(c, lambda e: torch.special.ndtr(e)))
    assert "it has a mean" in detail
    assert "moves" not in detail
    assert "go together" not in detail


def enlarged(e):
    small = e[:, :, :, ::2, ::2]
    return small.repeat_interleave(2, 3).repeat_interleave(2, 4)


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(
    "change",
    [enlarged, lambda e: e + 0.25 * e.roll(1, 0).mean(dim=(3, 4), keepdim=True) * 8],
    ids=["at half the resolution", "an offset of each channel"],
)
def test_numbers_of_a_row_that_go_together_are_told_for_that_alone(make, judge, change, recorded):
    detail = told(judge, again(make(shape=WIDE), change), recorded)
    assert "go together, with a correlation of" in detail
    assert "share" not in detail
    assert "again" not in detail


def test_coordinates_without_noise_are_told_for_that_alone(make, judge):
    c = make(shape=WIDE)
    held = torch.ones(1, 1, 4, 1, 1)
    held[:, :, :1] = 0
    detail = told(judge, again(c, lambda e: e * held), recorded=False)
    assert "64 of 256 coordinates have none: there x_s is the mean" in detail
    assert "variance" not in detail


def test_a_latent_that_was_used_for_noise_is_told(make, judge):
    c = make(shape=WIDE)
    first = c["x_t"][:BATCH]
    e = c["noise"].clone()
    e[:BATCH] = first
    x_s = c["mean"] + c["std"].reshape(-1, 1, 1, 1) * e
    detail = told(judge, c | {"noise": e, "x_s": x_s})
    assert f"in {BATCH} of {len(e)} rows it is x_t itself, and elsewhere" in detail
    assert "with v:" not in detail


def test_noise_used_again_some_steps_later_is_not_told_for_another_velocity(make, judge):
    """x_t of that step was made of it, and so was v."""
    c = chain(make, mix=lambda e, past: e)
    e = ((c["x_s"] - c["mean"]) / c["std"].reshape(-1, 1, 1, 1)).reshape(STEPS, BATCH, -1)
    e[5] = e[0]
    c["x_s"] = (c["mean"].flatten(1) + c["std"][:, None] * e.flatten(0, 1)).reshape(c["x_s"].shape)
    detail = told(judge, c, recorded=False)
    assert "two rows share their noise" in detail
    assert "moves" not in detail


def test_rows_that_share_one_draw_are_not_told_for_neighbours(make, judge):
    """One row's chance correlation comes again in all."""
    c = make(shape=WIDE)
    detail = told(judge, again(c, lambda e: e[:1, :1].expand_as(e)))
    assert "share" in detail
    assert "go together" not in detail


NARROW = [(4, 4, 4), (2, 5, 4), (1, 1, 6), (1, 1, 127)]


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("shape", NARROW, ids=str)
def test_narrow_rows_that_are_others_are_told_with_how_far_off_these_are(
    make, judge, shape, dtype, recorded
):
    """Of two ranks, with one seed: each sample of the second has the noise of one of the first."""
    c = make(dtype=dtype, shape=shape)
    by_rank = again(c, lambda e: torch.cat([e[:, :6], e[:, :6]], dim=1))
    detail = told(judge, by_rank, recorded)
    words = "in 54 of 108 rows it is that of another, number by number: that of 6 rows before"
    assert words in detail, detail
    kept = {n: x for n, x in again(c, lambda e: e).items() if n not in ("log_prob", "kl")}
    kept = kept if recorded else {n: x for n, x in kept.items() if n != "noise"}
    assert judge(kept, {"a": 0.7})["noise"].verdict == "consistent"


def test_rows_of_two_numbers_may_lie_near_each_other(make, judge):
    """Rounded to bfloat16 these are often one, by chance."""
    c = make(dtype=torch.float32, batch=48, shape=(1, 1, 2))
    e = c["noise"].bfloat16().float()
    kept = c | {"noise": e, "x_s": c["mean"] + c["std"].reshape(-1, 1, 1, 1) * e}
    kept = {n: x for n, x in kept.items() if n not in ("log_prob", "kl")}
    assert judge(kept, {"a": 0.7})["noise"].verdict == "consistent"


@pytest.mark.parametrize("layout", ["rows", "batch first"])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_generator_that_is_seeded_again_in_each_step_is_told_alone(judge, recorded, layout):
    """The state, and the velocity that is made of it, hold the noise of the steps before."""
    draw = torch.Generator().manual_seed(5)
    x, e = (torch.randn(16, 4, 8, 8, generator=draw) for _ in range(2))
    levels, rows = torch.linspace(0.95, 0.2, 9), []
    for t, s in itertools.pairwise(levels):
        v, g = 0.8 * x + 0.3, 0.7 * torch.sqrt(t / (1 - t))
        std = g * torch.sqrt(t - s)
        mean = x - (t - s) * v - std**2 / (2 * t) * (x + (1 - t) * v)
        x_s = mean + std * e
        row = {"x_t": x, "x_s": x_s, "v": v} | ({"noise": e, "mean": mean} if recorded else {})
        rows.append(row | {n: y.expand(16) for n, y in (("t", t), ("s", s), ("std", std))})
        x = x_s
    join = torch.cat if layout == "rows" else lambda x: torch.stack(x, dim=1)
    c = {n: join([r[n] for r in rows]) for n in rows[0]}
    found = judge(c, {"a": 0.7, "layout": layout})["noise"]
    assert found.verdict == "differs"
    of = "step before, of the same sample" if layout == "rows" else "row before"
    assert found.detail.startswith(f"it is that of the {of} again"), found
    assert "moves with" not in found.detail
    assert "two rows" not in found.detail
