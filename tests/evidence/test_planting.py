"""A planted mistake runs wherever the equation did, whatever else the modules hold."""

import sys
import types

import pytest

from refimpl.equations import find, sde
from refimpl.evidence.mistakes import mistakes
from refimpl.evidence.planting import plant


@pytest.fixture
def neighbour(monkeypatch):
    """A module of the package that keeps the equation as a default, and the type of functions."""
    module = types.ModuleType("refimpl.neighbour")

    def keeps(*, drift=sde.drift):
        return drift

    module.keeps = keeps
    module.FunctionType = types.FunctionType
    monkeypatch.setitem(sys.modules, "refimpl.neighbour", module)
    return module


def test_the_wrong_formula_is_everywhere_and_leaves_no_trace(neighbour):
    right = sde.drift
    mistake = mistakes("sde.drift")[0]
    with plant(mistake):
        assert sde.drift is not right
        assert neighbour.keeps() is sde.drift
        assert find("sde.drift").function is sde.drift
    assert sde.drift is right
    assert neighbour.keeps() is right
    assert find("sde.drift").function is right
