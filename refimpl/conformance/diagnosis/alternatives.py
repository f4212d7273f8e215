"""What a quantity is taken for in the field: another penalty, another reduction, a neighbour's.

    huber(residual/std, 1.5)   for   z²/2             largest(each)   for   total(each)
    previous of batch(q)       for   q                2 sigmoid(q)    for   exp(q)

Templates: `q` is the quantity, `c` and `d` are numbers that are read off the answers. Those of a
named line may speak of the other numbers of its program.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from ..formulas.program import Env, Line

POINTWISE = (
    "q**2",
    "sqrt(abs(q))",
    "exp(q)",
    "exp(q) - 1",
    "1 / q",
    "1",
    "maximum(q, 0)",
    "minimum(q, 0)",
    "q + c",
    "q * abs(q)",
    "c * q",
    "sqrt(q**2 + c)",
    "sign(q) * sqrt(abs(q))",
    "sign(q) * log(1 + abs(q))",
    "abs(q)**c * sign(q)",
    "q / (1 + abs(q))",
    "q / (c + abs(q))",
    "c * sign(q)",
    "c * tanh(q)",
    "maximum(q - c, 0)",
)
"""Functions of one number."""

_TOP, _TOP_OR_1 = "quantile_of_abs(q, {p})", "maximum(quantile_of_abs(q, {p}), 1)"

THRESHOLDS = tuple(
    form.replace("top", top).format(p=share)
    for share in (0.9, 0.95, 0.99, 0.995)
    for form in ("clamp(q, -top, top)", "clamp(q, -top, top) / top")
    for top in (_TOP, _TOP_OR_1)
)
"""Held at the size below which a share of the sample lies, or at 1 if that is more; divided by it
or not: dynamic thresholding."""

OF_SAMPLE = ("c * q / norm(q)", "c * q / rms(q)", "c * q + d", *THRESHOLDS)
"""Numbers of a whole sample in a coordinate's; latents that were scaled and shifted once more."""

OF_LAST = ("q - mean_of_last(q)", "mean_of_last(q)", "q / norm_of_last(q)")
"""Numbers of the last axis in a coordinate's."""

WEIGHED = ("where(q < 0, c * q, q)", "where(q > 0, c * q, q)")
"""One sign counts more than the other."""

BATCH = ("previous_of_batch(q)", "next_of_batch(q)", "reversed_batch(q)", "first_of_batch(q)",
         "next_or_last_of_batch(q)", "previous_or_first_of_batch(q)")  # fmt: skip
"""Another sample's number."""

POSITIVE = ("log(1 + q)", "q / (1 + q)", "q**c")
"""Functions of a positive number."""

GROUPED = ("q - group_mean(q)", "clamp(q, -c, c) - group_mean(clamp(q, -c, c))",
           "maximum(q, c) - group_mean(maximum(q, c))", "minimum(q, c) - group_mean(minimum(q, c))",
           "tanh(q) - group_mean(tanh(q))")  # fmt: skip
"""Advantages centred once more."""

LEVELLED = ("mean_of_all(q)", "q - mean_of_all(q)", "q - mean_of_all(q) + 1",
            "(q - mean_of_all(q)) / std_of_all(q)",
            "(q - mean_of_all(q)) / unbiased_std_of_all(q)",
            "(q - mean_of_all(q)) / (std_of_all(q) + c)",
            "(q - mean_of_all(q)) / (unbiased_std_of_all(q) + c)", "q / std_of_all(q)",
            "q / mean_of_all(q)", "q / mean_of_all(abs(q))", "q / largest_of_all(abs(q))",
            "largest_of_all(q)", "smallest_of_all(q)")  # fmt: skip
"""Numbers of the batch in a sample's, of one number per sample."""

BETWEEN = "clamp(q, c, d)"
"""Held by two limits."""

EXPONENTIALS = ("1 + q", "1 + q + q**2 / 2", "1 + q + q**2 / 2 + q**3 / 6", "2 * sigmoid(q)",
                "1 + tanh(q)", "1 / (1 - q)", "q", "log1p(exp(q)) / log(2)", "exp(q / c)",
                "c**q")  # fmt: skip
"""Functions for exp: its series, gates that are 1 at 0, other bases."""

REDUCTIONS = ("largest(q)", "smallest(q)", "middle(q)", "sqrt(total(q))", "sqrt(abs(average(q)))",
              "last_of(q)", "first_of(q)")  # fmt: skip
"""Reductions of a sample's coordinates to one number."""

_Z = "residual / std"

PENALTIES = (
    f"abs({_Z})", f"huber({_Z}, c)", f"2 * huber({_Z}, c)", f"abs({_Z})**c / 2", f"abs({_Z})**c",
    f"abs({_Z})**c / c", f"log(1 + ({_Z})**2)", f"log(1 + ({_Z})**2 / 2)",
    f"(c + 1) / 2 * log(1 + ({_Z})**2 / c)", f"log(cosh({_Z}))", f"sqrt(1 + ({_Z})**2) - 1",
    f"c**2 * (sqrt(1 + ({_Z} / c)**2) - 1)", "abs(residual)", "residual**2 / 2", "residual**2",
    f"({_Z} / c)**2 / 2", "residual * x_s / (2 * std**2)",
    f"average_of(({_Z})**2) / 2", f"norm({_Z})",
)  # fmt: skip
"""Penalties of a residual that is measured in stds."""

DENSITIES = (
    f"-abs({_Z}) - log(2 * std)", f"-sqrt(2) * abs({_Z}) - log(sqrt(2) * std)",
    f"-log(1 + ({_Z})**2) - log(pi * std)",
    f"-(c + 1) / 2 * log(1 + ({_Z})**2 / c) + log_gamma((c + 1) / 2) - log_gamma(c / 2)"
    " - log(c * pi) / 2 - log(std)",
    f"-abs({_Z}) - 2 * log(1 + exp(-abs({_Z}))) - log(std)",
    f"-({_Z})**2 / 2 - log(std) - c", f"-c * ({_Z})**2 - log(std) - log(2 * pi) / 2",
    f"log(exp(-({_Z})**2 / 2) / (std * sqrt(2 * pi)) + c)",
    f"log(c * exp(-({_Z})**2 / 2) / (std * sqrt(2 * pi)) + 1 - c)",
    f"-({_Z})**2 / 2 - log(std) / log(10) - log(2 * pi) / 2 / log(10)", "q / log(10)", "q / log(2)",
    "exp(q)",
)  # fmt: skip
"""Log-densities of a number: Laplace's by scale and by std, Cauchy's, Student's, the logistic,
a normal one with a constant of its own, with a floor under the density, in another base."""

SQUARES = ("abs(q0)", "huber(q0, c)", "2 * huber(q0, c)", "abs(q0)**c", "log(cosh(q0))",
           "log(1 + q0**2)", "c**2 * (sqrt(1 + (q0 / c)**2) - 1)", "sqrt(q0**2 + c)",
           "norm(q0)", "norm(q0) * abs(q0)", "average_of(q0)**2",
           "average_of(abs(q0))**2")  # fmt: skip
"""Sizes of a difference for its square."""

SURROGATES = (
    "minimum(ratio, 1 + clip_high) * advantage",
    "where(advantage < 0, maximum(q, c * advantage), q)", "where(advantage < 0, c * q, q)",
    "where(advantage > 0, c * q, q)", "where(clipped == ratio, plain, 0)",
    "where(clipped == ratio, plain, 0) + where(clipped == ratio, 0, c * advantage)",
    "where(advantage > 0, plain, clipped * advantage)",
    "where(advantage < 0, plain, clipped * advantage)",
    "where(advantage > 0, q, plain)", "where(advantage < 0, q, plain)",
    "where(advantage > 0, q, clipped * advantage)", "where(advantage < 0, q, clipped * advantage)",
    "where(advantage > 0, q, 0)", "where(advantage < 0, q, 0)",
    "where(advantage > 0, q, advantage)", "where(advantage < 0, q, advantage)",
    "maximum(plain, clamp(ratio, 1 - c, 1 + c) * advantage)",
    "minimum(plain, clamp(ratio, 1 - c, 1 + c) * advantage)",
    "clamp(ratio, 1 - c, 1 + c) * advantage",
    "minimum(q, c * clipped * advantage)", "c * plain + (1 - c) * q",
    "4 / c * sigmoid(c * (ratio - 1)) * advantage", "log(ratio) * advantage", "advantage",
    "(1 + clip_high * tanh((ratio - 1) / clip_high)) * advantage",
    "minimum(log(ratio) * advantage, log(clipped) * advantage)",
    "plain - abs(advantage) * (ratio - 1)**2 / (2 * c)", "plain - c * (ratio - 1)**2",
    "plain - (ratio - 1)**2 / (2 * clip_high)",
    "plain - abs(advantage) * (ratio - 1)**2 / (2 * clip_high)",
    "minimum((1 + log(ratio)) * advantage, clamp(1 + log(ratio), 1 - clip_low, 1 + clip_high)"
    " * advantage)",
    "clipped * log(ratio) * advantage", "log(clipped) * advantage",
    "q - advantage", "q / ratio", "q * ratio", "sqrt(ratio) * advantage",
    "minimum(plain, clamp(ratio, exp(-clip_low), exp(clip_high)) * advantage)",
    "minimum(plain, clamp(ratio, 1 / (1 + clip_high), 1 + clip_high) * advantage)",
)  # fmt: skip
"""Surrogates: a second clip, signs that count differently, a mask, a gate or a penalty for the
clip, no ratio, its logarithm."""

CLIPS = (
    "clamp(ratio, 1 - c, 1 + c)", "clamp(ratio, 1 - c * clip_low, 1 + c * clip_high)",
    "clamp(ratio, c, d)", "clamp(ratio, 1 / (1 + c), 1 + c)",
    "1 + clip_high * tanh((ratio - 1) / clip_high)",
    "exp(clip_high * tanh(log(ratio) / clip_high))",
    "1 + c * tanh((ratio - 1) / c)", "2 * sigmoid(c * (ratio - 1))",
    "1 + clip_high * (2 * sigmoid(2 * (ratio - 1) / clip_high) - 1)",
)  # fmt: skip
"""Clips of other widths than the one that is given, and softer ones."""

COSTS = ("ratio * q", "where(clipped == ratio, q, 0)", "where(clipped == ratio, 0, q)",
         "where(advantage < 0, q, 0)", "where(advantage > 0, q, 0)", "abs(advantage) * q",
         "where(ratio > 1, q, 0)", "where(ratio < 1, q, 0)",
         "clamp(ratio, 1 - clip_low, 1 + clip_high) * q", "where(advantage < 0, c * q, q)",
         "maximum(q - c, 0)", "abs(q - c)")  # fmt: skip
"""A divergence that some samples pay for."""

GUIDED = ("q * minimum(1, norm(v_cond) / norm(q))", "q * maximum(1, norm(v_cond) / norm(q))",
          "q - average_of(q) + average_of(v_cond)", "q * norm(v_uncond) / norm(q)",
          "q / rms(q)", "q * rms(v_cond) / (rms(q) + c)", "in_first_half(q, v_cond)",
          "in_first_half(v_cond, q)", "in_first_half(q, v_uncond)", "in_first_three(q, v_cond)",
          "in_first_three(q, v_uncond)")  # fmt: skip
"""A guided velocity at another size, or guided in some of its channels alone."""

DIFFERENCES = ("q / (abs(mean_ref) + c)", "q / abs(mean_ref)", "q / norm(mean_ref)",
               "abs(mean) - abs(mean_ref)",
               "(mean / norm(mean) - mean_ref / norm(mean_ref)) / sqrt(2)",
               "mean / norm(mean) - mean_ref / norm(mean_ref)",
               "average_of(mean) - average_of(mean_ref)")  # fmt: skip
"""Differences of two means relative to themselves, or of their directions."""

RESIDUALS = ("x_s - (x - h * v)", "x_s - x", "x_s - (x - t * v)", "mean - x", "x_s - noise")
"""Residuals of a sample from what is not the step's mean."""

RATIOS = ("exp(log_prob) / (exp(log_prob_old) + c)", "log_prob / log_prob_old", "exp(log_prob)",
          "1 + exp(log_prob) - exp(log_prob_old)", "exp(log_prob) - exp(log_prob_old)",
          "exp(log_prob) / (exp(log_prob) + exp(log_prob_old)) * 2", "c * q + 1 - c",
          "exp(log_prob - mean_of_all(log_prob_old))")  # fmt: skip
"""A ratio of what it is not the ratio of, or with a number under it."""

OBJECTIVES = ("whole * exp(-beta * kl)", "whole * (1 - beta * kl)", "whole / (1 + beta * kl)",
              "whole - log(1 + beta * kl)", "(1 - beta) * whole - beta * kl")  # fmt: skip
"""An objective that weighs its divergence otherwise."""

KEPT = ("exp(-a**2 * h / t**2)", "exp(-a**2 * h / s**2)", "exp(-a**2 * h / t)", "exp(-a**2 * h)",
        "1 - a**2 * h / (t * s)", "1 - a**2 * h / t**2", "1 - a**2 * h", "1 - a**2",
        "(s / t)**2", "s / t", "exp(-a**2 * h / (t * (1 - t)))")  # fmt: skip
"""Shares of the noise that a step keeps: an integral by one end, its first order, an ODE's."""

OF_LINE: Mapping[str, tuple[str, ...]] = {
    "loss": PENALTIES,
    "each": DENSITIES,
    "square": tuple(form.replace("q0", "difference") for form in SQUARES),
    "whole": SURROGATES,
    "kept": KEPT,
    "clipped": CLIPS,
    "kl": COSTS,
    "difference": DIFFERENCES,
    "log_ratio": (
        "exp(log_prob) * q",
        "exp(log_prob_ref) * q",
        "exp(q) * q",
        "exp(log_prob_ref) - exp(log_prob)",
        "log_prob_ref / log_prob - 1",
    ),
    "gap": ("exp(log_prob) - exp(log_prob_old)", "log_prob / log_prob_old - 1"),
    "residual": RESIDUALS,
    "value": (*GUIDED, *RATIOS, *OBJECTIVES),
}
"""Templates for a line of this name, where its program has what they speak of."""

LINEAR = ("c * q", "c * sign(q)", "c * tanh(q)", "c * q / norm(q)", "c * q / rms(q)", *WEIGHED)
"""Forms in which the number is a factor: any beginning finds it."""

STARTS: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(LINEAR, (0.8,)),
    "where(advantage < 0, maximum(q, c * advantage), q)": (1.2, 1.6, 2.4),
    "4 / c * sigmoid(c * (ratio - 1)) * advantage": (1.0, 4.0),
    "c * plain + (1 - c) * q": (0.5,),
    "exp(q / c)": (1.0,),
    "c**q": (2.0,),
    "q + c": (0.0,),
    "sqrt(q**2 + c)": (0.0,),
    "abs(q)**c * sign(q)": (0.8, 1.5),
    "exp(log_prob) / (exp(log_prob_old) + c)": (0.0,),
    "c * q + 1 - c": (0.5,),
    "minimum(ratio, c) * advantage": (1.2, 1.5, 2.0, 3.0, 5.0, 10.0),
    "q**c": (0.8, 1.5),
    "clamp(ratio, 1 / c, c) * advantage": (1.1, 1.6, 2.4),
    "maximum(ratio, c) * advantage": (0.9, 0.6),
    "maximum(q - c, 0)": (0.0, 0.1, 1.0),
    "clamp(ratio, 1 - c, 1 + c)": (0.1, 0.2, 0.3, 0.5),
    "clamp(ratio, 1 / (1 + c), 1 + c)": (0.1, 0.2, 0.3, 0.5),
    "clamp(ratio, 1 - c * clip_low, 1 + c * clip_high)": (0.5, 1.5, 2.0),
    "abs(q - c)": (0.0, 0.1),
}
"""Where the search for a number begins, where it is not `USUAL`."""

USUAL = (1.0, 0.3, 3.0)


OF_ONE = ("c", "minimum(q, c)", "maximum(q, c)", "sqrt(q)", "q**2", "c * q", "q + c", "1 - q",
          "1 + c * (q - 1)", "floor(q)", "log(1 + q)", "q**c")  # fmt: skip
"""What a scale may become that is one number for all samples."""

SCALES = ("w", "beta", "low", "high")
"""Scales, by name."""


def alternatives(row: Line, known: Env) -> Iterator[tuple[str, str]]:
    """Templates for a line among these numbers, each with what `q` is in it."""
    call, argument = _call(row)
    if call == "exp":
        yield from ((form, argument) for form in EXPONENTIALS)
    if call in ("total", "average"):
        yield from ((form, argument) for form in REDUCTIONS)
    special = (form for form in OF_LINE.get(row.name, ()) if _can_stand(form, known))
    yield from ((form, row.source) for form in (*special, *_plain(row, known)))


def _plain(row: Line, known: Env) -> tuple[str, ...]:
    """Templates for any quantity of this shape."""
    q = np.asarray(known[row.name])
    if not q.ndim:
        return ()
    signs = WEIGHED if (q < 0).any() and (q > 0).any() else ()
    batch = BATCH if len(q) > 1 else ()
    own: tuple[str, ...] = LEVELLED if q.size == len(q) or "rewards" in known else ()
    own += GROUPED if "rewards" in known else ()
    own += POSITIVE if (q > 0).all() else ()
    return (*POINTWISE, *signs, BETWEEN, *batch, *own, *(OF_SAMPLE if q.ndim > 1 else ()),
            *(OF_LAST if q.ndim > 2 else ()))  # fmt: skip


def _call(row: Line) -> tuple[str, str]:
    """The function that a line calls on one number, and the number."""
    match row.expression:
        case ast.Call(ast.Name(name), [argument]):
            return name, ast.unparse(argument)
    return "", row.source


@lru_cache(maxsize=512)
def _names(form: str) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(ast.parse(form)) if isinstance(n, ast.Name))


def _can_stand(form: str, known: Env) -> bool:
    return _names(form).isdisjoint(_SPOKEN_OF - set(known))


_SPOKEN_OF = {
    "residual",
    "std",
    "difference",
    "advantage",
    "ratio",
    "clipped",
    "plain",
    "clip_low",
    "clip_high",
    "log_prob_old",
    "log_prob_ref",
    "kl",
    "mean_ref",
    "x_s",
    "x",
    "v",
    "noise",
    "v_cond",
    "v_uncond",
}
