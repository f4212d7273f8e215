"""What may stand in a quantity's place: q is the quantity itself, c a number read off an answer.

    OTHERS["t"]   →   "maximum(q, c)", ..., "s", "(t + s) / 2", "1 - q"

By the names that quantities have where formulas are written out.
"""

LIMITS = ("maximum(q, c)", "minimum(q, c)")

_CAST = ("bfloat16(q)", "float16(q)", "float32(q)")
"""Precision that is lost in one place."""

_LEVEL = (*LIMITS, *_CAST, "clamp(q, c, 1 - c)", "q + c", "sqrt(q)", "q**2", "1 - (1 - q)**2",
          "sqrt(1 - (1 - q)**2)", "sqrt(q**2 + (1 - q)**2)", "q**2 + (1 - q)**2",
          "1000 * q", "q / 1000")  # fmt: skip

_G = (
    "a * sqrt(s / (1 - s))", "a * sqrt((t + s) / (2 - t - s))", "a * t", "a * (1 - t)",
    "a * sqrt(t)", "a * sqrt(1 - t)", "a * sqrt(t * (1 - t))", "a * sqrt((1 - t) / t)",
    "a * (1 - t) / t", "a * sqrt(t) / (1 - t)", "a * t / (1 - t)", "a / (1 - t)",
    "a * t / sqrt(1 - t)", "a / sqrt(1 - t)", "a * t**2", "a * sin(pi * t)", "a * sin(pi * t)**2",
    "a * sin(pi * t / 2)", "a * cos(pi * t / 2)", "a", "sqrt(2 * t)", "sqrt(2 * a * t)",
    "sqrt(2 * t / (1 - t))", "sqrt(2 * a)", "a * exp(-t)", "a * exp(t - 1)",
)  # fmt: skip
"""Noise schedules of samplers and papers."""

_STD = (
    "a * sqrt(t**2 - s**2)", "sqrt(t**2 - s**2)", "a * sqrt(t - s)", "a * (t - s)", "a * t",
    "a * s", "s", "t", "a * s / t * sqrt(t**2 - s**2)",
    "a * sqrt(s * (t - s) / t)", "s / t * sqrt(t**2 - s**2)", "sqrt(h)",
    "sin(a * pi / 2)", "where(s > 0, sin(a * pi / 2), 0)", "t * sin(a * pi / 2)",
    "s * sin(a * pi / 2)**2", "s * sin(a * pi / 2) * sqrt(h)", "s * cos(a * pi / 2)",
    "h", "a * sqrt(h) * t", "a * sqrt(h) * s", "a * sqrt(h) * sqrt(t)", "sqrt(2 * h)",
)  # fmt: skip
"""Widths of a step's noise, with the ancestral samplers' among them."""

_GRID = (
    "1 - q", "q**2", "sqrt(q)", "q**3", "1 - (1 - q)**2", "1 - cos(pi * q / 2)",
    "(1 - cos(pi * q)) / 2", "sin(pi * q / 2)", "sin(pi * q / 2)**2", "tan(pi * q / 4)",
    "4 / pi * arctan(q)", "floor(1000 * q) / 1000", "floor(999 * q) / 1000", "floor(999 * q) / 999",
    "rint(1000 * q) / 1000", "rint(999 * q) / 999", "rint(999 * q) / 1000",
    "(1 + floor(999 * q)) / 1000", "q**c", "1 - (1 - q)**c", "q / (q + c * (1 - q))",
    "q / (c + (1 - c) * q)", "c * q", "q + c * (1 - q)", "log(1 + c * q) / log(1 + c)",
    "(exp(c * q) - 1) / (exp(c) - 1)", "1 / (1 + (1 / q - 1)**c)",
    "q + c * (q**2 - q)", "q + c * (1 - 2 * q)", "1 / (1 + exp(-c * (2 * q - 1)))",
    "(1 + tanh(c * (2 * q - 1)) / tanh(c)) / 2", "tan(c * q) / tan(c)",
    "(steps - k) / (steps + 1)", "1 - k / (steps + 1)", "1 - k / (steps - 1)",
    "1 - (k + 1) / steps",
    "1 - (k + 1 / 2) / steps", "1 - k / (steps + 1 / 2)",
)  # fmt: skip
"""Grids as functions of what falls evenly from 1 to 0."""

_ROUNDED = ("rint(1000 * q) / 1000", "floor(1000 * q) / 1000", "rint(100 * q) / 100",
            "rint(10000 * q) / 10000", "ceil(1000 * q) / 1000", "c * q", "q + c",
            *LIMITS)  # fmt: skip
"""Levels that were rounded, scaled or held once they were made."""

_NETWORK_TIME = (
    "log(t)", "log(t) / 4", "250 * log(t)", "log(t / (1 - t))", "log(t / (1 - t)) / 4",
    "t / (1 - t)", "1000 * t / (1 - t)", "2 * t - 1", "1 + 999 * t", "999 * t", "1 - t",
    "1 + 1000 * (1 - t)", "1000 * (1 - t)", "999 * (1 - t)", "sqrt(t)", "1000 * sqrt(t)", "t**2",
    "rint(999 * t)",
    "bfloat16(t)", "float16(t)", "1000 * bfloat16(t)", "bfloat16(1000 * t)", "float16(1000 * t)",
    "floor(999 * t)", "ceil(1000 * t)", "10 * rint(100 * t)", "10 * floor(100 * t)",
    "floor(1000 * t) + 1", "c * q", "q + c", *LIMITS,
)  # fmt: skip
"""What networks are told for a level."""

_BY_STEP = ("q * (1 - k / n)", "q * sqrt(1 - k / n)", "q * k / n", "q * (k + 1) / n",
            "q * (1 - (k + 1) / n)", "q * (1 - t)", "q * (1 - s)", "q * t", "q * s",
            "q * sqrt(t)", "q * sqrt(1 - t)")  # fmt: skip
"""Noise that grows or cools along a chain of n steps, or with the level."""


_AT_SOME = ("where(k < n - 2, q, 0)", "where(k < n - 3, q, 0)", "where(k > 0, q, 0)",
            "where(k > 1, q, 0)")  # fmt: skip
"""Noise at some of the n steps alone, counted from 0."""


def _scaled(forms: tuple[str, ...]) -> tuple[str, ...]:
    """The same times a number; each once, whatever constant it has."""
    return tuple(f"c * {form}" for form in forms if form.startswith("a *"))


OTHERS: dict[str, tuple[str, ...]] = {
    "t": (*_LEVEL, "s", "(t + s) / 2", "1 - t"),
    "s": (*_LEVEL, "t", "(t + s) / 2", "1 - s"),
    "h": (*LIMITS, *_CAST, "q + c", "c", "t", "s"),
    "g": (*LIMITS, *_CAST, "q + c", "c", *_BY_STEP, *_G, *_scaled(_G)),
    "std": (
        *LIMITS, *_CAST, "q + c", "c", *_STD, *(f"{form} * sqrt(h)" for form in _G), *_scaled(_STD)
    ),
    "noise": (*_BY_STEP, *_AT_SOME),
    "x": ("q - h * k1", "q + h * k1"),
    "shift": ("c",),
    "u": _GRID,
    "level": _ROUNDED,
    "tau": _NETWORK_TIME,
}  # fmt: skip
"""By the name that a quantity has where formulas are written out."""

CLOCKS = ("q**2", "sqrt(q)", "3 * q**2 - 2 * q**3", "1 - cos(pi * q / 2)", "sin(pi * q / 2)",
          "c * q / (1 + (c - 1) * q)", "q**c", "c * q", "q + c * (1 - q)", "clamp(q, c, 1 - c)",
          *LIMITS)  # fmt: skip
"""What may become of both ends of a step, and of its length with them: levels shifted again, ..."""
