"""Run checks on an adapter: one after the other, tier by tier, never crashing on somebody's code.

    judge(Mine)   →   Report: every check with a verdict

Verdicts: agrees, differs, differs by design (declared and verified), not provided, skipped (a basic
check of the same capability failed, or the check says nothing about this adapter).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .adapter.naming import CannotRun, nearest
from .adapter.printable import printable
from .adapter.subject import Broken, Subject
from .checks import checks
from .checks.register import TIERS, Check, Differs, NotApplicable
from .deviations import Deviation, collected
from .diagnosis.apart import OPEN
from .diagnosis.readings import Explanation, cause

Verdict: TypeAlias = Literal["agrees", "differs", "differs by design", "not provided", "skipped"]


@dataclass(frozen=True)
class Result:
    """The outcome of one check on one adapter.

    Attributes:
        check: its id.
        tier: its tier.
        verdict: what was found.
        gap: the largest difference, relative to the largest value; NaN where nothing was compared.
        told: the difference, or why nothing was asked.
        explanations: what wrong numbers look like, the closest first.
        notes: what the reader should know all the same.
        seconds: how long it took.
    """

    check: str
    tier: str
    verdict: Verdict
    gap: float = float("nan")
    told: str = ""
    explanations: tuple[Explanation, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Texts may quote somebody's names and messages: they are made safe to print."""
        object.__setattr__(self, "told", printable(self.told))
        object.__setattr__(self, "notes", tuple(printable(n) for n in self.notes))

    @property
    def cause(self) -> str:
        """The difference and its explanations, in one line."""
        if not self.explanations:
            return self.told
        return f"{self.told}. {cause(self.explanations)}"


@dataclass(frozen=True)
class Report:
    """All results on one adapter."""

    name: str
    version: str
    declared: dict[str, Any]
    assumed: dict[str, Any]
    results: tuple[Result, ...]
    seconds: float = field(default=0.0)

    @property
    def conforms(self) -> bool:
        """Nothing differs but what was declared."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """What differs."""
        return tuple(r for r in self.results if r.verdict == "differs")

    def count(self, verdict: Verdict) -> int:
        """How many checks came out so."""
        return sum(r.verdict == verdict for r in self.results)


class Runner:
    """Checks on one adapter, each run once.

    Raises:
        CannotRun: nothing is provided, or a deviation concerns what is not provided.
    """

    def __init__(self, target: Any, deviations: Iterable[Any] = (), name: str = "") -> None:
        self.subject = target if isinstance(target, Subject) else Subject(target, name)
        self.checks = dict(checks())
        for fact in self.subject.facts:
            id = printable(fact.id)
            self.checks[id] = Check(id, (), "vectors", tuple(fact.covers), fact.run)
        own = self.subject._attribute("deviations") or ()
        self.deviations = {d.case: d for d in collected([*own, *deviations], tuple(self.checks))}
        for case in self.deviations:
            absent = [n for n in self.checks[case].needs if n not in self.subject]
            if absent:
                raise CannotRun(
                    f"a deviation is declared for {case!r}, but {absent[0]} is not provided"
                )
        self._done: dict[str, Result] = {}

    def result(self, id: str) -> Result:
        """The result of one check; basic checks that it depends on run first."""
        if id not in self.checks:
            raise CannotRun(f"no check is called {id!r}{nearest(id, self.checks)}")
        if id not in self._done:
            began = time.perf_counter()
            r = self._judged(self.checks[id])
            self._note(r)
            self._done[id] = Result(r.check, r.tier, r.verdict, r.gap, r.told, r.explanations,
                                    r.notes, time.perf_counter() - began)  # fmt: skip
        return self._done[id]

    def _note(self, r: Result) -> None:
        """What the checks that follow should know: values without a cause have none elsewhere."""
        capability, _, kind = r.check.partition(".")
        if r.tier == "basic" and r.verdict in ("differs", "differs by design"):
            self.subject.failed.add(capability)
        if kind == "value" and r.verdict == "differs":
            self.subject.read[capability] = r.explanations
            if not r.explanations:
                self.subject.nameless.add(capability)
            if any(e.kind == OPEN for e in r.explanations):
                self.subject.half_read.add(capability)

    def _judged(self, check: Check) -> Result:
        absent = [n for n in check.needs if n not in self.subject]
        if absent:
            return Result(check.id, check.tier, "not provided", told=f"no {', '.join(absent)}")
        if check.tier != "basic":
            for capability in check.needs:
                basic = self.result(f"{capability}.basic")
                if basic.verdict != "agrees":
                    return Result(
                        check.id, check.tier, "skipped", told=f"{basic.check} {basic.verdict}"
                    )
        return self._declared(check, self._plain(check))

    def _plain(self, check: Check) -> Result:
        self.subject.searching = self.subject.nameless.isdisjoint(check.needs)
        try:
            found = check.run(self.subject.holder if not check.needs else self.subject)
        except Differs as error:
            return Result(
                check.id, check.tier, "differs", error.gap, error.what, error.explanations
            )
        except Broken as error:
            return Result(check.id, check.tier, "differs", float("inf"), str(error))
        except NotApplicable as reason:
            return Result(check.id, check.tier, "skipped", told=str(reason))
        except CannotRun:
            raise
        except (Exception, SystemExit) as error:  # results of a form that no check foresees
            told = f"the check broke on what it was given: {type(error).__name__}: {error}"
            return Result(check.id, check.tier, "differs", float("inf"), told)
        return Result(check.id, check.tier, "agrees", found.gap, notes=found.notes)

    def _declared(self, check: Check, r: Result) -> Result:
        d = self.deviations.get(check.id)
        if d is None:
            return r
        if r.verdict != "differs":
            told = f"declared to differ ({d.reason}), but it {_shown(r)}: remove the declaration"
            return Result(check.id, check.tier, "differs", r.gap, told)
        refused = "raised" in r.told
        if d.kind == "unsupported" and not refused:
            told = f"declared as unsupported, but it answers, and wrongly: {r.told}"
            return Result(check.id, check.tier, "differs", r.gap, told, r.explanations)
        if d.variant and d.kind != "unsupported" and not _meets(d, r):
            told = f"declared to be {d.variant!r}, but it is not that: {r.told}"
            return Result(check.id, check.tier, "differs", r.gap, told, r.explanations)
        told = f"{d.kind}: {d.reason}" + (f" ({d.link})" if d.link else "")
        return Result(check.id, check.tier, "differs by design", r.gap, told, r.explanations)


def _shown(r: Result) -> str:
    return "agrees" if r.verdict == "agrees" else f"was not asked ({r.told})"


def _meets(d: Deviation, r: Result) -> bool:
    def plain(name: str) -> str:
        return name.replace("'", "").replace('"', "").replace(" ", "").lower()

    return any(plain(d.variant) == plain(e.name) for e in r.explanations)


def judge(
    target: Any,
    deviations: Iterable[Any] = (),
    *,
    tiers: Iterable[str] = TIERS,
    name: str = "",
    progress: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Every check on one adapter.

    Args:
        target: a class, instance, module or dictionary; see the page on adapters.
        deviations: what is known to differ.
        tiers: which tiers to run.
        name: what to call the adapter.
        progress: called after each check.

    Raises:
        CannotRun: see `Runner`, `Subject` and `Deviation`.
    """
    began = time.perf_counter()
    wanted = set(tiers)
    for tier in wanted - set(TIERS):
        raise CannotRun(f"no tier is called {tier!r}{nearest(tier, TIERS)}")
    runner, results = Runner(target, deviations, name), []
    for check in runner.checks.values():
        if check.tier in wanted:
            results.append(runner.result(check.id))
            progress(results[-1])
    c = runner.subject.conventions
    assumed = {key: c[key] for key in c if key not in c.declared}
    return Report(runner.subject.name, runner.subject.version, dict(c.declared), assumed,
                  tuple(results), time.perf_counter() - began)  # fmt: skip
