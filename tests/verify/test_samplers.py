"""The samplers layer: deterministic checks that hold, and refute planted mistakes."""

import pytest

from refimpl.equations import equations, sde
from refimpl.equations.gaussian import Gaussian
from refimpl.verify.layers import checks

SAMPLERS = [c for c in checks().values() if c.layer == "samplers"]


@pytest.mark.parametrize("check", SAMPLERS, ids=lambda c: c.name)
def test_the_check_holds(check):
    evidence = check.run(0)
    assert evidence.summary
    assert all(isinstance(x, float) for x in evidence.figures.values())
    assert all(
        picture.svg(title).startswith("<svg") for title, picture in evidence.pictures.items()
    )


def test_every_check_covers_known_equations_and_states_its_fact():
    assert SAMPLERS
    for check in SAMPLERS:
        assert set(check.covers) <= set(equations()), check.name
        assert check.statement.endswith("."), check.name


def right(c, x, v, g, step):
    return _transition(c, x, v, g, step)


_transition = sde.transition
PLANTED = {
    "the std without √h": lambda c, x, v, g, step: Gaussian(right(c, x, v, g, step).mean, g),
    "no correction": lambda c, x, v, g, step: Gaussian(x - step.h * v, right(c, x, v, g, step).std),
    "a velocity off by 1 %": lambda c, x, v, g, step: right(c, x, 1.01 * v, g, step),
}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize(
    "check",
    [
        "gaussian_chain_has_its_golden_law",
        "one_step_overshoots_by_a_known_variance",
        "grids_and_steps_have_their_golden_numbers",
    ],
)
def test_a_planted_mistake_is_refuted(monkeypatch, name, check):
    monkeypatch.setattr(sde, "transition", PLANTED[name])
    with pytest.raises(AssertionError):
        checks()[f"samplers.{check}"].run(0)


def test_euler_is_told_from_a_chain_with_noise(monkeypatch):
    monkeypatch.setattr(sde, "transition", lambda c, x, v, g, step: right(c, x, v, 1e-6, step))
    with pytest.raises(AssertionError, match="not Euler"):
        checks()["samplers.without_noise_the_chain_is_euler"].run(0)
