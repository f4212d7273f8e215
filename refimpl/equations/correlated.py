"""Gaussians whose coordinates are correlated: two at a time, written out.

    data ~ N(m, C),   x_t = (1 − t) data + t noise ~ N((1 − t) m, S),   S = (1 − t)² C + t² I

    v(x, t) = −m + (t I − (1 − t) C) S⁻¹ (x − (1 − t) m)

A covariance stands as its three numbers: variance, covariance, variance. In more dimensions
`simulate.laws` does the same with matrices and is held against these lines. Two covariances that
commute have common axes, along which everything falls apart into one-dimensional formulas; the
formulas here do not ask for it.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Level, State
from .domain import LENGTH, REAL, positive
from .elementary import Num, log, sqrt
from .registry import equation

Other: TypeAlias = Annotated[Num, Argument("y", "the state's second coordinate")]
MeanX: TypeAlias = Annotated[
    Num, Argument("m_x", "the mean of the data's first coordinate", REAL, SAMPLE)
]
MeanY: TypeAlias = Annotated[
    Num, Argument("m_y", "the mean of the data's second coordinate", REAL, SAMPLE)
]
XX: TypeAlias = Annotated[
    Num,
    Argument("c_{xx}", "the variance of the first coordinate", LENGTH, SAMPLE, between=("1", "2")),
]
XY: TypeAlias = Annotated[
    Num,
    Argument("c_{xy}", "the covariance of both", REAL, SAMPLE, between=("-0.5", "0.5")),
]
YY: TypeAlias = Annotated[
    Num,
    Argument("c_{yy}", "the variance of the second coordinate", LENGTH, SAMPLE, between=("1", "2")),
]
GapX: TypeAlias = Annotated[
    Num, Argument("d_x", "the difference of the means in the first coordinate", REAL, SAMPLE)
]
GapY: TypeAlias = Annotated[
    Num, Argument("d_y", "the difference of the means in the second coordinate", REAL, SAMPLE)
]
_NAMED = {"xx": "the variance of its first coordinate", "xy": "its covariance",
          "yy": "the variance of its second coordinate"}  # fmt: skip


def _of(law: str, part: str) -> Argument:
    between = ("-0.5", "0.5") if part == "xy" else ("1", "2")
    domain = REAL if part == "xy" else LENGTH
    letter = f"{law}_{{{part}}}"
    return Argument(letter, f"{_NAMED[part]}, of the law {law}", domain, SAMPLE, between=between)


PXX: TypeAlias = Annotated[Num, _of("p", "xx")]
PXY: TypeAlias = Annotated[Num, _of("p", "xy")]
PYY: TypeAlias = Annotated[Num, _of("p", "yy")]
QXX: TypeAlias = Annotated[Num, _of("q", "xx")]
QXY: TypeAlias = Annotated[Num, _of("q", "xy")]
QYY: TypeAlias = Annotated[Num, _of("q", "yy")]
_REMEDY = "a covariance is positive definite: the variances' product exceeds xy²"


@equation(
    "correlated.velocity",
    rows=("DYN-11",),
    remark="E[noise − data | x] of the linear path, as a linear regression on both coordinates",
)
def velocity(
    x: State, y: Other, mean_x: MeanX, mean_y: MeanY, xx: XX, xy: XY, yy: YY, t: Level
) -> Num:
    """The first coordinate of −m + (t I − (1 − t) C) S⁻¹ (x − (1 − t) m); swap names for the other.

    Raises:
        ValueError: a covariance that is not positive definite, NaN, or shapes that do not agree.
    """
    positive(determinant=xx * yy - xy**2, otherwise=_REMEDY)
    left = 1 - t
    s_xx, s_xy, s_yy = left**2 * xx + t**2, left**2 * xy, left**2 * yy + t**2
    off_x, off_y = x - left * mean_x, y - left * mean_y
    along = (s_yy * off_x - s_xy * off_y) * (t - left * xx)
    across = (s_xx * off_y - s_xy * off_x) * left * xy
    return -mean_x + (along - across) / (s_xx * s_yy - s_xy**2)


@equation(
    "correlated.kl",
    rows=("DYN-11",),
    also=(("kullback1951", ""),),
    remark="of two Gaussians in two dimensions",
)
def kl(
    gap_x: GapX, gap_y: GapY, p_xx: PXX, p_xy: PXY, p_yy: PYY, q_xx: QXX, q_xy: QXY, q_yy: QYY
) -> Num:
    """½ [tr(Q⁻¹P) + dᵀQ⁻¹d − 2 + log(det Q/det P)]: KL of N(m + d, P) from N(m, Q), in nats.

    Raises:
        ValueError: a covariance that is not positive definite, NaN, or shapes that do not agree.
    """
    p_det, q_det = p_xx * p_yy - p_xy**2, q_xx * q_yy - q_xy**2
    positive(p_determinant=p_det, q_determinant=q_det, otherwise=_REMEDY)
    spread = q_yy * (p_xx + gap_x**2) + q_xx * (p_yy + gap_y**2)
    joint = 2 * q_xy * (p_xy + gap_x * gap_y)
    return ((spread - joint) / q_det - 2 + log(q_det / p_det)) / 2


@equation(
    "correlated.wasserstein",
    rows=("DYN-11",),
    also=(("peyre2019", "Remark 2.31"),),
    remark="the root of a product of two matrices by Cayley and Hamilton",
)
def wasserstein(
    gap_x: GapX, gap_y: GapY, p_xx: PXX, p_xy: PXY, p_yy: PYY, q_xx: QXX, q_xy: QXY, q_yy: QYY
) -> Num:
    """W₂² = |d|² + tr P + tr Q − 2 √(tr(PQ) + 2 √(det P det Q)) of two Gaussians.

    The last root is tr √(√P Q √P); where P and Q commute it is the sum of the products of their
    standard deviations along the common axes.

    Raises:
        ValueError: a covariance that is not positive definite, NaN, or shapes that do not agree.
    """
    p_det, q_det = p_xx * p_yy - p_xy**2, q_xx * q_yy - q_xy**2
    positive(p_determinant=p_det, q_determinant=q_det, otherwise=_REMEDY)
    trace = p_xx * q_xx + 2 * p_xy * q_xy + p_yy * q_yy
    shared = sqrt(trace + 2 * sqrt(p_det * q_det))
    return gap_x**2 + gap_y**2 + p_xx + p_yy + q_xx + q_yy - 2 * shared
