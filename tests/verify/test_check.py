"""What a check covers is what it called: noted while it runs, and held against its list."""

import pytest

from refimpl.equations import paths, sde
from refimpl.equations.watching import WATCHERS, watched
from refimpl.verify import check as register
from refimpl.verify.check import LAYERS, Evidence, NeverCalled, check


@pytest.fixture
def empty_register(monkeypatch):
    monkeypatch.setattr(register, "CHECKS", {})


def drifts(seed):
    """It calls one equation."""
    sde.drift(1.0, 2.0, 0.5)
    return Evidence("drifted")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_check_that_never_calls_what_it_covers_fails(empty_register, layer):
    run = check(layer, covers=("sde.drift", "kl.k3"))(drifts)
    with pytest.raises(NeverCalled, match=rf"{layer}\.drifts covers kl\.k3 and never calls it"):
        run(0)


def test_what_was_called_is_kept_with_the_evidence(empty_register):
    assert check("numbers", covers=("sde.drift",))(drifts)(0).called == ("sde.drift",)


def test_equations_that_others_call_are_noted_too():
    with watched() as called:
        sde.transition(paths.linear(0.75), 1.0, 2.0, 0.5, sde.Step(0.75, 0.5))
    inner = {"conversions.score_from_velocity", "sde.drift", "sde.euler_maruyama"}
    assert called == {"paths.linear", "sde.transition"} | inner


def test_watching_ends_with_its_block_and_nests():
    with watched() as outer:
        with watched() as inner:
            sde.drift(1.0, 2.0, 0.5)
        sde.reverse_drift(1.0, 2.0, 0.5)
    sde.forward_drift(1.0, 2.0, 0.5)
    assert (inner, outer) == ({"sde.drift"}, {"sde.drift", "sde.reverse_drift"})
    assert WATCHERS == []
