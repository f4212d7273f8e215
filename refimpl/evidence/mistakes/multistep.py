"""Mistakes about steps that remember: the wrong clock, the wrong end, a line the wrong way round.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations import Step
from ...equations.elementary import Num, log
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "length in t", "multistep.reach", lambda step: step.t - step.s,
        "The solver is built on λ; in t its line bends.", "ports that keep h = t − s",
        "log(t(1 − s)/(s(1 − t)))",
    ),
    Mistake(
        "variance exploding", "multistep.reach", lambda step: log(step.t / step.s),
        "The data's weight 1 − t is forgotten: EDM's λ.", "samplers ported from EDM",
        "log α − log σ",
    ),
    Mistake(
        "log SNR for half of it", "multistep.reach",
        lambda step: 2 * log(step.t * (1 - step.s) / (step.s * (1 - step.t))),
        "Twice the length.", "papers that call log SNR λ", "log α − log σ",
    ),
    Mistake(
        "noise for data", "multistep.first",
        lambda x, data, step: x - (step.t - step.s) * data,
        "A prediction of the data used as a velocity.", "prediction_type declared wrongly",
        "(x − data)/t is the velocity",
    ),
    Mistake(
        "weights exchanged", "multistep.first",
        lambda x, data, step: (1 - step.s / step.t) * x + step.s / step.t * data,
        "All the way where nothing should move.", CLASSIC, "s/t belongs to x",
    ),
    Mistake(
        "(1 − s) data", "multistep.first",
        lambda x, data, step: step.s / step.t * x + (1 - step.s) * data,
        "The data that x carries already are added once more.", CLASSIC, "1 − s/t",
    ),
    Mistake(
        "forgets", "multistep.dpmpp_2m",
        lambda x, data, data_before, ratio, step:
            step.s / step.t * x + (1 - step.s / step.t) * data + 0 * (data_before + ratio),
        "Order 1: the history was reset or never filled.",
        "schedulers whose state is made anew at each step",
        "keep the last prediction",
    ),
    Mistake(
        "r for 1/r", "multistep.dpmpp_2m",
        lambda x, data, data_before, ratio, step:
            step.s / step.t * x
            + (1 - step.s / step.t) * (data + ratio * (data - data_before) / 2),
        "On grids with even steps in λ nobody notices.", CLASSIC,
        "the step before over this one, below",
    ),
    Mistake(
        "backwards", "multistep.dpmpp_2m",
        lambda x, data, data_before, ratio, step:
            step.s / step.t * x
            + (1 - step.s / step.t) * (data - (data - data_before) / (2 * ratio)),
        "The line is read half a step behind.", CLASSIC, "data + (data − before)/(2r)",
    ),
    Mistake(
        "a whole step ahead", "multistep.dpmpp_2m",
        lambda x, data, data_before, ratio, step:
            step.s / step.t * x
            + (1 - step.s / step.t) * (data + (data - data_before) / ratio),
        "The data at the end of the step, for their mean over it: order 1.", CLASSIC, "half of it",
    ),
    Mistake(
        "end alone", "multistep.unic_1",
        lambda x, data, data_after, step:
            step.s / step.t * x + (1 - step.s / step.t) * data_after + 0 * data,
        "Implicit Euler: order 1.", CLASSIC, "the mean of both ends",
    ),
    Mistake(
        "not corrected", "multistep.unic_1",
        lambda x, data, data_after, step:
            step.s / step.t * x + (1 - step.s / step.t) * data + 0 * data_after,
        "The guess again.", "disable_corrector on the first steps", "the mean of both ends",
    ),
    Mistake(
        "half of each", "multistep.unic_2",
        lambda x, data, data_before, data_after, ratio, reach, step:
            step.s / step.t * x
            + (1 - step.s / step.t) * (data + (data_after - data) / 2)
            + 0 * (data_before + ratio + reach),
        "The corrector of order 1, at every step.", CLASSIC, "the parabola's weights",
    ),
    Mistake(
        "behind the wrong way", "multistep.unic_2",
        lambda x, data, data_before, data_after, ratio, reach, step:
            _unic(x, data, 2 * data - data_before, data_after, ratio, reach, step),
        "(data − before)/r with its sign lost: r_k is negative in the papers.",
        CLASSIC, "divide by −r, or turn the difference",
    ),
    Mistake(
        "r for 1/r", "multistep.unic_2",
        lambda x, data, data_before, data_after, ratio, reach, step:
            _unic(x, data, data_before, data_after, 1 / ratio, reach, step),
        "On grids with even steps in λ nobody notices.", CLASSIC, "the step before over this one",
    ),
    Mistake(
        "weights exchanged", "multistep.unic_2",
        lambda x, data, data_before, data_after, ratio, reach, step: _unic(
            x, data, data - ratio * (data_after - data), data + (data - data_before) / ratio,
            ratio, reach, step),
        "The weight of the slope behind given to the one ahead.", CLASSIC, "w_s is the larger",
    ),
)
# fmt: on


def _unic(
    x: Num, data: Num, data_before: Num, data_after: Num, ratio: Num, reach: Num, step: Step
) -> Num:
    """The corrector, its weights solved by Cramer's rule."""
    share = (step.t - step.s) / (step.t * (1 - step.s))
    first = 1 / share - 1 / reach
    second = 1 / share - 2 / (share * reach) + 2 / reach**2
    behind = (first - second) / (1 + ratio)
    ahead = (ratio * first + second) / (1 + ratio)
    seen = data + behind * (data - data_before) / ratio + ahead * (data_after - data)
    return step.s / step.t * x + (1 - step.s / step.t) * seen
