"""Noise that was standardised in each row, shared along an axis, or recorded in other rows."""

import pytest
import torch

BATCH, STEPS = 12, 9  # of the record that `make` makes
TOLD = {"a": 0.7, "log_prob": "sum", "kl_reduction": "sum"}


def with_noise(c, e, recorded=True):
    """The record with other noise; states after a step follow from it."""
    std = c["std"].reshape(-1, *[1] * (e.dim() - 1))
    kept = {n: x for n, x in c.items() if n not in ("log_prob", "kl", "g")}
    kept |= {"x_s": c["mean"] + std * e} | ({"noise": e} if recorded else {})
    return kept if recorded else {n: x for n, x in kept.items() if n != "noise"}


def centred(e):
    return e - e.flatten(1).mean(1).reshape(-1, 1, 1, 1)


def scaled(e, ddof):
    return e / e.flatten(1).std(1, correction=ddof).reshape(-1, 1, 1, 1)


WHITENED = {
    "both": (lambda e: scaled(centred(e), 1), "add up to 0 and whose squares add up to D −"),
    "by D": (lambda e: scaled(centred(e), 0), "numbers add up to 0 and whose squares add up to D:"),
    "centred": (centred, "numbers add up to 0:"),
    "scaled": (
        lambda e: e / e.pow(2).flatten(1).mean(1).sqrt().reshape(-1, 1, 1, 1),
        "squares add up to D:",
    ),
}  # fmt: skip


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("kind", WHITENED)
def test_noise_that_was_standardised_in_each_row_is_told(make, judge, kind, recorded):
    change, words = WHITENED[kind]
    c = make(dtype=torch.float32, shape=(4, 6, 6))
    found = judge(with_noise(c, change(c["noise"]), recorded), TOLD)["noise"]
    assert found.verdict == "differs"
    assert "standardised in each row" in found.detail, found
    assert words in found.detail, found
    assert judge(with_noise(c, c["noise"], recorded), TOLD)["noise"].verdict == "consistent"


def test_one_draw_for_all_rows_is_not_told_to_be_standardised(make, judge):
    """Its sums are one by nature, and may be near 0."""
    c = make(dtype=torch.float32, shape=(4, 6, 6))
    e = c["noise"][7:8]
    one = e - (0.999 * e.mean())
    found = judge(with_noise(c, one.expand_as(c["noise"])), TOLD)["noise"]
    assert found.verdict == "differs"
    assert "standardised" not in found.detail, found


AXES = {
    "frames": (1, "along axis 2 of (B, 4, 3, 6, 5), over its frames"),
    "channels": (0, "along axis 1 of (B, 4, 3, 6, 5)"),
    "columns": (3, "along axis 4 of (B, 4, 3, 6, 5)"),
}  # fmt: skip


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("kind", AXES)
def test_noise_that_is_shared_along_an_axis_is_told_with_it(make, judge, kind, recorded):
    axis, words = AXES[kind]
    c = make(dtype=torch.float32, shape=(4, 3, 6, 5))
    one = c["noise"].narrow(axis + 1, 0, 1).expand_as(c["noise"])
    found = judge(with_noise(c, one, recorded), TOLD)["noise"]
    assert found.verdict == "differs"
    assert words in found.detail, found
    assert "go together" not in found.detail
    assert judge(with_noise(c, c["noise"], recorded), TOLD)["noise"].verdict == "consistent"


def of_step(e):
    """Wider from step to step."""
    return e * torch.linspace(0.2, 1.4, STEPS).repeat_interleave(BATCH).reshape(-1, 1, 1, 1)


def uniform(e):
    return 0.8 * (torch.special.ndtr(e) - 0.5) * 12**0.5


LAWS = {
    "0.85 times as wide": (lambda e: 0.85 * e, True, "another variance"),
    "wider from step to step": (of_step, True, "another variance"),
    "a mean": (lambda e: e + 0.1, True, "it has a mean, 0.09"),
    "below 0": (lambda e: e - 0.1, True, "it has a mean, −0.1"),
    "uniform": (uniform, False, "it is uniform, between"),
}


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("kind", LAWS)
def test_normals_of_another_width_or_mean_are_not_said_to_be_none(make, judge, kind, recorded):
    change, normal, words = LAWS[kind]
    c = make(dtype=torch.float32, shape=(4, 6, 6))
    found = judge(with_noise(c, change(c["noise"]), recorded), TOLD)["noise"]
    assert found.verdict == "differs"
    assert ("it is not normal" in found.detail) != normal, found
    assert words in found.detail, found


MOVES = {
    "the same sample in the step after: row 0 has that of row 12": lambda e: e.roll(-BATCH, 0),
    "the same sample in the step before: row 12 has that of row 0": lambda e: e.roll(BATCH, 0),
    "other samples of the same step, in reversed order": lambda e: e.reshape(
        STEPS, BATCH, *e.shape[1:]).flip(1).reshape(e.shape),
}  # fmt: skip


@pytest.mark.parametrize("about", [True, False])
@pytest.mark.parametrize("words", MOVES)
def test_noise_that_was_recorded_in_other_rows_is_told_whose_it_is(make, judge, words, about):
    c = make(dtype=torch.float32)
    kept = {n: c[n] for n in ("x_t", "x_s", "v", "t", "s", "std", "noise")}
    kept |= {"mean": c["mean"]} if about else {}
    found = judge(kept | {"noise": MOVES[words](c["noise"])}, TOLD)["x_s"]
    assert found.verdict == "differs"
    assert f"the noise beside it was recorded in the wrong rows: {words}" in found.detail, found
    assert judge(kept, TOLD)["x_s"].verdict == "consistent"


def late(e):
    """Each in the step after its own, the first as it was."""
    return torch.cat([e[:BATCH], e[:-BATCH]])


@pytest.mark.parametrize("move", [late, *MOVES.values()])
def test_noise_in_the_wrong_rows_is_not_said_to_move_with_what_it_stands_beside(make, judge, move):
    c = make(dtype=torch.float32, shape=(4, 6, 6))
    kept = {n: c[n] for n in ("x_t", "x_s", "v", "t", "s", "std", "noise", "mean")}
    found = judge(kept | {"noise": move(c["noise"])}, TOLD)
    assert "the noise beside it was recorded in the wrong rows" in found["x_s"].detail
    assert found["noise"].verdict == "consistent", found["noise"]
    reused = with_noise(c, late(c["noise"]))  # in the run, and not in the record alone
    assert "of the same sample again" in judge(reused, TOLD)["noise"].detail


def off_by_one(x_s):
    return x_s.roll(-BATCH, 0)


def stale(x_s):
    """The buffer was not written to in the last three steps."""
    old = x_s[(STEPS - 4) * BATCH : (STEPS - 3) * BATCH]
    return torch.cat([x_s[: (STEPS - 3) * BATCH], old, old, old])


@pytest.mark.parametrize("about", [True, False])
@pytest.mark.parametrize("change", [off_by_one, stale])
def test_a_wrong_x_s_is_not_laid_to_the_x_t_after_it(make, judge, change, about):
    c = make(dtype=torch.float32)
    kept = {n: c[n] for n in ("x_t", "x_s", "v", "t", "s", "std", "noise")}
    kept |= {"mean": c["mean"]} if about else {}
    laid = {n: x.reshape(STEPS, BATCH, *x.shape[1:]) for n, x in kept.items()}
    assert "x_t" not in judge(laid, TOLD)
    found = judge(laid | {"x_s": change(c["x_s"]).reshape(laid["x_s"].shape)}, TOLD)
    assert found["x_s"].verdict == "differs"
    assert "x_t" not in found, found["x_t"]


def test_a_wrong_x_t_beside_a_right_x_s_is_still_told(make, judge):
    c = make(dtype=torch.float32)
    kept = {n: c[n] for n in ("x_t", "x_s", "v", "t", "s", "std", "noise", "mean")}
    laid = {n: x.reshape(STEPS, BATCH, *x.shape[1:]) for n, x in kept.items()}
    found = judge(laid | {"x_t": laid["x_t"].bfloat16().float()}, TOLD)["x_t"]
    assert "in 96 of 96 rows it is not the x_s of the step before" in found.detail
    assert "one of the two was rounded" in found.detail
