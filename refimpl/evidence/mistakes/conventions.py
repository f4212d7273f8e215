"""Mistakes about conventions: clocks, network times, which end is data.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Coefficients
from ...equations.elementary import Num
from ..mistake import Mistake


def _truncated(t: Num) -> Num:
    """999 t without its fraction, in the number system of t."""
    return 999 * t - 999 * t % 1


# fmt: off
MISTAKES: tuple[Mistake, ...] = (
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
