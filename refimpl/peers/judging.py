"""A library or a checkout as a whole: its adapters, its facts, its known deviations.

    known("diffusers")  →  (adapter, adapter, ..., facts)          judged(one of them)  →  Report

Deviations are in a TOML file of the library's name; beside the keys of the kit's own files each
names the adapter that it concerns, or "facts". `cases`, a list, stands for several rows that differ
in nothing else. They are strict: what is declared must be met.
"""

import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..conformance.adapter.subject import quiet
from ..conformance.checks.register import TIERS, Differs, NotApplicable
from ..conformance.running import Report, Result, judge
from .facts import Fact, facts
from .repair import functions_of, repairs

PATIENCE = 30.0
"""Seconds of the processor for the search of causes in a library's source; a sampler's law
searches for itself."""

MOST = 3
"""Causes that are shown: more are no cause."""

_FILES = Path(__file__).parent / "deviations"


@dataclass(frozen=True)
class Row:
    """One declared deviation of one adapter; the keys are those of the kit's files."""

    adapter: str
    case: str
    kind: str
    reason: str
    variant: str = ""
    link: str = ""

    def of_the_kit(self) -> dict[str, str]:
        """As the kit takes it."""
        return {k: v for k, v in vars(self).items() if k != "adapter"}


@cache
def declared(library: str) -> tuple[Row, ...]:
    """The known deviations of a library."""
    file = _FILES / f"{library}.toml"
    if not file.is_file():
        return ()
    rows = tomllib.loads(file.read_text("utf-8"))["deviation"]
    return tuple(Row(**one) for row in rows for one in _each(row))


def _each(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each of its cases."""
    cases = row.pop("cases", None)
    return [row] if cases is None else [row | {"case": case} for case in cases]


def deviations(library: str, adapter: str) -> list[dict[str, str]]:
    """Those of one adapter."""
    return [row.of_the_kit() for row in declared(library) if row.adapter == adapter]


@dataclass(frozen=True)
class Facts:
    """The facts of a library, judged like an adapter.

    Attributes:
        library: holds what the facts ask for; has `name` and `version`.
    """

    library: Any

    @property
    def name(self) -> str:
        """What it is called in reports."""
        return f"{self.library.name}, facts"

    def judge(
        self, progress: Callable[[Result], None] = lambda r: None, tiers: Iterable[str] = TIERS
    ) -> Report:
        """Every fact, with what is declared about it; facts are of the tier "vectors"."""
        began, results = time.perf_counter(), []
        for result in self.results() if "vectors" in tiers else ():
            results.append(result)
            progress(result)
        return Report(self.name, self.library.version, {}, {}, tuple(results),
                      time.perf_counter() - began)  # fmt: skip

    def results(self) -> Iterator[Result]:
        """One fact after the other."""
        known = {row.case: row for row in declared(self.library.name) if row.adapter == "facts"}
        spent = 0.0
        for fact in facts(self.library.name).values():
            start, began = time.perf_counter(), time.process_time()
            row = known.get(fact.id)
            told = _declared(row, self._plain(fact, row.variant if row else ""))
            open_ = told.verdict == "differs" and not told.explanations
            if open_ and spent < PATIENCE and not fact.id.startswith("law."):
                told, spent = self._searched(fact, told), spent + time.process_time() - began
            yield _with(told, seconds=time.perf_counter() - start)

    def _searched(self, fact: Fact, told: Result) -> Result:
        """The same with the edits of the library's own functions that make the fact hold."""

        def left() -> float:
            with quiet():
                return fact.run(self.library).gap

        def kept() -> bool:
            return all(self._plain(other).verdict != "differs" for other in others)

        known = {row.case for row in declared(self.library.name) if row.adapter == "facts"}
        others = [f for f in facts(self.library.name).values()
                  if f.id not in known | {fact.id} and not f.id.startswith("law.")]  # fmt: skip
        names = functions_of(str(self.library.name), left)
        found = repairs(names, left, kept, PATIENCE)
        return _with(told, explanations=tuple(r.explained() for r in found[:MOST]))

    def _plain(self, fact: Fact, cause: str | None = None) -> Result:
        """What came of a fact; its cause is the one that is given, is looked for where that is "",
        and is left open where it is None."""
        try:
            with quiet():
                found = fact.run(self.library)
        except Differs as error:
            named = error.explanations or (() if cause is None else error.look(cause))
            return Result(fact.id, "vectors", "differs", error.gap, error.what, named)
        except NotApplicable as reason:
            return Result(fact.id, "vectors", "skipped", told=str(reason))
        except KeyboardInterrupt:
            raise
        except (Exception, SystemExit) as error:  # the library refuses what it should answer
            told = f"raised {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            return Result(fact.id, "vectors", "differs", float("inf"), told)
        return Result(fact.id, "vectors", "agrees", found.gap, notes=found.notes)


def judged(
    target: Any,
    given: Iterable[Any] = (),
    *,
    tiers: Iterable[str] = TIERS,
    progress: Callable[[Result], None] = lambda r: None,
) -> Report:
    """An adapter by the kit's checks, or facts by their own."""
    if isinstance(target, Facts):
        return target.judge(progress, tiers)
    return judge(target, given, tiers=tiers, progress=progress)


def _with(r: Result, **changes: Any) -> Result:
    return Result(**{**vars(r), **changes})


def _declared(row: Row | None, r: Result) -> Result:
    if row is None:
        return r
    if r.verdict != "differs":
        told = f"declared to differ ({row.reason}), but it {r.verdict}: remove the declaration"
        return _with(r, verdict="differs", told=told)
    if row.variant not in {e.name for e in r.explanations}:
        told = f"declared to be {row.variant!r}, but it is not that: {r.told}"
        return _with(r, verdict="differs", told=told)
    told = f"{row.kind}: {row.reason}" + (f" ({row.link})" if row.link else "")
    return _with(r, verdict="differs by design", told=told)
