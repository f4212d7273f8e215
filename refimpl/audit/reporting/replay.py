"""A ratio that is not 1 before the first update: its causes, without those that the record refutes.

    v = v_old        →   no other velocity, model time or network
    log_prob differs →   see log_prob

What is wrong in what the ratio is made of is the first cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from ..judging.finding import Finding
from ..judging.ratios import CAUSES, LISTED, REPLAYED
from ..judging.velocities import OFF_POLICY
from ..reading.precision import HALF
from ..reading.probe import Probe

_OF_NETWORKS = ("velocity", "time", "network")
_MADE_OF = ("mean", "log_prob", "log_prob_old", "ratio")


def of_replay(finding: Finding, findings: Sequence[Finding], probe: Probe) -> Finding:
    """The same verdict, with the causes that are left.

    Args:
        findings: on what a ratio is made of.
    """
    if finding.subject != REPLAYED or LISTED not in finding.detail:
        return finding
    by = {f.subject: f for f in findings}
    refuted = set(_OF_NETWORKS) if _one_velocity(by, probe) else set[str]()
    if "x_s" in probe.raw and probe.roundoff["x_s"] < HALF:
        refuted.add("latents")
    accused = [n for n in _MADE_OF if n in by and by[n].verdict == "differs"]
    left = [words for name, words in CAUSES.items() if name not in refuted]
    told = f": see {' and '.join(accused)}" if accused else ""
    if _OF_NETWORKS[0] in refuted:
        told += "; v is that of the sampler, and what is made of it is not: levels, std, x_s or "
        told += "what is left out of the density"
    elif left:
        told += f"; causes, the largest first: {', '.join(left)}"
    detail = finding.detail.replace(LISTED, told)
    sound = all(n in by and by[n].verdict != "differs" for n in _MADE_OF[1:])
    if sound and "v against v_old" in by and OFF_POLICY in by["v against v_old"].detail:
        detail = f"{OFF_POLICY}. Or {detail}"
    return replace(finding, detail=detail)


def _one_velocity(by: Mapping[str, Finding], probe: Probe) -> bool:
    """Whether the learner's velocity is the sampler's: recorded so, or the sampler's
    log-probability follows from it."""
    raw = probe.raw
    if {"v", "v_old"} <= set(raw):
        return bool(torch.equal(raw["v"], raw["v_old"]))
    old = by.get("log_prob_old")
    return "v" in raw and old is not None and bool(old.formula) and ", of " not in old.formula
