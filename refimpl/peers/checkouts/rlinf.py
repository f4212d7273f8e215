"""RLinf (github.com/RLinf/RLinf): the random step of its flow policies for robots, from a checkout.

    refimpl check rlinf --path DIR

A method of a policy, cut out of its class: the policy itself is a stand-in that hands out a level,
a velocity and a noise level. Log-probabilities are elementwise, a chunk of actions at a time.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from ..checkout import Checkout
from .stepping import FUNCTIONS, Base, named

POLICY = "rlinf/models/embodiment/openpi/openpi_action_model.py"
CLASS = "OpenPi0ForRLActionPrediction"


class Step(Base):
    """sample_mean_var_val and get_logprob_norm, by one of the methods that it knows."""

    def __init__(self, checkout: Checkout, method: str, a: float, **conventions: Any) -> None:
        super().__init__(checkout, "rlinf", f"rlinf, {method}", a=a, t="scalar",
                         **{"log_prob": "none"} | conventions)  # fmt: skip
        file = checkout.file(POLICY)
        self._moments = file.function(f"{CLASS}.sample_mean_var_val", **FUNCTIONS)
        self._density = file.function(f"{CLASS}.get_logprob_norm", **FUNCTIONS)
        self._levels = file.function(f"{CLASS}._get_timesteps", **FUNCTIONS)
        self._file, self._method, self._a = file, method, a

    def schedule(self, steps: int) -> Any:
        return self._levels(None, steps, "cpu")

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        mean, std = self._step(x, v, t, s)
        policy = SimpleNamespace(sample_noise=lambda shape, device: noise.reshape(shape))
        x_s = self._file.value("x_t", inside="_sample_actions_with_prefix_cache", skip=1,
                               x_t=_flat(x), x_t_mean=mean, x_t_std=std, self=policy, device="cpu",
                               x_t_prev=None)  # fmt: skip
        each = self._log_prob(x_s, mean, std)
        like = x.shape
        return named(x_s.reshape(like), mean=mean.reshape(like), std=std.reshape(like),
                     log_prob=each.reshape(like))  # fmt: skip

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        mean, std = self._step(x, v, t, s)
        return self._log_prob(_flat(x_s), mean, std).reshape(x.shape)

    def _step(self, x: Any, v: Any, t: Any, s: Any) -> tuple[Any, Any]:
        flat = _flat(v)
        policy = SimpleNamespace(
            config=SimpleNamespace(add_value_head=False),
            get_velocity=lambda *_: (flat, None),
            _get_noise_level=lambda device, dtype: torch.full((), self._a, dtype=dtype),
            _get_timesteps=lambda steps, device: torch.stack([torch.as_tensor(u) for u in (t, s)]),
        )
        return self._moments(policy, _flat(x), 0, x, None, None, self._method, 1, False)[:2]

    def _log_prob(self, x_s: Any, mean: Any, std: Any) -> Any:
        policy = SimpleNamespace(config=SimpleNamespace(safe_get_logprob=False))
        return self._density(policy, x_s, mean, std)


def _flat(x: Any) -> Any:
    """A batch of chunks of one action: (B, n, 1)."""
    return x.reshape(len(x), -1, 1)


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, POLICY)
    return [
        Step(checkout, "flow_sde", 0.5, g="flow_grpo"),
        Step(checkout, "flow_cps", 0.5, g="cps"),
    ]
