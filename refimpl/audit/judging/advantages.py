"""Advantages: which standard deviation, which ddof and eps, which bound?

    A = (R − mean of the group)/(std + eps)     std of the group or the batch, ddof 0 or 1, limited?
    A = R − mean of the others                  leave-one-out: no std, or one that is declared

Every combination is tried; those that give the recorded advantages to rounding are named.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from ...equations import grpo
from ...evidence.mistakes import mistakes
from ...evidence.rounding import ROUNDINGS
from ..reading.manifest import Manifest
from . import misplaced, permuted, readings, sums
from .finding import UNLISTED, Finding

_EPS = (0.0, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
_LARGEST = 2**14
"""So many advantages at most are read by the kit's diagnosis."""

_FLAT = 1e-6
"""A spread below this part of the largest reward is rounding: nothing can be told from it."""


@dataclass(frozen=True)
class Rule:
    """One way to make advantages.

    Attributes:
        mistake: its name, or "".
        limit: the bound put on |A|, 0 for none.
        mean: the baseline, of the group or of the sample's others.
    """

    std: str
    ddof: int
    eps: float
    limit: float = 0.0
    mistake: str = ""
    mean: str = "group"

    def __str__(self) -> str:
        told = f"std of the {self.std}, ddof {self.ddof}" if self.std != "none" else "no std"
        told = f"baseline of the others, {told}" if self.mean == "others" else told
        eps = f", eps {self.eps:g}" if self.std != "none" else ""
        return told + eps + (f", limited to ±{self.limit:g}" if self.limit else "")

    def __call__(self, rewards: Tensor) -> Tensor:
        if self.mistake == _CROSSED:
            across = rewards.T.reshape(rewards.shape)
            made = grpo.advantage(across, std=self.std, ddof=self.ddof, eps=self.eps)  # type: ignore[arg-type]
            made = made.reshape(rewards.shape[::-1]).T
        elif self.mistake == _ONE_GROUP:
            flat = rewards.reshape(1, -1)
            made = grpo.advantage(flat, std="group", ddof=self.ddof, eps=self.eps)
            made = made.reshape(rewards.shape)
        elif self.mistake:
            wrong = next(m for m in mistakes("grpo.advantage") if m.name == self.mistake).wrong
            made = wrong(rewards, std=self.std, ddof=self.ddof, eps=self.eps)
        elif self.mean == "others" and self.std == "none":
            made = grpo.leave_one_out(rewards)
        else:
            made = grpo.advantage(rewards, std=self.std, ddof=self.ddof, eps=self.eps)  # type: ignore[arg-type]
            made = _off_the_others(made, rewards) if self.mean == "others" else made
        return grpo.bounded(made, self.limit) if self.limit else made


def _off_the_others(made: Tensor, rewards: Tensor) -> Tensor:
    """Advantages off the group's mean, taken off that of each sample's others."""
    return misplaced.slope(rewards, made) * grpo.leave_one_out(rewards)


_CROSSED = "groups taken across prompts"
_ONE_GROUP = "one group for all"
_REMEDY = {
    _CROSSED: "Samples of different prompts share a baseline. Remedy: a row is a prompt's group",
    _ONE_GROUP: "The baseline is the batch's mean. Remedy: the mean of the sample's own group",
}


@dataclass(frozen=True)
class Batch:
    """Samples that were normalised together: rewards, advantages (B,), groups (B,) or None."""

    rewards: Tensor
    advantages: Tensor | None
    groups: Tensor | None
    roundoff: tuple[float, float]


def judged(batches: list[Batch], manifest: Manifest) -> Iterator[Finding]:
    """The verdict on all batches together."""
    used = [b for b in batches if b.advantages is not None and bool(b.rewards.isfinite().all())]
    if not used:
        yield Finding("advantages", "not checked", detail="it takes rewards and advantages")
        return
    values = torch.cat([b.advantages for b in used if b.advantages is not None])
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        yield Finding(
            "advantages", "differs", rows=len(values),
            detail=f"{bad} advantages are NaN or infinite: a group with equal rewards, or of one?",
        )  # fmt: skip
        return
    squares = [s for b in used for s in _squares(b, manifest)]
    if len(squares) == len(used):
        fitting = [rule for rule in _rules(values, manifest) if _gap(rule, squares) <= 1]
    else:  # groups of several sizes
        each = [[*_by_size(b)] for b in used]
        squares = [s for sizes in each for s in sizes]
        wholes = [b.rewards for b, sizes in zip(used, each, strict=True) for _ in sizes]
        fitting = [
            rule for rule in _rules(values, manifest)
            if not rule.mistake and _gap_by_size(rule, squares, wholes) <= 1
        ]  # fmt: skip
    if not squares:
        yield Finding(
            "advantages", "not checked", detail="groups of two samples or more are needed"
        )
        return
    yield _told(fitting, manifest, len(values), squares)


def _by_size(b: Batch) -> Iterator[misplaced.Square]:
    """Rewards and advantages as (groups, G), for each size of group; those of one have no rule."""
    assert b.advantages is not None
    if b.groups is None:
        return
    _, index, size = torch.unique(b.groups, return_inverse=True, return_counts=True)
    order = torch.argsort(index, stable=True)
    for g in torch.unique(size).tolist() if int(size.max()) > 1 else ():
        of = order[size[index[order]] == g]
        if g > 1:
            yield b.rewards[of].reshape(-1, g), b.advantages[of].reshape(-1, g), b.roundoff


def _gap_by_size(
    rule: Rule, squares: Sequence[misplaced.Square], wholes: Sequence[Tensor]
) -> float:
    """The largest gap, where the std of a batch is that of all its samples, of any group."""
    made = [_on(rule, whole) for whole in wholes]
    return max((_gap(f, [s]) for f, s in zip(made, squares, strict=True)), default=0.0)


def _on(rule: Rule, whole: Tensor) -> misplaced.Rule:
    """The rule for some groups of a batch."""
    if rule.std != "batch" or len(whole) < 2:
        return rule
    plain = grpo.advantage(whole.reshape(1, -1), std="group", ddof=rule.ddof, eps=rule.eps)
    spread = whole.max() - whole.min()
    slope = (plain.max() - plain.min()) / spread if float(spread) > 0 else 0 * spread

    def made(r: Tensor) -> Tensor:
        scaled = slope * grpo.advantage(r, std="none", ddof=0, eps=0.0)
        scaled = _off_the_others(scaled, r) if rule.mean == "others" else scaled
        return grpo.bounded(scaled, rule.limit) if rule.limit else scaled

    return made


def _squares(b: Batch, manifest: Manifest) -> Iterator[misplaced.Square]:
    """Rewards and advantages as (groups, G), where all groups have one size."""
    assert b.advantages is not None
    if b.groups is None:
        g = manifest.group
        sizes = [g] if g else [d for d in range(2, len(b.rewards) + 1) if len(b.rewards) % d == 0]
        sizes = [d for d in sizes if len(b.rewards) % d == 0]
        zero = [
            d for d in sizes
            if float(b.advantages.reshape(-1, d).mean(dim=1).abs().max())
            <= 1e-3 * float(b.advantages.abs().max())
        ]  # fmt: skip
        if zero or sizes:
            d = (zero or sizes)[0]
            yield b.rewards.reshape(-1, d), b.advantages.reshape(-1, d), b.roundoff
        return
    order = torch.argsort(b.groups, stable=True)
    sizes_seen = torch.unique(b.groups, return_counts=True)[1]
    if len(torch.unique(sizes_seen)) == 1 and int(sizes_seen[0]) > 1:
        g = int(sizes_seen[0])
        yield b.rewards[order].reshape(-1, g), b.advantages[order].reshape(-1, g), b.roundoff


def _rules(values: Tensor, manifest: Manifest) -> Iterator[Rule]:
    eps = dict.fromkeys((manifest.eps, *_EPS) if manifest.eps is not None else _EPS)
    highest = float(values.abs().max())
    limits = [0.0, *dict.fromkeys(x for x in (manifest.advantage_limit, highest) if x)]
    for limit in limits:
        yield from (
            Rule(std, ddof, e, limit) for std, e, ddof in product(("group", "batch"), eps, (0, 1))
        )
        yield Rule("none", 0, 0.0, limit)
    keys = {"advantage_mean", "advantage_std", "ddof", "eps"} & set(manifest.declared)
    for limit in limits:
        yield Rule("none", 0, 0.0, limit, mean="others")
        for std, e, ddof in product(("group", "batch"), eps, (0, 1)):
            if manifest.advantage_mean == "others" or not keys:  # else a factor beside what is told
                yield Rule(std, ddof, e, limit, mean="others")
    for name in ("variance for std", "eps under the root", _ONE_GROUP, _CROSSED):
        yield from (
            Rule(std, ddof, e, 0.0, name)
            for std, e, ddof in product(("group", "batch"), eps, (0, 1))
            if not (name == "eps under the root" and e == 0)
        )


def _gap(rule: misplaced.Rule, squares: Sequence[misplaced.Square]) -> float:
    """The largest gap in units of what rounding allows."""
    worst = 0.0
    for rewards, advantages, (u_r, u_a) in squares:
        top = rewards.abs().amax(dim=1, keepdim=True)
        spread = rewards.amax(dim=1, keepdim=True) - rewards.amin(dim=1, keepdim=True)
        told = ((spread > _FLAT * top) | (spread == 0)).expand_as(rewards)
        made = rule(rewards)
        # what one unit of reward is worth, so that a rounding error of the rewards can be sized
        slope = (rule(rewards * (1 + 2.0**-24)) - made).abs() * 2.0**24
        worth = (made.abs().amax(dim=1, keepdim=True) / spread.clamp_min(1e-300)).clamp_max(1e300)
        allowed = u_a * advantages.abs() + u_r * (worth * top * (1 + made.abs()) + slope) * 2
        gap = (made - advantages).abs() / (ROUNDINGS * allowed).clamp_min(1e-300)
        gap = gap.nan_to_num(nan=torch.inf, posinf=torch.inf)
        worst = max(worst, float(gap[told].max()) if bool(told.any()) else 0.0)
    return worst


def _read(squares: list[misplaced.Square], manifest: Manifest, *, brief: bool = False) -> str:
    """What the kit's diagnosis says of advantages that no rule gives.

    Args:
        brief: of all groups together alone, where there is something to say already.
    """
    if sum(r.numel() for r, _, _ in squares) > _LARGEST:
        return ""
    u = max(max(own) for _, _, own in squares)
    whole = [(r, a) for r, a, _ in squares]
    parts = [(r[k::2], a[k::2]) for r, a in whole for k in (0, 1) if len(r) > 3]
    own = len({r.shape[1] for r, _ in whole}) > 1  # then a case is no batch
    untold = (*_UNTOLD, "batch") if own else _UNTOLD
    cases = (whole, parts) if parts and not brief else (whole,)
    for batches, rule in product(cases, _declarable(manifest)):
        given, got = [{"rewards": r.numpy()} for r, _ in batches], [a for _, a in batches]
        told = readings.read("advantages", given, got, u, rule)
        if told and not any(words in told for words in untold):
            return f": {told}"
    return ""


_UNTOLD = (" times the batch's", "size of the group")
"""A number of its own beside one that all rewards have in common: it may as well be another."""


def _declarable(manifest: Manifest) -> Iterator[dict[str, str | int | float]]:
    """Rules that the kit may take for declared."""
    mean: dict[str, str | int | float] = {"advantage_mean": manifest.advantage_mean or "group"}
    if manifest.advantage_std in (None, "none"):
        yield mean | {"advantage_std": "none"}
    every = [manifest.eps] if manifest.eps is not None else [0.0, 1e-4]
    ddofs = [manifest.ddof] if manifest.ddof is not None else [0, 1]
    for eps, ddof in product(every, ddofs) if manifest.advantage_std != "none" else ():
        std = manifest.advantage_std or "group"
        yield mean | {"advantage_std": std, "advantage_ddof": ddof, "advantage_eps": eps}


def _contradicts(rule: Rule, manifest: Manifest, highest: float = 0.0) -> list[str]:
    """The keys of what was declared and is not what this rule does.

    Args:
        highest: the largest |A|: a limit that none reaches is kept without being applied.
    """
    told = {
        "advantage_mean": rule.mean, "advantage_std": rule.std,
        "ddof": rule.ddof if rule.std != "none" else None,
        "eps": rule.eps if rule.std != "none" else None, "advantage_limit": rule.limit or None,
    }  # fmt: skip
    limit = manifest.advantage_limit
    if not rule.limit and limit and highest > limit * (1 + _FLAT):
        told["advantage_limit"] = 0.0
    return [
        key for key, value in told.items()
        if key in manifest.declared and value is not None and manifest.declared[key] != value
    ]  # fmt: skip


_NAMES = {"advantage_std": "batch for group", "ddof": "other ddof", "eps": "other eps"}
_UNBOUNDED = "grpo.bounded: not bounded"


def _told(
    found: list[Rule], manifest: Manifest, rows: int, squares: list[misplaced.Square]
) -> Finding:
    right = [r for r in found if not r.mistake] or found
    if not right:
        raw = all(bool(torch.equal(r, a)) for r, a, _ in squares)
        mean = manifest.advantage_mean or "group"
        rules = [r for r in _rules(squares[0][1], manifest) if not (r.mistake or r.limit)]
        rules = [r for r in rules if r.mean == mean]
        meant = [r for r in rules if not _contradicts(r, manifest)] or rules
        few = sum(r.numel() for r, _, _ in squares) <= _LARGEST
        few &= len({r.shape[1] for r, _, _ in squares}) == 1
        sure = [r for r in meant if r.std == "group" or manifest.advantage_std]

        def fits(made: misplaced.Rule, at: Sequence[misplaced.Square]) -> bool:
            return _gap(made, at) <= 1

        bare = [r for r in meant if r.std == "none"]
        why = sums.told([*bare, *(r for r in sure if r.std != "none")], squares, fits)
        why = why or (misplaced.told(meant, sure, squares, fits) if few else "")
        why = why or (permuted.told(meant, squares, fits) if few and not raw else "")
        own = "" if why or raw else misplaced.in_groups(meant, squares, fits)
        read = f": {why}" if why else _read(squares, manifest, brief=bool(own))
        read = read or (f": {own}" if own else "")
        detail = "they are the rewards themselves" if raw else UNLISTED + read
        return Finding("advantages", "differs", rows=rows, detail=detail)
    highest = max(float(a.abs().max()) for _, a, _ in squares)
    rule = min(
        right, key=lambda r: len(_contradicts(r, manifest, highest))
    )  # the first of the least
    if rule.mistake:
        m = next((m for m in mistakes("grpo.advantage") if m.name == rule.mistake), None)
        why = _REMEDY.get(rule.mistake) or (f"{m.what} Remedy: {m.remedy}" if m else "")
        return Finding(
            "advantages", "differs", f"grpo.advantage: {rule.mistake}", rows=rows,
            detail=f"{rule}; a mistake with a name. {why}",
        )  # fmt: skip
    others = [
        r for r in right
        if r is not rule and r.limit == rule.limit and not _contradicts(r, manifest)
    ]  # fmt: skip
    same = f"; here the same as {others[0]}" if others else ""
    wrong = _contradicts(rule, manifest, highest)
    if wrong:
        called = _NAMES | ({"eps": "eps missing"} if rule.eps == 0 else {})
        if "none" in (rule.std, manifest.advantage_std):  # neither is taken for the other
            called = {k: x for k, x in called.items() if k != "advantage_std"}
        every = [f"grpo.advantage: {called[k]}" for k in wrong if k in called]
        unbounded = "advantage_limit" in wrong and not rule.limit
        names = ", ".join(every + [_UNBOUNDED] * unbounded)
        told = ", ".join(f"{k} = {manifest.declared[k]!r}" for k in wrong)
        beyond = f": no limit, |A| up to {highest:.4g}" if unbounded else ""
        return Finding(
            "advantages", "differs", names or "grpo.advantage", rows=rows,
            detail=f"declared {told}, and the numbers have {rule}{beyond}",
        )  # fmt: skip
    article = rule == Rule("group", 0, 0.0) or any(
        k in manifest.declared for k in ("advantage_std", "ddof", "eps")
    )
    formula, own = "grpo.advantage", ""
    if rule.mean == "others":
        formula, article = "grpo.leave_one_out", manifest.advantage_mean is not None
        own = "" if article else "; not declared: advantage_mean = 'others'"
    return Finding(
        "advantages", "consistent" if article else "convention", formula, rows=rows,
        detail=f"{rule}{same}{own}",
    )  # fmt: skip
