"""Runge–Kutta rules other than the declared ones, written out: x_s = x − h Σ b_i k_i.

    OTHER_RULES["Ralston's rule"]   →   the lines of one step

    k_i = field(x − h Σ a_ij k_j, t − c_i h)        c_i = Σ a_ij

A rule is an equation of its table alone: a_ij below the diagonal, and b_i.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .program import Program, written

_TABLES: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]] = {
    "Euler's rule": ((), ("1",)),
    "Heun's rule": ((("1",),), ("1/2", "1/2")),
    "the midpoint rule": ((("1/2",),), ("0", "1")),
    "Ralston's rule": ((("2/3",),), ("1/4", "3/4")),
    "Heun's rule of order 3": ((("1/3",), ("0", "2/3")), ("1/4", "0", "3/4")),
    "Kutta's rule of order 3": ((("1/2",), ("-1", "2")), ("1/6", "2/3", "1/6")),
    "Ralston's rule of order 3": ((("1/2",), ("0", "3/4")), ("2/9", "1/3", "4/9")),
    "the strongly stable rule of order 3":
        ((("1",), ("1/4", "1/4")), ("1/6", "1/6", "2/3")),
    "the classical rule of order 4":
        ((("1/2",), ("0", "1/2"), ("0", "0", "1")), ("1/6", "1/3", "1/3", "1/6")),
    "Kutta's 3/8 rule":
        ((("1/3",), ("-1/3", "1"), ("1", "-1", "1")), ("1/8", "3/8", "3/8", "1/8")),
}  # fmt: skip
"""a_ij below the diagonal, row by row, and b_i."""


def _weighed(weights: Sequence[str]) -> str:
    return " + ".join(f"({w}) * k{j}" for j, w in enumerate(weights, 1) if w != "0")


def rule(name: str) -> Program:
    """One step from x at t, told as x_s."""
    rows, weights = _TABLES[name]
    lines = ["k1 = field(x, t)"]
    for i, row in enumerate(rows, 2):
        lines.append(f"k{i} = field(x - h * ({_weighed(row)}), t - h * ({' + '.join(row)}))")
    lines.append(f"x_s = x - h * ({_weighed(weights)})")
    return written("\n".join(lines), x_s="x_s")


OTHER_RULES = {name: rule(name) for name in _TABLES}
"""One step of each rule, by name."""

TWO_SLOPES = written(
    "k1 = field(x, t)\nk2 = field(x - a21 * h * k1, t - c2 * h)\nx_s = x - h * (b1 * k1 + b2 * k2)",
    x_s="x_s",
)
"""Any rule of two slopes: its four numbers are free."""

OF_TWO_SLOPES = ("a21", "c2", "b1", "b2")


def told(numbers: Sequence[float]) -> str:
    """A rule of two slopes, in words."""
    a, c, b1, b2 = numbers
    return (f"x − h ({_sum((b1, 'k1'), (b2, 'k2'))}) with "
            f"k2 = field({_sum((1, 'x'), (-a, 'h k1'))}, {_sum((1, 't'), (-c, 'h'))})")  # fmt: skip


def _sum(*terms: tuple[float, str]) -> str:
    """Terms with their numbers, as one writes them: nothing for 0, and no 1 before a name."""
    told = ""
    for number, name in terms:
        size = f"{abs(number):.6g}".replace("-", "−")
        one = name if size == "1" else f"{size} {name}"
        sign = "−" if number < 0 else "+"
        if number:
            told += f" {sign} {one}" if told else f"{sign.strip('+')}{one}"
    return told or "0"


@dataclass(frozen=True)
class Freed:
    """The classical rule with some of its numbers free.

    Attributes:
        rule: one step, its free numbers c1, c2, ...
        meant: what they are.
        also: where else a search for them begins.
        told: the rule in words, for its numbers.
    """

    rule: Program
    meant: tuple[float, ...]
    told: Callable[[Sequence[float]], str]
    also: tuple[tuple[float, ...], ...] = ()

    @property
    def starts(self) -> tuple[tuple[float, ...], ...]:
        """Where a search for the numbers begins."""
        return (self.meant, *self.also)

    def named(self, numbers: Sequence[float]) -> dict[str, float]:
        """The numbers by name."""
        return {f"c{k}": x for k, x in enumerate(numbers, 1)}


def _four(lengths: Sequence[str], weights: Sequence[str]) -> Program:
    a, b = lengths, " + ".join(f"{w} * k{k}" for k, w in enumerate(weights, 1))
    return written(
        f"k1 = field(x, t)\nk2 = field(x - {a[0]} * h * k1, t - h / 2)\n"
        f"k3 = field(x - {a[1]} * h * k2, t - h / 2)\nk4 = field(x - {a[2]} * h * k3, s)\n"
        f"x_s = x - h * ({b})", x_s="x_s",
    )  # fmt: skip


def _stages_told(numbers: Sequence[float]) -> str:
    at = ("t − 0.5 h", "t − 0.5 h", "s")
    return ", ".join(f"k{k + 1} = field({_sum((1, 'x'), (-a, f'h k{k}'))}, {when})"
                     for k, (a, when) in enumerate(zip(numbers, at, strict=True), 1))  # fmt: skip


FREED = (
    Freed(_four(("0.5", "0.5", "1"), ("c1", "c2", "c3", "c4")), (1 / 6, 1 / 3, 1 / 3, 1 / 6),
          lambda b: f"x − h ({_sum(*((w, f'k{k}') for k, w in enumerate(b, 1)))})"),
    Freed(_four(("c1", "c2", "c3"), ("1/6", "1/3", "1/3", "1/6")), (0.5, 0.5, 1.0), _stages_told,
          also=((1.0, 1.0, 1.0),)),
)  # fmt: skip
"""The weights of the classical rule, or the lengths to its stages."""
