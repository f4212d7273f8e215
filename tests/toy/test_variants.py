"""Guidance as it is deployed, on laws where every end is known."""

import pytest
import torch

from refimpl.equations import Gaussian, guidance
from refimpl.simulate import grids, laws
from refimpl.simulate.grids import uniform
from refimpl.toy import variants
from refimpl.toy.variants import GAUSSIANS, MODES, VARIANTS, end

GRID = grids.sd35_once_shifted(28)


def centred(s, s_y):
    return variants.Pair(
        variants._mixture([1.0], [0.0], [s]), variants._mixture([1.0], [0.0], [s_y])
    )


def test_plain_guidance_of_gaussians_is_the_recursion_of_its_affine_steps():
    one = torch.ones(1, dtype=torch.float64)
    w = 3.0

    def kernel(step):
        def at(x):
            u, c = (v[:, None] for v in GAUSSIANS.velocities(x[:, 0], step.t))
            v = guidance.classifier_free(u, c, w)
            return Gaussian(x - step.h * v, 0 * one)

        return at

    law = laws.gaussian_law([kernel(s) for s in GRID.steps], 0 * one, one)
    found = end("cfg", GAUSSIANS, w, GRID)
    assert found.mean == pytest.approx(float(law.mean[-1]), rel=1e-9)
    # the quantiles of 4001 equal shares have a spread of 1 − 2e-4
    assert found.std == pytest.approx(float(law.std[-1]), rel=1e-3)


@pytest.mark.parametrize("w", [0.0, 1.0, 3.0])
def test_on_a_fine_grid_plain_guidance_has_the_geometric_width(w):
    found = end("cfg", centred(1.0, 0.6), w, uniform(400))
    assert found.std == pytest.approx(guidance.gaussian_std(1.0, 0.6, w), rel=6 / 400)  # order one


def test_at_scale_one_every_variant_is_the_conditional_flow():
    want = end("conditional", GAUSSIANS, 1.0, GRID)
    for variant in VARIANTS:
        if "++" not in variant:
            found = end(variant, GAUSSIANS, 1.0, GRID)
            assert (found.mean, found.std) == pytest.approx((want.mean, want.std), rel=1e-12)
    # CFG++ at λ = 1, w = 10 here, keeps the unconditional noise, which a single step does not use
    plus = end("cfg++, λ = w/10", GAUSSIANS, 10.0, uniform(1))
    assert plus.mean == pytest.approx(end("conditional", GAUSSIANS, 1.0, uniform(1)).mean)


def test_variants_narrow_a_gaussian_less_than_plain_guidance():
    widths = {name: end(name, GAUSSIANS, 4.5, GRID).std for name in VARIANTS}
    assert widths["cfg"] == min(widths.values())
    assert widths["cfg"] < widths["interval .25 to .75"] < widths["conditional"]
    assert widths["rescale .7"] < widths["rescale 1"]


def test_zero_steps_leave_the_noise_where_it_is_and_the_grid_shorter():
    whole = end("conditional", MODES, 1.0, GRID)
    late = end("conditional", MODES, 1.0, GRID, zero_steps=4)
    assert late.std != pytest.approx(whole.std, rel=1e-3)
    frozen = end("conditional", MODES, 1.0, GRID, zero_steps=28)
    assert frozen.mean == pytest.approx(0.0, abs=1e-12)
    assert frozen.std == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: end("cfgg", MODES, 2.0, GRID), "no variant is called 'cfgg'; there are"),
        (lambda: end("cfg", MODES, 2.0, GRID, zero_steps=29), "zero_steps lies in 0 to 28, got 29"),
    ],
)
def test_what_is_no_variant_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
