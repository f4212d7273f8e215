"""diffusers: SD3.5's scheduler, its stochastic mode, Heun's, and guidance.

    sigma = t (the noise level), timestep = 1000 t, "prev_sample" = the *next* one, x_s

The clock is the house clock. Arithmetic is float32. The stochastic mode is not Flow-GRPO's SDE: it
predicts the datum and adds fresh noise, which is coefficient-preserving sampling with η = 1.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import torch

from ..checkout import drawing
from ..installed import library
from ..judging import Facts, deviations


class Diffusers:
    """The library, for its facts."""

    name = "diffusers"

    def __init__(self) -> None:
        self.module = library("diffusers")
        self.version = str(self.module.__version__)

    @contextlib.contextmanager
    def hushed(self) -> Iterator[None]:
        """Without the library's warnings."""
        logging = library("diffusers.utils").logging
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)

    def guided(self, v_uncond: Any, v_cond: Any, scale: float, *, original: bool) -> Any:
        """The guider's result, in either formulation."""
        with self.hushed():  # guiders announce at birth that they are experimental
            guider = self.module.ClassifierFreeGuidance(scale, use_original_formulation=original)
        return guider.forward(v_cond, v_uncond).pred


class _Adapter:
    def __init__(self, its: Diffusers) -> None:
        self._its = its
        self.version = its.version
        self.deviations = deviations("diffusers", str(self.name))

    name = ""

    def _scheduler(self, t: Any, s: Any, **config: Any) -> Any:
        """A scheduler at noise level t with the next level s; a shift of 1 keeps what is given."""
        made = self._its.module.FlowMatchEulerDiscreteScheduler(shift=1.0, **config)
        made.set_timesteps(sigmas=[float(t), float(s)])
        return made


class Euler(_Adapter):
    """FlowMatchEulerDiscreteScheduler as SD3.5 configures it, with a shift of 3."""

    name = "FlowMatchEulerDiscreteScheduler"
    conventions = {"dtype": "float32", "t": "scalar", "grid": "sd35 as shipped"}  # noqa: RUF012

    def schedule(self, steps: Any) -> Any:
        made = self._its.module.FlowMatchEulerDiscreteScheduler(shift=3.0)
        made.set_timesteps(int(steps))
        return made.sigmas

    def model_time(self, t: Any) -> Any:
        if not torch.is_tensor(t) or t.ndim == 0:
            return self._scheduler(t, 0.0).timesteps[0]
        return torch.stack([self._scheduler(each, 0.0).timesteps[0] for each in t])

    def path(self, data: Any, noise: Any, t: Any) -> Any:
        made = self._scheduler(t, 0.0)
        return made.scale_noise(data, made.timesteps[:1].repeat(len(data)), noise)

    def ode_step(self, x: Any, v: Any, t: Any, s: Any) -> Any:
        made = self._scheduler(t, s)
        return made.step(v, made.timesteps[0], x).prev_sample

    def guidance(self, v_uncond: Any, v_cond: Any, w: Any) -> Any:
        return self._its.guided(v_uncond, v_cond, float(w), original=False)

    def ode_sampler(self, field: Any, x: Any, levels: Any) -> Any:
        made = self._its.module.FlowMatchEulerDiscreteScheduler(shift=1.0)
        made.set_timesteps(sigmas=[float(t) for t in levels[:-1]])
        for t, time in zip(made.sigmas, made.timesteps, strict=False):
            x = made.step(field(x, t), time, x).prev_sample
        return x


class Stochastic(_Adapter):
    """The same with stochastic_sampling: the predicted datum, noised afresh."""

    name = "FlowMatchEulerDiscreteScheduler, stochastic"
    conventions = {"dtype": "float32", "t": "scalar", "g": "cps", "a": 1.0}  # noqa: RUF012

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> Any:
        made = self._scheduler(t, s, stochastic_sampling=True)
        with drawing(sys.modules[type(made).__module__], noise):
            return made.step(v, made.timesteps[0], x).prev_sample


class Heun(_Adapter):
    """FlowMatchHeunDiscreteScheduler."""

    name = "FlowMatchHeunDiscreteScheduler"
    conventions = {"dtype": "float32", "t": "scalar"}  # noqa: RUF012

    def heun_step(self, field: Any, x: Any, t: Any, s: Any) -> Any:
        """Between two levels of its grid; the step to 0, which follows its grid, is its own."""
        made = self._its.module.FlowMatchHeunDiscreteScheduler(shift=1.0)
        made.sigma_max, made.sigma_min = float(t), float(s)  # the ends of its grid
        if float(s) == 0:
            made.set_timesteps(1)
            return made.step(field(x, made.sigmas[0]), made.timesteps[0], x).prev_sample
        made.set_timesteps(2)
        made.set_begin_index(0)
        guess = made.step(field(x, made.sigmas[0]), made.timesteps[0], x).prev_sample
        return made.step(field(guess, made.sigmas[1]), made.timesteps[1], guess).prev_sample


def everything() -> list[Any]:
    """Adapters and facts."""
    its = Diffusers()
    return [Euler(its), Stochastic(its), Heun(its), Facts(its)]
