"""Floor 1: tests of samples that raise, with a stated false-alarm rate and an asserted power."""

from . import budget, calibration, distribution, gaussian, orders, residuals
from .outcome import Claim, DesignError, Outcome, StatisticalFailure

__all__ = [
    "Claim",
    "DesignError",
    "Outcome",
    "StatisticalFailure",
    "budget",
    "calibration",
    "distribution",
    "gaussian",
    "orders",
    "residuals",
]
