"""sbi (simulation-based inference): flow matching's score, and one step of its reverse SDE.

    t = 1 is noise, v = noise − data; f = −x/(1 − t), g² = 2t/(1 − t), one time for the batch

Its step, θ − (f − (1 + η²)/2 g² score) h + η g √h ε, is Flow-GRPO's with a = √2 η. The network is a
stand-in that returns the velocity that is given; estimator, score and predictor are the library's.
"""

from collections.abc import Callable
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import torch

from ..checkout import drawing
from ..installed import library
from ..judging import Facts, deviations

ETA = 0.5


class SBI:
    """The library, for its facts."""

    name = "sbi"

    def __init__(self) -> None:
        module = library("sbi.neural_nets.estimators.flowmatching_estimator")
        self.estimator: Any = module.FlowMatchingEstimator
        self.predictor: Any = library("sbi.samplers.score.predictors").EulerMaruyama
        self.version = version("sbi")

    def of_velocity(self, v: Any, noise_scale: float) -> Any:
        """An estimator whose velocity is v, (B, D)."""
        net = _Given()
        made = self.estimator(net, torch.Size(v.shape[1:]), torch.Size([1]),
                              noise_scale=noise_scale).to(v.dtype)  # fmt: skip
        centre, width = made._get_velocity_normalization()
        net.told = (v - centre) / width
        return made

    def of_field(self, field: Callable[[Any, Any], Any], like: Any) -> Any:
        """An estimator whose velocity is a field's, for states shaped like one; without σ_min."""
        made = self.of_velocity(0 * like, 0.0)
        centre, width = made._get_velocity_normalization()

        def told(scaled: Any, _: Any, t: Any) -> Any:
            mean, std = made._get_time_dependent_stats(t)
            return (field(scaled * std + mean, t.reshape(-1, 1)) - centre) / width

        made.net.told = told
        return made

    def score(self, x: Any, v: Any, t: Any, noise_scale: float = 0.0) -> Any:
        """∇ log p_t(x), for one t."""
        return self.of_velocity(v, noise_scale).score(x, torch.zeros(1, 1).to(x), t)


class _Given(torch.nn.Module):
    """A network that answers what it was told: numbers, or a function of what is asked."""

    told: Any = None

    def forward(self, *asked: Any) -> Any:
        """Its answer."""
        return self.told(*asked) if callable(self.told) else self.told


class Matching:
    """The estimator without σ_min, and the predictor."""

    name = "FlowMatchingEstimator"

    def __init__(self, its: SBI) -> None:
        self.version, self._its = its.version, its
        self.conventions = {
            "dtype": "float32", "t": "scalar", "dims": 2, "a": 2**0.5 * ETA,
            "boundary": "clamp 0.99",
        }  # fmt: skip
        self.deviations = deviations("sbi", self.name)

    def score(self, x: Any, v: Any, t: Any) -> Any:
        return self._its.score(x, v, t)

    def diffusion(self, t: Any) -> Any:
        return ETA * self._its.of_velocity(torch.zeros(1, 1).to(t), 0.0).diffusion_fn(t, t)

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> Any:
        made = self._its.of_velocity(v, 0.0)
        potential = SimpleNamespace(
            device=x.device, vector_field_estimator=made,
            gradient=lambda x, t: made.score(x, torch.zeros(1, 1).to(x), t),
        )  # fmt: skip
        with drawing({}, noise):
            return self._its.predictor(potential, eta=ETA)(x, t, s)


def everything() -> list[Any]:
    """Adapters and facts."""
    its = SBI()
    return [Matching(its), Facts(its)]
