"""Wrong implementations with another quantity in some of a formula's uses: they join strange's.

A level that is floored in one place, the noise width of another level, another rule, sampler or
grid, a step's first or last alone.
"""

# ruff: noqa: F811

import math
from itertools import pairwise

import numpy as np
import torch
from strange import FINE, NAMELESS, kernel, right, wrong
from torch.distributions import Normal
from wild import col, g_of, summed

SCALAR = {"t": "scalar"}


def of_sample(x, like):
    return x.view(-1, *[1] * (like.ndim - 1))


# ---------------------------------------------------------------- lengths and levels


@wrong("a length of at least .1", "sde_step.value", "maximum(h, 0.1)  where  h")
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    h, g = (t - s).clamp(min=0.1), g_of(t, s)
    mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
    return mean + g * h.sqrt() * noise, mean, g * h.sqrt()


@wrong("a score over a floored level", "sde_step.value", "−noise_hat/maximum(t, 0.2)  where")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(
        x, v, t, s, score=lambda x, v, t, s: -(x + (1 - t) * v) / t.clamp(min=0.2)
    )
    return mean + std * noise, mean, std


@wrong("a floor in the same step, on another clock", "sde_step.value",
       "−noise_hat/maximum(t, 0.2)  where", time="data at 1", dtype="float32")  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(
        x, -v, 1 - t, 1 - s, score=lambda x, v, t, s: -(x + (1 - t) * v) / t.clamp(min=0.2)
    )
    return mean + std * noise, mean, std


@wrong("the next level's g in the drift", "sde_step.value",
       "v − (a √(s/(1 − s)))²/2 score  where", but=("Its std",))  # fmt: skip
def sde_step(x, v, t, s, noise):
    t_, s_ = col(t, x), col(s, x)
    mean, _, h = kernel(x, v, t, s, g=0.7 * (s_ / (1 - s_)).sqrt())
    std = g_of(t_, s_) * h.sqrt()
    return mean + std * noise, mean, std


@wrong("a score at the middle of the step", "sde_step.value", "(t + s)/2")
def sde_step(x, v, t, s, noise):
    def score(x, v, t, s):
        u = (t + s) / 2
        return -(x + (1 - u) * v) / u

    mean, std, _ = kernel(x, v, t, s, score=score)
    return mean + std * noise, mean, std


@wrong("a posterior's width", "sde_step.value", "a √(s (t − s)/t)  where  g √h")
def sde_step(x, v, t, s, noise):
    mean, _, _ = kernel(x, v, t, s)
    t, s = col(t, x), col(s, x)
    std = 0.7 * (s * (t - s) / t).sqrt()
    return mean + std * noise, mean, std


@wrong("powers of levels", "sde_step.value", "√(s/t) (1 − s) std noise")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    t, s = col(t, x), col(s, x)
    return mean + std * (s / t).sqrt() * (1 - s) * noise, mean, std


@wrong("an epsilon in g and in the score", "sde_step.value",
       "a √(t/(1 − t + 0.001))  and  −noise_hat/(t + 0.001)  where")  # fmt: skip
def sde_step(x, v, t, s, noise):
    t_ = col(t, x)
    mean, std, _ = kernel(x, v, t, s, g=0.7 * (t_ / (1 - t_ + 1e-3)).sqrt(),
                          score=lambda x, v, t, s: -(x + (1 - t) * v) / (t + 1e-3))  # fmt: skip
    return mean + std * noise, mean, std


@wrong("two mistakes in one line", "sde_step.value", "v + g/2 score  where  v − g²/2 score")
def sde_step(x, v, t, s, noise):
    mean, std, h = kernel(x, v, t, s)
    t_ = col(t, x)
    mean = x - h * (v - std / h.sqrt() / (2 * t_) * (x + (1 - t_) * v))
    return mean + std * noise, mean, std


@wrong("scored about the deterministic step", "sde_step.value", "(x_s − (x − h v))²/(2 std²)",
       but=("Its mean", "Its std"))  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, h = kernel(x, v, t, s)
    x_s = mean + std * noise
    return {"x_s": x_s, "mean": mean, "log_prob": summed(Normal(x - h * v, std).log_prob(x_s))}


@wrong("log std once a sample", "log_prob.value",
       "average(log(std))  where  count(mean) average(log(std))")  # fmt: skip
def log_prob(x_s, mean, std):
    square = ((x_s - mean) / of_sample(std, mean)) ** 2 / 2
    return summed(-square - math.log(2 * math.pi) / 2) - std.reshape(-1).log()


# ---------------------------------------------------------------- the noise


@wrong("noise standardised", "sde_step.value",
       "(noise − average of(noise))/unbiased std of(noise)  where  noise")  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    flat = noise.flatten(1)
    flat = (flat - flat.mean(1, keepdim=True)) / flat.std(1, keepdim=True)
    return mean + std * flat.view_as(noise), mean, std


@wrong("antithetic noise", "sde_step.value", "mirrored(noise)  where  noise")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    k = len(x) // 2
    return mean + std * torch.cat([noise[: len(x) - k], -noise[:k]]), mean, std


# ---------------------------------------------------------------- single formulas


@wrong("a sine for g", "diffusion.value", "a sin(π t)")
def diffusion(t, s):
    return 0.7 * torch.sin(math.pi * t)


@wrong("crossed ends", "ode_step.value", "(1 − s) data_hat + t noise_hat  where")
def ode_step(x, v, t, s):
    t, s = col(t, x), col(s, x)
    return (1 - s) * (x - t * v) + t * (x + (1 - t) * v)


@wrong("a length of at most .2", "ode_step.value", "x − minimum(h, 0.2) v  where")
def ode_step(x, v, t, s):
    return x - col((t - s).clamp(max=0.2), x) * v


@wrong("a dynamic threshold", "ode_step.value", "thresholded(x − t v, 0.9)")
def ode_step(x, v, t, s):
    t, s = col(t, x), col(s, x)
    data = x - t * v
    top = of_sample(torch.quantile(data.flatten(1).abs(), 0.9, dim=1).clamp(min=1), x)
    return x - (t - s) * (x - data.clamp(-top, top) / top) / t


@wrong("a floor under 1 − t", "velocity_from_noise.value", "(noise − x)/maximum(1 − t, 0.2)  where")
def velocity_from_noise(x, noise, t):
    return (noise - x) / (1 - col(t, x)).clamp(min=0.2)


@wrong("noise by way of the data, floored", "noise_from_velocity.value", "/maximum(t, 0.2)  where")
def noise_from_velocity(x, v, t):
    t = col(t, x)
    return (x - (1 - t) * (x - t * v)) / t.clamp(min=0.2)


@wrong("coefficients of a variance-preserving path", "path.value", "√(1 − t) data + √t noise")
def path(data, noise, t):
    t = col(t, data)
    return (1 - t).sqrt() * data + t.sqrt() * noise


@wrong("an angle doubled", "path.value", "sin(π t)  where  sin(π t/2)", path="cosine")
def path(data, noise, t):
    t = col(t, data)
    return torch.cos(math.pi / 2 * t) * data + torch.sin(math.pi * t) * noise


@wrong("a network told log t", "model_time.value", "log(t)/4  where  1000 t")
def model_time(t):
    return t.log() / 4


@wrong("an even grid, squared", "schedule.value", "u²  where  u")
def schedule(steps):
    return np.linspace(1, 0, steps + 1) ** 2


@wrong("a shift without its minus one", "schedule.value", "shift u/(1 + shift u)  where",
       grid="shift 3")  # fmt: skip
def schedule(steps):
    u = np.linspace(1, 0, steps + 1)
    return 3 * u / (1 + 3 * u)


# ---------------------------------------------------------------- rules and samplers


@wrong("Ralston's rule", "heun_step.value", "Ralston's rule")
def heun_step(field, x, t, s):
    h, k = col(t - s, x), field(x, t)
    return x - h * (k / 4 + 0.75 * field(x - 2 / 3 * h * k, t - 2 / 3 * (t - s)))


@wrong("two slopes of nobody's", "heun_step.value",
       "x − h (0.3 k1 + 0.7 k2) with k2 = field(x − 0.6 h k1, t − 0.8 h)")  # fmt: skip
def heun_step(field, x, t, s):
    h, k = col(t - s, x), field(x, t)
    return x - h * (0.3 * k + 0.7 * field(x - 0.6 * h * k, t - 0.8 * (t - s)))


@wrong("a last slope with its level floored", "heun_step.value", "field(x − h k1, maximum(s, 0.3))")
def heun_step(field, x, t, s):
    h, k = col(t - s, x), field(x, t)
    return x - h / 2 * (k + field(x - h * k, s.clamp(min=0.3)))


@wrong("Ralston's rule for Heun's", "ode_sampler.value", "Ralston's rule", t="scalar",
       ode_method="heun")  # fmt: skip
def ode_sampler(field, x, levels):
    for t, s in pairwise(levels):
        h, k = t - s, field(x, t)
        x = x - h * (k / 4 + 0.75 * field(x - 2 / 3 * h * k, t - 2 / 3 * h))
    return x


@wrong("levels shifted again", "ode_sampler.value", "3 t/(1 + (3 − 1) t)", t="scalar")
def ode_sampler(field, x, levels):
    for t, s in pairwise([3 * u / (1 + 2 * u) for u in levels]):
        x = x - (t - s) * field(x, t)
    return x


@wrong("lengths of 1/5", "ode_sampler.value", "an even grid's length at every step", t="scalar")
def ode_sampler(field, x, levels):
    for t in levels[:-1]:
        x = x - field(x, t) / (len(levels) - 1)
    return x


@wrong("held at the end", "ode_sampler.value", "clamp(end, −1, 1)  where  end", t="scalar")
def ode_sampler(field, x, levels):
    for t, s in pairwise(levels):
        x = x - (t - s) * field(x, t)
    return x.clamp(-1, 1)


@wrong("leapfrog", "ode_sampler.value", "leapfrog steps", t="scalar")
def ode_sampler(field, x, levels):
    before, x = x, x - (levels[0] - levels[1]) * field(x, levels[0])
    for last, t, s in zip(levels, levels[1:], levels[2:], strict=False):
        before, x = x, before - (last - s) * field(x, t)
    return x


def stepping(name, says, use):
    """A chain by the declared step, where `use` says which noise, and of what size, a step gets."""

    def sde_sampler(field, x, levels, noise):
        n = len(levels) - 1
        for k, (t, s) in enumerate(pairwise(levels)):
            v, g, h = field(x, t), g_of(t, s), t - s
            mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
            x = mean + g * h.sqrt() * use(noise, k, n)
        return x

    wrong(name, "sde_sampler.value", says, t="scalar")(sde_sampler)


stepping("the noise of the next step", "the noise of the next step",
         lambda noise, k, n: noise[(k + 1) % n])  # fmt: skip
stepping("noise that cools", "(1 − k/n)", lambda noise, k, n: (1 - k / n) * noise[k])
stepping("half the noise at the end", "0.5 g √h at the last step",
         lambda noise, k, n: (0.5 if k == n - 1 else 1) * noise[k])  # fmt: skip


@wrong("a corrector after each step", "sde_sampler.value", "Langevin's corrections of 0.05 score",
       t="scalar")  # fmt: skip
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        x = x - (t - s) * field(x, t)
        if s > 0:
            x = x - 0.05 * (x + (1 - s) * field(x, s)) / s + math.sqrt(0.1) * noise[k]
    return x


# ---------------------------------------------------------------- what has no name here


def crossed(field, x, levels):
    """The third slope at the level of the fourth, and the fourth at that of the third."""
    for t, s in pairwise(levels):
        h, m = t - s, (t + s) / 2
        k1 = field(x, t)
        k2 = field(x - h / 2 * k1, m)
        k3 = field(x - h / 2 * k2, s)
        x = x - h / 6 * (k1 + 2 * k2 + 2 * k3 + field(x - h * k3, m))
    return x


NAMELESS["two slopes at each other's level"] = (
    {"ode_sampler": crossed}, FINE | SCALAR | {"ode_method": "rk4"}, "ode_sampler.value",
)  # fmt: skip


def nystroem(field, x, levels):
    """A rule of order 3: in float32 those of its order lie within a chain's tolerance of it."""
    for t, s in pairwise(levels):
        h = t - s
        k1 = field(x, t)
        k2 = field(x - 2 / 3 * h * k1, t - 2 / 3 * h)
        x = x - h * (k1 / 4 + 3 / 8 * k2 + 3 / 8 * field(x - 2 / 3 * h * k2, t - 2 / 3 * h))
    return x


NAMELESS["another rule of order 3, in float32"] = (
    {"ode_sampler": nystroem}, SCALAR | {"dtype": "float32"}, "ode_sampler.value",
)  # fmt: skip


# ---------------------------------------------------------------- right, and unusual


@right("a score by the predicted data")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, score=lambda x, v, t, s: ((1 - t) * (x - t * v) - x) / t**2)
    return mean + std * noise, mean, std


@right("Euler's step by DDIM's factors")
def ode_step(x, v, t, s):
    t, s = col(t, x), col(s, x)
    return s / t * x + (1 - s / t) * (x - t * v)


@right("a floor far below every level")
def score(x, v, t):
    t = col(t, x)
    return -(x + (1 - t) * v) / t.clamp(min=1e-9)
