"""What a recorded divergence may have been made by: the paper's KL, variants, estimates, mistakes.

    sum or mean over coordinates of     (m − m′)²/(2 std²),  the same by g² alone,  (v − v′)², ...

Each depends on the latents through the root mean square of one difference, so a row's value
follows from a few numbers, whatever D.
"""

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from ...equations import gaussian, kl, policy
from ...evidence.mistake import Mistake
from ...evidence.mistakes import mistakes
from .formulas import REDUCTIONS, Formula, Numbers, Standing

_Rule = Callable[..., Tensor]
_ISSUE_78 = "KL without h"


def _of_velocities(rule: _Rule) -> _Rule:
    return lambda p: rule(p["v_gap"], 0 * p["v_gap"], p["g"], p["t"], p["h"])


def _of_bare_velocities(rule: _Rule) -> _Rule:
    return lambda p: rule(p["v_gap"], 0 * p["v_gap"])


def _of_means(rule: _Rule, std: str) -> _Rule:
    return lambda p: rule(p["mean_gap"], 0 * p["mean_gap"], p[std])


_MULTIPLIED = "The square is multiplied by std²/2, as d²/2*std**2 does, and not divided by 2 std²."


def _multiplied(p: Numbers) -> Tensor:
    return kl.of_means(p["std"] ** 2 * p["mean_gap"], 0 * p["mean_gap"], p["std"])


def _log_ratio(p: Numbers) -> Tensor:
    """log p_ref − log p per coordinate, averaged."""
    zero = 0 * p["distance"]
    return policy.log_ratio(
        gaussian.log_prob(p["distance_ref"], zero, p["std"]),
        gaussian.log_prob(p["distance"], zero, p["std"]),
    )


_RULES: dict[str, Callable[[_Rule], _Rule]] = {
    "kl.of_means": lambda rule: _of_means(rule, "std"),
    "kl.flow_grpo": _of_velocities,
    "kl.without_h": lambda rule: _of_means(rule, "g"),
    "kl.velocity": _of_bare_velocities,
}
_ESTIMATES: dict[str, _Rule] = {"kl.k1": kl.k1, "kl.k2": kl.k2, "kl.k3": kl.k3}


def kls() -> tuple[Formula, ...]:
    """Of a row's divergence, from the root mean squares `v_gap`, `mean_gap`, `distance(_ref)`."""
    issue = next(m for m in mistakes("kl.flow_grpo") if m.name == _ISSUE_78)
    made = [
        *_both("kl.of_means", "article", _RULES["kl.of_means"](kl.of_means), "kl.flow_grpo"),
        *_both("kl.flow_grpo", "article", _of_velocities(kl.flow_grpo), "kl.flow_grpo"),
        *_both("kl.velocity", "convention", _of_bare_velocities(kl.velocity), "kl.velocity"),
        *_both(
            "kl.without_h", "mistake", _of_means(kl.without_h, "g"),
            "kl.without_h", issue,
        ),
    ]  # fmt: skip
    for id, rule in _RULES.items():
        for m in mistakes(id):
            key = "mse of means" if m.name == "MSE of the means" else ""
            wrong = _both(m.title, "mistake", rule(m.wrong), key, m)
            if id == "kl.without_h" and not key:  # that is a mistake already
                also = f"{m.what} {issue.what}", f"{m.remedy}; and {issue.remedy}"
                wrong = [replace(f, what=also[0], remedy=also[1]) for f in wrong]
            made += wrong
    made += [
        replace(f, what=_MULTIPLIED, remedy="put 2 std² in brackets")
        for f in _both("kl.of_means: times the variance", "mistake", _multiplied, "")
    ]
    for id, estimate in _ESTIMATES.items():
        made += _estimated(id, "convention", estimate, id, None)
        for m in mistakes(id):
            made += _estimated(m.title, "mistake", m.wrong, "", m)
    made += [
        replace(f, what="It is 1 where the policies are one.", remedy="subtract 1")
        for f in _estimated("kl.k3: no −1", "mistake", lambda r: kl.k3(r) + 1, "", None)
    ]
    made += [
        replace(
            f, what="Its sign is taken off: on average it is then no divergence, but a spread.",
            remedy="keep the sign, or take k3, which has none",
        )
        for f in _estimated("kl.k1: absolute", "mistake", lambda r: kl.k1(r).abs(), "", None)
    ]  # fmt: skip
    return tuple(made)


def _both(
    name: str, standing: Standing, value: _Rule, key: str, m: Mistake | None = None
) -> list[Formula]:
    return [
        _named(name, standing, lambda p, r=reduce: r(value(p), p), by, key, reduced, m)
        for by, (reduced, reduce) in REDUCTIONS.items()
    ]


def _estimated(
    name: str, standing: Standing, rule: _Rule, key: str, m: Mistake | None
) -> list[Formula]:
    """Estimates are taken of a log-ratio that was reduced before."""
    return [
        _named(name, standing, lambda p, r=reduce: rule(r(_log_ratio(p), p)), by, key, reduced, m)
        for by, (reduced, reduce) in REDUCTIONS.items()
    ]


def _named(
    name: str, standing: Standing, value: _Rule, by: str, key: str, reduced: str,
    m: Mistake | None,
) -> Formula:  # fmt: skip
    return Formula(
        f"{by} of {name}",
        "convention" if standing == "article" and reduced == "mean" else standing,
        value, {"kl": key, "kl_reduction": reduced},
        m.what if m else "", m.remedy if m else "", declarable=bool(key),
    )  # fmt: skip
