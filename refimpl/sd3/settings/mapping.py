"""What becomes of each value of a flow_grpo configuration: the same, converted, or left out.

SAME[name]      ours            CHANGED[name](found, value, given)            DROPPED[name]   why
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from .aliases import ALIASES, LEFT

SAME = {
    "seed": "run.seed",
    "allow_tf32": "run.tf32",
    "resolution": "sampling.resolution",
    "dataset": "data.prompts",
    "pretrained.model": "model.source",
    "save_freq": "run.checkpoint_every",
    "eval_freq": "evaluation.every",
    "num_epochs": "training.iterations",
    "max_epochs": "training.iterations",
    "activation_checkpointing": "model.gradient_checkpointing",
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
    "train.ema_decay": "ema.decay",
    "train.adv_clip_max": "method.advantage_bound",
    "train.clip_range": "method.limit",
    "train.beta": "method.beta",
    "train.lora_path": "adapter.start",  # but where all weights are trained
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
    "train.clip_range_lt": "BAGEL's lower end of the clip; here it is symmetric, method.limit",
    "train.clip_range_gt": "BAGEL's upper end of the clip; here it is symmetric, method.limit",
    "train.highclip_range": "an upper end of the clip alone; here it is symmetric, method.limit",
    "train.timestep_shift": "BAGEL's grid: here sampling.grid and sampling.shift say it",
    "fsdp_optimizer_offload": "every process holds the whole optimiser here",
    "resume_from": "give --resume the run's folder",
    "debug": "`--dry-run` says what would be done",
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


def _global_std(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    chosen = "batch" if value else "group"
    found.put("method.advantage_std", chosen)
    found.changed.append(f"sample.global_std = {value!r} → method.advantage_std = {chosen}")


def _precision(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    _alias(found, "mixed_precision", value)


def _guidance(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    scale = value if given.get("train.cfg", True) else 1.0
    found.put("sampling.guidance", scale)
    found.changed.append(
        f"sample.guidance_scale = {value!r}, train.cfg = {given.get('train.cfg', True)!r} → "
        f"sampling.guidance = {scale!r}, in rollout and training alike"
    )


def _guided(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    """train.cfg, where no scale of guidance tells it."""
    if "sample.guidance_scale" in given:
        return
    if not value:
        found.put("sampling.guidance", 1.0)
    told = "the preset's" if value else "1.0, in rollout and training alike"
    found.changed.append(f"train.cfg = {value!r} → sampling.guidance = {told}")


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


def _alias(found: Converted, name: str, value: Any) -> None:
    """What the command line takes under the same name."""
    ours = {dotted: convert(value) for dotted, convert in ALIASES[name.rpartition(".")[2]]}
    for dotted, setting in ours.items():
        if setting is not LEFT:
            found.put(dotted, setting)
    told = ", ".join(f"{dotted} = {x!r}" for dotted, x in ours.items() if x is not LEFT)
    found.changed.append(f"{name} = {value!r} → {told}")


def _start(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    _alias(found, "sample.same_latent", value)


def _kernel(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    kernels = ("sde", "cps")
    if value not in kernels:
        raise ValueError(f"sample.sde_type is one of {', '.join(kernels)}, got {value!r}")
    _alias(found, "sample.sde_type", value)
    if value == "cps":
        found.put("method.kl", "steps")
        found.dropped.append(
            "how CPS is scored there, by the squared distance without the variance: here it is the "
            "density, so train.clip_range is of another unit; choose method.limit anew"
        )


def _window(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    _alias(found, "sample.sde_window_size", value or 0)


def _among(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    if given.get("sample.sde_window_size"):
        _alias(found, "sample.sde_window_range", value)
    else:
        found.dropped.append(f"sample.sde_window_range = {value!r}: there is no window")


def _in_reward(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    told = ", a KL in the reward: here it stands in the loss, method.beta" if value else ": no KL"
    found.dropped.append(f"sample.kl_reward = {value!r}{told}")


def _evaluated(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    found.dropped.append(
        f"sample.eval_guidance_scale = {value!r}: evaluation has the guidance of training"
    )


def require_grpo(value: Any) -> None:
    """Refuse a configuration of another training.

    Raises:
        ValueError: with its name.
    """
    if value != "grpo":
        raise ValueError(
            f"train.algorithm = {value!r} trains by something else than GRPO, whose numbers mean "
            "nothing here: convert a GRPO configuration"
        )


def _guarded(found: Converted, value: Any, given: Mapping[str, Any]) -> None:
    """GRPO-Guard: the ratio recentred, and every step's loss over its h."""
    chosen = ("guard", "guard") if value else ("plain", "equal")
    for name, ours in zip(("ratio", "weight"), chosen, strict=True):
        found.put(f"method.{name}", ours)
    found.changed.append(
        f"rationorm = {value!r} → method.ratio = {chosen[0]}, method.weight = {chosen[1]}"
    )


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
    "sample.sde_type": _kernel,
    "sample.sde_window_size": _window,
    "sample.same_latent": _start,
    "sample.kl_reward": _in_reward,
    "sample.eval_guidance_scale": _evaluated,
    "sample.sde_window_range": _among,
    "train.cfg": _guided,
    "rationorm": _guarded,
}
"""Values that become another one."""
KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "sample.num_steps": ((int,), "a whole number"),
    "num_checkpoint_limit": ((int,), "a whole number"),
    "train.timestep_fraction": ((int, float), "a number"),
    "reward_fn": ((dict,), "names with weights, such as {ocr: 1}"),
}
"""Values that a conversion calculates with; the settings check the others."""
