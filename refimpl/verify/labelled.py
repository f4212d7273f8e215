"""Labels, rare regions and densities along a flow, where everything is exact.

    Σ_y P(y | x) v(x | y) = v(x)        guided score ↔ guided field        P(between the modes)

What training with a null label aims at, what a guided SDE must use in both of its places, why a
regressed score is worthless where nothing is drawn, and the likelihood that maximum likelihood
climbs: each is a number that closed forms give twice.
"""

import math

import torch
from scipy import stats

from ..equations import conversions, density, guidance, ode, paths
from ..simulate import grids
from ..toy import Mixture, batches, field, mixture_2d, ncsn
from ..toy.labelled import three_labels
from ..toy.likelihood import fixed_step
from ..toy.losses import drop_labels
from .check import Evidence, check


@check(
    "numbers",
    covers=("guidance.classifier_free", "density.conditional_mean"),
    rows=("CFG-1", "CFG-4", "CFG-5"),
)
def labels_average_to_the_unguided_field(seed: int) -> Evidence:
    """The null label's target is Σ_y P(y | x) v(x | y) = v(x); score and field guide alike."""
    p, gap = three_labels(), 0.0
    x = p.law.sample(40, torch.Generator().manual_seed(seed))
    for t in (0.1, 0.5, 0.9):
        c = paths.linear(t)
        after = p.log_posterior(c, x).exp().T[:, :, None]
        fields = torch.stack([law.velocity(c, x) for law in p.given])
        mean = density.conditional_mean(after.expand(fields.shape).contiguous(), fields)
        gap = max(gap, float((mean - p.law.velocity(c, x)).abs().max()))
        for w in (1.0, 3.0):
            plain, given = p.law.at(c).score(x), p.given[2].at(c).score(x)
            by_score = guidance.classifier_free(plain, given, w)
            by_field = conversions.score_from_velocity(c, x, p.guided(2, w)(x, t))
            gap = max(gap, float((by_score - by_field).abs().max() * t))
    if not gap < 1e-11:  # a hundred roundings of numbers up to a thousand
        raise AssertionError(f"guided quantities differ by {gap:.3g}")
    y, eta, n = torch.zeros(100_000, dtype=torch.int64), 0.2, 100_000
    dropped = drop_labels(y, 3, eta, torch.Generator().manual_seed(seed))
    share = float((dropped == 3).double().mean())
    bound = 6 * math.sqrt(eta * (1 - eta) / n)  # six standard errors
    if not abs(share - eta) < bound:
        raise AssertionError(f"labels are dropped at rate {share:.4f}, not {eta}")
    return Evidence(
        f"three levels, largest gap {gap:.1e}; labels dropped at rate {share:.4f}", {"gap": gap}
    )


@check("numbers", covers=("langevin.step",), rows=("LD-2",))
def nothing_is_drawn_between_the_modes(seed: int) -> Evidence:
    """P(|x₁| < 1) between the modes, by the mixture's CDF and by Gaussian tails."""
    config = ncsn.Config()
    law = config.law
    first = Mixture(law.weights, law.means[:, :1], law.stds[:, :1])
    low, high = first.cdf(torch.tensor([-1.0, 1.0], dtype=torch.float64)).tolist()
    tails = stats.norm(4, config.std).cdf([-1, 1]), stats.norm(-4, config.std).sf([-1, 1])
    exact = config.weight * (tails[0][1] - tails[0][0])
    exact += (1 - config.weight) * (tails[1][0] - tails[1][1])
    if not abs((high - low) - exact) < 1e-12:  # 1 − 1e-16 is where a CDF ends
        raise AssertionError(f"mass between the modes: {high - low:.3g} and {exact:.3g}")
    if not exact < 1e-8:
        raise AssertionError("the toy should leave the middle empty")
    return Evidence(
        f"of a billion samples {1e9 * exact:.2g} lie between the modes: no loss sees them",
        {"mass between the modes": exact},
    )


@check("numbers", covers=("likelihood.instantaneous",), rows=("NF-3", "NF-4"))
def the_likelihood_that_is_climbed_is_exact(seed: int) -> Evidence:
    """The differentiable likelihood (RK4) at the exact field is the mixture's log-density."""
    law = mixture_2d()
    x = batches.from_law(law, 32, torch.float64)(torch.Generator().manual_seed(seed)).data
    truth = law.log_density(x)
    coarse, fine = (
        float((fixed_step(field(law), x, ode.rk4, grids.uniform(T)).detach() - truth).abs().max())
        for T in (80, 160)
    )
    if not (fine < 2e-4 and coarse / fine > 8):  # order 4 gives 16 once steps are small
        raise AssertionError(f"errors {coarse:.3g} at 80 steps and {fine:.3g} at 160")
    return Evidence(f"within {fine:.1e} at 160 steps, {coarse / fine:.0f} times better than at 80")
