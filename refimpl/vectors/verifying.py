"""Verify vectors: the text, the schema, the production functions, the known-wrong answers.

    verify(text)   →   Report("kl.flow_grpo", tests=24, gaps={"numpy64": 0.1, ...}, problems=())

Nothing in a file is trusted: it is generated again and compared byte by byte, and whatever differs
is judged as well, so that a report says what a changed number breaks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import outside
from ..equations.registry import equations, find
from ..evidence.calls import arguments, parts
from ..evidence.mistakes import mistakes
from .exact import EvaluatorsDisagree, elementwise
from .judging import Precision, judge
from .reading import DATA, Test, Vectors, read
from .writing import skipped, text, written

SYSTEMS: dict[str, tuple[Precision, Any]] = {
    "numpy64": ("float64", lambda x: np.asarray(x, dtype=np.float64)),
    "torch32": ("float32", lambda x: torch.as_tensor(x, dtype=torch.float32)),
    "torch16": ("bfloat16", lambda x: torch.as_tensor(x, dtype=torch.bfloat16)),
}
"""The number systems in which the production functions are held against the vectors."""


@dataclass(frozen=True)
class Report:
    """What is known of one file.

    Attributes:
        name: the equation, or the file.
        results: how many tests are valid, acceptable and invalid.
        gaps: by number system, the largest gap of the production function in tolerances.
        wrong: how many known-wrong answers there are, over all tests.
        problems: what is not as it should be; empty if all is well.
    """

    name: str
    results: dict[str, int] = field(default_factory=dict)
    gaps: dict[str, float] = field(default_factory=dict)
    wrong: int = 0
    problems: tuple[str, ...] = ()


def verify_all(folder: Path = DATA) -> Iterator[Report]:
    """A report on every file that should be in the folder, and on those that should not."""
    present = {file.stem: file for file in sorted(folder.glob("*.json"))}
    for id in written():
        if id in present:
            yield _of_file(present.pop(id), id)
        else:
            yield Report(id, problems=("no file: run `refimpl vectors write`",))
    for name in present:
        why = skipped().get(name, "no equation is called so")
        yield Report(name, problems=(f"{why}: delete the file",))


def _of_file(file: Path, id: str) -> Report:
    try:
        return verify(outside.text(file, LARGEST), id)
    except (ValueError, FileNotFoundError) as error:
        return Report(id, problems=(str(error),))


LARGEST = 256 * outside.MIB
"""Bytes of a file of test vectors."""


def verify(content: str, name: str = "") -> Report:
    """A report on the text of one file.

    Args:
        content: the JSON text.
        name: how to call it in the report; the equation that it names by default.

    Raises:
        ModuleNotFoundError: jsonschema is not installed.
    """
    try:
        document = json.loads(content)
    except (json.JSONDecodeError, RecursionError) as error:
        return Report(name or "?", problems=(f"not JSON: {error}",))
    broken = tuple(_schema_errors(document))
    if broken:
        return Report(name or "?", problems=broken)
    id = document["equation"]
    if id not in equations() or id in skipped():
        return Report(name or id, problems=(f"no vectors belong to {id!r}",))
    changed = list(_changed(content, id))
    try:
        vectors = read(document)
        gaps, problems = _production(vectors)
        problems = [*changed, *_inexact(document), *problems, *_accepted(vectors)]
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        if not changed:
            raise  # what is generated can be read: this is no fault of the file
        told = f"cannot be read as vectors: {type(error).__name__}: {str(error)[:160]}"
        return Report(name or id, problems=(*changed, told))
    counts = {r: sum(t.result == r for t in vectors.tests) for r in _RESULTS}
    wrong = sum(len(t.wrong) for t in vectors.tests)
    return Report(name or id, counts, gaps, wrong, tuple(problems))


_RESULTS = ("valid", "acceptable", "invalid")


@cache
def _validator() -> Any:
    try:
        from jsonschema import Draft202012Validator
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "verifying vectors needs jsonschema: pip install 'refimpl[vectors]'"
        ) from None
    schema = json.loads((Path(__file__).parent / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _schema_errors(document: Any) -> Iterator[str]:
    for error in _validator().iter_errors(document):
        yield f"schema: at {error.json_path}: {error.message[:160]}"


def _changed(content: str, id: str) -> Iterator[str]:
    """The first line that differs from what is generated."""
    try:
        fresh = text(id)
    except EvaluatorsDisagree as error:
        yield str(error)
        return
    if content != fresh:
        old, new = content.splitlines(), fresh.splitlines()
        same = [a == b for a, b in zip(old, new, strict=False)]
        at = same.index(False) if False in same else min(len(old), len(new))
        yield f"differs from what is generated, first in line {at + 1}: `refimpl vectors write`"


def _inexact(document: dict[str, Any]) -> Iterator[str]:
    """Inputs whose two forms differ, or that bfloat16 would round."""
    for test in document["tests"]:
        for name, x in test["inputs"].items():
            if isinstance(x, dict):
                exact = np.array([float.fromhex(h) for h in x["hex"]])
                shown = np.array([float(d) for d in x["decimal"]])
                rounded = torch.tensor(exact).bfloat16().double().numpy()
                if not np.array_equal(exact, shown, equal_nan=True):
                    yield f"tcId {test['tcId']}: {name} is not the same in hex and decimal"
                if not np.array_equal(exact, rounded, equal_nan=True):
                    yield f"tcId {test['tcId']}: {name} is not exact in bfloat16"


def _production(vectors: Vectors) -> tuple[dict[str, float], list[str]]:
    """The production function's gaps by system, and where it does not do what a test says."""
    gaps = dict.fromkeys(SYSTEMS, 0.0)
    problems = []
    for test in vectors.tests:
        for system, (precision, _) in SYSTEMS.items():
            got = call(vectors.equation, test, system)
            if test.result == "invalid":
                if test.reason not in str(got):
                    problems.append(f"tcId {test.id}, {system}: not refused as {test.reason!r}")
            elif isinstance(got, Exception):
                problems.append(f"tcId {test.id}, {system}: refused: {got}")
            else:
                verdict = judge(test.expected, got, precision, test.wrong)
                gaps[system] = max(gaps[system], verdict.gap)
                if not verdict.passes:
                    what = f" (it is {', '.join(verdict.named)})" if verdict.named else ""
                    problems.append(
                        f"tcId {test.id}, {system}: {verdict.gap:.3g} tolerances off{what}"
                    )
    return gaps, problems


def call(equation_id: str, test: Test, system: str) -> dict[str, np.ndarray] | Exception:
    """The production function's result in a number system, or its refusal."""
    to = SYSTEMS[system][1]
    kinds = (float, np.ndarray) if elementwise(equation_id) else np.ndarray
    given = {name: to(x) if isinstance(x, kinds) else x for name, x in test.inputs.items()}
    try:
        return parts(find(equation_id).function(**arguments(equation_id, given)))
    except (ValueError, TypeError, ArithmeticError) as error:
        return error


def _accepted(vectors: Vectors) -> Iterator[str]:
    """Known-wrong answers that a test would let pass, and mistakes that no test knows."""
    seen: set[str] = set()
    for test in vectors.tests:
        for name, values in test.wrong.items():
            verdict = judge(test.expected, values, "float64", test.wrong)
            seen.add(name)
            if verdict.passes or name not in verdict.named:
                yield f"tcId {test.id}: the known-wrong answer {name!r} is not told apart"
    for mistake in mistakes(vectors.equation):
        if mistake.name not in seen:
            yield f"no test tells the mistake {mistake.name!r} from the truth"
