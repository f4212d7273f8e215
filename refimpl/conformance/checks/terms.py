"""The terms of which somebody's result may be a sum, for each capability that is one.

density:  Σ z²/2, Σ|z|, D log(std), log(std), D, 1      objective:  surrogate, β KL, ratio β KL
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..adapter.conventions import Conventions
from ..diagnosis.sums import sums
from ..formulas.operations import Edited
from ..formulas.steps import step
from ..formulas.values import Formulas, Inputs, Parts
from ..formulas.written import begins

Fitted: TypeAlias = Callable[[Sequence[Inputs], Sequence[Parts], Conventions], Iterator[Edited]]


def _rows(x: Any, like: np.ndarray) -> np.ndarray:
    return np.broadcast_to(x, like.shape).reshape(len(like), -1)


def of_density(i: Inputs, c: Conventions) -> Mapping[str, np.ndarray]:
    """Of a sample's log-probability: squares, logarithms and constants, summed or averaged."""
    known = begins(i, c)
    residual = known["x_s"] - known["mean"]
    std = _rows(known["std"], residual)
    r = residual.reshape(len(residual), -1)
    D, z, one = r.shape[1], r / std, np.ones(len(r))
    log_std = np.log(std[:, 0])
    return {
        "Σ z²/2": (z**2).sum(axis=1) / 2, "Σ z²/(2 D)": (z**2).mean(axis=1) / 2,
        "Σ |z|": np.abs(z).sum(axis=1), "norm(z)": np.sqrt((z**2).sum(axis=1)),
        "Σ (x_s − mean)²/2": (r**2).sum(axis=1) / 2,
        "Σ (x_s − mean)²/(2 D)": (r**2).mean(axis=1) / 2,
        "D log(std)": D * log_std, "log(std)": log_std, "D": D * one, "1": one,
        "D std": D * std[:, 0], "log(D)": np.log(D) * one,
    }  # fmt: skip


def of_replay(i: Inputs, c: Conventions) -> Mapping[str, np.ndarray]:
    """The same of a stored sample, under the right step's mean and std."""
    p = step(Formulas(quick=True), i, c)
    return of_density({**i, "mean": p["mean"], "std": np.ravel(p["std"])}, c)


def of_difference(i: Inputs, c: Conventions) -> Mapping[str, np.ndarray]:
    """Of a divergence of two means with one std."""
    known = begins(i, c)
    difference = known["mean"] - known["mean_ref"]
    std, d = _rows(known["std"], difference), difference.reshape(len(difference), -1)
    D, z, one = d.shape[1], d / std, np.ones(len(d))
    return {
        "Σ z²/2": (z**2).sum(axis=1) / 2, "Σ z²/(2 D)": (z**2).mean(axis=1) / 2,
        "Σ |z|": np.abs(z).sum(axis=1), "Σ |z|/D": np.abs(z).mean(axis=1),
        "norm(z)": np.sqrt((z**2).sum(axis=1)), "√(Σ z²/D)": np.sqrt((z**2).mean(axis=1)),
        "norm(mean − mean_ref)²/2": (d**2).sum(axis=1) / 2,
        "Σ z": z.sum(axis=1), "(Σ z)²/2": z.sum(axis=1) ** 2 / 2,
        "(Σ z)²/(2 D²)": z.mean(axis=1) ** 2 / 2, "D log(std)": D * np.log(std[:, 0]),
        "log(std)": np.log(std[:, 0]), "D": D * one, "1": one,
    }  # fmt: skip


def of_log_ratio(i: Inputs, c: Conventions) -> Mapping[str, np.ndarray]:
    """Of an estimate of a divergence from l = log p_ref − log p."""
    gap = i["log_prob_ref"] - i["log_prob"]
    return {
        "l": gap, "exp(l)": np.exp(gap), "1": 1 + 0 * gap, "l²": gap**2, "exp(−l)": np.exp(-gap),
        "l exp(l)": gap * np.exp(gap), "l exp(−l)": gap * np.exp(-gap), "|l|": np.abs(gap),
        "l² exp(l)": gap**2 * np.exp(gap), "|exp(l) − 1|": np.abs(np.expm1(gap)),
        "l³": gap**3, "exp(l/2)": np.exp(gap / 2), "exp(2 l)": np.exp(2 * gap),
        "log(1 + exp(l))": np.log1p(np.exp(gap)),
    }  # fmt: skip


def of_surrogate(i: Inputs, c: Conventions) -> Mapping[str, np.ndarray]:
    """Of a surrogate, or of an objective where a KL is given."""
    r, a = i["ratio"], i["advantage"]
    clipped = np.clip(r, 1 - i["clip"], 1 + i["clip"])
    meant = Formulas(quick=True)("grpo.surrogate")(r, a, i["clip"])
    made = {
        "surrogate": meant, "ratio advantage": r * a,
        "clipped advantage": clipped * a, "advantage": a, "ratio": r, "1": 1 + 0 * r,
        "|advantage|": np.abs(a), "log(ratio) advantage": np.log(r) * a, "log(ratio)": np.log(r),
        "(ratio − 1)²": (r - 1) ** 2, "(ratio − 1)² |advantage|": (r - 1) ** 2 * np.abs(a),
        "ratio² advantage": r**2 * a, "ratio log(ratio)": r * np.log(r),
    }  # fmt: skip
    if "kl" not in i:
        return made
    kl, beta = i["kl"], i["beta"]
    costs = {"kl": kl, "kl²": kl**2, "√kl": np.sqrt(kl), "ratio kl": r * kl,
             "clipped kl": clipped * kl, "|advantage| kl": np.abs(a) * kl, "advantage kl": a * kl,
             "mean(kl)": kl.mean() + 0 * kl, "exp(kl)": np.exp(kl),
             "log(kl)": np.log(kl)}  # fmt: skip
    kept = ("surrogate", "ratio advantage", "clipped advantage", "advantage", "|advantage|")
    return {k: made[k] for k in kept} | {f"β {k}": beta * x for k, x in costs.items()} \
        | {k: costs[k] for k in ("kl", "kl²")} | {"β² kl": beta**2 * kl}  # fmt: skip


def of_guidance(i: Inputs, c: Conventions) -> Mapping[str, np.ndarray]:
    """Of a guided velocity: both velocities, their difference, its parts along the others, and
    what has another's size."""
    u, v, w = (np.asarray(i[name], dtype=np.float64) for name in ("v_uncond", "v_cond", "w"))
    d = v - u
    rule = "ho_salimans" if c["guidance"] == "omega" else "classifier_free"
    whole = Formulas(quick=True)(f"guidance.{rule}")(u, v, w)
    along = {"v_cond": _along(d, v), "v_uncond": _along(d, u)}
    projected = _along(v, u)
    made = {"v_uncond": u, "v_cond": v, "guided": whole, "w (v_cond − v_uncond)": w * d,
            "guided at v_cond's std": whole * _std(v) / _std(whole),
            "guided at v_cond's norm": whole * _norm(v) / _norm(whole),
            "guided at v_uncond's std": whole * _std(u) / _std(whole),
            "guided at v_uncond's norm": whole * _norm(u) / _norm(whole),
            "cos(v_uncond, v_cond) (v_cond − v_uncond)": _cosine(u, v) * d,
            "cos(v_uncond, v_cond) w (v_cond − v_uncond)": _cosine(u, v) * w * d,
            "guided at v_cond's std over the batch": whole * v.std() / whole.std(),
            "guided at v_cond's std along the last axis": whole * _last(v) / _last(whole),
            "v_uncond/(1 + w)": u / (1 + w), "w v_cond/(1 + w)": w * v / (1 + w),
            "√w (v_cond − v_uncond)": np.sqrt(w) * d, "w² (v_cond − v_uncond)": w**2 * d,
            "average of(guided)": _mean(whole), "average of(v_cond)": _mean(v),
            "v_uncond's part that v_cond has": projected, "w times it": w * projected}  # fmt: skip
    for name, part in along.items():
        made[f"the difference's part along {name}"] = part
        made[f"w times its part along {name}"] = w * part
    return made


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def _column(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    return x.reshape((len(x),) + (1,) * (like.ndim - 1))


def _std(x: np.ndarray) -> np.ndarray:
    return _column(_flat(x).std(axis=1), x)


def _last(x: np.ndarray) -> np.ndarray:
    return np.asarray(x.std(axis=-1, keepdims=True))


def _norm(x: np.ndarray) -> np.ndarray:
    return _column(np.sqrt((_flat(x) ** 2).sum(axis=1)), x)


def _mean(x: np.ndarray) -> np.ndarray:
    return _column(_flat(x).mean(axis=1), x) + 0 * x


def _cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    inner = _column((_flat(x) * _flat(y)).sum(axis=1), x)
    return np.asarray(inner / (_norm(x) * _norm(y)))


def _along(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The part of x along y, sample by sample."""
    share = (_flat(x) * _flat(y)).sum(axis=1) / (_flat(y) ** 2).sum(axis=1)
    return _column(share, y) * y


def made_of(
    terms: Callable[[Inputs, Conventions], Mapping[str, np.ndarray]],
    meant: str | Callable[[Conventions], str],
) -> Fitted:
    """Hypotheses of a capability whose result may be a sum of these; `meant` in the words of them,
    which may follow what is declared."""

    def found(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Edited]:
        try:
            told_as = meant if isinstance(meant, str) else meant(c)
            yield from sums(terms, told_as, cases, told, c)
        except KeyError:  # the function takes other inputs than these terms are made of
            return

    return found
