"""Declarations: what a signature says, once, and what follows from it."""

from typing import Annotated

import pytest
from strategies import of

from refimpl.equations import equations, find
from refimpl.equations.arguments import (
    Argument,
    Level,
    Mean,
    Velocity,
    declaration,
    declared,
    structure,
    table,
)
from refimpl.equations.domain import POSITIVE, POSITIVE_LEVEL, REAL
from refimpl.evidence.calls import flat_arguments
from refimpl.evidence.inputs import inputs, reduces
from refimpl.evidence.lattices import lattice


@pytest.mark.parametrize("equation_id", equations())
def test_every_argument_says_what_it_is_and_where_it_may_lie(equation_id):
    places = find(equation_id).places
    assert places
    for place in places:
        assert len(place.argument.meaning) > 3, place.name
        assert place.argument.domain.words
        assert "{" not in place.argument.meaning
    assert len({place.name for place in places}) == len(places)


def test_a_table_of_arguments_leaves_out_what_is_not_used():
    assert table(find("conversions.score_from_noise").places) == [
        (r"\sigma_t", "sigma", "σ_t, the scale of the noise", "> 0", "sample"),
        (r"\mathrm{noise}", "noise", "a draw of N(0, I)", "real", "coordinate"),
    ]


def test_a_declaration_is_refined_where_it_is_used():
    level = declaration("t", Annotated[Level, POSITIVE_LEVEL])
    assert (level.domain, level.letter, level.per) == (POSITIVE_LEVEL, "t", "sample")
    mean = declaration("mean", Annotated[Mean, "the new policy's mean"])
    assert (mean.meaning, mean.own, mean.domain) == ("the new policy's mean", True, REAL)
    both = declaration("x", Annotated[Mean, POSITIVE, "a mean above zero"])
    assert (both.domain, both.meaning) == (POSITIVE, "a mean above zero")
    with pytest.raises(TypeError, match=r"refined by a domain or by words, not by 3$"):
        declaration("x", Annotated[Mean, 3])
    with pytest.raises(TypeError, match=r"^x carries no declaration"):
        declaration("x", float)


def test_fields_of_laws_are_called_after_them():
    names = [(p.name, p.shown) for p in find("kl.gaussian").places]
    assert names == [(n, n) for n in ("p_mean", "p_std", "q_mean", "q_std")]
    alone = [(p.name, p.shown) for p in find("tilting.linear").places]
    assert alone[:2] == [("p_mean", "mean"), ("p_std", "std")]
    meanings = find("coupling.gaussian_map").arguments
    assert meanings["data_law_std"].meaning == "the standard deviation of the data"


def test_a_class_without_declared_fields_is_no_structure():
    with pytest.raises(TypeError, match=r"^size carries no declaration"):

        @structure()
        class Box:
            size: float

    def function(box: Argument) -> float: ...

    with pytest.raises(TypeError, match=r"^box carries no declaration"):
        declared(function)


@pytest.mark.parametrize("equation_id", [id for id in equations() if not reduces(id)])
def test_inputs_and_strategies_lie_where_the_declarations_say(equation_id):
    for name, argument in flat_arguments(equation_id).items():
        for case in inputs(equation_id):
            values = case[name]
            low, high = (values, values) if isinstance(values, (int, float)) else (
                values.min(), values.max()
            )  # fmt: skip
            for test in argument.domain.tests:
                test.check(name, (low, high))


def test_a_domain_without_a_lattice_is_an_error():
    with pytest.raises(KeyError, match="count"):
        lattice(find("dynamics.euler_on_linear").arguments["steps"])
    with pytest.raises(KeyError, match="choice"):
        of(Annotated[Velocity, find("grpo.advantage").arguments["std"].domain])
