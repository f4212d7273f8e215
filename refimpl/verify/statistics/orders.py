"""Euler–Maruyama: weak and strong order, with the leading constants."""

import math

import torch

from ...equations import sde
from ...simulate import grids, laws
from ...simulate import sde as chains
from ...statistics import budget, gaussian, orders
from ...statistics.budget import claim
from ...statistics.ledger import N
from ..accepting import evidence_of, standard_normal
from ..check import Evidence, check

_ONE = torch.ones(1, dtype=torch.float64)

_THETA, _G, _MU, _SIGMA = 1.5, 0.8, 0.5, 0.6  # dx = −θx dt + g dw;  dx = μx dt + σx dw


_LADDER = (20, 40, 80, 160)


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
    gap = math.sqrt(_gap_covariance(T)[0])
    outcomes = [
        gaussian.variance(x, 0.0, _chain_std(T), claim("strong.chain"), detects=0.022),
        gaussian.variance(x - exact, 0.0, gap, claim("strong.gap"), detects=0.022),
    ]
    evidence = evidence_of(outcomes)
    evidence.figures.update(figures)
    return evidence


def _chain(T: int) -> laws.GaussianLaw:
    """The law of the chain for dx = −θx dt + g dw from N(0, 1), over a unit of time."""
    kernels = chains.noising(lambda x, t: -_THETA * x, grids.uniform(T), g=lambda t: _G)
    return laws.gaussian_law(kernels, 0 * _ONE, _ONE)


def _chain_std(T: int) -> float:
    """The std of the same chain in closed form: V ← (1 − θh)² V + g² h, T times from 1."""
    kept, fresh = (1 - _THETA / T) ** (2 * T), _G**2 / T
    return math.sqrt(kept + fresh * (1 - kept) / (1 - (1 - _THETA / T) ** 2))


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
    slope = 1 - _THETA * h
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
    kernel = sde.euler_maruyama(1.0, _MU, _SIGMA, h)  # the order is this rule's own
    chain = (kernel.mean**2 + kernel.std**2) ** T
    both = (math.exp(_MU * h) * (kernel.mean + kernel.std * _SIGMA * math.sqrt(h))) ** T
    return chain - 2 * both + math.exp(2 * _MU + _SIGMA**2)
