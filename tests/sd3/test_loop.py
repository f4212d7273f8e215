"""Small parts of the loop, each by hand: noise by name, averages, scores put together, prompts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from refimpl.sd3.loop import data, noise, rollout, scores
from refimpl.sd3.loop.ema import Average
from refimpl.sd3.loop.prompts import Prompt
from refimpl.sd3.loop.together import Stopped, Together
from refimpl.sd3.rewards import Judged
from refimpl.simulate import grids


def test_one_draw_belongs_to_its_whole_name() -> None:
    drawn = noise.draw(1, "text", 2, shape=[3, 4])
    assert (drawn.shape, drawn.dtype, drawn.device.type) == ((3, 4), torch.float32, "cpu")
    before = torch.get_rng_state()
    assert torch.equal(drawn, noise.draw(1, "text", 2, shape=(3, 4)))
    for other in ((2, "text", 2), (1, "test", 2), (1, "text", 3), (1, "text")):
        assert not torch.equal(drawn, noise.draw(*other, shape=(3, 4)))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_draw_is_the_first_of_its_stream() -> None:
    """A name is its parts with strokes between, so that a row of a stream can be drawn alone."""
    whole = next(noise.stream(5, "rollout", 3, [7, 9], shape=(16,)))
    alone = [noise.draw(5, "rollout", 3, row, shape=(16,)) for row in (7, 9)]
    torch.testing.assert_close(whole, torch.stack(alone))


def test_numbers_of_a_name_are_the_same_under_every_version() -> None:
    found = noise.draw(42, "text", shape=(3,))
    golden = torch.tensor([-0.3579215, 0.9667035, 0.1424326])
    torch.testing.assert_close(found, golden, rtol=1e-5, atol=0)


def test_an_evaluation_trains_nothing_and_draws_nothing() -> None:
    plan = rollout.without_noise(grids.uniform(3))
    assert (plan.noisy, plan.trained, plan.weights) == ((False,) * 3, (), ())


def test_who_was_asked_to_leave_says_by_which_signal() -> None:
    left = Stopped(15)
    assert (str(left), left.signal) == ("stopped by signal 15", 15)


class Asked:
    """An engine whose processes were asked to leave by signal 15."""

    def agreed(self, error: Exception | None, signal: int) -> int:
        if error is not None:
            raise error
        return 15


def test_all_leave_by_the_signal_that_was_told_unless_it_is_too_late() -> None:
    engine: Any = Asked()
    together = Together(engine)
    with pytest.raises(Stopped, match="stopped by signal 15") as left:
        together.heed()
    assert left.value.signal == 15
    together.heed(leave=False)
    with together.within("the update", leave=False):
        pass
    with pytest.raises(ZeroDivisionError), together.within("the update", leave=False):
        raise ZeroDivisionError


def followed(values: list[float], **changes: float) -> tuple[Average, nn.Parameter]:
    weight = nn.Parameter(torch.zeros(2))
    average = Average([weight], **{"decay": 0.75, "every": 1} | changes)
    for value in values:
        with torch.no_grad():
            weight.fill_(value)
        average.follow()
    return average, weight


def test_an_average_is_decayed_and_takes_its_share() -> None:
    average, _ = followed([1.0, 3.0])
    assert average.values[0].tolist() == pytest.approx([0.75 * 0.25 + 0.25 * 3] * 2)
    assert not average.values[0].requires_grad


@pytest.mark.parametrize(
    ("steps", "moved", "value"), [(1, False, 0.0), (2, True, 0.5), (3, True, 0.5), (4, True, 1.375)]
)
def test_an_average_moves_every_so_many_steps(steps: int, moved: bool, value: float) -> None:
    average, _ = followed([1.0, 2.0, 3.0, 4.0][:steps], every=2)
    assert (average.steps, average.moved) == (steps, moved)
    assert average.values[0].tolist() == [value] * 2


def test_an_average_is_lent_to_the_network_and_taken_back_whatever_happens() -> None:
    average, weight = followed([4.0])
    with pytest.raises(KeyError), average.applied():  # noqa: PT012  (it is what happens inside)
        assert weight.tolist() == [1.0, 1.0]
        with torch.no_grad():
            weight.fill_(9.0)  # neither the average nor the weights
        raise KeyError
    assert weight.tolist() == [4.0, 4.0]
    assert average.values[0].tolist() == [1.0, 1.0]


def test_an_average_goes_back_to_a_checkpoint_without_being_it() -> None:
    average, _ = followed([4.0])
    saved = torch.full((2,), 5.0)
    average.restore([saved], 7)
    assert (average.values[0].tolist(), average.steps) == ([5.0, 5.0], 7)
    saved.fill_(0.0)
    assert average.values[0].tolist() == [5.0, 5.0]
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        average.restore([], 7)


def judged(*values: float, **extras: float) -> Judged:
    one = {name: torch.full((len(values),), x) for name, x in extras.items()}
    return Judged({"a": 1.0, "b": -2.0}, {n: torch.tensor(values) for n in ("a", "b")}, one)


def test_answers_are_joined_in_order_and_an_extra_that_one_lacks_is_left_out() -> None:
    found = scores.joined([judged(1.0, 2.0, z=5.0, x=6.0), judged(3.0, x=7.0, y=8.0)])
    assert found.weights == {"a": 1.0, "b": -2.0}
    assert {name: x.tolist() for name, x in found.scores.items()} == {
        "a": [1, 2, 3], "b": [1, 2, 3]
    }  # fmt: skip
    assert {name: x.tolist() for name, x in found.extras.items()} == {"x": [6, 6, 7]}
    alone = scores.joined([judged(1.0, x=6.0)])
    assert (alone.scores["b"].tolist(), alone.extras["x"].tolist()) == ([1], [6])
    both = scores.joined([judged(1.0, z=5.0, x=6.0), judged(3.0, z=7.0, x=8.0)])
    assert [*both.extras] == ["x", "z"]


class Twice:
    """Two processes that say the same."""

    def gathered(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x])


def test_all_processes_answers_are_gathered_with_their_extras() -> None:
    found = scores.gathered(Twice(), judged(1.0, 2.0, x=6.0))
    assert found.weights == {"a": 1.0, "b": -2.0}
    assert found.scores["b"].tolist() == [1, 2, 1, 2]
    assert found.extras["x"].tolist() == [6] * 4


def test_a_mean_is_over_what_was_scored() -> None:
    assert scores.mean_of_scored(torch.tensor([1.0, float("nan"), 4.0])) == 2.5


def test_a_clock_gives_each_name_what_passed_since_the_mark_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([10.0, 11.5, 14.0])
    monkeypatch.setattr(scores.time, "perf_counter", lambda: next(times))
    clock = scores.Clock()
    clock.mark("rollout")
    clock.mark("update")
    assert clock.seconds == {"rollout": 1.5, "update": 2.5}


Make = Callable[..., Any]


def texts(*prompts: Prompt) -> list[str]:
    return [prompt.text for prompt in prompts]


def test_of_a_file_so_many_prompts_are_held_out_and_evaluated(settings: Make) -> None:
    found = data.gather(settings("data.holdout=3", "evaluation.prompts=2"))
    assert (len(found.train), len(found.held_out)) == (6, 2)
    every = texts(*found.train, *found.held_out)
    assert found.texts == list(dict.fromkeys(every)) == every


@pytest.mark.parametrize(
    ("files", "held_out"),
    [
        (("train.txt", "test.txt"), ["test.txt"]),
        (("train_metadata.jsonl", "test_metadata.jsonl"), ["test_metadata.jsonl"]),
        (("train.txt",), []),
    ],
)
def test_a_folder_brings_its_own_test_split_or_none(
    settings: Make, tmp_path: Path, files: tuple[str, ...], held_out: list[str]
) -> None:
    folder = tmp_path / "prompts"
    folder.mkdir()
    for name in files:
        line = f'{{"prompt": "{name}"}}' if name.endswith("jsonl") else name
        (folder / name).write_text(line)
    asked = (f"data.prompts={folder}", "data.holdout=null", "sampling.groups=1")
    found = data.gather(settings(*asked))
    assert texts(*found.train) == [files[0]]
    assert texts(*found.held_out) == held_out
    assert found.texts == [files[0], *held_out]


def test_or_another_file_is_held_out(settings: Make, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("a dog\na red square\n")
    found = data.gather(settings(f"data.holdout={other}"))
    assert texts(*found.held_out) == ["a dog", "a red square"]
    assert len(found.train) == 9
    assert len(found.texts) == 10  # one is in both


def test_of_a_folder_its_test_split_is_held_out(settings: Make, tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}.txt").write_text(split)
    assert texts(*data.gather(settings(f"data.holdout={tmp_path}")).held_out) == ["test"]


def test_prompts_that_are_none_or_too_few_are_refused(settings: Make) -> None:
    told = r"^data.prompts names no file: --prompts prompts.txt \(.txt, .jsonl or a folder\)$"
    with pytest.raises(ValueError, match=told):
        data.gather(settings("data.prompts=null"))
    data.gather(settings("data.holdout=3", "sampling.groups=6"))
    told = r"has 6 prompts to train on and an iteration has sampling.groups=7: lower it, or give mo"
    with pytest.raises(ValueError, match=told):
        data.gather(settings("data.holdout=3", "sampling.groups=7"))
