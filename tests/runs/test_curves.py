"""Exported curves are read whatever they were exported from, and judged as far as curves go."""

import json
import math
import os
import sys

import pytest
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.runs.curves import examine, recognised
from refimpl.runs.exports import read

STEPS = 40


def right(**other):
    """A run that learns: one row a step."""
    rows = [
        {
            "step": k, "ratio": 1 + 1e-7 * (k > 0), "clip_frac": 0.02 * (k > 0), "kl": 1e-4 * k,
            "reward": 0.2 + 0.01 * k + 0.004 * math.sin(7 * k), "reward_std": 0.1,
            "adv_mean": 1e-8, "adv_std": 0.98, "ratio_std": 1e-6,
        }
        for k in range(STEPS)
    ]  # fmt: skip
    for name, made in other.items():
        for k, row in enumerate(rows):
            row[name] = made(k)
    return rows


def as_csv(rows, names=lambda n: n):
    columns = list(rows[0])
    lines = [",".join(names(n) for n in columns)]
    return "\n".join([*lines, *(",".join(str(row[n]) for n in columns) for row in rows)])


def of_wandb(name):
    return "Step" if name == "step" else f'"run 7 - train/{name}"'


def nested(rows):
    return [{"step": row["step"], "train": row} for row in rows]


WRITTEN = {
    "plain.csv": lambda rows: as_csv(rows),
    "wandb.csv": lambda rows: as_csv(rows, of_wandb),
    "lines.jsonl": lambda rows: "\n".join(map(json.dumps, rows)),
    "nested.jsonl": lambda rows: "\n".join(map(json.dumps, nested(rows))),
    "rows.json": json.dumps,
    "columns.json": lambda rows: json.dumps({n: [r[n] for r in rows] for n in rows[0]}),
    "trainer_state.json": lambda rows: json.dumps({"log_history": rows, "best": None}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_every_form_of_export_is_read_and_a_right_run_raises_nothing(name, tmp_path):
    (tmp_path / name).write_text(WRITTEN[name](right()))
    found = examine(tmp_path / name, clip=1e-4)
    assert found.healthy
    assert not [f for f in found.findings if f.verdict in ("violated", "watch")], found.findings
    assert found.steps == STEPS


def test_a_single_metric_of_tensorboard_takes_the_files_name(tmp_path):
    (tmp_path / "clip_frac.csv").write_text("Wall time,Step,Value\n1.5,0,0.0\n2.5,10,0.9\n")
    (tmp_path / "clip_frac.json").write_text("[[1.5, 0, 0.0], [2.5, 10, 0.9]]")
    for kind in ("csv", "json"):
        assert read(tmp_path / f"clip_frac.{kind}") == {"clip_frac": [(0.0, 0.0), (10.0, 0.9)]}


WRONG = {
    "a ratio of another policy": ({"ratio": lambda k: 0.494}, "violated", "replay is not exact"),
    "a ratio that is nearly 1": ({"ratio": lambda k: 0.999}, "watch", "exact replay gives 1"),
    "a KL of the wrong sign": ({"kl": lambda k: -1e-3 * (k + 1)}, "violated", "never negative"),
    "an estimate of a KL": ({"kl": lambda k: 1e-3 * math.sin(k)}, "watch", "k1"),
    "a reference apart": ({"kl": lambda k: 0.5 + 0.01 * k}, "watch", "differ before training"),
    "a clip that cuts most": ({"clip_frac": lambda k: 0.8 * (k > 0)}, "watch", "most gradients"),
    "a clip that acts at once": ({"clip_frac": lambda k: 0.2}, "watch", "replay noise"),
    "shares in per cent": ({"clip_frac": lambda k: 80.0 * (k > 0)}, "watch", "most gradients"),
    "advantages with a mean": ({"adv_mean": lambda k: 0.6}, "watch", "have mean 0"),
    "advantages undivided": ({"adv_std": lambda k: 7.0}, "watch", "not at all"),
    "groups that die": ({"reward_std": lambda k: 0.2 * 0.8**k}, "watch", "have become equal"),
    "dead groups": ({"frac_reward_zero_std": lambda k: 0.9}, "watch", "teach nothing"),
    "no learning": ({"reward": lambda k: 0.3 + 0.05 * math.sin(5 * k)}, "watch", "no gain"),
    "a clip below the floor": ({"ratio_std": lambda k: 3e-3}, "watch", "noise floor"),
    "numbers that are none": ({"reward": lambda k: math.nan}, "violated", "diverged"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_curves_can_show_is_said(name, tmp_path):
    changes, verdict, says = WRONG[name]
    (tmp_path / "c.csv").write_text(as_csv(right(**changes)))
    found = examine(tmp_path / "c.csv", clip=1e-4)
    told = [f for f in found.findings if f.verdict == verdict]
    assert any(says in f.meaning for f in told), found.findings
    assert found.healthy == (verdict != "violated")


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("ratio", "ratio"), ("train/ratio", "ratio"), ("importance_ratio/mean", "ratio"),
        ("mean_ratio", "ratio"), ("policy.ratio_mean", "ratio"),
        ("clip_ratio", "clip share"), ("clip_ratio/region_mean", "clip share"),
        ("actor/pg_clipfrac", "clip share"), ("clipfrac", "clip share"),
        ("zero_std_ratio", "dead groups"), ("frac_reward_zero_std", "dead groups"),
        ("success_ratio", None), ("lr_ratio", None), ("clip_ratio_std", None),
        ("approx_kl", "an update's KL"), ("actor/ppo_kl", "an update's KL"),
        ("old_approx_kl", "an update's KL"), ("actor/kl_loss", "KL"), ("train/kl", "KL"),
        ("rollout_corr/logprob_abs_diff_mean", "replay gap"), ("logprob_diff_max", None),
        ("objective/kl", "KL"), ("target_kl", None), ("init_kl", None), ("kl_coef", None),
        ("reward", "reward"), ("train_reward_mean", "reward"), ("reward_avg", "reward"),
        ("kl_reward", None), ("max_reward", None), ("rewards/std", "group's spread"),
        ("mean_advantage", "advantages' mean"), ("adv_std", "advantages' std"),
    ],
)  # fmt: skip
def test_a_column_is_read_as_what_its_whole_name_says(name, meaning):
    found = recognised({name: [(0.0, 0.5)]})
    assert list(found) == [meaning] * (meaning is not None)


def test_flow_grpos_own_columns_are_told_apart(tmp_path):
    """zero_std_ratio is a share of groups, and no ratio of two policies."""
    rows = [{"step": k, "zero_std_ratio": 0.97, "reward_ori_avg": 0.5 + 0.01 * k}
            for k in range(STEPS)]  # fmt: skip
    (tmp_path / "c.csv").write_text(as_csv(rows))
    (finding,) = [f for f in examine(tmp_path / "c.csv").findings if f.verdict == "watch"]
    assert finding.meaning == "groups whose rewards are equal teach nothing"


def told_by(tmp_path, rows, clip=None):
    (tmp_path / "c.csv").write_text(as_csv(rows))
    return {(f.invariant, f.verdict): f for f in examine(tmp_path / "c.csv", clip=clip).findings}


def test_an_updates_divergence_may_be_negative_and_is_not_the_references(tmp_path):
    """verl-omni logs both: ppo_kl is a mean of old − new, kl_loss the divergence that is paid."""
    rows = [{"step": k, "actor/ppo_kl": 1e-6 * (-1) ** k * k, "actor/kl_loss": 0.01 * k}
            for k in range(STEPS)]  # fmt: skip
    told = told_by(tmp_path, rows)
    assert "may be negative" in told["actor/ppo_kl", "shown"].meaning
    assert {verdict for _, verdict in told} <= {"shown", "holds"}
    assert ("actor/kl_loss", "holds") in told


def test_an_update_that_differs_before_it_is_made_is_told(tmp_path):
    rows = [{"step": k, "approx_kl": 0.3} for k in range(STEPS)]
    assert "replay is not exact" in told_by(tmp_path, rows)["approx_kl", "watch"].meaning
    rows = [{"step": k, "approx_kl": 0.0} for k in range(STEPS)]
    assert "one update a rollout" in told_by(tmp_path, rows)["approx_kl", "shown"].meaning


@pytest.mark.parametrize(("clip", "verdict"), [(None, "shown"), (1e-4, "watch"), (0.2, "holds")])
def test_a_replay_gap_is_held_against_the_clip(tmp_path, clip, verdict):
    rows = [{"step": k, "logprob_abs_diff_mean": 3e-3, "kl": 0.0} for k in range(STEPS)]
    assert ("logprob_abs_diff_mean", verdict) in told_by(tmp_path, rows, clip)


def test_curves_that_judge_nothing_are_no_clean_bill(tmp_path):
    (tmp_path / "short.csv").write_text("step,reward\n0,1\n1,2\n")
    with pytest.raises(ValueError, match="reward over 2 steps judge nothing: a reward takes 10"):
        examine(tmp_path / "short.csv")
    (tmp_path / "spread.csv").write_text(as_csv([{"step": k, "ratio_std": 1e-6} for k in (0, 1)]))
    with pytest.raises(ValueError, match="takes --clip"):
        examine(tmp_path / "spread.csv")
    assert examine(tmp_path / "spread.csv", clip=1e-4).healthy


def test_a_row_with_cells_too_many_is_named(tmp_path):
    (tmp_path / "c.csv").write_text("step,reward\n0,1\n1,2,3\n")
    with pytest.raises(ValueError, match="c.csv, row 3: more cells than the first row has names"):
        examine(tmp_path / "c.csv")


def test_the_record_that_would_decide_is_asked_for(tmp_path):
    (tmp_path / "c.csv").write_text("step,reward\n" + "\n".join(f"{k},{k}" for k in range(20)))
    last = examine(tmp_path / "c.csv").findings[-1]
    assert "log_prob_old" in last.meaning
    assert "not logged: ratio" in last.seen


def test_the_command_judges_curves_and_its_exit_code_says_so(tmp_path):
    for name, rows, code in (("a.csv", right(), 0), ("b.csv", right(ratio=lambda k: 0.4), 1)):
        (tmp_path / name).write_text(as_csv(rows))
        assert CliRunner().invoke(app, ["doctor", str(tmp_path / name)]).exit_code == code


def test_event_files_of_tensorboard_are_read_as_they_are(tmp_path):
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    rows = right(ratio=lambda k: 0.4)
    writer = SummaryWriter(str(tmp_path))
    for k, row in enumerate(rows):
        for name, value in row.items():
            if name != "step":
                writer.add_scalar(f"train/{name}", value, k, new_style=k % 2 == 0)
        writer.add_text("note", "no number", k)
    writer.close()
    (file,) = tmp_path.glob("events.out.tfevents*")
    (tmp_path / "c.csv").write_text(as_csv(rows))
    ours, csv = read(file), read(tmp_path / "c.csv")
    assert {n.removeprefix("train/") for n in ours} == set(csv) - {"step"}
    for name, curve in ours.items():
        want = csv[name.removeprefix("train/")]
        assert [x for _, x in curve] == pytest.approx([x for _, x in want], rel=1e-6), "float32"
    assert CliRunner().invoke(app, ["doctor", str(file)]).exit_code == 1


def test_without_tensorboard_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_file_loader", None)
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"pip install 'refimpl\[tensorboard\]'"):
        read(tmp_path / "events.out.tfevents.1.host")


HOSTILE = {
    "no numbers": ("c.csv", b"step,note\n1,hello\n"),
    "nothing known": ("c.csv", b"step,apples\n1,2\n"),
    "not text": ("c.csv", b"\xff\xfe\x00\x01"),
    "no JSON": ("c.json", b"{"),
    "nested too deeply": ("c.json", b"[" * 200_000),
    "a torn line": ("c.jsonl", b'{"step": 1, "reward": 2}\n{"step"'),
    "another kind": ("c.parquet", b"PAR1"),
    "an event file": ("events.out.tfevents.1.host", b"\x00"),
    "empty": ("c.csv", b""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_curve_is_refused_in_one_line(name, tmp_path):
    file, content = HOSTILE[name]
    (tmp_path / file).write_bytes(content)
    result = CliRunner().invoke(app, ["doctor", str(tmp_path / file)])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


def test_pipes_devices_and_large_files_are_never_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with open(tmp_path / "sparse.csv", "wb") as file:
        file.truncate(2**31)
    for path in (tmp_path / "pipe.csv", tmp_path / "sparse.csv", "/dev/zero"):
        assert CliRunner().invoke(app, ["doctor", str(path)]).exit_code == 2
