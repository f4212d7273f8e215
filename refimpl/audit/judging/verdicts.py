"""From formulas that fit to a verdict and a sentence.

    article → consistent      convention → said, or consistent if declared      mistake → differs

What was declared decides first: among formulas that fit, one that agrees with the manifest is
taken; where none does, that is the finding.
"""

from collections.abc import Sequence

from ..reading.manifest import Manifest
from .finding import UNLISTED, Finding, Tally, Verdict
from .fit import Match
from .formulas import Formula

_STANDING = {"article": 0, "convention": 1, "mistake": 2}


_MISTAKES = {
    "log_prob = 'sum'": "policy.total: mean for sum",
    "log_prob = 'mean'": "policy.average: sum for mean",
    "kl_reduction = 'sum'": "policy.total: mean for sum",
    "kl_reduction = 'mean'": "policy.average: sum for mean",
}
"""Names for what contradicts a declaration."""


def against(formula: Formula, manifest: Manifest) -> list[str]:
    """What was declared and is not what this formula does, as "key = value"."""
    told = manifest.declared
    return [f"{k} = {told[k]!r}" for k, v in formula.declared.items() if k in told and told[k] != v]


def announced(formula: Formula, manifest: Manifest) -> bool:
    """Whether the manifest announces this formula, in every respect that it has a key for."""
    if formula.standing == "mistake" and not formula.declarable:
        return False
    keys = {k: v for k, v in formula.declared.items() if v}
    return bool(keys) and not _undeclared(formula, manifest)


def _undeclared(formula: Formula, manifest: Manifest) -> list[str]:
    """What this formula does and was not declared, as "key = value"."""
    told = {"constants": "kept"} | manifest.declared
    if "log_prob" in told and ".k" in str(manifest.kl):  # estimates are of the row's log-ratio
        told = {"kl_reduction": told["log_prob"]} | told
    return [f"{k} = {v!r}" for k, v in formula.declared.items() if v and told.get(k) != v]


def _open(formula: Formula, manifest: Manifest) -> str:
    """What a convention lacks of being declared; the keys where some others were."""
    some = set(formula.declared) & set(manifest.declared)
    return "not declared" + (f": {', '.join(_undeclared(formula, manifest))}" if some else "")


def _in_part(formula: Formula, manifest: Manifest) -> bool:
    """Whether what would be a mistake is declared, and only how coordinates are reduced is not."""
    told, keys = manifest.declared, {k: v for k, v in formula.declared.items() if v}
    own = [k for k in keys if k in ("constants", "kl")]
    return formula.declarable and bool(own) and all(told.get(k) == keys[k] for k in own)


def preferred(found: Sequence[Match], manifest: Manifest) -> Match | None:
    """The likeliest of the formulas that fit; of mistakes first those in the declared sampler."""
    own = sampler_of(manifest)
    return min(
        found,
        key=lambda m: (
            bool(against(m.formula, manifest)), _STANDING[m.formula.standing],
            not m.formula.name.startswith(own),
        ),
        default=None,
    )  # fmt: skip


def sampler_of(manifest: Manifest) -> str:
    """The sampler that was declared, by its name or by a schedule that it alone has; or ""."""
    return manifest.sampler or ("kernels.preserving" if manifest.schedule == "cps" else "")


NO_CLOSER = (
    "no closer than bfloat16 allows: an operand was rounded on the way, or the arithmetic was, or "
    "another formula lies as near"
)


def judged(
    subject: str, chosen: Match | None, others: Sequence[Match], tally: Tally, manifest: Manifest,
    *, stored: str = "", failing: str = "",
) -> Finding:  # fmt: skip
    """The verdict on one quantity.

    Args:
        others: all formulas that fit the probe.
        stored: what to say where the numbers fit only if inputs were rounded when stored; "" where
            that is harmless.
        failing: what the rows that do not fit look like.
    """
    if chosen is None:
        return Finding(
            subject, "differs", rows=tally.rows,
            detail=UNLISTED + (f": {failing}" if failing else ""),
        )  # fmt: skip
    formula = chosen.formula
    verdict: Verdict = "consistent" if formula.standing == "article" else "differs"
    told = []
    if formula.standing == "convention":
        verdict = "consistent" if announced(formula, manifest) else "convention"
        told += (
            []
            if against(formula, manifest)
            else ["declared" if verdict == "consistent" else _open(formula, manifest)]
        )
    elif formula.standing == "mistake":
        if announced(formula, manifest):
            verdict = "consistent"
            told.append("declared")
        elif _in_part(formula, manifest):
            verdict = "convention"
            told.append("declared in part")
        else:
            named = f"a mistake with a name. {formula.what} Remedy: {formula.remedy}"
            told.append(stored or named)
    contradicted = against(formula, manifest)
    if contradicted:
        verdict = "differs"
        names = [_MISTAKES[c] for c in contradicted if c in _MISTAKES]
        equals = f": the mistake {' and '.join(names)}" if names else ""
        told.insert(0, f"declared {', '.join(contradicted)}, and the numbers are not that{equals}")
    if chosen.level == "stored" and stored:
        verdict = "differs"
        told.append(stored)
    elif chosen.level == "stored":
        told.append("to the rounding of its inputs as they were stored")
    elif chosen.level == "half":
        verdict = "differs"
        told.append(NO_CLOSER)
    if tally.beyond:
        verdict = "differs"
        told.append(
            f"{tally.beyond} of {tally.rows} rows do not fit, the first is row {tally.first}"
            + (f": {failing}" if failing else "")
        )
    same = [
        m.formula.name for m in others
        if m.formula.standing != "mistake" and m.formula.name != formula.name
    ]  # fmt: skip
    if same and formula.standing != "mistake":
        told.append(f"here the same as {', '.join(dict.fromkeys(same))}")
    names = [m.formula.name for m in others if m.formula.standing == "mistake"]
    name = formula.name
    if formula.standing == "mistake":  # where several explain it, all are named
        short = [n for n in names if not any(n.startswith(f"{m},") for m in names)]
        if (own := sampler_of(manifest)) and name.startswith(own):
            short = [n for n in short if n.startswith(own)]
        name = " or ".join(dict.fromkeys([name, *short][:4]))
    return Finding(
        subject, verdict, name, tally.gap, tally.allowed, tally.rows,
        "; ".join(told),
    )  # fmt: skip
