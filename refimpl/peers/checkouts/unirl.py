"""UniRL (github.com/Tencent-Hunyuan/UniRL): three kernels, from a checkout.

refimpl check unirl --path DIR
"""

from pathlib import Path
from typing import Any

import torch

from ...conformance.adapter.loading import load
from ...equations import sde
from ..checkout import Checkout, drawing
from .stepping import FUNCTIONS, Base, named

KERNELS = "unirl/sde/kernels.py"
LOSS = "unirl/algorithms/base.py"
DPPO = "unirl/algorithms/flowdppo.py"
ADVANTAGE = "unirl/algorithms/normalizers.py"


class Step(Base):
    """One of the kernels."""

    def __init__(self, checkout: Checkout, kind: str, a: float, **conventions: Any) -> None:
        super().__init__(checkout, "unirl", f"unirl, {kind}", a=a, **conventions)
        self._kernel = load(f"{checkout.folder / KERNELS}:{kind}")()
        self._a = a

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        from diffusers.utils import torch_utils

        at = (t.reshape(-1, *(1,) * (x.ndim - 1)), s.reshape(-1, *(1,) * (x.ndim - 1)))
        with drawing(torch_utils, noise):
            x_s, log_prob, mean = self._kernel.denoise(v, x, *at, eta=self._a)
            std = self._kernel.step(v, x, *at, eta=self._a)[2]
        return named(x_s, log_prob=log_prob, mean=mean, std=std)

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        at = (t.reshape(-1, *(1,) * (x.ndim - 1)), s.reshape(-1, *(1,) * (x.ndim - 1)))
        return self._kernel.denoise(v, x, *at, eta=self._a, prev_sample=x_s)[1]


class Training(Base):
    """Advantages, loss and the divergence of Flow-DPPO."""

    def __init__(self, checkout: Checkout, *, whole_batch: bool) -> None:
        over = "whole batch" if whole_batch else "per prompt"
        own = {"sign": "loss", "advantage_ddof": 1, "advantage_eps": 1e-8, "kl_reduction": "none",
               "advantage_std": "batch" if whole_batch else "group"}  # fmt: skip
        super().__init__(checkout, "unirl", f"unirl, training, std {over}", **own)
        self._loss = checkout.file(LOSS).function("_grpo_clip_loss", **FUNCTIONS)
        self._kl = checkout.file(DPPO).function("_gaussian_kl_div", **FUNCTIONS)
        self._normalize = checkout.file(ADVANTAGE).function("normalize_grouped", **FUNCTIONS)
        self._whole = whole_batch

    def advantages(self, rewards: Any, groups: Any) -> Any:
        rows: dict[int, list[int]] = {}
        for i, g in enumerate(groups):
            rows.setdefault(int(g), []).append(i)
        return self._normalize(rewards, list(rows.values()), use_global_std=self._whole)

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        return self._loss(new_logp=ratio.log(), old_logp=torch.zeros_like(ratio),
                          advantages=advantage, clip_range=float(clip))[0]  # fmt: skip

    def kl(self, mean: Any, mean_ref: Any, std: Any) -> Any:
        return self._kl(mean, mean_ref, std)


def at_one_only(t: float) -> Any:
    """g with .99 in 1/(1 − t) at t = 1 exactly, and nowhere else."""
    return sde.flow_grpo_g(t, 0.7, 0.99 if t == 1 else t)


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, KERNELS, LOSS, DPPO, ADVANTAGE)
    return [
        Step(checkout, "FlowSDEStrategy", 0.7, g=at_one_only, boundary="finite"),
        Step(checkout, "DanceSDEStrategy", 0.3, g="constant", boundary="finite"),
        Step(checkout, "CPSSDEStrategy", 0.8, g="cps", log_prob_terms="bare square"),
        Training(checkout, whole_batch=False),
        Training(checkout, whole_batch=True),
    ]
