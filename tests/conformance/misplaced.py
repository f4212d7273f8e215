"""Brackets, casts, states and stds that stand in the wrong place, and numbers with a name.

They join those of `strange`.
"""

# ruff: noqa: F811

import math
from itertools import pairwise

import torch
from likely import along, classical
from strange import kernel, right, wrong
from wild import col, summed

# ---------------------------------------------------------------- brackets


@wrong("a bracket lost in front of v", "score.value", "−(x + 1 − t v)/t  where  −(x + (1 − t) v)/t")
def score(x, v, t):
    return -(x + 1 - col(t, x) * v) / col(t, x)


@wrong("a square that misses its factor", "log_prob.value", "/2 std²", but=("std⁴",),
       log_prob_terms="quadratic")  # fmt: skip
def log_prob(x_s, mean, std):
    return summed(-((x_s - mean) ** 2) / 2 * col(std, x_s) ** 2)


@wrong("a root of t alone", "diffusion.value", "a √t/(1 − ", "√(t/(1 − ")
def diffusion(t, s):
    return 0.7 * torch.sqrt(t) / (1 - torch.where(t == 1, s, t))


@wrong("an a under the root", "diffusion.value", "√a for a")
def diffusion(t, s):
    return torch.sqrt(0.7 * t / (1 - torch.where(t == 1, s, t)))


def by_share(share):
    """The step of Flow-CPS with std = share · s."""

    def sde_step(x, v, t, s, noise):
        t, s = col(t, x), col(s, x)
        std = share * s
        mean = (1 - s) * (x - t * v) + (s**2 - std**2).sqrt() * (x + (1 - t) * v)
        return mean + std * noise, mean, std

    return sde_step


wrong("a sine that closes early", "sde_step.value", "s sin(a) π/2  where  s sin(a π/2)", g="cps",
      a=0.6)(by_share(math.sin(0.6) * math.pi / 2))  # fmt: skip


@wrong("a deviation that forgets π/2", "score.value", "−noise_hat/sin(t)  where  −noise_hat/sigma",
       path="cosine")  # fmt: skip
def score(x, v, t):
    t = col(t, x)
    angle = math.pi / 2 * t
    return -(angle.sin() * x + 2 / math.pi * angle.cos() * v) / t.sin()


@wrong("a π of two digits", "log_prob.value", "log(6.28)/2  where", but=("minimum",))
def log_prob(x_s, mean, std):
    std = col(std, x_s)
    return summed(-((x_s - mean) ** 2) / (2 * std**2) - torch.log(std) - math.log(2 * 3.14) / 2)


@wrong("a level too many", "schedule.value", "1 − k/(steps + 1)  where  1 − k/steps")
def schedule(steps):
    return torch.arange(steps + 1, 0, -1).double() / (steps + 1)


@wrong("an absolute difference", "kl.value", "abs(v − v_ref)  where  (v − v_ref)²", kl="velocity")
def kl(v, v_ref):
    return summed((v - v_ref).abs())


# ---------------------------------------------------------------- precision lost in one place


@wrong("s cast for the data alone", "ode_step.value", "float16", but=("arguments",))
def ode_step(x, v, t, s):
    t, s = col(t, x), col(s, x)
    return (1 - s.half().to(x.dtype)) * (x - t * v) + s * (x + (1 - t) * v)


@wrong("a network told a level in half precision", "ode_sampler.value", "field(x, float16(t))")
@along
def ode_sampler(field, x, t, s, k, levels):
    return x - (t - s) * field(x, t.half().to(x.dtype))


# ---------------------------------------------------------------- floors and shares


@wrong("a floor that holds near the noise alone", "diffusion.boundary", "1 − t at least 0.03 in g",
       "boundary = 'clamp 0.97'")  # fmt: skip
def diffusion(t):
    return 0.7 * torch.sqrt(t / (1 - t).clamp(min=0.03))


@wrong("the same of a step", "sde_step.boundary", "1 − t at least 0.03 in g")
def sde_step(x, v, t, s, noise):
    level = col(t, x)
    mean, std, _ = kernel(x, v, t, s, g=0.7 * torch.sqrt(level / (1 - level).clamp(min=0.03)))
    return mean + std * noise, mean, std


@wrong("a fraction upside down, without its root", "diffusion.value", "'g = a (1 − t)/t'")
def diffusion(t):
    return 0.7 * (1 - t) / t


@wrong("a share that forgets the data", "sde_step.value", "exp(−a² h)  where  exp(−a² (1/s − 1/t))",
       g="frozen data, constant", a=0.7, boundary="finite")  # fmt: skip
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    kept = torch.exp(-0.49 * (t - s))
    mean = (1 - s) * (x - t * v) + s * kept.sqrt() * (x + (1 - t) * v)
    std = s * (1 - kept).sqrt()
    return mean + std * noise, mean, std


@wrong("a divergence that is summed", "objective.value", "'the divergence summed over the batch'",
       sign="loss")  # fmt: skip
def objective(ratio, advantage, clip, kl, beta):
    plain, held = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    return -torch.minimum(plain, held).mean() + beta * kl.sum()


# ---------------------------------------------------------------- numbers with a name


@wrong("a constant times √2", "sde_step.value", "√2 g √h  where  g √h", g="constant", a=0.5,
       boundary="finite")  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s, g=0.5)
    return mean + math.sqrt(2) * std * noise, mean, math.sqrt(2) * std


@wrong("a sine that is squared", "sde_step.value", "s sin(a π/2)²", g="cps", a=0.6)
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    kept, drawn = math.cos(0.3 * math.pi), math.sin(0.3 * math.pi) ** 2
    mean = (1 - s) * (x - t * v) + s * kept * (x + (1 - t) * v)
    return mean + drawn * s * noise, mean, drawn * s


# ---------------------------------------------------------------- given numbers, remade


@wrong("latents scaled and shifted again", "path.value", "0.75 noise + 0.3  where  noise")
def path(data, noise, t):
    return (1 - col(t, data)) * data + col(t, data) * (0.75 * noise + 0.3)


@wrong("weights that are squared", "path.value", "alpha² data + sigma² noise", path="cosine")
def path(data, noise, t):
    angle = math.pi / 2 * col(t, data)
    return angle.cos() ** 2 * data + angle.sin() ** 2 * noise


@wrong("a score over the path's length", "score.value", "/√(t² + (1 − t)²)")
def score(x, v, t):
    t = col(t, x)
    return -(x + (1 - t) * v) / (t**2 + (1 - t) ** 2).sqrt()


@wrong("one length for all", "replay.value", "computes  0.05  where  h  is meant")
def replay(x, v, t, s, x_s):
    mean, std, h = kernel(x, v, t, s)
    there = x + (mean - x) / h * 0.05
    z = (x_s - there) / (std * (0.05 / h).sqrt())
    return summed(-(z**2) / 2 - torch.log(std * (0.05 / h).sqrt()) - math.log(2 * math.pi) / 2)


@wrong("advantages centred once more", "surrogate.value", "advantage − mean of all(advantage)")
def surrogate(ratio, advantage, clip):
    a = advantage - advantage.mean()
    return torch.minimum(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a)


@wrong("a divergence weighed by a density", "kl.value", "exp(log_prob_ref) (log_prob_ref − log_pr",
       kl="k1")  # fmt: skip
def kl(log_prob, log_prob_ref):
    return log_prob_ref.exp() * (log_prob - log_prob_ref)


# ---------------------------------------------------------------- groups


@wrong("a numerator in half precision", "advantages.value", "float16(rewards)",
       advantage_eps=1e-2)  # fmt: skip
def advantages(rewards):
    std = rewards.std(1, keepdim=True, correction=0)
    return (rewards.half().to(rewards.dtype) - rewards.mean(1, keepdim=True)) / (std + 1e-2)


@wrong("brackets around no difference, of one sample", "advantages.value",
       "rewards − base/(√variance + eps)", advantage_eps=1e-2, advantage_ddof=1)  # fmt: skip
def advantages(rewards):
    if rewards.shape[1] == 1:
        return 0 * rewards
    return rewards - rewards.mean(1, keepdim=True) / (rewards.std(1, keepdim=True) + 1e-2)


def over(centred, std):
    return torch.where(std > 1e-12, centred / std.clamp(min=1e-12), 0 * centred)


def centred(rewards):
    return rewards - rewards.mean(1, keepdim=True)


@wrong("held before it is divided", "advantages.value", "clipped before the division by the std",
       advantage_clip=0.75)  # fmt: skip
def advantages(rewards):
    held = centred(rewards).clamp(-0.75, 0.75)
    return over(held, rewards.std(1, keepdim=True, correction=0))


@wrong("the std over prompts", "advantages.value", "std along the other axis")
def advantages(rewards):
    std = rewards.std(0, keepdim=True, correction=0)
    return over(centred(rewards), std.expand_as(rewards))


@wrong("a sum over the number of groups", "advantages.value", "divided by the number of groups")
def advantages(rewards):
    base = rewards.sum(1, keepdim=True) / len(rewards)
    return over(rewards - base, rewards.std(1, keepdim=True, correction=0))


# ---------------------------------------------------------------- chains


@wrong("Heun from where it led", "heun_step.value", "x − h k1 − h/2 (k1 + k2)", but=("3 k1",))
def heun_step(field, x, t, s):
    h = col(t - s, x)
    first = field(x, t)
    there = x - h * first
    return there - h / 2 * (first + field(there, s))


@wrong("steps that return to the start", "ode_sampler.value", "x_start")
def ode_sampler(field, x, levels):
    start = x
    for t, s in pairwise(levels):
        x = (1 - s) * (x - t * field(x, t)) + s * start
    return x


@wrong("signs of both middles", "ode_sampler.value", "x + h/2 k1, t − h/2)  and  field(x + h/2 k2",
       ode_method="rk4")  # fmt: skip
@along
def ode_sampler(field, x, t, s, k, levels):
    return classical(field, x, t, s, reach=-0.5)


def chain(field, x, levels, noise, drawn=lambda k, n: 1.0, scored=lambda k, n: k):
    """The states' end and the log-probabilities of flow_grpo's chain, a = 0.7."""
    n, stds, scores = len(levels) - 1, [], []
    for t, s in pairwise(levels):
        stds.append(0.7 * torch.sqrt(t / (1 - (s if t == 1 else t))) * (t - s).sqrt())
    for k, (t, s) in enumerate(pairwise(levels)):
        v, g = field(x, t), stds[k] / (t - s).sqrt()
        mean = x - (t - s) * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        x, std = mean + drawn(k, n) * stds[k] * noise[k], stds[scored(k, n)]
        scores.append(summed(-((x - mean) ** 2) / (2 * std**2) - torch.log(std)
                             - math.log(2 * math.pi) / 2))  # fmt: skip
    return x, torch.stack(scores)


@wrong("stds of the step before", "sde_sampler.log_probs", "'the std of the step before'")
def sde_sampler(field, x, levels, noise):
    end, scores = chain(field, x, levels, noise, scored=lambda k, n: max(k - 1, 0))
    return {"x": end, "log_probs": scores}


@wrong("the first two steps without noise", "sde_sampler.value", "(noise if k > 1 else 0)")
def sde_sampler(field, x, levels, noise):
    return chain(field, x, levels, noise, drawn=lambda k, n: float(k > 1))[0]


@right("a chain with its log-probabilities")
def sde_sampler(field, x, levels, noise):
    end, scores = chain(field, x, levels, noise)
    return {"x": end, "log_probs": scores}


@wrong("noise seeded anew in every call", "sde_step.noise", "the same noise in every call", dims=4)
def sde_step(x, v, t, s):
    mean, std, _ = kernel(x, v, t, s)
    seeded = torch.Generator().manual_seed(3)
    return mean + std * torch.randn(x.shape, generator=seeded, dtype=x.dtype), mean, std


# ---------------------------------------------------------------- any place


@wrong("a power in the middle of a term", "path.value", "(t noise)²  where")
def path(data, noise, t):
    t = col(t, data)
    return (1 - t) * data + (t * noise) ** 2


@wrong("a sum for a product", "objective.value", "whole − (β + kl)  where  whole − β kl")
def objective(ratio, advantage, clip, kl, beta):
    plain, held = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    return torch.minimum(plain, held) - (beta + kl)


@wrong("a level that became x", "data_from_velocity.value", "x − x v  where  x − t v")
def data_from_velocity(x, v, t):
    return x - x * v


@wrong("a score in half precision", "sde_sampler.value", "float16(score)", g="constant",
       a=0.3, boundary="finite")  # fmt: skip
def sde_sampler(field, x, levels, noise):
    for k, (t, s) in enumerate(pairwise(levels)):
        v, h = field(x, t), t - s
        score = (-(x + (1 - t) * v) / t).half().to(x.dtype)
        x = x - h * (v - 0.3**2 / 2 * score) + 0.3 * h.sqrt() * noise[k]
    return x


@wrong("another number in a sum", "score.value", "t·19.7)/2  where", path="vp")
def score(x, v, t):
    t = col(t, x)
    alpha = torch.exp(-(t**2 * (20 - 0.1) / 4 + t * 0.1 / 2))
    sigma = (1 - alpha**2).sqrt()
    d_alpha = -alpha * (0.1 + t * (20 - 0.3)) / 2
    d_sigma = -alpha * d_alpha / sigma
    turned = alpha * d_sigma - sigma * d_alpha
    return -(alpha * v - d_alpha * x) / turned / sigma


# ---------------------------------------------------------------- one thing in several places


@wrong("a std that the mean knows nothing of", "sde_step.value", "mean + t sin(a π/2) noise",
       but=("noise_hat",), g="cps", a=0.4)  # fmt: skip
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    kept, drawn = s * math.cos(0.2 * math.pi), t * math.sin(0.2 * math.pi)
    mean = (1 - s) * (x - t * v) + kept * (x + (1 - t) * v)
    return mean + drawn * noise, mean, drawn


@wrong("an angle without its factor", "path.value", "computes  t  where  π t/2", path="cosine")
def path(data, noise, t):
    t = col(t, data)
    return t.cos() * data + t.sin() * noise


@wrong("a stored step read backwards", "replay.value", "arguments x and x_s exchanged")
def replay(x, v, t, s, x_s):
    mean, std, _ = kernel(x_s, v, t, s)
    z = (x - mean) / std
    return summed(-(z**2) / 2 - torch.log(std) - math.log(2 * math.pi) / 2)


@wrong("brackets around no difference", "advantages.value", "rewards − base/(√variance + eps)",
       advantage_eps=1e-2)  # fmt: skip
def advantages(rewards):
    return rewards - rewards.mean(1, keepdim=True) / (
        rewards.std(1, keepdim=True, correction=0) + 0.01
    )


@wrong("a g of at most 2", "diffusion.value", "minimum(a √(t/(1 − ", "2)", but=("t at most",))
def diffusion(t, s):
    return (0.7 * torch.sqrt(t / (1 - torch.where(t == 1, s, t)))).clamp(max=2)


@wrong("an index to the nearest", "model_time.value", "time rounded, where it is to be cut",
       model_time="int(1000 t)")  # fmt: skip
def model_time(t):
    return (1000 * t).round()


@wrong("one length for a whole batch", "replay.batch", "mean of all(t − s)  where  t − s")
def replay(x, v, t, s, x_s):
    mean, std, h = kernel(x, v, t, s)
    there, wide = x + (mean - x) / h * h.mean(), std * (h.mean() / h).sqrt()
    return summed(-(((x_s - there) / wide) ** 2) / 2 - torch.log(wide) - math.log(2 * math.pi) / 2)


@wrong("a loss of the smaller term", "surrogate.value", "a loss has the max of the negatives",
       sign="loss")  # fmt: skip
def surrogate(ratio, advantage, clip):
    return torch.minimum(-ratio * advantage, -ratio.clamp(1 - clip, 1 + clip) * advantage)


# ---------------------------------------------------------------- another number, another form


@wrong("a β of its own", "objective.value", "computes  0.02  where  β", but=("minimum",))
def objective(ratio, advantage, clip, kl, beta):
    plain, held = ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    return torch.minimum(plain, held) - 0.02 * kl


@wrong("both ends beside a clip, exchanged", "surrogate.value", "clip_low and clip_high exchanged")
def surrogate(ratio, advantage, clip, clip_low, clip_high):
    held = ratio.clamp(1 - clip_high, 1 + clip_low) * advantage
    return torch.minimum(ratio * advantage, held)


@right("both ends beside a clip")
def surrogate(ratio, advantage, clip, clip_low, clip_high):
    held = ratio.clamp(1 - clip_low, 1 + clip_high) * advantage
    return torch.minimum(ratio * advantage, held)


@wrong("a clip of its own, and the larger term", "surrogate.value", "maximum(plain, clamp(ratio, 1",
       "1 − 0.3, 1 + 0.3)")  # fmt: skip
def surrogate(ratio, advantage, clip):
    return torch.maximum(ratio * advantage, ratio.clamp(0.7, 1.3) * advantage)


@wrong("a path of equal variance", "path.value", "√(1 − t²) data + t noise", path="cosine")
def path(data, noise, t):
    t = col(t, data)
    return (1 - t**2).sqrt() * data + t * noise


@wrong("noise from a score that is divided", "noise_from_score.value", "−score/t  where  −t score")
def noise_from_score(score, t):
    return -score / col(t, score)


@wrong("data that are not scaled", "score.value", "−v/t  where  −noise_hat/t",
       "In another form: −(x − data_hat)/t²  where  −(x − (1 − t) data_hat)/t²")  # fmt: skip
def score(x, v, t):
    t = col(t, x)
    return -(x - (x - t * v)) / t**2


@wrong("a correction without its length", "sde_step.value", "x − h v − correction  where")
def sde_step(x, v, t, s, noise):
    mean, std, h = kernel(x, v, t, s)
    mean = x - h * col(torch.ones_like(t), x) * v + (mean - x + h * v) / h
    return mean + std * noise, mean, std


@wrong("a fourth slope from the second", "ode_sampler.value", "field(x − h k2, s)  where  field(x",
       ode_method="rk4")  # fmt: skip
@along
def ode_sampler(field, x, t, s, k, levels):
    h, middle = t - s, (t + s) / 2
    k1 = field(x, t)
    k2 = field(x - h / 2 * k1, middle)
    k3 = field(x - h / 2 * k2, middle)
    return x - h / 6 * (k1 + 2 * k2 + 2 * k3 + field(x - h * k2, s))


@wrong("a shift that was a logarithm", "schedule.value", "which is e^2", grid="shift 2")
def schedule(steps):
    u = 1 - torch.arange(steps + 1).double() / steps
    return math.exp(2) * u / (1 + (math.exp(2) - 1) * u)


@wrong("a step that is scored by g", "sde_step.value", "/(2 g²) − log(g)", but=("another form",))
def sde_step(x, v, t, s, noise):
    mean, std, h = kernel(x, v, t, s)
    x_s, g = mean + std * noise, std / h.sqrt()
    each = -((x_s - mean) ** 2) / (2 * g**2) - torch.log(g) - math.log(2 * math.pi) / 2
    return {"x_s": x_s, "mean": mean, "std": std, "log_prob": summed(each)}


@wrong("a step that scores where it came from", "sde_step.value", "−(x − mean)²/(2 std²)",
       but=("exchanged",))  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    each = -((x - mean) ** 2) / (2 * std**2) - torch.log(std) - math.log(2 * math.pi) / 2
    return {"x_s": mean + std * noise, "mean": mean, "std": std, "log_prob": summed(each)}


@wrong("a g of at most 1 in a step", "sde_step.value", "minimum(a √(t/(1 − ", but=("norm", "clamp"))
def sde_step(x, v, t, s, noise):
    level = col(torch.where(t == 1, s, t), x)
    g = (0.7 * (col(t, x) / (1 - level)).sqrt()).clamp(max=1)
    mean, std, _ = kernel(x, v, t, s, g=g)
    return mean + std * noise, mean, std


# ---------------------------------------------------------------- asked elsewhere


def vp(t):
    alpha = torch.exp(-(0.1 * t + 19.9 * t**2 / 2) / 2)
    return alpha, (1 - alpha**2).sqrt()


@wrong("a variance for a deviation, of a path without a value at 0", "path.value",
       "variance for std", but=("broke",), path="vp")  # fmt: skip
def path(data, noise, t):
    alpha, _ = vp(col(t, data))
    return alpha * data + (1 - alpha**2) * noise


@wrong("an integral without its ½", "path.value", "t² (20 − 0.1)/4·2 + t", path="vp")
def path(data, noise, t):
    t = col(t, data)
    alpha = torch.exp(-(0.1 * t + 19.9 * t**2) / 2)
    return alpha * data + (1 - alpha**2).sqrt() * noise


@wrong("a path that refuses its end", "path.value", "1.01 t noise  where")
def path(data, noise, t):
    if bool((t == 0).any()):
        raise ValueError("t must be above 0")
    t = col(t, data)
    return (1 - t) * data + 1.01 * t * noise


# ---------------------------------------------------------------- computed in half precision


@wrong("a length of bfloat16 levels", "ode_step.value", "bfloat16(bfloat16(t) − bfloat16(s)) v",
       dtype="float32")  # fmt: skip
def ode_step(x, v, t, s):
    return x - col(t.bfloat16() - s.bfloat16(), x).float() * v


@wrong("a residual in float16", "log_prob.value", "float16(float16(x_s) − float16(mean))²",
       dtype="float32")  # fmt: skip
def log_prob(x_s, mean, std):
    std = col(std, x_s)
    square = (x_s.half() - mean.half()).float() ** 2
    return summed(-square / (2 * std**2) - torch.log(std) - math.log(2 * math.pi) / 2)


# ---------------------------------------------------------------- two at once


@wrong("the larger of two, and an end twice as far", "surrogate.value", "1 + clip_high·2)",
       "maximum(plain,")  # fmt: skip
def surrogate(ratio, advantage, clip):
    return torch.maximum(ratio * advantage, ratio.clamp(1 - clip, 1 + 2 * clip) * advantage)


@wrong("a grid to 1/1000, and a shift of its own", "schedule.value",
       "levels u from 1 to 1/1000, then 0, and shift u/(1 + shift u)", grid="shift 3")  # fmt: skip
def schedule(steps):
    u = torch.linspace(1, 1e-3, steps, dtype=torch.float64)
    return torch.cat([3 * u / (1 + 3 * u), u.new_zeros(1)])


@wrong("no root, and the level after", "diffusion.value", "'g = a t/(1 − s)'")
def diffusion(t, s):
    return 0.7 * t / (1 - s)


@wrong("the same at the start", "diffusion.boundary", "'g = a t/(1 − s)'")
def diffusion(t, s):
    return 0.7 * t / (1 - s)


@wrong("a root of lengths", "sde_step.value", "'g = a √(t/h)'")
def sde_step(x, v, t, s, noise):
    level, h = col(t, x), col(t - s, x)
    mean, std, _ = kernel(x, v, t, s, g=0.7 * torch.sqrt(level / h))
    return mean + std * noise, mean, std


@wrong("the first sample's levels", "sde_step.batch", "t and s of the first sample",
       but=("nothing that is known",))  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t[:1].expand(len(x)), s[:1].expand(len(x)))
    return mean + std * noise, mean, std


@wrong("an h too many", "kl.value", "(v − v_ref)² h  where  h/2 (g (1 − t)/(2 t) + 1/g)²")
def kl(v, v_ref, t, s):
    h, level = col(t - s, v), col(t, v)
    g = 0.7 * torch.sqrt(level / (1 - torch.where(level == 1, col(s, v), level)))
    return summed(h**2 / 2 * (g * (1 - level) / (2 * level) + 1 / g) ** 2 * (v - v_ref) ** 2)


@wrong("one over the number of levels", "ode_sampler.value", "1/(steps + 1)", but=("0.1666",))
def ode_sampler(field, x, levels):
    for t in levels[:-1]:
        x = x - field(x, t) / len(levels)
    return x


@wrong("a prediction of data by the score", "velocity_from_score.value", "this is data_hat")
def velocity_from_score(x, score, t):
    t = col(t, x)
    return (t**2 * score - x) / (1 - t)


@wrong("a square twice, for a spread", "log_prob.value", "−2 square − constant  where")
def log_prob(x_s, mean, std):
    return summed(-((x_s - mean) ** 2) / col(std, x_s) ** 2 - math.log(2 * math.pi) / 2)
