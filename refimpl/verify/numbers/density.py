"""Exact mixtures in 30 digits: the marginal field moves the density, between the right ends."""

import mpmath as mp

from ...equations import density, paths
from ..check import Evidence, check
from ..mixtures import DIGITS, close, compared, mixture, scenes


@check(
    "numbers",
    covers=(
        "density.continuity", "density.marginal", "density.posterior",
        "density.conditional_mean", "paths.conditional_velocity",
    ),
    rows=("VF-1", "VF-2", "VF-3"),
)  # fmt: skip
def marginal_velocity_moves_the_mixture(seed: int) -> Evidence:
    """The posterior mean of conditional velocities satisfies the continuity equation."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            p, v, dv = (
                scene.density(scene.x),
                scene.velocity(scene.x),
                scene.divergence_parts(scene.velocity),
            )
            rate = sum(
                density.continuity(p, scene.along(scene.density, i), v[i], dv[i])
                for i in scene.coordinates
            )
            close(scene.name, rate, scene.rate(), gaps)
    return compared(gaps)


@check("numbers", covers=("density.marginal", "paths.conditional"), rows=("PATH-1", "PATH-3"))
def the_marginal_path_ends_in_noise_and_in_data(seed: int) -> Evidence:
    """At t = 1 the marginal is N(0, I); near t = 0 each datum carries its own weight."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        m, x = mixture(2, paths.linear), [mp.mpf("0.5"), mp.mpf("-0.75")]
        close("p_1 is N(0, I)", m.density(x, mp.mpf(1)), mp.npdf(x[0]) * mp.npdf(x[1]), gaps)
        t = mp.mpf(2) ** -20
        z, width = m.centres[0] * paths.linear(t).alpha, t * mp.sqrt(2 * mp.pi)
        # twelve standard deviations either way leave out 4e-33
        mass = width * mp.quad(lambda u: t * m.density([z[0] + t * u, z[1]], t), [-12, 0, 12])
        close("a datum's mass near t = 0", mass, m.prior[0], gaps)
    return compared(gaps)
