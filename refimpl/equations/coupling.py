"""Couplings: which noise is matched with which data.

    x_t = α data + σ noise, (data, noise) ~ q          E|noise − data|² is least for optimal
    transport

Any coupling with the right marginals gives a path with the same two ends. Between Gaussians the
optimal map is affine and its cost is (m − m′)² + (s − s′)²; paths then never cross.
"""

from typing import Annotated, TypeAlias

from .arguments import Argument, Correlation, Data, Level, Noise, Std
from .domain import POSITIVE, REAL, fields, positive
from .elementary import Array, Num
from .gaussian import Gaussian
from .registry import equation

Ends: TypeAlias = Annotated[
    Array, Argument(r"\Delta", "noise − data of each path", REAL, "alone", axes=1)
]
Velocities: TypeAlias = Annotated[
    Array, Argument("v", "along each path, leading axis time", REAL, "alone", axes=2)
]


@equation(
    "coupling.cost",
    rows=("OT-1", "OT-2"),
    also=(
        ("tong2024", "Eq. 5"),
        ("ddpm_zh", ""),
    ),
)
def cost(data: Data, noise: Noise) -> Num:
    """(noise − data)²: the squared length of a straight path, per coordinate."""
    return (noise - data) ** 2


@equation(
    "coupling.gaussian_map",
    rows=("OT-1",),
    also=(
        ("villani2009", ""),
        ("peyre2019", "Remark 2.30"),
    ),
)
def gaussian_map(noise: Noise, data_law: Annotated[Gaussian, "the data"]) -> Num:
    """T(ε) = m + s ε: the optimal map from N(0, 1) to N(m, s²), the monotone one.

    Raises:
        ValueError: s < 0, NaN, or shapes that do not agree.
    """
    return data_law.mean + data_law.std * noise


@equation(
    "coupling.gaussian_cost",
    rows=("OT-1",),
    also=(("peyre2019", "Remark 2.31"),),
)
def gaussian_cost(p: Gaussian, q: Gaussian) -> Num:
    """W₂² = (m − m′)² + (s − s′)²: the least cost between two Gaussians, per coordinate.

    Raises:
        ValueError: a std < 0, NaN, or shapes that do not agree.
    """
    return (p.mean - q.mean) ** 2 + (p.std - q.std) ** 2


@equation(
    "coupling.correlated_velocity_variance",
    rows=("OT-1",),
    remark="Gaussian conditioning; the quantity that minibatch couplings reduce",
)
def correlated_velocity_variance(
    t: Level, std: Annotated[Std, POSITIVE], correlation: Correlation
) -> Num:
    """Var(noise − data | x_t) = s²(1 − ρ²)/Var(x_t) on the linear path, for Gaussian ends with correlation ρ.

    Zero for the optimal coupling (ρ = 1): the target is then a function of x_t. For the independent
    one (ρ = 0) it is what flow matching's regression can never explain.

    Raises:
        ValueError: s ≤ 0, |ρ| > 1, t outside [0, 1], NaN, or shapes that do not agree.
    """
    spread = (1 - t) ** 2 * std**2 + t**2 + 2 * t * (1 - t) * correlation * std
    positive(variance_of_x=spread, otherwise="correlation −1 leaves x without noise at this t")
    return std**2 * (1 - correlation**2) / spread


@equation("coupling.straightness", rows=("OT-2",), also=(("liu2023", "Eq. 3"),))
def straightness(ends: Ends, velocities: Velocities) -> Array:
    """Σ_t (noise − data − v_t)²/T: how far a trajectory is from its chord; 0 for a straight line.

    Args:
        ends: noise − data of each trajectory, shape (B, ...).
        velocities: v along it, shape (T, B, ...).
    """
    fields(ends=ends[None], velocities=velocities)
    return ((velocities - ends) ** 2).sum(axis=0) / len(velocities)
