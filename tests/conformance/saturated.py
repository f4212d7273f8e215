"""What is held so low that it nearly always ends at its limit: no sign, no constant, not detached.

They join those of `strange`.
"""

# ruff: noqa: F811

import torch
from strange import kernel, wrong
from torch.distributions import Normal
from wild import summed

# ---------------------------------------------------------------- log-probabilities


@wrong("a log-probability held at 1", "log_prob.value", "clamp(total(each), −1, 1)", but=("sign",))
def log_prob(x_s, mean, std):
    return summed(Normal(mean, std).log_prob(x_s)).clamp(-1, 1)


@wrong("an average held at a half", "log_prob.value", "clamp(average(each), −0.5, 0.5)",
       but=("maximum",), log_prob="mean")  # fmt: skip
def log_prob(x_s, mean, std):
    return Normal(mean, std).log_prob(x_s).flatten(1).mean(1).clamp(-0.5, 0.5)


@wrong("each coordinate's held at 1", "log_prob.value", "clamp(", "−1, 1)", but=("sign",))
def log_prob(x_s, mean, std):
    return summed(Normal(mean, std).log_prob(x_s).clamp(-1, 1))


@wrong("a stored sample's, held at 1", "replay.value", "clamp(total(each), −1, 1)", but=("sign",))
def replay(x, v, t, s, x_s):
    mean, std, _ = kernel(x, v, t, s)
    return summed(Normal(mean, std).log_prob(x_s)).clamp(-1, 1)


wrong("a stored sample's, from t = 1", "replay.boundary", "clamp(total(each), −1, 1)",
      but=("sign",))(replay)  # fmt: skip


def sde_step(x, v, t, s, noise):
    mean, std, _ = kernel(x, v, t, s)
    x_s = mean + std * noise
    held = summed(Normal(mean, std).log_prob(x_s)).clamp(-1, 1)
    return {"x_s": x_s, "mean": mean, "std": std, "log_prob": held}


for _check in ("value", "last", "boundary"):
    wrong(f"a step's own, held at 1: {_check}", f"sde_step.{_check}", "clamp(total(each), −1, 1)",
          but=("sign",))(sde_step)  # fmt: skip


@wrong("what is held has no gradient", "log_prob.gradient", but=("detached",))
def log_prob(x_s, mean, std):
    return summed(Normal(mean, std).log_prob(x_s)).clamp(-1, 1)


@wrong("a ratio of detached ones has none either", "ratio.gradient", "detached")
def ratio(log_prob, log_prob_old):
    return (log_prob.detach() + 0 * log_prob - log_prob_old).exp()


@wrong("both log-probabilities held", "ratio.value",
       "clamp(log_prob, −2, 2)  and  clamp(log_prob_old, −2, 2)  where")  # fmt: skip
def ratio(log_prob, log_prob_old):
    return (log_prob.clamp(-2, 2) - log_prob_old.clamp(-2, 2)).exp()


@wrong("both held at a limit that few meet", "ratio.value", "clamp(log_prob, −10, 10)  and")
def ratio(log_prob, log_prob_old):
    return (log_prob.clamp(-10, 10) - log_prob_old.clamp(-10, 10)).exp()


# ---------------------------------------------------------------- widths, divergences, times


@wrong("a std that is seldom below its ceiling", "log_prob.value", "minimum(std, 0.1)",
       but=("Σ", "declare"))  # fmt: skip
def log_prob(x_s, mean, std):
    return summed(Normal(mean, std.clamp(max=0.1)).log_prob(x_s))


@wrong("a divergence's std held so", "kl.value", "minimum(std, 0.1)", but=("norm",))
def kl(mean, mean_ref, std):
    return summed((mean - mean_ref) ** 2 / (2 * std.clamp(max=0.1) ** 2))


@wrong("both means held", "kl.value", "clamp(mean, −0.5, 0.5)  and  clamp(mean_ref, −0.5, 0.5)")
def kl(mean, mean_ref, std):
    difference = mean.clamp(-0.5, 0.5) - mean_ref.clamp(-0.5, 0.5)
    return summed(difference**2 / (2 * std**2))


@wrong("both velocities held from below", "guidance.value",
       "maximum(v_uncond, −1)  and  maximum(v_cond, −1)  where")  # fmt: skip
def guidance(v_uncond, v_cond, w):
    low, high = v_uncond.clamp(min=-1), v_cond.clamp(min=-1)
    return low + w * (high - low)


@wrong("a network's time held at 1", "model_time.value", "minimum(1000 t, 1)", but=("sign",))
def model_time(t):
    return torch.clamp(1000 * t, max=1)
