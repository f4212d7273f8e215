"""Planting: each named mistake, put in the register in place of the truth, is found and named."""

from dataclasses import replace

import pytest

from refimpl.conformance import Mismatch, Mistake, mistakes
from refimpl.equations import equations, find, registry
from refimpl.verify.layers import checks
from refimpl.verify.numbers import second_routes

NUMBERS = [c for c in checks().values() if c.layer == "numbers"]


def plant(monkeypatch: pytest.MonkeyPatch, mistake: Mistake) -> None:
    planted = replace(find(mistake.equation), function=mistake.wrong)
    monkeypatch.setitem(registry._REGISTER, mistake.equation, planted)


def second_route_check(equation_id: str):
    """The check of the topic: it alone calls the function through the register."""
    (check,) = [
        c for c in NUMBERS if equation_id in c.covers and c.run.__module__ == second_routes.__name__
    ]
    return check


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda m: m.title)
def test_a_planted_mistake_is_found_and_named(mistake, monkeypatch):
    plant(monkeypatch, mistake)
    with pytest.raises(Mismatch) as caught:
        second_route_check(mistake.equation).run(0)
    assert caught.value.equation == mistake.equation
    assert caught.value.looks_like == (mistake.name,)
    assert mistake.name in str(caught.value)
    assert mistake.remedy in str(caught.value)


@pytest.mark.parametrize("equation_id", equations())
def test_a_planted_mistake_is_named_on_other_numbers_too(equation_id):
    for mistake in mistakes(equation_id):
        with pytest.MonkeyPatch.context() as patch:
            plant(patch, mistake)
            with pytest.raises(Mismatch) as caught:
                second_routes.agree(equation_id, seed=1)
        assert mistake.name in caught.value.looks_like


def test_the_truth_is_not_found_guilty():
    for equation_id in equations():
        second_routes.agree(equation_id, seed=0)


def test_every_equation_has_a_named_mistake():
    assert set(equations()) == {m.equation for m in mistakes()}


def test_no_two_mistakes_of_an_equation_share_a_name():
    titles = [m.title for m in mistakes()]
    assert len(titles) == len(set(titles))


def test_a_mistake_has_the_signature_of_its_equation():
    import inspect

    for mistake in mistakes():
        true = inspect.signature(find(mistake.equation).function).parameters
        assert list(inspect.signature(mistake.wrong).parameters) == list(true), mistake.title


def test_every_mistake_says_what_is_wrong_and_what_to_do():
    for mistake in mistakes():
        assert mistake.what.endswith("."), mistake.title
        assert mistake.seen_in, mistake.title
        assert mistake.remedy, mistake.title
