"""Write the vectors of an equation: one JSON document, one line a test, the same bytes everywhere.

    text("kl.flow_grpo")   →   '{"schemaVersion": 1, "equation": "kl.flow_grpo", ... "tests": [...'

The head says what the arguments mean, under which conventions, and what each flag is; the tests are
made in `entries`.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..equations.registry import equations, find
from ..evidence.calls import flat_names
from ..evidence.routes import routes
from .edges import cases
from .entries import ROUNDOFF, ULPS, tests_and_mistakes
from .exact import elementwise
from .flags import BUG_TYPES, KINDS
from .glossary import conventions, meaning

SCHEMA_VERSION = 1

_NEEDED = "no second route is written for it yet"


def skipped() -> dict[str, str]:
    """The equations without vectors, with the reason."""
    return {id: _NEEDED for id in equations() if id not in routes()}


def written() -> tuple[str, ...]:
    """The equations with vectors, in the order of the text."""
    return tuple(id for id in equations() if id not in skipped())


def write(folder: Path, equation_id: str) -> Path:
    """Write the vectors of an equation into a folder, and return the file.

    Raises:
        OSError: no such folder.
        KeyError: no such equation, or one without vectors.
    """
    if not folder.is_dir():
        raise OSError(f"no folder {folder} to write vectors into; make it first")
    file = folder / f"{equation_id}.json"
    file.write_text(text(equation_id), encoding="utf-8")
    return file


@cache
def text(equation_id: str) -> str:
    """The document of an equation as text.

    Raises:
        KeyError: no such equation, or one without vectors.
    """
    find(equation_id)
    if equation_id in skipped():
        raise KeyError(f"{equation_id} has no vectors: {skipped()[equation_id]}")
    fields = (f" {_json(name)}: {_lines(x)}" for name, x in _document(equation_id).items())
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _lines(x: Any) -> str:
    """JSON with one line for each entry of a field."""
    if isinstance(x, list):
        return "[\n" + ",\n".join(f"  {_json(entry)}" for entry in x) + "\n ]"
    if isinstance(x, dict):
        entries = (f"  {_json(name)}: {_json(entry)}" for name, entry in x.items())
        return "{\n" + ",\n".join(entries) + "\n }"
    return _json(x)


def _json(x: Any) -> str:
    return json.dumps(x, ensure_ascii=False)


def _document(equation_id: str) -> dict[str, Any]:
    equation, names = find(equation_id), flat_names(equation_id)
    first = cases(equation_id)[0]
    tests, named = tests_and_mistakes(equation_id)
    used = {flag for test in tests for flag in test["flags"]}
    flags = {name: flag for name, flag in KINDS.items() if name in used} | named
    types = {flag["bugType"] for flag in flags.values()}
    return {
        "schemaVersion": SCHEMA_VERSION,
        "equation": equation_id,
        "statement": equation.statement,
        "source": equation.source,
        "elementwise": elementwise(equation_id),
        "arguments": [
            {"name": n, "kind": _kind(first[n]), "meaning": meaning(equation_id, n)} for n in names
        ],
        "conventions": conventions(names),
        "ulps": ULPS,
        "roundoff": ROUNDOFF,
        "bugTypes": {name: what for name, what in BUG_TYPES.items() if name in types},
        "flags": flags,
        "numberOfTests": len(tests),
        "tests": tests,
    }


def _kind(x: Any) -> str:
    return "option" if isinstance(x, str) else "count" if isinstance(x, int) else "real"
