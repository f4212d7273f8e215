"""Second routes for guidance: straight lines in the scale, and an integrated field.

A guided field is fixed by the two scales at which the answer is known.
"""

from functools import cache
from typing import Any

import mpmath as mp

from ..calculus import line, log_npdf, peak, slope
from ..route import route


@cache
def _growth(s: Any) -> Any:
    """∫ v(x, t)/x dt from data to noise for N(0, s²) on the linear path: log of a width's ratio."""

    def slope_of(t: Any) -> Any:
        return (t - (1 - t) * s**2) / ((1 - t) ** 2 * s**2 + t**2)

    # poles lie at the complex ±i s/(1 ± i s): pieces that shrink by 4 towards them
    near_0 = [mp.mpf(4) ** -k for k in range(1, 2 + max(0, int(-mp.log(s, 4))))]
    near_1 = [1 - mp.mpf(4) ** -k for k in range(1, 2 + max(0, int(mp.log(s, 4))))]
    ends = sorted({mp.mpf(0), mp.mpf(1) / 2, mp.mpf(1), *near_0, *near_1})
    return mp.quad(slope_of, ends, method="gauss-legendre")


@route("guidance.gaussian_std")
def gaussian_std(std_uncond: Any, std_cond: Any, w: Any) -> Any:
    """Integrate the guided field's slope from noise to data, on the linear path."""
    return mp.exp(-((1 - w) * _growth(std_uncond) + w * _growth(std_cond)))


@route("guidance.tilted_std")
def tilted_std(std_uncond: Any, std_cond: Any, w: Any) -> Any:
    """The curvature of log p + w (log p_y − log p)."""

    def log_p(y: Any) -> Any:
        plain, given = (log_npdf(y, 0, s) for s in (std_uncond, std_cond))
        return plain + w * (given - plain)

    return peak(log_p, mp.mpf(0))["std"]


@route("guidance.bayes_score")
def bayes_score(score: Any, classifier_score: Any) -> Any:
    """The logarithmic derivative of a product."""
    return slope(lambda y: mp.log(mp.exp(score * y) * mp.exp(classifier_score * y)), 0)


@route("guidance.classifier")
def classifier(v: Any, a: Any, classifier_score: Any, w: Any) -> Any:
    """Tilt the density by p(y | x)ʷ; the field's score part follows, its other part stays."""
    score = mp.mpf(1)  # any: the rest of v takes up the difference
    rest = v - a * score
    return rest + a * slope(
        lambda y: mp.log(mp.exp(score * y) * mp.exp(classifier_score * y) ** w), 0
    )


@route("guidance.classifier_free")
def classifier_free(v_uncond: Any, v_cond: Any, w: Any) -> Any:
    """The line through (0, unguided) and (1, conditional)."""
    return line(0, v_uncond, 1, v_cond, w)


@route("guidance.ho_salimans")
def ho_salimans(v_uncond: Any, v_cond: Any, omega: Any) -> Any:
    """The line through (−1, unguided) and (0, conditional)."""
    return line(-1, v_uncond, 0, v_cond, omega)


@route("guidance.diffusers")
def diffusers(v_uncond: Any, v_cond: Any, guidance_scale: Any) -> Any:
    """The line through (0, unguided) and (1, conditional), run the other way."""
    return line(1, v_cond, 0, v_uncond, guidance_scale)


@route("guidance.projection")
def projection(along: Any, squared: Any) -> Any:
    """The multiple at which the distance, a parabola in it, has no slope."""
    slopes = [slope(lambda s: s * s * squared - 2 * s * along, mp.mpf(at)) for at in (0, 1)]
    return line(slopes[0], 0, slopes[1], 1, 0)


@route("guidance.zero_star")
def zero_star(v_uncond: Any, v_cond: Any, w: Any, projection: Any) -> Any:
    """The line through (0, the scaled unguided velocity) and (1, the conditional one)."""
    return line(0, projection * v_uncond, 1, v_cond, w)


@route("guidance.rescale")
def rescale(v_guided: Any, std_cond: Any, std_guided: Any, share: Any) -> Any:
    """The line in φ from the velocity to the one with the other spread."""
    return line(0, v_guided, 1, v_guided / std_guided * std_cond, share)


@route("guidance.interval")
def interval(v_uncond: Any, v_cond: Any, w: Any, t: Any, low: Any, high: Any) -> Any:
    """A table: the line in the scale, read at w inside and at 1 outside."""
    return line(0, v_uncond, 1, v_cond, w if low < t <= high else mp.mpf(1))


@route("guidance.plus_plus")
def plus_plus(x: Any, v_uncond: Any, v_cond: Any, strength: Any, t: Any, s: Any) -> Any:
    """A point of the path at s, between the guided datum and the unconditional noise."""
    data = x - t * line(0, v_uncond, 1, v_cond, strength)
    noise = x + (1 - t) * v_uncond
    return line(0, data, 1, noise, s)
