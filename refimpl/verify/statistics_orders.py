"""Convergence: the orders of the solvers, and the two orders of Euler–Maruyama.

    weak:  E φ(X_T) converges at order 1        strong:  √E|X_T − X|² at ½, or 1 if g is constant

Strong errors compare the chain with the exact solution under one Brownian motion. For linear
equations their mean squares are known, so that orders are computed and samples only confirm them.
"""

import math

import torch

from ..equations import ode, paths, sde
from ..simulate import grids, laws
from ..simulate import sde as chains
from ..simulate.ode import Rule, solve
from ..statistics import budget, gaussian, orders
from ..statistics.budget import claim
from ..statistics.ledger import N
from ..toy import field, gaussian_1d
from .check import Evidence, check
from .accepting import evidence_of, standard_normal

_ONE = torch.ones(1, dtype=torch.float64)
_THETA, _G, _MU, _SIGMA = 1.5, 0.8, 0.5, 0.6  # dx = −θx dt + g dw;  dx = μx dt + σx dw
_LADDER = (20, 40, 80, 160)


@check("statistics", covers=("ode.euler", "ode.heun", "ode.rk4"), rows=("DYN-4", "DYN-5"))
def solvers_converge_at_their_order(seed: int) -> Evidence:
    """Euler, Heun and RK4 reach orders 1, 2, 4; on dx/dt = λx with the right constant."""
    x, exact, rate = _ONE, math.exp(-1.0), 1.0
    # 1/h steps, each without the series' next term: C = −(−λ)^(p+1)/(p+1)! e^(−λ)
    rules: dict[str, tuple[Rule, int]] = {
        "euler": (ode.euler, 1),
        "heun": (ode.heun, 2),
        "rk4": (ode.rk4, 4),
    }
    figures: dict[str, float] = {}
    for name, (rule, p) in rules.items():
        steps = (40, 80, 160) if p < 4 else (10, 20, 40)
        errors = [
            float(solve(rule, lambda x, t: rate * x, x, grids.uniform(T))) - exact for T in steps
        ]
        constant = -((-rate) ** (p + 1)) / math.factorial(p + 1) * exact
        found = orders.order([1 / T for T in steps], errors, expected=p, constant=constant)
        figures[f"{name}: order on dx/dt = x"] = found.order
        figures[f"{name}: constant/expected"] = found.constant / constant
        figures[f"{name}: order on the cosine path"] = _curved_order(rule, p)
    return Evidence(f"orders 1, 2, 4 and their constants to {orders.TOLERANCE:g}", figures)


@check("statistics", covers=("sde.euler_maruyama",), rows=("DYN-7",))
def euler_maruyama_has_its_weak_and_strong_orders(seed: int) -> Evidence:
    """Weak order 1, strong order 1 with constant g and ½ with g = σx; samples have that error."""
    h = [1 / T for T in _LADDER]
    weak = [float(_chain(T).variance[-1]) - _exact_variance(1.0) for T in _LADDER]
    additive = [math.sqrt(_gap_covariance(T)[0]) for T in _LADDER]
    multiplicative = [math.sqrt(_geometric_gap(T)) for T in _LADDER]
    figures = {
        "weak order of the variance": orders.order(h, weak, expected=1).order,
        "strong order, constant g": orders.order(h, additive, expected=1).order,
        "strong order, g = σx": orders.order(h, multiplicative, expected=0.5).order,
    }
    T, generator = 20, budget.generator("strong", seed)
    x = exact = standard_normal(N, 1, generator=generator)
    spread, both, _ = _increments(1 / T)
    for _ in range(T):
        w, u = (standard_normal(N, 1, generator=generator) for _ in range(2))
        kernel = sde.euler_maruyama(x, -_THETA * x, _G, 1 / T)
        x = kernel.sample(w)
        share = both / math.sqrt(1 / T)  # of ∫e^{−θ(h−u)}dw that the increment explains
        noise = share * w + math.sqrt(spread - share**2) * u
        exact = math.exp(-_THETA / T) * exact + _G * noise
    law, gap = _chain(T), math.sqrt(_gap_covariance(T)[0])
    outcomes = [
        gaussian.variance(x, law.mean[-1], law.std[-1], claim("strong.chain"), detects=0.022),
        gaussian.variance(x - exact, 0.0, gap, claim("strong.gap"), detects=0.022),
    ]
    evidence = evidence_of(outcomes)
    evidence.figures.update(figures)
    return evidence


def _chain(T: int) -> laws.GaussianLaw:
    """The law of the chain for dx = −θx dt + g dw from N(0, 1), over a unit of time."""
    kernels = chains.noising(lambda x, t: -_THETA * x, grids.uniform(T), g=lambda t: _G)
    return laws.gaussian_law(kernels, 0 * _ONE, _ONE)


def _exact_variance(time: float) -> float:
    decay = math.exp(-2 * _THETA * time)
    return decay + _G**2 * (1 - decay) / (2 * _THETA)


def _increments(h: float) -> tuple[float, float, float]:
    """Var ∫e^{−θ(h−u)}dw, its covariance with Δw, and Var Δw."""
    decay = math.exp(-_THETA * h)
    return (1 - decay**2) / (2 * _THETA), (1 - decay) / _THETA, h


def _gap_covariance(T: int) -> tuple[float, float]:
    """E(X_chain − X)² and E(X_chain − X)X after a unit of time, from one start ~ N(0, 1)."""
    h = 1 / T
    spread, both, whole = _increments(h)
    slope = float(sde.euler_maruyama(1.0, -_THETA, _G, h).mean)
    decay = math.exp(-_THETA * h)
    gap, cross, own = 0.0, 0.0, 1.0
    for _ in range(T):
        # gap' = slope·gap + (slope − decay)·X + g(Δw − ∫),   X' = decay·X + g∫
        off = slope - decay
        gap = (
            slope**2 * gap
            + 2 * slope * off * cross
            + off**2 * own
            + _G**2 * (whole - 2 * both + spread)
        )
        cross = decay * (slope * cross + off * own) + _G**2 * (both - spread)
        own = decay**2 * own + _G**2 * spread
    return gap, cross


def _geometric_gap(T: int) -> float:
    """E(X_chain − X)² for dx = μx dt + σx dw from 1: three products of one step's moments."""
    h = 1 / T
    kernel = sde.euler_maruyama(1.0, _MU, _SIGMA, h)
    chain = (kernel.mean**2 + kernel.std**2) ** T
    both = (math.exp(_MU * h) * (kernel.mean + kernel.std * _SIGMA * math.sqrt(h))) ** T
    return chain - 2 * both + math.exp(2 * _MU + _SIGMA**2)


def _curved_order(rule: Rule, p: int) -> float:
    """The order on N(1.5, 0.25) along the cosine path, with its curved mean and exact end."""
    problem, start, end = gaussian_1d(), 0.95, 0.05
    high, low = problem.at(paths.cosine(start)), problem.at(paths.cosine(end))
    x = high.mean + 0.7 * high.stds[0]
    exact = float(low.mean + 0.7 * low.stds[0, 0])
    steps = (40, 80, 160)
    v = field(problem, paths.cosine)
    errors = [float(solve(rule, v, x[None], grids.uniform(T, start, end))) - exact for T in steps]
    return orders.order([1 / T for T in steps], errors, expected=p, tolerance=0.1).order
