"""Mistakes about guidance, clocks, scales and weights.

    a scale for the other scale, swapped conditions, clocks and signs not flipped, β carried over

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..equations import Coefficients
from ..equations.elementary import Num
from ..evidence.mistake import Mistake

_CLASSIC = "a classic"


def _truncated(t: Num) -> Num:
    """999 t without its fraction, in the number system of t."""
    return 999 * t - 999 * t % 1


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "difference for sum", "guidance.bayes_score",
        lambda score, classifier_score: score - classifier_score,
        "Steers away from the label.", _CLASSIC, "add",
    ),
    Mistake(
        "a_t forgotten", "guidance.classifier",
        lambda v, a, classifier_score, w: v + w * classifier_score,
        "A score added to a velocity: the units differ by a_t.", "score guidance carried to flows",
        "multiply by a_t of the path",
    ),
    Mistake(
        "w − 1 for w", "guidance.classifier_free",
        lambda v_uncond, v_cond, w: (1 + w) * v_cond - w * v_uncond,
        "Ho and Salimans' scale where the notes' was declared: one too much guidance.",
        "two papers, two scales", "convert through conventions.w_from_omega",
    ),
    Mistake(
        "conditional and unconditional swapped", "guidance.classifier_free",
        lambda v_uncond, v_cond, w: w * v_uncond + (1 - w) * v_cond,
        "Steers away from the label.", "the order of the chunks of a doubled batch",
        "unconditional first in diffusers' batch",
    ),
    Mistake(
        "w for ω", "guidance.ho_salimans",
        lambda v_uncond, v_cond, omega: (1 - omega) * v_uncond + omega * v_cond,
        "The notes' scale where the paper's was declared: one too little guidance.",
        "two papers, two scales", "convert through conventions.omega_from_w",
    ),
    Mistake(
        "ω for w", "guidance.diffusers",
        lambda v_uncond, v_cond, guidance_scale: v_cond + guidance_scale * (v_cond - v_uncond),
        "Counted from the conditional field: one too much guidance.", "two papers, two scales",
        "count from the unconditional field",
    ),
    Mistake(
        "conditional and unconditional swapped", "guidance.diffusers",
        lambda v_uncond, v_cond, guidance_scale: v_cond + guidance_scale * (v_uncond - v_cond),
        "Steers away from the label.", "the order of the chunks of a doubled batch",
        "unconditional first in diffusers' batch",
    ),
    Mistake(
        "clock not flipped", "conventions.flip_time", lambda t: t + 0,
        "One clock's time read on the other.", "ports between libraries", "1 − t",
    ),
    Mistake(
        "velocity not flipped", "conventions.flip_velocity", lambda v: v + 0,
        "Time was flipped and the velocity was not.", "ports between libraries", "−v",
    ),
    Mistake(
        "derivatives not flipped", "conventions.flip_path",
        lambda c: Coefficients(c.alpha, c.sigma, c.d_alpha, c.d_sigma),
        "Time was flipped and the derivatives were not.", "ports between libraries",
        "both derivatives change sign",
    ),
    Mistake(
        "integer time of 0 to 999", "conventions.network_time", _truncated,
        "Truncated, on a DDPM's clock: up to 2 units of network time off.",
        "DanceGRPO and MixGRPO (int(1000 t)); DDPM schedules", "1000 t, in real numbers",
    ),
    Mistake(
        "divided by 999", "conventions.level_of_network_time", lambda tau: tau / 999,
        "A DDPM's last index for the number of steps.", "DDPM schedules", "τ/1000",
    ),
    Mistake(
        "scales taken as equal", "conventions.w_from_omega", lambda omega: omega + 0,
        "ω used as w.", "two papers, two scales", "w = 1 + ω",
    ),
    Mistake(
        "scales taken as equal", "conventions.omega_from_w", lambda w: w + 0,
        "w used as ω.", "two papers, two scales", "ω = w − 1",
    ),
    Mistake(
        "β carried over", "conventions.beta_for_mean_without_h",
        lambda beta, h, dimensions: beta + 0 * h,
        "One number for two definitions of the KL: off by D/h, 10⁵ and more on SD3.5.",
        "settings copied between trainers", "β h/D",
    ),
    Mistake(
        "h forgotten", "conventions.beta_for_mean_without_h",
        lambda beta, h, dimensions: beta / dimensions + 0 * h,
        "Sum and mean converted, the missing h not.", "settings copied between trainers", "β h/D",
    ),
)
# fmt: on
