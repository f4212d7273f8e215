"""The command line of the SD3.5 run: plans, settings, refusals in a line; and the page's tables."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.sd3.settings import presets
from refimpl.sd3.settings.config import Config
from refimpl.sd3.settings.overrides import keys

ROOT = Path(__file__).parents[2]


def told(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_a_dry_run_needs_neither_weights_nor_prompts() -> None:
    code, text = told("train", "sd3", "--dry-run", "--preset", "flow_grpo", "--tflops", "500")
    assert code == 0
    assert "151.2 TFLOP an image" in text
    assert "at 500 TFLOP/s" in text


def test_a_dry_run_warns_of_a_lora_s_learning_rate_for_all_weights() -> None:
    for changes, warned in (
        (["adapter.kind=full"], True),
        (["adapter.kind=full", "training.learning_rate=1e-5"], False),
        ([], False),
    ):
        code, text = told("train", "sd3", "--dry-run", *changes)
        assert code == 0
        assert ("training.learning_rate=0.0003 is the default, a LoRA's" in text) == warned


def test_a_dry_run_opens_the_prompts_and_says_what_their_text_takes(tmp_path: Path) -> None:
    """205 tokens of 4096 numbers and 2048 pooled, in two bytes each: 1.68 MB a prompt."""
    file = tmp_path / "prompts.txt"
    file.write_text("\n".join(f"a square number {i}" for i in range(100)))
    words = ["train", "sd3", "--dry-run", "--prompts", str(file)]
    code, text = told(*words, "data.holdout=10")
    assert code == 0
    assert "90 to train on, 10 held out; their embeddings 0.16 GiB" in text
    assert "a process holds 0.16" in text
    _, text = told(*words, "text.memory=0.05")
    assert "a process holds 0.05" in text
    _, text = told(*words, "text.memory=0.05", "text.cache=null", "text.precompute=true")
    assert "GiB in all, of which a process holds 0.16" in text
    code, text = told(*words, "--processes", "7")
    assert code == 2
    assert "7 processes cannot share equally" in text


def test_the_settings_that_are_shown_are_the_ones_that_run() -> None:
    code, text = told("train", "sd3", "--show", "--preset", "levelled", "num_steps=12")
    assert code == 0
    shown = yaml.safe_load(text)
    assert shown["sampling"]["steps"] == 12
    assert shown["method"]["weight"] == "levelled"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sampling.stesp=3"], "did you mean sampling.steps?"),
        (["--preset", "papre"], "no preset is called 'papre'"),
        (["--random-init", "huge"], "one of tiny, medium, large"),
        ([], "names no file"),
        (["--prompts", "/nowhere.txt"], "no prompts at /nowhere.txt"),
        (["--config", "/nowhere.yaml"], "cannot be read"),
        (["--resume", "--out", "/nowhere"], "nothing to resume"),
        (["--dry-run", "--prompts", "/nowhere.txt"], "no prompts at /nowhere.txt"),
        (["--dry-run", "--processes", "0"], "--processes must be at least 1, got 0"),
        (["--dry-run", "--tflops", "0"], "--tflops must be what a process reaches"),
        (["--dry-run", "--tflops", "nan"], "got nan"),
        (["--dry-run", "--tflops", "inf"], "got inf"),
        (["--dry-run", "--tflops", "-3"], "got -3"),
        (["train.clip_range=1e-4", "train.beta=.04"], "take --preset flow_grpo"),
    ],
)
def test_a_refusal_is_one_line(words: list[str], said: str) -> None:
    code, text = told("train", "sd3", *words)
    assert code == 2
    assert said in text
    assert len(text.strip().splitlines()) == 1


def test_engines_presets_and_rewards_are_listed() -> None:
    code, path = told("sd3", "engine", "fsdp")
    assert code == 0
    assert yaml.safe_load(Path(path.strip()).read_text())["distributed_type"] == "FSDP"
    assert told("sd3", "engine", "horovod")[0] == 2
    for name, listed in (("presets", presets.PRESETS), ("rewards", {"ocr": 0, "shapes": 0})):
        code, text = told("sd3", name)
        assert code == 0
        assert all(entry in text for entry in listed)


def test_converting_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    code, text = told("sd3", "convert", str(tmp_path), str(tmp_path / "out"))
    assert code == 2
    assert "adapter_config.json" in text
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def block() -> Any:
    """The program that writes the page's tables."""
    file = ROOT / "docs" / "tools" / "sd3_block.py"
    spec = importlib.util.spec_from_file_location("sd3_block", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_difference_of_the_presets_has_its_conversion(block: Any) -> None:
    """A difference without one is a KeyError; a conversion without a difference is stale."""
    listed = set(re.findall(r"^\| <code>([\w.]+)</code>", block.differences(), re.M))
    assert listed >= {"method.limit", "method.kl", "method.reduction", "method.advantage_std"}
    assert listed <= block.CONVERSIONS.keys()
    assert "6.55 nats" in block.differences()


def test_every_setting_is_on_the_page(block: Any) -> None:
    listed = re.findall(r"^\| <code>([\w.]+)</code>", block.settings(), re.M)
    assert listed == list(keys(Config))


def test_the_page_has_every_table(block: Any) -> None:
    page = (ROOT / "docs" / "sd35.md").read_text(encoding="utf-8")
    names = re.findall(r"<!-- generated: sd3-(\w+) -->", page)
    assert names == ["presets", "differences", "costs", "memory", "aliases", "settings"]
    assert all(block.sd3_block(name).startswith("| ") for name in names)
