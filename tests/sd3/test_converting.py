"""flow_grpo's configurations become ours, with every value accounted for and nothing executed."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.methods import plan
from refimpl.sd3.settings import converting, literal, mapping, presets
from refimpl.sd3.settings.config import Config

PYTHON = """
import ml_collections
import imp
import os

base = imp.load_source("base", os.path.join(os.path.dirname(__file__), "base.py"))
open("{mark}", "w").write("executed")


def common():
    config = base.get_config()
    config.pretrained.model = "stabilityai/stable-diffusion-3.5-medium"
    config.sample.num_steps = 10
    config.sample.guidance_scale = 4.5
    config.prompt_fn = "general_ocr"
    return config


def ocr_run():
    gpu_number = 8
    config = common()
    config.dataset = os.path.join(os.getcwd(), "dataset/ocr")
    config.resolution = 512
    config.sample.train_batch_size = 9
    config.sample.num_image_per_prompt = 24
    config.sample.num_batches_per_epoch = int(
        48 / (gpu_number * config.sample.train_batch_size / config.sample.num_image_per_prompt)
    )
    assert config.sample.num_batches_per_epoch % 2 == 0, "even"
    config.train.batch_size = config.sample.train_batch_size
    config.train.gradient_accumulation_steps = config.sample.num_batches_per_epoch // 2
    config.train.timestep_fraction = 0.99
    config.train.clip_range = 1e-4
    config.train.beta = 0.04
    config.train.ema = True
    config.sample.global_std = True
    config.save_dir = f"logs/{{gpu_number}}"
    config.reward_fn = {{"ocr": 1.0}}
    return config
"""
BASE = """
import ml_collections


def get_config():
    config = ml_collections.ConfigDict()
    config.seed = 7
    config.mixed_precision = "fp16"
    config.num_checkpoint_limit = 1
    config.sample = sample = ml_collections.ConfigDict()
    sample.noise_level = 0.7
    config.train = train = ml_collections.ConfigDict()
    train.cfg = True
    train.adam_beta1 = 0.95
    train.use_8bit_adam = False
    train.surprise = 3
    config.pretrained = ml_collections.ConfigDict()
    return config
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "grpo.py"
    found.write_text(PYTHON.format(mark=tmp_path / "mark"))
    (tmp_path / "base.py").write_text(BASE)
    return found


def test_a_python_configuration_becomes_ours_without_being_run(file: Path, tmp_path: Path) -> None:
    """9 a batch × 16 batches × 8 GPUs = 1152 images = 48 groups of 24; two updates."""
    out = tmp_path / "ours.yaml"
    words = ["sd3", "convert-config", str(file), str(out), "--function", "ocr_run"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "mark").exists()
    config = presets.resolve([], out)
    assert (config.sampling.groups, config.sampling.group) == (48, 24)
    assert (config.training.updates, config.training.rows, config.sampling.batch) == (2, 9, 9)
    assert config.training.betas == (0.95, 0.999)
    assert (config.method.limit, config.method.beta) == (1e-4, 0.04)
    assert (config.method.reduction, config.method.kl) == ("average", "without_h")
    assert config.method.advantage_std == "batch"
    assert config.run.seed == 7
    assert str(config.data.prompts) == "dataset/ocr"
    assert config.rewards.weights == {"ocr": 1.0}
    assert config.method == presets.resolve(["flow_grpo"]).method
    for said in ("48 groups of 24", "training.updates = 2", "train.surprise = 3: unknown here",
                 "logs/8", "run.keep = 2"):  # fmt: skip
        assert said in done.output
    assert "# left out: train.surprise" in out.read_text()
    assert CliRunner().invoke(app, words).exit_code == 2  # it exists


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_values_may_come_as_yaml_or_json(tmp_path: Path, ending: str) -> None:
    values = {"sample": {"train_batch_size": 4, "num_batches_per_epoch": 2, "global_std": False,
                         "num_image_per_prompt": 8, "num_steps": 10},
              "train": {"batch_size": 2, "gradient_accumulation_steps": 2, "cfg": False,
                        "timestep_fraction": 1.0},
              "reward_fn": {"imagereward": 0.5, "unifiedreward": 1}}  # fmt: skip
    file = tmp_path / f"config.{ending}"
    file.write_text(json.dumps(values) if ending == "json" else yaml.safe_dump(values))
    found = converting.converted(converting.read(file), gpus=3)
    assert found.settings["sampling"] == {
        "groups": 3, "batch": 4, "group": 8, "steps": 10, "guidance": 1.0,
    }  # fmt: skip
    assert found.settings["training"]["updates"] == 2
    assert found.settings["method"] == {"advantage_std": "group", "skip_last": False}
    assert found.settings["rewards"]["weights"] == {"image_reward": 0.5, "remote": 1}
    with pytest.raises(ValueError, match="does not say how many GPUs: --gpus 8"):
        converting.converted(values)
    bad: dict[str, Any] = {**values, "sample": {**values["sample"], "num_image_per_prompt": 9}}
    with pytest.raises(ValueError, match="40 images are no whole groups of"):
        converting.converted(bad, gpus=5)


@pytest.mark.parametrize(("value", "kind"), [(False, "full"), (True, "lora")])
def test_use_lora_decides_what_is_trained(tmp_path: Path, value: bool, kind: str) -> None:
    """A run of all weights reads no LoRA, there as here."""
    values = {"use_lora": value, "train": {"lora_path": "there"}}
    found = converting.converted(values, gpus=1)
    assert found.settings["adapter"] == {"kind": kind, **({"start": "there"} if value else {})}
    assert f"use_lora = {value} → adapter.kind = {kind}" in found.changed
    assert any("train.lora_path = 'there': not read" in line for line in found.dropped) != value
    (tmp_path / "ours.yaml").write_text(found.text())
    assert presets.resolve([], tmp_path / "ours.yaml").adapter.kind == kind


WHOLE: dict[str, Any] = {
    "sample.num_steps": 10, "sample.train_batch_size": 9, "sample.num_batches_per_epoch": 16,
    "sample.num_image_per_prompt": 24, "sample.guidance_scale": 4.5, "train.batch_size": 9,
    "train.gradient_accumulation_steps": 8, "gpu_number": 8, "reward_fn": {"ocr": 1.0},
}  # fmt: skip


def resolved(tmp_path: Path, **changes: Any) -> tuple[converting.Converted, Config]:
    """Converted, and as the trainer reads what was written."""
    found = converting.converted({**WHOLE, **changes})
    (tmp_path / "ours.yaml").write_text(found.text())
    return found, presets.resolve([], tmp_path / "ours.yaml")


def test_a_later_configuration_keeps_its_kernel_and_its_window(tmp_path: Path) -> None:
    """As flow_grpo's fast ones have them: CPS, noise in a window among the first steps."""
    found, config = resolved(tmp_path, **{
        "sample.sde_type": "cps", "sample.noise_level": 0.8, "sample.sde_window_size": 3,
        "sample.sde_window_range": (0, 5), "sample.same_latent": True, "train.timestep_fraction": 1,
        "sample.kl_reward": 0, "sample.eval_guidance_scale": 4.5, "train.algorithm": "grpo",
    })  # fmt: skip
    method = config.method
    assert (method.kernel, method.noise, method.kl) == ("cps", 0.8, "steps")
    assert (method.window, method.size, method.start, method.end) == ("random", 3, 0, 5)
    assert config.sampling.start == "group"
    assert {plan(method, config.grid, i).trained for i in range(50)} == {
        (0, 1, 2), (1, 2, 3), (2, 3, 4)
    }  # fmt: skip
    assert [line for line in found.dropped if "unknown" in line] == []
    assert any("method.limit anew" in line for line in found.dropped)


def test_the_guards_configurations_train_by_the_guard(tmp_path: Path) -> None:
    """A ratio that is recentred, every step's loss over h: GRPO-Guard, and no plain ratio."""
    found, config = resolved(tmp_path, **{"rationorm": True, "train.highclip_range": 2e-6})
    assert (config.method.ratio, config.method.weight) == ("guard", "guard")
    assert any("here it is symmetric" in line for line in found.dropped)
    _, plain = resolved(tmp_path, rationorm=False)
    assert (plain.method.ratio, plain.method.weight) == ("plain", "equal")


def test_other_names_of_forks_are_read(tmp_path: Path) -> None:
    _, config = resolved(tmp_path, **{
        "max_epochs": 70, "activation_checkpointing": True, "train.ema_decay": 0.99,
    })  # fmt: skip
    assert config.training.iterations == 70
    assert config.model.gradient_checkpointing
    assert config.ema.decay == 0.99


def test_constants_of_the_file_and_simple_mathematics_are_read(tmp_path: Path) -> None:
    (tmp_path / "c.py").write_text(
        "import math\nimport ml_collections\nMODEL = 'sd3'\nSTEPS = 2 * 5\nLOOP = LOOP\n"
        "def get():\n    config = ml_collections.ConfigDict()\n    config.model = MODEL\n"
        "    config.again = MODEL\n    config.seed = math.lcm(STEPS, 4)\n"
        "    config.guided = config.seed > 1.0\n    return config\n"
        "def bad():\n    config = ml_collections.ConfigDict()\n    config.seed = LOOP\n"
        "    return config\n"
        "def worse():\n    config = ml_collections.ConfigDict()\n    config.seed = 1 / 0\n"
        "    return config\n"
    )
    found, _ = literal.values(tmp_path / "c.py", "get")
    assert found == {"model": "sd3", "again": "sd3", "seed": 20, "guided": True}
    with pytest.raises(ValueError, match="'LOOP' is not a value"):
        literal.values(tmp_path / "c.py", "bad")
    with pytest.raises(ValueError, match="line 19: '1 / 0' is not a value"):
        literal.values(tmp_path / "c.py", "worse")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("sample.kl_reward", 0.1, "a KL in the reward"),
        ("sample.eval_guidance_scale", 1.0, "evaluation has the guidance of training"),
        ("sample.sde_window_range", (0, 5), "there is no window"),
    ],
)
def test_what_has_no_place_here_is_said(tmp_path: Path, name: str, value: Any, said: str) -> None:
    found, config = resolved(tmp_path, **{name: value, "sample.sde_window_size": 0})
    assert [said in line for line in found.dropped].count(True) == 1
    assert config.method.window == "all"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("train.algorithm", "dpo", "something else than GRPO"),
        ("train.algorithm", "sft", "something else than GRPO"),
        ("sample.sde_type", "ddim", "one of sde, cps, got 'ddim'"),
        ("sample.sde_window_range", 5, r"two steps such as \[0, 5\], got 5"),
        ("train.gradient_accumulation_steps", 0, "must be a whole number from 1, got 0"),
        ("sample.num_image_per_prompt", "24", "must be a whole number from 1, got '24'"),
        ("sample.train_batch_size", 4.5, "sample.train_batch_size must be a whole number"),
        ("gpu_number", "", "gpu_number must be a whole number from 1, got ''"),
        ("train.timestep_fraction", float("inf"), "must be a number, got inf"),
        ("reward_fn", ["ocr"], "names with weights"),
        ("num_checkpoint_limit", None, "must be a whole number, got None"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(
    tmp_path: Path, name: str, value: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        resolved(tmp_path, **{"sample.sde_window_size": 2, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train.cfg", False), ("train.cfg", True), ("sample.sde_window_range", (0, 5)),
        ("sample.sde_window_size", 2), ("sample.same_latent", True), ("sample.kl_reward", 0),
        ("sample.eval_guidance_scale", 4.5), ("sample.sde_type", "cps"), ("mixed_precision", "no"),
        ("sample.global_std", True), ("train.timestep_fraction", 1), ("reward_fn", {}),
        ("train.ema", True), ("num_checkpoint_limit", 5), ("train.adam_beta1", 0.9),
        ("train.adam_beta2", 0.999), ("train.use_8bit_adam", False),
        ("sample.guidance_scale", 4.5), ("train.surprise", 1), ("rationorm", True),
        ("activation_checkpointing", True), ("max_epochs", 10), ("train.clip_range_gt", 1e-4),
    ],
)  # fmt: skip
def test_a_value_is_accounted_for_whatever_stands_beside_it(name: str, value: Any) -> None:
    found = converting.converted({name: value})
    told = [*found.mapped, *found.changed, *found.dropped]
    assert any(name.rpartition(".")[2] in line for line in told), told


def test_a_run_without_guidance_that_names_no_scale_has_none() -> None:
    assert converting.converted({"train.cfg": False}).settings["sampling"] == {"guidance": 1.0}


ODD = (None, "x", "", -1, 0, 2.5, float("nan"), float("inf"), [], [1], {}, {"a": 1}, True, (0, 5))


@pytest.mark.parametrize("name", [*mapping.SAME, *mapping.CHANGED, *mapping.DROPPED, *WHOLE])
def test_no_value_ends_in_anything_but_a_sentence(tmp_path: Path, name: str) -> None:
    for value in ODD:
        said = ""
        try:
            resolved(tmp_path, **{name: value})
        except ValueError as error:
            said = str(error)
        assert "\n" not in said
        assert len(said) < 400


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("config.seed = __import__('os').getpid()", "line 4: \"__import__('os').getpid()\""),
        ("config.seed = open('/etc/passwd').read()", "without running it"),
        ("config.seed = [x for x in range(3)]", "without running it"),
        ("for x in (1, 2): config.seed = x", "without running it"),
        ("config.seed = unknown", "line 4: 'unknown'"),
        ("config.seed = int([])", "line 4: 'int([])'"),
        ("config.seed = 'x' * 10000000000", "without running it"),
    ],
)
def test_what_cannot_be_read_without_running_it_is_named(
    tmp_path: Path, line: str, said: str
) -> None:
    file = tmp_path / "c.py"
    file.write_text(f"import ml_collections\ndef get():\n    config = ml_collections.ConfigDict()\n"
                    f"    {line}\n    return config\n")  # fmt: skip
    with pytest.raises(ValueError, match="c.py, line 4") as caught:
        literal.values(file, "get")
    assert said in str(caught.value)


def test_files_that_hold_no_configuration_are_refused(tmp_path: Path) -> None:
    for name, text, said in (
        ("a.py", "def one(): pass\ndef two(): pass", "name one of one, two"),
        ("b.py", "def (", "is no Python"),
        ("c.yaml", "- 1", "as a mapping"),
        ("d.json", "{", "neither Python, YAML nor JSON"),
        ("e.py", "def a():\n    return a()", "without end"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=said):
            converting.read(tmp_path / name)
    with pytest.raises(ValueError, match="cannot be read"):
        converting.read(tmp_path / "nothing.py")
