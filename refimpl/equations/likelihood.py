"""Likelihood of a flow: densities change by the volume that the map creates.

    log p_1(y) = log p_0(x) − log|det ∂y/∂x|,  y = φ(x)          d/dt log p_t(x_t) = −∇·v

A residual step x + δ u(x) changes it by log(1 + δ ∂u) per eigenvalue, and infinitely many of them
by the integral of the divergence. Hutchinson's εᵀJε estimates a divergence by one vector product.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, State
from .domain import NONZERO, POSITIVE, REAL
from .elementary import Array, Num, exp, log
from .registry import equation

LogDensity: TypeAlias = Annotated[Num, Argument(r"\log p_0(x)", "the log-density before the map")]
Determinant: TypeAlias = Annotated[
    Num,
    Argument(
        r"\det\partial y/\partial x",
        "of the map's Jacobian",
        NONZERO,
        usual=POSITIVE,
        between=("0.2", "2"),
    ),
]
Block: TypeAlias = Annotated[Num, Argument("u(x)", "the block's output")]
BlockSize: TypeAlias = Annotated[
    Num, Argument(r"\delta", "the size of the block's step", REAL, SAMPLE)
]
VelocityDivergence: TypeAlias = Annotated[
    Num, Argument(r"\nabla\cdot v", "of the velocity", own=True)
]
Probe: TypeAlias = Annotated[
    Array, Argument(r"\varepsilon", "a probe with E[εεᵀ] = I", REAL, "array", axes=1, own=True)
]
ProbeImage: TypeAlias = Annotated[
    Array, Argument(r"J\varepsilon", "the Jacobian times the probe", REAL, "array", axes=1)
]


LogScale: TypeAlias = Annotated[
    Num, Argument("s", "the logarithm of the scale, read off the other coordinates")
]
Offset: TypeAlias = Annotated[Num, Argument("b", "the shift, read off the other coordinates")]
Image: TypeAlias = Annotated[Num, Argument("y", "the point after the block")]


@equation(
    "likelihood.change_of_variables",
    rows=("NF-1",),
    also=(
        ("ddpm_zh", ""),
        ("rezende2015", ""),
    ),
)
def change_of_variables(log_p: LogDensity, determinant: Determinant) -> Num:
    """log p_1(y) = log p_0(x) − log|det ∂y/∂x|, at y = φ(x).

    Args:
        log_p: log p_0(x).
        determinant: det ∂y/∂x of the *forward* map at x, of either sign.

    Raises:
        ValueError: the determinant vanishes: the map is not invertible there.
    """
    return log_p - log(determinant**2) / 2


@equation(
    "likelihood.residual_step",
    rows=("NF-2",),
    also=(
        ("ddpm_zh", ""),
        ("chen2019", ""),
    ),
)
def residual_step(x: State, u: Block, delta: BlockSize) -> Num:
    """φ(x) = x + δ u(x): one block of a residual flow, and one Euler step of dx/dt = u."""
    return x + delta * u


@equation(
    "likelihood.instantaneous",
    rows=("NF-3",),
    also=(
        ("chen2018", "Theorem 1"),
        ("song2021", "Eq. 39"),
    ),
)
def instantaneous(divergence: VelocityDivergence) -> Num:
    """d/dt log p_t(x_t) = −∇·v(x_t, t), along a trajectory of the flow."""
    return -divergence


@equation(
    "likelihood.hutchinson",
    rows=("NF-3",),
    also=(
        ("grathwohl2019", "Eq. 7"),
        ("hutchinson1990", ""),
        ("song2021", "Eq. 40"),
    ),
)
def hutchinson(eps: Probe, jacobian_eps: ProbeImage) -> Array:
    """εᵀ(J ε), summed over coordinates: an unbiased estimate of tr J when E[εεᵀ] = I.

    Args:
        eps: random signs or standard normals, shape (B, d).
        jacobian_eps: J ε, shape (B, d).
    """
    return (eps * jacobian_eps).sum(axis=-1)


@equation("likelihood.coupled", rows=("NF-5",), also=(("dinh2017", ""),))
def coupled(x: State, log_scale: LogScale, offset: Offset) -> Num:
    """y = x e^s + b, with s and b read off the *other* coordinates: an affine coupling block.

    The others pass unchanged, so the block is inverted with the same s and b, whatever networks make
    them: `uncoupled`.

    Raises:
        ValueError: NaN, or shapes that do not agree.
    """
    return x * exp(log_scale) + offset


@equation("likelihood.uncoupled", rows=("NF-5",), also=(("dinh2017", ""),))
def uncoupled(y: Image, log_scale: LogScale, offset: Offset) -> Num:
    """x = (y − b) e^{−s}: the block, inverted.

    Raises:
        ValueError: NaN, or shapes that do not agree.
    """
    return (y - offset) * exp(-log_scale)


@equation("likelihood.through_block", rows=("NF-5",), also=(("dinh2017", ""),))
def through_block(log_p: LogDensity, log_scale: LogScale) -> Num:
    """log p_1(y) = log p_0(x) − s, for every coordinate that the block scales.

    The Jacobian is triangular, with ones and e^s on its diagonal: its determinant costs a sum.

    Raises:
        ValueError: NaN, or shapes that do not agree.
    """
    return log_p - log_scale
