"""diffusers: SD3.5's grid, Euler and Heun steps, its stochastic mode, and guidance.

    sigma = t (the noise level), timestep = 1000 t, "prev_sample" = the *next* one, x_s

The clock is the house's own. Arithmetic is float32. The stochastic mode is not Flow-GRPO's SDE: it
predicts the datum and adds fresh noise, x_s = (1 − s) data + s ε.
"""

from typing import Any

import torch

from ...equations.ode import Field
from ...simulate import grids
from ..deviations import Deviation
from . import library


class Diffusers:
    """What diffusers offers; SD3.5 configures a shift of 3."""

    name = "diffusers"
    roundoff = 2.0**-24

    def __init__(self) -> None:
        self._module = library("diffusers")
        self.version = str(self._module.__version__)

    def sd35_grid(self, T: int) -> list[float]:
        """The noise levels of T steps as the pipeline runs them, the final 0 included."""
        scheduler = self._module.FlowMatchEulerDiscreteScheduler(shift=3.0)
        scheduler.set_timesteps(T)
        return [float(sigma) for sigma in scheduler.sigmas]

    def network_time(self, T: int) -> tuple[list[float], list[float]]:
        """Levels and the times that the network is given for them."""
        scheduler = self._module.FlowMatchEulerDiscreteScheduler(shift=3.0)
        scheduler.set_timesteps(T)
        return [float(s) for s in scheduler.sigmas[:-1]], [float(t) for t in scheduler.timesteps]

    def euler_step(self, x: Any, v: Any, t: float, s: float) -> Any:
        """One deterministic step from t to s."""
        return self._step(x, v, t, s, stochastic=False)

    def stochastic_step(self, x: Any, v: Any, t: float, s: float, g: float) -> tuple[Any, Any]:
        """One step in stochastic mode, and the noise it drew; it has no g to set."""
        drawn = self._step(torch.zeros_like(x), torch.zeros_like(v), t, s, stochastic=True)
        return self._step(x, v, t, s, stochastic=True), drawn / s

    def heun_step(self, field: Field, x: Any, T: int) -> tuple[Any, float, float]:
        """The first step of its own uniform grid of T steps: x_s, t and s."""
        scheduler = self._module.FlowMatchHeunDiscreteScheduler(shift=1.0)
        scheduler.set_timesteps(T)
        t, s = float(scheduler.sigmas[0]), float(scheduler.sigmas[1])
        scheduler.set_begin_index(0)
        guess = scheduler.step(field(x, t), scheduler.timesteps[0], x).prev_sample
        return scheduler.step(field(guess, s), scheduler.timesteps[1], guess).prev_sample, t, s

    def guidance(self, v_uncond: Any, v_cond: Any, guidance_scale: float) -> Any:
        """The scale that counts from the unconditional field."""
        return self._guided(v_uncond, v_cond, guidance_scale, original=False)

    def original_guidance(self, v_uncond: Any, v_cond: Any, omega: float) -> Any:
        """Ho and Salimans' scale, which diffusers calls the original formulation."""
        return self._guided(v_uncond, v_cond, omega, original=True)

    def _guided(self, v_uncond: Any, v_cond: Any, scale: float, *, original: bool) -> Any:
        logging = library("diffusers.utils").logging
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # guiders announce at birth that they are experimental
        guider = self._module.ClassifierFreeGuidance(scale, use_original_formulation=original)
        logging.set_verbosity(verbosity)
        return guider.forward(v_cond, v_uncond).pred

    def _step(self, x: Any, v: Any, t: float, s: float, *, stochastic: bool) -> Any:
        scheduler = self._module.FlowMatchEulerDiscreteScheduler(
            shift=1.0, stochastic_sampling=stochastic
        )
        scheduler.set_timesteps(sigmas=[t, s])  # with a shift of 1 these levels are kept
        generator = torch.Generator().manual_seed(0)
        return scheduler.step(v, scheduler.timesteps[0], x, generator=generator).prev_sample

    deviations = (
        Deviation(
            check="sd35_grid_is_shifted_once",
            cause="the shift of 3 is applied twice: at the scheduler's birth and in set_timesteps "
            "(diffusers issue 13243)",
            variant=lambda T: grids.sd35_as_shipped(T).levels,
        ),
        Deviation(
            check="stochastic_step_is_flow_grpo",
            cause="stochastic_sampling predicts the datum and renoises it, "
            "x_s = (1 − s) (x − t v) + s ε; it is not the Flow-GRPO SDE and has no g",
            variant=lambda x, v, t, s, g, noise: (1 - s) * (x - t * v) + s * noise,
        ),
    )
