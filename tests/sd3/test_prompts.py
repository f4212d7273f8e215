"""Prompts: files as they are found, what is held out, who samples what."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.sd3.loop.prompts import Prompt, Sampler, hold_out, load


def test_a_text_file_has_a_prompt_a_line(tmp_path):
    file = tmp_path / "p.txt"
    file.write_text("\ufeffa cat\n\n  a \u2028 dog \r\n")
    assert [p.text for p in load(file)] == ["a cat", "a \u2028 dog"]


def test_json_lines_keep_what_rewards_want_to_know(tmp_path):
    row = {"tag": "counting", "include": [{"class": "dog", "count": 2}], "prompt": "two dogs"}
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps(row) + "\n")
    assert load(file) == (Prompt("two dogs", row),)


def test_the_folders_of_flow_grpo_are_read_as_they_are(tmp_path):
    (tmp_path / "train.txt").write_text("a sign\n")
    (tmp_path / "test.txt").write_text("a wall\n")
    assert (load(tmp_path)[0].text, load(tmp_path, "test")[0].text) == ("a sign", "a wall")
    geneval = tmp_path / "geneval"
    geneval.mkdir()
    for split in ("train", "test"):
        row = {"prompt": f"{split} dogs", "tag": "counting"}
        (geneval / f"{split}_metadata.jsonl").write_text(json.dumps(row))
    assert load(geneval, "test")[0].metadata["prompt"] == "test dogs"


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("p.txt", "", "holds no prompt: it is empty"),
        ("p.txt", " \n\n", "holds no prompt: it is empty"),
        ("p.csv", "a", "prompts are .txt"),
        ("p.txt", b"\xff\xfe\x00", "not UTF-8"),
        ("p.jsonl", '{"prompt": "a"}\n{"text": "b"}', "line 2 must be an object with a text under"),
        ("p.jsonl", '["a"]', "line 1 must be an object"),
        ("p.jsonl", '{"prompt": 3}', "line 1 must be an object"),
        ("p.jsonl", "a cat", "line 1 is no JSON"),
        ("p.jsonl", '{"prompt": " "}', "line 1: a prompt needs words"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path, name, content, word):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=word) as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_a_folder_must_leave_no_doubt(tmp_path):
    with pytest.raises(ValueError, match="no prompts at"):
        load(tmp_path / "none.txt")
    with pytest.raises(
        ValueError, match=r"exactly one of train.txt or train_metadata.jsonl.*has 0"
    ):
        load(tmp_path)
    (tmp_path / "train.txt").write_text("a")
    (tmp_path / "train_metadata.jsonl").write_text('{"prompt": "b"}')
    with pytest.raises(ValueError, match="it has 2: name the file itself"):
        load(tmp_path)


def test_what_is_held_out_does_not_depend_on_order_and_equal_texts_stay_together():
    prompts = [Prompt(f"{i} cats") for i in range(20)] + [Prompt("3 cats", {"again": True})]
    train, held = hold_out(prompts, 6)
    again = hold_out(prompts[::-1], 6)
    assert {p.text for p in held} == {p.text for p in again[1]}
    assert len({p.text for p in held}) == 6
    assert not {p.text for p in train} & {p.text for p in held}
    assert len(train) + len(held) == 21


def test_the_texts_with_the_least_hash_are_held_out():
    prompts = [Prompt(f"{i} cats") for i in range(20)]
    least = sorted((p.text for p in prompts), key=lambda t: sha256(t.encode()).hexdigest())
    for count in (1, 5):
        train, held = hold_out(prompts, count)
        assert {p.text for p in held} == {*least[:count]}
        assert [p.text for p in train] == [p.text for p in prompts if p.text in least[count:]]


@pytest.mark.parametrize("count", [0, 3, -1])
def test_both_sides_keep_something(count):
    with pytest.raises(ValueError, match="1 to 2 can be held out"):
        hold_out([Prompt("a"), Prompt("b"), Prompt("c"), Prompt("c")], count)


# ------------------------------------------------------------------ sampler


@pytest.mark.parametrize("world", range(1, 9))
def test_every_number_of_processes_samples_the_same_iteration(world):
    groups, group = 35, 24  # 840 images: 1 to 8 all divide it
    alone = Sampler(100, groups, group)
    for iteration in (0, 1, 2, 7):
        each = [
            Sampler(100, groups, group, world, seed=0).rows(iteration, rank)
            for rank in range(world)
        ]
        together = [row for rows in each for row in rows]
        assert {len(rows) for rows in each} == {groups * group // world}
        assert tuple(together) == alone.rows(iteration, 0)
        alone.require_whole(iteration, [row.prompt for row in together])


@given(
    count=st.integers(1, 40),
    groups=st.integers(1, 40),
    group=st.integers(2, 9),
    world=st.integers(1, 8),
    seed=st.integers(0, 3),
)
@settings(max_examples=200, deadline=None)
def test_groups_are_whole_and_prompts_different_or_the_plan_is_refused(
    count, groups, group, world, seed
):
    try:
        sampler = Sampler(count, groups, group, world, seed)
    except ValueError:
        assert groups > count or groups * group % world
        return
    for iteration in (0, 1, sampler.iterations, 3 * sampler.iterations + 1):
        rows = [row for rank in range(world) for row in sampler.rows(iteration, rank)]
        assert [row.row for row in rows] == list(range(groups * group))
        members = {(row.prompt, row.member) for row in rows}
        assert len(members) == len(rows)
        assert len({row.prompt for row in rows}) == groups
        assert {row.member for row in rows} == set(range(group))


def test_an_epoch_shows_every_prompt_once_and_the_next_in_another_order():
    sampler = Sampler(30, 5, 2)
    epochs = [[p for i in range(6 * e, 6 * e + 6) for p in sampler.prompts(i)] for e in range(3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(30))] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    assert Sampler(30, 5, 2, seed=1).prompts(0) != sampler.prompts(0)


def test_what_does_not_fill_an_iteration_sits_out_another_time():
    sampler = Sampler(7, 3, 2)
    out = [
        set(range(7)) - set(sampler.prompts(2 * e)) - set(sampler.prompts(2 * e + 1))
        for e in range(20)
    ]
    assert {len(left) for left in out} == {1}
    assert len(set.union(*out)) > 3


def test_the_order_is_the_same_under_every_version():
    assert Sampler(8, 4, 2, seed=42).prompts(0) == (6, 7, 2, 3)


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        ((10, 5, 6, 4), r"5 groups of 6 are 30 images, which 4 processes.*groups = 4 or 6 does"),
        ((5, 5, 6, 4), r"groups = 2 or 4 does"),
        ((3, 3, 3, 7), r"; no number of groups does: change group or the processes$"),
        ((4, 5, 6, 1), "groups can be at most 4"),
        ((4, 4, 1, 1), "group of 1 has no baseline"),
        ((0, 1, 2, 1), "count must be at least 1, got 0"),
        ((4, 2, 2, 0), "world must be at least 1"),
    ],
)
def test_a_plan_that_does_not_divide_is_refused_with_the_nearest_that_does(plan, word):
    with pytest.raises(ValueError, match=word):
        Sampler(*plan)


def test_ranks_and_iterations_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="ranks are 0 to 1, got 2"):
        Sampler(4, 2, 2, 2).rows(0, 2)
    with pytest.raises(ValueError, match="counted from 0"):
        Sampler(4, 2, 2, 2).prompts(-1)


def test_a_gathered_iteration_that_is_not_whole_stops_the_run():
    sampler = Sampler(10, 2, 3, seed=1)
    whole = [row.prompt for row in sampler.rows(4, 0)]
    sampler.require_whole(4, whole)
    first, second = sampler.prompts(4)
    with pytest.raises(RuntimeError, match=f"prompt {second}: 2 images instead of 3"):
        sampler.require_whole(4, whole[:-1])
    with pytest.raises(RuntimeError, match=r"\(the right images, but not group by group\)"):
        sampler.require_whole(4, [first, second] * 3)
    with pytest.raises(RuntimeError, match="same seed and step"):
        sampler.require_whole(5, whole)


def test_of_prompts_that_are_wrong_three_are_told():
    sampler = Sampler(4, 2, 2)
    there, other = sampler.prompts(0), sampler.prompts(1)
    told = {p: f"prompt {p}: 0 images instead of 2" for p in there}
    told |= {p: f"prompt {p}: 2 images instead of 0" for p in other}
    with pytest.raises(RuntimeError) as refused:
        sampler.require_whole(0, [p for p in other for _ in range(2)])
    assert str(refused.value) == (
        "iteration 0 gathered 4 images and 2 groups of 2 were meant "
        f"({'; '.join(told[p] for p in range(3))}): do all processes have the same seed and step?"
    )
