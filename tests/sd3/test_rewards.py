"""Rewards: what is asked of them, what is refused, how several make advantages."""

import io
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from refimpl.equations import grpo
from refimpl.sd3 import rewards
from refimpl.sd3.rewards import groups, ocr
from refimpl.sd3.rewards.images import as_bytes

NOISE = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
PROMPTS, METADATA = ["a"] * 4, [{}] * 4
GROUP = {"std": "group", "ddof": 0, "eps": 1e-4}


def answering(scores, extras=None):
    return lambda images, prompts, metadata: (scores, extras or {})


def judged(**scores):
    return rewards.Judged(
        dict.fromkeys(scores, 1.0), {k: torch.tensor(x) for k, x in scores.items()}
    )


def test_a_reward_is_a_function_and_its_answer_comes_back_as_float32():
    scores, extras = rewards.judge(
        "r", answering(torch.arange(4).double(), {"x": torch.ones(4)}), NOISE, PROMPTS, METADATA
    )
    assert scores.dtype == torch.float32
    assert scores.tolist() == [0, 1, 2, 3]
    assert extras["x"].tolist() == [1] * 4


def test_not_scored_is_an_answer_and_is_counted():
    mixture = rewards.Mixture({"r": answering(torch.tensor([0.0, torch.nan, 1, 2]))}, {"r": 2.0})
    found = mixture(NOISE, PROMPTS, METADATA)
    assert found.unscored == {"r": 1}
    assert found.total.isnan().tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ((torch.zeros(3), {}), r"one number an image, shape \(4,\), got \(3,\)"),
        ((torch.zeros(4, 1), {}), r"got \(4, 1\)"),
        (([0.0] * 4, {}), "must be a tensor, got list"),
        (torch.zeros(4), "must return \\(scores, extras\\).*got Tensor"),
        ((torch.full((4,), torch.inf), {}), "infinite for 4 of 4"),
        ((torch.zeros(4), {"x": torch.zeros(2)}), "extra r/x must be one number an image"),
    ],
)
def test_an_answer_of_the_wrong_form_stops_the_run(answer, word):
    with pytest.raises(rewards.RewardError, match=word):
        rewards.judge("r", lambda *_: answer, NOISE, PROMPTS, METADATA)


def test_a_reward_that_raises_stops_the_run_with_its_name_and_its_words():
    def broken(images, prompts, metadata):
        raise KeyError("weights")

    with pytest.raises(rewards.RewardError, match="'r' failed on 4 images: KeyError: 'weights'"):
        rewards.judge("r", broken, NOISE, PROMPTS, METADATA)


@pytest.mark.parametrize(
    ("images", "prompts", "word"),
    [
        (NOISE.double(), PROMPTS, "float32"),
        (NOISE[0], PROMPTS, r"\[B, 3, H, W\]"),
        (NOISE + 0.5, PROMPTS, r"must lie in \[0, 1\]"),
        (NOISE * torch.nan, PROMPTS, "values from nan"),
        (NOISE, PROMPTS[:3], "4 images, 3 prompts and 4 metadata"),
    ],
)
def test_what_a_reward_is_handed_is_checked_first(images, prompts, word):
    with pytest.raises(ValueError, match=word):
        rewards.judge("r", answering(torch.zeros(4)), images, prompts, METADATA)


def test_no_reward_records_a_gradient_in_whatever_thread_it_runs():
    weight = torch.ones((), requires_grad=True)

    def learnt(images, prompts, metadata):
        assert not torch.is_grad_enabled()
        return weight * images.mean(dim=(1, 2, 3)), {}

    mixture = rewards.Mixture({"r": learnt}, {"r": 1.0})
    with rewards.Background(mixture) as background:
        background.submit(NOISE, PROMPTS, METADATA)
        assert not background.collect().total.requires_grad


@pytest.mark.parametrize(
    ("weights", "word"),
    [
        ({}, "at least one reward"),
        ({"r": 0.0}, "finite and not 0"),
        ({"r": float("nan")}, "finite and not 0"),
        ({"s": 1.0}, r"rewards \['r'\] have weights \['s'\]"),
    ],
)
def test_a_mixture_is_checked_at_birth(weights, word):
    with pytest.raises(ValueError, match=word):
        rewards.Mixture({"r": answering(torch.zeros(4))} if weights else {}, weights)


def test_rewards_are_found_by_name_and_a_typing_error_names_the_nearest():
    assert {"jpeg_compressibility", "pickscore", "remote", "shapes"} <= rewards.available().keys()
    with pytest.raises(ValueError, match="did you mean 'jpeg_compressibility'"):
        rewards.make("jpg_compressibility")
    with pytest.raises(rewards.RewardError, match="'colourfulness' could not be made: TypeError"):
        rewards.make("colourfulness", device="cuda")
    with pytest.raises(ValueError, match=r"options for \['ocr'\]"):
        rewards.Mixture.named({"colourfulness": 1.0}, {"ocr": {}})


def test_the_page_lists_what_there_is_and_its_example_runs():
    page = (Path(__file__).parents[2] / "docs" / "rewards.md").read_text(encoding="utf-8")
    table = page.partition("## What is built in")[2].partition("\n\nNothing")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == rewards.available().keys()
    code = re.search(r"```python\n(# my_rewards.py.*?)```", page, re.DOTALL).group(1)
    module: dict = {}
    exec(code, module)
    red = torch.zeros(4, 3, 8, 8)
    red[:, 0] = 0.5
    scores, extras = rewards.judge("redness", module["redness"](2.0), red, PROMPTS, METADATA)
    assert scores.tolist() == [1.0] * 4
    assert extras["red"].tolist() == [0.5] * 4


def test_jpeg_rewards_are_the_size_at_quality_95():
    file = io.BytesIO()
    Image.fromarray(as_bytes(NOISE)[2]).save(file, format="JPEG", quality=95)
    size, _ = rewards.make("jpeg_incompressibility")(NOISE, PROMPTS, METADATA)
    small, extras = rewards.make("jpeg_compressibility")(NOISE, PROMPTS, METADATA)
    assert size[2] == pytest.approx(len(file.getvalue()) / 1000)
    assert small.tolist() == pytest.approx((-size / 500).tolist())
    assert torch.equal(extras["kilobytes"], size)
    flat, _ = rewards.make("jpeg_compressibility")(torch.full_like(NOISE, 0.5), PROMPTS, METADATA)
    assert bool((flat > small).all())


def test_colourfulness_has_its_closed_form():
    grey = torch.full((1, 3, 8, 8), 0.3)
    red = torch.zeros(1, 3, 8, 8)
    red[:, 0] = 1
    blue = red.flip(1)
    halves = red.clone()
    halves[:, :, :4] = 1 - red[:, :, :4]  # above cyan, below red
    score = rewards.make("colourfulness")
    found, _ = score(torch.cat([grey, red, halves, blue]), ["a"] * 4, [{}] * 4)
    one = 0.3 * 255 * np.hypot(1, 0.5)  # μ_rg = 255, μ_yb = 127.5, no spread
    two = 255 * np.hypot(1, 0.5)  # ±255 and ±127.5 in halves, mean 0
    assert found.tolist() == pytest.approx([0, one, two, 0.3 * 255], rel=1e-6)


@pytest.mark.parametrize(
    ("found", "wanted", "score"),
    [
        ("Hello World", "hello world", 1),
        ("HELLO!! world sale", "world", 1),
        ("helo", "hello", 0.8),
        ("", "hello", 0),
        ("abcdefghijklmnop", "xyz", 0),
        ("kitten", "sitting", 1 - 3 / 7),
    ],
)
def test_ocr_counts_edits_by_the_length_of_what_was_wanted(found, wanted, score):
    reward = ocr.ocr(lambda image: found)
    assert reward(NOISE[:1], [f'a sign that says "{wanted}"'], [{}])[0].item() == pytest.approx(
        score
    )


def test_ocr_wants_a_text_in_quotes():
    with pytest.raises(rewards.RewardError, match="text in double quotes"):
        rewards.judge("ocr", ocr.ocr(lambda image: ""), NOISE, PROMPTS, METADATA)


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("ocr", {}, r"paddleocr.*pip install 'refimpl\[ocr\]'"),
        ("image_reward", {}, r"ImageReward.*pip install 'refimpl\[imagereward\]'"),
    ],
)
def test_a_package_that_is_missing_is_one_line_with_its_remedy(name, options, word, monkeypatch):
    monkeypatch.setitem(sys.modules, "paddleocr", None)
    monkeypatch.setitem(sys.modules, "ImageReward", None)
    with pytest.raises(rewards.RewardError, match=word) as caught:
        rewards.make(name, **options)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------- groups


@pytest.mark.parametrize("std", ["group", "batch", "none"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_without_holes_advantages_are_the_equations(std, data):
    values = data.draw(st.lists(st.floats(-5, 5, width=32), min_size=6, max_size=6))
    found = rewards.advantages(judged(r=values), 2, normalise="together", std=std, ddof=0, eps=1e-4)
    want = grpo.advantage(torch.tensor(values).reshape(2, 3), std=std, ddof=0, eps=1e-4)
    assert torch.equal(found.values, want)


@pytest.mark.parametrize("std", ["group", "batch", "none"])
def test_what_was_not_scored_is_out_of_mean_and_spread_and_moves_nothing(std):
    values = torch.tensor([[1.0, 2, 4, torch.nan], [torch.nan, torch.nan, 3, 7]])
    found = rewards.advantages(
        judged(r=values.flatten().tolist()), 2, normalise="together", std=std, ddof=1, eps=0.1
    )
    batch = torch.tensor([1.0, 2, 4, 3, 7])
    want = torch.zeros(2, 4)
    for row, mask in enumerate(found.scored):
        group = values[row][mask]
        scale = {"group": group.std() + 0.1, "batch": batch.std() + 0.1, "none": 1.0}[std]
        want[row, mask] = (group - group.mean()) / scale
    torch.testing.assert_close(found.values, want, rtol=1e-6, atol=1e-6)  # float32, few roundings
    assert found.scored.tolist() == [[True] * 3 + [False], [False] * 2 + [True] * 2]


def test_apart_each_reward_counts_by_its_own_spread():
    small = torch.tensor([0.0, 1, 1, 0])
    large = torch.tensor([0.0, 100, 0, 100])
    both = rewards.Judged({"s": 1.0, "l": -1.0}, {"s": small, "l": large})
    found = rewards.advantages(both, 1, normalise="apart", std="group", ddof=0, eps=0.0)
    torch.testing.assert_close(found.values, torch.tensor([[0.0, 0, 2, -2]]))
    together = rewards.advantages(both, 1, normalise="together", std="group", ddof=0, eps=0.0)
    assert not torch.allclose(found.values, together.values)


def test_an_image_without_one_of_its_rewards_is_left_out_of_all():
    both = judged(s=[0.0, 1, 2, 3], l=[0.0, torch.nan, 2, 4])
    found = rewards.advantages(both, 1, normalise="apart", **GROUP)
    assert found.values[0, 1] == 0
    kept = groups.among_scored(torch.tensor([[0.0, 2, 3]]), **GROUP)
    kept += groups.among_scored(torch.tensor([[0.0, 2, 4]]), **GROUP)
    torch.testing.assert_close(found.values[0, [0, 2, 3]], kept[0])


def test_groups_that_say_nothing_are_counted():
    found = rewards.advantages(
        judged(r=[1.0, 1, 2, 3, 5, torch.nan]), 3, normalise="together", **GROUP
    )
    assert found.silent == 2
    assert found.values[0].tolist() == [0, 0] == found.values[2].tolist()


@pytest.mark.parametrize(
    ("scores", "count", "normalise", "kind", "word"),
    [
        ([1.0, 2, 3], 2, "together", ValueError, "3 images do not make 2 groups"),
        ([1.0, 2], 2, "together", ValueError, "group of one"),
        ([1.0, 2], 1, "together?", ValueError, "'together' or 'apart'"),
        ([torch.nan] * 2, 1, "apart", rewards.RewardError, "no image of 2 was scored"),
    ],
)
def test_groups_are_checked(scores, count, normalise, kind, word):
    with pytest.raises(kind, match=word):
        rewards.advantages(judged(r=scores), count, normalise=normalise, **GROUP)


# --------------------------------------------------------------- background


def test_answers_come_in_the_order_of_the_questions_while_the_caller_goes_on():
    go, seen = threading.Event(), []

    def slow(x):
        go.wait(10)
        seen.append(threading.current_thread())
        return 10 * x

    with rewards.Background(slow) as background:
        for x in range(3):
            background.submit(x)
        assert len(background) == 3  # nothing has been answered, and nothing was waited for
        go.set()
        assert [background.collect() for _ in range(3)] == [0, 10, 20]
        with pytest.raises(LookupError, match="nothing was submitted"):
            background.collect()
    assert len(set(seen)) == 1
    assert seen[0] is not threading.current_thread()


def test_what_fails_in_the_background_surfaces_at_the_next_call():
    failed = threading.Event()

    def work(x):
        if x == 1:
            failed.set()
            raise rewards.RewardError("no weights")
        return x

    with rewards.Background(work) as background:
        background.submit(0)
        background.submit(1)
        assert background.collect() == 0
        failed.wait(10)
        with pytest.raises(rewards.RewardError, match="no weights"):
            background.collect()
    with rewards.Background(work) as background:
        background.submit(1)
        background._asked[0].exception(10)
        with pytest.raises(rewards.RewardError, match="no weights"):
            background.submit(2)


def test_closing_drops_what_has_not_begun():
    began, go, done = threading.Event(), threading.Event(), []

    def work(x):
        began.set()
        go.wait(10)
        done.append(x)

    background = rewards.Background(work)
    for x in range(3):
        background.submit(x)
    began.wait(10)
    last = background._asked[-1]
    closing = threading.Thread(target=background.close)
    closing.start()
    while not last.cancelled():
        time.sleep(0.001)
    go.set()
    closing.join(10)
    assert done == [0]
