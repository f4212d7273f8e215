"""The scheduler as the conformance kit sees an implementation of somebody else's."""

from typing import Any

import torch

from refimpl.diffusers import FlowGRPOScheduler


def at(t: Any, s: Any, **options: Any) -> FlowGRPOScheduler:
    """A scheduler at noise level t with the next level s; a shift of 1 keeps what is given.

    Its last level is 0, which a step to the level before never reads.
    """
    made = FlowGRPOScheduler(shift=1.0, method="flow_grpo", **options)
    levels = [float(t)] if float(s) == 0 else [float(t), float(s)]
    made.set_timesteps(sigmas=levels)
    return made


class Scheduler:
    conventions = {  # noqa: RUF012
        "dtype": "float32", "t": "scalar", "a": 0.7, "boundary": "next_level", "log_prob": "mean",
        "grid": "sd35 as shipped",
    }  # fmt: skip

    def schedule(self, steps: Any) -> Any:
        made = FlowGRPOScheduler(shift=3.0)
        made.set_timesteps(int(steps))
        return made.sigmas

    def ode_step(self, x: Any, v: Any, t: Any, s: Any) -> Any:
        made = at(t, s, noise=0.0)
        return made.step(v, made.timesteps[0], x).prev_sample

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, generator: torch.Generator) -> Any:
        made = at(t, s)
        made.generator = generator
        found, law = made.step(v, made.timesteps[0], x), made.laws[0].law(x, v)
        std = torch.full((len(x), *[1] * (x.ndim - 1)), float(law.std))
        return {"x_s": found.prev_sample, "mean": law.mean, "std": std}

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        return at(t, s).log_prob(0, x, v, x_s)
