"""Mistakes about schedules: shifted twice, inverted, by μ for e^μ, a last level that stays.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import exp, log
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "shifted twice", "schedules.shift",
        lambda t, by: by**2 * t / (1 + (by**2 - 1) * t),
        "The levels were shifted already: k acts as k².", "diffusers 13243 on the ends of its grid",
        "shift even levels, once",
    ),
    Mistake(
        "shift inverted", "schedules.shift",
        lambda t, by: t / (by + (1 - by) * t),
        "The grid dwells near the data.", "ports to data-time, where the shift is 1/k",
        "k t above, 1 + (k − 1) t below",
    ),
    Mistake(
        "not shifted", "schedules.shift", lambda t, by: t + 0 * by,
        "Even levels, though a shift is declared.", "custom timesteps told as they are given",
        "k t/(1 + (k − 1) t)",
    ),
    Mistake(
        "k t alone", "schedules.shift", lambda t, by: by * t,
        "The numerator without its denominator: above 1 near noise.", CLASSIC,
        "divide by 1 + (k − 1) t",
    ),
    Mistake(
        "quotient of levels", "schedules.shift_between", lambda t, to: to / t,
        "Levels for odds: right near data alone.", CLASSIC, "t′(1 − t) over t(1 − t′)",
    ),
    Mistake(
        "the other way", "schedules.shift_between", lambda t, to: t * (1 - to) / (to * (1 - t)),
        "The shift that takes t′ to t.", CLASSIC, "the odds of t′ above",
    ),
    Mistake(
        "μ for e^μ", "schedules.dynamic", lambda t, mu: mu * t / (1 + (mu - 1) * t),
        "The exponential kind is declared, and μ is used as the shift itself.",
        'time_shift_type "linear" for "exponential"', "the shift is e^μ",
    ),
    Mistake(
        "sign of μ", "schedules.dynamic", lambda t, mu: t / (t + (1 - t) * exp(mu)),
        "The grid dwells near the data.", "ports to data-time", "e^(−μ) beside 1 − t",
    ),
    Mistake(
        "through the origin", "schedules.mu",
        lambda tokens, base_tokens, max_tokens, base_mu, max_mu:
            base_mu + (max_mu - base_mu) * tokens / max_tokens + 0 * base_tokens,
        "The line starts at no tokens in place of n_0.", CLASSIC, "n − n_0 over n_1 − n_0",
    ),
    Mistake(
        "over the longest", "schedules.mu",
        lambda tokens, base_tokens, max_tokens, base_mu, max_mu:
            base_mu + (max_mu - base_mu) * (tokens - base_tokens) / max_tokens,
        "Divided by n_1 in place of the distance of both.", CLASSIC, "n_1 − n_0 below",
    ),
    Mistake(
        "ends exchanged", "schedules.mu",
        lambda tokens, base_tokens, max_tokens, base_mu, max_mu:
            max_mu + (base_mu - max_mu) * (tokens - base_tokens) / (max_tokens - base_tokens),
        "The longest sequence gets the smallest shift.", CLASSIC, "μ_0 belongs to n_0",
    ),
    Mistake(
        "levels stretched", "schedules.stretch",
        lambda t, last, terminal: terminal + (t - last) + 0 * last,
        "The whole grid was moved, so that it no longer starts at noise.", CLASSIC,
        "multiply 1 − t",
    ),
    Mistake(
        "stretched by the quotient of levels", "schedules.stretch",
        lambda t, last, terminal: t * terminal / last,
        "t was multiplied in place of 1 − t: the first level falls below 1.", CLASSIC,
        "multiply 1 − t",
    ),
    Mistake(
        "not stretched", "schedules.stretch", lambda t, last, terminal: t + 0 * (last + terminal),
        "The declared terminal level is ignored.", "samplers that read shift and nothing else",
        "(1 − t)(1 − t_end)/(1 − t_last)",
    ),
    Mistake(
        "even in σ", "schedules.karras",
        lambda u, low, high, rho: high + u * (low - high) + 0 * rho,
        "ρ = 1: the even grid.", CLASSIC, "the line is in σ^(1/ρ)",
    ),
    Mistake(
        "ρ for 1/ρ", "schedules.karras",
        lambda u, low, high, rho: (high**rho + u * (low**rho - high**rho)) ** (1 / rho),
        "The exponents changed places: the grid dwells near noise.", CLASSIC, "1/ρ inside",
    ),
    Mistake(
        "rising", "schedules.karras",
        lambda u, low, high, rho: (
            low ** (1 / rho) + u * (high ** (1 / rho) - low ** (1 / rho))) ** rho,
        "From the last level to the first.", CLASSIC, "start at the first level",
    ),
    Mistake(
        "even in σ", "schedules.exponential", lambda u, low, high: high + u * (low - high),
        "Levels interpolated, not their logarithms.", CLASSIC, "σ_max (σ_min/σ_max)^u",
    ),
    Mistake(
        "rising", "schedules.exponential", lambda u, low, high: low * (high / low) ** u,
        "From the last level to the first.", CLASSIC, "start at the first level",
    ),
    Mistake(
        "log SNR for half of it", "schedules.log_snr", lambda t: 2 * log((1 - t) / t),
        "SNR is the square of α/σ: steps twice as long.", "papers that call log SNR λ",
        "log α − log σ",
    ),
    Mistake(
        "sign", "schedules.log_snr", lambda t: log(t / (1 - t)),
        "The logit of the level: it rises towards noise.", CLASSIC, "1 − t above",
    ),
    Mistake(
        "variance exploding level", "schedules.level_of_sigma", lambda sigma: sigma + 0,
        "EDM's σ used as a flow's level: above 1 it is none.",
        "use_karras_sigmas without its conversion in DPM++", "σ/(1 + σ)",
    ),
    Mistake(
        "variance preserving level", "schedules.level_of_sigma",
        lambda sigma: sigma / (1 + sigma**2) ** 0.5,
        "The path whose squares add up to one.", "DDPM's scaling", "σ/(1 + σ)",
    ),
)
# fmt: on
