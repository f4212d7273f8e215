"""The comparison of methods: closed forms against differences, samples and the kept table."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from refimpl import methods
from refimpl.conformance import mistakes
from refimpl.equations import kl, paths, weights
from refimpl.labs import comparison, estimators
from refimpl.labs.chains import ONE, WIDE, ZERO, open_variance
from refimpl.methods import Method
from refimpl.simulate import grids, laws
from refimpl.toy import field

GRID = grids.sd35_once_shifted(10)
KEPT = json.loads((Path(__file__).parents[2] / "docs/assets/study/methods.json").read_text("utf-8"))
ROWS = KEPT["methods"]


@pytest.mark.parametrize("name", comparison.ENTRIES)
def test_the_kept_row_is_what_is_computed(name):
    for key, value in comparison.asdict(comparison.row(name, GRID)).items():
        assert value == pytest.approx(ROWS[name][key], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("kernel", ["flow_grpo", "cps", "exact"])
def test_the_gradient_is_the_difference_that_a_shift_makes(kernel):
    method = Method(kernel=kernel, noise=0.7)
    plan = methods.plan(method, GRID)
    chain = comparison.linear(method, plan, GRID)
    for k in (0, 4, 9):

        def shifted(x, t, k=k):
            return field(WIDE)(x, t) + (1.0 if t == GRID.levels[k] else 0.0)

        made = [comparison._kernels(method, plan, GRID, v) for v in (field(WIDE), shifted)]
        before, after = (float(laws.gaussian_law(m, ZERO, ONE).mean[-1]) for m in made)
        assert after - before == pytest.approx(chain.gradient[k], rel=1e-10)


def test_the_shares_of_all_noisy_steps_and_of_the_start_add_up():
    for method in (
        Method(skip_last=False),
        Method(kernel="cps", noise=0.5),
        Method(window="first"),
    ):
        plan = methods.plan(method, GRID)
        chain = comparison.linear(method, plan, GRID)
        law = laws.gaussian_law(comparison._kernels(method, plan, GRID, field(WIDE)), ZERO, ONE)
        drawn = float(np.sum((chain.carried * chain.std) ** 2)) / chain.variance
        start = float(law.correlation_with_start[-1]) ** 2
        assert drawn + start == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(
    "name", ["Flow-GRPO, all steps", "Flow-GRPO, GRPO-Guard", "MixGRPO, steps 1–4"]
)
def test_the_signal_is_that_of_sampled_gradients(name):
    method = comparison.ENTRIES[name].method
    plan = methods.plan(method, GRID)
    chain = comparison.linear(method, plan, GRID)
    n, generator = 200_000, torch.Generator().manual_seed(0)
    noise = torch.randn(n, GRID.T + 1, generator=generator, dtype=torch.float64).numpy()
    drawn = noise[:, 1:] * chain.carried * chain.std
    start = (max(chain.variance - np.sum((chain.carried * chain.std) ** 2), 0.0)) ** 0.5
    advantage = drawn.sum(axis=1) + start * noise[:, 0]
    w = np.zeros(GRID.T)
    w[list(plan.trained)] = plan.weights
    w = w * (chain.std if method.ratio == "guard" else 1)
    score = -np.divide(chain.sensitivity, chain.std, out=0 * w, where=chain.std > 0) * noise[:, 1:]
    movement = advantage * (score * w * chain.gradient).sum(axis=1)
    found = movement.mean() ** 2 / movement.var()
    # the relative standard error of the quotient is below 1 %; five of them
    assert found == pytest.approx(ROWS[name]["signal"], rel=0.05)


def test_the_signal_without_a_likelihood_is_that_of_sampled_gradients():
    n, generator = 400_000, torch.Generator().manual_seed(0)
    data, noise = torch.randn(2, n, generator=generator, dtype=torch.float64)
    data = 1.5 + 0.5 * data
    at = torch.randint(GRID.T, (n,), generator=generator)
    plan = methods.Plan((False,) * GRID.T, (), ())
    gradient = comparison.linear(Method(), plan, GRID).gradient
    movement = torch.empty(n, dtype=torch.float64)
    for k, t in enumerate(GRID.levels[:-1]):
        mine = at == k
        x = (1 - t) * data[mine] + t * noise[mine]
        v = WIDE.velocity(paths.linear(t), x[:, None])[:, 0]
        slope = (data[mine] - 1.5) * (v - (noise[mine] - data[mine]))  # of AWM's loss, halved
        movement[mine] = -gradient[k] * slope
    found = float(movement.mean() ** 2 / movement.var())
    assert found == pytest.approx(ROWS["AWM"]["signal"], rel=0.05)


def test_diffusion_nfts_minimiser_points_where_the_tilted_velocity_does():
    for t in (0.2, 0.5, 0.9):
        moved = (open_variance(WIDE, t) / t) * 4.0 * 0.3  # δ V/(s² t), δ = 0.3
        x = torch.tensor([[0.3]], dtype=torch.float64)
        shifted = WIDE.__class__(WIDE.weights, WIDE.means + 0.3, WIDE.stds)
        c = paths.linear(t)
        gap = float(shifted.velocity(c, x) - WIDE.velocity(c, x))
        assert gap == pytest.approx(-moved, rel=1e-7)


def test_what_the_page_says_of_the_methods_is_so():
    cheapest = sorted(ROWS, key=lambda name: ROWS[name]["price"])
    assert cheapest[0] == "TempFlow, branch at step 4"
    assert {"Fast" in name for name in cheapest[1:3]} == {True}
    assert cheapest[-1] == "constant g = 0.3"
    full = ROWS["Flow-GRPO, all steps"]
    assert full["uneven"] == pytest.approx(17, abs=0.05)
    for name in ("Flow-GRPO, GRPO-Guard", "Flow-GRPO, levelled"):
        assert ROWS[name]["signal"] / full["signal"] == pytest.approx(1.21, abs=0.01)
        assert ROWS[name]["uneven"] < 1.25
        assert ROWS[name]["aim"] < full["aim"]
    assert ROWS["MixGRPO, steps 1–4"]["trained"] > ROWS["MixGRPO, steps 4–7"]["trained"]
    assert ROWS["TempFlow, branch at step 4"]["signal"] == pytest.approx(0.5, rel=1e-9)
    assert min(ROWS, key=lambda name: ROWS[name]["signal"]) in ("AWM", "DiffusionNFT")
    for row in ROWS.values():
        assert row["gain"] == pytest.approx(1000 / (1000 + row["price"]))
        assert 0 < row["trained"] <= row["reach"] + 1e-12 <= 1 + 2e-12


def test_k1_has_no_gradient_and_k2_and_k3_have_the_right_one():
    for name, found in estimators.divergences().items():
        wanted = 0 if name.startswith("k1") else 1
        assert found["gradient"] == pytest.approx(wanted, abs=1e-12), name
        biased = name.startswith("k2")
        assert (found["value"] == pytest.approx(1, abs=1e-9)) != biased, name


def test_the_clip_turns_the_gradient_round_where_the_mask_lets_all_through():
    found = estimators.trust()
    for d in (0.05, 0.1, 0.15):
        assert found[f"d = {d}"]["mask"] == pytest.approx(1, abs=1e-9)
    assert found["d = 0.1"]["clip"] == pytest.approx(0.68, abs=0.02)
    assert found["d = 0.25"]["clip"] < 0
    for name, row in found.items():
        for key, value in row.items():
            assert value == pytest.approx(KEPT["trust"][name][key], abs=1e-9)


@pytest.mark.parametrize(
    ("module", "mistake"),
    [(weights, m) for m in mistakes("weights.levelled")]
    + [(weights, m) for m in mistakes("weights.tempflow") if "divided" not in m.name]
    + [(weights, m) for m in mistakes("weights.guard") + mistakes("weights.signal")],
    ids=lambda x: getattr(x, "title", ""),
)
def test_a_planted_mistake_changes_a_row(module, mistake, monkeypatch):
    monkeypatch.setattr(module, mistake.equation.partition(".")[2], mistake.wrong)
    name = {
        "weights.levelled": "Flow-GRPO, levelled",
        "weights.guard": "Flow-GRPO, GRPO-Guard",
        "weights.signal": "Flow-GRPO, all steps",
        "weights.tempflow": "Flow-GRPO, TempFlow weights",
    }[mistake.equation]
    try:
        found = comparison.row(name, GRID).signal
    except ValueError:
        return
    same = found == pytest.approx(ROWS[name]["signal"], rel=1e-6)
    assert same == (mistake.equation == "weights.tempflow")  # a common factor changes no signal


@pytest.mark.parametrize("mistake", mistakes("kl.k3"), ids=lambda m: m.title)
def test_a_planted_k3_has_another_value_or_gradient(mistake, monkeypatch):
    monkeypatch.setitem(estimators.FORMS, "k3", mistake.wrong)
    found = estimators.divergences()["k3, d = 0.5"]
    right = KEPT["kl"]["k3, d = 0.5"]
    assert any(found[key] != pytest.approx(right[key], rel=1e-6) for key in right)


def test_the_study_of_methods_is_written_whole(tmp_path):
    record = comparison.run(tmp_path / "new")
    assert json.loads((tmp_path / "new/methods.json").read_text("utf-8")) == json.loads(
        json.dumps(record)
    )
    assert kl.of_means(0.2, 0.0, 1.0) == pytest.approx(estimators.LIMIT)


def test_the_example_of_the_page_runs():
    page = (Path(__file__).parents[2] / "docs/methods.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.S)
    names = {}
    exec(compile(example, "methods.md", "exec"), names)
    assert names["method"].kernel == "exact"
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert listed == set(methods.PRESETS)
