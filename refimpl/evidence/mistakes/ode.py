"""Mistakes about ODE steps: the end of the step for its start, slopes weighted alike.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Step
from ...equations.elementary import Num
from ...equations.ode import Field
from ..mistake import CLASSIC, Mistake


def _rk4(field: Field, x: Num, step: Step, weights: tuple[float, ...]) -> Num:
    """Four slopes, weighted at will."""
    h, middle = step.t - step.s, (step.t + step.s) / 2
    k1 = field(x, step.t)
    k2 = field(x - h * k1 / 2, middle)
    k3 = field(x - h * k2 / 2, middle)
    k4 = field(x - h * k3, step.s)
    return x - h * sum(w * k for w, k in zip(weights, (k1, k2, k3, k4), strict=True)) / 6


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "sign of the step", "ode.euler",
        lambda field, x, step: x + (step.t - step.s) * field(x, step.t),
        "From data towards noise.", "signed dt in mixed conventions", "x − h v",
    ),
    Mistake(
        "v at the end of the step", "ode.euler",
        lambda field, x, step: x - (step.t - step.s) * field(x, step.s),
        "The network is asked at s, where x_t has not arrived.", "grids indexed one too far",
        "v(x_t, t)",
    ),
    Mistake(
        "second slope at the start", "ode.heun",
        lambda field, x, step: x - (step.t - step.s) / 2 * (
            field(x, step.t) + field(x - (step.t - step.s) * field(x, step.t), step.t)
        ),
        "The second velocity is evaluated at t: order 1 in time.", CLASSIC, "v(·, s)",
    ),
    Mistake(
        "Euler twice", "ode.heun",
        lambda field, x, step: x - (step.t - step.s) * field(x, step.t),
        "The corrector never ran: order 1.", "the last step of Heun samplers", "average the slopes",
    ),
    Mistake(
        "slope of the half-way point at the start", "ode.midpoint",
        lambda field, x, step: x - (step.t - step.s) * field(
            x - (step.t - step.s) / 2 * field(x, step.t), step.t),
        "The second velocity is asked at t: order 1 in time.", CLASSIC, "at (t + s)/2",
    ),
    Mistake(
        "half a step", "ode.midpoint",
        lambda field, x, step: x - (step.t - step.s) / 2 * field(
            x - (step.t - step.s) / 2 * field(x, step.t), (step.t + step.s) / 2),
        "The half-way slope carries half the step only.", CLASSIC, "the whole h",
    ),
    Mistake(
        "a whole step ahead", "ode.midpoint",
        lambda field, x, step: x - (step.t - step.s) * field(
            x - (step.t - step.s) * field(x, step.t), (step.t + step.s) / 2),
        "The point of a whole step with the time of half of one.", CLASSIC, "x − h/2 v",
    ),
    Mistake(
        "all slopes alike", "ode.rk4",
        lambda field, x, step: _rk4(field, x, step, (1.5, 1.5, 1.5, 1.5)),
        "Weights ¼ each: the order is lost.", CLASSIC, "1, 2, 2, 1",
    ),
)
# fmt: on
