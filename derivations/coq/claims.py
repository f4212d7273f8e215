"""All claims of all derivations, each with the lemmas that say it in Coq.

    for claim in claims("kl."):  claim.key, claim.lemmas, claim.wanted

A claim is a line of a chain against the one before it, or against its own long form. A vectorial
line has one lemma a coordinate and dimension.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from derivations.engine.derivation import Derivation
from derivations.engine.written import SPACES, Chain, Node, handed, pairs
from derivations.engine.written.chain import Line
from derivations.engine.written.node import Equation, Named
from derivations.engine.written.space import DIMENSIONS
from derivations.run import load

from .calculus import calculus
from .lemmas import Lemma, Wanted, equality, implication, inequality
from .plain import Plain, Step
from .raw import NotInCoq

Task = tuple[str, str, Callable[[], Lemma | None]]
"""A lemma to be written: its name, its kind, and who writes it."""


@dataclass(frozen=True)
class Claim:
    """One line as Coq is asked about it.

    Attributes:
        id: the derivation.
        key: the id, the chain and the line: `kl.flow_grpo 2.4`.
        rule: the rule of the line, in words.
        sides: a hash of what is printed and of what the engine decides.
        lemmas: what Coq is asked.
        wanted: what could not be written as a lemma, with the reason.
        evaluated: parts that stand in the lemmas as sympy evaluates them, not as they are written.
    """

    id: str
    key: str
    rule: str
    sides: str
    lemmas: tuple[Lemma, ...]
    wanted: tuple[Wanted, ...]
    evaluated: tuple[str, ...] = ()

    @property
    def statements(self) -> str:
        """What all lemmas state, without the proofs."""
        return "\n\n".join(lemma.statement for lemma in self.lemmas)


def claims(only: str = "", jobs: int = 1) -> list[Claim]:
    """The claims of every derivation whose id starts with `only`, written by `jobs` processes."""
    return claims_of([id for id in load() if id.startswith(only)], jobs)


def claims_of(ids: list[str], jobs: int = 1) -> list[Claim]:
    """The claims of derivations by their ids."""
    if jobs == 1 or len(ids) < 2:
        return [claim for id in ids for claim in of_id(id)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return [claim for found in pool.map(of_id, ids) for claim in found]


def of_id(id: str) -> list[Claim]:
    """The claims of the derivation of that name."""
    return list(of_derivation(load()[id]))


def as_printed() -> dict[str, str]:
    """For every line its key and the hash of what is printed, without writing a lemma."""
    found = {}
    for d in load().values():
        functions = d.productions()
        with handed(dict(zip(d.of, functions, strict=True))):
            for chain, whole in enumerate(d.lines(*functions), 1):
                for number, (before, line) in enumerate(pairs(whole), 1):
                    sides = _hash(before.tex, line.relation, line.node.tex)
                    found[f"{d.id} {chain}.{number}"] = sides
    return found


def of_derivation(d: Derivation) -> Iterator[Claim]:
    """The claims of one derivation."""
    plains = {n: Plain(n) for n in DIMENSIONS}
    for space in SPACES.values():
        space.memory.clear()
    functions = d.productions()
    with handed(dict(zip(d.of, functions, strict=True))):
        for chain, whole in enumerate(d.lines(*functions), 1):
            for number, (before, after) in enumerate(pairs(whole), 1):
                yield _of_line(d.id, chain, number, whole, before, after, plains)


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _name(id: str, *numbers: int) -> str:
    return "_".join([id.replace(".", "_"), *map(str, numbers)])


def _of_line(
    id: str,
    chain: int,
    number: int,
    whole: Chain,
    before: Node,
    line: Line,
    plains: dict[int, Plain],
) -> Claim:
    vectorial = before.vectorial or line.node.vectorial
    tasks: list[Task] = []
    evaluated: dict[str, None] = {}
    for d in whole.dimensions or (DIMENSIONS if vectorial else (1,)):
        plain = plains[d]
        base = (chain, number, d) if vectorial else (chain, number)
        tasks += _statements(id, base, before, line, plain)
        steps = dict.fromkeys((*plain.values(before)[1], *plain.values(line.node)[1]))
        fallen = (*plain.fell[before], *plain.fell[line.node])
        evaluated |= dict.fromkeys(type(part).__name__ for part in fallen)
        tasks += [
            (name, step.kind, functools.partial(_once, plain, step, name))
            for k, step in enumerate(steps, 1)
            for name in [f"{_name(id, *base)}_c{k}"]
        ]
    lemmas, wanted = _written(tasks)
    sides = _hash(before.tex, line.relation, line.node.tex)
    key = f"{id} {chain}.{number}"
    return Claim(id, key, line.rule, sides, lemmas, wanted, tuple(evaluated))


def _once(plain: Plain, step: Step, name: str) -> Lemma | None:
    """The lemma for a step of calculus; one that many lines take is written once."""
    if step not in plain.shown:
        plain.shown[step] = calculus(name, step)
    return plain.shown[step]


def _statements(
    id: str, base: tuple[int, ...], before: Node, line: Line, plain: Plain
) -> list[Task]:
    """What is to be written of a line, one a coordinate."""
    if line.relation == "=>":
        known = [plain.values(child)[0] for child in _equation(before).children]
        claim = [plain.values(child)[0] for child in _equation(line.node).children]
        rows = list(zip(*known, *claim, strict=True))
        return [
            (name, "line", functools.partial(implication, name, row[:2], row[2:]))
            for i, row in enumerate(rows, 1)
            for name in [_name(id, *base, i) if len(rows) > 1 else _name(id, *base)]
        ]
    made = equality if line.relation == "=" else inequality
    left, right = plain.values(before)[0], plain.values(line.node)[0]
    rows = list(zip(left, right, strict=True))
    return [
        (name, "line", functools.partial(made, name, *row))
        for i, row in enumerate(rows, 1)
        for name in [_name(id, *base, i) if len(rows) > 1 else _name(id, *base)]
    ]


def _equation(node: Node) -> Equation:
    while isinstance(node, Named):
        node = node.parts[1]
    if not isinstance(node, Equation):
        raise NotInCoq("what stands on a side of ⇒ is no equation")
    return node


def _written(tasks: list[Task]) -> tuple[tuple[Lemma, ...], tuple[Wanted, ...]]:
    lemmas: list[Lemma] = []
    wanted: list[Wanted] = []
    for name, kind, make in tasks:
        try:
            made = make()
        except NotInCoq as reason:
            wanted.append(Wanted(name, kind, str(reason)))
        else:
            if made is not None:
                lemmas.append(made)
    return tuple(lemmas), tuple(wanted)
