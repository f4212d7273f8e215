"""Files of a model, an adapter or a prompt list made to do harm: one line each, and no crash."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from refimpl.outside import settings
from refimpl.sd3.loop.prompts import _parse_json
from refimpl.sd3.model import starts
from refimpl.sd3.model.adapters import convert
from refimpl.sd3.model.pipelines import _require_pipeline
from refimpl.sd3.rewards.clip import _layers
from refimpl.sd3.rewards.protocol import RewardError

NESTED = "[" * 200_000
BAD = {"nested": NESTED, "a list": "[1, 2]", "no JSON": "{", "no text": "\x00\x01", "empty": ""}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_settings_that_are_no_object_are_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"config\.json"):
        settings(file)


def test_settings_are_bounded_and_never_read_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with open(tmp_path / "sparse.json", "wb") as file:
        file.truncate(2**33)
    for name, told in (("pipe.json", "a pipe"), ("sparse.json", "at most 16")):
        with pytest.raises(ValueError, match=told):
            settings(tmp_path / name)


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_an_adapter_with_hostile_settings_is_refused(content: str, tmp_path: Path) -> None:
    save_file({"base_model.model.a.lora_A.weight": torch.ones(1, 1)},
              tmp_path / "adapter_model.safetensors")  # fmt: skip
    (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(ValueError, match=r"adapter_config\.json"):
        starts.read(tmp_path)
    with pytest.raises(ValueError, match=r"is damaged: .*adapter_config\.json"):
        convert(tmp_path, tmp_path / "new")


def test_hostile_metadata_of_an_adapter_is_refused(tmp_path: Path) -> None:
    for content in (NESTED, "[1]"):
        save_file({"transformer.a.lora_A.weight": torch.ones(1, 1)}, tmp_path / "a.safetensors",
                  {"lora_adapter_metadata": content})  # fmt: skip
        with pytest.raises(ValueError, match="its metadata"):
            starts.read(tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_pipeline_with_a_hostile_index_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(content)
    with pytest.raises(ValueError, match=r"model_index\.json is damaged"):
        _require_pipeline(tmp_path)


def test_a_prompt_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ValueError, match="line 3 is nested too deeply"):
        _parse_json("line 3", NESTED)


def test_a_head_whose_numbers_are_a_view_of_one_is_refused(tmp_path: Path) -> None:
    big = torch.zeros(1).expand(2**32)
    torch.save({"layers.0.weight": big, "layers.0.bias": big}, tmp_path / "head.pth")
    assert (tmp_path / "head.pth").stat().st_size < 10_000
    with pytest.raises(RewardError, match="does not hold the layers"):
        _layers(tmp_path / "head.pth")


def test_a_right_head_is_read_as_it_was(tmp_path: Path) -> None:
    state = {"layers.0.weight": torch.randn(1, 2), "layers.0.bias": torch.randn(1)}
    torch.save(state, tmp_path / "head.pth")
    save_file(state, tmp_path / "head.safetensors")
    for name in ("head.pth", "head.safetensors"):
        ((weight, bias),) = _layers(tmp_path / name)
        assert torch.equal(weight, state["layers.0.weight"])
        assert torch.equal(bias, state["layers.0.bias"])


def test_settings_of_a_right_file_come_back(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"r": 4}))
    assert settings(tmp_path / "c.json") == {"r": 4}
