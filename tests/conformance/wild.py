"""Mistakes seen in the wild, each as somebody would have written it, and the check that finds it.

    WILD[name] = (the function's name, the function, conventions, check, what the diagnosis says)

Functions of one capability share its name, as the adapters do.
"""

# ruff: noqa: F811

import numpy as np
import torch
from torch.distributions import Normal

WILD = {}


def wild(name, check, says, **conventions):
    def note(function):
        WILD[name] = (function.__name__, function, conventions, check, says)
        return function

    return note


def adapter(name):
    """A class with this one function."""
    capability, function, conventions, _, _ = WILD[name]
    declared = {"advantage_eps": 1e-4, "dtype": "float32"} | conventions
    return type("Wild", (), {capability: staticmethod(function), "conventions": declared})


def col(t, x):
    return t.view(-1, *[1] * (x.ndim - 1))


def summed(x):
    return x.flatten(1).sum(1)


def g_of(t, s):
    return 0.7 * torch.sqrt(t / (1 - torch.where(t == 1, s, t)))


def stepped(x, v, t, s, *, g=None, sign=1, half=2, correction=lambda g, h: g):
    """Mean, g and h of a step, with places to spoil it."""
    t, s = col(t, x), col(s, x)
    g, h = g_of(t, s) if g is None else g, t - s
    c = correction(g, h) ** 2 / (half * t)
    return x - h * (v + sign * c * (x + (1 - t) * v)), g, h


@wild("KL without h", "kl.value", "KL without h", std="g")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2 / (2 * std**2))


@wild("KL averaged", "kl.value", "kl_reduction = 'mean'")
def kl(mean, mean_ref, std):
    return ((mean - mean_ref) ** 2 / (2 * std**2)).flatten(1).mean(1)


@wild("KL averaged and without h", "kl.value", "kl = 'without h', kl_reduction = 'mean'")
def kl(mean, mean_ref, std, h):
    return ((mean - mean_ref) ** 2 * col(h, mean) / (2 * std**2)).flatten(1).mean(1)


@wild("KL without a half", "kl.value", "KL without ½")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2 / std**2)


@wild("a squared distance called KL", "kl.value", "MSE of the means")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2)


@wild("KL of a detached policy", "kl.gradient", "detached")
def kl(mean, mean_ref, std):
    return summed((mean.detach() - mean_ref) ** 2 / (2 * std**2))


@wild("KL of the whole batch", "kl.basic", "one value for the whole batch (mean)")
def kl(mean, mean_ref, std):
    return ((mean - mean_ref) ** 2 / (2 * std**2)).mean()


@wild("std handed on as g", "sde_step.value", "std = 'g'")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s)
    return mean + g * h.sqrt() * noise, mean, g


@wild("root of h twice", "sde_step.value", "h for √h")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s)
    return mean + g * h * noise, mean, g * h


@wild("std in the drift", "sde_step.value", "√h twice in the drift")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s, correction=lambda g, h: g * h.sqrt())
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@wild("sign of the score correction", "sde_step.value", "sign of the score correction")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s, sign=-1)
    return mean + g * h.sqrt() * noise


@wild("outer broadcast", "sde_step.basic", "outer broadcast")
def sde_step(x, v, t, s, noise):
    g = g_of(t, s)
    return x - (t - s) * v + g * torch.sqrt(t - s) * noise


@wild("clamp at t = 1", "sde_step.boundary", "boundary = 'clamp 0.99'")
def sde_step(x, v, t, s, noise):
    g = 0.7 * torch.sqrt(col(t, x) / (1 - col(t, x).clamp(max=0.99)))
    mean, g, h = stepped(x, v, t, s, g=g)
    return mean + g * h.sqrt() * noise


@wild("no rule at t = 1", "sde_step.boundary", "no boundary rule at t = 1")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s, g=0.7 * torch.sqrt(col(t, x) / (1 - col(t, x))))
    return mean + g * h.sqrt() * noise


@wild("rounded after scoring", "sde_step.stored", "rounded after scoring")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s)
    std = g * h.sqrt()
    x_s = mean + std * noise
    return x_s.bfloat16(), mean, std, summed(Normal(mean, std).log_prob(x_s))


@wild("rounded after scoring, unseen", "sde_step.stored", "rounded after scoring")
def sde_step(x, v, t, s, noise):
    mean, g, h = stepped(x, v, t, s)
    std = g * h.sqrt()
    x_s = mean + std * noise
    return x_s.bfloat16().float(), mean, std, summed(Normal(mean, std).log_prob(x_s))


@wild("one noise for the batch", "sde_step.noise", "one noise for the whole batch")
def sde_step(x, v, t, s):
    mean, g, h = stepped(x, v, t, s)
    return mean + g * h.sqrt() * torch.randn_like(x[:1])


@wild("own noise of another size", "sde_step.noise", "√h missing")
def sde_step(x, v, t, s):
    mean, g, _ = stepped(x, v, t, s)
    return mean + g * torch.randn_like(x)


@wild("seeds the global generator", "sde_step.basic", "seeds a global random generator")
def sde_step(x, v, t, s):
    torch.manual_seed(0)
    mean, g, h = stepped(x, v, t, s)
    return mean + g * h.sqrt() * torch.randn_like(x)


@wild("quadratic without the variance", "log_prob.value", "bare square")
def log_prob(x_s, mean, std):
    return summed(-((x_s - mean) ** 2))


@wild("constants lost", "log_prob.value", "log_prob_terms = 'quadratic'")
def log_prob(x_s, mean, std):
    return summed(-((x_s - mean) ** 2) / (2 * std**2))


@wild("mean for sum", "log_prob.value", "log_prob = 'mean'")
def log_prob(x_s, mean, std):
    return Normal(mean, std).log_prob(x_s).flatten(1).mean(1)


@wild("an empty list of axes", "log_prob.basic", "one value for the whole batch (mean)")
def log_prob(x_s, mean, std):
    return Normal(mean, std).log_prob(x_s).mean(dim=())


@wild("low precision inside", "log_prob.value", "as far as bfloat16 goes")
def log_prob(x_s, mean, std):
    return summed(Normal(mean, std).log_prob(x_s)).bfloat16().float()


@wild("replay with fresh noise", "replay.basic", "replay draws fresh noise")
def replay(x, v, t, s, x_s):
    mean, g, h = stepped(x, v, t, s)
    std = g * h.sqrt()
    return summed(Normal(mean, std).log_prob(mean + std * torch.randn_like(x)))


@wild("ratio reversed", "ratio.value", "ratio reversed")
def ratio(log_prob, log_prob_old):
    return torch.exp(log_prob_old - log_prob)


@wild("whole network times", "model_time.value", "time truncated")
def model_time(t):
    return (1000 * t).long()


@wild("network time in bfloat16", "model_time.value", "time cast to bfloat16")
def model_time(t):
    return (1000 * t).bfloat16()


@wild("level in bfloat16", "model_time.value", "level cast to bfloat16")
def model_time(t):
    return 1000 * t.bfloat16().float()


@wild("shifted twice", "schedule.value", "shifted twice", grid="shift 3")
def schedule(steps):
    t = np.linspace(1, 0, steps + 1)
    for _ in range(2):
        t = 3 * t / (1 + 2 * t)
    return t


@wild("as diffusers ships it", "schedule.value", "grid = 'sd35 as shipped'", grid="shift 3")
def schedule(steps):
    def shift(u):
        return 3 * u / (1 + 2 * u)

    return [*shift(np.linspace(1, shift(0.001), steps)), 0.0]


@wild("one step short", "schedule.value", "one level short")
def schedule(steps):
    return np.linspace(1, 0, steps)


@wild("never 0", "schedule.value", "never 0")
def schedule(steps):
    return np.linspace(1, 1 / steps, steps + 1)


@wild("singleton with mean 0", "advantages.one", "singleton with mean 0")
def advantages(rewards):
    centre = rewards.mean(1, keepdim=True) if rewards.shape[1] > 1 else 0
    return (rewards - centre) / (rewards.std(1, correction=0, keepdim=True) + 1e-4)


@wild("other ddof", "advantages.value", "advantage_ddof = 1")
def advantages(rewards):
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(1, keepdim=True) + 1e-4)


@wild("batch for group", "advantages.value", "batch for group")
def advantages(rewards):
    return (rewards - rewards.mean(1, keepdim=True)) / (rewards.std(correction=0) + 1e-4)


@wild("mean of the batch", "advantages.value", "mean of the batch for the group's")
def advantages(rewards):
    return (rewards - rewards.mean()) / (rewards.std(1, correction=0, keepdim=True) + 1e-4)


@wild("groups shuffled by the sampler", "advantages.order", "")
def advantages(rewards, groups):
    r = rewards.view(len(groups.unique()), -1)
    return ((r - r.mean(1, keepdim=True)) / (r.std(1, correction=0, keepdim=True) + 1e-4)).ravel()


@wild("a variance of large numbers", "advantages.offset", "E[R²] − (E R)²")
def advantages(rewards):
    m = rewards.mean(1, keepdim=True)
    variance = ((rewards**2).mean(1, keepdim=True) - m**2).clamp(min=0)
    return (rewards - m) / (variance.sqrt() + 1e-4)


@wild("in place", "advantages.basic", "in place")
def advantages(rewards):
    rewards -= rewards.mean(1, keepdim=True)
    return rewards / (rewards.std(1, correction=0, keepdim=True) + 1e-4)


@wild("max for min", "surrogate.value", "max for min")
def surrogate(ratio, advantage, clip):
    return torch.maximum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@wild("a loss that takes the min", "surrogate.value", "max for min", sign="loss")
def surrogate(ratio, advantage, clip):
    return torch.minimum(-ratio * advantage, -ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


@wild("a loss undeclared", "surrogate.gradient", "sign = 'loss'")
def surrogate(ratio, advantage, clip):
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@wild("the KL's sign", "objective.value", "sign of the KL")
def objective(ratio, advantage, clip, kl, beta):
    value = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return value + beta * kl


@wild("another scale of guidance", "guidance.value", "guidance = 'omega'")
def guidance(v_uncond, v_cond, w):
    return v_cond + w * (v_cond - v_uncond)


def loop(x, field, levels, noise, *, last=0, at=0, shared=False):
    for k in range(len(levels) - 1 - last):
        t, s = levels[k], levels[k + 1]
        v = field(x, levels[k + at])
        g, h = g_of(t, s), t - s
        mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        x = mean + g * h.sqrt() * noise[0 if shared else k]
    return x


@wild("last step dropped", "sde_sampler.value", "last step dropped")
def sde_sampler(field, x, levels, noise):
    return loop(x, field, levels, noise, last=1)


@wild("v at the end", "sde_sampler.value", "v at the end of the step")
def sde_sampler(field, x, levels, noise):
    return loop(x, field, levels, noise, at=1)


@wild("one noise for all steps", "sde_sampler.value", "one noise for all steps")
def sde_sampler(field, x, levels, noise):
    return loop(x, field, levels, noise, shared=True)


@wild("one noise for all steps, by its law", "sde_sampler.law", "variance")
def sde_sampler(field, x, levels):
    return loop(x, field, levels, [torch.randn_like(x)] * (len(levels) - 1))
