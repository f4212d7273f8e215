"""Facts about torchdiffeq: the tables of its methods, between the steps, and who chooses the steps.

    one step with unit slopes → the table → the order      Adams: one-hot slopes → coefficients

Every method is read off from outside. Accuracy on an example is asked as well, but a table says
more: a wrong entry of an adaptive method costs only speed on most examples.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Finding
from ...equations import ode
from ...equations.sde import Step
from ...evidence.calls import linear_field
from .. import tableau
from ..facts import fact, law, near

ORDERS = {
    "euler": 1, "midpoint": 2, "heun2": 2, "heun3": 3, "rk4": 4,
    "adaptive_heun": 2, "fehlberg2": 2, "bosh3": 3, "dopri5": 5, "dopri8": 8,
}  # fmt: skip
"""The order that each one-step method claims."""

ADAPTIVE = {"adaptive_heun": 1, "fehlberg2": 1, "bosh3": 2, "dopri5": 4, "dopri8": 7}
"""Methods that choose their steps, with the order of the solution behind their error estimate."""

BETWEEN = {"adaptive_heun": 1, "fehlberg2": 1, "bosh3": 1, "dopri5": 4, "dopri8": 4}
"""Methods with a polynomial between the steps, and the order to which it is exact at every time. It
is less than the method's for bosh3 and fehlberg2, and their last step is such a time too."""

ALMOST = 1e-12


def _times(*t: float) -> torch.Tensor:
    return torch.tensor(t, dtype=torch.float64)


def _solver(library: Any, method: str, t: float, s: float) -> tableau.Solve:
    """One step of a method, whatever its error."""

    def solve(field: Callable[[Any, Any], Any], x: torch.Tensor) -> torch.Tensor:
        options = {"first_step": abs(s - t)} if method in ADAPTIVE else {}
        states = library.module.odeint(
            lambda time, y: field(y, time), x, _times(t, s), method=method, options=options,
            rtol=0.0, atol=1e12,
        )  # fmt: skip
        end: torch.Tensor = states[-1]
        return end

    return solve


@fact("torchdiffeq", "methods.order", covers=("ode.euler", "ode.rk4", "ode.heun"))
def order(library: Any) -> Finding:
    """Each method has its order, by every condition on its table; three take our very steps."""
    worst = 0.0
    for method, claimed in ORDERS.items():
        for t, s in ((0.25, 0.75), (1.0, 0.5)):
            table = tableau.read(_solver(library, method, t, s), t, s)
            rows = float(np.abs(table.matrix.sum(axis=1) - table.nodes).max())
            law(f"{method}: the rows of its table", rows < ALMOST,
                f"a row sums to its node only within {rows:.2g}")  # fmt: skip
            for tree, residual in table.residuals(claimed):
                told = f"the condition of the tree {tree} is off by {residual:.3g}"
                law(f"{method}, order {claimed}", abs(residual) < ALMOST, told)
                worst = max(worst, abs(residual) / ALMOST)
    return Finding(max(worst, _steps(library)))


def _steps(library: Any) -> float:
    """The gap of one step from the equations' on a field linear in state and time.

    There all methods with four stages and order four take one step, so that it is RK4's although
    the library's table is another than Kutta's.
    """
    worst, field = 0.0, linear_field(-0.75, 1.25)
    x = torch.tensor([[0.5, -1.25, 2.0]], dtype=torch.float64)
    for method, rule in (("euler", ode.euler), ("heun2", ode.heun), ("rk4", ode.rk4)):
        got = _solver(library, method, 1.0, 0.5)(field, x)
        worst = max(worst, near(f"{method}: one step", got, rule(field, x, Step(1.0, 0.5))))
    return worst


@fact("torchdiffeq", "methods.between_steps")
def between(library: Any) -> Finding:
    """Between the steps an adaptive method integrates polynomials of its own degree exactly."""
    worst = 0.0
    for method, degree in BETWEEN.items():
        for k in range(degree):
            times = _times(0.0, 0.125, 0.25, 0.5, 1.0)
            states = library.module.odeint(
                lambda t, y, k=k: torch.ones_like(y) * t**k, torch.zeros(1, dtype=torch.float64),
                times, method=method, options={"first_step": 1.0}, rtol=0.0, atol=1e12,
            )  # fmt: skip
            what = f"{method} between the steps, for the slope t^{k},"
            worst = max(worst, near(what, states[:, 0], times ** (k + 1) / (k + 1)))
    start, end, at = 0.5, 2.5, 1.0  # one step of length 2, a quarter of the way

    def field(t: Any) -> Any:
        return 3 * t * t + 1

    for method, slope in (("euler", 1.75), ("rk4", 0.0)):
        for interp in ("linear", "cubic"):
            states = library.module.odeint(
                lambda t, y: field(t) + 0 * y, torch.full((1,), 2.0, dtype=torch.float64),
                _times(start, at, end), method=method,
                options={"step_size": 2.0, "interp": interp},
            )  # fmt: skip
            gain = 2 * slope if slope else (end**3 + end) - (start**3 + start)
            # Hermite's cubic at a quarter: weights of both ends and of both slopes
            cubic = 10 / 64 * gain + 2 * (9 / 64 * field(start) - 3 / 64 * field(end))
            want = torch.tensor([2.0, 2 + (gain / 4 if interp == "linear" else cubic), 2 + gain])
            told = f"{method} with {interp} interpolation"
            worst = max(worst, near(told, states[:, 0], want.double(), unit=1e-7))
    return Finding(worst)


@fact("torchdiffeq", "methods.grid")
def grid(library: Any) -> Finding:
    """A step size divides the interval as said, the last step is shortened, and the end is met."""
    worst = 0.0
    for t, s, h in ((0.0, 1.0, 0.25), (0.0, 1.0, 0.375), (1.0, 0.0, 0.25), (1.0, 0.0, 0.375)):
        for method in ("euler", "midpoint"):
            asked: list[float] = []

            def field(time: Any, y: Any, asked: list[float] = asked) -> Any:
                asked.append(float(time))
                return torch.ones_like(y)

            states = library.module.odeint(field, torch.zeros(1, dtype=torch.float64), _times(t, s),
                                           method=method, options={"step_size": h})  # fmt: skip
            worst = max(
                worst, near(f"{method} from {t} to {s}, the end", states[-1], _times(s - t))
            )
            starts = np.arange(0.0, abs(s - t) - 1e-9, h)
            sign = 1.0 if s > t else -1.0
            middles = starts + np.diff([*starts, abs(s - t)]) / 2
            per_step = {"euler": [starts], "midpoint": [starts, middles]}[method]
            want = t + sign * np.stack(per_step, axis=1).ravel()
            what = f"{method} with step_size {h}: the times of its evaluations"
            worst = max(worst, near(what, np.array(asked), want))
    return Finding(worst)


@fact("torchdiffeq", "adams.coefficients")
def adams(library: Any) -> Finding:
    """The Adams methods' coefficients integrate every polynomial of their order exactly."""
    worst = 0.0
    n = 15
    for method in ("explicit_adams", "implicit_adams"):
        # the slope at grid time i is the i-th unit vector, so a step writes out its coefficients
        def field(time: Any, y: Any) -> Any:
            slope = torch.zeros_like(y)
            at = float(time) * n
            if abs(at - round(at)) < 1e-6:
                slope[round(at)] = 1.0
            return slope

        times = torch.linspace(0, 1, n + 1, dtype=torch.float64)
        states = library.module.odeint(field, torch.zeros(n + 1, dtype=torch.float64), times,
                                       method=method, rtol=1e-12, atol=1e-12,
                                       options={"max_order": 12, "max_iters": 8})  # fmt: skip
        steps = (states[1:] - states[:-1]).numpy() * n
        for i in range(3, n):
            b, k = steps[i], np.arange(n + 1) - i
            used = int((np.abs(b) > 1e-14).sum())
            for power in range(used):
                moment = float((b * k.astype(float) ** power).sum())
                size = float((np.abs(b) * np.abs(k).astype(float) ** power).sum())
                told = f"step {i + 1} of order {used} integrates t^{power} to {moment:.9g}"
                close = abs(moment - 1 / (power + 1)) <= 1e-11 * max(size, 1.0)
                law(method, close, f"{told}, wanted {1 / (power + 1):.9g}")
            law(method, used >= min(i + 1, 4), f"step {i + 1} has order {used}")
    return Finding(worst)
