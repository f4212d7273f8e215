"""The run behind `refimpl verify`: proofs and checks in two processes, one table.

A proof comes back as data, and so does a check: what it measured, or the message with which it
failed. Nothing is skipped in silence: a check whose library is not installed is reported as such.
"""

import importlib
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from refimpl.equations import equations

from .check import Check
from .coverage import Row, coverage
from .layers import checks

Verdict = Literal["holds", "fails", "not installed"]

WORKERS = 2
"""Processes; proofs and checks are independent of each other."""


@dataclass(frozen=True)
class Outcome:
    """What came of one proof or check.

    Attributes:
        name: the derivation's id, or `layer.function`.
        layer: "proofs", "numbers", "samplers", "statistics" or "peers".
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
    """

    outcomes: tuple[Outcome, ...]
    rows: tuple[Row, ...]
    seed: int
    seconds: float
    partial: bool

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """Everything that does not hold."""
        return tuple(o for o in self.outcomes if o.verdict == "fails")

    @property
    def gaps(self) -> tuple[str, ...]:
        """Ledger letters claimed without evidence; not asked of a partial run."""
        if self.partial:
            return ()
        return tuple(f"{row.id} lacks {''.join(row.gaps)}" for row in self.rows if row.gaps)

    @property
    def holds(self) -> bool:
        """Whether everything that ran holds and no claim is without evidence."""
        return not self.failures and not self.gaps

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
    wanted = [c.name for c in checks().values() if _concerns(only, c.name, c.covers)]
    ids = [id for id, of in derivation_index().items() if _concerns(only, id, of)]
    if not ids and not wanted:
        raise ValueError(f"nothing matches --only {only!r}; ids are listed by `refimpl eq`")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context, initializer=_one_thread) as pool:
        # The longest first: statistics stand last in the register.
        futures = [pool.submit(check_one, name, seed) for name in reversed(wanted)]
        futures += [pool.submit(prove_one, id) for id in ids]
        for future in as_completed(futures):
            outcomes.append(future.result())
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
    )


def derivation_index() -> dict[str, tuple[str, ...]]:
    """For each derivation the equations it is handed.

    Raises:
        ModuleNotFoundError: the package `derivations` is not installed beside `refimpl`.
    """
    return {id: d.of for id, d in _derivations().load().items()}


def prove_one(id: str) -> Outcome:
    """Prove one derivation; runs in a worker."""
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


def _derivations() -> Any:
    """The proofs are a package of their own, above this one; the runner alone reaches up to it."""
    return importlib.import_module("derivations.run")


def _concerns(only: str | None, name: str, covers: tuple[str, ...]) -> bool:
    return only is None or any(id.startswith(only) for id in (name, *covers))


def check_one(name: str, seed: int) -> Outcome:
    """Run one check by name; runs in a worker."""
    return run_check(checks()[name], seed)


def _one_thread() -> None:
    """Workers share the cores: more threads would only wait for each other."""
    import torch

    torch.set_num_threads(1)


def run_check(c: Check, seed: int) -> Outcome:
    """Run one check; a failure becomes data here, and nowhere below."""
    start = time.perf_counter()
    try:
        evidence = c.run(seed)
    except ModuleNotFoundError as error:
        verdict: Verdict = "not installed" if c.layer == "peers" else "fails"
        return Outcome(c.name, c.layer, c.covers, verdict, str(error), time.perf_counter() - start)
    except Exception as error:  # whatever a check raises is its finding
        found = f"{type(error).__name__}: {error}"
        return Outcome(c.name, c.layer, c.covers, "fails", found, time.perf_counter() - start)
    return Outcome(
        c.name, c.layer, c.covers, "holds", evidence.summary, time.perf_counter() - start, evidence
    )


def by_equation(report: Report) -> dict[str, dict[str, list[Outcome]]]:
    """The outcomes arranged by equation id and layer, in the order of the text."""
    table: dict[str, dict[str, list[Outcome]]] = {id: {} for id in equations()}
    for outcome in report.outcomes:
        for id in outcome.covers:
            table.setdefault(id, {}).setdefault(outcome.layer, []).append(outcome)
    return table
