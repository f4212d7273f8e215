"""Grids as models are shipped with them: declared, they conform; undeclared, they are named."""

import numpy as np
import pytest

from refimpl.conformance.kit import CannotRun, judge
from refimpl.simulate import shipped


def subject(make, grid):
    """An implementation whose schedule is made by a function of the number of steps."""

    class Mine:
        conventions = {"grid": grid, "arrays": "numpy"} if grid else {"arrays": "numpy"}

        def schedule(self, steps):
            return np.array(make(steps))

    return Mine


def of(report, check):
    (result,) = [r for r in report.results if r.check == check]
    return result


def levels(name):
    return lambda steps: shipped.of_name(name, steps).levels


SHIPPED = ("wan2.1", "flux.1-dev 4096", "qwen-image 4096", "sana", "ltx-video 1024",
           "hunyuan-video", "1/1000, shift 3")  # fmt: skip


@pytest.mark.parametrize("grid", SHIPPED)
def test_a_shipped_grid_conforms_when_it_is_declared(grid):
    report = judge(subject(levels(grid), grid))
    assert {r.verdict for r in report.results if r.check.startswith("schedule")} == {"agrees"}


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("wan2.1", "UniPC in flow mode, shift 3"),
        ("flux.1-dev 4096", "uniform, shifted once, shift 3.158"),
        ("qwen-image 4096", "stretched to its last level, shift 2.0008"),
        ("sana", "DPM++ in flow mode, shift 3"),
        ("1/1000, shift 3", "from 1 to 1/1000, shifted once, shift 3"),
    ],
)
def test_a_shipped_grid_is_named_when_it_is_not(grid, words):
    result = of(judge(subject(levels(grid), "")), "schedule.value")
    assert result.verdict == "differs"
    assert words in result.cause


def test_a_wrong_last_level_is_told_from_the_right_one():
    right, wrong = levels("1/1000, shift 3"), levels("hunyuan-video")
    assert of(judge(subject(right, "1/1000, shift 3")), "schedule.value").verdict == "agrees"
    assert of(judge(subject(wrong, "1/1000, shift 3")), "schedule.value").verdict == "differs"


def test_a_declared_shift_keeps_all_its_digits():
    k = 3.158192909689768  # exp(1.15), of FLUX.1-dev at 4096 tokens

    def make(steps):
        u = np.linspace(1, 0, steps + 1)
        return k * u / (1 + (k - 1) * u)

    assert of(judge(subject(make, f"shift {k}")), "schedule.value").verdict == "agrees"


def test_any_grid_is_looked_at_and_named_all_the_same():
    report = judge(subject(levels("flux.1-dev 4096"), "any"))
    assert of(report, "schedule.basic").verdict == "agrees"
    structure = of(report, "schedule.structure")
    assert structure.verdict == "agrees"
    assert structure.notes == ("the grid is uniform, shifted once, shift 3.15819",)
    bent = judge(subject(lambda T: [*np.linspace(1, 0.5, T), 0.7], "any"))
    assert of(bent, "schedule.structure").verdict == "differs"


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("flux.1-dev", "dynamic: name the tokens, such as 'flux.1-dev 4096'"),
        ("1/1000, shift", "ends with no number"),
        ("wan3", "is not a convention"),
    ],
)
def test_a_grid_that_says_too_little_is_refused_with_the_remedy(grid, words):
    with pytest.raises(CannotRun, match=words):
        judge(subject(levels("wan2.1"), grid))
