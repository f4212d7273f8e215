"""A configuration of flow_grpo (github.com/yifan123/flow_grpo) as one of ours.

    converted(read(file, function), gpus)      settings, and what became of every value: mapped,
                                               converted, dropped

Its batches become groups: batch × batches × GPUs images, `num_image_per_prompt` of each prompt; its
accumulation becomes updates. Its numbers keep their units, which the preset `flow_grpo` brings.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import literal

SAME = {
    "seed": "run.seed",
    "allow_tf32": "run.tf32",
    "resolution": "sampling.resolution",
    "dataset": "data.prompts",
    "pretrained.model": "model.source",
    "save_freq": "run.checkpoint_every",
    "eval_freq": "evaluation.every",
    "num_epochs": "training.iterations",
    "sample.num_steps": "sampling.steps",
    "sample.eval_num_steps": "sampling.eval_steps",
    "sample.noise_level": "method.noise",
    "sample.num_image_per_prompt": "sampling.group",
    "sample.train_batch_size": "sampling.batch",
    "train.batch_size": "training.rows",
    "train.learning_rate": "training.learning_rate",
    "train.adam_weight_decay": "training.weight_decay",
    "train.adam_epsilon": "training.eps",
    "train.max_grad_norm": "training.max_grad_norm",
    "train.num_inner_epochs": "training.epochs",
    "train.adv_clip_max": "method.advantage_bound",
    "train.clip_range": "method.limit",
    "train.beta": "method.beta",
    "train.lora_path": "adapter.start",
}
"""Values that mean the same under another name."""
DROPPED = {
    "run_name": "name the folder with --out",
    "save_dir": "name the folder with --out",
    "logdir": "name the folder with --out",
    "prompt_fn": "the prompt file says what it is",
    "prompt_fn_kwargs": "the prompt file says what it is",
    "sample.test_batch_size": "evaluation uses sampling.batch",
    "sample.batch_size": "flow_grpo does not read it either",
    "pretrained.revision": "of another model in the base configuration; model.revision if needed",
}
REWARDS = {
    "imagereward": "image_reward",
    "unifiedreward": "remote",
    "qwenvl": "remote",
    "deqa": "remote",
}
"""Rewards that have another name here; a server's become `remote`."""


@dataclass
class Converted:
    """Settings, and what became of every value.

    Attributes:
        settings: nested, with the preset they stand on.
        mapped, changed, dropped: a line each.
    """

    settings: dict[str, Any] = field(default_factory=lambda: {"preset": "flow_grpo"})
    mapped: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def put(self, dotted: str, value: Any) -> None:
        """One setting."""
        section, name = dotted.split(".")
        self.settings.setdefault(section, {})[name] = value

    def text(self) -> str:
        """The file, with what was dropped in its head."""
        head = "".join(f"# left out: {line}\n" for line in self.dropped)
        return head + yaml.safe_dump(self.settings, sort_keys=False)


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
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
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
        ValueError: batches that make no whole groups, or an unknown number of GPUs.
    """
    given, found = _flat(values), Converted()
    gpus = gpus or given.pop("gpu_number", None)
    for name in ("gpu_number", "per_prompt_stat_tracking", "use_lora"):
        _special(found, name, given.pop(name, None))
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
    if name == "use_lora" and value is False:
        found.dropped.append("use_lora = False: all weights; here a LoRA is trained")
    if name == "per_prompt_stat_tracking" and value is False:
        found.dropped.append(
            "per_prompt_stat_tracking = False: one mean for all prompts; a group has its own here"
        )


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


_ACCUMULATION = "gradient_accumulation_steps"


def _global_std(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    chosen = "batch" if value else "group"
    found.put("method.advantage_std", chosen)
    found.changed.append(f"sample.global_std = {value!r} → method.advantage_std = {chosen}")


def _precision(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    found.put("model.dtype", {"no": "fp32"}.get(value, value))
    found.changed.append(f"mixed_precision = {value!r} → model.dtype")


def _guidance(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    scale = value if given.get("train.cfg", True) else 1.0
    found.put("sampling.guidance", scale)
    found.changed.append(
        f"sample.guidance_scale = {value!r}, train.cfg = {given.get('train.cfg', True)!r} → "
        f"sampling.guidance = {scale!r}, in rollout and training alike"
    )


def _fraction(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    steps = given.get("sample.num_steps", 10)
    trained = int(steps * value)
    if trained < steps - 1:
        found.dropped.append(
            f"train.timestep_fraction = {value!r}: {trained} of {steps} steps; here the last one "
            "may be left out, or a window chosen (method.window, method.size)"
        )
    found.put("method.skip_last", trained < steps)
    found.changed.append(
        f"train.timestep_fraction = {value!r} of {steps} steps → method.skip_last = "
        f"{trained < steps}"
    )


def _rewards(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    weights = {REWARDS.get(name, name): weight for name, weight in dict(value).items()}
    if not weights:
        found.dropped.append("reward_fn is empty: name one with rewards.weights={ocr: 1}")
        return
    found.put("rewards.weights", weights)
    found.changed.append(f"reward_fn = {dict(value)!r} → rewards.weights = {weights!r}")
    for name in dict(value):
        if REWARDS.get(name) == "remote":
            found.dropped.append(
                f"the server of {name!r}: give rewards.options={{remote: {{url: http://…}}}}"
            )


def _ema(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    if not value:
        found.settings["ema"] = {"decay": 0.0, "every": 1}
    told = "flow_grpo's .9 every 8 steps" if value else "ema.decay = 0, ema.every = 1"
    found.changed.append(f"train.ema = {value!r} → {told}")


def _kept(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    found.put("run.keep", max(2, int(value)))
    found.changed.append(f"num_checkpoint_limit = {value!r} → run.keep = {max(2, int(value))}")


def _betas(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    betas = [given.get("train.adam_beta1", 0.9), given.get("train.adam_beta2", 0.999)]
    found.put("training.betas", betas)
    line = f"train.adam_beta1, train.adam_beta2 → training.betas = {betas}"
    if line not in found.changed:
        found.changed.append(line)


def _optimiser(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    chosen = "adamw8bit" if value else "adamw"
    found.put("training.optimiser", chosen)
    found.changed.append(f"train.use_8bit_adam = {value!r} → training.optimiser = {chosen}")


CHANGED: dict[str, Callable[[Converted, Any, Mapping[str, Any]], None]] = {
    "sample.global_std": _global_std,
    "mixed_precision": _precision,
    "sample.guidance_scale": _guidance,
    "train.timestep_fraction": _fraction,
    "reward_fn": _rewards,
    "train.ema": _ema,
    "num_checkpoint_limit": _kept,
    "train.adam_beta1": _betas,
    "train.adam_beta2": _betas,
    "train.use_8bit_adam": _optimiser,
    "train.cfg": lambda found, value, given: None,  # told with the guidance scale
}
"""Values that become another one."""
