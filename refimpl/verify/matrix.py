"""The kill matrix: every mistake is planted, and every layer of evidence is asked whether it sees.

    mistake × (proof, number, law, residual, marginal, training)  →  seen, unseen, or not asked

What is unseen is published as well: marginals are blind to a g that is wrong in drift and noise
alike, by theorem. `refimpl kills --run` makes the matrix, or the part that concerns some ids, and
`kills.json` keeps it, each row with a hash of the code that it was made with.
"""

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..equations import equations
from ..evidence.mistake import Mistake
from ..evidence.mistakes import mistakes
from .kills import Trial, candidates, looks_at, mistake_of, trial
from .layers import checks
from .run import WORKERS, refuted_by_proof
from .workers import Died, carried_out

Column: TypeAlias = Literal["proof", "number", "law", "residual", "marginal", "training"]
COLUMNS: tuple[Column, ...] = ("proof", "number", "law", "residual", "marginal", "training")

Row: TypeAlias = dict[str, Any]
"""`mistake` is a title; `probe`; a word for each column; `checks` and what turned red; `code`."""

PUBLISHED = Path(__file__).parent / "kills.json"

_OF_LAYER: dict[str, Column] = {"numbers": "number", "samplers": "law", "training": "training"}

Job: TypeAlias = tuple[str, str]
"""A check's name with a title, or "proof" with a title."""


def jobs(only: str = "") -> list[Job]:
    """Every check with all that can be planted in what it covers, the slowest first.

    With `only`, what is planted in equations whose ids start so.

    Peers speak of other people's code, and are not asked. Trainings are asked about named mistakes
    alone: each costs half a minute.
    """
    asked = [
        (c.name, planted.title)
        for layer in ("training", "statistics", "samplers", "numbers")
        for c in checks().values()
        if c.layer == layer
        for id in c.covers
        if id.startswith(only)
        for planted in (mistakes(id) if layer == "training" else candidates(id))
    ]
    return [*asked, *(("proof", planted.title) for planted in _planted(only))]


def _planted(only: str) -> list[Mistake]:
    return [planted for id in equations() if id.startswith(only) for planted in candidates(id)]


def made(only: str = "", on_trial: Callable[[str], None] = lambda title: None) -> list[Row]:
    """The matrix, or the rows of ids that start with `only`, from jobs in processes of their own.

    Raises:
        RuntimeError: a process died, or a trial broke where neither test nor formula failed.
    """
    trials, proofs, code = list[Trial](), dict[str, bool](), fingerprint()
    with closing(carried_out(jobs(only), _job, WORKERS)) as results:
        for (where, title), found in results:
            if isinstance(found, (Died, str)):
                raise RuntimeError(f"{where} with {title!r}: {found}")
            if isinstance(found, Trial):
                trials.append(found)
            else:
                proofs[title] = found
            on_trial(title)
    return arranged(trials, proofs, only, code)


def _job(where: str, title: str) -> Trial | bool | str:
    try:
        if where == "proof":
            return refuted_by_proof(title.partition(": ")[0], mistake_of(title).wrong)
        return trial(where, title)
    except Exception as error:  # told to the parent, which stops
        return f"{type(error).__name__}: {error}"


def arranged(
    trials: Iterable[Trial], proofs: dict[str, bool], only: str = "", code: str = ""
) -> list[Row]:
    """A row a mistake, in the order of the equations.

    Args:
        proofs: by title, whether a proof is refuted with the mistake in place.
        only: how the ids of the rows start.
        code: the hash of the code that the trials ran.
    """
    asked: dict[str, list[Trial]] = {}
    for one in trials:
        asked.setdefault(one.title, []).append(one)
    rows = []
    for planted in _planted(only):
        title = planted.title
        cells: dict[str, str] = dict.fromkeys(COLUMNS, "not asked")
        if title in proofs:
            cells["proof"] = "seen" if proofs[title] else "unseen"
        tried = sorted(asked.get(title, []), key=lambda one: one.check)
        for one in tried:
            for column, seen in _columns(one):
                if cells[column] != "seen":
                    cells[column] = "seen" if seen else "unseen"
        probe = planted not in mistakes(planted.equation)
        found = {one.check: " and ".join(one.red) or "passes" for one in tried}
        rows.append({"mistake": title, "probe": probe, **cells, "checks": found, "code": code})
    return rows


def _columns(one: Trial) -> Iterator[tuple[Column, bool]]:
    """What a trial says; a check of samples that stops with an error has seen by all it has."""
    layer = checks()[one.check].layer
    if layer != "statistics":
        yield _OF_LAYER[layer], bool(one.red)
        return
    looked, pair = _looks_at(one.check), ("residual", "marginal")
    for column in pair:
        if column in looked or column in one.red:
            yield column, column in one.red or one.red == ("check",)  # type: ignore[misc]


@cache
def _looks_at(check: str) -> frozenset[str]:
    return looks_at(checks()[check])


def text(rows: list[Row]) -> str:
    """The matrix as JSON, a line a mistake."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f"[\n{lines}\n]\n"


def published() -> list[Row]:
    """The kept matrix."""
    rows: list[Row] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return rows


def joined(new: list[Row]) -> list[Row]:
    """The kept matrix with these rows in place of the old ones, in the order of the equations."""
    rows = {row["mistake"]: row for row in [*published(), *new]}
    return [rows[planted.title] for planted in _planted("") if planted.title in rows]


def stale(rows: list[Row]) -> int:
    """How many rows were made with other code than this."""
    now = fingerprint()
    return sum(row["code"] != now for row in rows)


def fingerprint() -> str:
    """A hash of the code that decides the matrix, without comments and docstrings."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for folder in ("equations", "evidence", "simulate", "statistics", "toy", "verify"):
        for file in sorted((root / folder).rglob("*.py")):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(body := getattr(node, "body", None), list):
                    node.body = [n for n in body if not _is_text(n)]  # type: ignore[attr-defined]
            digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)
