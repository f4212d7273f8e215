"""Adapters on the disk: LoRA in diffusers' format, with the metadata that keeps its alpha.

    export(parts, folder)                    plain diffusers: pipeline.load_lora_weights(folder)
    convert(checkpoint, folder)              the same from a checkpoint of flow_grpo's trainer

Without its metadata an adapter loads with alpha = rank, at another strength than it was trained at.
A folder appears whole, by a rename.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ... import outside
from ...runs import atomic

LORA = 8192 * outside.MIB
"""Bytes of an adapter: the largest have a tenth of that."""

WEIGHTS = "pytorch_lora_weights.safetensors"


def export(
    transformer: Any, folder: Path, *, state: Mapping[str, Tensor] | None = None, card: str = ""
) -> None:
    """Write the transformer's adapter, replacing the folder at once.

    Args:
        state: the adapter's tensors by peft's names, where they must be gathered from several
            processes first; None reads them off the transformer.
        card: README.md, if there is one.
    """
    from diffusers import StableDiffusion3Pipeline
    from peft import get_peft_model_state_dict

    layers = get_peft_model_state_dict(transformer, state_dict=state)
    about = transformer.peft_config["default"].to_dict()
    about["target_modules"] = sorted(about["target_modules"])  # a set's order is not reproducible
    with written(folder, card) as beside:
        StableDiffusion3Pipeline.save_lora_weights(
            beside,
            transformer_lora_layers={n: x.detach().cpu().contiguous() for n, x in layers.items()},
            transformer_lora_adapter_metadata=about,
        )


@contextlib.contextmanager
def written(folder: Path, card: str = "") -> Iterator[Path]:
    """A folder to write in, which then takes the place of `folder` at once, with its README.md."""
    beside = _beside(folder, "new")
    yield beside
    if card:
        (beside / "README.md").write_text(card, encoding="utf-8")
    _into_place(beside, folder)


def _beside(folder: Path, what: str) -> Path:
    """A name next to the folder; what a killed process left there is removed."""
    path = folder.with_name(f".{folder.name}.{what}")
    shutil.rmtree(path, ignore_errors=True)
    return path


def _into_place(beside: Path, folder: Path) -> None:
    old = _beside(folder, "old")
    if folder.exists():
        os.rename(folder, old)
    os.rename(beside, folder)
    atomic.sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def convert(checkpoint: Path, folder: Path) -> int:
    """Turn a checkpoint of flow_grpo's trainer (peft's own format) into one that diffusers loads.

    `load_lora_weights` finds nothing in such a checkpoint, and says so in a log line only.

    Args:
        checkpoint: a folder with adapter_config.json and adapter_model.safetensors, or one whose
            `lora` folder has them.
        folder: where to write; must not exist.

    Returns:
        The number of tensors.

    Raises:
        ValueError: not such a checkpoint, or `folder` exists.
    """
    from diffusers import StableDiffusion3Pipeline
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if folder.exists():
        raise ValueError(f"{folder} exists: name a folder that does not")
    source = checkpoint / "lora" if (checkpoint / "lora").is_dir() else checkpoint
    files = source / "adapter_config.json", source / "adapter_model.safetensors"
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        absent = " and no ".join(missing)
        raise ValueError(f"{checkpoint} is not a checkpoint of peft's format: it has no {absent}")
    try:
        settings = outside.settings(files[0])
        tensors = load_file(outside.bounded(files[1], LORA))
    except (ValueError, SafetensorError) as error:
        raise ValueError(f"{source} is damaged: {error}") from None
    prefix = "base_model.model."
    layers = {name.removeprefix(prefix): x for name, x in tensors.items()}
    if not layers or any(".lora_" not in name for name in layers):
        raise ValueError(
            f"{files[1]} holds no LoRA: {', '.join(list(tensors)[:2]) or 'it is empty'}"
        )
    kept = ("r", "lora_alpha", "target_modules", "rank_pattern", "alpha_pattern", "use_rslora",
            "use_dora", "lora_bias")  # fmt: skip
    with written(folder) as beside:
        StableDiffusion3Pipeline.save_lora_weights(
            beside,
            transformer_lora_layers=layers,
            transformer_lora_adapter_metadata={k: settings[k] for k in kept if k in settings},
        )
    return len(layers)
