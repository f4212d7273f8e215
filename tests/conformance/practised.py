"""Slips of everyday code: another axis, one number for the batch, a level that is off by one, two.

They join those of `strange`.
"""

# ruff: noqa: F811

from itertools import pairwise

import torch
from strange import kernel, wrong
from torch.distributions import Normal
from wild import col, g_of, summed

# ---------------------------------------------------------------- axes and batches


@wrong("a mean over everything", "replay.basic", "one value for the whole batch (mean)")
def replay(x, v, t, s, x_s):
    mean, std, _ = kernel(x, v, t, s)
    return Normal(mean, std).log_prob(x_s).mean()


@wrong("the batch's mean of sums", "kl.basic", "one value for the whole batch (mean)")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2 / (2 * std**2)).mean()


@wrong("one ratio for the batch", "ratio.basic", "one value for the whole batch (mean)")
def ratio(log_prob, log_prob_old):
    return (log_prob - log_prob_old).exp().mean()


@wrong("a mean over channels", "log_prob.value", "mean over channels, sum over the others")
def log_prob(x_s, mean, std):
    return summed(Normal(mean, std).log_prob(x_s).mean(1, keepdim=True))


@wrong("rewards that lie the other way", "advantages.value", "groups along the other axis",
       advantage_eps=1e-4)  # fmt: skip
def advantages(rewards):
    std = rewards.std(0, correction=0, keepdim=True) + 1e-4
    return (rewards - rewards.mean(0, keepdim=True)) / std


@wrong("a quotient of logarithms", "ratio.value", "log_prob/log_prob_old  where  exp(gap)")
def ratio(log_prob, log_prob_old):
    return log_prob / log_prob_old


# ---------------------------------------------------------------- steps


@wrong("a score at the end of the step", "sde_step.last", but=("everywhere", "rounded"))
def sde_step(x, v, t, s, noise):
    """At s = 0 it is not finite: nothing is read off that."""
    mean, std, _ = kernel(x, v, t, s, score=lambda x, v, t, s: -(x + (1 - s) * v) / s)
    return mean + std * noise, mean, std


@wrong("g at the end, and no ½", "sde_step.value", "a √(s/(1 − s))  and  g²/t noise_hat  where",
       but=("Its mean", "1.414"))  # fmt: skip
def sde_step(x, v, t, s, noise):
    g = 0.7 * (col(s, x) / (1 - col(s, x))).sqrt()
    h = col(t - s, x)
    mean = x - h * (v + g**2 / col(t, x) * (x + (1 - col(t, x)) * v))
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@wrong("no ½, and h for its root, at every step", "sde_sampler.value",
       "no ½ in the score correction, and h for √h", t="scalar")  # fmt: skip
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        v, g, h = field(x, t), g_of(t, s), t - s
        x = x - h * (v + g**2 / t * (x + (1 - t) * v)) + g * h * noise[k]
    return x


@wrong("a last step dropped, and no ½", "sde_sampler.value", "no ½ in the score correction",
       "last step dropped", t="scalar")  # fmt: skip
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels[:-1])):
        v, g, h = field(x, t), g_of(t, s), t - s
        x = x - h * (v + g**2 / t * (x + (1 - t) * v)) + g * h.sqrt() * noise[k]
    return torch.as_tensor(x)
