"""Second routes for correlated Gaussians: normal equations, eigenvalues of whitened matrices."""

from typing import Any

import mpmath as mp

from ..route import route


def _matrix(xx: Any, xy: Any, yy: Any) -> Any:
    return mp.matrix([[xx, xy], [xy, yy]])


@route("correlated.velocity")
def velocity(x: Any, y: Any, mean_x: Any, mean_y: Any, xx: Any, xy: Any, yy: Any, t: Any) -> Any:
    """The regression of noise − data on x_t, its normal equations solved."""
    data, identity = _matrix(xx, xy, yy), mp.eye(2)
    state = (1 - t) ** 2 * data + t**2 * identity
    off = mp.matrix([x - (1 - t) * mean_x, y - (1 - t) * mean_y])
    shared = t * identity - (1 - t) * data
    return (shared * mp.lu_solve(state, off))[0] - mean_x


@route("correlated.kl")
def kl(
    gap_x: Any, gap_y: Any, p_xx: Any, p_xy: Any, p_yy: Any, q_xx: Any, q_xy: Any, q_yy: Any
) -> Any:
    """In coordinates in which q is standard normal: a sum over the axes of what p is there."""
    root = mp.cholesky(_matrix(q_xx, q_xy, q_yy))
    to = mp.inverse(root)
    seen = to * _matrix(p_xx, p_xy, p_yy) * to.T
    variances = mp.eigsy(seen, eigvals_only=True)
    shift = to * mp.matrix([gap_x, gap_y])
    return mp.fsum([*(v - 1 - mp.log(v) for v in variances), *(d**2 for d in shift)]) / 2


@route("correlated.wasserstein")
def wasserstein(
    gap_x: Any, gap_y: Any, p_xx: Any, p_xy: Any, p_yy: Any, q_xx: Any, q_xy: Any, q_yy: Any
) -> Any:
    """Traces, less twice the nuclear norm of LᵀR, L and R the triangular roots of P and Q."""
    p, q = (mp.cholesky(_matrix(*three)) for three in ((p_xx, p_xy, p_yy), (q_xx, q_xy, q_yy)))
    nuclear = mp.fsum(mp.svd_r(p.T * q, compute_uv=False))
    return mp.fsum([gap_x**2, gap_y**2, p_xx, p_yy, q_xx, q_yy, -2 * nuclear])
