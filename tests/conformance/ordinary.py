"""Slips that stay unseen until somebody asks: far ratios, large groups, the last step, one length.

They join those of `strange`.
"""

# ruff: noqa: F811

from itertools import pairwise

import torch
from strange import right, wrong
from wild import col, g_of, summed

# ---------------------------------------------------------------- far out


@wrong("a dual clip", "surrogate.value", "maximum(minimum(plain, clipped advantage), 3 advantage)")
def surrogate(ratio, advantage, clip):
    plain = torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return torch.where(advantage < 0, torch.max(plain, 3 * advantage), plain)


@wrong("a clip around 0", "surrogate.value", "minimum(ratio, clip_high)")
def surrogate(ratio, advantage, clip):
    return torch.min(ratio * advantage, ratio.clamp(-clip, clip) * advantage)


@wrong("ratios that are cut above alone", "surrogate.value", "minimum(ratio, 1 + clip_high)")
def surrogate(ratio, advantage, clip):
    return ratio.clamp(max=1 + clip) * advantage


@wrong("a softer clip and no minimum", "surrogate.value", "clip_high tanh((ratio − 1)/clip_high)")
def surrogate(ratio, advantage, clip):
    return advantage * (1 + clip * torch.tanh((ratio - 1) / clip))


@wrong("a KL that is divided", "objective.value", "whole − kl/β  where  whole − β kl")
def objective(ratio, advantage, clip, kl, beta):
    clipped = ratio.clamp(1 - clip, 1 + clip) * advantage
    return torch.min(ratio * advantage, clipped) - kl / beta


@wrong("a distance that grows slowly", "kl.value", "huber(difference, 1)  where  difference²",
       kl="means")  # fmt: skip
def kl(mean, mean_ref):
    return summed(torch.nn.functional.smooth_l1_loss(mean, mean_ref, reduction="none"))


@wrong("the KL in one half of the minimum", "objective.value", "the KL inside the minimum")
def objective(ratio, advantage, clip, kl, beta):
    clipped = ratio.clamp(1 - clip, 1 + clip) * advantage
    return torch.min(ratio * advantage - beta * kl, clipped)


def standard(rewards, eps=0.0):
    std = rewards.std(1, correction=0, keepdim=True) + eps
    return (rewards - rewards.mean(1, keepdim=True)) / std


@wrong("a clip of 5 that nobody declared", "advantages.value", "advantage_clip = 5.0")
def advantages(rewards):
    return standard(rewards).clamp(-5, 5)


@wrong("a clip of 5 that is not there", "advantages.value", "not bounded", advantage_clip=5.0)
def advantages(rewards):
    return standard(rewards)


@right("a clip of 5, declared", advantage_clip=5.0, advantage_eps=1e-4)
def advantages(rewards):
    return standard(rewards, 1e-4).clamp(-5, 5)


@wrong("a std that is at least a share of the batch's", "advantages.value",
       "over the group's std, at least 0.05 times the batch's std")  # fmt: skip
def advantages(rewards):
    std = torch.maximum(
        rewards.std(1, correction=0, keepdim=True), 0.05 * rewards.std(correction=0)
    )
    return (rewards - rewards.mean(1, keepdim=True)) / std


# ---------------------------------------------------------------- schedules of noise


def sde(x, v, t, s, noise, g, correction=1):
    t, s = col(t, x), col(s, x)
    h, g = t - s, g(t, s)
    mean = x - h * (v + correction * g**2 / (2 * t) * (x + (1 - t) * v))
    return mean + g * h**0.5 * noise, mean, g * h**0.5


@wrong("a level that is held in both places", "sde_step.boundary", "t at most 0.999 in g")
def sde_step(x, v, t, s, noise):
    def held(t, s):
        low = t.clamp(max=0.999)
        return 0.7 * (low / (1 - low)) ** 0.5

    return sde(x, v, t, s, noise, held)


@wrong("a line between two ends", "sde_step.value", "g = 0.02 + 0.94 t")
def sde_step(x, v, t, s, noise):
    return sde(x, v, t, s, noise, lambda t, s: 0.02 + (0.96 - 0.02) * t)


@wrong("a line, and no correction", "sde_step.value", "Its mean equals the mistake 'no score",
       "Its std equals the mistake 'g = 0.02 + 0.94 t'")  # fmt: skip
def sde_step(x, v, t, s, noise):
    return sde(x, v, t, s, noise, lambda t, s: 0.02 + (0.96 - 0.02) * t, correction=0)


@wrong("nothing drawn where 1 − t is 0", "sde_step.boundary", "no noise at t = 1")
def sde_step(x, v, t, s, noise):
    return sde(x, v, t, s, noise, lambda t, s: torch.where(t == 1, 0.0, g_of(t, s)))


def kept(x, v, t, s, width):
    """The mean that keeps the level's variance, whatever the std."""
    return (1 - s) * (x - t * v) + (s**2 - width**2).clamp(min=0) ** 0.5 * (x + (1 - t) * v)


@wrong("overshot and noised again", "sde_step.value", "the step of Flow-CPS with η = 0.535441")
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    over = s / (1 + 0.5 * (1 - s))
    scale = (1 - s) / (1 - over)
    std = (s**2 - (scale * over) ** 2).clamp(min=0) ** 0.5
    return scale * (x + (over - t) * v) + std * noise, kept(x, v, t, s, std), std


@wrong("an ancestral step", "sde_step.value", "an ancestral step with η = 0.5")
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    down = s * (1 + (s / t - 1) / 2)
    std = (s**2 - (down * (1 - s) / (1 - down)) ** 2).clamp(min=0) ** 0.5
    mean = kept(x, v, t, s, std)
    return mean + std * noise, mean, std


@wrong("churn that ends at 1", "sde_step.value", "churn by 0.1, to 1 at most'")
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    up = (1.1 * t).clamp(max=1)
    mean, std = x - (up - s) * v, (up**2 - t**2) ** 0.5
    return mean + std * noise, mean, std


@wrong("g at whole timesteps", "sde_step.value", "g at a level in whole thousandths")
def sde_step(x, v, t, s, noise):
    return sde(x, v, t, s, noise, lambda t, s: g_of(torch.round(1000 * t) / 1000, s))


# ---------------------------------------------------------------- groups


@wrong("an eps after the division", "advantages.value", "centred/√variance + eps  where",
       advantage_eps=1e-4)  # fmt: skip
def advantages(rewards):
    return standard(rewards) + 1e-4


@wrong("the others' mean, scaled the wrong way", "advantages.value",
       "less the group's mean, over G/(G − 1)",
       advantage_mean="others", advantage_std="none")  # fmt: skip
def advantages(rewards):
    n = rewards.shape[1]
    return (rewards - rewards.mean(1, keepdim=True)) * (n - 1) / n


@wrong("groups that are dealt out", "advantages.value", "groups dealt out like cards",
       advantage_eps=1e-4)  # fmt: skip
def advantages(rewards, group_size):
    return standard(rewards.view(group_size, -1).T, 1e-4).T.reshape(-1)


# ---------------------------------------------------------------- grids


@wrong("levels in whole thousandths", "schedule.value", "levels cut to thousandths",
       but=("grid: uniform",), grid="uniform")  # fmt: skip
def schedule(steps):
    return torch.floor(1000 * torch.linspace(1, 0, steps + 1, dtype=torch.float64)) / 1000


@wrong("an even grid at ten steps alone", "schedule.value", but=("grid: uniform",), grid="shift 3")
def schedule(steps):
    """A grid is called by a name only if it has that name at every number of steps."""
    even = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return even if steps == 10 else even ** (1 + 1 / steps)


@wrong("levels between the levels", "schedule.value", "the middles of the steps", grid="uniform")
def schedule(steps):
    return torch.cat([1 - (torch.arange(steps).double() + 0.5) / steps, torch.zeros(1).double()])


@wrong("a network that is told whole timesteps", "ode_sampler.value",
       "the network is asked in thousandths, cut")  # fmt: skip
def ode_sampler(field, x, levels):
    for t, s in pairwise(levels):
        x = x - (t - s) * field(x, torch.floor(1000 * t) / 1000)
    return x


@wrong("a time that is rounded up", "model_time.value", "time rounded up")
def model_time(t):
    return torch.ceil(1000 * t)


# ---------------------------------------------------------------- chains


@wrong("Euler's rule in the step to 0", "heun_step.last", "Euler's rule in the step to 0")
def heun_step(field, x, t, s):
    h, first = col(t - s, x), field(x, t)
    second = torch.where(col(s, x) == 0, first, field(x - h * first, s))
    return x - h / 2 * (first + second)


@wrong("steps as long as the first", "ode_sampler.value", "the first step's length at every step")
def ode_sampler(field, x, levels):
    for t in levels[:-1]:
        x = x - (levels[0] - levels[1]) * field(x, t)
    return x


def chain(field, x, levels, noise, *, h=None, std=None):
    widths = [g_of(t, s) * (t - s) ** 0.5 for t, s in pairwise(levels)]
    for k, (t, s) in enumerate(pairwise(levels)):
        v, far = field(x, t), (t - s if h is None else h)
        g = g_of(t, s)
        x = x - far * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        x = x + (g * far**0.5 if std is None else widths[std(k)]) * noise[k]
    return x


@wrong("steps as long as the first, with noise", "sde_sampler.value",
       "the first step's length at every step")  # fmt: skip
def sde_sampler(field, x, levels, noise):
    return chain(field, x, levels, noise, h=levels[0] - levels[1])


@wrong("noise as wide as the step before", "sde_sampler.value", "the std of the step before")
def sde_sampler(field, x, levels, noise):
    return chain(field, x, levels, noise, std=lambda k: max(k - 1, 0))


@wrong(
    "a grid that is read backwards", "ode_sampler.value", "the levels from the last to the first"
)
def ode_sampler(field, x, levels):
    for t, s in pairwise(levels.flip(0)):
        x = x - (t - s) * field(x, t)
    return x


@wrong("noise of the next step", "sde_sampler.value", "the next step's noise")
def sde_sampler(field, x, levels, noise):
    return chain(field, x, levels, torch.cat([noise[1:], noise[-1:]]))


@wrong("a drift in two halves", "sde_sampler.value", "the score after the ODE's step")
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        v, g, h = field(x, t), g_of(t, s), t - s
        x = x - h * v
        x = x - h * g**2 / (2 * t) * (x + (1 - t) * v) + g * h**0.5 * noise[k]
    return x
