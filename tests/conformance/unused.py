"""Arguments that are not used, readings that another part refutes, roundings of a part.

They join those of `strange`.
"""

# ruff: noqa: F811

from itertools import pairwise

import torch
from strange import right, wrong
from wild import col, g_of, stepped


def step(x, v, t, s, a=0.7):
    mean, g, _ = stepped(x, v, t, s, g=a / 0.7 * g_of(col(t, x), col(s, x)))
    return mean, g * col(t - s, x).sqrt(), col(t - s, x)


# ---------------------------------------------------------------- what is given and not used


@wrong("a left at its default", "diffusion.value", "the a that is given is not used")
def diffusion(t, s, a):
    return g_of(t, s)


@right("a used")
def diffusion(t, s, a):
    return a * g_of(t, s) / 0.7


@wrong("a left at its default in a step", "sde_step.value", "the a that is given is not used")
def sde_step(x, v, t, s, noise, a):
    mean, std, _ = step(x, v, t, s)
    return mean + std * noise, mean, std


def chain(field, x, levels, noise, a):
    for k, (t, s) in enumerate(pairwise(levels)):
        mean, std, _ = step(x, field(x, t), *(0 * x.flatten(1)[:, 0] + u for u in (t, s)), a)
        x = mean + std * noise[k]
    return x


@wrong("a left at its default in a chain", "sde_sampler.value", "the a that is given is not used")
def sde_sampler(field, x, levels, noise, a):
    return chain(field, x, levels, noise, 0.7)


@right("a used in a chain")
def sde_sampler(field, x, levels, noise, a):
    return chain(field, x, levels, noise, a)


# ---------------------------------------------------------------- what a right part refutes


@wrong("√h twice in the sample", "sde_step.value", "mean + std noise √h", but=("std = 'g'",))
def sde_step(x, v, t, s, noise):
    mean, std, h = step(x, v, t, s)
    return mean + std * h.sqrt() * noise, mean, std


@wrong("g in the sample alone", "sde_step.value", "mean + g noise", but=("declare std",), std="g")
def sde_step(x, v, t, s, noise):
    mean, std, h = step(x, v, t, s)
    return mean + std / h.sqrt() * noise, mean, std / h.sqrt()


@wrong("a mean for a sum of four axes", "log_prob.value", "mean for sum",
       but=("mean of means",), dims=4)  # fmt: skip
def log_prob(x_s, mean, std):
    return torch.distributions.Normal(mean, col(std, mean)).log_prob(x_s).flatten(1).mean(1)


# ---------------------------------------------------------------- precision


@wrong("a mean in bfloat16", "sde_step.value", "rounding of bfloat16: its mean", but=("float16 ",))
def sde_step(x, v, t, s, noise):
    mean, std, _ = step(x, v, t, s)
    mean = mean.bfloat16().to(x.dtype)
    return mean + std * noise, mean, std


@wrong("a log-ratio in bfloat16", "ratio.gradient", "as far as half precision goes",
       but=("detached",))  # fmt: skip
def ratio(log_prob, log_prob_old):
    return torch.exp((log_prob - log_prob_old).bfloat16().to(log_prob.dtype))


@wrong("a small term that is detached", "ratio.gradient", "detached in part", but=("half prec",))
def ratio(log_prob, log_prob_old):
    gap = log_prob - log_prob_old
    return torch.exp(0.996 * gap + 0.004 * gap.detach())


# ---------------------------------------------------------------- lengths on the network's clock


@wrong("a length on the clock to 1000", "ode_step.value", "h in thousandths", but=("x − 1000 t v",),
       time="noise at 1000")  # fmt: skip
def ode_step(x, v, t, s):
    return x + col(s - t, x) * v


@wrong("a length on the clock to 1000, backwards", "ode_step.value", "thousandths, backwards",
       time="noise at 1000")  # fmt: skip
def ode_step(x, v, t, s):
    return x + col(t - s, x) * v


@wrong("two slopes over a length to 1000", "heun_step.value", "h in thousandths",
       time="noise at 1000")  # fmt: skip
def heun_step(field, x, t, s):
    h = col(s - t, x)
    first = field(x, t)
    return x + h / 2 * (first + field(x + h * first, s))


# ---------------------------------------------------------------- the last step


def last(s, x):
    return col(s, x) == 0


@wrong("the SDE's mean at the end", "sde_step.last", "no noise at s = 0, and no std")
@wrong("the SDE's mean for the data", "sde_step.last", "no noise at s = 0, and no std",
       last_step="data")  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = step(x, v, t, s)
    std = torch.where(last(s, x), 0.0, std)
    return mean + std * noise, mean, std


@wrong("the predicted data, not declared", "sde_step.last", "last_step = 'data'")
def sde_step(x, v, t, s, noise):
    mean, std, _ = step(x, v, t, s)
    mean = torch.where(last(s, x), x - col(t, x) * v, mean)
    std = torch.where(last(s, x), 0.0, std)
    return mean + std * noise, mean, std


@wrong("the ODE's mean at the end", "sde_step.last", "the ODE's mean in the last step")
def sde_step(x, v, t, s, noise):
    mean, std, _ = step(x, v, t, s)
    mean = torch.where(last(s, x), x - col(t, x) * v, mean)
    return mean + std * noise, mean, std
