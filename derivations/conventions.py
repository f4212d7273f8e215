"""Conventions: each conversion is inverse to its partner and carries the mathematics across."""

import numpy as np
import sympy as sp

from refimpl.equations import guidance, kl, paths
from refimpl.equations.arguments import Weight
from refimpl.equations.conventions import NetworkTime

from .engine import Display, Equality, Lines, Production, derivation
from .engine.symbols import data, g, h, noise, of, omega, t, v, w
from .paths import GENERAL

tau = of(NetworkTime, "tau")
beta = of(Weight, "beta")
v_uncond, v_cond = sp.symbols("v_uncond v_cond", real=True)


def in_data_time(expression: sp.Expr) -> sp.Expr:
    """The same curve as a function of data-time: 1 − t for t."""
    return expression.subs(t, 1 - t)


@derivation("conventions.flip_time", rows=("PATH-4",))
def flip_time(production: Production) -> Lines:
    """Noise level and data-time add up to one."""
    yield Display(r"t_{\mathrm{data}}", production(t))
    yield Equality("there and back", production(production(t)), t)
    yield Equality("data is at 1", production(sp.Integer(0)), sp.Integer(1))
    yield Equality("noise is at 0", production(sp.Integer(1)), sp.Integer(0))


@derivation("conventions.flip_velocity", rows=("PATH-4", "VF-1"))
def flip_velocity(production: Production) -> Lines:
    """On the other clock the same curve is run the other way."""
    yield Display("u", production(v))
    curve = in_data_time(paths.interpolate(GENERAL, data, noise))
    velocity = in_data_time(paths.velocity(GENERAL, data, noise))
    yield Equality("differentiate along data-time", production(velocity), sp.diff(curve, t))
    on_line = production(paths.velocity(paths.linear(t), data, noise))
    yield Equality("CondOT: u = data − noise", on_line, data - noise)


@derivation("conventions.flip_path", rows=("PATH-2", "PATH-4"))
def flip_path(production: Production) -> Lines:
    """The coefficients of the same point, with derivatives along the other clock."""
    c = production(GENERAL)
    yield Display(r"\mathrm{d}\alpha/\mathrm{d}t_{\mathrm{data}}", c.d_alpha)
    yield Equality("α is unchanged", c.alpha, GENERAL.alpha)
    yield Equality("σ is unchanged", c.sigma, GENERAL.sigma)
    yield Equality(
        "α̇ along data-time", in_data_time(c.d_alpha), sp.diff(in_data_time(GENERAL.alpha), t)
    )
    yield Equality(
        "σ̇ along data-time", in_data_time(c.d_sigma), sp.diff(in_data_time(GENERAL.sigma), t)
    )


@derivation(
    "conventions.network_time",
    of=("conventions.network_time", "conventions.level_of_network_time"),
    rows=("GRPO-6",),
)
def network_time(production: Production, back: Production) -> Lines:
    """An SD3 network is told a thousand times the noise level; nothing is rounded on the way."""
    yield Display(r"\tau", production(t))
    yield Equality("noise is at 1000", production(sp.Integer(1)), sp.Integer(1000))
    yield Equality("there and back", back(production(t)), t)
    yield Equality("back and there", production(back(tau)), tau)


@derivation(
    "conventions.w_from_omega",
    of=("conventions.w_from_omega", "conventions.omega_from_w"),
    rows=("CFG-7",),
)
def scales(production: Production, back: Production) -> Lines:
    """The two guidance scales count from different origins and give one field."""
    yield Display("w", production(omega))
    same = guidance.classifier_free(v_uncond, v_cond, production(omega))
    yield Equality("one field", same, guidance.ho_salimans(v_uncond, v_cond, omega))
    yield Equality("there and back", back(production(omega)), omega)
    same = guidance.ho_salimans(v_uncond, v_cond, back(w))
    yield Equality("one field, the other way", same, guidance.classifier_free(v_uncond, v_cond, w))


@derivation("conventions.beta_for_mean_without_h", rows=("GRPO-8",))
def beta_for_mean_without_h(production: Production) -> Lines:
    """A KL weight carried from the averaged variant without h to Eq. 3, summed."""
    yield Display(r"\beta_{\mathrm{Eq.\,3}}", production(beta, h, sp.Symbol("D", positive=True)))
    means = np.array(sp.symbols("mu_1:4", real=True), dtype=object)
    refs = np.array(sp.symbols("nu_1:4", real=True), dtype=object)
    theirs = beta * sum(kl.without_h(m, n, g) for m, n in zip(means, refs, strict=True)) / 3
    summed = sum(kl.of_means(m, n, g * sp.sqrt(h)) for m, n in zip(means, refs, strict=True))
    yield Equality(
        "both penalties agree in three dimensions", production(beta, h, 3) * summed, theirs
    )
