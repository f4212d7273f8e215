"""The peers layer: what agrees, what differs by design, and what absence looks like."""

import sys

import numpy as np
import pytest

from refimpl.conformance.adapters import NotInstalled
from refimpl.conformance.checks import checks as conformance_checks
from refimpl.conformance.checks import draw, run
from refimpl.conformance.deviations import Deviation, Result
from refimpl.equations import equations
from refimpl.verify import peers
from refimpl.verify.evidence import checks
from refimpl.verify.peers import PeerDiffers, evidence_of


@pytest.fixture(scope="module")
def diffusers():
    pytest.importorskip("diffusers")
    return peers.Diffusers()


@pytest.fixture(scope="module")
def flow_matching():
    pytest.importorskip("flow_matching")
    return peers.FlowMatching()


def by_check(adapter) -> dict[str, Result]:
    return {r.check: r for r in run(adapter)}


def test_diffusers_agrees_but_for_its_grid_and_its_stochastic_mode(diffusers):
    verdicts = {name: r.verdict for name, r in by_check(diffusers).items()}
    assert {n for n, v in verdicts.items() if v == "differs by design"} == {
        "sd35_grid_is_shifted_once", "stochastic_step_is_flow_grpo",
    }  # fmt: skip
    assert "differs" not in verdicts.values()
    assert sum(v == "agrees" for v in verdicts.values()) == 5


def test_the_shipped_grid_is_the_twice_shifted_one(diffusers):
    result = by_check(diffusers)["sd35_grid_is_shifted_once"]
    assert "13243" in result.cause
    # the last level above 0: .2500 shifted once, .0089 twice
    assert result.gap == pytest.approx(0.25 - 0.0089286, abs=1e-6)
    golden = [1, 0.9601, 0.9133, 0.8577, 0.7904, 0.7073, 0.6022, 0.4649, 0.2780, 0.0089, 0]
    assert np.allclose(diffusers.sd35_grid(10), golden, atol=5e-5)  # half of the last digit


def test_flow_matching_agrees_wherever_it_speaks(flow_matching):
    verdicts = {r.verdict for r in run(flow_matching)}
    assert verdicts == {"agrees", "not provided"}


@pytest.mark.parametrize("check", [c for c in checks().values() if c.layer == "peers"],
                         ids=lambda c: c.name)  # fmt: skip
def test_the_check_holds(check):
    pytest.importorskip(check.run.__name__)
    assert "agree" in check.run(0).summary
    assert set(check.covers) <= set(equations())


@pytest.mark.parametrize(
    ("adapter", "module"),
    [(peers.Diffusers, "diffusers"), (peers.FlowMatching, "flow_matching.path")],
)
def test_an_absent_library_says_how_to_get_it(adapter, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(NotInstalled, match=r"pip install 'refimpl\[peers\]'"):
        adapter()


class Stub:
    """A library of one function, wrong or right at will."""

    name, version, roundoff, deviations = "stub", "0", 2.0**-53, ()

    def __init__(self, euler, deviations=()):
        self.euler_step = euler
        self.deviations = tuple(deviations)


def right(x, v, t, s):
    return x - (t - s) * v


def backwards(x, v, t, s):
    return x + (t - s) * v


def test_a_check_that_is_not_provided_is_no_failure():
    results = by_check(Stub(right))
    assert results["euler_step_is_the_equation"].verdict == "agrees"
    others = [r for name, r in results.items() if name != "euler_step_is_the_equation"]
    assert {r.verdict for r in others} == {"not provided"}


def test_a_wrong_library_differs():
    assert by_check(Stub(backwards))["euler_step_is_the_equation"].verdict == "differs"
    with pytest.raises(PeerDiffers, match="euler_step_is_the_equation"):
        evidence_of(Stub(backwards))


def test_a_library_that_returns_nan_or_another_shape_differs():
    for broken in (lambda x, v, t, s: x * float("nan"), lambda x, v, t, s: x[0]):
        assert by_check(Stub(broken))["euler_step_is_the_equation"].verdict == "differs"


def declared(variant):
    return [Deviation("euler_step_is_the_equation", "it walks backwards", lambda: variant)]


def test_a_declared_deviation_is_verified_against_its_variant(monkeypatch):
    class Guided(Stub):
        def guidance(self, v_uncond, v_cond, guidance_scale):
            return v_cond + guidance_scale * (v_cond - v_uncond)

        deviations = ()

    check = "guidance_counts_from_the_unconditional"
    adapter = Guided(right)
    result = by_check(adapter)[check]
    assert result.verdict == "differs"
    assert "ω for w" in result.cause
    seen = {}

    def capture(**_):
        return seen["got"]

    adapter.deviations = (Deviation(check, "counts from the conditional", capture),)
    d = {}
    monkeypatch.setattr(adapter, "guidance",
                        lambda u, c, w: d.setdefault("got", c + w * (c - u)))  # fmt: skip
    adapter.guidance(*_fields(), 4.5)
    seen["got"] = d["got"]
    assert by_check(adapter)[check].verdict == "differs by design"
    seen["got"] = d["got"] * 1.001
    result = by_check(adapter)[check]
    assert result.verdict == "differs"
    assert "not that either" in result.cause


def _fields():
    return draw("v_uncond", "v_cond").values()


def test_a_declared_deviation_that_no_longer_differs_is_a_failure():
    result = by_check(Stub(right, declared(None)))["euler_step_is_the_equation"]
    assert result.verdict == "differs"
    assert "remove the declaration" in result.cause


def test_a_deviation_from_an_unknown_check_is_an_error():
    with pytest.raises(ValueError, match=r"unknown checks.*no_such_check"):
        run(Stub(right, [Deviation("no_such_check", "", lambda: None)]))


def test_an_adapter_that_provides_nothing_is_an_error():
    class Empty:
        name, version, roundoff, deviations = "empty", "0", 2.0**-53, ()

    with pytest.raises(ValueError, match="provides none of"):
        run(Empty())


def test_every_check_states_its_fact_and_speaks_for_known_equations():
    for name, check in conformance_checks().items():
        assert check.function.__doc__, name
        assert set(check.covers) <= set(equations()), name
        assert check.needs, name
