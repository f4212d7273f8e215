"""What the pages say of the second kernel: a pill at a proof, counts, and a row for each claim."""

import functools
from collections.abc import Callable

from wording import plain

from derivations.coq import Checked, verdicts
from derivations.coq import checked as look_up
from derivations.coq.certify import OPEN
from derivations.coq.claims import as_printed
from derivations.run import Proof, load

CONFIRMED = ("rational identity", "identity of roots", "trigonometric identity")
"""Methods of the engine after which a line is evaluated again in interval arithmetic."""

Pill = Callable[[str, str], str]


@functools.cache
def checked(id: str) -> Checked:
    """What may be said of a derivation, looked up once a run."""
    return look_up(id)


def said(proof: Proof, pill: Pill) -> str:
    """The pill at a proof; nothing is said of lines that have changed since Coq saw them."""
    found = checked(proof.id)
    if not found.closed:
        return ""
    if found.whole:
        return pill("checked by Coq", "proved") + f" all {found.lines} lines"
    return pill("checked by Coq", "proved") + f" {found.closed} of {found.lines} lines"


def counts() -> str:
    """How many lines Coq has checked, and which not."""
    by_id = {id: checked(id) for id in load()}
    lines = sum(one.lines for one in by_id.values())
    closed = sum(one.closed for one in by_id.values())
    steps = len(as_printed())
    version = verdicts.recorded()["coq"]
    told = [f"Coq {version} has checked {closed} of {steps} lines, each as it stands now."]
    if lines != steps:
        told.append(f"{steps - lines} have not been put to it.")
    if closed == steps:
        return told[0]
    rows = [f"- `{key}`: {plain(why)}" for key, why in sorted(open_lines(by_id).items())]
    told += ["Open:"] if rows else []
    return "\n".join([" ".join(told), *([""] if rows else []), *rows])


def open_lines(by_id: dict[str, Checked]) -> dict[str, str]:
    """The lines that are not checked as they stand, with the reason."""
    found: dict[str, str] = {}
    known = verdicts.recorded()["claims"]
    for id, one in by_id.items():
        missing = dict(one.missing)
        keys = [key for key in known if key.partition(" ")[0] == id]
        for key in keys:
            if key in one.stale:
                found[key] = "changed since Coq saw it"
            elif known[key]["verdict"] != verdicts.CLOSED:
                found[key] = OPEN.get(key, missing.get(key, "the tactic does not close it"))
    return found


def table(proofs: list[Proof], link: Callable[[str], str]) -> str:
    """A row for each derivation: how many of its lines were settled by whom."""
    rows = [
        "| claim | lines | computer algebra | intervals | Coq on symbols | Coq on functions |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    theorems = verdicts.theorems()
    for proof in proofs:
        algebra = sum(step.verdict == "PROVED" for step in proof.steps)
        again = sum(step.method in CONFIRMED for step in proof.steps)
        names = ", ".join(f"`{name}`" for name in theorems.get(proof.id, ()))
        rows.append(
            f"| {link(proof.id)} | {len(proof.steps)} | {algebra} | {again} "
            f"| {checked(proof.id).closed} | {names} |"
        )
    return "\n".join(rows)
