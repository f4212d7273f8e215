"""Refute it yourself: every wrong neighbour of the functions of Eq. (1), and every line it breaks.

    python docs/tools/refuting.py            write docs/assets/interactive/refute-data.js
    python docs/tools/refuting.py --check    compare; exit 1 if it is stale

A control of the proofs stops at the first line that a neighbour breaks. A reader wants to see all
of them, so here each neighbour is put through the whole proof. The page knows nothing but what is
written here: which line fell, at which point, and how far its two sides are apart there.
"""

import argparse
import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from wording import witness_point  # noqa: E402

from derivations.engine.algebra.decide import Verdict  # noqa: E402
from derivations.engine.controls import neighbours  # noqa: E402
from derivations.engine.derivation import Derivation  # noqa: E402
from derivations.engine.written import handed, pairs, settle  # noqa: E402
from derivations.run import load  # noqa: E402
from refimpl.equations import find  # noqa: E402

TARGET = ROOT / "docs" / "assets" / "interactive" / "refute-data.js"
PROOF = "flow_grpo"
SHOWN = range(3, 17)
"""The chains of the proof that the lecture prints, counted from 1."""

EDITED = (
    "sde.flow_grpo_drift", "sde.drift", "sde.forward_drift", "sde.reverse_drift",
    "conversions.score_from_velocity", "sde.euler_maruyama",
)  # fmt: skip
"""The functions that a reader may edit, Eq. (1) first."""


@cache
def data() -> dict[str, Any]:
    """How many lines the lecture prints; for each function its neighbours and what they break."""
    return {"lines": len(lines({})), "functions": [_function(id) for id in EDITED]}


def _function(id: str) -> dict[str, Any]:
    production, known = find(id).function, set(lines({}))
    edits = []
    for n in neighbours(production):
        edit = {"formula": _formula(n.source), "breaks": broken(id, n.function, known)}
        if n.source in _derivation().equivalent:
            edit["because"] = _derivation().equivalent[n.source]
        edits.append(edit)
    return {"id": id, "formula": _formula(_returned(production)), "edits": edits}


def broken(id: str, instead: Callable[..., Any], known: set[Any]) -> list[dict[str, Any]]:
    """Each line of the proof that falls with a function in place of production.

    Args:
        id: of the equation that is replaced.
        instead: the wrong function.
        known: lines that are proved, as neighbouring pairs; they are not decided again.

    Raises:
        RuntimeError: a line is neither proved nor refuted.
    """
    found = []
    for number, (before, line) in enumerate(lines({id: instead})):
        if (before, line) in known:
            continue
        decision = settle(before, line, None, doubtful=True)
        if decision.verdict is Verdict.UNDECIDED:
            raise RuntimeError(f"{id}, line {number}: undecided with a neighbour: {line.rule}")
        if decision.verdict is Verdict.REFUTED:
            point, gap = witness_point(decision.witness)
            found.append({"line": number, "at": point, "gap": gap.replace("-", "−")})
    return found


def lines(instead: dict[str, Callable[..., Any]]) -> list[tuple[Any, Any]]:
    """Neighbouring lines of the chains that the lecture prints, with some functions replaced."""
    d = _derivation()
    functions = {id: instead.get(id, find(id).function) for id in d.of}
    with handed(functions):
        chains = list(d.lines(*functions.values()))
    return [pair for n in SHOWN for pair in pairs(chains[n - 1])]


@cache
def _derivation() -> Derivation:
    return load()[PROOF]


def _returned(function: Callable[..., Any]) -> str:
    """The statement with which a function ends: its formula."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    return ast.unparse(definition.body[-1])


def _formula(statement: str) -> str:
    """What a statement returns, as one types it; coefficients of the path without `c.`"""
    text = statement.removeprefix("return ").replace(" ** ", "**")
    return re.sub(r"\bc\.", "", text)


def script() -> str:
    """The file: data as a script, since a page that is opened from a folder may not fetch."""
    told = json.dumps(data(), indent=1, ensure_ascii=False)
    return f'// Made by docs/tools/refuting.py.\n"use strict";\n\nconst REFUTE = {told};\n' + EXPORT


EXPORT = '\nif (typeof module !== "undefined") module.exports = { REFUTE };\n'


def main() -> int:
    """Write or compare; the exit status."""
    parser = argparse.ArgumentParser(description="What each neighbour of Eq. (1) breaks.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if stale")
    check = parser.parse_args().check
    return int(renewed(check=check) and check)


def renewed(*, check: bool) -> bool:
    """Whether the file was stale; it is written unless only to be compared."""
    now = script()
    stale = not TARGET.is_file() or TARGET.read_text("utf-8") != now
    if stale and not check:
        TARGET.write_text(now, "utf-8")
        print(f"wrote {TARGET.relative_to(ROOT)}")
    elif stale:
        print(f"{TARGET.relative_to(ROOT)} is stale: run python docs/tools/refuting.py")
    return stale


if __name__ == "__main__":
    raise SystemExit(main())
