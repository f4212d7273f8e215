"""diffrax's solvers as samplers: of the flow, and of its reverse SDE with g constant.

    dx = −v dτ        dx = (−v + g²/2 score) dτ + g dW,   τ = 1 − t from 0 to 1, T equal steps

The Brownian path is scripted: √h ε over step i, the i-th noise.
"""

from functools import cache
from typing import Any

import numpy as np

from ..samplers.chain import Noises, Run
from ..samplers.sampler import STEPS, Sampler, register
from ..samplers.target import score, velocity

V = velocity()
G = 0.7

ODE = ("Euler", "Heun", "Midpoint", "Ralston", "Bosh3", "Tsit5", "Dopri5", "Dopri8",
       "ReversibleHeun", "LeapfrogMidpoint")  # fmt: skip
SDE = ("Euler", "EulerHeun", "ItoMilstein", "StratonovichMilstein", "Heun", "Midpoint",
       "ReversibleHeun")  # fmt: skip
"""Solvers that need increments of the Brownian path alone."""


MOST = STEPS[-1]
"""Noises: one a step. States and increments have one shape for all T, so that JAX compiles once."""


def _field(tau: Any, y: Any, args: Any) -> Any:
    return -V(y, 1 - tau)


def _drift(tau: Any, y: Any, args: Any) -> Any:
    t = 1 - tau
    return -V(y, t) + G**2 / 2 * score(y, t)


def flow(its: Any, solver: str) -> Run:
    """The flow in T equal steps."""
    term = its.module.ODETerm(_field)
    return lambda x, steps, noises: _solved(its, term, solver, x, steps)


def reverse(its: Any, solver: str) -> Run:
    """The reverse SDE in T equal steps."""
    path, diffusion = _scripted(its), _diffusion(its)

    def run(x: Any, steps: int, noises: Noises) -> Any:
        drawn = [noises.like(x).numpy() / steps**0.5 for _ in range(steps)]
        with its.double():
            still = [np.zeros(tuple(x.shape))] * (MOST - steps)
            increments = its.jax.numpy.asarray(np.stack(drawn + still))
            term = its.module.MultiTerm(
                its.module.ODETerm(_drift),
                its.module.ControlTerm(diffusion, path(increments, its.jax.numpy.asarray(steps))),
            )
            return _solved(its, term, solver, x, steps)

    return run


@cache
def _diffusion(its: Any) -> Any:
    def diffusion(tau: Any, y: Any, args: Any) -> Any:
        return its.lineax.DiagonalLinearOperator(its.jax.numpy.full_like(y, G))

    return diffusion


@cache
def _scripted(its: Any) -> Any:
    """A Brownian path with given increments over equal steps."""

    class Scripted(its.module.AbstractBrownianPath):  # type: ignore[misc]
        increments: Any
        steps: Any
        levy_area = its.module.BrownianIncrement
        t0 = None
        t1 = None

        def evaluate(
            self, t0: Any, t1: Any = None, left: bool = True, use_levy: bool = False
        ) -> Any:
            w = self.increments[its.jax.numpy.round(t0 * self.steps).astype(int)]
            return its.module.BrownianIncrement(dt=t1 - t0, W=w) if use_levy else w

    return Scripted


def _solved(its: Any, term: Any, solver: str, x: Any, steps: int) -> Any:
    with its.double():
        numbers = (its.jax.numpy.asarray(value) for value in (0.0, 1.0, 1 / steps))
        end = its.module.diffeqsolve(
            term, getattr(its.module, solver)(), *numbers, its.jax.numpy.asarray(x.numpy()),
            stepsize_controller=its.module.ConstantStepSize(), max_steps=STEPS[-1] + 1,
        )  # fmt: skip
        return np.array(end.ys[0])


def sampler(its: Any, solver: str, settings: dict[str, Any]) -> Sampler:
    """One solver."""
    kind = settings["of"]
    made = flow if kind == "ode" else reverse
    return Sampler(solver, made(its, solver), settings, most=MOST if kind == "sde" else 0)


def samplers(its: Any) -> list[Sampler]:
    """Every solver."""
    return [sampler(its, solver, settings) for solver, settings in ASKED]


ASKED = [(s, {"of": "ode"}) for s in ODE] + [(s, {"of": "sde"}) for s in SDE]


register("diffrax", ASKED, sampler)
