"""A configuration of flow_grpo (github.com/yifan123/flow_grpo) as one of ours.

    converted(read(file, function), gpus)      settings, and what became of every value: mapped,
                                               converted, dropped

Its batches become groups: batch × batches × GPUs images, `num_image_per_prompt` of each prompt; its
accumulation becomes updates. Its numbers keep their units, which the preset `flow_grpo` brings.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ...outside import MIB, bounded
from . import literal
from .mapping import CHANGED, DROPPED, KINDS, SAME, Converted, require_grpo


def read(file: Path, function: str | None = None) -> dict[str, Any]:
    """The values of a configuration: Python (not executed), YAML or JSON.

    Args:
        function: of a Python file that has several.

    Raises:
        ValueError: a file of another kind, or one that cannot be followed.
    """
    if file.suffix == ".py":
        names = list(literal.functions(file))
        if function is None and len(names) != 1:
            raise ValueError(f"{file} has several configurations: name one of {', '.join(names)}")
        found, others = literal.values(file, function or names[0])
        return {**found, **{key: others[key] for key in ("gpu_number",) if key in others}}
    try:
        text = bounded(file, 4 * MIB).read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file} is neither Python, YAML nor JSON: {reason}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file} must hold settings as a mapping, got {type(found).__name__}")
    return found


def converted(values: Mapping[str, Any], gpus: int | None = None) -> Converted:
    """Ours.

    Args:
        gpus: processes that shared its batches, where the configuration does not say.

    Raises:
        ValueError: batches that make no whole groups, an unknown number of GPUs, another kind of
            training than GRPO, or values that cannot be what their names say.
    """
    given, found = _flat(values), Converted()
    require_grpo(given.pop("train.algorithm", "grpo"))
    gpus = gpus or given.pop("gpu_number", None)
    for name in ("gpu_number", "per_prompt_stat_tracking"):
        _special(found, name, given.pop(name, None))
    for name, (kind, told) in KINDS.items():
        value = given.get(name, kind[0]())
        if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{name} must be {told}, got {value!r}")
    _kind(found, given)
    _batches(found, given, gpus)
    for name, value in given.items():
        if name in SAME:
            if value not in (None, ""):
                found.put(SAME[name], value)
                found.mapped.append(f"{name} = {value!r} → {SAME[name]}")
        elif name in CHANGED:
            CHANGED[name](found, value, given)
        elif name not in _COUNTED:
            found.dropped.append(f"{name} = {value!r}: {DROPPED.get(name, 'unknown here')}")
    return found


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and key in ("sample", "train", "pretrained"):
            found |= {f"{key}.{inner}": entry for inner, entry in value.items()}
        else:
            found[str(key)] = value
    return found


def _special(found: Converted, name: str, value: Any) -> None:
    if name == "per_prompt_stat_tracking" and value is False:
        found.dropped.append(
            "per_prompt_stat_tracking = False: one mean for all prompts; a group has its own here"
        )


def _kind(found: Converted, given: dict[str, Any]) -> None:
    """use_lora: True is the default here too; False trains all weights, and reads no LoRA."""
    value = given.pop("use_lora", None)
    if value is None:
        return
    kind = "lora" if value else "full"
    found.put("adapter.kind", kind)
    found.changed.append(f"use_lora = {value!r} → adapter.kind = {kind}")
    if not value and (path := given.pop("train.lora_path", None)):
        found.dropped.append(f"train.lora_path = {path!r}: not read where use_lora is False")


_COUNTED = ("sample.num_batches_per_epoch", "train.gradient_accumulation_steps")


def _batches(found: Converted, given: Mapping[str, Any], gpus: int | None) -> None:
    """batch × batches × GPUs = groups × group; images / (batch × accumulation) = updates."""
    names = (
        "sample.train_batch_size",
        "sample.num_batches_per_epoch",
        "sample.num_image_per_prompt",
    )
    batch, batches, group = (given.get(name) for name in names)
    if batch is None or batches is None or group is None:
        found.dropped.append(
            "groups and updates: they need sample.train_batch_size, num_batches_per_epoch and "
            "num_image_per_prompt; sampling.groups and training.updates are the preset's"
        )
        return
    _whole(
        (names[0], batch), (names[1], batches), (names[2], group),
        ("gpu_number", 1 if gpus is None else gpus),
        *((f"train.{n}", given.get(f"train.{n}", 1)) for n in ("batch_size", _ACCUMULATION)),
    )  # fmt: skip
    if gpus is None:
        raise ValueError(
            f"the configuration has {batch} × {batches} images a GPU and does not say how many "
            "GPUs: --gpus 8"
        )
    images = batch * batches * gpus
    if images % group:
        raise ValueError(
            f"{batch} × {batches} × {gpus} = {images} images are no whole groups of {group}: "
            "is --gpus right?"
        )
    found.put("sampling.groups", images // group)
    found.changed.append(
        f"{batch} a batch × {batches} batches × {gpus} GPUs = {images} images = "
        f"{images // group} groups of {group} → sampling.groups"
    )
    rows, accumulated = (given.get(f"train.{n}", 1) for n in ("batch_size", _ACCUMULATION))
    updates = batch * batches / (rows * accumulated)
    if updates != int(updates) or group % int(updates):
        raise ValueError(
            f"{batch * batches} images a GPU in pieces of {rows} × {accumulated} are {updates:g} "
            f"updates, which must be whole and divide the group of {group}"
        )
    found.put("training.updates", int(updates))
    found.changed.append(
        f"{batch * batches} images a GPU / ({rows} × {accumulated} accumulated) → "
        f"training.updates = {int(updates)}"
    )


def _whole(*counts: tuple[str, Any]) -> None:
    """Refuse what counts nothing."""
    for name, value in counts:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1, got {value!r}")


_ACCUMULATION = "gradient_accumulation_steps"
