"""The peers layer: what agrees, what differs by design, and what absence looks like."""

import sys

import numpy as np
import pytest

from refimpl.conformance.kit import judge
from refimpl.equations import equations
from refimpl.peers import INSTALLED, NotInstalled, known
from refimpl.peers.judging import Facts, declared, judged
from refimpl.verify.layers import checks
from refimpl.verify.peers.libraries import PeerDiffers, evidence_of

PEERS = tuple(name for name in INSTALLED if name != "refimpl")


@pytest.fixture(scope="module")
def diffusers():
    pytest.importorskip("diffusers")
    return next(a for a in known("diffusers") if isinstance(a, Facts))


def test_diffusers_differs_by_design_in_what_is_declared(diffusers):
    report = judged(diffusers)
    by_design = {r.check for r in report.results if r.verdict == "differs by design"}
    assert by_design == {row.case for row in declared("diffusers") if row.adapter == "facts"}
    assert {"euler.grid", "stochastic.is_flow_grpo", "heun.churn", "solvers.churn"} <= by_design
    assert report.conforms


def test_the_shipped_grid_is_the_twice_shifted_one(diffusers):
    result = next(r for r in diffusers.results() if r.check == "euler.grid")
    assert "13243" in result.told
    # the last level above 0: .2500 shifted once, .0089 twice
    assert result.gap == pytest.approx(0.25 - 0.0089286, abs=1e-6)
    scheduler = diffusers.library.module.FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(10)
    golden = [1, 0.9601, 0.9133, 0.8577, 0.7904, 0.7073, 0.6022, 0.4649, 0.2780, 0.0089, 0]
    assert np.allclose(scheduler.sigmas, golden, atol=5e-5)  # half of the last digit


def test_every_peer_has_its_check_and_speaks_for_known_equations():
    layer = {c.run.__name__: c for c in checks().values() if c.layer == "peers"}
    assert set(layer) == set(PEERS)
    for c in layer.values():
        assert c.covers
        assert set(c.covers) <= set(equations())


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_the_check_holds(name):
    pytest.importorskip(name)
    check = next(c for c in checks().values() if c.layer == "peers" and c.run.__name__ == name)
    assert "agree" in check.run(0).summary


@pytest.mark.parametrize(
    ("name", "module"),
    [("diffusers", "diffusers"), ("flow_matching", "flow_matching.path"),
     ("torchcfm", "torchcfm.conditional_flow_matching"), ("torchdiffeq", "torchdiffeq")],
)  # fmt: skip
def test_an_absent_library_says_how_to_get_it(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotInstalled, match=r"pip install 'refimpl\[peers\]'"):
        known(name)


def test_a_peer_that_differs_is_no_evidence():
    class Wrong:
        name = "wrong"

        def ode_step(self, x, v, t, s):
            return x + (t - s).reshape(-1, *(1,) * (x.ndim - 1)) * v

    with pytest.raises(PeerDiffers, match="ode_step"):
        evidence_of((judge(Wrong),))
