"""Wrong implementations that no list names, and right ones that declare what is unusual.

    WRONG[name] = (functions, conventions, check, what the reading says, what it must not say)

Each is written as its author would have written it, with nothing of refimpl's.
"""

# ruff: noqa: F811

import math
from itertools import pairwise

import torch
from torch.distributions import Normal
from wild import col, g_of, stepped, summed

WRONG, RIGHT = {}, {}
FINE = {"dtype": "float64"}


def wrong(name, check, *says, but=(), **conventions):
    def note(function):
        WRONG[name] = (function, FINE | conventions, check, says, but)
        return function

    return note


def right(name, **conventions):
    def note(function):
        RIGHT[name] = (function, FINE | conventions)
        return function

    return note


def adapter(function, conventions):
    parts = function if isinstance(function, dict) else {function.__name__: function}
    return {**parts, "conventions": conventions}


def kernel(x, v, t, s, *, g=None, score=lambda x, v, t, s: -(x + (1 - t) * v) / t, by=1.0):
    """Mean, std and h of a step, with its score to be spoilt."""
    t, s = col(t, x), col(s, x)
    g, h = g_of(t, s) if g is None else g, t - s
    return x - by * h * (v - g**2 / 2 * score(x, v, t, s)), g * h.sqrt(), h


# ---------------------------------------------------------------- the flow


@wrong(
    "Heun with .4 and .6", "heun_step.value", "x − h/2 (0.8 k1 + 1.2 k2)  where  x − h/2 (k1 + k2)"
)
def heun_step(field, x, t, s):
    h = col(t - s, x)
    first = field(x, t)
    return x - h * (0.4 * first + 0.6 * field(x - h * first, s))


# ---------------------------------------------------------------- steps


@wrong("1 − s for 1 − t in the noise", "sde_step.value", "x + (1 − s) v  where  x + (1 − t) v")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, score=lambda x, v, t, s: -(x + (1 - s) * v) / t)
    return mean + std * noise, mean, std


@wrong("score divided by s", "sde_step.value", "−noise_hat/s  where  −noise_hat/t")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, score=lambda x, v, t, s: -(x + (1 - t) * v) / s)
    return mean + std * noise, mean, std


@wrong("data for noise in the score", "sde_step.value", "x − t v  where  x + (1 − t) v")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, score=lambda x, v, t, s: -(x - t * v) / t)
    return mean + std * noise, mean, std


@wrong(
    "two per cent too much drift, from the sample alone",
    "sde_step.value",
    "1.02",
)
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, by=1.02)
    return mean + std * noise


@wrong("a correction of a third", "sde_step.value", "g²/3")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s, half=3)
    return mean + g * h.sqrt() * noise


@wrong("no correction, and g h for g √h", "sde_step.value",
       "Its mean equals the mistake 'no score correction'", "Its std equals the mistake 'h for √h'",
       g="constant", a=0.9)  # fmt: skip
def sde_step(x, v, t, s, noise):
    h = col(t, x) - col(s, x)
    return x - h * v + 0.9 * h * noise, x - h * v, 0.9 * h


@wrong("the mean of a constant g, the std of flow_grpo's", "sde_step.value",
       but=("declare g = 'constant'", "declare a ="))  # fmt: skip
def sde_step(x, v, t, s, noise):
    flat = 0.7 * torch.ones_like(col(t, x))
    mean, _, h = stepped(x, v, t, s, g=flat)
    std = g_of(col(t, x), col(s, x)) * h.sqrt()
    return mean + std * noise, mean, std


@wrong("noise scaled in the draw, not in the density", "sde_step.value", "0.9 std noise",
       but=("Its mean", "Its std"))  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return mean + 0.9 * std * noise, mean, std


@wrong("an ODE's step with a dummy std", "sde_step.value", "no score correction",
       "no noise is added", "1 everywhere")  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean = x - (col(t, x) - col(s, x)) * v
    return mean, mean, torch.ones_like(col(t, x))


@wrong("a silent floor of the std", "sde_step.boundary", "std_min = 0.02")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return mean + std.clamp(min=0.02) * noise, mean, std.clamp(min=0.02)


@wrong("the same where any finite rule will do", "sde_step.boundary", "std_min = 0.02",
       boundary="finite")  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return mean + std.clamp(min=0.02) * noise, mean, std.clamp(min=0.02)


@wrong("a ceiling beside a finite rule", "sde_step.boundary", "t_max = 0.98", boundary="finite")
def sde_step(x, v, t, s, noise):
    h, t = col(t - s, x), col(t, x).clamp(max=0.98)
    g = 0.7 * (t / (1 - t)).sqrt()
    mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@wrong("a silent ceiling of the level", "score.value", "t_max = 0.98")
def score(x, v, t):
    t = col(t, x).clamp(0, 0.98)
    return -(x + (1 - t) * v) / t


@wrong("a silent floor of the level", "score.value", "t_min = 0.01")
def score(x, v, t):
    t = col(t, x).clamp(0.01, 1)
    return -(x + (1 - t) * v) / t


@wrong("leave-one-out with .9 of the others", "advantages.value", "rewards − 0.9 base",
       advantage_mean="others", advantage_floor=0.5)  # fmt: skip
def advantages(rewards):
    base = (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    return (rewards - 0.9 * base) / rewards.std(1, correction=0, keepdim=True).clamp(min=0.5)


@wrong("a held level, and 1 + t for 1 − t", "sde_step.value", "1 + t_held", t_min=0.1)
def sde_step(x, v, t, s, noise):
    h, t, from_noise = col(t, x) - col(s, x), col(t, x).clamp(min=0.1), col(t, x) == 1
    g = 0.7 * (t / (1 - torch.where(from_noise, col(s, x), t))).sqrt()
    mean = x - h * (v + g**2 / (2 * t) * (x + (1 + t) * v))
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@wrong("a floored std, and 1.1 of the noise", "sde_step.value", "1.1 g √h", std_min=0.3)
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    std = (1.1 * std).clamp(min=0.3)
    return mean + std * noise, mean, std


@wrong("half the noise, drawn inside", "sde_step.noise", "the right value times 0.5",
       but=("h for √h",))  # fmt: skip
def sde_step(x, v, t, s):
    mean, std, _ = kernel(x, v, t, s)
    return mean + std / 2 * torch.randn_like(x)


# ---------------------------------------------------------------- densities, ratios, divergences


@wrong("the start's log-density counted", "replay.value", "the start's log-density included")
def replay(x, v, t, s, x_s):
    mean, std, _ = kernel(x, v, t, s)
    return summed(Normal(mean, std).log_prob(x_s) + Normal(0.0, 1.0).log_prob(x))


@wrong("two modalities, half and half", "log_prob.value", "mean of means, sizes ignored",
       log_prob="mean")  # fmt: skip
def log_prob(x_s, mean, std):
    each = Normal(mean, std).log_prob(x_s).flatten(1)
    k = max(1, each.shape[1] // 4)
    return (each[:, :k].mean(1) + each[:, k:].mean(1)) / 2


@wrong("a batch mean for everybody", "log_prob.value", "the batch's mean for every sample")
def log_prob(x_s, mean, std):
    each = summed(Normal(mean, std).log_prob(x_s))
    return each.mean().expand(len(each))


@wrong("log std forgotten, std not squared", "log_prob.value", "no log std", "variance")
def log_prob(x_s, mean, std):
    return summed(-((x_s - mean) ** 2) / (2 * std) - 0.5 * math.log(2 * math.pi) + 0 * std)


@wrong("a log-ratio in bfloat16", "ratio.value", "log_prob − log_prob_old", "in bfloat16",
       dtype="float32")  # fmt: skip
def ratio(log_prob, log_prob_old):
    return (log_prob.bfloat16() - log_prob_old.bfloat16()).float().exp()


@wrong("std for the variance in the KL", "kl.value", "std for variance")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2 / (2 * std))


@wrong("a batch mean for everybody's KL", "kl.value", "the batch's mean for every sample")
def kl(mean, mean_ref, std):
    each = summed((mean - mean_ref) ** 2 / (2 * std**2))
    return each.mean().expand(len(each))


# ---------------------------------------------------------------- rewards and objectives


@wrong("clip(r A)", "surrogate.value", "clip(r A)")
def surrogate(ratio, advantage, clip):
    return torch.minimum(ratio * advantage, (ratio * advantage).clamp(1 - clip, 1 + clip))


@wrong("a floored std of the group", "advantages.value", "advantage_floor = 0.5")
def advantages(rewards):
    std = rewards.std(1, correction=0, keepdim=True).clamp(min=0.5)
    return (rewards - rewards.mean(1, keepdim=True)) / std


@wrong("leave-one-out", "advantages.value", "advantage_mean = 'others'", advantage_std="none")
def advantages(rewards):
    n = rewards.shape[1]
    return rewards - (rewards.sum(1, keepdim=True) - rewards) / (n - 1)


@wrong("twice the upper clip", "surrogate.value", "clip_high")
def surrogate(ratio, advantage, clip):
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + 2 * clip) * advantage)


@wrong("guidance the wrong way round", "guidance.value", "swapped")
def guidance(v_uncond, v_cond, w):
    return v_cond + w * (v_uncond - v_cond)


@wrong("CFG-Zero* undeclared", "guidance.value", "guidance = 'zero-star'")
def guidance(v_uncond, v_cond, w):
    u, c = v_uncond.flatten(1), v_cond.flatten(1)
    k = (c * u).sum(1) / ((u * u).sum(1) + 1e-8)
    return (1 - w) * k.view(-1, *[1] * (v_cond.ndim - 1)) * v_uncond + w * v_cond


# ---------------------------------------------------------------- conversions and loops


@wrong("a velocity over the wrong end", "velocity_from_noise.value", "(noise − x)/t  where")
def velocity_from_noise(x, noise, t):
    return (noise - x) / col(t, x)


@wrong("a second slope at the end", "ode_sampler.value", "field(x − h/2 k1, ",
       t="scalar", ode_method="midpoint")  # fmt: skip
def ode_sampler(field, x, levels):
    for a, b in pairwise(levels):
        x = x + (b - a) * field(x + (b - a) / 2 * field(x, a), b)
    return x


@wrong("Heun's last step cut", "ode_sampler.value", "the last step by Euler's rule",
       t="scalar", ode_method="heun")  # fmt: skip
def ode_sampler(field, x, levels):
    for a, b in pairwise(levels):
        k = field(x, a)
        y = x + (b - a) * k
        x = y if float(b) == 0 else x + (b - a) / 2 * (k + field(y, b))
    return x


@wrong("a loop without its square", "sde_sampler.value", "g for g²", t="scalar")
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        v, g = field(x, t), g_of(t, s)
        mean = x - (t - s) * (v + g / (2 * t) * (x + (1 - t) * v))
        x = mean + g * (t - s).sqrt() * noise[k]
    return x


# ---------------------------------------------------------------- what has no name


def waves(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    mean = mean + 0.01 * torch.sin(3 * x)
    return mean + std * noise, mean, std


def waving_advantages(rewards):
    made = (rewards - rewards.mean(1, keepdim=True)) / rewards.std(1, correction=0, keepdim=True)
    return made + 0.05 * torch.sin(rewards)


NAMELESS = {
    "sde_step": ({"sde_step": waves}, FINE, "sde_step.value"),
    "advantages": ({"advantages": waving_advantages}, FINE, "advantages.value"),
    "guidance": ({"guidance": lambda v_uncond, v_cond, w: v_uncond * v_cond.abs().sqrt() + w},
                 FINE, "guidance.value"),
    "log_prob": ({"log_prob": lambda x_s, mean, std: summed(torch.tanh(x_s - mean) / std)},
                 FINE, "log_prob.value"),
}  # fmt: skip


# ---------------------------------------------------------------- right, and unusual


@right("a floor of the level, declared", t_min=0.02)
def score(x, v, t):
    t = col(t, x).clamp(min=0.02)
    return -(x + (1 - t) * v) / t


@right("a floor of the std, declared", std_min=0.05)
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return mean + std.clamp(min=0.05) * noise, mean, std.clamp(min=0.05)


@right("a ceiling of the level, declared", t_max=0.99)
def sde_step(x, v, t, s, noise):
    h, t = col(t, x) - col(s, x), col(t, x).clamp(max=0.99)
    g = 0.7 * (t / (1 - t)).sqrt()
    mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@right("a divergence whose level is held, declared", t_min=0.1, t_max=0.9)
def kl(v, v_ref, t, s):
    h, t = col(t, v) - col(s, v), col(t, v).clamp(0.1, 0.9)
    g = 0.7 * (t / (1 - t)).sqrt()
    return summed(h / 2 * (g * (1 - t) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2)


@right("no rule at t = 1, declared", boundary="none")
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    g, h = 0.7 * (t / (1 - t)).sqrt(), t - s
    mean = (1 - s) * (x - t * v) + (s - g**2 * h / (2 * t)) * (x + (1 - t) * v)
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@right("a constant g that refuses nothing", g="constant", a=0.3, boundary="refuse")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s, g=0.3 + 0 * col(t, x))
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@right("a constant g that refuses pure noise", g="constant", a=0.3, boundary="refuse")
def sde_step(x, v, t, s, noise):
    if (t == 1).any():
        raise ValueError("t = 1")
    mean, g, h = stepped(x, v, t, s, g=0.3 + 0 * col(t, x))
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@right("leave-one-out, declared", advantage_mean="others", advantage_std="others")
def advantages(rewards):
    rows = []
    for k in range(rewards.shape[1]):
        rest = torch.cat([rewards[:, :k], rewards[:, k + 1 :]], 1)
        std = rest.std(1, correction=0)
        rows.append((rewards[:, k] - rest.mean(1)) / torch.where(std > 0, std, 1.0))
    return torch.stack(rows, 1)


@right("a floored std, declared", advantage_floor=0.5, advantage_eps=1e-6)
def advantages(rewards):
    std = rewards.std(1, correction=0, keepdim=True).clamp(min=0.5) + 1e-6
    return (rewards - rewards.mean(1, keepdim=True)) / std


@right("CFG-Zero*, declared", guidance="zero-star")
def guidance(v_uncond, v_cond, w):
    u, c = v_uncond.flatten(1), v_cond.flatten(1)
    k = ((c * u).sum(1) / ((u * u).sum(1) + 1e-8)).view(-1, *[1] * (v_cond.ndim - 1))
    return k * v_uncond + w * (v_cond - k * v_uncond)


@right("small epsilons", dtype="float32")
def velocity_from_score(x, score, t):
    t = col(t, x).clip(1e-6, 1 - 1e-6)
    return -x / (1 - t) - (t + t * t / (1 - t)) * score


@right("doubles inside, floats outside", dtype="float32", log_prob="mean")
def log_prob(x_s, mean, std):
    each = Normal(mean.double(), std.double()).log_prob(x_s.double())
    return each.flatten(1).mean(1).float()
