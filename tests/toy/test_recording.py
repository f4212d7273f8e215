"""What a toy run records of itself: the numbers it was sampled with, and the conventions they keep.

`refimpl audit` is the reader: it recomputes a record, and finds what its manifest declares.
"""

import json

import pytest
import torch
from safetensors import safe_open
from torch.distributions import Normal

from refimpl.audit import audit
from refimpl.toy.grpo import EXACT, Settings, Trainer, plane, recording

SETTINGS = Settings(EXACT, groups=3, group=2, T=4)
WINDOW = {"window": "fixed", "start": 1, "size": 2}


def iteration(settings):
    """Of the plane, with every trajectory started from noise that a seed fixes."""
    problem = plane.three().problem(torch.Generator().manual_seed(0), width=4, depth=1)
    return Trainer(problem, settings).iterate()


def shard(folder, kind, number=0):
    """The tensors of one, and what it says of itself."""
    with safe_open(folder / f"{kind}-{number:06d}.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["manifest"])


@pytest.mark.parametrize("reduction", ["total", "average"])
def test_a_record_holds_each_trained_step_as_it_was_sampled_and_scored(tmp_path, reduction):
    settings = SETTINGS.but(reduction=reduction, **WINDOW)
    measured = iteration(settings)
    recording.keep(tmp_path, measured, settings, 0)
    held, manifest = shard(tmp_path, "step")
    assert manifest == recording.manifest(settings)
    run = measured.rollout
    assert held["step"].tolist() == [1] * 6 + [2] * 6
    assert held["batch"].tolist() == [0] * 6 + [1] * 6
    wanted = {
        "t": torch.tensor([0.75, 0.5]).double().repeat_interleave(6),
        "s": torch.tensor([0.5, 0.25]).double().repeat_interleave(6),
        "std": torch.tensor(run.stds[1:3], dtype=torch.float64).repeat_interleave(6),
        "x_t": run.states[1:3].flatten(0, 1),
        "x_s": run.states[2:4].flatten(0, 1),
        "v": run.velocities[1:3].flatten(0, 1),
        "mean": run.means[1:3].flatten(0, 1),
        "noise": run.noise[1:3].flatten(0, 1),
    }
    for name, values in wanted.items():
        assert torch.equal(held[name], values), name
    assert held.keys() == {*wanted, "step", "batch", "log_prob"}
    each = Normal(held["mean"], held["std"][:, None]).log_prob(held["x_s"])
    scored = each.sum(dim=1) if reduction == "total" else each.mean(dim=1)
    torch.testing.assert_close(held["log_prob"], scored)


def test_a_record_holds_rewards_and_advantages_with_the_group_of_each(tmp_path):
    measured = iteration(SETTINGS)
    recording.keep(tmp_path, measured, SETTINGS, 0)
    held, manifest = shard(tmp_path, "rollout")
    assert manifest == recording.manifest(SETTINGS)
    assert held.keys() == {"rewards", "groups", "advantages", "batch"}
    assert held["groups"].tolist() == [0, 0, 1, 1, 2, 2]
    assert torch.equal(held["rewards"].reshape(3, 2), measured.judged.rewards)
    assert torch.equal(held["advantages"].reshape(3, 2), measured.advantages)
    assert held["advantages"].abs().min() > 0


METHODS = {
    "EXACT": {},
    "a window": WINDOW,
    "clamped": {"boundary": "clamp"},
    "clamped lower": {"boundary": "clamp", "clamp_at": 0.9},
    "one std": {"kernel": "constant", "noise": 0.3},
    "CPS": {"kernel": "cps", "noise": 0.8},
    "frozen data": {"kernel": "exact", **WINDOW},
    "frozen data from pure noise": {"kernel": "exact"},  # where nothing of the noise is kept
    "averaged": {"reduction": "average"},
    "divided": {"advantage_std": "group", "ddof": 1, "eps": 1e-4, "advantage_bound": 1.0},
    "divided by the batch's": {"advantage_std": "batch"},
}


@pytest.mark.parametrize("name", METHODS)
def test_the_audit_finds_what_the_manifest_declares(tmp_path, name):
    settings = SETTINGS.but(**METHODS[name])
    recording.keep(tmp_path, iteration(settings), settings, 0)
    found = {finding.subject: finding for finding in audit(tmp_path).findings}
    assert not [f for f in found.values() if f.verdict == "differs"]
    for subject in ("grid", "mean", "log_prob", "noise", "advantages", "groups"):
        assert found[subject].verdict == "consistent", found[subject]


TOLD = {
    "time": "noise",
    "layout": "rows",
    "std": "step",
    "sampler": "sde.transition",
    "schedule": "flow_grpo",
    "a": 0.7,
    "log_prob": "sum",
    "constants": "kept",
    "advantage_std": "none",
    "ddof": 0,
    "eps": 0.0,
    "group": 2,
    "grid": "uniform",
    "boundary": "next_level",
}
"""Of Flow-GRPO as it stands in the article, with undivided advantages."""


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, {}),
        ({"boundary": "refuse"}, {"boundary": "none"}),
        ({"boundary": "clamp"}, {"boundary": "clamp 0.99"}),
        (
            {"kernel": "constant", "noise": 0.3},
            {"schedule": "constant", "a": 0.3, "boundary": None},
        ),
        (
            {"kernel": "cps", "noise": 0.8},
            {"sampler": "kernels.preserving", "schedule": "cps", "a": 0.8, "boundary": None},
        ),
        ({"reduction": "average"}, {"log_prob": "mean"}),
        (
            {"advantage_std": "batch", "ddof": 1, "eps": 1e-4, "advantage_bound": 5.0, "group": 4},
            {"advantage_std": "batch", "ddof": 1, "eps": 1e-4, "advantage_limit": 5.0, "group": 4},
        ),
    ],
)
def test_a_manifest_says_each_convention_in_the_audits_words(changes, differs):
    wanted = {key: value for key, value in {**TOLD, **differs}.items() if value is not None}
    assert recording.manifest(SETTINGS.but(**changes)) == wanted


@pytest.mark.parametrize("kernel", ["exact", "exact_constant", "matched"])
def test_a_kernel_whose_std_has_no_name_declares_no_schedule(kernel):
    told = recording.manifest(SETTINGS.but(kernel=kernel))
    named = {"sampler", "schedule", "a", "boundary"}
    assert told.keys() - {"sampler"} == TOLD.keys() - named
    assert all(told[key] == TOLD[key] for key in TOLD.keys() - named)
    assert kernel != "matched" or "sampler" not in told


def test_a_record_that_is_kept_again_takes_the_place_of_those_after_the_checkpoint(tmp_path):
    first, second = iteration(SETTINGS), iteration(SETTINGS.but(seed=1))
    for shards, measured in enumerate((first, first, first)):
        recording.keep(tmp_path, measured, SETTINGS, shards)
    recording.keep(tmp_path, second, SETTINGS, 1)
    assert {file.name for file in tmp_path.iterdir()} == {
        f"{kind}-{number:06d}.safetensors" for kind in ("step", "rollout") for number in (0, 1)
    }
    for number, measured in enumerate((first, second)):
        held, _ = shard(tmp_path, "rollout", number)
        assert torch.equal(held["rewards"], measured.judged.rewards.flatten())


def test_only_records_are_forgotten_and_only_those_after_the_checkpoint(tmp_path):
    names = [f"{kind}-{i:06d}.safetensors" for kind in ("step", "rollout") for i in (0, 1, 2, 10)]
    for name in (*names, "notes-7.txt"):
        (tmp_path / name).touch()
    recording.forget_after(tmp_path, 2)
    kept = {f"{kind}-{i:06d}.safetensors" for kind in ("step", "rollout") for i in (0, 1)}
    assert {file.name for file in tmp_path.iterdir()} == {"notes-7.txt", *kept}
    recording.forget_after(tmp_path / "none", 0)  # a run that has kept nothing yet
