"""A quantity that became something else on its way: held, squashed, normalised, its sign alone.

    it computes  clamp(v, −1, 1)  where  v  is meant
    it computes  log(t/s)  where  t − s  is meant
    it computes  (x − clamp(x − t v, −1, 1))/t  where  v  is meant

Any line's quantity, and any number that a formula begins with, in all its places. Where a limit
stands, it is read off an answer; see `limits`.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..formulas.program import Env, Line, Program, line, parsed
from .lines import renamed
from .programs import Edit

FREE = "c"
"""What a limit is called."""

STANDARD = tuple(
    f"(q - {mean}(q)) / {spread}(q)"
    for mean, spreads in (
        ("average_of", ("std_of", "unbiased_std_of")),
        ("mean_of_all", ("std_of_all", "unbiased_std_of_all")),
    ) for spread in spreads
)  # fmt: skip
"""A quantity of mean 0 and variance 1: in each sample, or over all of them."""

OF_SAMPLES = ("q / norm(q)", "q / rms(q)", "q / std_of(q)", "q / unbiased_std_of(q)",
              "q - average_of(q)", *STANDARD, "q - mean_of_all(q)",
              "q - mean_over_samples(q)", "mirrored(q)", "q * norm(x) / norm(q)",
              "q * norm(v) / norm(q)", "q * minimum(1, 1 / norm(q))")  # fmt: skip
"""What a sample, or a batch of them, may become."""

PLAIN = ("sign(q)", "abs(q)", "tanh(q)", "minimum(q, 1)", "clamp(q, -1, 1)", *OF_SAMPLES)
"""What a quantity may become, with no number in it; norms and averages are a sample's, unless they
are said to be of all. What is held at 1 stands beside the sign and the unit vector that it would
be taken for, where nothing lies below 1.
"""

HELD_SAMPLE = "q * minimum(1, c / norm(q))"

OFFSET = "q + c * average_of(q)"
"""A sample with a share of its own average added, as offset noise has it."""

HELD = ("clamp(q, -c, c)", "maximum(q, c)", "minimum(q, c)", "c * tanh(q / c)", HELD_SAMPLE, OFFSET,
        "c * q", "q + c")  # fmt: skip
"""What it may become with a limit c."""

HELD_FORMS = ("clamp", "maximum", "minimum", "c * tanh", HELD_SAMPLE)
"""How the forms begin that hold a quantity."""

OF_DATA = "(x - clamp(x - t * q, -c, c)) / t"
OF_NOISE = "(clamp(x + (1 - t) * q, -c, c) - x) / (1 - t)"
"""A velocity whose predicted data, or predicted noise, is held."""

_HELD_IN = {OF_DATA: "x - t * q", OF_NOISE: "x + (1 - t) * q"}
"""What is held, where it is not the quantity itself."""

THRESHOLDS = tuple(f"(x - thresholded(x - t * q, {p})) / t" for p in (0.9, 0.95, 0.99, 0.995))
"""A velocity whose predicted data are held at a quantile of theirs, and divided by it."""

LENGTHS = (
    "log(t / s)", "t * log(t / s)", "log(t * (1 - s) / (s * (1 - t)))",
    "log(t * (1 - s) / (s * (1 - t))) / 2", "t**2 - s**2", "(t**2 - s**2) / 2", "(t - s) / t",
    "(t - s) / s", "1 / s - 1 / t", "sqrt(t) - sqrt(s)", "sqrt(t**2 - s**2)",
    "log((1 - s) / (1 - t))", "(t - s) * (1 + (t - s) / 2)", "exp(t - s) - 1", "1 - exp(s - t)",
)  # fmt: skip
"""Lengths of a step for t − s: in log t, in the log signal-to-noise ratio, in t², in √t, ..."""

_LEVELS = ("t", "s", "h", "a", "eps", "n", "prompts")


@dataclass(frozen=True)
class Remade:
    """Lines in which a quantity became something else.

    Attributes:
        edits: the lines that are meant, and what they became; a limit in them is named `FREE`.
        form: the template.
        held: what the limit holds.
        told: the edits as they are told, where they are the same thing in several lines.
    """

    edits: tuple[Edit, ...]
    form: str
    held: Line
    told: tuple[Edit, ...] = ()

    @property
    def free(self) -> bool:
        """Whether it has a limit."""
        return any(FREE in edit.now.uses for edit in self.edits)

    @property
    def lines(self) -> dict[int, Line]:
        """What its lines became, each by its place."""
        return {edit.place: edit.now for edit in self.edits}

    def at(self, limit: float) -> "Remade":
        """The same with its limit written in."""
        made = (tuple(_with(edit, limit) for edit in row) for row in (self.edits, self.told))
        edits, told = made
        return Remade(edits, self.form, self.held, told)

    def of(self, program: Program) -> Program:
        """The program with these lines."""
        for place, now in self.lines.items():
            program = program.changed(place, now)
        return program


def _with(edit: Edit, limit: float) -> Edit:
    now = renamed(edit.now.expression, FREE, ast.Constant(limit))
    return Edit(edit.place, edit.was, line(edit.now.name, now))


def opened(program: Program, known: Env) -> Program:
    """The program with a line `v = v` in front for every number that it begins with, and h."""
    own = {row.name for row in program.lines}
    used = {name for row in program.lines for name in row.uses}
    given = [n for n in sorted(used - own - set(_LEVELS)) if np.ndim(known.get(n, 0.0)) > 0]
    rows = [parsed(n, n) for n in given]
    if {"h", "t", "s"} <= set(known) and "h" in used - own:
        rows.append(parsed("h", "t - s"))
    return Program((*rows, *program.lines), program.parts, program.finish)


def remade(program: Program, known: Env, places: Sequence[int]) -> Iterator[Remade]:
    """Everything that the quantities of these lines may have become."""
    for k in places:
        row = program.lines[k]
        for form, expression in _others(row, known):
            held = parsed(row.name, _HELD_IN.get(form, "q").replace("q", row.name))
            yield Remade((Edit(k, row, line(row.name, expression)),), form, held)


def _others(row: Line, known: Env) -> Iterator[tuple[str, ast.expr]]:
    q = row.expression
    if row.name == "h":
        yield from ((form, template(form)) for form in LENGTHS)
        return
    if "h" in row.uses and {"t", "s"} <= set(known):
        yield from ((form, renamed(q, "h", template(form))) for form in LENGTHS)
    if np.ndim(known.get(row.name, 0.0)) == 0:
        return
    for form in forms_of(row.name, known):
        yield form, renamed(template(form), "q", q)
    if row.name in ("v", "k1") and {"x", "t"} <= set(known):
        for form in (OF_DATA, OF_NOISE, *THRESHOLDS):
            yield form, renamed(template(form), "q", q)


def forms_of(name: str, known: Env) -> Iterator[str]:
    """The forms that a quantity of its shape may take."""
    of_sample, others = np.ndim(known[name]) > 1, set(known) - {name}
    for form in (*PLAIN, *HELD):
        known_all = parsed("q", form).uses - {"q", FREE} <= others
        if known_all and (of_sample or form not in (*OF_SAMPLES, HELD_SAMPLE, OFFSET)):
            yield form


@lru_cache(maxsize=256)
def template(source: str) -> ast.expr:
    """The expression of a form."""
    return ast.parse(source, mode="eval").body
