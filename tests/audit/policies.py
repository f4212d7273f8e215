"""Records of a policy that sampled and of one that learns from it, in float32."""

import math
from itertools import pairwise

import torch

TOLD = {"log_prob": "mean", "a": 0.7}
HALF_LOG_2PI = math.log(2 * math.pi) / 2


def right_score(x, v, t):
    return -(x + (1 - t) * v) / t


def density(x, mean, std):
    return (-((x - mean) ** 2) / (2 * std**2) - torch.log(std) - HALF_LOG_2PI).flatten(1).mean(1)


def learner(
    *, score=right_score, apart=0.02, draw=lambda mean, std, n: mean + std * n, scored=density,
    kept=lambda x: x, moved=torch.tanh, nudged="v",
    levels=tuple(1 - k / 8 for k in range(8)),
):  # fmt: skip
    """Steps in float32 that v_old sampled and v learns from, each an update apart.

    Args:
        nudged: the one of the two that is 0.6 x_t + 0.3 moved(x_t + c) and the update.
    """
    made = torch.Generator().manual_seed(5)
    x = torch.randn(16, 3, 6, 4, generator=made)
    own, other = (torch.randn(3, 6, 4, generator=made) for _ in range(2))
    rows = []
    for t, s in pairwise(levels):
        h, top = t - s, levels[1]
        plain = 0.6 * x + 0.3 * moved(x + own)
        beside = plain + apart * torch.cos(2 * x + other)
        v, old = (beside, plain) if nudged == "v" else (plain, beside)
        g = 0.7 * math.sqrt(t / (1 - (top if t == 1 else t)))
        std = torch.tensor(g * math.sqrt(h))
        mean, mean_old = (x - h * (w - g**2 / 2 * score(x, w, t)) for w in (v, old))
        noise = torch.randn(x.shape, generator=made)
        x_s = draw(mean_old, std, noise)
        rows.append({
            "x_t": kept(x), "x_s": x_s, "v": v, "v_old": old, "noise": noise, "mean": mean,
            "t": torch.full((16,), t), "s": torch.full((16,), s), "std": std.expand(16),
            "log_prob": scored(x_s, mean, std), "log_prob_old": scored(x_s, mean_old, std),
        })  # fmt: skip
        x = x_s
    return {name: torch.cat([r[name] for r in rows]) for name in rows[0]}
