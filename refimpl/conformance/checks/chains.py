"""Laws of whole chains: what the end of a loop is, with no sample drawn where noise is given.

    sde_sampler.law   ode_sampler.order

A linear field keeps the chain affine: its end is M x + Σ c_k ε_k + b, read off by calling it, and
from these follow mean, variance and memory of the start.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ...equations import Step
from ...equations.gaussian import Gaussian
from ...evidence.calls import linear_field
from ...simulate import laws
from ...statistics import StatisticalFailure, budget
from ...statistics import gaussian as gaussian_tests
from ..adapter import arrays
from ..adapter.inputs import linear
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..formulas.steps import gaussian_step
from ..formulas.values import Formulas
from .loops import end, loop_case, run_loop, their_grid
from .ode import theirs
from .register import Differs, Finding, NotApplicable, check


def _kernels(subject: Subject, grid: np.ndarray) -> list[Any]:
    c, field = subject.conventions, linear_field(-0.75, 1.25)
    levels = [float(t) for t in np.asarray(c.level(grid))]

    def kernel(t: float, s: float) -> Any:
        def at(x: torch.Tensor) -> Gaussian:
            y = x.numpy()
            p = gaussian_step(
                Formulas(), {"x": y}, c, field(y, t), Step(np.float64(t), np.float64(s))
            )
            return Gaussian(
                torch.as_tensor(p.mean), torch.as_tensor(float(np.max(p.std)), dtype=torch.float64)
            )

        return at

    return [kernel(t, s) for t, s in pairwise(levels)]


@check("sde_sampler.law", needs=("sde_sampler",), tier="laws", covers=("sde.transition",))
def sde_sampler_law(subject: Subject) -> Finding:
    """Mean, variance and memory of the start are those of the exact discrete chain."""
    grid = their_grid(subject, "sde_sampler")
    one = torch.ones(1, dtype=torch.float64)
    law = laws.gaussian_law(_kernels(subject, grid), 0.5 * one, 0.75 * one)
    mean, variance, memory = (
        float(x[-1]) for x in (law.mean, law.variance, law.covariance_with_start)
    )
    if not subject.accepts("sde_sampler", "noise"):
        return _sampled_law(subject, mean, variance, memory)
    T = len(grid) - 1
    shape = (T + 2, *_small(subject))
    x, noise = np.zeros(shape), np.zeros((T, *shape))
    x[1] = 1.0
    for k in range(T):
        noise[k, 2 + k] = 1.0
    got = run_loop(subject, "sde_sampler", loop_case(subject, "sde_sampler", x, noise))
    end = got.parts["x"].reshape(T + 2, -1)[:, 0]
    offset, slope, response = end[0], end[1] - end[0], end[2:] - end[0]
    found = (offset + 0.5 * slope, (0.75 * slope) ** 2 + (response**2).sum(), slope * 0.75**2)
    unit = max(got.unit["x"], arrays.UNIT[subject.conventions["dtype"]])
    bound = 256 * unit * T
    names = ("mean", "variance", "covariance with the start")
    for name, a, b in zip(names, found, (mean, variance, memory), strict=True):
        if not abs(a - b) <= bound * max(1, abs(b)):
            raise Differs(f"the end's {name} is {a:.6g}, wanted {b:.6g} of the exact discrete "
                          "chain",
                          abs(a - b) / max(abs(b), 1e-300))  # fmt: skip
    return Finding()


def _small(subject: Subject) -> tuple[int, ...]:
    c = subject.conventions
    return (2,) if c["dims"] == "any" else (2, *(1,) * (int(c["dims"]) - 2))


def _sampled_law(subject: Subject, mean: float, variance: float, memory: float) -> Finding:
    claim = budget.claim("conformance.sampler.variance")
    n = claim.n
    start = np.random.default_rng(7).standard_normal((n, *_small(subject))) * 0.75 + 0.5
    got = run_loop(subject, "sde_sampler", loop_case(subject, "sde_sampler", start), 1)
    end = torch.tensor(got.parts["x"].reshape(n, -1))
    one = torch.ones(end.shape[1], dtype=torch.float64)
    try:
        a = gaussian_tests.mean(end, mean * one, torch.diag(variance * one),
                                budget.claim("conformance.sampler.mean"), detects=0.05)  # fmt: skip
        b = gaussian_tests.variance(end, mean, variance**0.5, claim, detects=0.03)
        x0 = torch.tensor(start.reshape(n, -1))
        rest = end - memory / 0.75**2 * (x0 - 0.5)
        left = (variance - memory**2 / 0.75**2) ** 0.5
        d = gaussian_tests.variance(
            rest, mean, left, budget.claim("conformance.sampler.memory"), detects=0.03
        )
    except StatisticalFailure as failure:
        raise Differs(f"sde_sampler: {failure}") from None
    return Finding(notes=tuple(f"statistical: {o}" for o in (a, b, d)))


@check(
    "ode_sampler.order",
    needs=("ode_sampler",),
    tier="order",
    covers=("ode.euler", "ode.heun", "ode.rk4"),
)
def ode_sampler_order(subject: Subject) -> Finding:
    """Halving the steps divides the error by 2^order, and the leading constant is the rule's."""
    c = subject.conventions
    if not subject.accepts("ode_sampler", "levels"):
        raise NotApplicable("it makes its own grid")
    if arrays.UNIT[c["dtype"]] > 2.0**-50:
        raise NotApplicable("rounding would hide the order in this precision")
    ends, wants = [], []
    for T in (16, 32):
        levels = np.asarray(c.clock(np.linspace(1, 0, T + 1)))
        x = np.ones((2, *_small(subject)))
        kind = linear(-1.5, 0.0)
        given: dict[str, Any] = {"x": x, "levels": levels, "steps": T, **kind}
        case = Case({**given, "field": theirs(subject, kind)}, f"{T} steps")
        ends.append(float(np.ravel(run_loop(subject, "ode_sampler", case).parts["x"])[0]))
        wants.append(float(np.ravel(end(Formulas(), case.inputs, c)["x"])[0]))
    exact = float(Formulas()("dynamics.linear_flow")(1.0, -1.5, 1.0))
    errors, right = ([e - exact for e in row] for row in (ends, wants))
    for T, e, r in zip((16, 32), errors, right, strict=True):
        if not abs(e - r) <= 1e-6 * abs(r) + 1e-12:
            raise Differs(f"with {T} steps the error is {e:.4g}, wanted {r:.4g} of "
                          f"{c['ode_method']}",
                          abs(e - r) / abs(r))  # fmt: skip
    return Finding(
        notes=(f"the error falls {errors[0] / errors[1]:.3g} times when steps are halved",)
    )
