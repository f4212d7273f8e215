"""Names from elsewhere for our settings: flow_grpo's and TRL's, and the units that they carry.

translated({"train": {"beta": 0.04}})      {"method": {"beta": 0.04}}
require_units(config, used)                a number that means something else here is refused
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import overrides as settings
from .config import Config


def _same(value: Any) -> Any:
    return value


def _named(names: Mapping[Any, str]) -> Callable[[Any], Any]:
    """Ours for a truth value or a name; what is neither is for the settings to judge."""
    return lambda value: names.get(value, value) if isinstance(value, (bool, str)) else value


_spread = _named({True: "batch", False: "group"})
_scaled = _named({True: "group", False: "none"})
_start = _named({True: "group", False: "own"})
_kind = _named({True: "lora", False: "full"})
_precision = _named({"no": "fp32"})
_kernel = _named({
    "sde": "flow_grpo", "dance_grpo": "constant",
    "precise": "exact", "dance_precise": "exact_constant",
})  # fmt: skip


def _fraction(value: Any) -> Any:
    if isinstance(value, (int, float)) and 0 < value < 1:
        return True
    if value == 1:
        return False
    raise ValueError(
        f"timestep_fraction={value!r}: only .99 (leave out the last step) and 1 are known here; "
        "method.window and method.size choose the steps"
    )


LEFT = object()
"""A setting that stays as it is."""


def _window(value: Any) -> Any:
    """sde_window_size, which is drawn anew each iteration; 0 is no window."""
    return "random" if value else "all"


def _size(value: Any) -> Any:
    return value or LEFT


def _place(which: int) -> Callable[[Any], Any]:
    """sde_window_range: the first step that a window may cover, and the one after the last."""

    def convert(value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ValueError(f"sde_window_range is two steps such as [0, 5], got {value!r}")
        return value[which]

    return convert


_Alias: TypeAlias = tuple[str, Callable[[Any], Any]]
_SEVERAL: dict[str, tuple[_Alias, ...]] = {
    "sde_window_size": (("method.size", _size), ("method.window", _window)),
    "sde_window_range": (("method.start", _place(0)), ("method.end", _place(1))),
}
_SINGLE: dict[str, _Alias] = {
    "num_steps": ("sampling.steps", _same),
    "eval_num_steps": ("sampling.eval_steps", _same),
    "guidance_scale": ("sampling.guidance", _same),
    "resolution": ("sampling.resolution", _same),
    "num_image_per_prompt": ("sampling.group", _same),
    "num_generations": ("sampling.group", _same),
    "same_latent": ("sampling.start", _start),
    "noise_level": ("method.noise", _same),
    "use_lora": ("adapter.kind", _kind),
    "sde_type": ("method.kernel", _kernel),
    "clip_range": ("method.limit", _same),
    "epsilon": ("method.limit", _same),
    "adv_clip_max": ("method.advantage_bound", _same),
    "beta": ("method.beta", _same),
    "global_std": ("method.advantage_std", _spread),
    "scale_rewards": ("method.advantage_std", _scaled),
    "timestep_fraction": ("method.skip_last", _fraction),
    "learning_rate": ("training.learning_rate", _same),
    "num_inner_epochs": ("training.epochs", _same),
    "max_grad_norm": ("training.max_grad_norm", _same),
    "mixed_precision": ("model.dtype", _precision),
    "seed": ("run.seed", _same),
    "reward_fn": ("rewards.weights", _same),
    "dataset": ("data.prompts", _same),
}
ALIASES = {name: (alias,) for name, alias in _SINGLE.items()} | _SEVERAL
"""The field's names (flow_grpo's, alone or after `sample.` or `train.`; TRL's), and ours."""


@dataclass(frozen=True)
class Unit:
    """What a number of the official code is a number of.

    Attributes:
        setting, value: ours that says the same.
        of: in words.
    """

    setting: str
    value: str
    of: str


UNITS = {
    "clip_range": Unit("reduction", "average", "a log-ratio averaged over coordinates"),
    "beta": Unit("kl", "without_h", "a KL averaged over coordinates and without h"),
}
"""Names from elsewhere whose number means nothing without its unit."""


def require_units(config: Config, used: Mapping[str, Any]) -> None:
    """Refuse a number from elsewhere whose unit this run does not have.

    Raises:
        ValueError: with the unit, and what to do.
    """
    for name, value in used.items():
        unit = UNITS.get(tail(name))
        if unit is None or value == 0 or getattr(config.method, unit.setting) == unit.value:
            continue
        dotted = _SINGLE[tail(name)][0]
        raise ValueError(
            f"{name}={value} is a number of flow_grpo's, of {unit.of}, and this run has "
            f"method.{unit.setting}={getattr(config.method, unit.setting)}: take --preset "
            f"flow_grpo, set method.{unit.setting}={unit.value}, or give {dotted} in this run's "
            "own unit"
        )


def foreign(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a layer that have a name from elsewhere, as they were written."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key in ("sample", "train") and isinstance(value, Mapping):
            found |= {f"{key}.{inner}": entry for inner, entry in value.items()}
        elif key in ALIASES:
            found[key] = value
    return found


def tail(name: str) -> str:
    """Of a dotted name."""
    return name.rpartition(".")[2]


def sets(values: Mapping[str, Any], dotted: str) -> bool:
    """Whether a layer has this setting."""
    section, name = dotted.split(".")
    return isinstance(values.get(section), Mapping) and name in values[section]


def merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Lay one layer of settings over another."""
    for section, entries in values.items():
        if isinstance(entries, Mapping) and isinstance(into.get(section, {}), dict):
            into[section] = {**into.get(section, {}), **entries}
        else:
            into[section] = entries


def translated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the field's names replaced by ours.

    Raises:
        ValueError: a setting that is given under two names.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key in ("sample", "train") and isinstance(value, Mapping):
            for inner, entry in value.items():
                _translate(found, inner, entry, f"{key}.{inner}")
        elif key in Config.__dataclass_fields__:
            merge(found, {key: value})
        else:
            inside = isinstance(value, Mapping) and key not in ALIASES
            _translate(found, key, value, f"{key}.{next(iter(value), '')}" if inside else key)
    return found


def _translate(found: dict[str, Any], name: str, value: Any, shown: str) -> None:
    if name not in ALIASES:
        raise ValueError(settings.unknown(shown, [*settings.keys(Config), *ALIASES]))
    for dotted, convert in ALIASES[name]:
        if (ours := convert(value)) is not LEFT:
            settings.put(found, dotted, ours)
