"""The run behind `refimpl verify`: proofs and checks in two processes, one table.

A proof comes back as data, and so does a check: what it measured, or the message with which it
failed. Nothing is skipped in silence: a check whose library is not installed is reported as such,
and a run that is interrupted reports what it has, as partial.
"""

import contextlib
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from refimpl.equations import equations

from .check import Check
from .coverage import Row, coverage
from .kills import strike
from .layers import checks
from .workers import Died, carried_out

Verdict = Literal["holds", "fails", "not installed"]

WORKERS = 2
"""Processes; proofs and checks are independent of each other."""


@dataclass(frozen=True)
class Outcome:
    """What came of one proof or check.

    Attributes:
        name: the derivation's id, or `layer.function`.
        layer: "proofs", "numbers", "samplers", "statistics", "training" or "peers".
        covers: equation ids that it speaks for.
        detail: one line: what was measured, or why it fails.
        evidence: the Proof, or the Evidence, or None where it fails.
    """

    name: str
    layer: str
    covers: tuple[str, ...]
    verdict: Verdict
    detail: str
    seconds: float
    evidence: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Report:
    """A whole run.

    Attributes:
        outcomes: in the order in which they came in.
        rows: the coverage table that they support.
        seed: what the checks were called with.
        seconds: wall-clock time.
        partial: whether only some ids were asked for.
        asked: how many proofs and checks were asked for.
    """

    outcomes: tuple[Outcome, ...]
    rows: tuple[Row, ...]
    seed: int
    seconds: float
    partial: bool
    asked: int

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped before its end."""
        return len(self.outcomes) < self.asked

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """Everything that does not hold."""
        return tuple(o for o in self.outcomes if o.verdict == "fails")

    @property
    def gaps(self) -> tuple[str, ...]:
        """Ledger letters claimed without evidence; not asked of a part of a run."""
        if self.partial or self.interrupted:
            return ()
        return tuple(f"{row.id} lacks {''.join(row.gaps)}" for row in self.rows if row.gaps)

    @property
    def verdict(self) -> Literal["holds", "fails", "interrupted"]:
        """In a word; what fails is said of an interrupted run too."""
        if self.failures or self.gaps:
            return "fails"
        return "interrupted" if self.interrupted else "holds"

    @property
    def holds(self) -> bool:
        """Whether all that was asked for ran and holds, and no claim is without evidence."""
        return self.verdict == "holds"

    def proofs(self) -> dict[str, Any]:
        """The proofs by derivation id."""
        return {o.name: o.evidence for o in self.outcomes if o.layer == "proofs"}


def verify(
    only: str | None = None,
    seed: int = 0,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    docs: Path | None = None,
) -> Report:
    """Run every proof and every check, or those that concern the ids starting with `only`.

    An interrupt ends the run at once; the report then holds what had come in.

    Args:
        only: the beginning of an equation id, such as "sde" or "sde.drift".
        seed: handed to each check; the checks mix it with their own name.
        on_outcome: called with each outcome as it comes in.
        docs: the folder of pages, for the coverage table.

    Raises:
        ValueError: no equation, proof or check matches `only`.
    """
    start = time.perf_counter()
    outcomes: list[Outcome] = []
    asked = jobs(only, seed)
    with (
        contextlib.suppress(KeyboardInterrupt),
        contextlib.closing(carried_out(asked, _job, WORKERS)) as results,
    ):
        for (kind, name, _), found in results:
            outcomes.append(_lost(kind, name, found) if isinstance(found, Died) else found)
            on_outcome(outcomes[-1])
    proved = {
        o.name: o.evidence.rows for o in outcomes if o.layer == "proofs" and o.verdict == "holds"
    }
    held = [o.name for o in outcomes if o.layer != "proofs" and o.verdict == "holds"]
    return Report(
        tuple(outcomes),
        tuple(coverage(proved, held, docs)),
        seed,
        time.perf_counter() - start,
        partial=only is not None,
        asked=len(asked),
    )


def jobs(only: str | None, seed: int = 0) -> list[tuple[Literal["check", "prove"], str, int]]:
    """What a run carries out: kind, name and seed; the longest first, which are registered last.

    Raises:
        ValueError: no equation, proof or check matches `only`.
    """
    if only == "":
        raise ValueError("--only is empty: leave it out to run everything")
    wanted = [c.name for c in checks().values() if _concerns(only, c.name, c.covers)]
    ids = [id for id, of in derivation_index().items() if _concerns(only, id, of)]
    if not ids and not wanted:
        raise ValueError(f"nothing matches --only {only!r}; ids are listed by `refimpl eq`")
    return [
        *(("check", name, seed) for name in reversed(wanted)),
        *(("prove", id, seed) for id in ids),
    ]


def _job(kind: Literal["check", "prove"], name: str, seed: int) -> Outcome:
    """One job of a worker."""
    return check_one(name, seed) if kind == "check" else prove_one(name)


def _lost(kind: str, name: str, died: Died) -> Outcome:
    """A worker that died is a failure of what it ran."""
    if kind == "prove":
        return Outcome(name, "proofs", derivation_index()[name], "fails", str(died), 0.0)
    c = checks()[name]
    return Outcome(name, c.layer, c.covers, "fails", str(died), 0.0)


def derivation_index() -> dict[str, tuple[str, ...]]:
    """For each derivation the equations it is handed.

    Raises:
        ModuleNotFoundError: the package `derivations` is not installed beside `refimpl`.
    """
    return {id: d.of for id, d in _derivations().load().items()}


def prove_one(id: str) -> Outcome:
    """Prove one derivation."""
    module = _derivations()
    start = time.perf_counter()
    d = module.load()[id]
    try:
        proof = module.prove(d)
    except Exception as error:  # a proof that breaks is a proof that fails, with its reason
        return Outcome(
            id,
            "proofs",
            d.of,
            "fails",
            f"{type(error).__name__}: {error}",
            time.perf_counter() - start,
        )
    detail = (
        f"{len(proof.steps)} equalities, {len(proof.controls)} neighbours refuted"
        if proof.proved
        else "; ".join(proof.problems)
    )
    return Outcome(
        id, "proofs", d.of, "holds" if proof.proved else "fails", detail, proof.seconds, proof
    )


def refuted_by_proof(equation_id: str, wrong: Callable[..., Any]) -> bool:
    """Whether any derivation of the equation is refuted with the wrong formula in its place."""
    module = _derivations()
    return any(
        module.refutes(d, equation_id, wrong) for d in module.load().values() if equation_id in d.of
    )


def formulas(id: str) -> list[str]:
    """The formula of an equation as its author wrote it, in LaTeX, line by line.

    It is read off the source and read back; a line for each choice, then one for each local.
    """
    printed = importlib.import_module("derivations.engine.formula").formula(id)
    lines = [
        f"{line.left} {line.relation} {line.tex}" + (f"   ({line.choice})" if line.choice else "")
        for line in printed.lines
    ]
    return lines + [f"where {local.left} = {local.tex}" for local in printed.where]


def _derivations() -> Any:
    """The proofs are a package of their own, above this one; only this module reaches up to it."""
    return importlib.import_module("derivations.run")


def _concerns(only: str | None, name: str, covers: tuple[str, ...]) -> bool:
    return only is None or any(id.startswith(only) for id in (name, *covers))


def check_one(name: str, seed: int) -> Outcome:
    """Run one check by name."""
    return run_check(checks()[name], seed)


def run_check(c: Check, seed: int) -> Outcome:
    """Run one check, then with its designated mistakes planted, which must turn it red.

    A failure becomes data here, and nowhere below.
    """
    start = time.perf_counter()
    try:
        evidence = c.run(seed)
        planted = strike(c, seed)
    except ModuleNotFoundError as error:
        verdict: Verdict = "not installed" if c.layer == "peers" else "fails"
        return Outcome(c.name, c.layer, c.covers, verdict, str(error), time.perf_counter() - start)
    except Exception as error:  # whatever a check raises is its finding
        found = f"{type(error).__name__}: {error}"
        return Outcome(c.name, c.layer, c.covers, "fails", found, time.perf_counter() - start)
    told = evidence.summary + (f"; {planted} planted mistakes rejected" if planted else "")
    return Outcome(c.name, c.layer, c.covers, "holds", told, time.perf_counter() - start, evidence)


def by_equation(report: Report) -> dict[str, dict[str, list[Outcome]]]:
    """The outcomes arranged by equation id and layer, in the order of the text."""
    table: dict[str, dict[str, list[Outcome]]] = {id: {} for id in equations()}
    for outcome in report.outcomes:
        for id in outcome.covers:
            table.setdefault(id, {}).setdefault(outcome.layer, []).append(outcome)
    return table
