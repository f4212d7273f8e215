"""Laws that no single formula states, checked by quadrature with the adapter's own functions.

    E_old[r] = 1        E_old[r^c] = exp(−c (1 − c) d²/2), c = 1/D        Var after one step

An expectation over the noise of a step is a weighted sum over Gauss–Hermite nodes: exact, with no
sample drawn.
"""

from itertools import product
from typing import Any

import numpy as np

from ...equations.elementary import exp
from ..adapter import arrays
from ..adapter.inputs import at, received
from ..adapter.results import Answer
from ..adapter.subject import Subject
from ..formulas.steps import gaussian_step, levels, step
from ..formulas.values import Formulas
from .asking import ask
from .ratios import own_log_prob
from .register import Differs, Finding, NotApplicable, check


def _nodes(coordinates: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (n, coordinates) and weights (n,) of the standard normal law."""
    z, w = np.polynomial.hermite_e.hermegauss(24 if coordinates == 1 else 16)
    w = w / w.sum()
    rows = np.array(list(product(z, repeat=coordinates)))
    weight = np.array([np.prod(row) for row in product(w, repeat=coordinates)])
    return rows, weight


@check("ratio.expectation", needs=("ratio", "sde_step"), tier="laws",
       covers=("policy.ratio", "policy.total", "policy.average"))  # fmt: skip
def ratio_expectation(subject: Subject) -> Finding:
    """E_old[r] = 1; for a mean over D coordinates exp(−c (1 − c) d²/2), c = 1/D."""
    c = subject.conventions
    if arrays.UNIT[c["dtype"]] > 2.0**-24:
        raise NotApplicable("rounding would hide the law in this precision")
    if c["ratio"] != "plain" or c["log_prob"] == "none" or c["log_prob_terms"] == "bare square":
        raise NotApplicable("the declared ratio is not one of densities")
    worst = 0.0
    for D in (1, 2):
        found, want = _expected(subject, D)
        gap = abs(found - want)
        bound = 1e-9 if arrays.UNIT[c["dtype"]] < 2.0**-50 else 1e-4
        worst = max(worst, gap / bound)
        if not gap <= bound:
            raise Differs(
                f"E_old[ratio] is {found:.8g} with {D} coordinates, wanted {want:.8g}", gap
            )
    return Finding(min(worst, 1.0))


def _expected(subject: Subject, D: int) -> tuple[float, float]:
    c = subject.conventions
    nodes, weight = _nodes(D)
    n = len(nodes)
    ndim = 2 if c["dims"] == "any" else int(c["dims"])
    shape = (n, D, *(1,) * (ndim - 2))
    x, old, new = np.full(shape, 0.5), np.full(shape, -0.75), np.full(shape, -0.625)
    i: dict[str, Any] = {"x": x, **at(c, 0.75, 0.5, n)}
    if subject.accepts("sde_step", "g"):
        i["g"] = np.full(n, 0.75)
    k = levels(i, c, x)
    p = gaussian_step(Formulas(), i, c, c.velocity(old), k)
    q = gaussian_step(Formulas(), i, c, c.velocity(new), k)
    x_s = received(c, p.mean + p.std * nodes.reshape(shape))
    log_new = own_log_prob(subject, i, new, x_s)
    log_old = own_log_prob(subject, i, old, x_s)
    got = ask(subject, "ratio", {"log_prob": log_new, "log_prob_old": log_old}).parts["value"]
    if got.shape != (n,):
        raise NotApplicable("the ratio is not one number per sample")
    d2 = D * float(np.mean(((q.mean - p.mean) / p.std) ** 2))
    power = 1 / D if c["log_prob"] == "mean" else 1.0
    return float(weight @ got), float(exp(-power * (1 - power) * d2 / 2))


@check("sde_step.variance", needs=("sde_step",), tier="laws", covers=("kernels.noise_variance",))
def sde_step_variance(subject: Subject) -> Finding:
    """On data that are one point, the noise after one step has the exact variance of the chain."""
    c = subject.conventions
    if not subject.accepts("sde_step", "noise") or c["path"] != "linear":
        raise NotApplicable("the step draws its own noise")
    t, s, data = 0.75, 0.5, 0.25
    nodes, weight = _nodes(2)
    n = len(nodes)
    ndim = 2 if c["dims"] == "any" else int(c["dims"])
    shape = (n, 2, *(1,) * (ndim - 2))
    start = np.repeat(nodes[:, :1], 2, axis=1).reshape(shape)
    x = received(c, (1 - t) * data + t * start)
    v = received(c, np.asarray(c.velocity((x - data) / t)))
    i: dict[str, Any] = {"x": x, "v": v, **at(c, t, s, n)}
    i["noise"] = received(c, np.repeat(nodes[:, 1:], 2, axis=1).reshape(shape))
    if subject.accepts("sde_step", "g"):
        i["g"] = np.full(n, 0.75)
    got: Answer = ask(subject, "sde_step", i)
    if "x_s" not in got.parts:
        raise NotApplicable("the step returns no sample")
    y, true = (row.reshape(n, 2)[:, 0] for row in (got.parts["x_s"], step(Formulas(), i, c)["x_s"]))
    found, want = (float(weight @ (row - weight @ row) ** 2) for row in (y, true))
    # rounding moves each state by u of itself, and the variance by 2 u sd rms + (u rms)² at most
    moved = arrays.UNIT.get(c["stored"], 0.0) * float(np.sqrt(weight @ true**2))
    bound = 1e4 * max(got.unit["x_s"], arrays.UNIT[c["dtype"]])
    bound += 2 * moved * want**0.5 + moved**2
    if not abs(found - want) <= bound:
        raise Differs(f"from exact noise of variance {t**2:.4g} a step leaves {found:.6g}, "
                      f"wanted {want:.6g}",
                      abs(found - want) / want)  # fmt: skip
    return Finding(abs(found - want) / bound)
