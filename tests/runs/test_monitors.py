"""Monitors and the doctor: what is right holds, what is wrong is seen, and nothing else is."""

import json
import math

import pytest
import torch
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.runs import folder, metrics, monitors, pictures, report
from refimpl.runs.board import Board
from refimpl.runs.doctor import examine, signals
from refimpl.runs.monitors import INVARIANTS, Reading


def normal(*shape, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=g, dtype=torch.float64)


def red(readings):
    return {reading.name for reading in readings if not reading.holds}


def actions(std=0.3, seed=0):
    means = normal(6, 500, 2, seed=1)
    return means + std * normal(6, 500, 2, seed=seed), means


def test_whiteness_holds_for_what_was_drawn_and_sees_each_mistake():
    x, means = actions()
    stds = [0.3] * 6
    assert red(monitors.whiteness(x, means, stds)) == set()
    assert red(monitors.whiteness(x, means - 0.05, stds)) == {"residual_mean"}
    assert red(monitors.whiteness(x, means, [0.33] * 6)) == {"residual_variance"}
    e = normal(1, 500, 2)
    assert "residual_lag" in red(monitors.whiteness(means + 0.3 * e, means, stds))
    assert red(monitors.whiteness(x[:1], means[:1], [0.3])) == set()  # one step has no lag


def test_false_alarms_are_as_rare_as_stated():
    """3 scores of 200 batches: none beyond six, and their squares are those of normals."""
    z = []
    for seed in range(200):
        x, means = actions(seed=seed + 2)
        z += [reading.value for reading in monitors.whiteness(x, means, [0.3] * 6)]
    z = torch.tensor(z)
    assert float(z.abs().max()) < monitors.SIX
    assert float((z**2).mean()) == pytest.approx(1, abs=6 * (2 / len(z)) ** 0.5)


def test_a_ratio_has_mean_one_under_the_old_policy_and_not_the_other_way_round():
    d, z = 0.5, normal(20_000)
    log_r = d * z - d**2 / 2  # old samples
    assert monitors.mean_ratio(log_r.exp()).holds
    assert not monitors.mean_ratio((-log_r).exp()).holds
    assert not monitors.mean_ratio((log_r + d**2).exp()).holds
    assert monitors.mean_ratio(torch.ones(5)).holds


def test_gaps_have_room_for_rounding_alone():
    one = torch.ones(4, dtype=torch.float32)
    assert monitors.ratio_gap(one + 1e-5, torch.float32, 64).holds
    assert not monitors.ratio_gap(one + 1e-2, torch.float32, 64).holds
    assert not monitors.ratio_gap(one.double() + 1e-9, torch.float64, 64).holds
    means = normal(3, 10, 2)
    assert monitors.replay_gap(means, means, [0.1] * 3).value == 0
    assert not monitors.replay_gap(means, means.bfloat16().double(), [0.1] * 3).holds
    assert monitors.shift(12 * 0.25**2 / 2, 12) == pytest.approx(0.25)
    with pytest.raises(ValueError, match="math domain error"):
        monitors.shift(-1e-9, 12)  # no KL is negative, and none is made 0
    assert not monitors.kl_start(1e-3, torch.float32, 64).holds
    assert not monitors.kl_start(-1e-3, torch.float64, 1).holds


def test_advantages_are_judged_by_group():
    from refimpl.equations import grpo

    R = normal(10, 6)
    R[0] = 1.0  # a group of equal rewards has none, and counts for nothing
    a = grpo.advantage(R, std="group", ddof=0, eps=0.0)
    assert red(monitors.advantages(a, 1.0)) == set()
    assert red(monitors.advantages(a, (5 / 6) ** 0.5)) == {"advantage_std"}
    batch = grpo.advantage(R, std="batch", ddof=0, eps=0.0)
    assert red(monitors.advantages(batch, 1.0)) == {"advantage_std"}
    assert red(monitors.advantages(a + 1e-3, None)) == {"advantage_mean"}
    whole = grpo.advantage(R.reshape(1, -1), std="group", ddof=0, eps=0.0).reshape(10, 6)
    assert red(monitors.advantages(whole, None)) == {"advantage_mean"}


def test_a_norm_is_finite_and_not_zero_while_rewards_differ():
    assert monitors.gradient_norm(0.0, False).holds
    assert not monitors.gradient_norm(0.0, True).holds
    assert not monitors.gradient_norm(math.nan, True).holds
    assert not monitors.gradient_norm(math.inf, True).holds


def test_the_cosine_tells_signal_from_noise():
    """Two halves of unit signal and noise of length N: the cosine is near 1/(1 + N²)."""
    signal = torch.zeros(10_000, dtype=torch.float64)
    signal[0] = 1.0
    halves = [[signal + 0.01 * normal(10_000, seed=s)] for s in (1, 2)]
    assert monitors.cosine(*halves) == pytest.approx(0.5, abs=0.05)
    noise = [[normal(10_000, seed=s)] for s in (3, 4)]
    assert abs(monitors.cosine(*noise)) < 6 / 100
    assert monitors.cosine([torch.zeros(3)], [torch.ones(3)]) == 0.0


def test_an_unknown_invariant_is_refused():
    with pytest.raises(ValueError, match="no invariant 'ratio'; there are ratio_gap"):
        Reading("ratio", 1.0)
    assert all(i.expected and i.violation for i in INVARIANTS.values())


def a_run(path, *rows):
    made = folder.create(path, "toy/test", {"lr": 1.0}, {"seed": 0})
    for step, row in enumerate(rows):
        made.append(step, row)
    return made


def row(value=0.0, high=1e-6, **more):
    readings = {"ratio_gap": [value, 0.0, high], "clipped": [0.9, 0.0, 0.5]}
    return {"reward": 1.0, "readings": readings, **more}


def test_the_doctor_names_the_worst_step_and_says_what_it_means(tmp_path):
    made = a_run(tmp_path / "run", row(), row(0.5), row(0.1), row())
    found = {f.invariant: f for f in examine(made.path).findings}
    assert found["ratio_gap"].verdict == "violated"
    assert "0.5 at step 1" in found["ratio_gap"].seen
    assert "2 of 4 steps" in found["ratio_gap"].seen
    assert "not the one that sampled" in found["ratio_gap"].meaning
    assert found["clipped"].verdict == "watch"
    assert found["kl_start"].verdict == "not read"
    assert not examine(made.path).healthy


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_a_number_is_a_violation(tmp_path, value):
    made = a_run(tmp_path / "run", row(), row(value))
    assert not examine(made.path).healthy


def test_exit_codes_and_json_of_the_doctor(tmp_path):
    a_run(tmp_path / "good", row(signal=[0.5, 0.1]), row(signal=[0.6, -0.1]))
    a_run(tmp_path / "bad", row(0.5))
    a_run(tmp_path / "empty")
    run = lambda *words: CliRunner().invoke(app, ["doctor", *map(str, words)])  # noqa: E731
    good = run(tmp_path / "good")
    assert (good.exit_code, "nothing is violated" in good.output) == (0, True)
    assert run(tmp_path / "bad").exit_code == 1
    assert run(tmp_path / "bad", "--json").exit_code == 1
    found = json.loads(run(tmp_path / "good", "--json").output)
    assert found["healthy"]
    assert [s["step"] for s in found["signals"]] == [0, 1]
    for name, word in (("empty", "no metrics yet"), ("none", "not the folder of a run")):
        refused = run(tmp_path / name)
        assert refused.exit_code == 2
        assert word in " ".join(refused.output.split())


def test_a_steps_signal_is_judged_against_its_own_scatter():
    rows = [[0.5 + 0.1 * math.sin(k), 0.1 * math.sin(7 * k), math.nan] for k in range(50)]
    learning, noise = signals(rows)
    assert learning.word == "learns"
    assert noise.word == "noise"
    assert signals([[0.3]])[0].z == 0.0  # one reading has no scatter: nothing is claimed


def test_a_report_has_every_table_and_picture_and_asks_no_other_machine(tmp_path):
    made = a_run(tmp_path / "run", row(), row(0.5, signal=[0.1]), row())
    extra = pictures.curves({"c": ([1, 2], [3, 4])}, x_label="x", y_label="y")
    report.write(made, {"reached": 0.25, "task": "a|b"}, drawn={"extra": extra})
    page, text = ((made.path / f"report.{end}").read_text() for end in ("html", "md"))
    for word in ("ratio_gap", "violated", "0.25", "Versions", "Which steps learn"):
        assert word in page
        assert word in text
    assert "a\\|b" in text
    assert "![extra](extra.svg)" in text
    drawn = sorted(file.name for file in made.path.glob("*.svg"))
    assert {"extra.svg", "curve_ratio_gap.svg"} <= {*drawn}
    assert "reward: 1 throughout" in text
    assert page.count("<svg") == len(drawn)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_curves_go_to_tensorboard_and_a_resumed_run_purges(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first, last in ((0, 4), (2, 5)):  # stopped after 4, taken up at 2
        board = Board(tmp_path, first)
        for step in range(first, last):
            board.add(step, row(float(step), signal=[0.5]))
        board.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    seen = events.Scalars("invariants/ratio_gap")
    assert [(e.step, e.value) for e in seen] == [(k, float(k)) for k in range(5)]
    assert {"reward", "signal/step0"} <= set(events.Tags()["scalars"])


def test_without_tensorboard_the_remedy_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboard"):
        Board(tmp_path, 0)


def test_metrics_of_a_run_hold_nothing_that_differs_between_equal_runs(tmp_path):
    made = a_run(tmp_path / "run", row())
    assert set(metrics.read(made.metrics)[0]) == {"step", "reward", "readings"}
