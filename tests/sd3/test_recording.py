"""What a run records of itself, judged by `refimpl audit`: it is what the manifest declares."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refimpl.audit import audit
from refimpl.equations import grpo
from refimpl.sd3.run import recording

from .test_rollout import rolled

RUNS = {
    "the article, with KL": ("paper", ("method.beta=0.04",)),
    "the velocities' KL": ("paper", ("method.beta=0.04", "method.kl=velocity")),
    "k1": ("paper", ("method.beta=0.04", "method.kl=k1")),
    "k3, averaged": ("paper", ("method.beta=0.04", "method.kl=k3", "method.reduction=average")),
    "flow_grpo": ("flow_grpo", ("model.dtype=fp32", "training.updates=1")),
    "once shifted": ("paper", ("sampling.grid=once_shifted",)),
    "no shift": ("paper", ("sampling.grid=uniform",)),
    "a window": ("levelled", ("method.window=fixed", "method.start=2", "sampling.grid=uniform")),
    "CPS": ("paper", ("method.kernel=cps", "method.noise=0.8")),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("moved", [False, True])
def test_a_record_is_consistent_with_its_manifest(
    name: str,
    moved: bool,
    settings: Callable[..., Any],
    trainer: Callable[..., Any],
    tmp_path: Path,
) -> None:
    preset, changes = RUNS[name]
    config = settings(
        *changes, "sampling.steps=8", "sampling.groups=2", "sampling.group=3",
        "run.record_rows=4", preset=preset,
    )  # fmt: skip
    made = trainer(config)
    if moved:  # so that the reference is another policy
        with torch.no_grad():
            for parameter in made.engine.parameters:
                parameter += 1e-3
    experience = rolled(made, config.method)
    rewards = torch.tensor([[1.0, 2.0, 4.0], [0.5, 0.0, 1.5]], dtype=torch.float64)
    method = config.method
    advantages = grpo.advantage(rewards, std=method.advantage_std, ddof=method.ddof, eps=method.eps)
    recording.record(tmp_path, config, made.policy, experience, rewards, advantages, 7)
    report = audit(tmp_path / "00000007")
    verdicts = {finding.subject: finding.verdict for finding in report.findings}
    assert "differs" not in verdicts.values(), [
        f for f in report.findings if f.verdict == "differs"
    ]
    for subject in ("grid", "mean", "log_prob", "ratio", "noise", "advantages", "groups"):
        assert verdicts[subject] == "consistent", subject


def test_a_manifest_that_declares_another_grid_is_found_out(
    settings: Callable[..., Any], trainer: Callable[..., Any], tmp_path: Path
) -> None:
    made = trainer(settings("sampling.steps=8", "sampling.grid=uniform", "run.record_rows=2"))
    other = settings("sampling.steps=8", "run.record_rows=2")
    rewards = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    experience = rolled(made, made.config.method)
    recording.record(tmp_path, other, made.policy, experience, rewards, rewards - 1.5, 0)
    (grid,) = [f for f in audit(tmp_path / "00000000").findings if f.subject == "grid"]
    assert grid.verdict == "differs"
    assert "declared grid = 'sd35_as_shipped', and the levels are grids.uniform" in grid.detail
