"""What Coq said, bound to what it was asked: `verdicts.json` beside this file.

    checked("kl.flow_grpo")        Checked(lines=5, closed=5, stale=(), missing=())

The file has, for every line, a hash of what is printed, a hash of what its lemmas state and the
verdict. A page may say "checked by Coq" of a line only while both hashes are those of the line as
it is now. How a statement was proved does not enter: `make certify` proves all of them again.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import sympy as sp

import refimpl.equations
from derivations.run import load

from .claims import Claim, claims

FILE = Path(__file__).with_name("verdicts.json")
CLOSED = "checked"
NOT = "not in Coq: "


@dataclass(frozen=True)
class Checked:
    """What may be said of a derivation.

    Attributes:
        lines: how many lines it has.
        closed: how many Coq has checked as they are now.
        stale: lines that have changed since, or were never checked.
        missing: lines that are not in Coq, each with the reason.
        version: of Coq.
    """

    lines: int
    closed: int
    stale: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]
    version: str

    @property
    def whole(self) -> bool:
        """Whether every line is checked."""
        return self.lines > 0 and self.closed == self.lines


@dataclass(frozen=True)
class Row:
    """A row of the table of evidence: who has checked a claim.

    Attributes:
        id: the derivation.
        lines: how many lines it has; computer algebra and intervals decide each.
        symbols: how many Coq has checked, derivatives being letters or steps of their own.
        functions: the theorems about real functions that speak of it.
    """

    id: str
    lines: int
    symbols: int
    functions: tuple[str, ...]


def hash_of(text: str) -> str:
    """The hash that verdicts are bound to."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recorded() -> dict[str, Any]:
    """The verdicts as they were written last; none if there is no file."""
    if not FILE.exists():
        return {"coq": "", "meanings": "", "sources": {}, "claims": {}}
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def meanings() -> str:
    """The hash of the definitions that statements use besides those of Coq's libraries."""
    text = (resources.files("derivations.coq") / "theories" / "Meanings.v").read_text("utf-8")
    return hash_of(text)


def sources(id: str) -> str:
    """The hash of all code that a derivation's lemmas are made by, comments left out.

    While it is the one that was written down, the lemmas need not be written again to know them.
    """
    return _sources(inspect.getfile(load()[id].lines))


@functools.cache
def _sources(module: str) -> str:
    here = Path(__file__).parent
    equations = Path(refimpl.equations.__file__).parent
    used = [Path(module), *here.parent.glob("engine/**/*.py"), *here.glob("*.py")]
    used += equations.glob("**/*.py")
    kept = sorted(f for f in used if f.name not in ("certify.py", "compiling.py", "verdicts.py"))
    return hash_of("\n".join([sp.__version__, *map(_bare, kept)]))


@functools.cache
def _bare(file: Path) -> str:
    """A module without comments and docstrings."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def entry(claim: Claim, refused: dict[str, str]) -> dict[str, str]:
    """What is written down of a claim."""
    verdict = CLOSED
    if claim.wanted:
        verdict = NOT + "; ".join(sorted({f"{w.kind}: {w.because}" for w in claim.wanted}))
    if any(lemma.name in refused for lemma in claim.lemmas):
        verdict = "refused"
    return {"sides": claim.sides, "lemmas": hash_of(claim.statements), "verdict": verdict}


def write(found: Iterable[Claim], refused: dict[str, str], version: str) -> None:
    """Write down what Coq said of these claims; verdicts on other derivations stay as they are.

    They stay only while the definitions that statements use are the same.
    """
    found = list(found)
    asked, known = {claim.id for claim in found}, recorded()
    same = known["meanings"] == meanings()
    kept = {
        key: row
        for key, row in (known["claims"] if same else {}).items()
        if key.partition(" ")[0] not in asked
    }
    made_by = {id: was for id, was in known.get("sources", {}).items() if same}
    text = json.dumps(
        {
            "coq": version,
            "meanings": meanings(),
            "sources": made_by | {id: sources(id) for id in asked},
            "claims": kept | {claim.key: entry(claim, refused) for claim in found},
        },
        indent=1,
        sort_keys=True,
    )
    FILE.write_text(text + "\n", "utf-8")


def current(id: str) -> bool:
    """Whether all lines of a derivation are checked, and made by the code of then."""
    return _made_as_then(id, recorded()) and checked(id).whole


def _made_as_then(id: str, known: dict[str, Any]) -> bool:
    return known["meanings"] == meanings() and known.get("sources", {}).get(id) == sources(id)


def unsettled(found: Iterable[Claim]) -> list[str]:
    """Lines that have changed since they were checked, or that were not closed then."""
    found = list(found)
    known, old = recorded()["claims"], set(stale(found))
    return [c.key for c in found if c.key in old or known[c.key]["verdict"] != CLOSED]


def stale(found: Iterable[Claim]) -> list[str]:
    """Lines whose verdict is not about them as they are now."""
    known = recorded()
    return [
        claim.key
        for claim in found
        if known["meanings"] != meanings() or not _current(claim, known["claims"].get(claim.key))
    ]


def _current(claim: Claim, known: dict[str, str] | None) -> bool:
    now = entry(claim, {})
    return known is not None and all(known[k] == now[k] for k in ("sides", "lemmas"))


def checked(id: str, found: list[Claim] | None = None) -> Checked:
    """What may be said of a derivation: both hashes of each line are compared with those now.

    Its lemmas are written again for that, unless the code that writes them is the same as then.

    Args:
        id: the derivation.
        found: its claims, where the caller has them already.
    """
    known = recorded()
    asked = any(key.partition(" ")[0] == id for key in known["claims"])
    if found is None and not asked:
        return _said({}, (), known["coq"])
    if found is None and _made_as_then(id, known):
        rows = {k: r for k, r in known["claims"].items() if k.partition(" ")[0] == id}
        return _said({k: row["verdict"] for k, row in rows.items()}, (), known["coq"])
    of_it = [c for c in (claims(id) if found is None else found) if c.id == id]
    verdicts = {c.key: known["claims"].get(c.key, {}).get("verdict", "") for c in of_it}
    return _said(verdicts, tuple(stale(of_it)), known["coq"])


def _said(verdicts: dict[str, str], old: tuple[str, ...], version: str) -> Checked:
    return Checked(
        len(verdicts),
        sum(verdict == CLOSED and key not in old for key, verdict in verdicts.items()),
        old,
        tuple((k, v.removeprefix(NOT)) for k, v in verdicts.items() if v.startswith(NOT)),
        version,
    )


def theorems() -> dict[str, tuple[str, ...]]:
    """The theorems about real functions by the id that their comments name."""
    text = (resources.files("derivations.coq") / "theories" / "Theorems.v").read_text("utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for comment, name in re.findall(r"\(\* (.*?)\*\)\s+Theorem (\w+)", text, re.S):
        head = comment.rpartition("(*")[2].partition(":")[0]
        for id in re.findall(r"\b[a-z_]+\.[a-z_]+\b", head):
            found[id] = (*found.get(id, ()), name)
    return found


def table() -> list[Row]:
    """The rows of the table of evidence, a derivation each."""
    proved = theorems()
    rows = []
    for id in load():
        said = checked(id)
        rows.append(Row(id, said.lines, said.closed, proved.get(id, ())))
    return rows
