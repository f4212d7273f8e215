"""Guidance: what it samples, and what dropped labels teach, by closed forms."""

import math
from functools import cache, partial
from itertools import pairwise

import torch
from torch import Tensor

from ...equations import guidance, ode, paths, sde
from ...equations.gaussian import Gaussian
from ...simulate import grids, laws
from ...simulate import sde as chains
from ...simulate.ode import solve
from ...statistics import budget, counts, residuals
from ...statistics import gaussian as exact
from ...statistics.budget import claim
from ...statistics.ledger import N
from ...toy import Mixture
from ...toy import gaussian as gaussian_problem
from ...toy.labelled import three_labels
from ...toy.losses import drop_labels
from .. import independent
from ..accepting import evidence_of, must_reject, standard_normal
from ..check import Evidence, check


@check("statistics", covers=("guidance.gaussian_std", "guidance.classifier_free"), rows=("CFG-6",))
def guidance_samples_neither_law(seed: int) -> Evidence:
    """At w = 3 the guided flow of N(0, 1) and N(0, 0.6²) has std 0.6³, not that of p(x)p(y|x)³."""
    w, plain, given = 3.0, gaussian_problem([0.0], [1.0]), gaussian_problem([0.0], [0.6])

    def field(x: Tensor, t: float) -> Tensor:
        c = paths.linear(t)
        return guidance.classifier_free(plain.velocity(c, x), given.velocity(c, x), w)

    generator = budget.generator("guided", seed)
    x = solve(ode.rk4, field, standard_normal(N, 1, generator=generator), grids.uniform(20))
    sampled = guidance.gaussian_std(1.0, 0.6, w)
    outcome = exact.variance(x, 0.0, sampled, claim("guided.geometric"), detects=0.025)
    rejected = [
        must_reject(belief, partial(exact.variance, x, 0.0, std, claim(name), detects=0.025))
        for belief, std, name in (
            ("guidance samples p(x) p(y | x)^w", guidance.tilted_std(1.0, 0.6, w), "guided.tilted"),
            ("guidance samples p(x | y)", 0.6, "guided.conditional"),
        )
    ]
    evidence = evidence_of([outcome])
    for failure in rejected:
        share = failure.statistic / failure.bound
        evidence.figures[f"{failure.name}: rejected, statistic/bound"] = share
    for scale in (1.0, 1.5, 2.0, 3.0, 5.0, 7.5):
        ratio = guidance.gaussian_std(1.0, 0.6, scale) / guidance.tilted_std(1.0, 0.6, scale)
        evidence.figures[f"std of the guided flow over that of the tilted law, w = {scale}"] = ratio
    return evidence


_PLAIN, _GIVEN = ([0.0], [1.0]), ([0.5], [0.6])


@check(
    "statistics",
    covers=("guidance.classifier", "guidance.classifier_free", "sde.drift"),
    rows=("CFG-2", "CFG-5"),
)
def guided_chains_have_their_law(seed: int) -> Evidence:
    """At w = 2.5 on two Gaussians: Euler with and without a classifier, and the guided SDE.

    Field and score are affine, so each chain is Gaussian with a law that is known exactly. The
    classifier's slope is the difference of two scores, and the first two chains share one law.
    """
    w, g, grid = 2.5, 0.7, grids.uniform(20, 0.95, 0.0)
    plain, given = gaussian_problem(*_PLAIN), gaussian_problem(*_GIVEN)

    def velocity(p: Mixture, x: Tensor, t: float) -> Tensor:
        return p.velocity(paths.linear(t), x)

    def score(p: Mixture, x: Tensor, t: float) -> Tensor:
        return p.at(paths.linear(t)).score(x)

    def by_classifier(x: Tensor, t: float) -> Tensor:
        slope = score(given, x, t) - score(plain, x, t)
        return guidance.classifier(velocity(plain, x, t), -t / (1 - t), slope, w)

    def free(x: Tensor, t: float) -> Tensor:
        return guidance.classifier_free(velocity(plain, x, t), velocity(given, x, t), w)

    def noisy(step: sde.Step) -> chains.Kernel:
        def at(x: Tensor) -> Gaussian:
            both = score(plain, x, step.t), score(given, x, step.t)
            drift = sde.drift(free(x, step.t), guidance.classifier_free(*both, w), g)
            return sde.euler_maruyama(x, -drift, g, step.h)

        return at

    outcomes = []
    for name, level in (("classifier", 0.0), ("free", 0.0), ("sde", g)):
        generator = budget.generator(f"guided.chain.{name}", seed)
        x = standard_normal(N, 1, generator=generator)
        if name == "sde":
            x = chains.run([noisy(step) for step in grid.steps], x, generator=generator).states[-1]
        else:
            x = solve(ode.euler, by_classifier if name == "classifier" else free, x, grid)
        law = _guided_law(w, level, grid.levels)
        mean, std = law.mean[-1], law.std[-1]
        at = f"guided.chain.{name}"
        outcomes += [
            exact.mean(x, mean, std.square().diag(), claim(f"{at}.mean"), detects=0.03),
            exact.variance(x, mean, std, claim(f"{at}.variance"), detects=0.025),
        ]
    return evidence_of(outcomes)


@cache
def _guided_law(w: float, g: float, levels: tuple[float, ...]) -> laws.GaussianLaw:
    """The chain's law by the independent posterior: means of both laws, mixed 1 − w to w.

    No equation is called, so it is the same whatever is planted.
    """
    pair = gaussian_problem(*_PLAIN), gaussian_problem(*_GIVEN)

    def kernel(t: float, s: float) -> chains.Kernel:
        def at(x: Tensor) -> Gaussian:
            each = [torch.stack(independent.posterior(p, x, 1 - t, t)) for p in pair]
            data, noise = (1 - w) * each[0] + w * each[1]
            mean = (1 - s) * data + (s - g**2 * (t - s) / (2 * t)) * noise
            return Gaussian(mean, g * math.sqrt(t - s))

        return at

    one = torch.ones(1, dtype=torch.float64)
    return laws.gaussian_law([kernel(t, s) for t, s in pairwise(levels)], 0 * one, one)


@check("statistics", covers=("paths.interpolate", "paths.velocity"), rows=("CFG-1", "CFG-4"))
def dropped_labels_teach_both_fields(seed: int) -> Evidence:
    """Where the label stays the target's mean is v(x | y), where it is dropped v(x); η is exact.

    So one network, asked with and without a label, learns the conditional and the marginal field.
    """
    p, t, eta = three_labels(), 0.6, 0.2
    generator = budget.generator("labels", seed)
    data, y = p.sample(N, generator)
    asked = drop_labels(y, p.labels, eta, generator)
    noise = standard_normal(N, 2, generator=generator)
    c = paths.linear(t)
    x, target = paths.interpolate(c, data, noise), paths.velocity(c, data, noise)
    outcomes = [counts.share(asked == p.labels, eta, claim("labels.dropped"), detects=0.013)]
    field, proxy = torch.zeros_like(x), torch.zeros(N, dtype=torch.float64)
    for label, law in enumerate((*p.given, p.law)):
        rows = asked == label
        at = (1 - t) * data[rows] + t * noise[rows]
        field[rows] = independent.velocity(law)(at, t)
        proxy[rows] = _spread(law, at, t)
    for i in (0, 1):
        weights = {f"sin x{j}": x[:, j].sin() for j in (0, 1)} | {
            "1": torch.ones(N, dtype=torch.float64),
            "cos x0": x[:, 0].cos(),
            "kept": (asked < p.labels).double(),
        }
        name = claim(f"labels.velocity{i}")
        outcomes.append(
            residuals.zero_mean((target - field)[:, i], proxy, weights, name, detects=0.035)
        )
    return evidence_of(outcomes)


def _spread(law: Mixture, x: Tensor, t: float) -> Tensor:
    """A bound on the variance proxy of either coordinate of v given x: v = (x − data)/t."""
    wide = ((1 - t) * law.stds) ** 2 + t**2
    pull = (x[None] - (1 - t) * law.means[:, None]) / wide[:, None]
    means = law.means[:, None] + (1 - t) * law.stds[:, None] ** 2 * pull
    width = (law.stds**2 * t**2 / wide).max()
    return ((means.amax(0) - means.amin(0)) ** 2 / 4 + width).amax(1) / t**2
