"""Wrong densities, ratios, divergences, surrogates, advantages and guidance: they add to strange's.

Each is another function than the one that is meant: a penalty, a gate, a sum of other terms,
another sample's number, a size that somebody restores.
"""

# ruff: noqa: F811

import math

import torch
from remade import largest, mean, measure, smallest, std
from strange import kernel, right, wrong
from torch.distributions import Cauchy, Normal
from torch.nn.functional import huber_loss, softplus
from wild import col, summed

HALF_LOG_2PI = math.log(2 * math.pi) / 2

# ---------------------------------------------------------------- densities


def density(name, *says, **conventions):
    """A log-density from its terms: z, log std, and the log 2 pi of one coordinate."""

    def note(of):
        def log_prob(x_s, mean, std):
            scale = col(std, mean)
            return of((x_s - mean) / scale, scale.log() + 0 * mean)

        wrong(name, "log_prob.value", *says, **conventions)(log_prob)
        return of

    return note


@density("2 pi once, whatever the dimension", "log(2 π)/2  where  count(mean) log(2 π)/2")
def once(z, log_std):
    return summed(-(z**2) / 2 - log_std) - HALF_LOG_2PI


@density("log std once", "average(log(std))  where  count(mean) average(log(std))")
def log_std_once(z, log_std):
    return summed(-(z**2) / 2 - HALF_LOG_2PI) - log_std.flatten(1)[:, 0]


@density("a residual without its mean", "x_s − mean − average of(x_s − mean)  where")
def detrended(z, log_std):
    average = z.flatten(1).mean(1)
    return summed(-((z - col(average, z)) ** 2) / 2 - log_std - HALF_LOG_2PI)


@density("Huber's loss, averaged", "with log_prob = 'mean':  huber(residual/std, 1)  where  z²/2",
         "declare log_prob = 'mean'")  # fmt: skip
def averaged(z, log_std):
    loss = huber_loss(z, 0 * z, reduction="none")
    return (-loss - log_std - HALF_LOG_2PI).flatten(1).mean(1)


@wrong("Cauchy's density", "log_prob.value", "−log(1 + (residual/std)²) − log(π std)  where")
def log_prob(x_s, mean, std):
    return summed(Cauchy(mean, col(std, mean) + 0 * mean).log_prob(x_s))


@wrong("eps beside the variance", "log_prob.value", "√(std² + 0.01)  where  std")
def log_prob(x_s, mean, std):
    return summed(Normal(mean, (col(std, mean) ** 2 + 0.01).sqrt()).log_prob(x_s))


@wrong("a stored sample by Huber's loss", "replay.value", "huber(residual/std, 0.3)  where  z²/2")
def replay(x, v, t, s, x_s):
    mean, std, _ = kernel(x, v, t, s)
    z = (x_s - mean) / std
    loss = huber_loss(z, 0 * z, reduction="none", delta=0.3)
    return summed(-loss - std.log() - HALF_LOG_2PI)


# ---------------------------------------------------------------- ratios and divergences


@wrong("a gate for the ratio", "ratio.value", "2 sigmoid(gap)  where  exp(gap)")
def ratio(log_prob, log_prob_old):
    return 2 * torch.sigmoid(log_prob - log_prob_old)


@wrong("two terms of the exponential", "ratio.value", "1 + gap + gap²/2  where  exp(gap)")
def ratio(log_prob, log_prob_old):
    gap = log_prob - log_prob_old
    return 1 + gap + gap**2 / 2


@wrong("a softplus for the ratio", "ratio.value", "log1p(exp(gap))/log(2)  where  exp(gap)")
def ratio(log_prob, log_prob_old):
    return softplus(log_prob - log_prob_old) / math.log(2)


@wrong("the next sample's old log-probability", "ratio.value",
       "next or last of batch(log_prob_old)  where  log_prob_old")  # fmt: skip
def ratio(log_prob, log_prob_old):
    later = torch.cat([log_prob_old[1:], log_prob_old[-1:]])
    return (log_prob - later).exp()


@wrong("ratios of mean 1", "ratio.value", "exp(gap)/mean of all(exp(gap))  where  exp(gap)")
def ratio(log_prob, log_prob_old):
    value = (log_prob - log_prob_old).exp()
    return value / value.mean()


@wrong("an absolute divergence", "kl.value", "abs(mean − mean_ref)/(2 std²)  where  (mean − mean_")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref).abs() / (2 * col(std, mean) ** 2))


@wrong("eps within a divergence's std", "kl.value", "std + 0.05")
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2 / (2 * (col(std, mean) + 0.05) ** 2))


@wrong("the largest coordinate", "kl.value", "largest(each)  where  total(each)")
def kl(mean, mean_ref, std):
    return ((mean - mean_ref) ** 2 / (2 * col(std, mean) ** 2)).flatten(1).max(1).values


@wrong("a relative divergence", "kl.value", "(mean − mean_ref)/(abs(mean_ref) + 1)  where")
def kl(mean, mean_ref, std):
    relative = (mean - mean_ref) / (mean_ref.abs() + 1)
    return summed(relative**2 / (2 * col(std, mean) ** 2))


@wrong("k3 weighted by its ratio", "kl.value", "−exp(l) + 1 + l exp(l)  where", kl="k3")
def kl(log_prob, log_prob_ref):
    gap = log_prob_ref - log_prob
    return gap * gap.exp() - gap.exp() + 1


@wrong("k3 held far out", "kl.value", "minimum(exp(log_ratio) − 1 − log_ratio, 10)  where",
       kl="k3")  # fmt: skip
def kl(log_prob, log_prob_ref):
    gap = log_prob_ref - log_prob
    return (gap.exp() - 1 - gap).clamp(-10, 10)


# ---------------------------------------------------------------- surrogates and objectives


def clipped(ratio, advantage, clip):
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@wrong("a second clip", "surrogate.value", "1.5 advantage) if advantage < 0")
def surrogate(ratio, advantage, clip):
    value = clipped(ratio, advantage, clip)
    return torch.where(advantage < 0, torch.maximum(value, 1.5 * advantage), value)


@wrong("nothing outside the clip", "surrogate.value", "(plain if clipped = ratio else 0)  where",
       "plain = ratio advantage")  # fmt: skip
def surrogate(ratio, advantage, clip):
    inside = (ratio >= 1 - clip) & (ratio <= 1 + clip)
    return torch.where(inside, ratio * advantage, 0 * ratio)


@wrong("a clip of its own", "surrogate.value", "clamp(ratio, 0.8, 1.2)  where")
def surrogate(ratio, advantage, clip):
    return clipped(ratio, advantage, 0.2)


@wrong("a soft clip", "surrogate.value", "1 + clip_high tanh((ratio − 1)/clip_high)  where")
def surrogate(ratio, advantage, clip):
    soft = 1 + clip * torch.tanh((ratio - 1) / clip)
    return torch.minimum(ratio * advantage, soft * advantage)


@wrong("no ratio at all", "surrogate.value", "1  where  ratio", but=("sign",))
def surrogate(ratio, advantage, clip):
    return advantage + 0 * ratio


@wrong("a divergence by the ratio", "objective.value", "ratio kl  where  kl")
def objective(ratio, advantage, clip, kl, beta):
    return clipped(ratio, advantage, clip) - beta * ratio * kl


@wrong("bad samples pay alone", "objective.value", "(kl if advantage < 0 else 0)  where  kl")
def objective(ratio, advantage, clip, kl, beta):
    return clipped(ratio, advantage, clip) - beta * torch.where(advantage < 0, kl, 0 * kl)


@wrong("the batch's sum", "objective.value", "summed over the batch")
def objective(ratio, advantage, clip, kl, beta):
    return (clipped(ratio, advantage, clip) - beta * kl).sum()


# ---------------------------------------------------------------- advantages


def deviation(r):
    return mean((r - mean(r)).abs())


def best_of_others(r):
    rest = [torch.cat([r[:, :k], r[:, k + 1 :]], 1) for k in range(r.shape[1])]
    return torch.stack([x.max(1).values for x in rest], 1)


measure("over 1.25 mean deviations", "over 1.25 times the mean absolute deviation from the mean",
        lambda r: (r - mean(r)) / (1.25 * deviation(r)))  # fmt: skip
measure("a trimmed mean", "less the group's mean without its ends, over the group's std",
        lambda r: (r - (r.sum(1, keepdim=True) - largest(r) - smallest(r)) / (r.shape[1] - 2))
        / std(r))  # fmt: skip
measure("half of each mean", "less 0.5 times the group's mean and 0.5 times the batch's mean",
        lambda r: (r - (mean(r) + r.mean()) / 2) / std(r))  # fmt: skip
measure("the larger spread", "over the larger of the group's std and the batch's std",
        lambda r: (r - mean(r)) / std(r).clamp(min=r.std(correction=0)))  # fmt: skip
measure("the best of the others", "less the others' largest, over the group's std",
        lambda r: (r - best_of_others(r)) / std(r))  # fmt: skip
measure("over the size too", "over the group's std times its size",
        lambda r: (r - mean(r)) / std(r) / r.shape[1])  # fmt: skip
measure("held after a median", "less the group's median, over the group's std, held between −1.3",
        lambda r: ((r - r.quantile(0.5, 1, keepdim=True)) / std(r)).clamp(-1.3, 1.3))  # fmt: skip
measure("two limits", "clamp(centred/(√variance + eps), −0.5, 1)  where",
        lambda r: ((r - mean(r)) / std(r)).clamp(-0.5, 1))  # fmt: skip


# ---------------------------------------------------------------- guidance


@wrong("a scale of at most 3", "guidance.value", "minimum(w, 3)  where  w")
def guidance(v_uncond, v_cond, w):
    return v_uncond + min(float(w), 3) * (v_cond - v_uncond)


@wrong("seven tenths of a rescale", "guidance.value",
       "0.3 guided + 0.7 guided at v_cond's std  where")  # fmt: skip
def guidance(v_uncond, v_cond, w):
    guided = v_uncond + w * (v_cond - v_uncond)
    size = v_cond.flatten(1).std(1) / guided.flatten(1).std(1)
    return 0.7 * guided * col(size, guided) + 0.3 * guided


@wrong("across the conditional velocity alone", "guidance.value",
       "guided + the difference's part along v_cond − w times its part along v_cond  where",
       )  # fmt: skip
def guidance(v_uncond, v_cond, w):
    across = v_cond - v_uncond
    share = summed(across * v_cond) / summed(v_cond**2)
    return v_cond + (w - 1) * (across - col(share, v_cond) * v_cond)


@wrong("never longer than without guidance", "guidance.value", "minimum(1, norm(v_cond)/norm(")
def guidance(v_uncond, v_cond, w):
    guided = v_uncond + w * (v_cond - v_uncond)
    share = (summed(v_cond**2) / summed(guided**2)).sqrt().clamp(max=1)
    return guided * col(share, guided)


@wrong("half of the channels", "guidance.value", "in first half(")
def guidance(v_uncond, v_cond, w):
    half = (v_cond.shape[1] + 1) // 2
    guided = v_uncond + w * (v_cond - v_uncond)
    return torch.cat([guided[:, :half], v_cond[:, half:]], 1)


# ---------------------------------------------------------------- right, and unusual


@right("a density by torch's loss")
def log_prob(x_s, mean, std):
    variance = col(std, mean) ** 2 + 0 * mean
    loss = torch.nn.functional.gaussian_nll_loss
    return -summed(loss(mean, x_s, variance, full=True, eps=0, reduction="none"))


@right("a second clip that is never reached")
def surrogate(ratio, advantage, clip):
    value = clipped(ratio, advantage, clip)
    return torch.where(advantage < 0, torch.maximum(value, 10 * advantage), value)


@right("a surrogate less what the clip takes")
def surrogate(ratio, advantage, clip):
    plain = ratio * advantage
    return plain - torch.relu(plain - ratio.clamp(1 - clip, 1 + clip) * advantage)


@right("a ratio by expm1")
def ratio(log_prob, log_prob_old):
    return torch.expm1(log_prob - log_prob_old) + 1
