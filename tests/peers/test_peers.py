"""The installed libraries, the page about them, and mistakes put into their source."""

import contextlib
import importlib.util
import json
from pathlib import Path

import peer_mutants
import pytest
import torch
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.conformance.checks.register import Differs
from refimpl.equations import equations
from refimpl.equations.watching import watched
from refimpl.peers import INSTALLED, OPTIONAL, known
from refimpl.peers.facts import facts
from refimpl.peers.judging import Facts

ROOT = Path(__file__).resolve().parents[2]
PEERS = tuple(name for name in INSTALLED if name != "refimpl")


def page():
    spec = importlib.util.spec_from_file_location(
        "implementations", ROOT / "docs/tools/implementations.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_the_command_says_that_the_library_conforms(name):
    pytest.importorskip(name)
    result = CliRunner().invoke(app, ["check", name])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", PEERS)
def test_facts_hold_or_differ_as_declared(name):
    pytest.importorskip(name)
    (own,) = [a for a in known(name) if isinstance(a, Facts)]
    results = list(own.results())
    assert len(results) >= 7
    assert {r.verdict for r in results} <= {"agrees", "differs by design"}, [
        r.cause for r in results if r.verdict == "differs"
    ]
    for fact in facts(name).values():
        assert fact.statement.endswith(".")
        assert set(fact.covers) <= set(equations())


@pytest.mark.parametrize("name", PEERS)
def test_a_fact_calls_every_equation_that_it_covers(name):
    pytest.importorskip(name)
    (own,) = [a for a in known(name) if isinstance(a, Facts)]
    for fact in facts(name).values():
        with watched() as called, contextlib.suppress(Differs):
            fact.run(own.library)
        assert set(fact.covers) <= called, fact.id


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_the_page_shows_what_the_installed_library_does(name):
    pytest.importorskip(name)
    tool = page()
    kept = tool.kept()[name]
    now = tool.installed(name)
    if now["version"] != kept["version"]:
        pytest.skip(f"the page shows {name} {kept['version']}, {now['version']} is installed")

    def verdicts(entry):
        return {(a["adapter"], r["check"]): r["verdict"]
                for a in entry["adapters"] for r in a["results"]}  # fmt: skip

    assert verdicts(now) == verdicts(kept)


def test_the_kept_results_are_complete_and_nothing_differs_undeclared():
    tool = page()
    kept = tool.kept()
    assert set(tool.REPOSITORIES) | set(PEERS) | set(OPTIONAL) == set(kept)
    for name, entry in kept.items():
        assert entry.get("version") or len(entry["commit"]) == 40, name
        rows = [r for a in entry["adapters"] for r in a["results"]]
        assert rows
        assert {r["verdict"] for r in rows} <= {"agrees", "differs by design"}, name
        assert all(r["told"] for r in rows if r["verdict"] != "agrees")
    text = tool.block()
    assert "KL" in text
    assert json.dumps(kept)


def test_some_adaptive_methods_miss_their_tolerance_a_hundredfold():
    torchdiffeq = pytest.importorskip("torchdiffeq")
    times = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    for method in ("bosh3", "fehlberg2", "dopri8"):
        end = torchdiffeq.odeint(lambda t, y: y, torch.ones(1, dtype=torch.float64), times,
                                 method=method, rtol=1e-6, atol=1e-6)[-1]  # fmt: skip
        assert float((end - torch.e).abs()) > 1e-4, method


# ---------------------------------------------------------------- mistakes in the source

PLANTED = {
    "diffusers": [
        "FlowMatchEulerDiscreteScheduler.step",
        "FlowMatchEulerDiscreteScheduler.scale_noise",
        "FlowMatchHeunDiscreteScheduler.step",
    ],
    "flow_matching": ["VPScheduler.__call__", "AffineProbPath.velocity_to_target"],
    "torchcfm": [
        "TargetConditionalFlowMatcher.compute_sigma_t",
        "ConditionalFlowMatcher.sample_xt",
    ],
    "torchdiffeq": ["rk4_alt_step_func", "Dopri5Solver.beta"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_one_line_mistakes_in_a_library_are_caught(name):
    pytest.importorskip(name)
    torch.set_num_threads(1)
    known(name)
    rows = [m for m in peer_mutants.mutants(name)
            if m.name.startswith(tuple(PLANTED[name]))
            and any(what in m.name for what in ("operator in", "times 1.01"))]  # fmt: skip
    assert len(rows) >= 5
    outcomes = {m.name: peer_mutants.examine(name, m).verdict for m in rows[:24]}
    kept = [n for n, verdict in outcomes.items() if verdict == "survives"]
    assert not kept, kept


@pytest.mark.parametrize(
    ("name", "start"),
    [("torchcfm", "TargetConditionalFlowMatcher.compute_conditional_flow"),
     pytest.param("torchdiffeq", "Heun3._step_func", marks=pytest.mark.slow)],
)  # fmt: skip
def test_a_planted_mistake_is_caught(name, start):
    pytest.importorskip(name)
    torch.set_num_threads(1)
    known(name)
    mutant = next(m for m in peer_mutants.mutants(name)
                  if m.name.startswith(start) and "operator" in m.name)  # fmt: skip
    assert peer_mutants.examine(name, mutant).verdict == "caught"
