"""The page about training shows the figures of its runs, and nothing that was typed."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
FIGURES = json.loads((DOCS / "assets/training/figures.json").read_text())
PAGE = (DOCS / "training.md").read_text()


def tool():
    spec = importlib.util.spec_from_file_location("training", DOCS / "tools/training.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["line", "plane", "hacking", "boundary", "doctor"])
def test_a_block_of_the_page_is_what_its_figures_give(name):
    (shown,) = re.findall(
        rf"<!-- training: {name} -->\n(.*?)\n<!-- end training -->", PAGE, re.DOTALL
    )
    assert shown.strip() == tool().tables(FIGURES)[name]


def test_every_picture_of_the_page_is_there():
    pictures = re.findall(r"\]\((assets/training/[^)]+)\)", PAGE)
    assert len(pictures) >= 10
    assert all((DOCS / picture).is_file() for picture in pictures)


def test_what_the_page_says_of_its_runs_is_so():
    ink = [FIGURES[run] for run in ("ink-held", "ink", "ink-free")]
    rewards = [run["sampled_reward_at_T40"] for run in ink]
    read = [run["read_as_asked_at_T40"] for run in ink]
    assert rewards == sorted(rewards)  # by the reward alone the worst run is the best
    assert read == sorted(read, reverse=True)
    holes = FIGURES["holes"]
    assert holes["sampled_reward_at_T40"] > 1.5 * holes["reward_before"]
    plane = FIGURES["mixture"]
    assert plane["distance_to_optimum_at_T40"] < plane["distance_to_optimum_before"] / 30
    assert FIGURES["mixture-free"]["distance_to_reference_at_T40"] > 5
    assert {f["verdict"] for f in FIGURES["doctor"]} == {"holds", "shown"}
