"""Facts about torchdiffeq's choice of steps: the error estimate, the controller, the first step.

    h' = h · min(10, max(0.9 (error/tolerance)^(−1/p), 0.2 or 1))

The controller and the first step are Hairer's (Hairer, Nørsett & Wanner 1993, Section II.4), on a
root-mean-square norm. The slopes are scripted, so that every number of the rule can be predicted.
"""

import contextlib
from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Finding, NotApplicable
from ...equations.elementary import sqrt
from .. import tableau
from ..facts import fact, law, near
from .facts import ADAPTIVE, ALMOST, ORDERS, _solver, _times


def _table(library: Any, method: str) -> Any:
    solvers = getattr(library.internals("odeint"), "SOLVERS", None)
    table = getattr(solvers[method], "tableau", None) if solvers else None
    if table is None or not hasattr(table, "c_error"):
        raise NotApplicable("this version keeps its error weights elsewhere")
    return table


@fact("torchdiffeq", "error.order")
def error_order(library: Any) -> Finding:
    """Each error estimate is the difference from a solution of the embedded method's order."""
    worst = 0.0
    for method, low in ADAPTIVE.items():
        table = tableau.read(_solver(library, method, 0.25, 0.75), 0.25, 0.75)
        error = _table(library, method).c_error.numpy()[: len(table.weights)]
        embedded = tableau.Tableau(table.nodes, table.matrix, table.weights - error)
        for tree, residual in embedded.residuals(low):
            told = f"the condition of the tree {tree} is off by {residual:.3g}"
            law(f"{method}, error estimate of order {low}", abs(residual) < 10 * ALMOST, told)
            worst = max(worst, abs(residual) / (10 * ALMOST))
        off = [abs(r) for _, r in embedded.residuals(low + 1)]
        law(method, max(off) > 1e-6, "its error estimate would vanish on every smooth problem")
    return Finding(worst)


PUBLISHED: dict[str, tuple[float, ...]] = {
    "adaptive_heun": (1, 0),
    "fehlberg2": (1 / 256, 255 / 256, 0),
    "bosh3": (7 / 24, 1 / 4, 1 / 3, 1 / 8),
    "dopri5": (1951 / 21600, 0, 22642 / 50085, 451 / 720, -12231 / 42400, 649 / 6300, 1 / 60),
}
"""Weights of the solution that the error estimate compares with: Euler; Fehlberg 1969; Bogacki &
Shampine 1989; Shampine 1986 for the method of Dormand and Prince."""


@fact("torchdiffeq", "error.weights")
def error_weights(library: Any) -> Finding:
    """The error estimate of the short methods is the difference from the published companion."""
    worst = 0.0
    for method, companion in PUBLISHED.items():
        table = tableau.read(_solver(library, method, 0.25, 0.75), 0.25, 0.75)
        want = table.weights - np.array(companion)
        got = _table(library, method).c_error.numpy()
        sign = 1.0 if float(got @ want) > 0 else -1.0
        what = f"{method}: the weights of its error estimate"
        worst = max(worst, near(what, sign * got, want, roundings=1e4))
    return Finding(worst)


class _Enough(Exception):
    """As many steps were tried as wanted."""


class _Scripted(torch.nn.Module):
    """Slopes from a list, one per call, or a slope of the state; notes the steps that are tried."""

    def __init__(self, slopes: np.ndarray | None, most: int) -> None:
        super().__init__()
        self.slopes = slopes
        self.most = most
        self.calls = 0
        self.tried: list[float] = []
        self.starts: list[float] = []

    def forward(self, t: Any, y: Any) -> Any:
        self.calls += 1
        if self.slopes is None:
            return -2.0 * y + t
        return torch.ones_like(y) * self.slopes[(self.calls - 1) % len(self.slopes)]

    def callback_step(self, t0: Any, y0: Any, dt: Any) -> None:
        self.tried.append(float(dt))
        self.starts.append(float(t0))
        if len(self.tried) == self.most:
            raise _Enough


def _tried(library: Any, field: _Scripted, start: torch.Tensor, **settings: Any) -> float:
    """The last step that was tried."""
    with contextlib.suppress(_Enough):
        library.module.odeint(field, start, _times(0.25, 100.0), **settings)
    return field.tried[-1]


_START = torch.tensor([0.75, -1.25, 2.0], dtype=torch.float64)


def _rms(x: np.ndarray) -> float:
    return float(sqrt((x * x).mean()))


@fact("torchdiffeq", "steps.controller")
def controller(library: Any) -> Finding:
    """A step is refused above the tolerance; the next is .9 of what fits, a fifth to tenfold."""
    worst, h = 0.0, 0.125
    for method in ADAPTIVE:
        table = tableau.read(_solver(library, method, 0.25, 0.75), 0.25, 0.75)
        error = _table(library, method).c_error.numpy()
        slopes = (np.arange(len(error)) * 5 % 7 - 2.5) / 4
        end = _START.numpy() + h * float(table.weights @ slopes[: len(table.weights)])
        sizes = 1 + np.maximum(np.abs(_START.numpy()), np.abs(end)) / 2
        error_norm = _rms(h * float(error @ slopes) / sizes)
        for ratio in (0.5, 0.9, 1.7, 30.0, 1e7, 1e-12):
            scale, scripted = error_norm / ratio, _Scripted(slopes, 2)
            got = _tried(library, scripted, _START, method=method, atol=scale,
                         rtol=scale / 2, options={"first_step": h})  # fmt: skip
            floor = 1.0 if ratio < 1 else 0.2
            want = h * min(10.0, max(0.9 * ratio ** (-1 / ORDERS[method]), floor))
            what = f"{method}: the step after an error of {ratio:g} times the tolerance"
            worst = max(worst, near(what, np.array(got), np.array(want), roundings=1e6))
            moved = scripted.starts[1] - scripted.starts[0]
            as_due = abs(moved - (h if ratio < 1 else 0.0)) < ALMOST
            law(
                f"{method}, an error of {ratio:g} times the tolerance",
                as_due,
                f"moved by {moved:.6g}",
            )
    return Finding(worst)


@fact("torchdiffeq", "steps.first")
def first(library: Any) -> Finding:
    """The first step is Hairer's choice from two slopes."""
    worst, t = 0.0, 0.25
    for method in ADAPTIVE:
        for scale, tolerance in ((1.0, 1e-4), (1e-4, 1e-2), (0.0, 1e-4)):
            y = scale * _START
            sizes = tolerance + tolerance * y.abs().numpy()
            slope = -2 * y.numpy() + t
            d0, d1 = _rms(y.numpy() / sizes), _rms(slope / sizes)
            guess = 1e-6 if d0 < 1e-5 else 0.01 * d0 / d1
            after = -2 * (y.numpy() + guess * slope) + t + guess
            d2 = _rms((after - slope) / sizes) / guess
            want = min(100 * guess, (0.01 / max(d1, d2)) ** (1 / ORDERS[method]))
            got = _tried(library, _Scripted(None, 1), y, method=method, rtol=tolerance,
                         atol=tolerance)  # fmt: skip
            what = f"{method}: its first step from {scale:g} times the example's start"
            worst = max(worst, near(what, np.array(got), np.array(want), roundings=1e6))
    return Finding(worst)


@fact("torchdiffeq", "steps.forced")
def forced(library: Any) -> Finding:
    """Times that a step must end at are met, a jump there costs nothing, limits are kept."""
    worst = 0.0
    for times in (_times(0.0, 1.0), _times(1.0, 0.0)):
        for option in ("step_t", "jump_t"):
            asked: list[float] = []

            def field(t: Any, y: Any, asked: list[float] = asked) -> Any:
                asked.append(float(t))
                return torch.ones_like(y) * (1.0 + 2.0 * float(t > 0.3) + 4.0 * float(t > 0.7))

            options = {option: _times(0.3, 0.7), "first_step": 1.0, "max_num_steps": 2000}
            got = library.module.odeint(
                field,
                torch.zeros(1, dtype=torch.float64),
                times,
                method="dopri5",
                rtol=0.0,
                atol=1e12,
                options=options,
            )
            for t in (0.3, 0.7):
                off = min(abs(a - t) for a in asked)
                law(f"{option} from {float(times[0]):g}", off < 1e-9, f"no step ends at {t}")
            if option == "jump_t":
                want = (0.3 + 0.4 * 3 + 0.3 * 7) * float(times[1] - times[0])
                told = "the end of a slope with two jumps"
                worst = max(worst, near(told, got[-1, 0], torch.tensor(want).double(), unit=1e-7))
    for limit, bound in (("max_step", 0.125), ("min_step", 0.125)):
        scripted = _Scripted(np.zeros(7) if limit == "max_step" else 1e3 * np.arange(7.0), 4)
        tolerance = 1e9 if limit == "max_step" else 1e-12
        _tried(library, scripted, _START, method="dopri5", rtol=0.0, atol=tolerance,
               options={limit: bound, "first_step": bound})  # fmt: skip
        law(limit, all(abs(h - bound) < 1e-12 for h in scripted.tried),
            f"steps of {scripted.tried} where {bound} is the limit")  # fmt: skip
        law(limit, abs(scripted.starts[-1] - 0.25 - 3 * bound) < ALMOST, "a step was not taken")
    return Finding(worst)
