"""audit(path): everything that a dump tells about the run that wrote it.

    files → tables of rows → probe → formulas → one pass over all rows → findings

Tables of the same kind and columns are audited together, as one; rewards and advantages by batch.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...conformance.adapter.printable import printable
from ..judging.finding import Finding, plain
from ..judging.learning import audit_learning
from ..judging.ratios import MEAN_OF_RATIO
from ..judging.velocities import audit_velocities
from ..reading.fields import FIELDS
from ..reading.files import Shard, open_dump
from ..reading.layout import Table, named, table
from ..reading.manifest import Manifest, parse
from ..reading.probe import take
from ..reading.rollouts import is_rollout
from .groups import audit_groups
from .remade import of_ratio, of_recorded
from .replay import of_replay
from .steps import audit_steps

_POLICY = {"x_t", "x_s", "mean", "log_prob", "kl", "noise"}


@dataclass(frozen=True)
class Part:
    """The findings on tables that have the same columns.

    Attributes:
        title: what they hold, in words.
    """

    title: str
    findings: list[Finding]


@dataclass(frozen=True)
class Report:
    """What the audit found.

    Attributes:
        declared: the conventions that were declared.
        unused: names in the dump that the audit does not know.
        size: bytes.
    """

    path: Path
    parts: list[Part]
    declared: dict[str, Any]
    unused: list[str]
    size: int
    seconds: float

    @property
    def findings(self) -> list[Finding]:
        """All findings."""
        return [f for part in self.parts for f in part.findings]

    @property
    def consistent(self) -> bool:
        """Something was judged, and nothing differs."""
        return self.judged and all(f.verdict != "differs" for f in self.findings)

    @property
    def judged(self) -> bool:
        """Something that was recorded was held against a formula or a law."""
        return any(f.judges for f in self.findings)

    @property
    def missing(self) -> str:
        """What it would have taken to judge anything, in one sentence."""
        wanted = [f"{f.subject}: {f.detail}" for f in self.findings if f.verdict == "not checked"]
        return "; ".join(wanted) or "no quantity with a formula was recorded"


def audit(
    path: str | Path,
    manifest: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Recompute what a dump holds, and judge it.

    Args:
        path: a safetensors, npz or torch file of named tensors, or a folder of them.
        manifest: declared conventions, see `manifest.Manifest`; they win over the dump's own.
        progress: told rows done and rows in all.

    Raises:
        FileNotFoundError, ValueError: what cannot be read, or told apart, and the remedy.
    """
    try:
        return _audited(Path(path), manifest or {}, progress)
    except (ValueError, FileNotFoundError) as error:  # its text may quote names of the record
        missing = isinstance(error, FileNotFoundError)
        raise (FileNotFoundError if missing else ValueError)(printable(error)) from error


def _audited(
    path: Path, manifest: Mapping[str, Any], progress: Callable[[int, int], None]
) -> Report:
    start = time.perf_counter()
    shards = open_dump(path)
    declared = {key: x for shard in shards for key, x in shard.manifest.items()} | dict(manifest)
    told = parse(declared)
    groups: dict[tuple[Any, ...], list[Table]] = {}
    for shard in shards:
        rows = table(shard, told)
        if rows is not None:
            key = (shard.kind, *sorted(rows.columns), rows.layout.partition(",")[0])
            groups.setdefault(key, []).append(rows)
    total, done = sum(t.n for tables in groups.values() for t in tables), 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    parts = [_part(tables, told, step) for tables in groups.values()]
    rewards = audit_groups(shards, told)
    if rewards:
        parts.append(Part("rewards", [plain(f) for f in rewards]))
    if not parts:
        known = ", ".join(FIELDS)
        raise ValueError(
            f"{path} holds {', '.join(sorted(_names(shards)))}, and the audit knows {known}; map "
            "your names in a manifest: [names] x_t = 'latents'"
        )
    used = {name for shard in shards for name in _used(shard, told)}
    return Report(
        path, parts, told.declared, [printable(name) for name in sorted(_names(shards) - used)],
        sum(shard.path.stat().st_size for shard in shards), time.perf_counter() - start,
    )  # fmt: skip


def _names(shards: list[Shard]) -> set[str]:
    return {name for shard in shards for name in shard.columns}


def _used(shard: Shard, told: Manifest) -> set[str]:
    """The shard's own names for what the audit knows."""
    own = {"states", "levels", "means", "stds"} if is_rollout(shard.columns) else set()
    return set(named(shard, told)) | set(told.names.values()) | own


def _of_other_noise(f: Finding, accused: Collection[str]) -> Finding:
    """The verdict on a ratio's mean, which is 1 for noise of a normal law alone."""
    if f.subject != MEAN_OF_RATIO or f.verdict != "differs" or "noise" not in accused:
        return f
    return replace(f, verdict="not checked", detail="it takes noise of a normal law, see noise")


def _part(tables: list[Table], told: Manifest, progress: Callable[[int], None]) -> Part:
    first, n = tables[0], sum(t.n for t in tables)
    if not n:
        raise ValueError(f"{first.shard.path.name} holds {', '.join(first.columns)}, and no rows")
    layout = first.layout if len(tables) == 1 else first.layout.partition(",")[0]
    title = f"{first.shard.kind}: {n} rows, {layout}; {', '.join(sorted(first.columns))}"
    findings: list[Finding] = []
    learnt = list(audit_learning(tables, told))
    if _POLICY & set(first.columns):
        probe = take(tables)
        findings += audit_steps(tables, probe, told, progress)
        findings += audit_velocities(probe, told)
        for ratio in (f for f in learnt if f.subject == "ratio"):
            findings = [of_recorded(f, ratio) for f in findings]
        accused = {f.subject for f in findings if f.verdict == "differs"}
        learnt = [
            of_ratio(f, accused, tables, probe, told) if f.subject == "ratio" else f for f in learnt
        ]
        learnt = [of_replay(f, [*findings, *learnt], probe) for f in learnt]
        learnt = [_of_other_noise(f, accused) for f in learnt]
    findings += learnt
    return Part(printable(title), [plain(f) for f in findings])
