"""Captions, their pictures, and a reward that is exact on them."""

from collections import Counter

import pytest
import torch

from refimpl.sd3 import rewards
from refimpl.sd3.loop.prompts import Prompt
from refimpl.sd3.shapes import captions, drawing, evaluation, reading, reward
from refimpl.sd3.shapes.captions import CATEGORIES, THINGS, Caption, Thing, every_caption

EVERY = every_caption()
RED_SQUARE, BLUE_CIRCLE = Thing("red", "square"), Thing("blue", "circle")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def blank(n=1):
    return torch.zeros(n, 3, 16, 16)


def put(image, thing, top, left):
    mask = drawing.templates()[captions.SHAPES.index(thing.shape)]
    colour = drawing.RGB[captions.COLOURS.index(thing.colour)]
    image[:, top : top + 5, left : left + 5] += colour[:, None, None] * mask
    return image


# ----------------------------------------------------------------- captions


def test_there_are_372_different_captions_in_four_categories():
    assert len({caption.text for caption in EVERY}) == 372
    assert Counter(caption.category for caption in EVERY) == {
        "count": 48,
        "two": 108,
        "left of": 108,
        "above": 108,
    }
    assert Caption("count", (Thing("red", "cross"),) * 3).text == "three red crosses"
    assert Caption("left of", (RED_SQUARE, BLUE_CIRCLE)).text == (
        "a red square left of a blue circle"
    )


def test_298_are_trained_on_and_74_held_out_of_every_category():
    train, held = captions.splits()
    assert (len(train), len(held)) == (298, 74)
    assert {p.metadata["category"] for p in held} == set(CATEGORIES)
    assert not {p.text for p in train} & {p.text for p in held}
    assert sorted(p.text for p in held)[0] == "a blue circle above a green circle"


def test_metadata_are_enough_to_know_the_caption():
    assert [captions.caption_of(caption.prompt) for caption in EVERY] == list(EVERY)
    for metadata in ({}, {"category": "count", "things": []}, {"category": "two", "things": [3]}):
        with pytest.raises(ValueError, match="the shapes reward needs metadata"):
            captions.caption_of(Prompt("a red square", metadata))


# ----------------------------------------------------------------- pictures


def test_true_pictures_are_all_right_whatever_was_drawn():
    many = [caption for caption in EVERY for _ in range(8)]
    strict, dense = reward.marks(drawing.draw(many, generator()), many)
    assert strict.min() == 1 == dense.min()


def test_pictures_use_every_place_that_a_caption_leaves_open():
    four = Caption("left of", (RED_SQUARE, BLUE_CIRCLE))
    seen = reading.read(drawing.draw([four] * 4000, generator()))
    corners = seen.found[:, RED_SQUARE.number].flatten(1).float().argmax(dim=1)
    # left column, 2 quadrants of 3 x 3 places; each missed by 4000 draws with chance (17/18)^4000
    assert sorted({divmod(i, 12) for i in corners.tolist()}) == [
        (row, column) for row in (0, 1, 2, 8, 9, 10) for column in (0, 1, 2)
    ]


def test_a_seed_fixes_the_pictures():
    assert torch.equal(drawing.draw(EVERY, generator(3)), drawing.draw(EVERY, generator(3)))


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.words())
def test_an_object_is_found_once_wherever_it_is(thing):
    places = [(top, left) for top in range(12) for left in range(12)]
    images = torch.stack([put(blank()[0], thing, *place) for place in places])
    seen = reading.read(images)
    assert torch.equal(seen.counts, torch.eye(12, dtype=torch.long)[thing.number].expand(144, 12))
    assert seen.left_over.max() == 0
    assert seen.row[:, thing.number].tolist() == [top + 2 for top, _ in places]
    assert seen.column[:, thing.number].tolist() == [left + 2 for _, left in places]


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.words())
def test_one_wrong_pixel_is_forgiven_and_two_are_not(thing):
    image = put(blank()[0], thing, 4, 6)
    for i in range(25):
        one = image.clone()
        pixel = one[:, 4 + i // 5, 6 + i % 5]
        pixel.copy_(drawing.RGB[captions.COLOURS.index(thing.colour)] * (pixel.max() == 0))
        assert reading.read(one[None]).counts[0, thing.number] == 1
    two = image.clone()
    two[:, 6, 7:9] = 0
    assert reading.read(two[None]).counts.sum() == 0


def test_templates_differ_by_more_than_two_allowances():
    masks = drawing.templates().flatten(1)
    assert masks.sum(dim=1).tolist() == [25, 13, 9]
    apart = torch.cdist(masks, masks, p=1)
    assert apart[apart > 0].min() > 2 * reading.WRONG


def test_pixels_that_no_object_explains_are_counted():
    image = put(blank()[0], RED_SQUARE, 0, 0)
    image[2, 10, 10:14] = 1
    image[:, 15, 15] = 1  # white is no colour of ours
    image[:, 1, 1] = torch.tensor([0.0, 1, 0])  # green, inside the red square
    assert reading.read(image[None]).counts.sum() == 1
    assert reading.read(image[None]).left_over.tolist() == [6]


@pytest.mark.parametrize(("noise", "unmoved"), [(0.1, 1.0), (0.15, 0.995)])
def test_noise_does_not_move_the_reward(noise, unmoved):
    """Gaussian, .1 and .15 of [0, 1]: .2 and .3 as the network sees pixels, in [−1, 1]."""
    images = drawing.draw(EVERY, generator())
    moved = images + noise * torch.randn(images.shape, generator=generator(1))
    # a channel crosses ½ with chance Φ(−½/noise): 3e-7 and 4e-4 of 768, five to spoil a picture
    assert reward.marks(moved, EVERY)[0].mean() >= unmoved


def test_another_caption_is_rarely_right_by_chance():
    """Exactly so often as another caption may be true of the picture: swapped "and", relations."""
    many = [caption for caption in EVERY for _ in range(8)]
    order = torch.randperm(len(many), generator=generator(2)).tolist()
    strict, _ = reward.marks(drawing.draw(many, generator()), [many[i] for i in order])
    assert 0.003 < strict.mean() < 0.013


# ------------------------------------------------------------------- reward


def score(image, caption):
    return tuple(x.item() for x in reward.marks(image[None], [caption]))


def test_strict_and_dense_count_conditions():
    both = Caption("left of", (RED_SQUARE, BLUE_CIRCLE))
    square = put(blank()[0], RED_SQUARE, 0, 0)
    right = put(square.clone(), BLUE_CIRCLE, 9, 9)
    assert score(right, both) == (1, 1)
    assert score(right.flip(2), both) == (0, 0.75)  # all there, on the wrong sides
    assert score(square, both) == (0, 0.5)  # one object, nothing else
    assert score(blank()[0], both) == (0, 0.25)  # nothing else
    extra = put(right.clone(), Thing("green", "cross"), 0, 9)
    assert score(extra, both) == (0, 0.75)
    below = put(put(blank()[0], RED_SQUARE, 0, 0), BLUE_CIRCLE, 9, 2)
    assert score(below, both) == (0, 0.75)  # two pixels are not left of
    assert score(below, Caption("above", both.things)) == (1, 1)


def test_counts_are_exact_in_both_directions():
    three = Caption("count", (Thing("red", "cross"),) * 3)
    image = blank()[0]
    for n, place in enumerate([(0, 0), (0, 9), (9, 0), (9, 9)], 1):
        put(image, Thing("red", "cross"), *place)
        assert score(image, three) == ((1, 1) if n == 3 else (0, 0.5))


def test_three_stray_pixels_are_forgiven_and_four_are_not():
    one = Caption("count", (RED_SQUARE,))
    image = put(blank()[0], RED_SQUARE, 0, 0)
    image[2, 12, 10:13] = 1
    assert score(image, one) == (1, 1)
    image[2, 12, 13] = 1
    assert score(image, one) == (0, 0.5)


def test_by_name_it_scores_the_mean_of_strict_and_dense():
    prompts = [caption.prompt for caption in EVERY[:4]]
    images = drawing.draw(EVERY[:4], generator())
    images[3] = 0
    found = rewards.Mixture.named({"shapes": 1.0})(
        images, [p.text for p in prompts], [p.metadata for p in prompts]
    )
    assert found.total.tolist() == [1, 1, 1, 0.25]
    assert found.extras["shapes/strict"].tolist() == [1, 1, 1, 0]
    with pytest.raises(rewards.RewardError, match="needs metadata"):
        rewards.judge("shapes", reward.shapes(), images[:1], ["a cat"], [{}])
    with pytest.raises(rewards.RewardError, match=r"\[B, 3, 16, 16\]"):
        rewards.judge(
            "shapes", reward.shapes(), torch.zeros(1, 3, 8, 8), ["x"], [prompts[0].metadata]
        )


# --------------------------------------------------------------- evaluation


def test_true_pictures_have_all_the_diversity_there_is():
    _, held = captions.splits()
    asked = [captions.caption_of(prompt) for prompt in held]
    found = evaluation.evaluate(evaluation.drawn(asked, 16, generator()), asked)
    assert found.strict == 1
    assert set(found.categories.values()) == {1.0}
    # what four draws of the whole set gave: 14.80 to 14.95, and 15.65 to 15.71
    assert found.distance == pytest.approx(14.87, abs=0.3)
    assert found.layouts == pytest.approx(15.68, abs=0.15)


def test_one_picture_for_all_has_none():
    asked = EVERY[:5]
    same = drawing.draw(asked, generator())[:, None].expand(-1, 4, -1, -1, -1)
    found = evaluation.evaluate(same, asked)
    assert (found.distance, found.layouts, found.strict) == (0, 1, 1)
    with pytest.raises(ValueError, match="each >= 2"):
        evaluation.evaluate(same[:, :1], asked)


def test_distance_is_between_pictures_in_the_network_s_units():
    images = torch.zeros(1, 2, 3, 16, 16)
    images[0, 1, 0, :2, :2] = 1  # four pixels that differ by 2
    assert evaluation.evaluate(images, EVERY[:1]).distance == pytest.approx(4.0)
