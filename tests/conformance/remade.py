"""Wrong implementations that hold, squash, measure otherwise or remember: they add to strange's.

A limit, another spread of a group, an earlier step's velocity: forms that no list of names holds.
"""

# ruff: noqa: F811

import math
from itertools import pairwise

import torch
from strange import kernel, right, wrong
from torch.distributions import Normal
from wild import col, g_of, summed

# ---------------------------------------------------------------- another measure of a group


def mean(r):
    return r.mean(1, keepdim=True)


def std(r):
    return r.std(1, correction=0, keepdim=True)


def quantile(r, q):
    return torch.quantile(r, q, dim=1, keepdim=True)


def centred(r):
    return r - quantile(r, 0.5)


def largest(r):
    return r.max(1, keepdim=True).values


def smallest(r):
    return r.min(1, keepdim=True).values


def places(r):
    return r.argsort(1).argsort(1).double()


def measure(name, says, of, **conventions):
    """Advantages by a formula of (prompts, G) rewards; a group of equal ones has 0."""

    def advantages(rewards):
        value = of(rewards)
        return torch.where(largest(rewards) == smallest(rewards), torch.zeros_like(value), value)

    wrong(name, "advantages.value", says, **conventions)(advantages)


measure("over the range", "rewards less the group's mean, over the group's range",
        lambda r: (r - mean(r)) / (largest(r) - smallest(r)))  # fmt: skip
measure("over the range and a twentieth",
        "rewards less the group's mean, over the group's range, 0.05 added to it",
        lambda r: (r - mean(r)) / (largest(r) - smallest(r) + 0.05))  # fmt: skip
measure("from 0 to 1", "rewards less the group's smallest, over the group's range",
        lambda r: (r - smallest(r)) / (largest(r) - smallest(r)))  # fmt: skip
measure("a robust score", "over 1.4826 times the median absolute deviation",
        lambda r: centred(r) / (1.4826 * quantile(centred(r).abs(), 0.5)))  # fmt: skip
measure("a mean absolute deviation", "over the mean absolute deviation from the mean",
        lambda r: (r - mean(r)) / mean((r - mean(r)).abs()))  # fmt: skip
measure("quartiles", "less the group's median, over the group's 25 % to 75 % range",
        lambda r: (r - quantile(r, 0.5)) / (quantile(r, 0.75) - quantile(r, 0.25)))  # fmt: skip
measure("less the best", "less the group's largest, over the group's std",
        lambda r: (r - largest(r)) / std(r))  # fmt: skip
measure("ranks", "places in order less the group's mean, over the group's std",
        lambda r: (places(r) - mean(places(r))) / std(places(r)))  # fmt: skip
measure("root mean square", "rewards nothing subtracted, over the rewards' root mean square",
        lambda r: r / mean(r**2).sqrt())  # fmt: skip
measure("over the batch's range", "over the batch's range",
        lambda r: (r - mean(r)) / (r.max() - r.min()))  # fmt: skip
measure("its sign", "sign(", lambda r: (r - mean(r)).sign())
measure("a softer clip", "tanh(", lambda r: torch.tanh((r - mean(r)) / std(r)))
measure("the worst held", "maximum(centred/(√variance + eps), −1)",
        lambda r: ((r - mean(r)) / std(r)).clamp(min=-1))  # fmt: skip


# ---------------------------------------------------------------- held, squashed, normalised


@wrong("an advantage held at 1", "surrogate.value", "clamp(advantage, −1, 1)  where  advantage",
       but=("sign",))  # fmt: skip
def surrogate(ratio, advantage, clip):
    a = advantage.clamp(-1, 1)
    return torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a)


@wrong("an advantage's sign", "surrogate.value", "sign(advantage)  where  advantage",
       but=("clamp(advantage",))  # fmt: skip
def surrogate(ratio, advantage, clip):
    a = advantage.sign()
    return torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a)


@wrong("good samples alone", "surrogate.value", "maximum(advantage, 0)  where  advantage")
def surrogate(ratio, advantage, clip):
    a = advantage.clamp(min=0)
    return torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a)


@wrong("a KL held at 1", "objective.value", "minimum(kl, 1)  where  kl")
def objective(ratio, advantage, clip, kl, beta):
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return torch.minimum(ratio * advantage, clipped * advantage) - beta * kl.clamp(max=1.0)


@wrong("a ratio of at most 1", "ratio.value", "minimum(exp(gap), 1)  where  exp(gap)",
       but=("clamp",))  # fmt: skip
def ratio(log_prob, log_prob_old):
    return (log_prob - log_prob_old).clamp(max=0).exp()


@wrong("a velocity held", "ode_step.value", "clamp(v, −1.1, 1.1)  where  v")
def ode_step(x, v, t, s):
    return x - col(t - s, x) * v.clamp(-1.1, 1.1)


@wrong("a velocity of unit length", "ode_step.value", "v/norm(v)  where  v")
def ode_step(x, v, t, s):
    return x - col(t - s, x) * v / col(summed(v**2).sqrt(), v)


@wrong("a step in log t", "ode_step.value", "log(t/s)")
def ode_step(x, v, t, s):
    return x - col((t / s).log(), x) * v


@wrong("a score held", "sde_step.value", "clamp(−noise_hat/t, −3, 3)")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(
        x, v, t, s, score=lambda x, v, t, s: (-(x + (1 - t) * v) / t).clamp(-3, 3)
    )
    return mean + std * noise, mean, std


@wrong("noise of unit rms", "sde_step.value", "noise/rms(noise)  where  noise")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    rms = (noise**2).flatten(1).mean(1).sqrt()
    return mean + std * noise / col(rms, noise), mean, std


@wrong("a cooler step", "sde_step.value", "0.9 g √h  where  g √h")
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    return mean + 0.9 * std * noise, mean, 0.9 * std


@wrong("a ceiling of g", "diffusion.value", "minimum(a √(t/(1 − t)), 1)")
def diffusion(t, s):
    return g_of(t, s).clamp(max=1.0)


@wrong("predicted data held", "data_from_velocity.value", "clamp(x − t v, −1, 1)  where  x − t v")
def data_from_velocity(x, v, t):
    return (x - col(t, x) * v).clamp(-1, 1)


@wrong("guidance held", "guidance.value", "clamp(")
def guidance(v_uncond, v_cond, w):
    return (v_uncond + w * (v_cond - v_uncond)).clamp(-3, 3)


@wrong("a log-probability floored", "log_prob.value", "maximum(", "−100")
def log_prob(x_s, mean, std):
    return summed(Normal(mean, col(std, mean)).log_prob(x_s)).clamp(min=-100)


@wrong("a density's std of at least .4", "log_prob.value", "maximum(std, 0.4)  where  std")
def log_prob(x_s, mean, std):
    return summed(Normal(mean, col(std, mean).clamp(min=0.4)).log_prob(x_s))


# ---------------------------------------------------------------- whole samplers


def weighing(name, says, use, **conventions):
    """Euler's chain along a mixture of all velocities so far."""

    def ode_sampler(field, x, levels):
        asked = []
        for t, s in pairwise(levels):
            asked.append(field(x, t))
            x = x - (t - s) * use(asked)
        return x

    wrong(name, "ode_sampler.value", says, t="scalar", **conventions)(ode_sampler)


weighing("a stale velocity", "the previous step's velocity", lambda vs: vs[max(len(vs) - 2, 0)])
weighing(
    "Adams and Bashforth",
    "Adams–Bashforth's rule of order 2, equal steps",
    lambda vs: 1.5 * vs[-1] - 0.5 * vs[-2] if vs[1:] else vs[0],
    ode_method="heun",
)
weighing("more than the newest", "1.3 of the step's velocity and −0.3 of the previous one's",
         lambda vs: 1.3 * vs[-1] - 0.3 * vs[max(len(vs) - 2, 0)])  # fmt: skip
weighing("a cache", "one velocity for 2 steps", lambda vs: vs[(len(vs) - 1) // 2 * 2])
weighing("a cache of three", "one velocity for 3 steps", lambda vs: vs[(len(vs) - 1) // 3 * 3])
weighing("asked once", "the first velocity at every step", lambda vs: vs[0])
weighing("stale from zero", "the previous step's velocity, none at the first",
         lambda vs: vs[-2] if vs[1:] else 0 * vs[0])  # fmt: skip


def three(vs):
    if len(vs) < 3:
        return 1.5 * vs[-1] - 0.5 * vs[-2] if vs[1:] else vs[0]
    return (23 * vs[-1] - 16 * vs[-2] + 5 * vs[-3]) / 12


def four(vs):
    if len(vs) < 4:
        return three(vs)
    return (55 * vs[-1] - 59 * vs[-2] + 37 * vs[-3] - 9 * vs[-4]) / 24


def smoothed(vs):
    mean = vs[0]
    for v in vs[1:]:
        mean = 0.3 * mean + 0.7 * v
    return mean


weighing("PLMS of three", "Adams–Bashforth's rule of order 3, equal steps", three)
weighing("PLMS", "Adams–Bashforth's rule of order 4, equal steps", four)
weighing("smoothed", "a running mean of velocities, 0.3 of it kept at each step", smoothed)


@wrong("two steps of other lengths", "ode_sampler.value",
       'Adams–Bashforth\'s rule of order 2" to', t="scalar")  # fmt: skip
def ode_sampler(field, x, levels):
    before, last = None, None
    for t, s in pairwise(levels):
        h, v = t - s, field(x, t)
        change = 0 if before is None else h / (2 * last) * (v - before)
        x, before, last = x - h * (v + change), v, h
    return x


@wrong("told the last level", "ode_sampler.value", "the previous level told to the network",
       t="scalar")  # fmt: skip
def ode_sampler(field, x, levels):
    told = levels[0]
    for t, s in pairwise(levels):
        x, told = x - (t - s) * field(x, told), t
    return x


@wrong("data held in a sampler", "ode_sampler.value",
       "(x − clamp(x − t field(x, t), −1.5, 1.5))/t  where  field(x, t)", t="scalar")  # fmt: skip
def ode_sampler(field, x, levels):
    for t, s in pairwise(levels):
        data = (x - t * field(x, t)).clamp(-1.5, 1.5)
        x = x - (t - s) * (x - data) / t
    return x


@wrong("states held at every step", "ode_sampler.value", "clamp(x − h k1, −2, 2)", t="scalar")
def ode_sampler(field, x, levels):
    for t, s in pairwise(levels):
        x = (x - (t - s) * field(x, t)).clamp(-2, 2)
    return x


@wrong("one noise for all steps", "sde_sampler.value", "one noise for all steps", t="scalar")
def sde_sampler(field, x, levels, noise):
    for t, s in pairwise(levels):
        v, g, h = field(x, t), g_of(t, s), t - s
        x = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v)) + g * h.sqrt() * noise[0]
    return x


# ---------------------------------------------------------------- other densities


@wrong("Laplace's density", "log_prob.value", "−abs(residual/std) − log(2 std)  where")
def log_prob(x_s, mean, std):
    scale = col(std, mean)
    return summed(-(x_s - mean).abs() / scale - (2 * scale).log())


@wrong("Huber's loss", "log_prob.value", "huber(residual/std, 1)  where  z²/2",
       "z = residual/std")  # fmt: skip
def log_prob(x_s, mean, std):
    z = (x_s - mean) / col(std, mean)
    square = torch.where(z.abs() < 1, z**2 / 2, z.abs() - 0.5)
    return summed(-square - col(std, mean).log() - math.log(2 * math.pi) / 2)


measure("a softmax of rewards", "exponentials less the group's mean, over the group's sum",
        lambda r: r.softmax(1) - 1 / r.shape[1])  # fmt: skip


# ---------------------------------------------------------------- right, and unusual


@right("a step by its two predictions")
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    h, g2 = t - s, 0.49 * t / (1 - torch.where(t == 1, s, t))
    mean = (1 - s) * (x - t * v) + (s - g2 * h / (2 * t)) * (x + (1 - t) * v)
    return mean + (g2 * h).sqrt() * noise, mean, (g2 * h).sqrt()


@right("an exponent that is held far out")
def ratio(log_prob, log_prob_old):
    return torch.exp((log_prob - log_prob_old).clamp(-20, 20))


@right("a surrogate by its branches")
def surrogate(ratio, advantage, clip):
    upper, lower = ratio.clamp(max=1 + clip), ratio.clamp(min=1 - clip)
    return torch.where(advantage > 0, upper * advantage, lower * advantage)


@right("a score by the data")
def score(x, v, t):
    t = col(t, x)
    return ((1 - t) * (x - t * v) - x) / t**2
