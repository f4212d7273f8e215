"""Beginning with a LoRA that is there: diffusers' format, or peft's as flow_grpo saves it.

begin_with(transformer, folder, reference=True)      and measure the KL from it
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ... import outside
from .adapters import LORA, WEIGHTS
from .policy import REFERENCE

_PREFIXES = ("transformer.", "base_model.model.")


def begin_with(transformer: Any, source: Path, *, reference: bool) -> None:
    """Put a LoRA's weights into the adapter that is trained.

    Args:
        source: a file of safetensors, or the folder of one.
        reference: keep a frozen copy, which `policy.adapter_off` switches to.

    Raises:
        ValueError: no LoRA there, or one of another rank, alpha or targets; the settings are named.
    """
    from peft import set_peft_model_state_dict

    tensors, about = read(source)
    _require_same(source, transformer.peft_config["default"], tensors, about)
    if reference:
        transformer.add_adapter(transformer.peft_config["default"], REFERENCE)
    for name in ("default", *([REFERENCE] if reference else [])):
        found = set_peft_model_state_dict(transformer, dict(tensors), adapter_name=name)
        if found.unexpected_keys:
            raise ValueError(f"{source} has layers that this adapter has not: adapter.targets")
    if reference:
        transformer.set_adapter("default")
    for key, parameter in transformer.named_parameters():
        if "lora_" in key:
            parameter.data = parameter.data.float()
            parameter.requires_grad_(f".{REFERENCE}." not in key)


def read(source: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by layer, and what is said of them: r, lora_alpha, where it is said.

    Raises:
        ValueError: no LoRA there.
    """
    from safetensors import SafetensorError, safe_open

    file = _file(source)
    try:
        with safe_open(outside.bounded(file, LORA), framework="pt") as opened:
            tensors = {_layer(key): opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            metadata = opened.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ValueError(f"adapter.start={source} cannot be read: {error}") from None
    if not tensors or any(".lora_" not in key for key in tensors):
        raise ValueError(f"adapter.start={source} holds no LoRA of a transformer")
    beside = file.with_name("adapter_config.json")
    if beside.is_file():
        return tensors, outside.settings(beside)
    said = outside.parsed(metadata.get("lora_adapter_metadata", "{}"), f"{file}, its metadata")
    if not isinstance(said, dict):
        raise ValueError(f"{file}: its metadata is a {type(said).__name__}, and no object")
    return tensors, {key.removeprefix("transformer."): x for key, x in said.items()}


def _file(source: Path) -> Path:
    if source.is_file():
        return source
    folders = (source, source / "lora", source / "adapter")
    names = (WEIGHTS, "adapter_model.safetensors")
    for file in (folder / name for folder in folders for name in names):
        if file.is_file():
            return file
    raise ValueError(f"adapter.start={source} has neither {names[0]} nor {names[1]}")


def _layer(key: str) -> str:
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return key


def _require_same(
    source: Path, ours: Any, tensors: Mapping[str, Tensor], about: Mapping[str, Any]
) -> None:
    ranks = {x.shape[0] for key, x in tensors.items() if ".lora_A." in key}
    layers = {key.partition(".lora_")[0] for key in tensors}
    theirs = {
        "adapter.rank": ranks.pop() if len(ranks) == 1 else sorted(ranks),
        "adapter.alpha": float(about["lora_alpha"]) if "lora_alpha" in about else ours.lora_alpha,
        "adapter.targets": "attn+attn2" if any(".attn2." in key for key in layers) else "attn",
    }
    dual = any(name.startswith("attn2") for name in ours.target_modules)
    here = {
        "adapter.rank": ours.r,
        "adapter.alpha": ours.lora_alpha,
        "adapter.targets": "attn+attn2" if dual else "attn",
    }
    wrong = [f"{key}={x}" for key, x in theirs.items() if x != here[key]]
    if wrong:
        raise ValueError(f"adapter.start={source} is another adapter than this run's: set "
                         f"{' '.join(wrong)}")  # fmt: skip
