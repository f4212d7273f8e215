"""Settings hold what their annotations say: nothing is accepted that would fail later, or run."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest

from refimpl.methods import Method
from refimpl.sd3.settings.schedule import Sampling, Training
from refimpl.toy.forward_process import Settings as ForwardProcess
from refimpl.toy.grpo.settings import Settings
from refimpl.toy.training import Plan
from refimpl.typed import typed


@dataclass(frozen=True)
class Small:
    made: int = field(init=False)
    count: int = 1
    rate: float = 1
    word: Literal["a", "b"] | None = None
    pair: tuple[float, float] = (0.0, 1.0)
    row: tuple[int, ...] = ()
    on: bool = False
    plan: Plan | None = None
    free: Any = None

    def __post_init__(self):
        typed(self)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"count": 2.5}, ValueError, r"^count must be a whole number, got 2.5$"),
        ({"count": True}, TypeError, r"^count must be a whole number, got True$"),
        ({"count": "1"}, TypeError, r"^count must be a whole number, got '1'$"),
        ({"count": None}, TypeError, r"^count must be a whole number, got None$"),
        ({"rate": float("inf")}, ValueError, r"^rate must be a finite number, got inf$"),
        ({"rate": False}, TypeError, r"^rate must be a finite number, got False$"),
        ({"rate": 1j}, TypeError, r"^rate must be a finite number, got 1j$"),
        ({"rate": np.ones(2)}, TypeError, r"^rate must be a finite number, got array"),
        ({"word": "c"}, ValueError, r"^word must be 'a' or 'b' or None, got 'c'$"),
        ({"word": 1}, TypeError, r"^word must be 'a' or 'b' or None, got 1$"),
        ({"pair": [0.0, 1.0]}, TypeError, r"^pair must be a tuple of 2, got \[0.0, 1.0\]$"),
        ({"pair": (0.0,)}, TypeError, r"^pair must be a tuple of 2, got \(0.0,\)$"),
        ({"pair": (0.0, "1")}, TypeError, r"^pair must be a tuple of 2, got"),
        ({"row": (1, 2.5)}, TypeError, r"^row must be a tuple, got \(1, 2.5\)$"),
        ({"plan": 3}, TypeError, r"^plan must be Plan or None, got 3$"),
        ({"on": 1}, TypeError, r"^on must be True or False, got 1$"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(changes, error, words):
    with pytest.raises(error, match=words):
        Small(**changes)
    Small(3, 2, "a", (1, 0.5), (1, 2, 3), True, Plan(10), object())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Training(learning_rate="zzz"), "learning_rate must be a finite number, got 'zzz'"),
        (lambda: Training(iterations=float("nan")), "iterations must be a whole number, got nan"),
        (lambda: Sampling(grid="zzz"), "grid must be 'as_shipped' or .*, got 'zzz'"),
        (lambda: Sampling(steps=2.5), "steps must be a whole number, got 2.5"),
        (lambda: Method(limit="zzz"), "limit must be a finite number, got 'zzz'"),
        (lambda: Method(size=1.5), "size must be a whole number, got 1.5"),
        (lambda: Plan(steps=2.5), "steps must be a whole number, got 2.5"),
        (lambda: Plan(steps=2, rate=None), "rate must be a finite number, got None"),
        (lambda: Settings(T=True), "T must be a whole number, got True"),
        (lambda: Settings(method="flow_grpo"), "method must be Method, got 'flow_grpo'"),
        (lambda: ForwardProcess(b="1"), "b must be a finite number, got '1'"),
    ],
)
def test_every_kind_of_settings_is_held_to_its_annotations(make, words):
    with pytest.raises((TypeError, ValueError), match=f"^{words}"):
        make()
