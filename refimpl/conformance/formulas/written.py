"""Every capability's formula, written out as implementations write it, in one form or several.

    programs("sde_step", inputs, conventions)   →   Program, Program, ...

On the house clock, with v = noise − data: the values that a program begins with are converted, and
so is what it tells. No program means that a capability has none in these conventions.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..adapter.conventions import FROZEN, NO_G, Conventions, literal
from .conversions import CONVERSIONS, conversions
from .program import Env, Program, written
from .steps import diffusion_of, levels
from .values import Inputs, Parts, column

_MEANS = (
    "data_hat = x - t * v\nnoise_hat = x + (1 - t) * v\nscore = -noise_hat / t\n"
    "drift = v - g**2 / 2 * score\nmean = x - h * drift",
    "mean = x * (1 - g**2 / (2 * t) * h) - v * (1 + g**2 * (1 - t) / (2 * t)) * h",
    "data_hat = x - t * v\nnoise_hat = x + (1 - t) * v\n"
    "mean = (1 - s) * data_hat + (s - g**2 * h / (2 * t)) * noise_hat",
    "data_hat = x - t * v\nscore = -(x - (1 - t) * data_hat) / t**2\n"
    "drift = v - g**2 / 2 * score\nmean = x - h * drift",
    "noise_hat = x + (1 - t) * v\ncorrection = g**2 / (2 * t) * noise_hat\n"
    "mean = x - h * v - h * correction",
)
"""The mean of a step: by its score, by the factors of x and v, by the two ends, by the data, and
with the correction by itself."""

_CPS = (
    "data_hat = x - t * v\nnoise_hat = x + (1 - t) * v\nstd = s * sin(a * pi / 2)\n"
    "mean = (1 - s) * data_hat + sqrt(maximum(s**2 - std**2, 0)) * noise_hat"
)

_FROZEN = (
    "data_hat = x - t * v\nnoise_hat = x + (1 - t) * v\nkept = {kept}\n"
    "std = s * sqrt(1 - kept)\nmean = (1 - s) * data_hat + s * sqrt(kept) * noise_hat"
)

_KEPT = {
    FROZEN[0]: "(s * (1 - t) / (t * (1 - s)))**(a**2)",
    FROZEN[1]: "exp(-a**2 * (1 / s - 1 / t))",
}

_DENSITY = {
    "all": "each = -((x_s - mean)**2) / (2 * std**2) - log(std) - log(2 * pi) / 2",
    "no log 2 pi": "each = -((x_s - mean)**2) / (2 * std**2) - log(std)",
    "quadratic": "each = -((x_s - mean)**2) / (2 * std**2)",
    "bare square": "each = -((x_s - mean)**2)",
}

_REDUCED = {"sum": "total(each)", "mean": "average(each)", "none": "each"}

_KL = {
    "eq3": "each = (mean - mean_ref)**2 / (2 * std**2)",
    "without h": "each = (mean - mean_ref)**2 / (2 * g**2)",
    "means": "each = (mean - mean_ref)**2",
    "velocity": "each = (v - v_ref)**2",
    "of velocities": "each = h / 2 * (g * (1 - t) / (2 * t) + 1 / g)**2 * (v - v_ref)**2",
    "k1": "value = -log_ratio", "k2": "value = log_ratio**2 / 2",
    "k3": "value = exp(log_ratio) - 1 - log_ratio",
}  # fmt: skip

EULER = (
    "value = x - h * v",
    "data_hat = x - t * v\nnoise_hat = x + (1 - t) * v\nvalue = (1 - s) * data_hat + s * noise_hat",
    "data_hat = x - t * v\nnoise_hat = (x - (1 - t) * data_hat) / t\n"
    "value = (1 - s) * data_hat + s * noise_hat",
    "data_hat = x - t * v\nvalue = s / t * x + (1 - s / t) * data_hat",
    "data_hat = x - t * v\nvalue = x - h * (x - data_hat) / t",
)
"""Euler's step: by the velocity, by the two ends, by DDIM's factors, along the line to the data."""

STAGES = {
    "euler": "k1 = field(x, t)\nx_s = x - h * k1",
    "heun": "k1 = field(x, t)\nk2 = field(x - h * k1, s)\nx_s = x - h / 2 * (k1 + k2)",
    "midpoint": "k1 = field(x, t)\nk2 = field(x - h / 2 * k1, t - h / 2)\nx_s = x - h * k2",
    "rk4": "k1 = field(x, t)\nk2 = field(x - h / 2 * k1, t - h / 2)\n"
           "k3 = field(x - h / 2 * k2, t - h / 2)\nk4 = field(x - h * k3, s)\n"
           "x_s = x - h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)",
}  # fmt: skip


def programs(name: str, i: Inputs, c: Conventions) -> tuple[Program, ...]:
    """The formula of a capability in these conventions, in each form that it is written in."""
    if name in CONVERSIONS:
        texts = conversions(name, c["path"])
        return tuple(written(_held(text, c), _signed(name, c)) for text in texts)
    made = _MADE.get(name)
    return () if made is None else tuple(made(i, c))


def forms(name: str) -> Callable[[Sequence[Inputs], Conventions], tuple[Program, ...]]:
    """`programs` of a capability for several inputs: the longest serve all of them."""

    def made(cases: Sequence[Inputs], c: Conventions) -> tuple[Program, ...]:
        found = [programs(name, i, c) for i in cases]
        return max(found, key=lambda f: sum(len(p.lines) for p in f)) if all(found) else ()

    return made


def begins(i: Inputs, c: Conventions) -> Env:
    """What lines begin with: columns of levels, v with the sign used here, std = g √h."""
    arrays = [x for x in i.values() if isinstance(x, np.ndarray)]
    like = max(arrays, key=lambda x: x.ndim, default=np.zeros(1))
    env: Env = {k: x for k, x in i.items() if not isinstance(x, str)}
    env |= {k: c.velocity(env[k]) for k in ("v", "v_ref") if k in env}
    env.setdefault("a", c["a"])
    if "steps" in i:
        env["k"] = np.arange(int(i["steps"]) + 1.0)
        grid, _, shift = str(c["grid"]).partition(" ")
        env |= {"shift": float(shift)} if grid == "shift" else {}
    env["eps"] = c["advantage_eps"]
    if "rewards" in env:
        env["prompts"], env["n"] = env["rewards"].shape
    if "t" in i:
        env["t"] = column(c.level(i["t"]), like)
    if "s" in i:
        at = levels(i, c, like)
        env |= {"s": at.s, "h": at.h}
        if "std" in i:
            env["std"] = np.asarray(c.std(column(i["std"], like), at.h))
        if "g" in i:
            env["g"] = column(i["g"], like)
        elif callable(c["g"]):
            env["g"] = diffusion_of(None, i, c, at)  # type: ignore[arg-type]
    return env


# ---------------------------------------------------------------- the capabilities


def _signed(name: str, c: Conventions) -> Callable[[Parts], Parts] | None:
    """To the adapter's sign, where a velocity is told."""
    if not name.startswith("velocity"):
        return None
    sign = float(c.velocity(np.ones(1))[0])  # a program that is tried may give no number
    return lambda parts: {k: sign * np.asarray(x) for k, x in parts.items()}


def _level(c: Conventions) -> str:
    """What formulas take for t: itself, or what lies between the declared ends; h keeps t."""
    level = "t"
    if c["t_min"] > 0:
        level = f"maximum({level}, {literal(c['t_min'])})"
    if c["t_max"] < 1:
        level = f"minimum({level}, {literal(c['t_max'])})"
    return level


def held(text: str, c: Conventions) -> str:
    """A formula of t, of what is taken for it."""
    return text if _level(c) == "t" else re.sub(r"\bt\b", "t_held", text)


def _held(text: str, c: Conventions) -> str:
    """The same with the line that says what is taken for t."""
    now = held(text, c)
    return text if now == text else f"t_held = {_level(c)}\n{now}"


def _floored(text: str, c: Conventions) -> str:
    """Lines whose std is not less than the declared floor; the mean knows nothing of it."""
    if not c["std_min"]:
        return text
    own = re.sub(r"\bstd\b", "std_own", text)
    return f"{own}\nstd = maximum(std_own, {literal(c['std_min'])})"


def _g(i: Inputs, c: Conventions) -> str:
    """The line of g, or none where it is given."""
    if "g" in i or callable(c["g"]):
        return ""
    if c["g"] == "constant":
        return "g = a\n"
    rule, _, limit = str(c["boundary"]).partition(" ")
    inside = {"next_level": "where(t == 1, s, t)", "clamp": f"minimum(t, {limit})"}.get(rule, "t")
    singular = c["t_max"] == 1 and np.any(np.asarray(c.level(i["t"])) == 1)
    if inside == "t" or (rule == "next_level" and not singular):
        return "g = a * sqrt(t / (1 - t))\n"
    return f"inside = {inside}\ng = a * sqrt(t / (1 - inside))\n"


def transition(i: Inputs, c: Conventions) -> list[str]:
    """Lines up to mean and std, in each form."""
    last = c["last_step"] == "data" and np.any(np.asarray(c.level(i["s"])) == 0)
    if last or (c["g"] in FROZEN and _level(c) != "t"):  # its share follows the level itself
        return []
    if c["g"] in NO_G:
        texts = [_CPS if c["g"] == "cps" else _FROZEN.format(kept=_KEPT[c["g"]])]
    else:
        texts = [f"{_g(i, c)}std = g * sqrt(h)\n{mean}" for mean in _MEANS]
        if _level(c) != "t":
            texts.remove(texts[2])  # it goes from t to s by both ends, not by h
    return [_floored(_held(text, c), c) for text in texts]


_TOLD = {"g sqrt(h)": "std", "g": "std / sqrt(h)", "variance": "std**2"}


def _step(i: Inputs, c: Conventions) -> list[Program]:
    parts, lines = {"mean": "mean", "std": "told"}, f"\ntold = {_TOLD[c['std']]}"
    if "noise" in i:
        parts["x_s"], lines = "x_s", f"{lines}\nx_s = mean + std * noise"
    if "noise" in i or "x_s" in i:
        parts["log_prob"], lines = "log_prob", f"{lines}\n{_scored(c, 'log_prob')}"
    return [written(text + lines, None, **parts) for text in transition(i, c)]


def _scored(c: Conventions, name: str) -> str:
    return f"{_DENSITY[c['log_prob_terms']]}\n{name} = {_REDUCED[c['log_prob']]}"


def _scored_by_terms(c: Conventions) -> list[Program]:
    """The density's three terms, each added up by itself."""
    if c["log_prob"] != "sum" or c["log_prob_terms"] != "all":
        return []
    return [written(
        "square = total((x_s - mean)**2 / (2 * std**2))\n"
        "spread = count(mean) * average(log(std))\n"
        "constant = count(mean) * log(2 * pi) / 2\n"
        "value = -square - spread - constant"
    )]  # fmt: skip


def _replay(i: Inputs, c: Conventions) -> list[Program]:
    return [written(f"{text}\n{_scored(c, 'value')}") for text in transition(i, c)]


def _ratio(i: Inputs, c: Conventions) -> list[Program]:
    gap = "gap = log_prob - log_prob_old"
    if c["ratio"] == "guard":
        return [written(f"{gap}\nvalue = exp(std * (gap + divergence))")]
    return [written(f"{gap}\nvalue = exp(gap)")]


def _kl(i: Inputs, c: Conventions) -> list[Program]:
    kind = c["kl"]
    if kind in ("k1", "k2", "k3"):
        return [written(f"log_ratio = log_prob_ref - log_prob\n{_KL[kind]}")]
    value = f"value = {_REDUCED[c['kl_reduction']]}"
    if "mean" in i:
        kind = "means" if kind == "velocity" else kind
        if "std" not in i and kind in ("eq3", "without h"):
            return []
        own = "g = std / sqrt(h)\n" if kind == "without h" else ""
        return [written(f"{own}{_KL[kind]}\n{value}")]
    if kind == "velocity":
        return [written(f"{_KL[kind]}\n{value}")]
    if kind != "eq3" or c["g"] in NO_G or c["std_min"]:
        return []
    return [written(_held(f"{_g(i, c)}{_KL['of velocities']}", c) + f"\n{value}")]


def spread(c: Conventions) -> str:
    """What advantages are divided by, before eps."""
    floor = c["advantage_floor"]
    return f"maximum(sqrt(variance), {literal(floor)})" if floor else "sqrt(variance)"


def _advantages(i: Inputs, c: Conventions) -> list[Program]:
    over = {"batch": "batch", "others": ""}.get(c["advantage_std"], "group")
    alone = c["advantage_mean"] == "group"
    base = "group_mean(rewards)" if alone else "(group_sum(rewards) - rewards) / (n - 1)"
    lines = [f"base = {base}", "centred = rewards - base"]
    if c["advantage_std"] == "none":
        lines.append("value = centred")
    elif over:
        middle = "centred" if over == "group" and alone else f"rewards - {over}_mean(rewards)"
        count = "n" if over == "group" else "n * prompts"
        under = f"{count} - 1" if c["advantage_ddof"] else count
        lines += [f"variance = {over}_sum(({middle})**2) / ({under})",
                  f"value = centred / ({spread(c)} + eps)"]  # fmt: skip
    if c["advantage_clip"] != "none":
        limit = literal(c["advantage_clip"])
        lines[-1] = lines[-1].replace("value", "whole")
        lines.append(f"value = minimum(maximum(whole, -{limit}), {limit})")
    return [written("\n".join(lines))] if over else []


def _surrogate(i: Inputs, c: Conventions) -> list[Program]:
    sign = "" if c["sign"] == "objective" else "-"
    lines = ["plain = ratio * advantage", "clipped = clamp(ratio, 1 - clip_low, 1 + clip_high)"]
    own = "minimum(plain, clipped * advantage)"
    lines += [f"whole = {own}", f"value = {sign}(whole - beta * kl)"] if "kl" in i else [
        f"value = {sign}{own}"]  # fmt: skip
    return [written("\n".join(lines))]


def _guidance(i: Inputs, c: Conventions) -> list[Program]:
    if c["guidance"] == "omega":
        return [written("value = (1 + w) * v_cond - w * v_uncond"),
                written("value = v_cond + w * (v_cond - v_uncond)")]  # fmt: skip
    if c["guidance"] != "w":
        return []
    return [written("value = v_uncond + w * (v_cond - v_uncond)"),
            written("value = (1 - w) * v_uncond + w * v_cond")]  # fmt: skip


def _model_time(i: Inputs, c: Conventions) -> list[Program]:
    if c["model_time"].startswith("int"):
        return []
    return [written(f"tau = {c['model_time'].replace('1000 t', '1000 * t')}", value="tau")]


def _grid(i: Inputs, c: Conventions) -> list[Program]:
    """Level k of a grid; `shift` is the declared one."""
    grid = str(c["grid"])
    if not (grid in ("uniform", "any") or grid.startswith("shift")):
        return []
    even = "u = 1 - k / steps\n"
    text = even + ("level = shift * u / (1 + (shift - 1) * u)" if " " in grid else "level = u")
    clock = lambda parts: {"value": np.asarray(c.clock(parts["value"]))}  # noqa: E731
    return [written(text, clock, value="level")]


_MADE: Mapping[str, Callable[[Inputs, Conventions], list[Program]]] = {
    "diffusion": lambda i, c: (
        [written(_held(_g(i, c), c), value="g")] if c["g"] == "flow_grpo" else []
    ),
    "ode_step": lambda i, c: [written(text) for text in EULER],
    "heun_step": lambda i, c: [written(STAGES["heun"], value="x_s")],
    "sde_step": _step,
    "log_prob": lambda i, c: [written(_scored(c, "value")), *_scored_by_terms(c)],
    "sample": lambda i, c: [written("x_s = mean + std * noise", x_s="x_s")],
    "replay": _replay,
    "ratio": _ratio,
    "kl": _kl,
    "advantages": _advantages,
    "surrogate": _surrogate,
    "objective": _surrogate,
    "guidance": _guidance,
    "model_time": _model_time,
    "schedule": _grid,
}
