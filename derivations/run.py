"""Prove everything: each derivation on the function that runs, then on its wrong neighbours.

A proof holds when every equality is PROVED, every production function was in fact called, and every
neighbour is REFUTED by a witness (or listed as equivalent, with its reason). What a page may print
as proved is read off here, never typed.
"""

import argparse
import ast
import functools
import hashlib
import importlib
import inspect
import pkgutil
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

import derivations as package
from refimpl.equations import equations

from .engine import read_back
from .engine.algebra.decide import Decision, Verdict
from .engine.controls import Neighbour, neighbours
from .engine.derivation import Derivation, derivations
from .engine.independence import bent
from .engine.reading import Reading, faults, read
from .engine.written import (
    SPACES,
    Chain,
    Line,
    Node,
    glance,
    handed,
    pairs,
    settle,
    taken_at,
)


@dataclass(frozen=True)
class Step:
    """One equality as it was decided."""

    reason: str
    left_latex: str
    right_latex: str
    verdict: str
    method: str
    witness: str


@dataclass(frozen=True)
class Control:
    """One wrong neighbour and what became of it."""

    equation: str
    description: str
    source: str
    verdict: str
    reason: str
    witness: str
    equivalent_because: str | None

    @property
    def holds(self) -> bool:
        """Refuted, or known to be equivalent."""
        return self.verdict == Verdict.REFUTED or self.equivalent_because is not None


@dataclass(frozen=True)
class Proof:
    """What came of one derivation.

    Attributes:
        id: the derivation's name.
        of: the equations whose functions it was handed.
        special: arguments shown for named values only, with what these are.
        pinned: arguments shown for special values only though nothing says so.
        failed: what stopped the proof, in one line; empty if nothing did.
        called: those of them that it called.
        uses: equations that the proof or the functions lean on.
        hash: of the sources of the functions and of the derivation.
    """

    id: str
    of: tuple[str, ...]
    rows: tuple[str, ...]
    title: str
    lecture: str
    assumptions: tuple[str, ...]
    steps: tuple[Step, ...]
    chains: tuple[Reading, ...]
    controls: tuple[Control, ...]
    special: tuple[tuple[str, str], ...]
    pinned: tuple[str, ...]
    failed: str
    called: tuple[str, ...]
    uses: tuple[str, ...]
    hash: str
    seconds: float

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that keeps this from being a proof; empty when it is one."""
        if self.failed:
            return (self.failed,)
        found = [f"{i} is never called by its proof" for i in self.of if i not in self.called]
        refuted = {c.equation for c in self.controls if c.verdict == Verdict.REFUTED}
        found += [f"{i} has no refuted control" for i in self.of if i not in refuted]
        found += [f"{i} is shown for special values only" for i in self.pinned]
        if not self.steps:
            found.append("no equality was shown")
        found += [fault for id in self.of for fault in read_back.problems(id)]
        found += [fault for chain in self.chains for fault in faults(chain)]
        shown = {id for chain in self.chains for id in chain.codes}
        found += [f"{i} stands in no line of its proof" for i in self.of if i not in shown]
        found += [
            f"{s.verdict}: {s.reason}{f' ({s.witness})' if s.witness else ''}"
            for s in self.steps
            if s.verdict != Verdict.PROVED
        ]
        found += [
            f"control not refuted ({c.verdict}): {c.description} in `{c.source}`"
            for c in self.controls
            if not c.holds
        ]
        return tuple(found)

    @property
    def proved(self) -> bool:
        """Whether every equality is proved and every control is settled."""
        return not self.problems


def load() -> dict[str, Derivation]:
    """Import every module of proofs; return the derivations in the order of the text."""
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg and module.name not in ("run", "certify"):
            importlib.import_module(f"{package.__name__}.{module.name}")
    order = list(equations())
    found = derivations()
    return dict(
        sorted(found.items(), key=lambda kv: order.index(kv[0]) if kv[0] in order else len(order))
    )


def prove_all(only: str | None = None) -> dict[str, Proof]:
    """Run every derivation, or those whose id starts with `only`."""
    return {
        id: prove(d)
        for id, d in load().items()
        if only is None or id.startswith(only) or any(o.startswith(only) for o in d.of)
    }


def prove(d: Derivation) -> Proof:
    """Run one derivation on production, then on every neighbour of every function it is handed."""
    start = time.perf_counter()
    for space in SPACES.values():
        space.memory.clear()
    found = _Found()
    try:
        _prove(d, found)
    except (ValueError, TypeError, ArithmeticError, AttributeError, NotImplementedError) as error:
        told = " ".join(str(error).split())[:200]
        found.failed = f"UNDECIDED: {type(error).__name__}: {told}"
    return Proof(
        d.id,
        d.of,
        d.rows,
        d.title,
        d.lecture,
        d.assumes,
        tuple(found.steps),
        tuple(found.chains),
        tuple(found.controls),
        tuple(d.special.items()),
        tuple(found.pinned),
        found.failed,
        tuple(id for id in d.of if id in found.called),
        tuple(sorted((_leans_on(d, d.productions()) | found.shown) - set(d.of))),
        _hash(d, d.productions()),
        time.perf_counter() - start,
    )


@dataclass
class _Found:
    """What comes up while a derivation is run."""

    called: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    chains: list[Reading] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)
    known: set[Any] = field(default_factory=set)
    taken_at: set[sp.Expr] = field(default_factory=set)
    failed: str = ""

    @property
    def shown(self) -> set[str]:
        """The ids of the functions whose values stand in lines."""
        return {id for reading in self.chains for id in reading.codes}


def _prove(d: Derivation, found: _Found) -> None:
    watched = [_watched(f, id, found.called) for f, id in zip(d.productions(), d.of, strict=True)]
    with handed(dict(zip(d.of, watched, strict=True))):
        for line in d.lines(*watched):
            made, reading = _walk(line, found.known)
            found.steps += made
            found.chains.append(reading)
            found.taken_at |= taken_at(line)
    for i, function in enumerate(d.productions()):
        for neighbour in neighbours(function):
            found.controls.append(_control(d, watched, i, neighbour, found.known))
    values = frozenset(found.taken_at)
    for i, id in enumerate(d.of):
        if id != d.id and id in derivations():
            continue  # its own derivation shows it for every argument
        for name, neighbour in bent(id, watched[i], values):
            if name in d.special or f"{id}.{name}" in d.special:
                continue
            control = _control(d, watched, i, neighbour, found.known)
            if control.verdict != Verdict.REFUTED:
                found.pinned.append(f"{id}, {neighbour.change.removesuffix(' special only')}")


def refutes(d: Derivation, equation_id: str, wrong: Callable[..., Any]) -> bool:
    """Whether a line of the derivation is refuted with a wrong formula in place of the equation."""
    productions = [_watched(f, id, set()) for f, id in zip(d.productions(), d.of, strict=True)]
    planted = Neighbour(change="planted", source="", function=wrong)
    control = _control(d, productions, d.of.index(equation_id), planted, set())
    return control.verdict == Verdict.REFUTED


def _step(reason: str, left: str, right: str, decision: Decision) -> Step:
    return Step(reason, left, right, decision.verdict.value, decision.method, decision.witness)


def _walk(chain: Chain, known: set[Any]) -> tuple[list[Step], Reading]:
    """Decide a chain line by line."""
    steps = []
    decisions: dict[int, Decision] = {}
    number = {id(line): n for n, line in enumerate(chain.lines)}
    for before, line in pairs(chain):
        decision = settle(before, line, chain.dimensions)
        if decision.verdict is Verdict.PROVED:
            known.add((before, line))
        steps.append(_step(line.rule, before.tex, line.node.tex, decision))
        if id(line) in number:
            decisions[number[id(line)]] = decision
    return steps, read(chain, decisions)


def _watched(function: Callable[..., Any], id: str, called: set[str]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        called.add(id)
        return function(*args, **kwargs)

    return call


def _control(
    d: Derivation,
    functions: list[Callable[..., Any]],
    index: int,
    neighbour: Neighbour,
    known: set[Any],
) -> Control:
    functions = [*functions[:index], _breakable(neighbour.function), *functions[index + 1 :]]
    with handed(dict(zip(d.of, functions, strict=True))):
        decision, reason = _first_failure(d.lines(*functions), known)
    return Control(
        equation=d.of[index],
        description=neighbour.change,
        source=neighbour.source,
        verdict=decision.verdict.value,
        reason=reason,
        witness=decision.witness,
        equivalent_because=d.equivalent.get(neighbour.source),
    )


class NoValue(Exception):
    """A neighbour raises an error where production returns a value: they differ."""


def _breakable(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (ValueError, TypeError, ArithmeticError, AttributeError, NameError) as error:
            told = " ".join(str(error).split())[:80]
            raise NoValue(f"no value, {type(error).__name__}: {told}") from error

    return call


_Claim = tuple[Node, Line, tuple[int, ...] | None]
"""Two neighbouring lines, and the dimensions in which they are decided."""

_BROKEN = (ValueError, TypeError, ArithmeticError, AttributeError)
"""What a line raises that a neighbour leaves without a formula."""


def _first_failure(lines: Iterator[Chain], known: set[Any]) -> tuple[Decision, str]:
    """The first equality that is refuted; failing that, the first undecided; else PROVED.

    A witness is looked for along all lines before algebra is asked about any. Lines that the
    neighbour leaves as they were, `known`, have been proved already.
    """
    claims, broken = list[_Claim](), list[Exception]()
    try:
        for claim in _claims(lines, known):
            claims.append(claim)
            found = glance(*claim)
            if found.verdict is Verdict.REFUTED:
                return found, claim[1].rule
    except NoValue as error:
        return _without_value(error)
    except _BROKEN as error:
        broken.append(error)
    return _in_full(claims, broken)


def _in_full(claims: list[_Claim], broken: list[Exception]) -> tuple[Decision, str]:
    """The same by algebra, for claims without a witness; `broken` is what ended the lines."""
    undecided: tuple[Decision, str] | None = None
    try:
        for before, line, dimensions in claims:
            found = settle(before, line, dimensions, doubtful=True)
            if found.verdict is Verdict.REFUTED:
                return found, line.rule
            if found.verdict is Verdict.UNDECIDED:
                undecided = undecided or (found, line.rule)
        for error in broken:
            raise error
    except NoValue as error:
        return _without_value(error)
    except _BROKEN as error:
        told = f"the neighbour gives no formula: {error}"
        return undecided or (Decision(Verdict.UNDECIDED), told)
    return undecided or (Decision(Verdict.PROVED), "every equality still holds")


def _without_value(error: NoValue) -> tuple[Decision, str]:
    return Decision(Verdict.REFUTED, "witness", f"everywhere: {error}"), "a value at all"


def _claims(lines: Iterator[Chain], known: set[Any]) -> Iterator[_Claim]:
    """Every claim that is not yet known."""
    for chain in lines:
        for before, line in pairs(chain):
            if (before, line) not in known:
                yield before, line, chain.dimensions


def _leans_on(d: Derivation, functions: list[Callable[..., Any]]) -> set[str]:
    """Registered equations named in the sources of the functions and of the derivation."""
    by_function = {e.function: e.id for e in equations().values()}
    found = set()
    for source in (*functions, d.lines):
        space = inspect.unwrap(source).__globals__
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(source)))):
            value = None
            if isinstance(node, ast.Name):
                value = space.get(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                value = getattr(space.get(node.value.id), node.attr, None)
            if callable(value) and value in by_function:
                found.add(by_function[value])
    return found


def _hash(d: Derivation, functions: list[Callable[..., Any]]) -> str:
    text = "\n".join(inspect.getsource(f) for f in (*functions, d.lines))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def main() -> int:
    """Prove everything and print what fails."""
    parser = argparse.ArgumentParser(prog="python -m derivations.run", description=main.__doc__)
    parser.add_argument("only", nargs="?", help="ids that start so")
    asked = parser.parse_args()
    start = time.perf_counter()
    proofs = prove_all(asked.only)
    for proof in proofs.values():
        for problem in proof.problems:
            print(f"{proof.id}: {problem}")
    proved = sum(proof.proved for proof in proofs.values())
    print(f"{proved} of {len(proofs)} proved in {time.perf_counter() - start:.1f} s")
    return 0 if proved == len(proofs) else 1


if __name__ == "__main__":
    raise SystemExit(main())
