"""Checks of steps, grids, network time and guidance.

    euler_step, heun_step, stochastic_step, integrate        sd35_grid, network_time        guidance

Each function takes an adapter that has what the decorator says it needs, with values on the house
clock, and compares with the registered equation.
"""

from typing import Any

import numpy as np

from ..equations import conventions, guidance, ode, paths, sde
from ..simulate import grids
from .calls import linear_field
from .checks import agree, conformance, draw, draw_for


@conformance("sde.flow_grpo_g", needs="sd35_grid")
def sd35_grid_is_shifted_once(adapter: Any) -> float:
    """SD3.5's grid is the uniform one, shifted once by 3."""
    got, want = adapter.sd35_grid(10), grids.sd35_once_shifted(10).levels
    return agree(adapter, "sd35_grid_is_shifted_once", got, want, variant={"T": 10})


@conformance("conventions.network_time", needs="network_time")
def network_time_is_1000_t(adapter: Any) -> float:
    """The network is given 1000 t, real-valued."""
    levels, times = (np.array(x) for x in adapter.network_time(10))
    want, inputs = conventions.network_time(levels), {"t": levels}
    return agree(adapter, "network_time_is_1000_t", times, want,
                 equation="conventions.network_time", inputs=inputs)  # fmt: skip


@conformance("ode.euler", needs="euler_step")
def euler_step_is_the_equation(adapter: Any) -> float:
    """x_s = x − h v."""
    d, worst = draw_for(adapter, "x", "v"), 0.0
    for t, s in ((1.0, 0.9375), (0.75, 0.25), (0.5, 0.0)):
        got = adapter.euler_step(d["x"], d["v"], t, s)
        want = ode.euler(lambda x, t: d["v"], d["x"], sde.Step(t, s))
        worst = max(worst, agree(adapter, "euler_step_is_the_equation", got, want))
    return worst


@conformance("ode.heun", needs="heun_step")
def heun_step_is_the_equation(adapter: Any) -> float:
    """x_s = x − h/2 (v(x, t) + v(x − h v, s))."""
    x = draw_for(adapter, "x")["x"]
    got, t, s = adapter.heun_step(linear_field(-0.75, 1.25), x, 4)
    want = ode.heun(linear_field(-0.75, 1.25), x, sde.Step(t, s))
    inputs = {"rate": -0.75, "slope": 1.25, "x": x, "t": t, "s": s}
    return agree(
        adapter, "heun_step_is_the_equation", got, want, equation="ode.heun", inputs=inputs
    )


@conformance("sde.transition", needs="stochastic_step")
def stochastic_step_is_flow_grpo(adapter: Any) -> float:
    """x_s = mean + std ε of Flow-GRPO's Eq. 2."""
    d, (t, s, g) = draw_for(adapter, "x", "v"), (0.75, 0.5, 0.875)
    got, noise = adapter.stochastic_step(d["x"], d["v"], t, s, g)
    p = sde.transition(paths.linear(t), d["x"], d["v"], g, sde.Step(t, s))
    return agree(adapter, "stochastic_step_is_flow_grpo", got, p.sample(noise),
                 variant={**d, "t": t, "s": s, "g": g, "noise": noise})  # fmt: skip


@conformance("guidance.diffusers", "guidance.classifier_free", needs="guidance")
def guidance_counts_from_the_unconditional(adapter: Any) -> float:
    """v(x) + scale (v(x | y) − v(x)) = (1 − w) v(x) + w v(x | y)."""
    d = draw_for(adapter, "v_uncond", "v_cond")
    got = adapter.guidance(d["v_uncond"], d["v_cond"], 4.5)
    inputs, worst = {**d, "guidance_scale": 4.5}, 0.0
    for want in (guidance.diffusers(**inputs), guidance.classifier_free(**d, w=4.5)):
        gap = agree(
            adapter, "guidance_counts_from_the_unconditional", got, want,
            equation="guidance.diffusers", inputs=inputs,
        )  # fmt: skip
        worst = max(worst, gap)
    return worst


@conformance("guidance.ho_salimans", "conventions.omega_from_w", needs="original_guidance")
def original_guidance_is_ho_and_salimans(adapter: Any) -> float:
    """(1 + ω) v(x | y) − ω v(x), which is w = 1 + ω."""
    d, omega = draw_for(adapter, "v_uncond", "v_cond"), float(conventions.omega_from_w(4.5))
    got = adapter.original_guidance(d["v_uncond"], d["v_cond"], omega)
    want, inputs = guidance.ho_salimans(**d, omega=omega), {**d, "omega": omega}
    return agree(adapter, "original_guidance_is_ho_and_salimans", got, want,
                 equation="guidance.ho_salimans", inputs=inputs)  # fmt: skip


@conformance("ode.euler", "ode.rk4", needs="integrate")
def ode_solvers_are_the_equations(adapter: Any) -> float:
    """Euler and RK4 from level to level; a midpoint step is a Taylor polynomial of order 2."""
    x, field = draw("x")["x"], linear_field(-0.75, 0.0)
    grid, worst = grids.from_levels((1.0, 0.75, 0.625, 0.0)), 0.0
    for method, order in (("euler", 1), ("midpoint", 2), ("rk4", 4)):
        want = x
        for step in grid.steps:
            if method == "euler":
                want = ode.euler(field, want, step)
            elif method == "rk4":
                want = ode.rk4(field, want, step)
            else:
                z = 0.75 * step.h
                want = want * sum(z**k / [1, 1, 2][k] for k in range(order + 1))
        got = adapter.integrate(field, x, grid.levels, method)
        worst = max(worst, agree(adapter, "ode_solvers_are_the_equations", got, want))
    return worst
