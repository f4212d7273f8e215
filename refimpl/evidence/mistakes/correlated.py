"""Mistakes about correlated Gaussians: the covariance forgotten, inverted, or in the wrong order.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import Num, log, sqrt
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "coordinate by coordinate", "correlated.velocity",
        lambda x, y, mean_x, mean_y, xx, xy, yy, t:
            -mean_x + (t - (1 - t) * xx) * (x - (1 - t) * mean_x) / ((1 - t)**2 * xx + t**2)
            + 0 * (y + mean_y + xy + yy),
        "The other coordinate tells something too.", "diagonal laws of chains on correlated data",
        "both coordinates, through S⁻¹",
    ),
    Mistake(
        "sign of the covariance", "correlated.velocity",
        lambda x, y, mean_x, mean_y, xx, xy, yy, t:
            _velocity(x, y, mean_x, mean_y, xx, -xy, yy, t),
        "The matrix was inverted without turning the sign beside the diagonal.", CLASSIC,
        "−xy stands in the inverse alone",
    ),
    Mistake(
        "noise − data reversed", "correlated.velocity",
        lambda x, y, mean_x, mean_y, xx, xy, yy, t:
            -_velocity(x, y, mean_x, mean_y, xx, xy, yy, t),
        "The velocity of the other clock.", "ports between the clocks", "noise − data",
    ),
    Mistake(
        "diagonals alone", "correlated.kl",
        lambda gap_x, gap_y, p_xx, p_xy, p_yy, q_xx, q_xy, q_yy:
            ((p_xx + gap_x**2) / q_xx + (p_yy + gap_y**2) / q_yy - 2
             + log(q_xx * q_yy / (p_xx * p_yy))) / 2 + 0 * (p_xy + q_xy),
        "Correlations are information: the sum over coordinates is another number.", CLASSIC,
        "determinants and Q⁻¹",
    ),
    Mistake(
        "reversed", "correlated.kl",
        lambda gap_x, gap_y, p_xx, p_xy, p_yy, q_xx, q_xy, q_yy:
            _kl(gap_x, gap_y, q_xx, q_xy, q_yy, p_xx, p_xy, p_yy),
        "KL(q, p) for KL(p, q).", CLASSIC, "Q is inverted",
    ),
    Mistake(
        "determinants exchanged", "correlated.kl",
        lambda gap_x, gap_y, p_xx, p_xy, p_yy, q_xx, q_xy, q_yy:
            _kl(gap_x, gap_y, p_xx, p_xy, p_yy, q_xx, q_xy, q_yy)
            - log((q_xx * q_yy - q_xy**2) / (p_xx * p_yy - p_xy**2)),
        "The sign of the logarithm.", CLASSIC, "log det Q − log det P",
    ),
    Mistake(
        "roots of each", "correlated.wasserstein",
        lambda gap_x, gap_y, p_xx, p_xy, p_yy, q_xx, q_xy, q_yy:
            gap_x**2 + gap_y**2 + (sqrt(p_xx) - sqrt(q_xx))**2 + (sqrt(p_yy) - sqrt(q_yy))**2
            + 0 * (p_xy + q_xy),
        "Standard deviations compared coordinate by coordinate.", CLASSIC,
        "the root of the product of the matrices",
    ),
    Mistake(
        "without the determinants", "correlated.wasserstein",
        lambda gap_x, gap_y, p_xx, p_xy, p_yy, q_xx, q_xy, q_yy:
            gap_x**2 + gap_y**2 + p_xx + p_yy + q_xx + q_yy
            - 2 * sqrt(p_xx * q_xx + 2 * p_xy * q_xy + p_yy * q_yy),
        "√tr(PQ) for tr √(PQ).", CLASSIC, "add 2 √(det P det Q) under the root",
    ),
    Mistake(
        "Frobenius", "correlated.wasserstein",
        lambda gap_x, gap_y, p_xx, p_xy, p_yy, q_xx, q_xy, q_yy:
            gap_x**2 + gap_y**2 + (p_xx - q_xx)**2 + 2 * (p_xy - q_xy)**2 + (p_yy - q_yy)**2,
        "The distance of the matrices, which has the unit of a fourth power.", CLASSIC,
        "of their roots",
    ),
)
# fmt: on


def _velocity(x: Num, y: Num, mean_x: Num, mean_y: Num, xx: Num, xy: Num, yy: Num, t: Num) -> Num:
    """The regression, its 2 × 2 matrix inverted by hand."""
    a, b, c = (1 - t) ** 2 * xx + t**2, (1 - t) ** 2 * xy, (1 - t) ** 2 * yy + t**2
    u, w = x - (1 - t) * mean_x, y - (1 - t) * mean_y
    first, second = (c * u - b * w) / (a * c - b * b), (a * w - b * u) / (a * c - b * b)
    return -mean_x + (t - (1 - t) * xx) * first - (1 - t) * xy * second


def _kl(
    gap_x: Num, gap_y: Num, p_xx: Num, p_xy: Num, p_yy: Num, q_xx: Num, q_xy: Num, q_yy: Num
) -> Num:
    """½ [tr Q⁻¹(P + ddᵀ) − 2 + log det Q/det P]."""
    p, q = p_xx * p_yy - p_xy * p_xy, q_xx * q_yy - q_xy * q_xy
    a, b, c = p_xx + gap_x * gap_x, p_xy + gap_x * gap_y, p_yy + gap_y * gap_y
    return ((q_yy * a - 2 * q_xy * b + q_xx * c) / q - 2 + log(q) - log(p)) / 2
