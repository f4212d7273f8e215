"""Facts about guidance: known ends, three scales of one line, and a classifier in disguise."""

import pytest
from hypothesis import given
from strategies import of

from refimpl.equations import conventions, guidance
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
    with pytest.raises(ValueError, match="precision must be positive"):
        guidance.tilted_std(0.5, 1.0, 3.0)


@pytest.mark.covers("guidance.gaussian_std", "guidance.tilted_std")
@pytest.mark.parametrize("width", [guidance.gaussian_std, guidance.tilted_std])
def test_widths_that_are_none_are_refused(width):
    with pytest.raises(ValueError, match=r"std_uncond must be positive, got -1\.0"):
        width(-1.0, 0.5, 0.5)
    with pytest.raises(ValueError, match=r"std_cond must be positive, got -0\.5"):
        width(1.0, -0.5, 0.5)
