"""The flow transports every quantile."""

import torch

from ...equations import paths
from ...simulate.ode import adaptive
from ...toy import field, mixture_1d
from ..check import Evidence, check


@check(
    "samplers",
    covers=("paths.velocity", "density.posterior", "density.conditional_mean"),
    rows=("VF-3", "DYN-9"),
)
def flow_transports_every_quantile(seed: int) -> Evidence:
    """In one dimension the flow keeps order: F_s(x_s) = F_t(x_t) along every trajectory."""
    p, gap = mixture_1d(), 0.0
    x = torch.linspace(-4, 4, 161, dtype=torch.float64)[:, None]
    for path, start in ((paths.linear, 1.0), (paths.cosine, 1.0)):
        for end in (0.5, 0.1, 0.0):
            y = adaptive(field(p, path), x, start, end)
            gap = max(gap, float((p.at(path(end)).cdf(y) - p.at(path(start)).cdf(x)).abs().max()))
    if not gap < 1e-8:  # local errors of 1e-10 over some hundred steps
        raise AssertionError(f"quantiles drift by {gap:.3g} along the flow")
    return Evidence(
        f"161 trajectories on two paths, largest drift {gap:.1e}", {"largest drift": gap}
    )
