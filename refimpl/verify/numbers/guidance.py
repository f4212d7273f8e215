"""Guided fields: labels average out, and Bayes' rule with and without a classifier."""

import mpmath as mp
import torch

from ...equations import conversions, density, guidance, paths
from ...equations.conventions import omega_from_w
from ...toy.labelled import three_labels
from ..check import Evidence, check
from ..mixtures import DIGITS, Scene, close, compared, mixture, scenes
from .conversions import _log_density


@check(
    "numbers",
    covers=(
        "guidance.classifier", "guidance.classifier_free", "guidance.bayes_score",
        "guidance.ho_salimans", "guidance.diffusers", "conventions.omega_from_w",
    ),
    rows=("CFG-2", "CFG-3", "CFG-7"),
)  # fmt: skip
def guidance_with_and_without_a_classifier(seed: int) -> Evidence:
    """v + w a_t ∇log p(y | x) = (1 − w) v(x) + w v(x | y) on every path, and three scales agree."""
    gaps: dict[str, float] = {}
    with mp.workdps(DIGITS):
        for scene in scenes():
            # p(y | z) ∝ 1, 0, 2: the labelled data, again a mixture of the same points
            path = scene.mixture.path
            labelled = Scene(
                "labelled", mixture(len(scene.x), path, ("0.5", "0", "0.5")), scene.x, scene.t
            )
            a = conversions.velocity_from_score(path(scene.t), mp.mpf(0), mp.mpf(1))
            for i in scene.coordinates:
                log_p, log_p_y = _log_density(scene), _log_density(labelled)
                gradient = scene.along(log_p_y, i) - scene.along(log_p, i)
                score = guidance.bayes_score(scene.score(scene.x)[i], gradient)
                close(f"Bayes, {scene.name}", score, labelled.score(scene.x)[i], gaps)
                v, v_y = scene.velocity(scene.x)[i], labelled.velocity(scene.x)[i]
                for w in (mp.mpf("0.5"), mp.mpf(1), mp.mpf("4.5")):
                    free = guidance.classifier_free(v, v_y, w)
                    close(scene.name, guidance.classifier(v, a, gradient, w), free, gaps)
                    theirs = guidance.ho_salimans(v, v_y, omega_from_w(w))
                    close("Ho and Salimans", theirs, free, gaps)
                    close("diffusers", guidance.diffusers(v, v_y, w), free, gaps)
    return compared(gaps)


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
    return Evidence(f"three levels, largest gap {gap:.1e}", {"gap": gap})
