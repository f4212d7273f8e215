"""Readings that the plain inputs cannot part: the path's ends, whole numbers, another clock.

They join those of `strange`.
"""

# ruff: noqa: F811

import torch
from strange import right, wrong
from wild import col, stepped, summed

# ---------------------------------------------------------------- levels


def on_path(data, noise, t):
    return (1 - col(t, data)) * data + col(t, data) * noise


@wrong("a level as an integer", "path.value", "t cut to whole numbers", but=("t data",))
def path(data, noise, t):
    return on_path(data, noise, t.long())


@wrong("a level of ten", "path.value", "t rounded to tenths")
def path(data, noise, t):
    return on_path(data, noise, (10 * t).round() / 10)


@wrong("a level of a thousand", "path.value", "t rounded to thousandths")
def path(data, noise, t):
    return on_path(data, noise, (1000 * t).round() / 1000)


@wrong("a level that eases in and out", "path.value", "3 t² − 2 t³  where  t ")
def path(data, noise, t):
    return on_path(data, noise, 3 * t**2 - 2 * t**3)


@wrong("a level that is cut", "data_from_velocity.value", "t cut to hundredths, in float32")
def data_from_velocity(x, v, t):
    return x - col((t * 100).long() / 100, x) * v


@wrong("a level of a thousand for g", "diffusion.value", "t cut to thousandths, in float32")
def diffusion(t, s):
    t = (1000 * t).long() / 1000
    return 0.7 * torch.sqrt(t / (1 - torch.where(t == 1, s, t)))


@wrong("a clock to 1000 from the data", "path.value", "t is not divided by 1000",
       but=("ends swapped", "noise at 1'"), time="data at 1000")  # fmt: skip
def path(data, noise, t):
    return on_path(noise, data, t)


@wrong("the same of a prediction", "data_from_velocity.value", "t is not divided by 1000",
       time="data at 1000")  # fmt: skip
def data_from_velocity(x, v, t):
    return x + (1 - col(t, x)) * v


@wrong("a length on the clock to 1, twice", "ode_step.value", "h divided by 1000 twice",
       but=("x − t v",), time="noise at 1000")  # fmt: skip
def ode_step(x, v, t, s):
    return x - col(t - s, x) / 1e6 * v


# ---------------------------------------------------------------- the network's time


@wrong("an index from 1", "model_time.value", "one more than int(1000 t)", but=("rounded up",),
       model_time="int(1000 t)")  # fmt: skip
def model_time(t):
    return (1000 * t).long() + 1


@wrong("an index below", "model_time.value", "one less than int(1000 t)",
       model_time="int(1000 t)")  # fmt: skip
def model_time(t):
    return (1000 * t).long() - 1


@wrong("a thousandth that is no index", "model_time.value", "cut to thousandths, and not scaled")
def model_time(t):
    return (1000 * t).long() / 1000


@wrong("a time that is shifted again", "model_time.value", "3 t/(1 + (3 − 1) t)  where  t ")
def model_time(t):
    return 1000 * 3 * t / (1 + 2 * t)


@wrong("an index that is rounded up", "model_time.value", "rounded up to thousandths",
       but=("one more",), model_time="int(1000 t)")  # fmt: skip
def model_time(t):
    return (1000 * t).ceil()


# ---------------------------------------------------------------- one declared a


@wrong("a small angle", "sde_step.value", "a s  where  s sin(a π/2)", but=("π/3",), g="cps",
       a=0.5)  # fmt: skip
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    std = 0.5 * s
    mean = (1 - s) * (x - t * v) + (s**2 - std**2).clamp(min=0).sqrt() * (x + (1 - t) * v)
    return mean + std * noise, mean, std


# ---------------------------------------------------------------- whose story it is


def differed(v, v_ref):
    return (v - v_ref) ** 2


@wrong("a velocity's divergence times h", "kl.value", "(v − v_ref)² h  where", but=("g²",),
       kl="velocity")  # fmt: skip
def kl(v, v_ref, t, s):
    return summed(differed(v, v_ref) * col(t - s, v))


@wrong("a velocity's divergence over h", "kl.value", "(v − v_ref)²/h  where", but=("std²", "g²"),
       kl="velocity")  # fmt: skip
def kl(v, v_ref, t, s):
    return summed(differed(v, v_ref) / col(t - s, v))


@wrong("a density's square without its half", "log_prob.value", "2  where", but=("KL", "diverg"),
       log_prob_terms="quadratic")  # fmt: skip
def log_prob(x_s, mean, std):
    return -summed((x_s - mean) ** 2 / col(std, x_s) ** 2)


# ---------------------------------------------------------------- a step's own noise


def with_noise(x, v, t, s, e):
    mean, g, h = stepped(x, v, t, s)
    return mean + g * h.sqrt() * e, mean, g * h.sqrt()


@wrong("noise for each place alone", "sde_step.noise", "one noise for all coordinates along axis 1",
       but=("of a sample",), dims=4)  # fmt: skip
@wrong("the same in any shape", "sde_step.noise", "one noise for all coordinates along axis 1",
       but=("of a sample",))  # fmt: skip
def sde_step(x, v, t, s):
    return with_noise(x, v, t, s, torch.randn_like(x[:, :1]))


@wrong("noise for each column alone", "sde_step.noise", "all coordinates along axis 2", dims=4)
def sde_step(x, v, t, s):
    return with_noise(x, v, t, s, torch.randn_like(x[:, :, :1]))


@wrong("noise for each channel alone", "sde_step.noise", "all coordinates along axes 2 and 3",
       dims=4)  # fmt: skip
def sde_step(x, v, t, s):
    return with_noise(x, v, t, s, torch.randn_like(x[:, :, :1, :1]))


@wrong("one noise for a whole image", "sde_step.noise", "all coordinates of a sample", dims=4)
def sde_step(x, v, t, s):
    return with_noise(x, v, t, s, torch.randn_like(x[:, :1, :1, :1]))


@right("noise of its own for every coordinate", dims=5)
@right("noise of its own in three dimensions", dims=3)
def sde_step(x, v, t, s):
    return with_noise(x, v, t, s, torch.randn_like(x))


@wrong("noise for two samples each", "sde_step.noise", "samples that follow each other", dims=4)
@wrong("the same in two dimensions", "sde_step.noise", "samples that follow each other", dims=2)
def sde_step(x, v, t, s):
    return with_noise(x, v, t, s, torch.randn_like(x[::2]).repeat_interleave(2, 0)[: len(x)])


@wrong("noise of both signs", "sde_step.noise", "of the other sign for the sample that follows",
       dims=4)  # fmt: skip
def sde_step(x, v, t, s):
    e = torch.randn_like(x[::2])
    return with_noise(x, v, t, s, torch.stack([e, -e], 1).flatten(0, 1)[: len(x)])


@wrong("h in half precision", "ode_step.value", "bfloat16", but=("√t",))
def ode_step(x, v, t, s):
    h = (t - s).to(torch.bfloat16).to(x.dtype)
    return x - col(h, x) * v


@wrong("noise scaled by place", "sde_step.noise", "one std in each sample along axis 1", dims=4)
def sde_step(x, v, t, s):
    e = torch.randn_like(x)
    return with_noise(x, v, t, s, e / e.std(1, keepdim=True))


# ---------------------------------------------------------------- what values do not tell


def clipped(ratio, advantage, clip):
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@wrong("a divergence without a gradient", "objective.gradient", "reaches kl", "detached")
def objective(ratio, advantage, clip, kl, beta):
    return clipped(ratio, advantage, clip) - beta * kl.detach()


@wrong("a surrogate without a gradient", "objective.gradient", "reaches ratio", "detached")
def objective(ratio, advantage, clip, kl, beta):
    return clipped(ratio, advantage, clip).detach() - beta * kl


@wrong("a divergence with half of its gradient", "objective.gradient", "in the KL is -0.0625",
       "detached in part")  # fmt: skip
def objective(ratio, advantage, clip, kl, beta):
    return clipped(ratio, advantage, clip) - beta * (kl + kl.detach()) / 2


@right("an objective and its gradients")
def objective(ratio, advantage, clip, kl, beta):
    return clipped(ratio, advantage, clip) - beta * kl


@right("a loss that is averaged, and its gradients", sign="loss")
def objective(ratio, advantage, clip, kl, beta):
    return (beta * kl - clipped(ratio, advantage, clip)).mean()


@wrong("a clip that lets the gradient through", "surrogate.gradient",
       "the gradient of 'never clipped'", "value is right", but=("min of clipped",))  # fmt: skip
def surrogate(ratio, advantage, clip):
    plain = ratio * advantage
    return plain + (clipped(ratio, advantage, clip) - plain).detach()


# ---------------------------------------------------------------- numbers that are none


@wrong("half a score that is not divided", "velocity_from_score.value",
       "computes  −(x + 0.5 t score)  where", but=("e−",))  # fmt: skip
def velocity_from_score(x, score, t):
    return -(x + col(t, x) * score / 2)


@wrong("a sign and a division that is lost", "data_from_noise.value", "computes  x + t noise  whe",
       but=("e−", "− −"))  # fmt: skip
def data_from_noise(x, noise, t):
    return x + col(t, x) * noise


@wrong("two slopes at one time", "heun_step.value", "x − h (k1 + k2) with k2 = field(x − h k1, t) ",
       but=("e−",))  # fmt: skip
def heun_step(field, x, t, s):
    h = col(t - s, x)
    first = field(x, t)
    return x - h * (first + field(x - h * first, t))
