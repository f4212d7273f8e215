"""Facts about guidance: known ends, three scales of one line, and a classifier in disguise."""

import numpy as np
import pytest
from hypothesis import given
from strategies import of

from refimpl.equations import conventions, guidance, sde
from refimpl.equations.arguments import Velocity

numbers = of(Velocity)


@pytest.mark.covers("guidance.classifier_free")
@given(numbers, numbers)
def test_scale_zero_is_unguided_and_one_is_conditional(u, c):
    assert guidance.classifier_free(u, c, 0.0) == u
    assert guidance.classifier_free(u, c, 1.0) == c
    assert guidance.diffusers(u, c, 0.0) == u
    assert guidance.diffusers(u, c, 1.0) == c
    assert guidance.ho_salimans(u, c, -1.0) == u
    assert guidance.ho_salimans(u, c, 0.0) == c


@pytest.mark.covers("guidance.classifier_free", "guidance.ho_salimans", "guidance.diffusers")
@given(numbers, numbers, numbers)
def test_three_scales_are_one_line(u, c, w):
    free = guidance.classifier_free(u, c, w)
    assert guidance.diffusers(u, c, w) == free
    assert guidance.ho_salimans(u, c, conventions.omega_from_w(w)) == free


@pytest.mark.covers("guidance.classifier_free")
def test_a_scale_above_one_overshoots():
    assert guidance.classifier_free(1.0, 2.0, 4.5) == 5.5
    assert guidance.ho_salimans(1.0, 2.0, 4.5) == 6.5


@pytest.mark.covers("guidance.classifier", "guidance.classifier_free", "guidance.bayes_score")
@given(numbers, numbers, numbers, numbers, numbers)
def test_a_classifier_s_score_is_the_difference_of_two_scores(a, rest, score, classifier, w):
    conditional = guidance.bayes_score(score, classifier)
    v, v_cond = a * score + rest, a * conditional + rest
    assert guidance.classifier(v, a, classifier, w) == pytest.approx(
        guidance.classifier_free(v, v_cond, w), abs=1e-10  # exact lattices, a few roundings of 1e3
    )  # fmt: skip


@pytest.mark.covers("guidance.classifier", "guidance.bayes_score")
def test_guidance_at_one_point():
    assert guidance.classifier(v=1.0, a=-2.0, classifier_score=3.0, w=0.5) == -2.0
    assert guidance.bayes_score(1.0, 0.25) == 1.25


@pytest.mark.covers("guidance.gaussian_std", "guidance.tilted_std")
def test_guided_and_tilted_widths_agree_only_at_both_ends():
    for w, agree in ((0.0, True), (1.0, True), (0.5, False), (3.0, False)):
        guided, tilted = (f(1.0, 0.5, w) for f in (guidance.gaussian_std, guidance.tilted_std))
        assert (guided == pytest.approx(tilted, rel=1e-12)) is agree
    assert guidance.gaussian_std(1.0, 0.5, 3.0) == 0.125
    assert guidance.tilted_std(1.0, 0.5, 1.0) == 0.5
    assert guidance.tilted_std(2.0, 1.0, 4.0) == pytest.approx(1 / 3.25**0.5)


@pytest.mark.covers("guidance.tilted_std")
def test_a_tilt_without_a_law_is_refused():
    remedy = "no such law: take a smaller w, or std_cond below std_uncond"
    with pytest.raises(ValueError, match=f"precision must be positive, got -5.0; {remedy}$"):
        guidance.tilted_std(0.5, 1.0, 3.0)


@pytest.mark.covers("guidance.gaussian_std", "guidance.tilted_std")
@pytest.mark.parametrize("width", [guidance.gaussian_std, guidance.tilted_std])
def test_widths_that_are_none_are_refused(width):
    with pytest.raises(ValueError, match=r"std_uncond must be positive, got -1\.0"):
        width(-1.0, 0.5, 0.5)
    with pytest.raises(ValueError, match=r"std_cond must be positive, got -0\.5"):
        width(1.0, -0.5, 0.5)


@pytest.mark.covers("guidance.projection", "guidance.zero_star")
def test_zero_star_pushes_orthogonally_to_the_unconditional_velocity():
    g = np.random.default_rng(1)
    u, c = g.standard_normal((2, 64))
    s = guidance.projection(float(u @ c), float(u @ u))
    pushed = guidance.zero_star(u, c, 4.5, s) - c
    assert abs(pushed @ u) < 1e-12 * np.linalg.norm(pushed) * np.linalg.norm(u)
    assert np.linalg.norm(pushed) <= np.linalg.norm(guidance.classifier_free(u, c, 4.5) - c)
    # of a single number nothing is orthogonal
    alone = guidance.projection(0.5 * -1.25, 0.25)
    assert guidance.zero_star(0.5, -1.25, 4.5, alone) == pytest.approx(-1.25, rel=1e-14)
    with pytest.raises(ValueError, match="squared must be positive, got 0"):
        guidance.projection(0.0, 0.0)


@pytest.mark.covers("guidance.rescale")
def test_rescaled_guidance_spreads_as_much_as_the_conditional_velocity():
    g = np.random.default_rng(2)
    u, c = g.standard_normal((2, 256))
    guided = guidance.classifier_free(u, c, 7.5)
    for share in (0.0, 0.7, 1.0):
        found = guidance.rescale(guided, c.std(), guided.std(), share).std()
        assert found == pytest.approx(share * c.std() + (1 - share) * guided.std(), rel=1e-12)


@pytest.mark.covers("guidance.interval")
@pytest.mark.parametrize(
    ("t", "guided"), [(1.0, False), (0.75, True), (0.5, True), (0.25, False), (0.0, False)]
)
def test_an_interval_holds_its_upper_level_and_not_its_lower_one(t, guided):
    want = guidance.classifier_free(1.0, 2.0, 3.0) if guided else 2.0
    assert guidance.interval(1.0, 2.0, 3.0, t, 0.25, 0.75) == want


@pytest.mark.covers("guidance.plus_plus")
def test_plus_plus_is_plain_guidance_whose_scale_depends_on_the_step():
    for t, s in ((1.0, 0.9), (0.6, 0.5), (0.1, 0.0)):
        w = 0.6 * t * (1 - s) / (t - s)
        v = guidance.classifier_free(0.5, -1.25, w)
        got = guidance.plus_plus(0.75, 0.5, -1.25, 0.6, sde.Step(t, s))
        assert got == pytest.approx(0.75 - (t - s) * v, rel=1e-13)
