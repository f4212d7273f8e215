"""Facts about the steps of diffusers' flow-matching schedulers.

    Euler: x − h v        stochastic: the predicted datum, noised afresh

Every step of a grid is walked, since what a scheduler keeps between calls is where it may go wrong.
"""

from itertools import pairwise
from typing import Any

import torch

from ...conformance.checks.register import Finding
from ...equations import conversions, ode, paths, sde
from ..facts import fact, law, near
from .facts import UNIT, euler, values


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
