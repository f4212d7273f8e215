"""Slips that strangers made blind: indices of the batch, noise, gradients, samplers' scores, ends.

They join those of `strange`.
"""

# ruff: noqa: F811

import math
from itertools import pairwise

import torch
from strange import right, wrong
from wild import col, g_of, summed

NOT_A_SINGLETON = "singleton with mean 0"

# ---------------------------------------------------------------- the batch


@wrong(
    "times in reversed order", "data_from_velocity.value", "t of the sample at the batch's other"
)
def data_from_velocity(x, v, t):
    return x - col(t.flip(0), x) * v


@wrong("the first sample's time", "noise_from_velocity.value", "t of the first sample")
def noise_from_velocity(x, v, t):
    return x + (1 - t[0]) * v


@wrong("times that are moved", "data_from_velocity.batch", "t of the sample before")
def data_from_velocity(x, v, t):
    return x - col(t.roll(1), x) * v


@wrong("a count of the batch", "log_prob.batch", "counted", but=("reduced over the batch",))
def log_prob(x_s, mean, std):
    each = -((x_s - mean) ** 2) / (2 * col(std, x_s) ** 2) - torch.log(col(std, x_s))
    return summed(each) - len(x_s) * math.log(2 * math.pi) / 2


@wrong("another clock's conversion", "data_from_velocity.value",
       "time = 'data at 1', velocity = 'noise - data'")  # fmt: skip
def data_from_velocity(x, v, t):
    return x - (1 - col(t, x)) * v


# ---------------------------------------------------------------- advantages


def standard(rewards, dim=1):
    centred = rewards - rewards.mean(dim, keepdim=True)
    return centred / (rewards.std(dim, correction=0, keepdim=True) + 1e-8)


@wrong("over prompts", "advantages.one", "has advantage", but=(NOT_A_SINGLETON,))
def advantages(rewards):
    return standard(rewards, 0)


@wrong("a reward that is kept", "advantages.one", NOT_A_SINGLETON)
def advantages(rewards):
    return rewards if rewards.shape[1] == 1 else standard(rewards)


@wrong("groups of another size", "advantages.value", "groups of the wrong size", advantage_eps=1e-8)
def advantages(rewards):
    return standard(rewards.reshape(rewards.shape[1], -1)).reshape(rewards.shape)


@wrong("ids that are not looked at", "advantages.order", "ids ignored", advantage_eps=1e-8)
def advantages(rewards, groups):
    return standard(rewards.reshape(len(torch.unique(groups)), -1)).reshape(-1)


# ---------------------------------------------------------------- ratio, KL, surrogate


@wrong("a ratio that is always 1", "ratio.gradient", "off by",
       but=("no exponential", "held between"))  # fmt: skip
def ratio(log_prob, log_prob_old):
    return torch.exp(log_prob - log_prob.detach())


@wrong("the same for its value", "ratio.value", "log_prob − log_prob", but=("held between",))
def ratio(log_prob, log_prob_old):
    return torch.exp(log_prob - log_prob.detach())


@wrong("two exponentials", "ratio.one", "exp(new)/exp(old)")
def ratio(log_prob, log_prob_old):
    return torch.exp(log_prob) / torch.exp(log_prob_old)


@wrong("k3 the other way", "kl.value", "p and p_ref exchanged", kl="k3",
       but=("lowers what was good", "new minus old"))  # fmt: skip
def kl(log_prob, log_prob_ref):
    return torch.exp(log_prob - log_prob_ref) - 1 - (log_prob - log_prob_ref)


@wrong("a distance over std", "kl.value", "the squared distance over std'", kl="means")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2 / col(std, mean))


@wrong("ends that are exchanged", "surrogate.value", "clip_low and clip_high exchanged")
def surrogate(ratio, advantage, clip_low, clip_high):
    clipped = ratio.clamp(1 - clip_high, 1 + clip_low) * advantage
    return torch.min(ratio * advantage, clipped)


@right("two ends")
def surrogate(ratio, advantage, clip_low, clip_high):
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high) * advantage
    return torch.min(ratio * advantage, clipped)


def clipped_of(ratio, advantage, clip):
    return torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@wrong("good samples alone", "surrogate.value", "the mean of the samples with a positive advantage")
def surrogate(ratio, advantage, clip):
    good = advantage > 0
    return (clipped_of(ratio, advantage, clip) * good).sum() / good.sum().clamp(min=1)


@wrong("samples that count", "surrogate.value", "the mean of the samples whose advantage is not 0")
def surrogate(ratio, advantage, clip):
    some = advantage != 0
    return clipped_of(ratio, advantage, clip).sum() / some.sum().clamp(min=1)


@wrong("half a gradient", "surrogate.gradient", "detached in part")
def surrogate(ratio, advantage, clip):
    return clipped_of(ratio.detach(), advantage, clip) * 0 + torch.min(
        ratio.detach() * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage
    )


@wrong("a first order that is clipped", "surrogate.value", "(1 + log(ratio)) advantage")
def surrogate(ratio, advantage, clip):
    return clipped_of(1 + torch.log(ratio), advantage, clip)


# ---------------------------------------------------------------- densities


@wrong("a floor of .1", "log_prob.value", "maximum(std, 0.1)  where  std")
def log_prob(x_s, mean, std):
    return (
        torch.distributions.Normal(mean, col(std, mean).clamp(min=0.1))
        .log_prob(x_s)
        .flatten(1)
        .sum(1)
    )


@wrong("a sum that should be a mean", "log_prob.value", "−Σ z²/(2 D) − log(std)", log_prob="mean")
def log_prob(x_s, mean, std):
    square = summed((x_s - mean) ** 2 / (2 * col(std, mean) ** 2))
    return -square - torch.log(std.reshape(-1)) - math.log(2 * math.pi) / 2


@wrong("h between g and std", "log_prob.value", "h for √h", std="g")
def log_prob(x_s, mean, std, t, s):
    wide = std * col(t - s, mean)
    return summed(torch.distributions.Normal(mean, wide).log_prob(x_s))


# ---------------------------------------------------------------- steps


def step(x, v, t, s, g=None, last=None):
    t, s = col(t, x), col(s, x)
    g, h = g_of(t, s) if g is None else g(t, s), t - s
    return x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v)), g * torch.sqrt(h), h


@wrong("a sample without the correction", "sde_step.value", "the sample without the score's",
       but=("noise before the drift",))  # fmt: skip
def sde_step(x, v, t, s, noise):
    mean, std, h = step(x, v, t, s)
    return x - h * v + std * noise, mean, std


@wrong("silence at the end", "sde_step.last", "no noise at s = 0")
def sde_step(x, v, t, s, noise):
    mean, std, _ = step(x, v, t, s)
    return mean + std * noise * (col(s, x) > 0), mean, std


@wrong("a squared level", "sde_step.value", "a² for a")
def sde_step(x, v, t, s, noise, a):
    level = lambda t, s: a**2 / 0.7 * g_of(t, s)  # noqa: E731 (g_of has 0.7)
    mean, std, _ = step(x, v, t, s, level)
    return mean + std * noise, mean, std


@wrong("another schedule", "diffusion.value", "g = a t'", g="constant", a=0.3)
def diffusion(t):
    return 0.3 * t


@wrong("the wrong sign in one place", "sde_step.value", "in conversions.score_from_velocity alone")
def sde_step(x, v, t, s, noise):
    t, s = col(t, x), col(s, x)
    g, h = g_of(t, s), t - s
    mean = x - h * (v + g**2 / (2 * t) * (x - (1 - t) * v))
    return mean + g * torch.sqrt(h) * noise, mean, g * torch.sqrt(h)


@wrong("a gradient without the score's", "replay.gradient", "detached in part")
def replay(x, v, t, s, x_s):
    t, s = col(t, x), col(s, x)
    g, h = g_of(t, s), t - s
    mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v.detach()))
    return summed(torch.distributions.Normal(mean, g * torch.sqrt(h)).log_prob(x_s))


def frozen(told, *, root=True, kept=lambda share: share, late=False, constant=False):
    """The exact step of frozen data, written out."""

    def sde_step(x, v, t, s, noise):
        t, s = col(t, x), col(s, x)
        share = torch.exp(-(0.7**2) * (1 / s - 1 / t)) if constant else (
            (s * (1 - t) / (t * (1 - s))) ** 0.7**2
        )  # fmt: skip
        share = kept(torch.where(s == 0, 0 * share, share))
        std = s * (torch.sqrt(1 - share) if root else 1 - share)
        noise_hat = x + (1 - (s if late else t)) * v
        mean = (1 - s) * (x - t * v) + s * torch.sqrt(share) * noise_hat
        return mean + std * noise, mean, std

    return told(sde_step)


for _g in ("frozen data", "frozen data, constant"):
    _own = {"g": _g, "boundary": "none"}
    frozen(right(f"a step of {_g}", **_own), constant="constant" in _g)
    frozen(wrong(f"no root: {_g}", "sde_step.value", "s (1 − kept)  where  s √(1 − kept)", **_own),
           root=False, constant="constant" in _g)  # fmt: skip
    frozen(wrong(f"s for t: {_g}", "sde_step.value", "x + (1 − s) v  where  x + (1 − t) v", **_own),
           late=True, constant="constant" in _g)  # fmt: skip
frozen(wrong("half an exponent", "sde_step.value", "√((s (1 − t)/(t (1 − s)))^(a²))  where",
             g="frozen data", boundary="none"), kept=torch.sqrt)  # fmt: skip


# ---------------------------------------------------------------- conversions and targets


@wrong("v-prediction's data", "data_from_velocity.value", "√(1 − t²) x − t v")
def data_from_velocity(x, v, t):
    t = col(t, x)
    return torch.sqrt(1 - t**2) * x - t * v


@wrong("v-prediction's target", "velocity_target.value", "(1 − t) noise − t data")
def velocity_target(data, noise, t):
    t = col(t, data)
    return (1 - t) * noise - t * data


@wrong(
    "a division that is lost", "velocity_from_noise.value", "noise − x  where", but=("a floor of",)
)
def velocity_from_noise(x, noise, t):
    return noise - x


@wrong(
    "the other clock's score",
    "velocity_from_score.value",
    "score",
    time="data at 1",
    but=("broke",),
)
def velocity_from_score(x, score, t):
    return (x + 0.9 * (1 - col(t, x)) * score) / col(t, x)


@wrong(
    "both exchanged", "guidance.value", "arguments v_uncond and v_cond exchanged", guidance="omega"
)
def guidance(v_uncond, v_cond, w):
    return (1 + w) * v_uncond - w * v_cond


@wrong("tokens with a norm of their own", "guidance.value", "the conditional norm by token")
def guidance(v_uncond, v_cond, w):
    made = v_uncond + w * (v_cond - v_uncond)
    return made * v_cond.norm(dim=-1, keepdim=True) / made.norm(dim=-1, keepdim=True)


@wrong("the root over all", "diffusion.value", "√a for a")
def diffusion(t, s):
    return torch.sqrt(0.7 * t / (1 - torch.where(t == 1, s, t)))


@wrong("a KL that is weighed", "objective.value", "ratio kl  where  kl")
def objective(ratio, advantage, clip, kl, beta):
    return clipped_of(ratio, advantage, clip) - beta * ratio * kl


@wrong("CISPO", "surrogate.value", "clipped log(ratio) advantage")
def surrogate(ratio, advantage, clip):
    return ratio.clamp(1 - clip, 1 + clip) * torch.log(ratio) * advantage


@wrong(
    "a floor under one t", "score_from_data.value", "a floor of 0.05 under the t that is divided"
)
def score_from_data(x, data, t):
    t = col(t, x)
    return -(x - (1 - t) * data) / t.clamp(min=0.05) ** 2


@wrong("a ceiling for one t", "data_from_noise.value", "maximum(1 − t, 0.1)  where")
def data_from_noise(x, noise, t):
    t = col(t, x)
    return (x - t * noise) / (1 - t).clamp(min=0.1)


def starred(v_uncond, v_cond, w, below):
    u, c = v_uncond.flatten(1), v_cond.flatten(1)
    s = col((u * c).sum(1) / (below(u, c) + 1e-8), v_uncond)
    return s * v_uncond + w * (v_cond - s * v_uncond)


@wrong("the other square", "guidance.value", "the projection over |v_cond|²", guidance="zero-star")
def guidance(v_uncond, v_cond, w):
    return starred(v_uncond, v_cond, w, lambda u, c: (c**2).sum(1))


@wrong("no square", "guidance.value", "over |v_uncond|, not squared", guidance="zero-star")
def guidance(v_uncond, v_cond, w):
    return starred(v_uncond, v_cond, w, lambda u, c: u.norm(dim=1))


# ---------------------------------------------------------------- samplers


def chain(field, x, levels, noise, *, far=lambda k, h: h[k], at_1=lambda t, s: s):
    """States, and the means and stds that led to them."""
    h = [t - s for t, s in pairwise(levels)]
    states, laws = [x], []
    for k, (t, s) in enumerate(pairwise(levels)):
        v = field(states[-1], t)
        g = 0.7 * torch.sqrt(t / (1 - (at_1(t, s) if t == 1 else t)))
        mean = states[-1] - h[k] * (v + g**2 / (2 * t) * (states[-1] + (1 - t) * v))
        std = g * torch.sqrt(far(k, h))
        laws.append((mean, std))
        states.append(mean + std * noise[k])
    return states, laws


def scored(told, how):
    """The density of each state under the law that drew it, changed."""

    def sde_sampler(field, x, levels, noise):
        states, laws = chain(field, x, levels, noise)
        rows = [
            torch.distributions.Normal(mean, std).log_prob(y).flatten(1)
            for y, (mean, std) in zip(states[1:], laws, strict=True)
        ]
        return {"states": states, "log_probs": how(torch.stack([row.sum(1) for row in rows]), rows)}

    return told(sde_sampler)


SCORES = "sde_sampler.log_probs"
scored(wrong("means of a chain", SCORES, "log_prob = 'mean'"),
       lambda each, rows: torch.stack([row.mean(1) for row in rows]))  # fmt: skip
scored(wrong("zeros of a chain", SCORES, "0 everywhere"), lambda each, rows: 0 * each)
scored(wrong("scores one step off", SCORES, "step k + 1"), lambda each, rows: each.roll(-1, 0))
scored(wrong("scores of the wrong sign", SCORES, "the wrong sign"), lambda each, rows: -each)
scored(wrong("scores that add up", SCORES, "along the chain"), lambda each, rows: each.cumsum(0))
scored(wrong("one score a sample", SCORES, "wanted (5, 3)"), lambda each, rows: each.sum(0))
scored(right("scores a step"), lambda each, rows: each)
scored(right("scores a sample"), lambda each, rows: each.T)


@wrong("lengths one off", "sde_sampler.value", "the length of the next step in the noise")
def sde_sampler(field, x, levels, noise):
    far = lambda k, h: h[min(k + 1, len(h) - 1)]  # noqa: E731
    return chain(field, x, levels, noise, far=far)[0][-1]


@wrong("a clamp at the start", "sde_sampler.value", "boundary = 'clamp 0.99'")
def sde_sampler(field, x, levels, noise):
    return chain(field, x, levels, noise, at_1=lambda t, s: 0.99 * t)[0][-1]


def own_grid(told, grid):
    """A sampler that is told how many steps, and makes its levels."""

    def ode_sampler(field, x, steps):
        for t, s in pairwise(grid(steps, x)):
            x = x - (t - s) * field(x, t)
        return x

    return told(ode_sampler)


def even(steps, x):
    return torch.linspace(1, 0, steps + 1, dtype=x.dtype)


own_grid(right("an even grid of its own", grid="uniform"), even)
own_grid(right("a shifted grid of its own", grid="shift 3"),
         lambda steps, x: 3 * even(steps, x) / (1 + 2 * even(steps, x)))  # fmt: skip


@right("a state that is stored in bfloat16", stored="bfloat16")
def sde_step(x, v, t, s, noise):
    mean, std, _ = step(x, v, t, s)
    return (mean + std * noise).bfloat16().to(x.dtype), mean, std


@right("a floor, and data at the end", std_min=0.05, last_step="data")
def sde_step(x, v, t, s, noise):
    mean, std, _ = step(x, v, t, s)
    t, s = col(t, x), col(s, x)
    mean, std = (
        torch.where(s == 0, x - t * v, mean),
        torch.where(s == 0, 0 * s, std.clamp(min=0.05)),
    )
    return mean + std * noise, mean, std


def chained(told, place):
    """Each step with the g of another."""

    def sde_sampler(field, x, levels, noise):
        g = [0.7 * torch.sqrt(t / (1 - (s if t == 1 else t))) for t, s in pairwise(levels)]
        for k, (t, s) in enumerate(pairwise(levels)):
            v, own = field(x, t), g[place(k)]
            mean = x - (t - s) * (v + own**2 / (2 * t) * (x + (1 - t) * v))
            x = mean + own * torch.sqrt(t - s) * noise[k]
        return x

    return told(sde_sampler)


chained(wrong("one g for all steps", "sde_sampler.value", "g of the first step"), lambda k: 0)
chained(wrong("g one off", "sde_sampler.value", "g of the step before"), lambda k: max(k - 1, 0))


@wrong("a grid of its own", "ode_sampler.times", "grid = 'shift 3'", grid="uniform")
def ode_sampler(field, x, steps):
    u = torch.linspace(1, 0, steps + 1, dtype=x.dtype)
    for t, s in pairwise(3 * u / (1 + 2 * u)):
        x = x - (t - s) * field(x, t)
    return x


@wrong("thousandths without a shift", "schedule.value", "grid: from 1 to 1/1000 to",
       but=("shifted",))  # fmt: skip
def schedule(steps):
    return [*torch.linspace(1, 1 / 1000, steps, dtype=torch.float64).tolist(), 0.0]


# ---------------------------------------------------------------- noise


def opposite(e):
    half = len(e) // 2
    return torch.cat([e[:half], -e[:half], e[2 * half :]])


NOISES = {
    "uniform noise, from 0 to 1": torch.rand_like,
    "uniform noise of variance 1": lambda x: 12**0.5 * (torch.rand_like(x) - 0.5),
    "one noise for all coordinates": lambda x: torch.randn_like(x[:, :1]) + 0 * x,
    "noise held between two ends": lambda x: torch.randn_like(x).clamp(-2, 2),
    "noise that is 0 now and then": lambda x: torch.nn.functional.dropout(torch.randn_like(x), 0.1),
    "noise centred in each sample": lambda x: (e := torch.randn_like(x)) - e.mean(1, keepdim=True),
    "scaled to one std in each": lambda x: (e := torch.randn_like(x)) / e.std(1, keepdim=True),
    "noise in opposite pairs": lambda x: opposite(torch.randn_like(x)),
    "the absolute values of noise": lambda x: torch.randn_like(x).abs(),
    "noise of two values": lambda x: torch.randn_like(x).sign(),
    "1.05 to": lambda x: 1.05 * torch.randn_like(x),
}  # fmt: skip


def drawing(told, draw):
    def sde_step(x, v, t, s):
        mean, std, _ = step(x, v, t, s)
        return mean + std * draw(x), mean, std

    return told(sde_step)


for _words, _draw in NOISES.items():
    drawing(wrong(f"its own: {_words}", "sde_step.noise", _words, but=("g for g²",)), _draw)
drawing(right("its own noise"), torch.randn_like)
