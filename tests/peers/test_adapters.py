"""Adapters by name, code out of a checkout, tables read from outside: on small codes of our own."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from refimpl.conformance.adapter.loading import load
from refimpl.conformance.adapter.naming import CannotRun
from refimpl.conformance.checks import checks
from refimpl.conformance.checks.register import Differs, Finding
from refimpl.conformance.deviations import collected
from refimpl.conformance.kit import judge
from refimpl.peers import CHECKOUTS, INSTALLED, known
from refimpl.peers.checkout import Checkout, drawing
from refimpl.peers.facts import Fact, facts, law, near
from refimpl.peers.judging import Facts, Row, declared, judged
from refimpl.peers.tableau import density, nodes_of, read, trees

SCRIPT = """
import no_such_module
from somewhere import everything

class Tracker:
    def update(self, rewards: everything) -> everything:
        return rewards - rewards.mean()

@everything
def step(x, v, t: everything, s, noise=None):
    noise = randn_tensor(x.shape) if noise is None else noise
    return x - (t - s) * v + noise

def loop(config):
    for j in range(no_such_module.steps):
        ratio = torch.exp(new - sample["log_probs"][:, j])
        if config.kl:
            kl_loss = (ratio - 1) ** 2
            kl_loss = kl_loss.mean()
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    return Checkout(tmp_path, "train.py").file("train.py")


# ---------------------------------------------------------------- checkouts


def test_a_function_runs_without_the_imports_of_its_file(script):
    step = script.function("step", randn_tensor=None)
    assert step(1.0, 2.0, 0.75, 0.5, noise=0.25) == 0.75


def test_a_method_and_a_class_are_found(script):
    rewards = torch.tensor([1.0, 3.0])
    assert script.function("Tracker.update")(None, rewards).tolist() == [-1, 1]
    assert script.function("Tracker")().update(rewards).tolist() == [-1, 1]


def test_an_assignment_deep_in_a_loop_is_evaluated_alone(script):
    log_probs = torch.tensor([[0.5], [1.0]])
    new = torch.tensor([0.5, 2.0])
    ratio = script.value("ratio", torch=torch, new=new, sample={"log_probs": log_probs}, j=0)
    assert torch.allclose(ratio, torch.exp(torch.tensor([0.0, 1.0])))
    both = torch.tensor([1.0, 3.0])
    assert script.value("kl_loss", ratio=both).tolist() == [0, 4]
    assert float(script.value("kl_loss", at=1, ratio=both)) == 2
    assert script.value("kl_loss", inside="loop", ratio=both).tolist() == [0, 4]


def test_what_is_not_there_is_named(script, tmp_path):
    with pytest.raises(CannotRun, match="has no stride"):
        script.function("stride")
    with pytest.raises(CannotRun, match="does not assign loss and then loss"):
        script.value("loss")
    with pytest.raises(CannotRun, match=r"there is no scripts/train\.py"):
        Checkout(tmp_path, "scripts/train.py")
    (tmp_path / "train.py").write_text("def (", encoding="utf-8")
    with pytest.raises(CannotRun, match="cannot read"):
        Checkout(tmp_path, "train.py").file("train.py")


def test_given_noise_replaces_what_would_be_drawn_and_is_taken_back(script):
    step = script.function("step", randn_tensor=None)
    drawn = torch.randn_like
    with drawing(step.__globals__, torch.full((2,), 0.25)):
        assert step(torch.ones(2), torch.zeros(2), 1.0, 0.5).tolist() == [1.25, 1.25]
        assert torch.randn_like(torch.zeros(2)).tolist() == [0.25, 0.25]
    assert torch.randn_like is drawn
    assert step.__globals__["randn_tensor"] is None


# ---------------------------------------------------------------- by name


def test_names_are_checked_and_paths_belong_to_checkouts(tmp_path):
    with pytest.raises(CannotRun, match="did you mean 'diffusers'"):
        known("difusers")
    with pytest.raises(CannotRun, match="add --path DIR"):
        known("flow_grpo")
    with pytest.raises(CannotRun, match="no --path"):
        known("diffusers", tmp_path)
    with pytest.raises(CannotRun, match="there is no folder"):
        known("flow_grpo", tmp_path / "nowhere")


@pytest.mark.parametrize("name", CHECKOUTS)
def test_a_folder_that_is_no_checkout_is_refused(name, tmp_path):
    with pytest.raises(CannotRun, match=r"is no checkout of it: there is no .*\.py"):
        known(name, tmp_path)


@pytest.mark.parametrize("name", [*INSTALLED, *CHECKOUTS])
def test_declared_deviations_name_real_checks(name):
    rows = declared(name)
    for adapter in {row.adapter for row in rows} - {"facts"}:
        assert collected(row.of_the_kit() for row in rows if row.adapter == adapter)
    if any(row.adapter == "facts" for row in rows):
        pytest.importorskip(name)
        known(name)  # registers the facts
        assert {row.case for row in rows if row.adapter == "facts"} <= set(facts(name))
    assert all(row.reason and row.kind in ("convention", "bug") for row in rows)


# ---------------------------------------------------------------- facts


class Library:
    name, version = "mine", "1.0"


def only(monkeypatch, run, row=None):
    """The verdict on one fact, with or without a declaration."""
    from refimpl.peers import judging

    monkeypatch.setattr(judging, "facts", lambda name: {"a.fact": Fact(name, "a.fact", (), run)})
    monkeypatch.setattr(judging, "declared", lambda name: (row,) if row else ())
    (result,) = judged(Facts(Library())).results
    return result


ROW = Row("facts", "a.fact", "bug", "it doubles", variant="twice as much")


def twice(_):
    return Finding(near("x", [2.0, 4.0], [1.0, 2.0], readings={"twice as much": [2.0, 4.0]}))


def test_a_fact_agrees_differs_or_differs_as_declared(monkeypatch):
    assert only(monkeypatch, lambda _: Finding(near("x", [1.0], [1.0]))).verdict == "agrees"
    assert only(monkeypatch, twice).verdict == "differs"
    assert only(monkeypatch, twice, ROW).verdict == "differs by design"


def test_a_declaration_is_strict(monkeypatch):
    thrice = lambda _: Finding(near("x", [3.0, 6.0], [1.0, 2.0]))  # noqa: E731
    result = only(monkeypatch, thrice, ROW)
    assert result.verdict == "differs"
    assert "not that" in result.told
    result = only(monkeypatch, lambda _: Finding(), ROW)
    assert result.verdict == "differs"
    assert "remove the declaration" in result.told


def test_a_library_that_raises_differs(monkeypatch):
    def refuses(_):
        raise RuntimeError("not today")

    result = only(monkeypatch, refuses)
    assert result.verdict == "differs"
    assert "raised RuntimeError: not today" in result.told


def test_near_names_mistakes_factors_shapes_and_what_is_not_finite():
    with pytest.raises(Differs) as caught:
        near("x", [-1.0, -2.0], [1.0, 2.0])
    assert caught.value.explanations[0].name == "-1"
    inputs = {"alpha": 0.25, "sigma": 0.75, "d_alpha": -1.0, "d_sigma": 1.0,
              "data": np.array([1.0, 2.0]), "noise": np.array([3.0, -1.0])}  # fmt: skip
    with pytest.raises(Differs) as caught:
        near("v", [-2.0, 3.0], [2.0, -3.0], equation="paths.velocity", inputs=inputs)
    assert "velocity sign" in [e.name for e in caught.value.explanations]
    with pytest.raises(Differs, match="shape"):
        near("x", [1.0], [1.0, 2.0])
    with pytest.raises(Differs, match="NaN"):
        near("x", [float("nan")], [1.0])
    with pytest.raises(Differs, match="x: no"):
        law("x", False, "no")


# ---------------------------------------------------------------- tables


def test_rooted_trees_are_counted_and_weighed():
    assert [len(trees(n)) for n in range(1, 9)] == [1, 1, 2, 4, 9, 20, 48, 115]
    assert all(nodes_of(tree) == 5 for tree in trees(5))
    # the tall tree of order 4 has 4!, the bushy one 4
    assert sorted(density(tree) for tree in trees(4)) == [4, 8, 12, 24]


def kutta(field, x, t, s, weights=(1, 2, 2, 1)):
    h = s - t
    k1 = field(x, t)
    k2 = field(x + h / 2 * k1, t + h / 2)
    k3 = field(x + h / 2 * k2, t + h / 2)
    k4 = field(x + h * k3, s)
    total = sum(w * k for w, k in zip(weights, (k1, k2, k3, k4), strict=True))
    return x + h * total / sum(weights)


def test_a_table_is_read_from_outside_and_has_its_order():
    table = read(lambda field, x: kutta(field, x, 0.25, 1.0), 0.25, 1.0)
    assert np.allclose(table.nodes, [0, 0.5, 0.5, 1])
    assert np.allclose(table.weights, [1 / 6, 1 / 3, 1 / 3, 1 / 6])
    assert max(abs(r) for _, r in table.residuals(4)) < 1e-14
    assert max(abs(r) for _, r in table.residuals(5)) > 1e-3


def test_a_wrong_weight_breaks_the_order():
    table = read(lambda f, x: kutta(f, x, 0.25, 1.0, weights=(1, 2.02, 2, 1)), 0.25, 1.0)
    assert max(abs(r) for _, r in table.residuals(4)) > 1e-4


def test_every_check_that_a_deviation_may_name_is_known():
    assert {"kl.value", "sde_step.value", "advantages.basic"} <= set(checks())


# ---------------------------------------------------------------- a script that is cut out


def test_the_page_s_script_is_cut_out_and_conforms(tmp_path):
    page = (Path(__file__).parents[2] / "docs/adapters.md").read_text(encoding="utf-8")
    section = page.partition("## A script that must be cut out of a file")[2].partition("\n## ")[0]
    script, adapter = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    (tmp_path / "train.py").write_text(script)
    (tmp_path / "mine.py").write_text(adapter)
    report = judge(load(f"{tmp_path / 'mine.py'}:Mine"))
    assert report.conforms, [r.cause for r in report.failures]
    assert {"ratio.value", "surrogate.value", "surrogate.gradient"} <= {
        r.check for r in report.results if r.verdict == "agrees"
    }
    (tmp_path / "train.py").write_text(script.replace("1 + args.clip", "1 + 2 * args.clip"))
    assert not judge(load(f"{tmp_path / 'mine.py'}:Mine")).conforms
    (tmp_path / "train.py").write_text("x = 1\n")
    with pytest.raises(CannotRun, match="has no train"):
        load(f"{tmp_path / 'mine.py'}:Mine")().ratio(1, 2)
