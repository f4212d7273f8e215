"""Likely slips: the neighbour's length or mean, held rewards, other weights, noise by turns.

They join those of `strange`.
"""

# ruff: noqa: F811

import math
from itertools import pairwise

import torch
from strange import right, wrong
from wild import col, stepped, summed

# ---------------------------------------------------------------- samplers of the flow


def along(step):
    """A sampler: x at s from the field, x, t, s, the step's number and all levels."""

    def ode_sampler(field, x, levels):
        for k, (t, s) in enumerate(pairwise(levels)):
            x = step(field, x, t, s, k, levels)
        return x

    return ode_sampler


@wrong("the length of the step before", "ode_sampler.value", "'the length of the step before'")
@along
def ode_sampler(field, x, t, s, k, levels):
    return x - (levels[k - 1] - t if k else t - s) * field(x, t)


@wrong("the length of the next step", "ode_sampler.value", "'the length of the next step'")
@along
def ode_sampler(field, x, t, s, k, levels):
    return x - (s - levels[k + 2] if k + 2 < len(levels) else t - s) * field(x, t)


@wrong("the middle from a whole step", "ode_sampler.value",
       "x − h k1, t − h/2)  where  field(x − h/2 k1, t − h/2)", ode_method="midpoint")  # fmt: skip
@along
def ode_sampler(field, x, t, s, k, levels):
    return x - (t - s) * field(x - (t - s) * field(x, t), (t + s) / 2)


def classical(field, x, t, s, weights=(1, 2, 2, 1), reach=0.5):
    h, middle = t - s, (t + s) / 2
    k1 = field(x, t)
    k2 = field(x - reach * h * k1, middle)
    k3 = field(x - reach * h * k2, middle)
    k4 = field(x - h * k3, s)
    slopes = zip(weights, (k1, k2, k3, k4), strict=True)
    return x - h * sum(w * slope for w, slope in slopes) / sum(weights)


@wrong("eighths for weights", "ode_sampler.value",
       "x − h (0.125 k1 + 0.375 k2 + 0.375 k3 + 0.125 k4)", ode_method="rk4")  # fmt: skip
@along
def ode_sampler(field, x, t, s, k, levels):
    return classical(field, x, t, s, (1, 3, 3, 1))


@wrong("middles a whole step away", "ode_sampler.value", "field(x − h k1, t − h/2)  and",
       "field(x − h k2, t − h/2)  where", ode_method="rk4")  # fmt: skip
@along
def ode_sampler(field, x, t, s, k, levels):
    return classical(field, x, t, s, reach=1)


@wrong("the network told an even grid", "ode_sampler.value", "the share of the steps that is left")
@along
def ode_sampler(field, x, t, s, k, levels):
    return x - (t - s) * field(x, 1 - k / (len(levels) - 1))


@wrong("the network told an integer", "ode_sampler.value", "asked at whole numbers, cut")
@along
def ode_sampler(field, x, t, s, k, levels):
    return x - (t - s) * field(x, float(int(t)))


@wrong("the network told a tenth", "ode_sampler.value", "asked in tenths, rounded")
@along
def ode_sampler(field, x, t, s, k, levels):
    return x - (t - s) * field(x, round(float(t), 1))


@along
def euler(field, x, t, s, k, levels):
    return x - (t - s) * field(x, t)


@wrong("a step after the end", "ode_sampler.value", "the last step taken again")
def ode_sampler(field, x, levels):
    x = euler(field, x, levels)
    return x - levels[-2] * field(x, levels[-2])


@wrong("as many levels as steps", "ode_sampler.value", "one step short, on a grid of its own")
def ode_sampler(field, x, steps):
    return euler(field, x, torch.linspace(1, 0, steps, dtype=torch.float64))


@right("a grid of its own")
def ode_sampler(field, x, steps):
    return euler(field, x, torch.linspace(1, 0, steps + 1, dtype=torch.float64))


# ---------------------------------------------------------------- samplers with noise


def noisy(width):
    def sde_sampler(field, x, levels, noise):
        for k, (t, s) in enumerate(pairwise(levels)):
            h = t - s
            g = 0.7 * math.sqrt(t / (1 - (s if t == 1 else t)))
            v = field(x, t)
            mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
            x = mean + width(k) * g * math.sqrt(h) * noise[k]
        return x

    return sde_sampler


def chains(name, says, sampler):
    wrong(name, "sde_sampler.value", says)({"sde_sampler": sampler})


chains("noise at odd steps", "every other step, the odd ones with", noisy(lambda k: k % 2))
chains("noise at even steps", "every other step, the even ones with", noisy(lambda k: 1 - k % 2))
chains("noise that cools", "noise that halves at each step", noisy(lambda k: 0.5**k))

# ---------------------------------------------------------------- advantages


def standard(rewards, base=lambda r: r.mean(1, keepdim=True)):
    return (rewards - base(rewards)) / (rewards.std(1, correction=0, keepdim=True) + 1e-8)


def ranked(name, says, advantages):
    wrong(name, "advantages.value", says, advantage_eps=1e-8)({"advantages": advantages})


def mean(r):
    return r.mean(1, keepdim=True)


HELD = {"rewards about 0": (-1, 1), "rewards of a share": (0, 1)}

for _name, _ends in HELD.items():
    ranked(_name, f"rewards held between {_ends[0]} and 1 less the group's mean".replace("-", "−"),
           lambda rewards, ends=_ends: standard(rewards.clamp(*ends)))  # fmt: skip

BASES = {
    "the mean of the group before": lambda r: mean(r).roll(1, 0),
    "the mean of the group after": lambda r: mean(r).roll(-1, 0),
    "the group's mean without its last sample": lambda r: mean(r[:, :-1]),
    "the group's mean without its largest": lambda r: mean(r.sort(1)[0][:, :-1]),
}

for _name, _base in BASES.items():
    ranked(_name, f"less {_name}, over", lambda rewards, base=_base: standard(rewards, base))


@wrong("ids modulo 2", "advantages.value", "groups k and k + 2 taken for one", advantage_eps=1e-8)
def advantages(rewards, groups):
    value = torch.zeros_like(rewards)
    for own in (groups % 2 == k for k in range(2)):
        if own.any():
            value[own] = standard(rewards[own][None])[0]
    return value


@wrong("a minimum of means", "surrogate.value", "the smaller of two means", sign="loss")
def surrogate(ratio, advantage, clip):
    plain, held = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    return -torch.minimum(plain.mean(), held.mean())


# ---------------------------------------------------------------- a sample's own std


@wrong("a target of one std", "velocity_target.value", "unbiased std of(noise − data)")
def velocity_target(data, noise):
    v = noise - data
    return v / v.std(list(range(1, v.ndim)), keepdim=True)


@wrong("a target over its expected std", "velocity_target.value", "/√((1 − t)² + t²)")
def velocity_target(data, noise, t):
    t = col(t, data)
    return (noise - data) / torch.sqrt((1 - t) ** 2 + t**2)


# ---------------------------------------------------------------- g near its singular start


def step(g):
    def sde_step(x, v, t, s, noise):
        mean, own, h = stepped(x, v, t, s, g=g(col(t, x), col(s, x)))
        return mean + own * h.sqrt() * noise, mean, own * h.sqrt()

    return {"sde_step": sde_step}


wrong("the next level from .9 on", "sde_step.value", "next level at all t above 0.9", but=("0.7",))(
    step(lambda t, s: 0.7 * torch.sqrt(t / (1 - torch.where(t > 0.9, s, t))))
)
wrong("the next level from .5 on", "sde_step.value", "next level at all t above 0.5")(
    step(lambda t, s: 0.7 * torch.sqrt(t / (1 - torch.where(t > 0.5, s, t))))
)
wrong("a millionth under g", "sde_step.boundary", "1 − t floored at 1e-06")(
    step(lambda t, s: 0.7 * torch.sqrt(t / (1 - t).clamp(min=1e-6)))
)


@wrong("a residual times the sample", "log_prob.value", "residual x_s/(2 std²)  where  z²/2")
def log_prob(x_s, mean, std):
    std = col(std, x_s)
    each = -(x_s - mean) * x_s / (2 * std**2) - std.log() - math.log(2 * math.pi) / 2
    return summed(each)


# ---------------------------------------------------------------- a slip and a precaution


@wrong("a sign and a thousandth", "velocity_from_data.value", "0.001", "−(x − data)/")
def velocity_from_data(x, data, t):
    return (data - x) / (col(t, x) + 1e-3)


@wrong("a sign and a power", "score_from_noise.value", "noise/t²  where  −noise/t")
def score_from_noise(noise, t):
    return noise / col(t, noise) ** 2


@wrong("a root and a coarse noise", "path.value", "float16(noise)  and  √(1 − t) data + t noise")
def path(data, noise, t):
    t = col(t, data)
    return torch.sqrt(1 - t) * data + t * noise.half().to(noise.dtype)


@wrong("an exchange and a limit", "ratio.value", "clamp(log_prob_old − log_prob, −2, 2)  where")
def ratio(log_prob, log_prob_old):
    return torch.exp((log_prob_old - log_prob).clamp(-2, 2))


@wrong("branches exchanged, one of them coarse", "guidance.value", "bfloat16(v_cond)  and ",
       "v_cond + w v_uncond  where")  # fmt: skip
def guidance(v_uncond, v_cond, w):
    coarse = v_cond.bfloat16().to(v_cond.dtype)
    return coarse + w * (v_uncond - coarse)


@wrong("a scale less one, and a limit", "guidance.value", "w − 1  and  clamp(v_cond − v_uncond, −1")
def guidance(v_uncond, v_cond, w):
    return v_uncond + (w - 1) * (v_cond - v_uncond).clamp(-1, 1)


@wrong("the root of a, a coarse level", "diffusion.value", "√a  and  bfloat16(t)  where  a  and  t")
def diffusion(t, s):
    t = t.bfloat16().to(t.dtype)
    return 0.7**0.5 * torch.sqrt(t / (1 - torch.where(t == 1, s, t)))


@wrong("a minimum without the advantage, a loss", "surrogate.value",
       "with sign = 'loss':  minimum(ratio, 1 + clip_high) advantage  where")  # fmt: skip
def surrogate(ratio, advantage, clip):
    return -torch.minimum(ratio, ratio.clamp(1 - clip, 1 + clip)) * advantage
