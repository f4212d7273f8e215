"""The proof engine: claims in, one of three verdicts out, and wrong neighbours that must fall."""

from .algebra.decide import Decision, Verdict, decide
from .derivation import Lines, Production, derivation, derivations

__all__ = [
    "Decision",
    "Lines",
    "Production",
    "Verdict",
    "decide",
    "derivation",
    "derivations",
]
