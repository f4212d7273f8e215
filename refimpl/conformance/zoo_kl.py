"""Mistakes about ODE steps and divergences.

    the end of the step for its start, equal weights, KL without h, without ½, the wrong way round

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..equations import Step
from ..equations.elementary import Num, exp, log
from ..equations.ode import Field
from ..evidence.mistake import Mistake

_CLASSIC = "a classic"
_ONE_NAME = "flow_grpo's kernel, verl-omni, UniRL before its PR 38"
_ISSUE_78 = "flow_grpo (8 scripts; its issue 78), mm_grpo, verl-omni"


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
        "The second velocity is evaluated at t: order 1 in time.", _CLASSIC, "v(·, s)",
    ),
    Mistake(
        "Euler twice", "ode.heun",
        lambda field, x, step: x - (step.t - step.s) * field(x, step.t),
        "The corrector never ran: order 1.", "the last step of Heun samplers", "average the slopes",
    ),
    Mistake(
        "all slopes alike", "ode.rk4",
        lambda field, x, step: _rk4(field, x, step, (1.5, 1.5, 1.5, 1.5)),
        "Weights ¼ each: the order is lost.", _CLASSIC, "1, 2, 2, 1",
    ),
    Mistake(
        "KL direction", "kl.gaussian",
        lambda p, q: log(p.std / q.std)
        + (q.std**2 - p.std**2 + (p.mean - q.mean) ** 2) / (2 * p.std**2),
        "KL(q ‖ p).", "a KL against the old policy, or from the reference", "expectation under p",
    ),
    Mistake(
        "std ratio inverted", "kl.gaussian",
        lambda p, q: log(p.std / q.std)
        + (p.std**2 - q.std**2 + (p.mean - q.mean) ** 2) / (2 * q.std**2),
        "log(σ_p/σ_q): it can be negative.", _CLASSIC, "log(σ_q/σ_p)",
    ),
    Mistake(
        "KL without ½", "kl.of_means",
        lambda mean, mean_ref, std: (mean - mean_ref) ** 2 / std**2,
        "Twice the divergence.", _CLASSIC, "divide by 2 std²",
    ),
    Mistake(
        "std for variance", "kl.of_means",
        lambda mean, mean_ref, std: (mean - mean_ref) ** 2 / (2 * std),
        "Divided by 2 std.", _ONE_NAME, "divide by 2 std²",
    ),
    Mistake(
        "MSE of the means", "kl.of_means",
        lambda mean, mean_ref, std: (mean - mean_ref) ** 2,
        "A squared distance, logged as a KL.", "FlowCPS, Flow-Factory", "divide by 2 std²",
    ),
    Mistake(
        "KL without h", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: h**2 / 2
        * (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2,
        "Divided by 2 g² and not by 2 g² h: too small by h, which varies 6.7 times over a grid.",
        _ISSUE_78, "divide by the step's variance g² h",
    ),
    Mistake(
        "KL without ½", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: h * (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2,
        "Twice the divergence.", _CLASSIC, "h/2 before the square",
    ),
    Mistake(
        "KL of unit steps", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2 / 2,
        "The factor h is left out of Eq. 3.", _CLASSIC, "h/2 before the square",
    ),
    Mistake(
        "t for 1 − t", "kl.flow_grpo",
        lambda v, v_ref, g, t, h: h / 2 * (g / 2 + 1 / g) ** 2 * (v - v_ref) ** 2,
        "t/(2t) where Eq. 3 has (1 − t)/(2t).", _CLASSIC, "(1 − t)/(2t)",
    ),
    Mistake(
        "KL without ½", "kl.without_h",
        lambda mean, mean_ref, g: (mean - mean_ref) ** 2 / g**2,
        "Twice the field's quantity.", _CLASSIC, "divide by 2 g²",
    ),
    Mistake(
        "½ of the squared distance", "kl.velocity",
        lambda v, v_ref: (v - v_ref) ** 2 / 2,
        "Half of what goes by that name.", "losses with a conventional ½", "no factor",
    ),
    Mistake(
        "KL estimate reversed", "kl.k1",
        lambda log_ratio: log_ratio,
        "log r estimates minus the divergence.", "the ratio's direction left unsaid",
        "r = p_ref/p_θ, and −log r",
    ),
    Mistake(
        "no ½", "kl.k2",
        lambda log_ratio: log_ratio**2,
        "Twice the estimate.", _CLASSIC, "halve it",
    ),
    Mistake(
        "ratio reversed", "kl.k3",
        lambda log_ratio: exp(-log_ratio) - 1 + log_ratio,
        "r = p_θ/p_ref: unbiased for nothing on draws from p_θ.",
        "GRPO ports; the ratio's direction left unsaid", "r = p_ref/p_θ",
    ),
)
# fmt: on
