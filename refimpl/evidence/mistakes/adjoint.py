"""Mistakes about Adjoint Matching: signs of the cost, factors of the control, slopes left out.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "κ forgotten", "adjoint.memory",
        lambda c, std, kappa: (
            c.alpha * std / sqrt(c.alpha**2 * std**2 + c.sigma**2) + 0 * kappa
        ),
        "The memory of the noising process, whatever the sampler's noise.", CLASSIC, "the power κ",
    ),
    Mistake(
        "a² for a²/2", "adjoint.memory",
        lambda c, std, kappa: (
            c.alpha * std / sqrt(c.alpha**2 * std**2 + c.sigma**2)
        ) ** (2 * kappa),
        "κ is a²/2 on the linear path: a = √2 is memoryless, not a = 1.",
        "noise levels compared without their convention", "the power κ",
    ),
    Mistake(
        "reward for cost", "adjoint.end",
        lambda slope, beta: slope / beta,
        "Training then lowers the reward.", "ports between rewards and costs", "minus",
    ),
    Mistake(
        "times β", "adjoint.end",
        lambda slope, beta: -beta * slope,
        "A larger β holds to the reference.", "temperatures and their inverses", "divide by β",
    ),
    Mistake(
        "sign of the step", "adjoint.lean",
        lambda adjoint, pullback, h: adjoint + h * pullback,
        "The mean of a step is x − h f: its slope is 1 − h f′.",
        "data time, where the drift has the other sign", "minus",
    ),
    Mistake(
        "not carried", "adjoint.lean",
        lambda adjoint, pullback, h: adjoint + 0 * pullback * h,
        "The gradient at the end, used at every level: right for the last step alone.",
        "truncation to the last steps", "subtract h times the pullback",
    ),
    Mistake(
        "α forgotten", "adjoint.carried",
        lambda c, std: std**2 / (c.alpha**2 * std**2 + c.sigma**2),
        "What a unit of the scaled datum is worth.", CLASSIC, "times α",
    ),
    Mistake(
        "std for variance", "adjoint.carried",
        lambda c, std: c.alpha * std / (c.alpha**2 * std**2 + c.sigma**2),
        "Regression coefficients are covariance over variance.", CLASSIC, "square s",
    ),
    Mistake(
        "sign of the difference", "adjoint.control",
        lambda v, v_ref, lever, std: lever * (v - v_ref) / std,
        "On this clock a larger velocity moves the step down.",
        "data time, where velocities point to the data", "v_ref − v",
    ),
    Mistake(
        "variance for std", "adjoint.control",
        lambda v, v_ref, lever, std: lever * (v_ref - v) / std**2,
        "Half its square is then no divergence.", "one name for g and for std", "divide by std",
    ),
    Mistake(
        "adjoint subtracted", "adjoint.loss",
        lambda control, adjoint, std: (control - std * adjoint) ** 2 / 2,
        "The adjoint is the slope of a cost: one goes down it.",
        "adjoints of rewards", "u + std ã",
    ),
    Mistake(
        "no std", "adjoint.loss",
        lambda control, adjoint, std: (control + adjoint + 0 * std) ** 2 / 2,
        "u is in units of std, ã per unit of x.", CLASSIC, "std ã",
    ),
    Mistake(
        "no ½", "adjoint.loss",
        lambda control, adjoint, std: (control + std * adjoint) ** 2,
        "Twice the KL: β is halved in whatever is added to it.", CLASSIC, "halve it",
    ),
    Mistake(
        "std for variance", "adjoint.target",
        lambda v_ref, adjoint, lever, std: v_ref + std * adjoint / lever,
        "The control is in units of std, the velocity is not.", CLASSIC, "square std",
    ),
    Mistake(
        "sign of the target", "adjoint.target",
        lambda v_ref, adjoint, lever, std: v_ref - std**2 * adjoint / lever,
        "On this clock velocities point to the noise: where cost rises with x, so must v.",
        "data time, where velocities point to the data", "plus",
    ),
    Mistake(
        "plug-in", "adjoint.quadratic",
        lambda c, x, p, goal, beta: (
            c.alpha * p.std**2 / (c.alpha**2 * p.std**2 + c.sigma**2) / beta * (
                p.mean + c.alpha * p.std**2 / (c.alpha**2 * p.std**2 + c.sigma**2)
                * (x - c.alpha * p.mean) - goal
            )
        ),
        "The reward's slope at the predicted datum: what the prediction leaves open is forgotten.",
        "guidance by the reward of E[data | x_t]", "β + w below",
    ),
    Mistake(
        "gradient at x_t", "adjoint.quadratic",
        lambda c, x, p, goal, beta: (x - goal) / beta + 0 * p.mean * p.std * c.alpha,
        "The reward's slope at the noisy state, not carried back.", "guidance in the noisy space",
        "the slope at E[data | x_t], times α s²/V",
    ),
)
# fmt: on
