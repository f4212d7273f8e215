"""Mistakes about likelihoods: signs of the log-determinant and of the divergence.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import log
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
)
# fmt: on
