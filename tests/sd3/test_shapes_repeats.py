"""Repeats together: pairs are compared pair by pair, and what was done once has no interval."""

import json

import pytest
import torch

from refimpl.sd3.shapes import intervals, repeats, report


def run(strict, layouts=12.0, seconds=420.0):
    return {
        "quality": {"strict": strict, "layouts": layouts},
        "CPU seconds": seconds,
        "ratio gap": 0.0,
        "held out": [(0, 0.3), (10, strict)],
    }


def folder(path, network, **arms):
    path.mkdir()
    found = {
        "network": network,
        "base": {"quality": {"strict": 0.3 + 0.1 * network, "layouts": 14.0}},
        "pretraining": {"cpu_seconds_of_this_session": 400.0},
        "arms": {name.replace("_", "-"): one for name, one in arms.items()},
        "made by": {"torch": "0"},
    }
    (path / "metrics.json").write_text(json.dumps(found))
    return path


@pytest.fixture
def found(tmp_path):
    one = folder(
        tmp_path / "one", 1, fast=run(0.9), fast_free=run(0.9), fast_kl=run(0.7, 13.0),
        levelled=run(0.1),
    )  # fmt: skip
    zero = folder(
        tmp_path / "zero", 0, fast=run(0.8), fast_1=run(0.7), fast_free=run(0.8),
        fast_kl=run(0.5, 13.5),
    )  # fmt: skip
    return repeats.gather([one, zero])


def test_networks_stand_in_their_order_and_only_repeats_are_kept(found):
    assert list(found["networks"]) == ["0", "1"]
    assert set(found["networks"]["1"]["runs"]) == {"fast", "fast-free", "fast-kl"}
    assert list(repeats.runs(found, "fast")) == [(0, 0), (0, 1), (1, 0)]


def test_an_interval_is_students():
    """Of 0, 1, 2: the standard error is 1/√3, and t of 2 degrees of freedom is 4.303."""
    mean, half = intervals.interval([0.0, 1.0, 2.0])
    assert mean == 1
    assert half == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert intervals.further([0.0, 1.0, 2.0]) == (1, pytest.approx(half * 2))  # √(1 + 1/3) : √(1/3)
    assert intervals.interval([1.0]) is intervals.further([1.0]) is None


def test_95_of_100_means_and_further_values_lie_within():
    drawn = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hits = []
    for *first, one_more in drawn.tolist():
        (mean, half), (same, wide) = intervals.interval(first), intervals.further(first)
        assert mean == same
        hits.append((abs(mean) < half, abs(one_more - mean) < wide))
    for found in map(sum, zip(*hits, strict=True)):
        assert found / 4000 == pytest.approx(0.95, abs=0.014)  # four standard errors


def test_a_run_is_told_apart_only_where_one_more_seed_would_not_reach():
    """Seeds .59, .57, .55: 4.303 · .02 · √(4/3) = .0994 about .57."""
    arms = {"levelled": run(0.59), "seed-1": run(0.57), "seed-2": run(0.55), "long": run(0.9),
            "kl": run(0.48), "low": run(0.46), "high": run(0.68)}  # fmt: skip
    for name, arm in arms.items():
        arm["iterations"] = 120 if name == "long" else 60
    rows = report.apart(arms)
    assert rows == [
        ("kl", "−0.090", "± 0.099", "not told apart"),
        ("low", "−0.110", "± 0.099", "less"),
        ("high", "+0.110", "± 0.099", "more"),
    ]
    assert report.apart({"levelled": arms["levelled"], "kl": arms["kl"]}) == []


def test_recipes_are_compared_where_network_and_seed_are_the_same(found):
    tables = repeats.tables(found)
    # −.3 and −.2: mean −.25, standard error .05, t of 1 degree of freedom 12.706
    assert "| fast-kl − fast | 2 | −0.250 ± 0.635 | +1.2 ± 3.2 |" in tables["Differences"]
    assert "| fast − fast-free | 2 | +0.000 ± 0.000 | +0.0 ± 0.0 |" in tables["Differences"]
    assert "lora" not in tables["Differences"]
    means = tables["What repeats agree on"]
    assert "| fast | 3 | 0.800 ± 0.248 | 0.467 ± 0.143 | 12.0 ± 0.0 | 7.0 ± 0.0 |" in means
    rows = tables["Every repeat"].splitlines()
    assert "| 0 | fast-1 | 7.0 | 0.300 | **0.700** | 12.0 | 0 |" in rows
    assert len(rows) == 2 + 7


def test_what_was_done_once_says_so_and_has_no_pair(tmp_path):
    found = repeats.gather([folder(tmp_path / "a", 0, fast=run(0.8))])
    tables = repeats.tables(found)
    assert "| fast | 1 | 0.800 (once) | 0.500 (once) |" in tables["What repeats agree on"]
    assert "fast-kl" not in "".join(tables.values())


def test_what_no_folder_has_is_kept_and_runs_where_the_network_is_the_same(found, tmp_path):
    again = [
        folder(tmp_path / "again", 0, fast=run(0.95)),
        folder(tmp_path / "other", 2, fast=run(0.6)),
    ]
    kept = repeats.gather(again, found)["networks"]
    assert list(kept) == ["0", "1", "2"]
    assert kept["1"] == found["networks"]["1"]
    assert set(kept["0"]["runs"]) == {"fast", "fast-1", "fast-free", "fast-kl"}
    assert kept["0"]["runs"]["fast"]["quality"]["strict"] == 0.95
    assert kept["0"]["runs"]["fast-kl"] == found["networks"]["0"]["runs"]["fast-kl"]
    found["networks"]["0"]["before"]["strict"] = 0.31
    assert set(repeats.gather(again, found)["networks"]["0"]["runs"]) == {"fast"}


def test_the_picture_has_a_curve_for_every_run_of_the_recipe(found):
    svg = repeats.drawing(found).svg("repeats")
    for name in ("network 0, seed 0", "network 0, seed 1", "network 1, seed 0"):
        assert name in svg


def test_a_folder_without_results_or_with_anothers_network_is_refused(tmp_path):
    one, two = (folder(tmp_path / name, 0, fast=run(0.8)) for name in ("a", "b"))
    with pytest.raises(ValueError, match="network 0: every folder needs its own"):
        repeats.gather([one, two])
    with pytest.raises(ValueError, match="has no metrics.json: finish it"):
        repeats.gather([tmp_path])
