"""Exit code 0 says that something recorded was judged; nonsense in a manifest is refused."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from refimpl.audit import audit
from refimpl.audit.reading.manifest import RANGES, parse
from refimpl.audit.reading.precision import logged
from refimpl.cli import app


def run(*line):
    found = CliRunner().invoke(app, [str(part) for part in line])
    return found.exit_code, " ".join(found.output.split())


def random(names, n=40):
    draw = torch.Generator().manual_seed(0)
    t = torch.rand(n, generator=draw, dtype=torch.float64)
    given = {name: torch.randn(n, 6, generator=draw, dtype=torch.float64) for name in ("x_t", "v")}
    given |= {"t": t, "s": 0.5 * t, "log_prob": -t, "kl": 2 * t, "rewards": 3 * t, "ratio": 1 + t}
    return {name: given[name] for name in names}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("x_t", "v", "t", "s"), "mean: it takes mean"),
        (("x_t", "t"), "mean: it takes mean"),
        (("x_t", "v", "t", "s", "log_prob", "kl"), "log_prob: it takes"),
        (("rewards",), "advantages: it takes rewards and advantages"),
        (("ratio",), "ratio: it takes log_prob and log_prob_old"),
    ],
)
def test_numbers_that_nothing_can_judge_are_no_success(names, says, tmp_path):
    save_file(random(names), tmp_path / "r.safetensors")
    code, shown = run("audit", tmp_path / "r.safetensors", "--json", tmp_path / "r.json")
    assert code == 2, shown
    assert "nothing in r.safetensors was judged" in shown
    assert says in shown.partition("was judged")[2]
    written = json.loads((tmp_path / "r.json").read_text())
    assert (written["judged"], written["consistent"]) == (False, False)


@pytest.mark.parametrize("names", [("step", "batch"), ("latents",)])
def test_a_record_without_a_known_quantity_is_refused(names, tmp_path):
    save_file({name: torch.ones(4) for name in names}, tmp_path / "r.safetensors")
    code, shown = run("audit", tmp_path / "r.safetensors")
    assert code == 2, shown
    assert "the audit knows x_t" in shown


@pytest.mark.parametrize("sampler", ["sde", "ode"])
@pytest.mark.parametrize("toy", ["gaussian_1d", "mixture_2d"])
def test_our_own_rollouts_are_judged(sampler, toy, tmp_path):
    file = tmp_path / "r.npz"
    code, shown = run("sample", "--toy", toy, "--sampler", sampler, "--n", 64, "--out", file)
    assert code == 0, shown
    report = audit(file)
    by_subject = {f.subject: f for f in report.findings}
    assert report.consistent
    assert report.unused == []
    assert by_subject["x_s"].formula == "gaussian.sample"
    assert by_subject["x_s"].rows == 640
    assert run("audit", file)[0] == 0
    if sampler == "sde":
        assert by_subject["log_prob"].rows == 640
        assert by_subject["schedule"].formula == "flow_grpo"


def test_our_own_rollout_with_one_wrong_state_differs(tmp_path):
    run("sample", "--n", 64, "--out", tmp_path / "r.npz")
    content = dict(np.load(tmp_path / "r.npz"))
    content["states"][4, 7] += 0.01
    np.savez(tmp_path / "w.npz", **content)
    code, shown = run("audit", tmp_path / "w.npz")
    assert code == 1, shown
    assert "the first is row 199" in shown  # sample 7 of the fourth step: 3 · 64 + 7


NONSENSE = [
    ("a", float("nan")), ("a", float("inf")), ("a", -0.7), ("a", True), ("a", 10**400),
    ("eps", float("nan")), ("eps", -1e-4), ("advantage_limit", -5.0), ("clip", float("nan")),
    ("clip", -0.2), ("beta", float("-inf")), ("guidance", float("nan")), ("ddof", 2),
    ("ddof", -1), ("ddof", 1.0), ("group", -4), ("group", 0), ("group", 1), ("group", 4.0),
    ("group", 10**400), ("group", [4]), ("time_scale", float("nan")), ("time_scale", 0),
    ("log_prob", 1), ("on_policy", "yes"), ("names", "x_t"), ("names", {"x_t": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), NONSENSE, ids=lambda x: str(x)[:12])
def test_nonsense_in_a_manifest_is_refused_by_key_and_value(key, value):
    with pytest.raises(ValueError, match=rf"manifest: {key}") as refused:
        parse({key: value})
    shown = value["x_t"] if isinstance(value, dict) else value
    told = "an integer of" if shown == 10**400 else repr(shown)
    assert told in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("line", ["a = nan", "group = -4", "clip = inf", "a = -inf"])
def test_a_manifest_file_with_nonsense_exits_with_2(line, tmp_path, make):
    save_file(make(batch=4), tmp_path / "r.safetensors")
    (tmp_path / "m.toml").write_text(line)
    code, shown = run("audit", tmp_path / "r.safetensors", "--manifest", tmp_path / "m.toml")
    assert code == 2, shown
    key, _, value = line.partition(" = ")
    assert re.search(rf"manifest: {key} must be .*; got {re.escape(value)}", shown)


def test_the_ends_of_every_range_are_accepted():
    for key, (least, _, _) in RANGES.items():
        value = 2 if key == "group" else 0 if key == "ddof" else max(least, 0.0)
        assert parse({key: value}).declared[key] == value


# ---------------------------------------------------------------- precision


@pytest.mark.parametrize("groups", [2, 6, 40])
@pytest.mark.parametrize("eps", [0.0, 1e-4])
@pytest.mark.parametrize("counted", [False, True])
def test_float32_advantages_logged_as_python_floats_are_right(tmp_path, groups, eps, counted):
    draw = torch.Generator().manual_seed(groups)
    rewards = torch.randn(groups, 4, generator=draw)
    rewards = (4 * rewards).round() + torch.arange(4) if counted else rewards
    made = (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + eps)
    ids = torch.arange(groups).repeat_interleave(4)
    columns = {"rewards": rewards.flatten().tolist(), "advantages": made.flatten().tolist()}
    np.savez(tmp_path / "r.npz", groups=ids.numpy(), **columns)
    told = {"advantage_std": "group", "ddof": 1, "eps": eps}
    report = audit(tmp_path / "r.npz", told)
    found = {f.subject: f for f in report.findings}["advantages"]
    assert found.verdict == "consistent", found
    columns["advantages"][1] += 1e-3  # beyond any rounding of float32
    np.savez(tmp_path / "w.npz", groups=ids.numpy(), **columns)
    assert not audit(tmp_path / "w.npz", told).consistent


@pytest.mark.parametrize("T", [4, 8, 10])
def test_a_float32_run_logged_as_float64_is_right_on_few_levels(tmp_path, make, T):
    run32 = make(dtype=torch.float32, T=T, shape=(3, 4))
    wide = {name: x.double() for name, x in run32.items()}
    save_file({k: x.contiguous() for k, x in wide.items()}, tmp_path / "r.safetensors")
    report = audit(tmp_path / "r.safetensors")
    assert report.consistent, [f for f in report.findings if f.verdict == "differs"]


def test_precision_is_read_off_values_and_not_off_dyadic_ones():
    third = torch.tensor([1 / 3, 0.1], dtype=torch.float32).double()
    assert logged(third) == 2.0**-24
    assert logged(third[:1]) == 2.0**-24
    assert logged(torch.tensor([1 / 3, 0.1], dtype=torch.float64)) == 2.0**-53
    assert logged(torch.cat([third, torch.tensor([0.7], dtype=torch.float64)])) == 2.0**-53
    assert logged(torch.tensor([1.0, 0.5, 0.75, 96.0, 0.0], dtype=torch.float64)) == 2.0**-53
    assert logged(torch.arange(1, 65, dtype=torch.float64) / 64) == 2.0**-53
    assert logged(torch.tensor([0.1], dtype=torch.float32)) == 2.0**-24
    assert logged(torch.tensor([np.nan, np.inf, 0.1], dtype=torch.float64)) == 2.0**-53
