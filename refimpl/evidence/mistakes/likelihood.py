"""Mistakes about likelihoods: signs of the log-determinant and of the divergence.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import exp, log
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "determinant of the inverse", "likelihood.change_of_variables",
        lambda log_p, determinant: log_p + log(determinant**2) / 2,
        "Right for the inverse map's determinant.", "the two forms of the formula",
        "minus for the forward map",
    ),
    Mistake(
        "δ forgotten", "likelihood.residual_step",
        lambda x, u, delta: x + u,
        "A block that does not shrink as they are composed.", "residual networks", "x + δ u",
    ),
    Mistake(
        "sign of the divergence", "likelihood.instantaneous",
        lambda divergence: divergence + 0,
        "Expansion would concentrate.", "integrating backwards and forwards", "−∇·v",
    ),
    Mistake(
        "mean for sum", "likelihood.hutchinson",
        lambda eps, jacobian_eps: (eps * jacobian_eps).sum(axis=-1) / eps.shape[-1],
        "A trace adds up.", CLASSIC, "sum over coordinates",
    ),
    Mistake(
        "scale not exponential", "likelihood.coupled",
        lambda x, log_scale, offset: x * log_scale + offset,
        "A scale that can vanish: the block is not invertible.", CLASSIC, "e^s",
    ),
    Mistake(
        "shift before scale", "likelihood.coupled",
        lambda x, log_scale, offset: (x + offset) * exp(log_scale),
        "Invertible, but not by `uncoupled`.", "blocks that shift first", "scale, then shift",
    ),
    Mistake(
        "scale before shift", "likelihood.uncoupled",
        lambda y, log_scale, offset: y * exp(-log_scale) - offset,
        "The steps undone in the order in which they were done.", CLASSIC, "the other order",
    ),
    Mistake(
        "sign of s", "likelihood.uncoupled",
        lambda y, log_scale, offset: (y - offset) * exp(log_scale),
        "Scaled twice.", CLASSIC, "e^{−s}",
    ),
    Mistake(
        "sign of the volume", "likelihood.through_block",
        lambda log_p, log_scale: log_p + log_scale,
        "Density falls where the map stretches.", "forward and inverse maps", "minus s",
    ),
    Mistake(
        "no volume", "likelihood.through_block",
        lambda log_p, log_scale: log_p + 0 * log_scale,
        "Right for blocks that only shift.", "additive coupling", "minus s",
    ),
)
# fmt: on
