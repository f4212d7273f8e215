"""Facts about the steps of diffusers' flow-matching schedulers, and about its guidance.

    Euler: x − h v      Heun: both ends' slopes      stochastic: the predicted datum, noised afresh

Every step of a grid is walked, since what a scheduler keeps between calls is where it may go wrong.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ...equations import conversions, ode, paths, sde
from ...equations.conventions import network_time
from ...equations.registry import find
from ...simulate import grids
from ..calls import linear_field
from ..kit.checks import Finding
from .diffusers_facts import UNIT, euler, values
from .facts import fact, law, near


def step_readings(x: Any, v: Any, levels: list[float], i: int) -> dict[str, Any]:
    """What a wrong Euler step may be."""

    def moved(h: float) -> Any:
        return x.double() + h * v.double()

    h = levels[i] - levels[i + 1]
    found = {"no step": moved(0.0), "sign of the step": moved(h), "h doubled": moved(-2 * h)}
    found |= {"t for h": moved(-levels[i]), "s for h": moved(-levels[i + 1]),
              "v subtracted and added": moved(levels[i] + levels[i + 1])}  # fmt: skip
    for k, (t, s) in enumerate(pairwise(levels)):
        if k != i:
            found[f"step {k + 1} for step {i + 1}"] = moved(s - t)
    return found


def _still(v: Any) -> Any:
    """The field that is v everywhere."""
    return lambda x, t: v.double()


@fact("diffusers", "euler.steps", covers=("ode.euler",))
def steps(library: Any) -> Finding:
    """Every step of every grid is Euler's, x_s = x − h v, from its own level to the next."""
    worst = 0.0
    for config in ({"shift": 3.0}, {"shift": 1.0, "use_karras_sigmas": True}):
        for begin in (None, 0):
            scheduler = euler(library, 5, **config)
            if begin is not None:
                scheduler.set_begin_index(begin)
            levels = [float(t) for t in scheduler.sigmas.double()]
            x = values(2, 3, 4)
            for i, time in enumerate(scheduler.timesteps):
                v = values(2, 3, 4, start=i + 1)
                got = scheduler.step(v, time, x).prev_sample
                step = sde.Step(levels[i], levels[i + 1])
                want = ode.euler(_still(v), x.double(), step)
                other = step_readings(x, v, levels, i)
                worst = max(worst, near(f"step {i + 1}", got, want, unit=UNIT, readings=other))
                x = got
    middle = euler(library, 5, shift=3.0)
    levels = [float(t) for t in middle.sigmas.double()]
    x, v = values(2, 3), values(2, 3, start=3)
    got = middle.step(v, middle.timesteps[2], x, return_dict=False)[0]
    want = ode.euler(lambda x, t: v.double(), x.double(), sde.Step(levels[2], levels[3]))
    worst = max(worst, near("a step from the middle", got, want, unit=UNIT))
    wide = euler(library, 5, shift=1.0)
    got = wide.step(v.bfloat16(), wide.timesteps[0], x.bfloat16()).prev_sample
    law("the result's dtype", got.dtype is torch.bfloat16, f"{got.dtype} for bfloat16")
    return Finding(worst)


def _stochastic(library: Any, scheduler: Any, i: int, x: Any, v: Any) -> tuple[Any, Any]:
    """A step in stochastic mode, and the noise that its generator draws."""
    got = scheduler.step(v, scheduler.timesteps[i], x, generator=torch.Generator().manual_seed(7))
    return got.prev_sample, torch.randn(x.shape, generator=torch.Generator().manual_seed(7))


def renoised(x: Any, v: Any, noise: Any, t: float, s: float) -> Any:
    """(1 − s) data + s ε: the predicted datum, with fresh noise on the path."""
    data = conversions.data_from_velocity(paths.linear(t), x.double(), v.double())
    return paths.interpolate(paths.linear(s), data, noise.double())


@fact("diffusers", "stochastic.is_flow_grpo", covers=("sde.transition",))
def stochastic(library: Any) -> Finding:
    """The stochastic mode is Flow-GRPO's step with g = a √(t/(1 − t)), for some a."""
    scheduler = euler(library, sigmas=[0.75, 0.5], stochastic_sampling=True)
    x, v = values(2, 3, 4), values(2, 3, 4, start=1)
    got, noise = _stochastic(library, scheduler, 0, x, v)
    a = 0.5 / float(sde.flow_grpo_g(0.75, 1.0, 0.75)) / 0.5
    p = sde.transition(paths.linear(0.75), x.double(), v.double(), a * 3**0.5, sde.Step(0.75, 0.5))
    readings = {"the datum predicted and noised afresh": renoised(x, v, noise, 0.75, 0.5)}
    return Finding(near("a stochastic step", got, p.sample(noise.double()), unit=UNIT,
                        readings=readings))  # fmt: skip


@fact("diffusers", "stochastic.steps", covers=("paths.interpolate",
      "conversions.data_from_velocity"))  # fmt: skip
def stochastic_steps(library: Any) -> Finding:
    """The stochastic mode, as the scheduler of consistency models, noises the predicted datum."""
    worst = 0.0
    lcm = library.module.FlowMatchLCMScheduler(shift=1.0)
    lcm.set_timesteps(sigmas=[0.9375, 0.75, 0.5, 0.125], num_inference_steps=4)
    for scheduler in (
        euler(library, sigmas=[0.9375, 0.75, 0.5, 0.125], stochastic_sampling=True),
        lcm,
    ):
        levels = [float(t) for t in scheduler.sigmas.double()]
        x = values(2, 3, 4, 4)
        for i in range(4):
            v = values(2, 3, 4, 4, start=i + 1)
            got, noise = _stochastic(library, scheduler, i, x, v)
            t, s = levels[i], levels[i + 1]
            want = renoised(x, v, noise, t, s)
            readings = {
                "s for t in the datum": renoised(x, v, noise, s, s),
                "t for s in the noising": renoised(x, v, noise, t, t),
                "levels swapped": renoised(x, v, noise, s, t),
                "velocity of the other clock": renoised(x, -v, noise, t, s),
                "no noise": renoised(x, v, 0 * noise, t, s),
            }
            worst = max(worst, near(f"stochastic step {i + 1}", got, want, unit=UNIT,
                                    readings=readings))  # fmt: skip
            x = got
    return Finding(worst)


@fact("diffusers", "euler.scale_noise", covers=("paths.interpolate",))
def scale_noise(library: Any) -> Finding:
    """scale_noise is x_t = (1 − t) data + t noise, for each sample's own time."""
    scheduler = euler(library, 5, shift=3.0)
    data, noise, at = values(3, 2, 4), values(3, 2, 4, start=1), [0, 2, 4]
    t = scheduler.sigmas[at].double().reshape(3, 1, 1)
    want = paths.interpolate(paths.linear(t), data.double(), noise.double())
    got = scheduler.scale_noise(data, scheduler.timesteps[at], noise)
    inputs = {**vars(paths.linear(t)), "data": data.double(), "noise": noise.double()}
    worst = near("scale_noise", got, want, unit=UNIT, equation="paths.interpolate", inputs=inputs)
    scheduler.set_begin_index(2)
    got = scheduler.scale_noise(data, scheduler.timesteps[2:3].repeat(3), noise)
    want = paths.interpolate(paths.linear(float(t[1])), data.double(), noise.double())
    worst = max(worst, near("scale_noise from the middle", got, want, unit=UNIT))
    x = values(3, 2, 4)
    scheduler.step(x, scheduler.timesteps[2], x)
    got = scheduler.scale_noise(data, scheduler.timesteps[2:3].repeat(3), noise)
    after = paths.linear(float(scheduler.sigmas[3].double()))
    want = paths.interpolate(after, data.double(), noise.double())
    worst = max(worst, near("scale_noise after a step", got, want, unit=UNIT))
    twice = euler(library, sigmas=[0.75, 0.75, 0.5, 0.5, 0.5], shift=1.0)
    at = [int(twice.index_for_timestep(time)) for time in (750.0, 500.0)]
    law("a time that occurs twice", at == [1, 3], f"stands for steps {at}, wanted [1, 3]")
    return Finding(worst)


def _per_token(library: Any, stochastic: bool = False) -> tuple[Any, ...]:
    scheduler = euler(library, sigmas=[1.0, 0.75, 0.5, 0.25], stochastic_sampling=stochastic)
    x, v = values(1, 2, 3), values(1, 2, 3, start=1)
    token_times = torch.tensor([[750.0, 500.0]])
    got = scheduler.step(v, scheduler.timesteps[0], x, per_token_timesteps=token_times,
                         generator=torch.Generator().manual_seed(7)).prev_sample  # fmt: skip
    t, s = (
        torch.tensor(u, dtype=torch.float64).reshape(1, 2, 1) for u in ([0.75, 0.5], [0.5, 0.25])
    )
    return got, x, v, t, s


@fact("diffusers", "euler.per_token", covers=("ode.euler",))
def per_token(library: Any) -> Finding:
    """With a time per token, each token takes Euler's step to the next level below its own."""
    got, x, v, t, s = _per_token(library)
    want = ode.euler(lambda x, t: v.double(), x.double(), sde.Step(t, s))
    other = ode.euler(lambda x, t: -v.double(), x.double(), sde.Step(t, s))
    return Finding(near("a step with a time per token", got, want, unit=UNIT,
                        readings={"the velocity with the opposite sign": other}))  # fmt: skip


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


@fact("diffusers", "heun.churn")
def churn(library: Any) -> Finding:
    """With churn, Heun's scheduler adds Karras' noise: the variance grows from σ² to σ²(1 + γ)²."""
    T, worst = 4, 0.0
    v, x = values(2, 3, start=1), values(2, 3)

    def stepped(**settings: Any) -> tuple[Any, float, float]:
        scheduler = library.module.FlowMatchHeunDiscreteScheduler(shift=1.0)
        scheduler.set_timesteps(T)
        scheduler.set_begin_index(2)  # below 1, where a wrong power would not show
        t, s = float(scheduler.sigmas[2]), float(scheduler.sigmas[3])
        got = scheduler.step(v, scheduler.timesteps[2], x, **settings).prev_sample
        return got, t, s

    for amount, gamma in ((0.7, 0.7 / 7), (50.0, 2**0.5 - 1)):
        generator = torch.Generator().manual_seed(7)
        got, t, s = stepped(s_churn=amount, s_noise=1.25, generator=generator)
        raised = t * (1 + gamma)
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(7)).double()
        churned = x.double() + 1.25 * noise * (raised**2 - t**2) ** 0.5
        want = churned + v.double() * t / raised * (s - raised)
        worst = max(worst, near(f"a step with s_churn {amount:g}", got, want, unit=UNIT))
    for limits in ({"s_tmin": 2.0}, {"s_tmax": 0.125}):
        got, t, s = stepped(s_churn=0.7, **limits)
        want = ode.euler(lambda x, t: v.double(), x.double(), sde.Step(t, s))
        worst = max(worst, near(f"a step outside {limits}", got, want, unit=UNIT))
    born = library.module.FlowMatchHeunDiscreteScheduler(shift=3.0)
    want = network_time(born.sigmas.double())
    return Finding(max(worst, near("Heun's timesteps at birth", born.timesteps, want, unit=UNIT)))


@fact("diffusers", "guidance.scale", covers=("guidance.diffusers", "guidance.classifier_free",
      "guidance.ho_salimans"))  # fmt: skip
def guidance(library: Any) -> Finding:
    """The guider's scale counts from the unconditional field; the original form is Ho's."""
    u, c = values(2, 3, 4), values(2, 3, 4, start=1)
    worst = 0.0
    for scale in (1.5, 4.5):
        for original, id, name in ((False, "guidance.classifier_free", "w"),
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
