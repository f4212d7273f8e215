"""Second routes for DDPM: a Gaussian conditioned by the peak and curvature of its log-density."""

from typing import Any

import mpmath as mp

from ..calculus import Parts, log_npdf, peak
from ..route import route


@route("ddpm.forward")
def forward(x: Any, beta: Any) -> Parts:
    """Through logarithms."""
    return {"mean": x * mp.exp(mp.log1p(-beta) / 2), "std": mp.exp(mp.log(beta) / 2)}


@route("ddpm.marginal")
def marginal(data: Any, alpha_bar: Any) -> Parts:
    """A forward step that loses 1 − ᾱ at once."""
    return {
        "mean": data * mp.exp(mp.log(alpha_bar) / 2),
        "std": mp.exp(mp.log1p(-alpha_bar) / 2),
    }


@route("ddpm.posterior")
def posterior(x: Any, data: Any, beta: Any, alpha_bar_prev: Any) -> Parts:
    """Bayes: the log-densities of the step into x and of the marginal before it, added."""

    def log_density(y: Any) -> Any:
        step = log_npdf(x, mp.sqrt(1 - beta) * y, mp.sqrt(beta))
        return step + log_npdf(y, mp.sqrt(alpha_bar_prev) * data, mp.sqrt(1 - alpha_bar_prev))

    return peak(log_density, data)


@route("ddpm.reverse_variance")
def reverse_variance(beta: Any, alpha_bar_prev: Any, data_variance: Any) -> Any:
    """The curvature of the same sum, the datum averaged over N(0, s²)."""
    before = alpha_bar_prev * data_variance + 1 - alpha_bar_prev

    def log_density(y: Any) -> Any:
        return log_npdf(0, mp.sqrt(1 - beta) * y, mp.sqrt(beta)) + log_npdf(y, 0, mp.sqrt(before))

    return -1 / mp.diff(log_density, 0, 2)
