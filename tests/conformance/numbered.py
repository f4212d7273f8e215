"""Wrong implementations with a number of their own: churn, weights, floors, clamps, powers.

They join those of `strange`: the number is nobody's to guess, and is read off what comes back.
"""

# ruff: noqa: F811

import math
from itertools import pairwise

import torch
from strange import kernel, wrong
from torch.distributions import Normal
from wild import col, g_of, summed

# ---------------------------------------------------------------- steps


@wrong("churn in a step", "sde_step.value", "churn by 0.1'", but=("g for", "no score"))
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    up = 1.1 * t
    std = (up**2 - t**2).sqrt()
    return x - (up - s) * v + std * noise, x - (up - s) * v, std


@wrong("churn with wider noise, from the sample alone", "sde_step.value",
       "churn by 0.25, noise times 1.003")  # fmt: skip
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    up = 1.25 * t
    return x + 1.003 * (up**2 - t**2).sqrt() * noise - (up - s) * v


@wrong("a split: narrower in the draw, and scored as it came", "sde_step.value",
       "It computes  mean + 0.3 std noise  where", but=("log-probability",),
       g="constant", a=0.5, log_prob="mean")  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, g=0.5 + 0 * col(t, x))
    x_s = mean + 0.3 * std * noise
    each = Normal(mean, std).log_prob(x_s)
    return {"x_s": x_s, "mean": mean, "log_prob": each.flatten(1).mean(1)}


@wrong("a variance where the density wants a std", "sde_step.value", "log(std²)",
       but=("Its mean", "Its sample"))  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    x_s = mean + std * noise
    score = summed(Normal(mean, std**2).log_prob(x_s))
    return {"x_s": x_s, "mean": mean, "std": std, "log_prob": score}


@wrong("log std told as std", "sde_step.value", "log(std)  where  std")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return mean + std * noise, mean, std.log()


@wrong("predicted data clipped", "sde_step.value", "predicted data held between −1 and 1")
def sde_step(x, v, t, s, noise):
    data = (x - col(t, x) * v).clamp(-1, 1)
    mean, std, _ = kernel(x, (x - data) / col(t, x), t, s)
    return mean + std * noise, mean, std


@wrong("a sample clipped", "sde_step.value", "the sample held between −1.5 and 1.5",
       but=("Its mean", "Its std"))  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return (mean + std * noise).clamp(-1.5, 1.5), mean, std


@wrong("a truncated normal", "sde_step.value", "the noise held between −1 and 1")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return mean + std * noise.clamp(-1, 1), mean, std


@wrong("g at the midpoint", "sde_step.value", "g at the middle of the step")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, g=g_of(col(t + s, x) / 2, col(s, x)))
    return mean + std * noise, mean, std


@wrong("one length for all steps", "sde_step.value", "h = 0.1 at every step")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, t - 0.1, g=g_of(col(t, x), col(s, x)))
    return mean + std * noise, mean, std


@wrong("noise before the drift", "sde_step.value", "noise before the drift")
def sde_step(x, v, t, s, noise):
    _, std, _ = kernel(x, v, t, s)
    return kernel(x + std * noise, v, t, s)[0]


@wrong("a sample told as the mean", "sde_step.value", "the sample told as the mean")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    mean = mean + std * noise
    return mean, mean, std


@wrong("an epsilon under the root", "sde_step.value", "√(t/(1 − t + 0.001))")
def sde_step(x, v, t, s, noise):
    t_ = col(t, x)
    mean, std, _ = kernel(x, v, t, s, g=0.7 * (t_ / (1 - t_ + 1e-3)).sqrt())
    return mean + std * noise, mean, std


# ---------------------------------------------------------------- densities, ratios, divergences


@wrong("two reductions", "log_prob.value", "mean over the last axis, sum over the others")
def log_prob(x_s, mean, std):
    each = Normal(mean, std).log_prob(x_s).mean(-1)
    return summed(each) if each.ndim > 1 else each


@wrong("a root of D", "log_prob.value", "sum over √D")
def log_prob(x_s, mean, std):
    return summed(Normal(mean, std).log_prob(x_s)) / mean[0].numel() ** 0.5


@wrong("an epsilon in the variance", "log_prob.value", "2 std² + 0.01")
def log_prob(x_s, mean, std):
    square = (x_s - mean) ** 2 / (2 * std**2 + 0.01)
    return summed(-square - std.log() - 0.5 * math.log(2 * math.pi))


@wrong("a log-ratio held", "ratio.value", "the log-ratio held between −0.5 and 0.5")
def ratio(log_prob, log_prob_old):
    return (log_prob - log_prob_old).clamp(-0.5, 0.5).exp()


@wrong("a ratio to another base", "ratio.value", "2^gap  where  exp(gap)")
def ratio(log_prob, log_prob_old):
    return 2 ** (log_prob - log_prob_old)


# ---------------------------------------------------------------- rewards and objectives


@wrong("advantages held", "advantages.value", "advantage_clip = 1.2", advantage_eps=1e-4)
def advantages(rewards):
    std = rewards.std(1, correction=0, keepdim=True) + 1e-4
    return ((rewards - rewards.mean(1, keepdim=True)) / std).clamp(-1.2, 1.2)


@wrong("another epsilon", "advantages.value", "advantage_eps = 0.01", but=("√eps",),
       advantage_eps=1e-4)  # fmt: skip
def advantages(rewards):
    std = rewards.std(1, correction=0, keepdim=True) + 1e-2
    return (rewards - rewards.mean(1, keepdim=True)) / std


@wrong("the square of β", "objective.value", "β² kl", but=("0.125",))
def objective(ratio, advantage, clip, kl, beta):
    plain, clipped = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    return torch.minimum(plain, clipped) - beta**2 * kl


@wrong("everybody's KL", "objective.value", "the batch's mean KL for every sample")
def objective(ratio, advantage, clip, kl, beta):
    plain, clipped = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    return torch.minimum(plain, clipped) - beta * kl.mean()


@wrong("a clip of the logarithm", "surrogate.value", "the log-ratio clipped", but=("clip_low",))
def surrogate(ratio, advantage, clip):
    near = ratio.log().clamp(-clip, clip).exp()
    return torch.minimum(ratio * advantage, near * advantage)


@wrong("guidance that keeps the norm", "guidance.value", "rescaled to the conditional norm")
def guidance(v_uncond, v_cond, w):
    made = v_uncond + w * (v_cond - v_uncond)
    size = (summed(v_cond**2) / summed(made**2)).sqrt()
    return made * size.view(-1, *[1] * (made.ndim - 1))


# ---------------------------------------------------------------- paths, conversions, rules


@wrong("a floor of noise", "path.value", "a floor of 0.01 under the noise")
def path(data, noise, t):
    t = col(t, data)
    return (1 - t) * data + (0.01 + 0.99 * t) * noise


@wrong("an epsilon under a score", "score.value", "(t + 0.01)")
def score(x, v, t):
    return -(x + (1 - col(t, x)) * v) / (col(t, x) + 0.01)


@wrong("counted from one", "model_time.value", "1000 t − 1  where  1000 t")
def model_time(t):
    return 1000 * t - 1


def of_two_slopes(a, b, at):
    """Two slopes with their weights, the second after a share of the step."""

    def ode_sampler(field, x, levels):
        for t, s in pairwise(levels):
            h = t - s
            k = field(x, t)
            x = x - h * (a * k + b * field(x - at * h * k, t - at * h))
        return x

    return ode_sampler


HEUN, MIDDLE, RK4 = ({"t": "scalar", "ode_method": m} for m in ("heun", "midpoint", "rk4"))
wrong("Heun with .4 and .6, in a sampler", "ode_sampler.value",
      "x − h/2 (0.8 k1 + 1.2 k2)  where", **HEUN)(of_two_slopes(0.4, 0.6, 1))  # fmt: skip
wrong("Heun with .6 and .6, in a sampler", "ode_sampler.value",
      "x − 1.2 h/2 (k1 + k2)  where", but=("Or",), **HEUN)(of_two_slopes(0.6, 0.6, 1))  # fmt: skip
wrong("a midpoint at .6", "ode_sampler.value",
      "field(x − 1.2 h/2 k1, t − 1.2 h/2)  where", **MIDDLE)(of_two_slopes(0, 1, 0.6))  # fmt: skip


@wrong("a slope of the wrong stage", "ode_sampler.value", "field(x − h/2 k1, t − h/2)  where",
       but=("Or",), **RK4)  # fmt: skip
def ode_sampler(field, x, levels):
    for t, s in pairwise(levels):
        h, m = t - s, (t + s) / 2
        k1 = field(x, t)
        k2 = field(x - h / 2 * k1, m)
        k3 = field(x - h / 2 * k1, m)
        x = x - h / 6 * (k1 + 2 * k2 + 2 * k3 + field(x - h * k3, s))
    return x


@wrong("less noise, in a sampler", "sde_sampler.value", "0.7 g √h  where  g √h", t="scalar")
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        v, g, h = field(x, t), g_of(t, s), t - s
        mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        x = mean + 0.7 * g * h.sqrt() * noise[k]
    return x


@wrong("churn in a sampler", "sde_sampler.value", "churn by 0.3'", t="scalar")
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        up = torch.clamp(1.3 * t, max=1.0)
        x = x + (up**2 - t**2).sqrt() * noise[k]
        x = x - (up - s) * field(x, up)
    return x


@wrong("noise in a window of steps", "sde_sampler.value", "noise in steps 1 to 2 alone",
       t="scalar")  # fmt: skip
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        v, h = field(x, t), t - s
        g = g_of(t, s) * (1 <= k <= 2)
        x = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v)) + g * h.sqrt() * noise[k]
    return x
