"""Calls held to annotations: what passes, what is refused, and in which words."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from refimpl.typed import held

TWO = torch.ones(2, dtype=torch.float64)


@held
def called(
    x: Float[Tensor, "n d"] | None = None,
    mean: Float64[Tensor, " d"] | float = 0.0,
    *,
    many: Float[Tensor, "n ... d"] | None = None,
    truth: Bool[Tensor, " n"] | None = None,
    any: Tensor | None = None,
    count: int = 1,
    word: str = "a",
    row: Sequence[float] = (),
    each: Iterable[int] = (),
    table: Mapping[str, float] = {},
    rule: Callable[[float], float] = abs,
    later: "Tensor | None" = None,
    free=None,
    **more: int,
):
    """What was given."""
    return x


def test_a_right_call_comes_through_with_its_name():
    x = torch.zeros(3, 2)
    assert called(x) is x
    assert called.__name__ == "called"
    assert called.__doc__ == "What was given."
    double = torch.zeros(3, 2, dtype=torch.float64)
    called(double, TWO, many=torch.zeros(3, 5, 7, 2).double(), truth=torch.ones(3) > 0)
    called(any=torch.zeros(1, 1, 1), row=np.ones(3), each={1}, table={"a": 1.0}, rule=float)
    called(row=torch.ones(3), each=(n for n in (1, 2)), later=3, free=object(), other="x")
    called(mean=np.float64(2), row=[1, 2.5], count=2**40)
    called(many=torch.zeros(3, 2))


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"x": None, "mean": "1"}, TypeError, r"mean must be a tensor \(d,\) of float64 numbers "
         "or a finite number, got '1'"),
        ({"x": 1.0}, ValueError, r"x must be a tensor \(n, d\) of real numbers or None, got 1.0"),
        ({"x": torch.zeros(2)}, ValueError,
         r"x must be a tensor \(n, d\) of real numbers, got shape \(2,\)"),
        ({"x": torch.zeros(3, 2).double(), "mean": torch.ones(3).double()}, ValueError,
         r"mean must be a tensor \(d,\) of float64 numbers with d = 2, got shape \(3,\)"),
        ({"x": torch.zeros(3, 2), "mean": TWO}, TypeError,
         "mean must be torch.float32 as x is, got torch.float64"),
        ({"mean": torch.ones(2)}, TypeError, r"mean must be a tensor \(d,\) of float64 numbers, "
         "got torch.float32 in layout torch.strided"),
        ({"many": torch.zeros(3)}, ValueError, r"many must be a tensor \(n, ..., d\) of real "
         r"numbers, got shape \(3,\)"),
        ({"x": torch.zeros(3, 2), "many": torch.zeros(3, 1, 4)}, ValueError,
         r"many must be .* with n = 3, d = 2, got shape \(3, 1, 4\)"),
        ({"truth": torch.ones(3)}, TypeError, r"truth must be a tensor \(n,\) of truth values, "),
        ({"x": torch.eye(2).to_sparse()}, TypeError, "x must be .* in layout torch.sparse_coo"),
        ({"any": torch.ones(2, dtype=torch.int64)}, TypeError, "any must be .* got torch.int64"),
        ({"any": torch.ones(2).to(torch.float8_e5m2)}, TypeError, "any must be .* torch.float8"),
        ({"any": torch.tensor([1.0, torch.nan])}, ValueError, "any must be finite, it holds NaN"),
        ({"any": torch.tensor([torch.inf, 1.0])}, ValueError, "any must be finite"),
        ({"any": torch.tensor([1.0, -torch.inf]).half()}, ValueError, "any must be finite"),
        ({"count": True}, TypeError, "count must be a whole number, got True"),
        ({"count": 2.0}, ValueError, "count must be a whole number, got 2.0"),
        ({"count": 10**400}, TypeError, r"count must be a whole number, got 1000\d+\.\.\.\d+"),
        ({"mean": 10**400}, TypeError, "mean must be .* a finite number, got 10000"),
        ({"mean": float("nan")}, ValueError, "mean must be .* a finite number, got nan"),
        ({"mean": float("-inf")}, ValueError, "mean must be .* a finite number, got -inf"),
        ({"mean": np.float32(1)}, TypeError, r"mean must be .*, got np.float32\(1.0\)"),
        ({"word": b"a"}, TypeError, "word must be text, got b'a'"),
        ({"row": "12"}, TypeError, "row must be a sequence of numbers, got '12'"),
        ({"row": [True]}, TypeError, r"row must be a sequence of numbers, got \[True\]"),
        ({"row": np.ones((1, 1))}, TypeError, "row must be a sequence of numbers, got array"),
        ({"row": np.ones(1, int)}, TypeError, "row must be a sequence of numbers, got array"),
        ({"row": torch.ones(1, 1)}, TypeError, "row must be a sequence of numbers, got tensor"),
        ({"row": torch.ones(1, dtype=torch.int64)}, TypeError, "row must be a sequence of numbers"),
        ({"row": torch.ones(1, requires_grad=True)}, TypeError, "row must be a sequence"),
        ({"row": torch.ones(1).to_sparse()}, TypeError, "row must be a sequence"),
        ({"row": torch.ones(1).to(torch.float8_e5m2)}, TypeError, "row must be a sequence"),
        ({"each": "12"}, TypeError, "each must be a sequence, got '12'"),
        ({"each": np.array(1)}, TypeError, r"each must be a sequence, got array\(1\)"),
        ({"table": [1]}, TypeError, r"table must be a mapping, got \[1\]"),
        ({"rule": 1}, TypeError, "rule must be a function, got 1"),
    ],
)  # fmt: skip
def test_what_is_not_as_declared_is_refused_by_name(given, error, words):
    with pytest.raises(error, match=f"^{words}") as refused:
        called(**given)
    assert "\n" not in str(refused.value)


def test_pythons_own_words_stay_for_arguments_that_are_missing_or_too_many():
    @held
    def needs(x: float):
        return x

    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'x'"):
        needs()
    with pytest.raises(TypeError, match=r"takes 1 positional argument but 2 were given"):
        needs(1.0, 2.0)


def test_methods_are_held_like_functions():
    class Thing:
        @held
        def double(self, t: float):
            return 2 * t

    assert Thing().double(1.5) == 3.0
    with pytest.raises(TypeError, match="t must be a finite number, got None"):
        Thing().double(None)
