"""Have Coq check every line of every proof: `python -m derivations.coq.certify`, or `make certify`.

    python -m derivations.coq.certify              check all, compare with what is written down
    python -m derivations.coq.certify --write      check all, write the verdicts down
    python -m derivations.coq.certify kl. sde.     only proofs whose id starts so
    python -m derivations.coq.certify --quick      what has changed since, or was not closed

Exit 1 if Coq refuses a lemma, if a line has none, if a proof leans on an axiom that is not one of
Coq's own for the reals, or if a line has changed since its verdict was written down. `OPEN` names
the lines that are excused, with the reason; one that is closed after all has to leave it.
"""

from __future__ import annotations

import argparse
import collections
import tempfile
import time
from pathlib import Path

from derivations.run import load

from . import compiling, verdicts
from .claims import Claim, claims_of
from .lemmas import Lemma

OPEN: dict[str, str] = {}
"""Lines that Coq has not checked, each with what stands in the way."""


def main(arguments: list[str] | None = None) -> int:
    """Check the lines of all proofs with Coq."""
    asked = _asked(arguments)
    if not compiling.available():
        print("coqc is not installed: apt-get install coq libcoq-coquelicot")
        return 2
    start = time.perf_counter()
    ids = [id for id in load() if id.startswith(tuple(asked.only or ("",)))]
    if asked.quick:
        ids = [id for id in ids if not verdicts.current(id)]
    for id in ids:
        verdicts.sources(id)  # of the code that writes the lemmas now, should it change meanwhile
    everything = claims_of(ids, asked.jobs)
    exported = time.perf_counter()
    unsettled = set(verdicts.unsettled(everything))
    old = set(verdicts.stale(everything))
    chosen = [c for c in everything if c.key in unsettled] if asked.quick else everything
    lemmas = distinct(chosen)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(asked.keep or temporary)
        try:
            axioms = compiling.prepare(folder)
            found = compiling.compile_lemmas(lemmas, folder, asked.jobs)
        except compiling.CoqError as error:
            print(error)
            return 1
    print(_told(everything, chosen, lemmas, found.refused))
    print("assumed by all of it: " + ", ".join(sorted(axioms | found.axioms)))
    print(
        f"written in {exported - start:.0f} s, checked by Coq {compiling.version()} in "
        f"{time.perf_counter() - exported:.0f} s"
    )
    for name, what in found.refused.items():
        print(f"REFUSED {name}: {what}")
    if asked.write:
        verdicts.write(everything, found.refused, compiling.version())
        old = set()
    for key in sorted(old) if not asked.quick else ():
        print(f"changed since its verdict was written down: {key} (--write)")
    wrong = _unexcused(chosen, found.refused)
    for told in wrong:
        print(told)
    return 1 if wrong or (old and not asked.quick) else 0


def _unexcused(chosen: list[Claim], refused: dict[str, str]) -> list[str]:
    """Lines that are not closed and not excused, and excuses that are needed no more."""
    missing = {
        claim.key
        for claim in chosen
        if claim.wanted or any(lemma.name in refused for lemma in claim.lemmas)
    }
    found = [f"not checked: {key}" for key in sorted(missing - OPEN.keys())]
    closed = {claim.key for claim in chosen} - missing
    return found + [f"closed, and still called open: {key}" for key in sorted(closed & OPEN.keys())]


def distinct(found: list[Claim]) -> list[Lemma]:
    """The lemmas of claims, each once: lines may share a step of calculus."""
    return list({lemma.name: lemma for claim in found for lemma in claim.lemmas}.values())


def _told(
    everything: list[Claim], chosen: list[Claim], lemmas: list[Lemma], refused: dict[str, str]
) -> str:
    missing = [c for c in everything if c.wanted]
    reasons = collections.Counter(f"{w.kind}: {w.because}" for c in missing for w in c.wanted)
    kinds = collections.Counter(lemma.kind for lemma in lemmas)
    means = collections.Counter(lemma.means for lemma in lemmas)
    rows = [
        f"{len(everything)} lines, {len(chosen)} of them asked about: "
        f"{len(lemmas)} lemmas, {len(lemmas) - len(refused)} closed, {len(refused)} refused",
        "by what they say: " + ", ".join(f"{n} {k}" for k, n in kinds.most_common()),
        "by what closes them: " + ", ".join(f"{n} {k}" for k, n in means.most_common()),
        f"{len(missing)} lines are not in Coq, or not with all their steps:",
        *(f"  {n} because {reason}" for reason, n in reasons.most_common()),
        *(f"    {c.key}" for c in missing),
    ]
    evaluated = [c for c in everything if c.evaluated]
    rows.append(
        f"{len(evaluated)} lines have a part that is asked about as sympy evaluates it, "
        "not as it is written:"
    )
    rows += [f"    {c.key}: {', '.join(c.evaluated)}" for c in evaluated]
    return "\n".join(rows)


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m derivations.coq.certify", description=main.__doc__
    )
    parser.add_argument("only", nargs="*", help="proofs whose id starts so")
    parser.add_argument("--write", action="store_true", help="write the verdicts down")
    parser.add_argument("--quick", action="store_true", help="only lines that have changed")
    parser.add_argument("--jobs", type=int, default=2, help="files at a time")
    parser.add_argument("--keep", help="a folder in which to leave the files for Coq")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
