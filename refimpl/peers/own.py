"""This package itself, as an adapter: every capability, in the article's conventions.

    refimpl check refimpl

Its functions are looked up in the register by id, so that a mistake that is planted there is found
by the kit like anybody else's.
"""

from itertools import pairwise
from typing import Any, ClassVar

import torch

from .. import __version__
from ..equations import Gaussian, Step, paths, sde
from ..equations.registry import find
from ..simulate import grids


def _f(id: str) -> Any:
    return find(id).function


def _like(t: Any, x: Any) -> Any:
    return t.reshape(-1, *(1,) * (x.ndim - 1))


class Refimpl:
    """The reference, on the house clock, in torch."""

    name = "refimpl"
    version = __version__
    conventions: ClassVar[dict[str, Any]] = {
        "a": 0.7,
        "boundary": "next_level",
        "advantage_eps": 1e-4,
    }

    def schedule(self, steps: int) -> Any:
        return list(grids.uniform(steps).levels)

    def model_time(self, t: Any) -> Any:
        return _f("conventions.network_time")(t)

    def path(self, data: Any, noise: Any, t: Any) -> Any:
        return _f("paths.interpolate")(_f("paths.linear")(_like(t, data)), data, noise)

    def velocity_target(self, data: Any, noise: Any, t: Any) -> Any:
        return _f("paths.velocity")(_f("paths.linear")(_like(t, data)), data, noise)

    def diffusion(self, t: Any, s: Any) -> Any:
        return _f("sde.flow_grpo_g")(t, 0.7, sde.next_level(Step(t, s)))

    def ode_step(self, x: Any, v: Any, t: Any, s: Any) -> Any:
        return _f("ode.euler")(lambda x, t: v, x, Step(_like(t, x), _like(s, x)))

    def heun_step(self, field: Any, x: Any, t: Any, s: Any) -> Any:
        return _f("ode.heun")(field, x, Step(_like(t, x), _like(s, x)))

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        p = self._transition(x, v, t, s)
        x_s = _f("gaussian.sample")(p.mean, p.std, noise)
        each = _f("gaussian.log_prob")(x_s, p.mean, p.std)
        return {"x_s": x_s, "mean": p.mean, "std": p.std, "log_prob": _f("policy.total")(each)}

    def log_prob(self, x_s: Any, mean: Any, std: Any) -> Any:
        return _f("policy.total")(_f("gaussian.log_prob")(x_s, mean, std))

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        p = self._transition(x, v, t, s)
        return self.log_prob(x_s, p.mean, p.std)

    def ratio(self, log_prob: Any, log_prob_old: Any) -> Any:
        return _f("policy.ratio")(log_prob, log_prob_old)

    def kl(self, mean: Any, mean_ref: Any, std: Any) -> Any:
        return _f("policy.total")(_f("kl.of_means")(mean, mean_ref, std))

    def advantages(self, rewards: Any) -> Any:
        return _f("grpo.advantage")(rewards, std="group", ddof=0, eps=1e-4)

    def surrogate(self, ratio: Any, advantage: Any, clip: float) -> Any:
        return _f("grpo.surrogate")(ratio, advantage, clip)

    def objective(self, ratio: Any, advantage: Any, clip: float, kl: Any, beta: float) -> Any:
        return _f("grpo.objective")(self.surrogate(ratio, advantage, clip), kl, beta)

    def guidance(self, v_uncond: Any, v_cond: Any, w: float) -> Any:
        return _f("guidance.classifier_free")(v_uncond, v_cond, w)

    def ode_sampler(self, field: Any, x: Any, levels: Any) -> Any:
        grid = [float(t) for t in levels]
        for t, s in pairwise(grid):
            x = _f("ode.euler")(field, x, Step(t, s))
        return x

    def sde_sampler(self, field: Any, x: Any, levels: Any, noise: Any) -> dict[str, Any]:
        states, log_probs = [x], []
        for k, (t, s) in enumerate(pairwise(levels)):
            p = self.sde_step(states[-1], field(states[-1], t), t, s, noise[k])
            states.append(p["x_s"])
            log_probs.append(p["log_prob"])
        return {"states": states, "log_probs": log_probs}

    def score(self, x: Any, v: Any, t: Any) -> Any:
        return self._convert("score_from_velocity", t, x=x, v=v)

    def data_from_velocity(self, x: Any, v: Any, t: Any) -> Any:
        return self._convert("data_from_velocity", t, x=x, v=v)

    def noise_from_velocity(self, x: Any, v: Any, t: Any) -> Any:
        return self._convert("noise_from_velocity", t, x=x, v=v)

    def velocity_from_score(self, x: Any, score: Any, t: Any) -> Any:
        return self._convert("velocity_from_score", t, x=x, score=score)

    def velocity_from_data(self, x: Any, data: Any, t: Any) -> Any:
        return self._convert("velocity_from_data", t, x=x, data=data)

    def velocity_from_noise(self, x: Any, noise: Any, t: Any) -> Any:
        return self._convert("velocity_from_noise", t, x=x, noise=noise)

    def score_from_data(self, x: Any, data: Any, t: Any) -> Any:
        return self._convert("score_from_data", t, x=x, data=data)

    def score_from_noise(self, noise: Any, t: Any) -> Any:
        return self._convert("score_from_noise", t, noise=noise)

    def data_from_noise(self, x: Any, noise: Any, t: Any) -> Any:
        return self._convert("data_from_noise", t, x=x, noise=noise)

    def data_from_score(self, x: Any, score: Any, t: Any) -> Any:
        return self._convert("data_from_score", t, x=x, score=score)

    def noise_from_data(self, x: Any, data: Any, t: Any) -> Any:
        return self._convert("noise_from_data", t, x=x, data=data)

    def noise_from_score(self, score: Any, t: Any) -> Any:
        return self._convert("noise_from_score", t, score=score)

    def _convert(self, name: str, t: Any, **given: torch.Tensor) -> Any:
        like = next(iter(given.values()))
        return _f(f"conversions.{name}")(paths.linear(_like(t, like)), **given)

    def _transition(self, x: Any, v: Any, t: Any, s: Any) -> Gaussian:
        step = Step(_like(t, x), _like(s, x))
        g = _f("sde.flow_grpo_g")(step.t, 0.7, sde.next_level(step))
        return _f("sde.transition")(_f("paths.linear")(step.t), x, v, g, step)


def everything() -> tuple[Refimpl, ...]:
    """The adapter."""
    return (Refimpl(),)
