"""Couplings: what optimal transport does for a flow, exact on Gaussians."""

import numpy as np
import sympy as sp

from refimpl.equations import Gaussian, coupling, paths
from refimpl.equations.arguments import Correlation, Mean

from .engine import Display, Equality, Lines, Production, derivation
from .engine.moments import expectation, variance
from .engine.symbols import data, eps, noise, of, std, symbol, t

mean = of(Mean, "mean")
mean_2 = symbol("mean_2", r"\mu'", real=True)
std_2 = symbol("std_2", r"\mathrm{std}'", positive=True)
rho = of(Correlation, "rho")
eps_2 = sp.Symbol("eps_2", real=True)


@derivation(
    "coupling.cost",
    rows=("OT-1",),
    assumes=("noise standard normal, data N(μ, s²), correlation ρ",),
)
def cost(production: Production) -> Lines:
    """The squared length of straight paths: the more correlated the ends, the shorter."""
    yield Display("c", production(data, noise))
    other = mean + std * (rho * eps + sp.sqrt(1 - rho**2) * eps_2)
    expected = expectation(expectation(sp.expand(production(other, eps)), eps), eps_2)
    yield Equality("its mean under correlation ρ", expected, mean**2 + std**2 + 1 - 2 * rho * std)
    speed = paths.velocity(paths.linear(t), data, noise) ** 2
    yield Equality("it is the speed along a straight path, squared", production(data, noise), speed)


@derivation("coupling.gaussian_map", rows=("OT-1",))
def gaussian_map(production: Production) -> Lines:
    """The monotone map carries one Gaussian to the other, and its cost is the least there is."""
    image = production(eps, Gaussian(mean, std))
    yield Display("T(\\varepsilon)", image)
    yield Equality("the image has mean μ", expectation(image, eps), mean)
    yield Equality("and std s", variance(image, eps), std**2)
    yield Equality("rising, hence optimal in one dimension", sp.diff(image, eps), std)
    least = expectation(sp.expand(coupling.cost(image, eps)), eps)
    yield Equality(
        "its cost is W₂²",
        least,
        coupling.gaussian_cost(Gaussian(mean, std), Gaussian(sp.Integer(0), sp.Integer(1))),
    )


@derivation("coupling.gaussian_cost", rows=("OT-1",))
def gaussian_cost(production: Production) -> Lines:
    """W₂² between Gaussians: distance of means plus distance of widths."""
    p, q = Gaussian(mean, std), Gaussian(mean_2, std_2)
    yield Display("W_2^2", production(p, q))
    together = expectation(sp.expand((p.sample(eps) - q.sample(eps)) ** 2), eps)
    yield Equality("driven by one noise, the optimal coupling", production(p, q), together)
    apart = expectation(expectation(sp.expand((p.sample(eps) - q.sample(eps_2)) ** 2), eps), eps_2)
    yield Equality("independence costs 2ss′ more", apart - production(p, q), 2 * std * std_2)


@derivation(
    "coupling.correlated_velocity_variance",
    rows=("OT-1", "OT-2"),
    assumes=("jointly Gaussian ends, the linear path",),
)
def correlated_velocity_variance(production: Production) -> Lines:
    """What a velocity network cannot know, by coupling: nothing for the optimal one."""
    yield Display(r"\mathrm{Var}(v\mid x_t)", production(t, std, rho))
    first, second = eps, eps_2
    ends_noise = first
    ends_data = std * (rho * first + sp.sqrt(1 - rho**2) * second)
    x_t = paths.interpolate(paths.linear(t), ends_data, ends_noise)
    target = paths.velocity(paths.linear(t), ends_data, ends_noise)

    def covariance(a: sp.Expr, b: sp.Expr) -> sp.Expr:
        return expectation(expectation(sp.expand(a * b), first), second)

    left_over = covariance(target, target) - covariance(target, x_t) ** 2 / covariance(x_t, x_t)
    yield Equality("Gaussian conditioning", production(t, std, rho), left_over)
    yield Equality(
        "optimal coupling: nothing is left", production(t, std, sp.Integer(1)), sp.Integer(0)
    )
    apart = production(t, std, sp.Integer(0))
    yield Equality("independent ends", apart, std**2 / ((1 - t) ** 2 * std**2 + t**2))


@derivation("coupling.straightness", rows=("OT-2",))
def straightness(production: Production) -> Lines:
    """Zero along a straight line; otherwise the mean squared turn of the velocity."""
    end = np.array([symbol("chord", r"\Delta", real=True)], dtype=object)
    speeds = np.array([[s] for s in sp.symbols("v_1:4", real=True)], dtype=object)
    yield Display("S", np.ravel(production(end, speeds))[0])
    straight = np.ravel(production(end, np.array([end, end, end], dtype=object)))[0]
    yield Equality("constant velocity is straight", straight, sp.Integer(0))
    turned = sum((s - end[0]) ** 2 for s in speeds[:, 0]) / 3
    got = np.ravel(production(end, speeds))[0]
    yield Equality("the mean squared deviation from the chord", got, turned)
