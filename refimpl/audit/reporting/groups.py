"""Rewards: how large are the groups, and what was normalised together?

    rewards (prompts, G), or (B,) with groups (B,): equal ids share a baseline

A batch is what was normalised together: a recorder's call, or the whole file.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..judging import advantages
from ..judging.advantages import Batch
from ..judging.finding import Finding, Verdict
from ..reading import precision
from ..reading.files import Shard
from ..reading.layout import named
from ..reading.manifest import Manifest
from ..reading.precision import ROUNDOFF


def audit_groups(shards: list[Shard], manifest: Manifest) -> list[Finding]:
    """What shards with rewards tell."""
    batches = [b for shard in shards for b in _batches(shard, manifest)]
    if not batches:
        return []
    return [*_sizes(batches, manifest), *advantages.judged(batches, manifest)]


def _batches(shard: Shard, manifest: Manifest) -> Iterator[Batch]:
    known = named(shard, manifest)
    if "rewards" not in known:
        return
    rewards = known["rewards"].all()
    given = known["advantages"].all() if "advantages" in known else None
    groups = known["groups"].all() if "groups" in known else None
    u = _roundoff(rewards, given)
    if rewards.ndim == 2 and groups is None:
        groups = torch.arange(len(rewards)).repeat_interleave(rewards.shape[1])
    n = rewards.numel()
    if given is not None and given.numel() != n:
        given = _per_sample(shard, given, n)
    rewards = rewards.reshape(-1).double()
    flat = given.reshape(-1).double() if given is not None else None
    if groups is not None and groups.numel() != n:
        raise ValueError(f"{shard.path.name}: {n} rewards and {groups.numel()} groups")
    groups = groups.reshape(-1) if groups is not None else None
    key = known["batch"].all() if "batch" in known and known["batch"].shape == (n,) else None
    ids = torch.zeros(n, dtype=torch.int64) if key is None else key
    for value in torch.unique(ids).tolist():
        used = ids == value
        yield Batch(
            rewards[used],
            flat[used] if flat is not None else None,
            groups[used] if groups is not None else None,
            u,
        )


def _roundoff(rewards: Tensor, given: Tensor | None) -> tuple[float, float]:
    """Of rewards and of advantages; rewards are known no better than the arithmetic on them was.

    A trainer's rewards may be exact (counts, Python's floats); what it makes of them is as coarse
    as the advantages it logs, float32 at the worst.
    """
    ours = precision.logged(given) if given is not None else 0.0
    return max(precision.logged(rewards), min(ours, ROUNDOFF[torch.float32])), ours


def _per_sample(shard: Shard, given: Tensor, n: int) -> Tensor | None:
    """Advantages (B, T), (T, B), or of all rows, that repeat one value over the steps; None where
    each step has its own."""
    if given.numel() % n:
        raise ValueError(
            f"{shard.path.name}: {n} rewards and advantages of shape {tuple(given.shape)}; store "
            "one per sample"
        )
    laid = [given.reshape(-1, n), given.reshape(n, -1).T]  # steps first, samples first
    return next((x[0] for x in laid if bool((x == x[:1]).all())), None)


def _sizes(batches: list[Batch], manifest: Manifest) -> Iterator[Finding]:
    bad = sum(int((~torch.isfinite(b.rewards)).sum()) for b in batches)
    if bad:
        yield Finding("rewards", "differs", detail=f"{bad} rewards are NaN or infinite")
    counts: dict[int, int] = {}
    for b in batches:
        if b.groups is not None:
            for size in torch.unique(b.groups, return_counts=True)[1].tolist():
                counts[size] = counts.get(size, 0) + 1
    if not counts:
        return
    told = ", ".join(f"{k} of {size}" for size, k in sorted(counts.items()))
    rows, off = sum(counts.values()), _alone(batches) if 1 in counts else ""
    if off is None:  # the article's rule gives what is recorded
        del counts[1]
    common = manifest.group or max(counts, key=lambda size: counts[size], default=1)
    problem = ""
    if 1 in counts:
        problem = f"a group of one has no baseline{off}"
    elif len(counts) > 1 or common not in counts:
        multiple = all(size % common == 0 for size in counts)
        problem = f"declared group = {manifest.group}" if common not in counts else (
            "a prompt that comes twice was taken for one group: key groups by draw, not by text"
            if multiple else "groups lost samples, or the sampler split them"
        )  # fmt: skip
    several = len(counts) > 1 and 3 * counts.get(common, 0) <= 2 * sum(counts.values())
    several &= not all(size % common == 0 for size in counts)
    if several and manifest.group is None and 1 not in counts:  # there is no one size to be lost
        told = f"groups: {told}, no size of which most are"
        yield Finding("groups", "convention", rows=rows, detail=told)
        return
    fine: Verdict = "convention" if off is None else "consistent"
    if off is None and not problem:
        told += "; a group of one has no baseline, and its advantage is 0"
    yield Finding(
        "groups", "differs" if problem else fine, rows=rows,
        detail=f"groups: {told}" + (f"; {problem}" if problem else ""),
    )  # fmt: skip


def _alone(batches: list[Batch]) -> str | None:
    """What the advantages of samples without others in their group are, in words; None where all
    are 0, as the article's rule has it of rewards that are all equal."""
    values, rewards = [], []
    for b in batches:
        if b.groups is None:
            continue
        _, index, size = torch.unique(b.groups, return_inverse=True, return_counts=True)
        if b.advantages is None and bool((size == 1).any()):
            return ""
        if b.advantages is not None:
            values.append(b.advantages[size[index] == 1])
            rewards.append(b.rewards[size[index] == 1])
    own, raw = torch.cat(values), torch.cat(rewards)
    if not bool(own.any()):
        return None
    return ": its advantage is the reward itself" if torch.equal(own, raw) else ""
