"""The one edit of a library's own source that makes a claim hold, found within its time."""

import importlib.util
import signal
import sys
import time

import pytest

from refimpl.peers import repair

SOURCE = """
def shifted(x, by):
    n = 0
    while n < by:
        n = n + 1
    return x - n
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library whose sign is wrong; most edits of its counter never come back."""
    file = tmp_path / "strangely.py"
    file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("strangely", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "strangely", module)
    spec.loader.exec_module(module)
    return module


def left(library):
    return float("inf") if library.shifted(10, 3) != 13 else 0.0


def test_the_edit_is_found_although_others_never_end(library, monkeypatch):
    monkeypatch.setattr(repair, "EACH", 0.05)
    before, handler = time.process_time(), signal.getsignal(signal.SIGVTALRM)
    found = repair.repairs([library.shifted], lambda: left(library), seconds=20)
    assert [(r.was, r.now) for r in found] == [("x - n", "x + n")]
    assert time.process_time() - before < 20
    assert library.shifted(10, 3) == 7  # put back
    assert signal.getsignal(signal.SIGVTALRM) is handler
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_one_edit_alone_can_be_tried(library):
    tried = []

    def gap():
        tried.append(library.shifted(10, 3))
        return left(library)

    (found,) = repair.repairs([library.shifted], gap, only="x - n  where  x + n")
    assert (found.was, found.now, tried) == ("x - n", "x + n", [7, 13])
    assert repair.repairs([library.shifted], gap, only="x - n  where  x * n") == ()


def test_a_search_that_has_no_time_says_nothing(library):
    assert repair.repairs([library.shifted], lambda: left(library), seconds=0) == ()
