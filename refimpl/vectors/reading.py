"""Read vectors: a JSON document becomes tests with float64 arrays.

    for test in load("kl.flow_grpo").tests:
        verdict = judge(test.expected, {"value": mine(**test.inputs)}, "float32", test.wrong)

A number is read from its hexadecimal form, which is exact.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .judging import Part

DATA = Path(__file__).parent / "data"
"""Where the vectors of this version lie."""


@dataclass(frozen=True)
class Test:
    """One test.

    Attributes:
        id: counts from 1 within the file.
        comment: what sets it apart.
        flags: names of the document's flags.
        result: "valid" must be computed; "acceptable" may be refused instead; "invalid" must be
            refused: by an error, or in a language without errors by NaN.
        inputs: floats, float64 arrays, counts and options, by flat name.
        expected: the parts of the result; empty for "invalid".
        wrong: known-wrong results, by the name of the mistake.
        argument: for "invalid", the argument that is bad.
        reason: for "invalid", what the error says of it.
    """

    __test__ = False  # not a class of tests, to pytest

    id: int
    comment: str
    flags: tuple[str, ...]
    result: Literal["valid", "acceptable", "invalid"]
    inputs: Mapping[str, Any]
    expected: Mapping[str, Part] = field(default_factory=dict)
    wrong: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    argument: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Vectors:
    """The tests of one equation.

    Attributes:
        equation: its id.
        flags: bug type and note by name; a mistake's flag has a remedy as well.
        tests: in order.
    """

    equation: str
    flags: Mapping[str, Mapping[str, str]]
    tests: tuple[Test, ...]


def load(equation_id: str) -> Vectors:
    """The vectors of an equation, from this package.

    Raises:
        KeyError: none are written for an equation of that name.
    """
    file = DATA / f"{equation_id}.json"
    if not file.is_file():
        raise KeyError(f"no vectors are written for {equation_id!r}; see `refimpl vectors verify`")
    return read(json.loads(file.read_text(encoding="utf-8")))


def read(document: Mapping[str, Any]) -> Vectors:
    """The tests of a document that satisfies the schema."""
    tests = tuple(_test(entry) for entry in document["tests"])
    return Vectors(document["equation"], document["flags"], tests)


def _test(entry: Mapping[str, Any]) -> Test:
    error = entry.get("error", {})
    return Test(
        entry["tcId"], entry["comment"], tuple(entry["flags"]), entry["result"],
        {name: _input(x) for name, x in entry["inputs"].items()},
        {name: _part(x) for name, x in entry.get("expected", {}).items()},
        {
            name: {part: _shaped(x, x["decimal"]) for part, x in parts.items()}
            for name, parts in entry.get("wrong", {}).items()
        },
        error.get("argument", ""), error.get("reason", ""),
    )  # fmt: skip


def _input(x: Any) -> Any:
    if isinstance(x, (str, int)):
        return x
    array = _shaped(x, [float.fromhex(h) for h in x["hex"]])
    return array if x["shape"] else float(array)


def _part(x: Mapping[str, Any]) -> Part:
    digits = _shaped(x, [float(d) for d in x["digits"]])
    tolerance = {
        precision: None if values is None else _shaped(x, values)
        for precision, values in x["tolerance"].items()
    }
    return Part(digits, tolerance)


def _shaped(x: Mapping[str, Any], values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64).reshape(x["shape"])
