"""Right implementations in every convention, as strangers would write them: nothing of refimpl's.

right(rng) → (adapter class, what it is)        torch or numpy, any clock, any reduction
"""

import math
from itertools import pairwise

import numpy as np
import torch

CHOICES = {
    "arrays": ("torch", "torch", "numpy"),
    "t": ("(B,)", "(B,)", "scalar", "(B, 1, ...)"),
    "dims": ("any", "any", 2, 3, 4, 5),
    "time": ("noise at 1", "noise at 1", "data at 1", "noise at 1000", "data at 1000"),
    "velocity": (None, "noise - data", "data - noise"),
    "grid": ("uniform", "shift 3", "shift 1.5", "sd35 as shipped"),
    "g": ("flow_grpo", "flow_grpo", "constant", "cps"),
    "a": (0.7, 0.3, 1.0, 0.8),
    "boundary": ("next_level", "clamp 0.99", "refuse"),
    "last_step": ("sampled", "data"),
    "std": ("g sqrt(h)", "g", "variance"),
    "log_prob": ("sum", "mean", "none"),
    "log_prob_terms": ("all", "no log 2 pi", "quadratic", "bare square"),
    "kl": ("eq3", "without h", "velocity", "means", "k1", "k2", "k3"),
    "kl_reduction": ("sum", "mean", "none"),
    "advantage_mean": ("group", "group", "others"),
    "advantage_std": ("group", "batch", "others", "none"),
    "advantage_floor": (0.0, 0.0, 0.25),
    "advantage_ddof": (0, 1),
    "advantage_eps": (1e-4, 1e-8, 1e-6),
    "advantage_clip": ("none", 5.0, 1.0),
    "sign": ("objective", "loss"),
    "guidance": ("w", "omega", "zero-star"),
    "model_time": ("1000 t", "t", "1 - t"),
    "ode_method": ("euler", "heun", "midpoint", "rk4"),
}


def draw(rng):
    """Random conventions that belong together."""
    c = {key: values[rng.integers(len(values))] for key, values in CHOICES.items()}
    kinds = ("float64", "float32", "float16") + (("bfloat16",) if c["arrays"] == "torch" else ())
    c["dtype"] = kinds[rng.integers(len(kinds))]
    if c["velocity"] is None:
        del c["velocity"]
    if c["g"] != "flow_grpo":
        c["boundary"] = "next_level"
    if c["arrays"] == "numpy" and c["dtype"] == "float16" and c["time"].endswith("1000"):
        c["time"] = "noise at 1"
    return c


def make(c, style=0):
    """An adapter class with these conventions; `style` picks among ways to return and to take."""
    np_like = c["arrays"] == "numpy"
    lib = np if np_like else torch
    velocity = c.get("velocity") or (
        "data - noise" if c["time"].startswith("data") else "noise - data"
    )

    def house(t):
        t = t / 1000 if c["time"].endswith("1000") else t
        return 1 - t if c["time"].startswith("data") else t

    def sgn(v):
        return v if velocity == "noise - data" else -v

    def col(t, x):
        if c["t"] == "(B,)" and getattr(t, "ndim", 0) == 1:
            return t.reshape(-1, *[1] * (x.ndim - 1))
        return t

    def where(cond, a, b):
        if np_like:
            return np.where(cond, a, b).astype(np.result_type(a))
        return torch.where(torch.as_tensor(cond), torch.as_tensor(a), torch.as_tensor(b))

    def g_of(t, s):
        a = c["a"]
        if c["g"] == "constant":
            return a + 0 * t
        if c["boundary"] == "next_level":
            inside = where(t == 1, s, t)
        elif c["boundary"].startswith("clamp"):
            limit = float(c["boundary"].split()[1])
            inside = where(t > limit, 0 * t + limit, t)
        else:
            if bool((t == 1).any() if hasattr(t, "any") else t == 1):
                raise ValueError("t = 1")
            inside = t
        return a * lib.sqrt(t / (1 - inside))

    def kernel(x, v, t, s):
        h = t - s
        if c["last_step"] == "data" and bool((s == 0).all()):
            return x - t * v, 0 * t, 0 * t
        if c["g"] == "cps":
            std = s * math.sin(c["a"] * math.pi / 2)
            mean = (1 - s) * (x - t * v) + lib.sqrt(s**2 - std**2) * (x + (1 - t) * v)
            return mean, std, std / lib.sqrt(h)
        g = g_of(t, s)
        if style % 2:
            mean = x * (1 - g**2 / (2 * t) * h) - v * (1 + g**2 * (1 - t) / (2 * t)) * h
        else:
            mean = x - h * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        return mean, g * lib.sqrt(h), g

    def told(std, g):
        return {"g sqrt(h)": std, "g": g, "variance": std**2}[c["std"]]

    def ddof(n):
        return {"ddof": n} if np_like else {"correction": n}

    def reduce(e, how):
        if how == "none":
            return e
        flat = e.reshape(len(e), -1)
        return flat.sum(-1) if how == "sum" else flat.mean(-1)

    def density(x, m, std):
        d = x - m
        full = std + 0 * x
        e = {
            "bare square": lambda: -(d**2),
            "quadratic": lambda: -(d**2) / (2 * full**2),
            "no log 2 pi": lambda: -((d / full) ** 2) / 2 - lib.log(full),
            "all": lambda: -(d**2) / (2 * full**2) - lib.log(full) - 0.5 * math.log(2 * math.pi),
        }[c["log_prob_terms"]]()
        return reduce(e, c["log_prob"])

    class Right:
        conventions = dict(c)  # noqa: RUF012
        name = "right"

        def schedule(self, steps):
            if c["grid"] == "sd35 as shipped":
                low = 3 * 0.001 / (1 + 2 * 0.001)
                t = [1 + (low - 1) * k / (steps - 1) for k in range(steps)]
                t = [3 * u / (1 + 2 * u) for u in t] + [0.0]
            else:
                by = float(c["grid"].split()[1]) if " " in c["grid"] else 1.0
                t = [1 - k / steps for k in range(steps + 1)]
                t = [by * u / (1 + (by - 1) * u) for u in t]
            t = [1 - u if c["time"].startswith("data") else u for u in t]
            return [1000 * u if c["time"].endswith("1000") else u for u in t]

        def model_time(self, t):
            t = house(t)
            return {"1000 t": 1000 * t, "t": t, "1 - t": 1 - t}[c["model_time"]]

        def path(self, data, noise, t):
            t = col(house(t), data)
            return (1 - t) * data + t * noise

        def velocity_target(self, data, noise):
            return sgn(noise - data)

        def data_from_velocity(self, x, v, t):
            return x - col(house(t), x) * sgn(v)

        def score(self, x, v, t):
            t = col(house(t), x)
            return -(x + (1 - t) * sgn(v)) / t

        def ode_step(self, x, v, t, s):
            return x - (col(house(t), x) - col(house(s), x)) * sgn(v)

        def sde_step(self, x, v, t, s, noise):
            t, s = col(house(t), x), col(house(s), x)
            mean, std, g = kernel(x, sgn(v), t, s)
            x_s = mean + std * noise
            if style % 3 == 0:
                return x_s, mean, told(std, g)
            if style % 3 == 1 and not (c["last_step"] == "data" and bool((s == 0).all())):
                if c["g"] == "cps" and bool((s == 0).any()):
                    return {"x_s": x_s, "mean": mean}
                return {"prev_sample": x_s, "log_prob": density(x_s, mean, std), "mean": mean}
            return x_s

        def replay(self, x, v, t, s, x_s):
            mean, std, _ = kernel(x, sgn(v), col(house(t), x), col(house(s), x))
            return density(x_s, mean, std)

        def log_prob(self, x_s, mean, std, h=None):
            h = col(h, mean)
            std = {"g sqrt(h)": lambda: std, "g": lambda: std * lib.sqrt(h),
                   "variance": lambda: lib.sqrt(std)}[c["std"]]()  # fmt: skip
            return density(x_s, mean, std)

        def ratio(self, log_prob, log_prob_old):
            return lib.exp(log_prob - log_prob_old)

        if c["kl"] in ("k1", "k2", "k3"):

            def kl(self, log_prob, log_prob_ref):
                r = log_prob_ref - log_prob
                return {"k1": -r, "k2": r**2 / 2, "k3": lib.exp(r) - 1 - r}[c["kl"]]

        elif style % 2 and c["kl"] in ("eq3", "velocity"):

            def kl(self, x, v, v_ref, t, s):
                if c["kl"] == "velocity":
                    return reduce((v - v_ref) ** 2, c["kl_reduction"])
                t, s = col(house(t), x), col(house(s), x)
                m, std, _ = kernel(x, sgn(v), t, s)
                n, _, _ = kernel(x, sgn(v_ref), t, s)
                return reduce((m - n) ** 2 / (2 * std**2), c["kl_reduction"])

        elif c["kl"] == "velocity":

            def kl(self, v, v_ref):
                return reduce((v - v_ref) ** 2, c["kl_reduction"])

        else:

            def kl(self, mean, mean_ref, std, h):
                h, d = col(h, mean), mean - mean_ref
                std = {"g sqrt(h)": lambda: std, "g": lambda: std * lib.sqrt(h),
                       "variance": lambda: lib.sqrt(std)}[c["std"]]()  # fmt: skip
                e = {
                    "eq3": lambda: d**2 / (2 * std**2),
                    "without h": lambda: d**2 * h / (2 * std**2),
                    "means": lambda: d**2,
                }[c["kl"]]()
                return reduce(e, c["kl_reduction"])

        def advantages(self, rewards):
            r, dd, n = rewards, c["advantage_ddof"], rewards.shape[1]
            rest = [lib.concatenate([r[:, :k], r[:, k + 1 :]], 1) for k in range(n)]
            m = r.mean(1, keepdims=True)
            if c["advantage_mean"] == "others":
                m = lib.stack([x.mean(1) for x in rest], 1)
            if c["advantage_std"] == "none":
                out = r - m
            else:
                s = {
                    "group": lambda: r.std(1, keepdims=True, **ddof(dd)),
                    "batch": lambda: r.std(**ddof(dd)),
                    "others": lambda: lib.stack([x.std(1, **ddof(dd)) for x in rest], 1),
                }[c["advantage_std"]]()
                s = s.clip(c["advantage_floor"]) + c["advantage_eps"]
                out = (r - m) / s
            if c["advantage_clip"] != "none":
                out = out.clip(-c["advantage_clip"], c["advantage_clip"])
            return out

        def surrogate(self, ratio, advantage, clip):
            both = ratio * advantage, ratio.clip(1 - clip, 1 + clip) * advantage
            low = lib.minimum(*both)
            out = low if c["sign"] == "objective" else -low
            return out.mean() if style % 2 else out

        def objective(self, ratio, advantage, clip, kl, beta):
            low = lib.minimum(ratio * advantage, ratio.clip(1 - clip, 1 + clip) * advantage)
            out = low - beta * kl
            return out if c["sign"] == "objective" else -out

        def guidance(self, v_uncond, v_cond, w):
            if c["guidance"] == "zero-star":
                axes = tuple(range(1, v_cond.ndim))
                k = (v_cond * v_uncond).sum(axes, keepdims=True)
                k = k / ((v_uncond**2).sum(axes, keepdims=True) + 1e-8)
                return (1 - w) * k * v_uncond + w * v_cond
            if c["guidance"] == "w":
                return v_uncond + w * (v_cond - v_uncond)
            return (1 + w) * v_cond - w * v_uncond

        def ode_sampler(self, field, x, levels):
            for a, b in pairwise(levels):
                h = house(a) - house(b)

                def f(y, t):
                    return sgn(field(y, t))

                mid = (a + b) / 2
                if c["ode_method"] == "euler":
                    x = x - h * f(x, a)
                elif c["ode_method"] == "heun":
                    k = f(x, a)
                    x = x - h * (k + f(x - h * k, b)) / 2
                elif c["ode_method"] == "midpoint":
                    x = x - h * f(x - h / 2 * f(x, a), mid)
                else:
                    k1 = f(x, a)
                    k2 = f(x - h / 2 * k1, mid)
                    k3 = f(x - h / 2 * k2, mid)
                    k4 = f(x - h * k3, b)
                    x = x - h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return x

        def sde_sampler(self, field, x, levels, noise):
            states = [x]
            for k in range(len(levels) - 1):
                v = sgn(field(states[-1], levels[k]))
                mean, std, _ = kernel(states[-1], v, house(levels[k]), house(levels[k + 1]))
                states.append(mean + std * noise[k])
            return states if style % 2 else states[-1]

    return Right


def right(seed):
    """One random right implementation, some of its functions left out."""
    rng = np.random.default_rng(seed)
    c = draw(rng)
    whole = make(c, int(rng.integers(6)))
    kept = {n: f for n, f in vars(whole).items() if callable(f) and rng.random() < 0.75}
    kept["ratio"] = whole.ratio
    return type("Right", (), {**kept, "conventions": dict(c), "name": "right"})
