"""Facts about diffusers' Heun scheduler, and about its guidance.

x_s = x − h/2 (v(x, t) + v(x − h v, s)), in two calls        churn: noise that stays on the path
"""

from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Finding
from ...equations import ode, paths, sde
from ...equations.conventions import network_time
from ...equations.registry import find
from ...evidence.calls import linear_field
from ...simulate import grids
from ..facts import fact, near
from .facts import UNIT, values
from .samplers import CHURN


@fact("diffusers", "heun.steps", covers=("ode.heun",))
def heun(library: Any) -> Finding:
    """Heun's scheduler takes Heun's step between all levels, and Euler's on the last."""
    worst, field = 0.0, linear_field(-0.75, 1.25)
    for by, T in ((1.0, 4), (3.0, 5), (1.0, 2)):
        scheduler = library.module.FlowMatchHeunDiscreteScheduler(shift=by)
        scheduler.set_timesteps(T)
        levels = np.array([float(t) for t in scheduler.sigmas.double()])[::2].tolist()
        lowest = grids.shift(1 / 1000, by)
        want = [grids.shift(1 - (1 - lowest) * i / (T - 1), by) for i in range(T)]
        worst = max(
            worst,
            near(f"levels of Heun, {T} steps", np.array([*levels[:T]]), np.array(want), unit=UNIT),
        )
        times = network_time(np.array(want))
        got = scheduler.timesteps.numpy()
        worst = max(
            worst, near("its timesteps", got[[0, *range(1, 2 * T - 1, 2)]], times, unit=UNIT)
        )
        worst = max(worst, near("its timesteps", got[2::2], times[1:], unit=UNIT))
        x = values(2, 3)
        levels = [*want, 0.0]
        for i in range(T):
            step = sde.Step(levels[i], levels[i + 1])
            method = ode.euler if i == T - 1 else ode.heun
            expected = method(field, x.double(), step)
            y = scheduler.step(field(x, step.t), scheduler.timesteps[max(2 * i, 0)], x).prev_sample
            if i < T - 1:
                y = scheduler.step(field(y, step.s), scheduler.timesteps[2 * i + 1], y).prev_sample
            # x − σ v is divided by σ again: at the low levels that costs digits
            what = f"Heun, step {i + 1} of {T}"
            inputs = {"rate": -0.75, "slope": 1.25, "x": x.double(), "t": step.t, "s": step.s}
            worst = max(worst, near(what, y, expected, unit=UNIT, roundings=1024,
                                    equation="ode.euler" if i == T - 1 else "ode.heun",
                                    inputs=inputs))  # fmt: skip
            x = y
    scheduler = library.module.FlowMatchHeunDiscreteScheduler(shift=1.0)
    scheduler.set_timesteps(4)
    data, noise = values(2, 3), values(2, 3, start=1)
    t = float(scheduler.sigmas[1])
    got = scheduler.scale_noise(data, scheduler.timesteps[1], noise)
    want_x = paths.interpolate(paths.linear(t), data.double(), noise.double())
    return Finding(max(worst, near("scale_noise of Heun", got, want_x, unit=UNIT)))


def _stepped(library: Any, v: Any, x: Any, **settings: Any) -> tuple[Any, float, float]:
    """A step from the middle of a grid of four, below 1, where a wrong power would show."""
    scheduler = library.module.FlowMatchHeunDiscreteScheduler(shift=1.0)
    scheduler.set_timesteps(4)
    scheduler.set_begin_index(2)
    t, s = float(scheduler.sigmas[2]), float(scheduler.sigmas[3])
    return scheduler.step(v, scheduler.timesteps[2], x, **settings).prev_sample, t, s


@fact("diffusers", "heun.churn")
def churn(library: Any) -> Finding:
    """Churn stays on the flow's path: with r = (1 + γ) t, x (1 − r)/(1 − t) and the noise left."""
    worst, v, x = 0.0, values(2, 3, start=1), values(2, 3)
    for amount, gamma in ((0.7, 0.7 / 7), (50.0, 2**0.5 - 1)):
        generator = torch.Generator().manual_seed(7)
        got, t, s = _stepped(library, v, x, s_churn=amount, s_noise=1.25, generator=generator)
        r = t * (1 + gamma)
        noise = 1.25 * torch.randn(x.shape, generator=torch.Generator().manual_seed(7)).double()
        shrunk = (1 - r) / (1 - t)
        on_the_path = shrunk * x.double() + (r**2 - (shrunk * t) ** 2) ** 0.5 * noise
        exploding = x.double() + (r**2 - t**2) ** 0.5 * noise
        slope = v.double() * t / r
        readings = {CHURN: exploding + (s - r) * slope}
        worst = max(worst, near(f"a step with s_churn {amount:g}", got,
                                on_the_path + (s - r) * v.double(), unit=UNIT,
                                readings=readings))  # fmt: skip
    return Finding(worst)


@fact("diffusers", "heun.limits", covers=("ode.euler", "conventions.network_time"))
def limits(library: Any) -> Finding:
    """Outside s_tmin and s_tmax there is no churn, and the timesteps at birth are 1000 σ."""
    worst, v, x = 0.0, values(2, 3, start=1), values(2, 3)
    for limits in ({"s_tmin": 2.0}, {"s_tmax": 0.125}):
        got, t, s = _stepped(library, v, x, s_churn=0.7, **limits)
        want = ode.euler(lambda x, t: v.double(), x.double(), sde.Step(t, s))
        worst = max(worst, near(f"a step outside {limits}", got, want, unit=UNIT))
    born = library.module.FlowMatchHeunDiscreteScheduler(shift=3.0)
    times = network_time(born.sigmas.double())
    return Finding(max(worst, near("Heun's timesteps at birth", born.timesteps, times, unit=UNIT)))


@fact("diffusers", "guidance.scale", covers=("guidance.diffusers", "guidance.classifier_free",
      "guidance.ho_salimans"))  # fmt: skip
def guidance(library: Any) -> Finding:
    """The guider's scale counts from the unconditional field; the original form is Ho's."""
    u, c = values(2, 3, 4), values(2, 3, 4, start=1)
    worst = 0.0
    for scale in (1.5, 4.5):
        for original, id, name in ((False, "guidance.diffusers", "guidance_scale"),
                                   (False, "guidance.classifier_free", "w"),
                                   (True, "guidance.ho_salimans", "omega")):  # fmt: skip
            inputs = {"v_uncond": u.double(), "v_cond": c.double(), name: scale}
            want = find(id).function(**inputs)
            got = library.guided(u, c, scale, original=original)
            worst = max(
                worst,
                near(
                    f"guidance of scale {scale:g}", got, want, unit=UNIT, equation=id, inputs=inputs
                ),
            )
    return Finding(worst)
