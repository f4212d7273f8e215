"""Facts about the register: an id is what one types, once, and a mistyped one is helped."""

import inspect
import re

import pytest

from refimpl.equations import equations, find, registry, sde
from refimpl.equations.registry import equation

EVERY = equations()


def test_ids_are_what_one_types():
    for equation_id, entry in EVERY.items():
        topic, name = equation_id.split(".")
        assert entry.id == equation_id
        assert entry.topic == topic
        assert entry.function.__name__ == name
        assert entry.function.__module__ == f"refimpl.equations.{topic}"


def test_the_function_inside_the_validation_is_the_one_that_is_written():
    assert find("sde.drift").function is sde.drift
    body = inspect.unwrap(sde.drift)
    assert body.__code__.co_filename == sde.__file__
    assert body(2.0, 3.0, -2.0) == -4.0  # without validation, whatever g is
    with pytest.raises(ValueError, match=r"^g must be zero or positive, got -2.0$"):
        sde.drift(2.0, 3.0, -2.0)


def test_an_argument_without_a_declaration_is_refused(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTER", {})

    def fact(x):
        """A fact."""

    fact.__module__ = "some.where.topic"
    with pytest.raises(TypeError, match=r"x carries no declaration: annotate it with a word"):
        equation("topic.fact", remark="in words")(fact)


def test_every_equation_has_rows_a_source_and_a_statement():
    for entry in EVERY.values():
        assert entry.rows
        assert all(re.fullmatch(r"[A-Z]+-\d+", row) for row in entry.rows), entry.id
        assert entry.source
        assert len(entry.statement) > 10
        assert entry.statement == inspect.getdoc(entry.function).splitlines()[0]


def test_an_entry_knows_its_line():
    entry = find("sde.drift")
    source = inspect.getsource(sde).splitlines()
    assert source[entry.line - 1].startswith(("@", "def drift"))


def test_a_mistyped_id_is_helped():
    with pytest.raises(
        KeyError, match=r"no equation is called 'sde.drfit'; did you mean .*sde.drift"
    ):
        find("sde.drfit")
    with pytest.raises(KeyError) as caught:
        find("zzzzzzzz")
    assert caught.value.args == ("no equation is called 'zzzzzzzz'",)


def test_help_names_the_three_nearest_and_the_distant_ones_too():
    with pytest.raises(KeyError) as caught:
        find("sde.drfit")
    (message,) = caught.value.args
    assert message.startswith("no equation is called 'sde.drfit'; did you mean sde.drift or ")
    assert message.count(" or ") == 2
    with pytest.raises(KeyError, match=r"; did you mean .*euler"):
        find("step_of_euler")


def test_a_wrong_id_and_a_second_one_are_refused(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTER", {})

    def fact():
        """A fact."""

    fact.__module__ = "some.where.topic"
    note = equation("topic.fact", rows=("X-1",), paper="Eq. 8", remark="in words")
    assert inspect.unwrap(note(fact)) is fact
    assert find("topic.fact").id == "topic.fact"
    assert find("topic.fact").rows == ("X-1",)
    assert find("topic.fact").source == "the paper (arXiv:2505.05470v5), Eq. 8; in words"
    assert find("topic.fact").statement == "A fact."
    with pytest.raises(ValueError, match=r"'topic.fact' is registered twice"):
        note(fact)
    with pytest.raises(ValueError, match=r"'topic.fact', not 'topic.other'"):
        equation("topic.other", remark="in words")(fact)
    find("topic.fact").function.__doc__ = None
    assert find("topic.fact").statement == ""


def test_an_equation_without_a_source_and_one_from_a_place_unread_are_refused():
    with pytest.raises(ValueError, match=r"'topic.fact' says neither where it stands"):
        equation("topic.fact", rows=("X-1",))
    with pytest.raises(ValueError, match=r"'Eq. 99' of the paper is not among the places noted"):
        equation("topic.fact", paper="Eq. 99")
    with pytest.raises(ValueError, match=r"'Eq. 1' of Song et al. 2021 is not among"):
        equation("topic.fact", also=(("song2021", "Eq. 1"),))
    with pytest.raises(ValueError, match="no document is called 'somewhere'"):
        equation("topic.fact", also=(("somewhere", ""),))


def test_sources_come_in_the_order_paper_article_others():
    shown = [s.key for s in find("sde.reverse_drift").sources]
    assert shown == ["paper", "article", "anderson1982", "song2021"]
    assert find("coupling.correlated_velocity_variance").sources == ()


def test_the_register_is_handed_out_as_a_copy():
    equations().clear()
    assert equations() == EVERY
