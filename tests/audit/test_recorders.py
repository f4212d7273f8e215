"""What recorders write is what was given, in whole shards, and the audit reads it back."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from refimpl.audit import audit
from refimpl.audit.diffusers_recorder import record
from refimpl.audit.reporting.report import text
from refimpl.runs import Recorder

STEP = ("x_t", "x_s", "t", "s", "v", "v_ref", "mean", "std", "g", "noise", "log_prob")


def written(folder, content, kit, **options):
    """Nine steps of twelve samples, a call a step, and their rewards."""
    with Recorder(folder, manifest={"a": 0.7}, **options) as recorder:
        for i in range(9):
            rows = slice(12 * i, 12 * (i + 1))
            recorder.step(**{name: content[name][rows] for name in STEP}, step=i)
        recorder.rollout(**kit["rewards"](groups=3))
        recorder.rollout(**kit["rewards"](groups=3, seed=1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shard_bytes", [1, 20_000, 2**26])
def test_a_recorded_run_is_consistent_and_kept_to_the_bit(make, kit, tmp_path, dtype, shard_bytes):
    content = make(dtype=dtype)
    written(tmp_path / "r", content, kit, shard_bytes=shard_bytes)
    shards = [load_file(p) for p in sorted((tmp_path / "r").glob("step-*"))]
    assert (len(shards) == 1) == (shard_bytes > 20_000)
    for name in STEP:
        back = torch.cat([shard[name] for shard in shards])
        assert back.dtype == dtype
        assert torch.equal(back, content[name])
    report = audit(tmp_path / "r")
    assert report.consistent, text(report)
    found = {f.subject: f for f in report.findings}
    assert report.declared == {"a": 0.7}
    assert found["log_prob"].rows == 108
    assert found["groups"].detail == "groups: 6 of 4"  # two batches, never one


def test_batches_are_normalised_apart(kit, tmp_path):
    with Recorder(tmp_path) as recorder:
        for seed in range(3):
            recorder.rollout(**kit["rewards"](std="batch", ddof=1, seed=seed))
    found = {f.subject: f for f in audit(tmp_path).findings}["advantages"]
    assert found.detail.startswith("std of the batch, ddof 1")


def test_scalars_are_repeated_and_arrays_and_tensors_may_be_mixed(tmp_path):
    with Recorder(tmp_path) as recorder:
        recorder.step(x_t=np.zeros((3, 2), np.float32), t=0.5, s=torch.tensor(0.25), step=4)
        recorder.update(loss=torch.tensor(2.0, requires_grad=True), ratio=torch.ones(5))
    step = load_file(tmp_path / "step-000000.safetensors")
    assert step["t"].tolist() == [0.5] * 3
    assert step["t"].dtype == torch.float64
    assert step["s"].dtype == torch.float32
    assert step["step"].tolist() == [4, 4, 4]
    assert load_file(tmp_path / "update-000000.safetensors")["loss"].tolist() == [2.0] * 5
    with safe_open(tmp_path / "step-000000.safetensors", "pt") as shard:
        assert shard.metadata()["kind"] == "step"
        assert json.loads(shard.metadata()["manifest"]) == {}


def test_what_changes_after_the_call_does_not_change_the_record(tmp_path):
    x = torch.ones(2, 3)
    with Recorder(tmp_path) as recorder:
        recorder.step(x_t=x, t=0.5)
        x.zero_()
    assert load_file(tmp_path / "step-000000.safetensors")["x_t"].sum() == 6


def test_other_shapes_begin_another_shard_and_are_audited_with_the_rest(make, tmp_path):
    with Recorder(tmp_path) as recorder:
        for shape in ((2, 5, 4), (2, 3, 3)):
            content = make(shape=shape, dtype=torch.float32)
            recorder.step(**{name: content[name] for name in STEP})
    report = audit(tmp_path)
    assert len(list(tmp_path.glob("step-*"))) == 2
    assert report.consistent, text(report)
    assert next(f for f in report.findings if f.subject == "log_prob").rows == 216


def test_an_error_keeps_what_was_recorded_and_a_second_run_does_not_overwrite(tmp_path):
    def broken():
        with Recorder(tmp_path) as recorder:
            recorder.step(x_t=torch.ones(2, 3))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(FileExistsError, match="resume=True"):
        Recorder(tmp_path)
    with Recorder(tmp_path, resume=True) as recorder:
        recorder.step(x_t=torch.zeros(2, 3))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "step-000000.safetensors", "step-000001.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        ({}, ValueError, "nothing to record"),
        ({"xt": 1.0}, TypeError, "does not know xt; it takes x_t"),
        ({"x_t": torch.ones(2, 3), "t": torch.ones(3)}, ValueError, "x_t: 2, t: 3"),
        ({"x_t": "noise"}, TypeError, "x_t is no number"),
        ({"x_t": None}, TypeError, "x_t is no number"),
    ],
)
def test_the_recorder_refuses_with_the_name(tmp_path, given, error, word):
    with Recorder(tmp_path) as recorder, pytest.raises(error, match=re.escape(word)):
        recorder.step(**given)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("stochastic", [False, True])
def test_a_diffusers_scheduler_is_recorded_and_recognised(tmp_path, stochastic, dtype):
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, stochastic_sampling=stochastic)
    scheduler.set_timesteps(10)
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(16, 4, 8, 8, generator=draw).to(dtype)
    pull = torch.randn(4, 8, 8, generator=draw).to(dtype)
    with record(scheduler, tmp_path):
        for t in scheduler.timesteps:
            x = scheduler.step(0.5 * x + pull, t, x, generator=draw, return_dict=False)[0]
    assert "step" not in vars(scheduler)
    report = audit(tmp_path)
    assert report.consistent, text(report)
    found = {f.subject: f for f in report.findings}
    assert found["grid"].formula == "sd35_as_shipped"
    if stochastic:
        assert "renoising" in found["mean"].formula
        assert found["noise"].verdict == "consistent"
    else:
        assert found["x_s without noise"].formula == "sde.transition"
        assert found["x_s without noise"].rows == 160
        assert "the ODE's" in found["schedule"].detail


def test_the_diffusers_recorder_refuses_other_schedulers(tmp_path):
    with pytest.raises(TypeError, match="got object"), record(object(), tmp_path):
        pass
