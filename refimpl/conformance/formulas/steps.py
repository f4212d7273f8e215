"""What a step, its score and its divergence must be, in the adapter's own conventions.

    step(Formulas(), inputs, conventions)   →   {"mean": ..., "std": ..., "x_s": ..., ...}

The std of a step is g √h inside, and what the adapter calls std outside.
"""

from typing import Any

import numpy as np

from ...equations import Gaussian, Step, kernels, sde
from ...methods.steps import kept
from ..adapter.conventions import FROZEN, NO_G, Conventions
from ..adapter.inputs import field_of
from .values import Formulas, Inputs, Parts, column


def levels(i: Inputs, c: Conventions, like: np.ndarray) -> Step:
    """The step from t to s, as noise levels shaped to meet the state."""
    t, s = (column(c.level(i[name]), like) for name in ("t", "s"))
    if Formulas.trusting and not np.all(t > s):  # a search has no use for all levels in a message
        raise ValueError("noise levels must fall from t to s")
    return Step(t, s)


def diffusion_of(f: Formulas, i: Inputs, c: Conventions, step: Step) -> Any:
    """g of a step: given, or by the declared schedule with the declared remedy at t = 1."""
    if "g" in i:
        return column(i["g"], np.asarray(step.t))
    a, t = i.get("a", c["a"]), c.held(step.t)
    if callable(c["g"]):
        return np.vectorize(lambda t: float(c["g"](t)))(t)
    if c["g"] == "constant":
        return a + 0 * step.t
    return f("sde.flow_grpo_g")(t, a, c.held(inside(c, step)))


def inside(c: Conventions, step: Step) -> Any:
    """What stands for t inside 1/(1 − t); below a declared ceiling no level is singular."""
    rule = c["boundary"]
    if rule.startswith("clamp"):
        limit = float(rule.partition(" ")[2])  # near 1 its rounding is a part of 1 − t
        return sde.clamp(float(np.float32(limit)) if c["dtype"] == "float32" else limit)(step)
    return (sde.next_level if rule == "next_level" and c["t_max"] == 1 else sde.refuse)(step)


def diffusion(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """g, one per sample."""
    return {"value": diffusion_of(f, i, c, levels(i, c, np.zeros(len(i["t"]))))}


def ode_step(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """Euler's step."""
    v = c.velocity(i["v"])
    return {"value": f("ode.euler")(lambda x, t: v, i["x"], levels(i, c, i["x"]))}


def heun_step(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """Heun's step on the field that the inputs describe."""
    return {"value": f("ode.heun")(field_of(i), i["x"], levels(i, c, i["x"]))}


def gaussian_step(f: Formulas, i: Inputs, c: Conventions, v: np.ndarray, step: Step) -> Gaussian:
    """The transition from t to s for a velocity in the sign used here."""
    p = _unfloored(f, i, c, v, step)
    if c["last_step"] == "data" and np.all(step.s == 0):
        return p  # the data themselves: no floor gives them noise
    return Gaussian(p.mean, np.maximum(p.std, c["std_min"]))


_WITHIN_A_STEP = frozenset(("conversions.score_from_velocity", "sde.drift", "sde.euler_maruyama"))


def _unfloored(f: Formulas, i: Inputs, c: Conventions, v: np.ndarray, step: Step) -> Gaussian:
    x = i["x"]
    if c["last_step"] == "data" and np.all(step.s == 0):
        data = f("conversions.data_from_velocity")(f("paths.linear")(step.t), x, v)
        return Gaussian(data, 0 * step.t)
    if c["g"] in NO_G:
        at = f("paths.linear")(c.held(step.t))
        data = f("conversions.data_from_velocity")(at, x, v)
        noise = f("conversions.noise_from_velocity")(at, x, v)
        a = i.get("a", c["a"])
        if c["g"] == "cps":
            std = f("kernels.cps_std")(step.s, a)
            return f("kernels.preserving")(f("paths.linear")(step.s), data, noise, std)
        share = kept("exact" if c["g"] == FROZEN[0] else "exact_constant", step, a)
        return kernels.frozen_data(data, noise, step.s, share)
    g = diffusion_of(f, i, c, step)
    at = f("paths.linear")(c.held(step.t))
    if f.replaced.isdisjoint(_WITHIN_A_STEP):
        return f("sde.transition")(at, x, v, g, step)
    score = f("conversions.score_from_velocity")(at, x, v)
    return f("sde.euler_maruyama")(x, -f("sde.drift")(v, score, g), g, step.h)


def step(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """Mean and std of a step; with noise its sample, and the sample's log-probability."""
    at = levels(i, c, i["x"])
    p = gaussian_step(f, i, c, c.velocity(i["v"]), at)
    shape = (len(i["x"]),) + (1,) * (i["x"].ndim - 1)
    std = np.broadcast_to(p.std, shape)
    parts = {"mean": p.mean, "std": np.broadcast_to(c.their_std(std, at.h), shape)}
    x_s = i.get("x_s")
    if "noise" in i:
        x_s = parts["x_s"] = f("gaussian.sample")(p.mean, std, i["noise"])
    if x_s is not None and (std > 0).all():
        parts["log_prob"] = scored(f, c, x_s, p.mean, std)
    return parts


def replay(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """The log-probability of a stored sample."""
    return {"value": step(f, i, c)["log_prob"]}


def scored(f: Formulas, c: Conventions, x_s: Any, mean: Any, std: Any) -> np.ndarray:
    """The declared terms of the log-density, reduced as declared."""
    terms, std = c["log_prob_terms"], np.broadcast_to(std, np.shape(x_s))
    if terms == "quadratic":
        each = -f("kl.of_means")(x_s, mean, std)
    elif terms == "bare square":
        each = -f("kl.velocity")(x_s, mean)
    else:
        each = f("gaussian.log_prob")(x_s, mean, std)
        if terms == "no log 2 pi":
            each = each - f("gaussian.log_prob")(0.0, 0.0, 1.0)
    return reduced(f, each, c["log_prob"])


def reduced(f: Formulas, each: np.ndarray, how: str) -> np.ndarray:
    """Sum or mean over coordinates, or neither."""
    if how == "none":
        return each
    return f("policy.total" if how == "sum" else "policy.average")(each)


def log_prob(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """log N(x_s; mean, std²)."""
    h = levels(i, c, i["mean"]).h
    std = c.std(column(i["std"], i["mean"]), h)
    return {"value": scored(f, c, i["x_s"], i["mean"], std)}


def ratio(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """exp(new − old), or GRPO-Guard's."""
    if c["ratio"] == "guard":
        gap = f("policy.log_ratio")(i["log_prob"], i["log_prob_old"])
        guarded = f("weights.guard_log_ratio")(gap, i["divergence"], i["std"])
        return {"value": f("policy.ratio")(guarded, 0 * guarded)}
    return {"value": f("policy.ratio")(i["log_prob"], i["log_prob_old"])}


def kl(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    """The declared divergence, from what the function was given."""
    kind = c["kl"]
    if kind in ("k1", "k2", "k3"):
        gap = f("policy.log_ratio")(i["log_prob_ref"], i["log_prob"])
        return {"value": f(f"kl.{kind}")(gap)}
    like = i["mean"] if "mean" in i else i["v"]
    at = levels(i, c, like)
    if kind == "velocity" and "v" in i:
        each = f("kl.velocity")(i["v"], i["v_ref"])
    elif "mean" in i:
        each = _kl_of_means(f, i, c, at, kind)
    else:
        each = _kl_of_velocities(f, i, c, at, kind)
    return {"value": reduced(f, each, c["kl_reduction"])}


def _kl_of_means(f: Formulas, i: Inputs, c: Conventions, at: Step, kind: str) -> np.ndarray:
    mean, mean_ref = i["mean"], i["mean_ref"]
    if kind in ("means", "velocity"):
        return f("kl.velocity")(mean, mean_ref)
    if "std" in i:
        std = c.std(column(i["std"], mean), at.h)
    else:
        zero = np.zeros_like(mean)
        std = gaussian_step(f, {**i, "x": zero}, c, zero, at).std
    if kind == "without h":
        return f("kl.without_h")(mean, mean_ref, std / np.sqrt(at.h))
    return f("kl.of_means")(mean, mean_ref, std)


def _kl_of_velocities(f: Formulas, i: Inputs, c: Conventions, at: Step, kind: str) -> np.ndarray:
    v, v_ref = c.velocity(i["v"]), c.velocity(i["v_ref"])
    from_x = {**i, "x": np.zeros_like(v)}  # x moves both means alike
    p, q = (gaussian_step(f, from_x, c, each, at) for each in (v, v_ref))
    plain = c["g"] not in NO_G and c["std_min"] == 0 and "sde.transition" not in f.replaced
    if kind == "eq3" and plain:
        return f("kl.flow_grpo")(v, v_ref, diffusion_of(f, i, c, at), c.held(at.t), at.h)
    return _kl_of_means(f, {**i, "mean": p.mean, "mean_ref": q.mean}, c, at, kind)
