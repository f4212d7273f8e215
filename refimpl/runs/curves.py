"""What curves can show, and which record would decide the rest.

    ratio, clip share, KL, an update's KL, dead groups, advantages, reward   →   findings

Means of a batch are all that a curve holds, and nobody knows when they were logged. So "violated"
is said only of what no right run logs (a first ratio far from 1, a divergence that is mostly below
0, numbers that are none), and "watch" of what has an innocent reading too.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from .doctor import Diagnosis, Finding, Verdict
from .exports import Curves, read

_NAMES = {
    "ratio": r"(^|[/. ])((train|mean|avg|policy|importance|sampling|is|prob|likelihood)_)*ratios?"
             r"([/_. ]?(mean|avg))?$",
    "ratio's spread": r"(?<!clip_)ratio([/_. ]?)(std|spread)$",
    "clip share": r"(^|[/_. ])(pg_)?clip_?(frac|fraction|share|ratio)([/_. ]?(region_)?mean)?$",
    "an update's KL": r"(^|[/. _])(approx_?|ppo_|old_)kl([/_. ]?mean)?$",
    "KL": r"(^|[/. ]|(?<!target)(?<!max)(?<!init)_)(actor_)?kl"
          r"(_loss|_div|_divergence|[/_. ]?mean)?$",
    "replay gap": r"log_?probs?(_abs)?_diff([/_. ]?(mean|avg))?$",
    "dead groups": r"(zero_std|dead_group|frac_reward_zero_std|zero_var)",
    "group's spread": r"(reward|group)s?[/_. ](group_)?std([/_. ]?mean)?$",
    "advantages' mean": r"(adv(antage)?s?[/_. ]?mean|mean_adv(antage)?s?)$",
    "advantages' std": r"(adv(antage)?s?[/_. ]?std|std_adv(antage)?s?)$",
    "reward": r"(^|[/. ]|(?<!kl)(?<!min)(?<!max)(?<!std)_)rewards?"
              r"([/_. ]?(mean|avg|total|ori_avg))?$",
}  # fmt: skip
"""Names of columns. What only ends like one (zero_std_ratio, clip_ratio, target_kl) is another, and
the divergence of an update from the policy that sampled (ppo_kl) is not the one from the reference.
"""

RECORD = (
    "record one rollout (x_t, x_s, t, s, v, std, log_prob, log_prob_old, ratio, rewards, groups, "
    "advantages) and run `refimpl audit`: a batch's mean cannot tell more"
)


@dataclass(frozen=True)
class Curve:
    """One metric.

    Attributes:
        name: as in the file.
        values: finite ones, in the file's order; each with its step.
    """

    name: str
    values: tuple[tuple[float, float], ...]
    broken: int

    @property
    def numbers(self) -> list[float]:
        """The values without their steps."""
        return [x for _, x in self.values]


def examine(path: Path, clip: float | None = None) -> Diagnosis:
    """Judge exported curves.

    Args:
        path: see `exports`.
        clip: the width ε of the ratio's clip, if it is known.

    Raises:
        FileNotFoundError, ValueError: no file of curves, or none that can be judged.
    """
    curves = recognised(read(path))
    if not curves:
        raise ValueError(
            f"{path} holds no curve that is known here ({', '.join(_NAMES)}): rename the columns, "
            "for example to ratio, clip_frac, kl, reward, reward_std, adv_mean, adv_std"
        )
    findings = [f for judge in _JUDGES for f in judge(curves, clip)]
    steps = max(len(c.values) for c in curves.values())
    if not findings:
        names = ", ".join(c.name for c in curves.values())
        raise ValueError(
            f"{path}: {names} over {steps} steps judge nothing: a reward takes 10 steps, a ratio's "
            "spread takes --clip"
        )
    return Diagnosis(str(path), "curves", steps, True, (*findings, _open(curves)), ())


def recognised(curves: Curves) -> dict[str, Curve]:
    """The curves that have a meaning here, the first of each; the shortest name wins."""
    found: dict[str, Curve] = {}
    for name in sorted(curves, key=len):
        for meaning, pattern in _NAMES.items():
            if meaning not in found and re.search(pattern, name.lower()):
                rows = curves[name]
                whole = tuple(p for p in rows if math.isfinite(p[1]))
                if rows:
                    found[meaning] = Curve(name, whole, len(rows) - len(whole))
                break
    return {meaning: c for meaning, c in found.items() if c.values or c.broken}


def _open(curves: dict[str, Curve]) -> Finding:
    absent = [name for name in _NAMES if name not in curves]
    seen = f"not logged: {', '.join(absent)}" if absent else "everything that is looked for"
    return Finding("what would decide", "a record of one rollout", seen, "shown", RECORD)


# ---------------------------------------------------------------- the judges


def _found(
    name: str, expected: str, seen: str, wrong: str = "", verdict: Verdict = "watch"
) -> Finding:
    """A finding that holds, or is wrong for a reason."""
    return Finding(name, expected, seen, verdict if wrong else "holds", wrong)


def _shown(name: str, expected: str, seen: str, meaning: str) -> Finding:
    return Finding(name, expected, seen, "shown", meaning)


def _whole(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    for c in curves.values():
        if c.broken:
            seen = f"{c.broken} values are not numbers"
            why = "the run has diverged, or divides by 0"
            yield _found(c.name, "finite", seen, why, "violated")


def _ratio(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    c = curves.get("ratio")
    if c is None or not c.values:
        return
    first, expected = c.numbers[0], "1 before the first update"
    seen, far = f"{first:.6g} in the first row", abs(first - 1)
    if far > 0.1:
        why = (
            "replay is not exact: guidance, prompt, model time or stored latents differ between "
            "rollout and training"
        )
        yield _found(c.name, expected, seen, why, "violated")
    else:
        why = "exact replay gives 1 to 1e-6; or the first row was logged after an update"
        yield _found(c.name, expected, seen, why if far > 1e-6 else "")
    if all(abs(y - 1) <= 1e-9 for y in c.numbers):
        why = (
            "one update a rollout: the ratio is 1 by construction and the clip never acts; the "
            "gradient is not 0"
        )
        yield _shown(c.name, "moves after an update", "1 in every row", why)


def _floor(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    c = curves.get("ratio's spread")
    if c is None or not c.values or clip is None:
        return
    spread = c.numbers[0]
    why = "the clip lies below the noise floor of the replay: it cuts at random"
    yield _found("clip width", "above the ratio's spread before the first update",
                 f"clip {clip:g}, spread {spread:.3g} in the first row",
                 why if spread > clip / 2 else "")  # fmt: skip


def _clip(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    c = curves.get("clip share")
    if c is None or not c.values:
        return
    x = [y / 100 if max(c.numbers) > 1 else y for y in c.numbers]
    middle = fmean(x)
    why = (
        "before any update nothing has moved: replay noise exceeds the clip, or the row was logged "
        "after updates"
    )
    seen = f"{x[0]:.1%} in the first row"
    yield _found(c.name, "0 before the first update", seen, why if x[0] > 0.01 else "")
    why = (
        "most gradients are cut: the step is too large, or the clip belongs to averaged "
        "log-probabilities and is used on sums"
    )
    yield _found(c.name, "below a half", f"{middle:.1%} on average", why if middle > 0.5 else "")
    if max(x) == 0:
        why = "the clip never acts: one update a rollout, or a wide clip"
        yield _shown(c.name, "acts sometimes", "0 in every row", why)


def _kl(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    c = curves.get("KL")
    if c is None or not c.values:
        return
    x = c.numbers
    negative = sum(y < 0 for y in x)
    seen = f"{min(x):.3g} to {max(x):.3g}" + (f", {negative} of {len(x)} below 0" * bool(negative))
    if negative > len(x) / 2:
        why = (
            "a divergence is never negative: the sign is turned, or log-probabilities of another "
            "sample are compared"
        )
        yield _found(c.name, "0 or more", seen, why, "violated")
    else:
        why = (
            "an estimate from one draw (k1) may be negative; the KL of two steps with one std, "
            "(m − m')²/(2 std²), may not"
        )
        yield _found(c.name, "0 or more", seen, why if negative else "")
    starts = abs(x[0]) > 1e-6 and abs(x[0]) > 0.1 * max(abs(y) for y in x)
    why = (
        "policy and reference differ before training: another velocity, precision or adapter; or "
        "the row was logged after an update"
    )
    yield _found(c.name, "0 at the start", f"{x[0]:.3g} in the first row", why if starts else "")
    why = (
        "averaged over coordinates it is nats divided by D (65,536 for SD3.5 at 512 px), and "
        "without h another factor; its weight β belongs to that definition"
    )
    yield _shown(c.name, "a unit that is named", f"{fmean(x):.3g} on average", why)


def _update(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    """How far the updates of one rollout lead from the policy that sampled it."""
    c = curves.get("an update's KL")
    if c is None or not c.values:
        return
    x = c.numbers
    why = "the replay is not exact, or the row was logged after an update"
    starts = abs(x[0]) > 1e-6 and abs(x[0]) > 0.1 * max(abs(y) for y in x)
    yield _found(c.name, "0 before the first update", f"{x[0]:.3g} in the first row",
                 why if starts else "")  # fmt: skip
    if all(y == 0 for y in x):
        why = "one update a rollout: the policy that is scored is the one that sampled"
        yield _shown(c.name, "moves after an update", "0 in every row", why)
    negative = sum(y < 0 for y in x)
    if negative:
        why = "the mean of old − new log-probabilities is an estimate, and may be negative"
        yield _shown(c.name, "0 or more on average", f"{negative} of {len(x)} below 0", why)


def _replayed(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    """How far log-probabilities of rollout and training lie apart."""
    c = curves.get("replay gap")
    if c is None or not c.values:
        return
    first = c.numbers[0]
    if clip is None:
        why = "it is to be held against the clip: say --clip"
        yield _shown(c.name, "0, or far below the clip", f"{first:.3g} in the first row", why)
        return
    why = "the clip lies below the noise floor of the replay: it cuts at random"
    yield _found(c.name, "far below the clip", f"{first:.3g} in the first row, clip {clip:g}",
                 why if first > clip / 2 else "")  # fmt: skip


def _groups(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    c, s = curves.get("dead groups"), curves.get("group's spread")
    if c is not None and c.values:
        late = fmean(_last(c.numbers))
        why = "groups whose rewards are equal teach nothing"
        yield _found(c.name, "below a half", f"{late:.0%} at the end", why if late > 0.5 else "")
    if s is not None and s.values:
        first, late = fmean(_first(s.numbers)), fmean(_last(s.numbers))
        why = "groups have become equal: nothing is left to learn from, or samples collapsed"
        seen = f"{first:.3g}, then {late:.3g}"
        yield _found(s.name, "does not vanish", seen, why if late < 0.1 * first else "")


def _advantages(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    c, s = curves.get("advantages' mean"), curves.get("advantages' std")
    if c is not None and c.values:
        worst = max(c.numbers, key=abs)
        why = (
            "advantages minus their group's mean have mean 0: absolute values are logged, a clip "
            "cut one side, or the baseline is another's"
        )
        yield _found(c.name, "0", f"{worst:.3g} at worst", why if abs(worst) > 0.05 else "")
    if s is not None and s.values:
        most = max(s.numbers)
        why = "divided by another std than their own, or not at all"
        yield _found(s.name, "near 1, or less", f"{most:.3g} at most", why if most > 1.5 else "")


def _reward(curves: dict[str, Curve], clip: float | None) -> Iterator[Finding]:
    c, s = curves.get("reward"), curves.get("group's spread")
    if c is None or len(c.values) < 10:
        return
    a, b = _first(c.numbers), _last(c.numbers)
    gain = fmean(b) - fmean(a)
    noise = math.hypot(*(stdev(x) / len(x) ** 0.5 for x in (a, b)))
    told = f"{fmean(a):.4g} to {fmean(b):.4g}"
    told += f", {gain / noise:+.1f} standard errors" if noise else ""
    if s is not None and s.values and fmean(s.numbers) > 0:
        told += f", {gain / fmean(s.numbers):+.2g} of a group's spread"
    why = "no gain beyond the noise of the curve"
    yield _found(c.name, "rises by more than its noise", told, "" if gain > 3 * noise else why)


def _first(x: Sequence[float]) -> Sequence[float]:
    return x[: max(2, len(x) // 5)]


def _last(x: Sequence[float]) -> Sequence[float]:
    return x[-max(2, len(x) // 5) :]


_JUDGES: tuple[Callable[[dict[str, Curve], float | None], Iterator[Finding]], ...] = (
    _whole, _ratio, _floor, _replayed, _clip, _update, _kl, _groups, _advantages, _reward,
)  # fmt: skip
