"""Published recipes by name, the field's own names for settings, and how a configuration is put
together.

    resolve(presets, file, overrides)      later ones win: defaults, presets, file, command line

A preset is a partial configuration, so that recipes and memory settings combine:
`--preset flow_grpo --preset low_memory`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ... import methods
from . import overrides as settings
from .config import Config

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "flow_grpo": {
        "method": asdict(methods.preset("flow_grpo")),
        "model": {"dtype": "fp16"},
        "vae": {"dtype": "fp32"},
        "training": {"updates": 2},
    },
    "pickscore": {
        "method": asdict(methods.preset("flow_grpo").but(beta=0.01)),
        "model": {"dtype": "fp16"},
        "vae": {"dtype": "fp32"},
        "training": {"updates": 2},
        "rewards": {"weights": {"pickscore": 1.0}},
    },
    "levelled": {
        "method": asdict(methods.preset("levelled")),
        "sampling": {"guidance": 1.0},
    },
    "miniature": {
        "method": asdict(methods.preset("levelled").but(window="fixed", start=2)),
        "model": {"dtype": "fp32"},
        "vae": {"dtype": "fp32", "batch": 384},
        "text": {"cache": None},
        "rewards": {"weights": {"shapes": 1.0}},
        "sampling": {
            "resolution": 16,
            "grid": "uniform",
            "guidance": 1.0,
            "groups": 24,
            "group": 16,
            "batch": 128,
        },
        "training": {"iterations": 150, "rows": 128, "learning_rate": 1.5e-3},
        "ema": {"every": 1},
    },
    "low_memory": {
        "model": {"gradient_checkpointing": True},
        "text": {"precompute": True},
        "vae": {"tiled": True, "batch": 1},
        "sampling": {"batch": 4},
        "training": {"rows": 4},
    },
}
"""Partial configurations. "paper" is the defaults."""

ABOUT = {
    "paper": "the article's settings: sums over coordinates, Eq. 3's KL, the group's own std",
    "flow_grpo": "the official code's settings at commit ac4c86e (July 2025), with its averages, "
    "clip and KL; later commits let the gradient through guidance's unconditional half",
    "pickscore": "the same with the official code's KL weight for PickScore, and that reward",
    "levelled": "noise in three steps, each counted by its signal, no guidance",
    "miniature": "the shapes of 16 pixels, as `refimpl train shapes` improves them",
    "low_memory": "for 24 GB: checkpointing, tiles, text computed first, small batches",
}
"""A line on each."""


def _same(value: Any) -> Any:
    return value


def _spread(value: Any) -> Any:
    """global_std, and TRL's scale_rewards."""
    return {True: "batch", False: "group"}.get(value, value)


def _scaled(value: Any) -> Any:
    return {True: "group", False: "none"}.get(value, value)


def _start(value: Any) -> Any:
    """same_latent."""
    return {True: "group", False: "own"}.get(value, value)


def _kernel(value: Any) -> Any:
    return {"sde": "flow_grpo"}.get(value, value)


def _fraction(value: Any) -> Any:
    if isinstance(value, (int, float)) and 0 < value < 1:
        return True
    if value == 1:
        return False
    raise ValueError(
        f"timestep_fraction={value!r}: only .99 (leave out the last step) and 1 are known here; "
        "method.window and method.size choose the steps"
    )


ALIASES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "num_steps": ("sampling.steps", _same),
    "eval_num_steps": ("sampling.eval_steps", _same),
    "guidance_scale": ("sampling.guidance", _same),
    "resolution": ("sampling.resolution", _same),
    "num_image_per_prompt": ("sampling.group", _same),
    "num_generations": ("sampling.group", _same),
    "same_latent": ("sampling.start", _start),
    "noise_level": ("method.noise", _same),
    "sde_type": ("method.kernel", _kernel),
    "sde_window_size": ("method.size", _same),
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
    "mixed_precision": ("model.dtype", lambda value: {"no": "fp32"}.get(value, value)),
    "seed": ("run.seed", _same),
    "reward_fn": ("rewards.weights", _same),
    "dataset": ("data.prompts", _same),
}
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


def _require_units(config: Config, used: Mapping[str, Any]) -> None:
    for name, value in used.items():
        unit = UNITS.get(_tail(name))
        if unit is None or value == 0 or getattr(config.method, unit.setting) == unit.value:
            continue
        dotted = ALIASES[_tail(name)][0]
        raise ValueError(
            f"{name}={value!r} is a number of flow_grpo's, of {unit.of}, and this run has "
            f"method.{unit.setting}={getattr(config.method, unit.setting)}: take --preset "
            f"flow_grpo, set method.{unit.setting}={unit.value}, or give {dotted} in this run's "
            "own unit"
        )


def resolve(
    presets: Iterable[str] = (), file: Path | None = None, overrides: Iterable[str] = ()
) -> Config:
    """The configuration of a run.

    Args:
        presets: names, later ones win.
        file: YAML; a `preset` key in it names presets too, which come before the file's settings.
        overrides: `dotted.key=value`.

    Raises:
        ValueError: an unknown preset or setting (the nearest is named), a value refused, or
            a number from elsewhere whose unit this run does not have.
    """
    given = settings.load(file) if file is not None else {}
    named = given.pop("preset", [])
    layers: list[Mapping[str, Any]] = [{"method": asdict(Config().method)}]
    for name in [*([named] if isinstance(named, str) else named), *presets]:
        if name not in PRESETS:
            raise ValueError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}")
        layers.append(PRESETS[name])
    layers.append(given)
    for text in overrides:
        dotted, value = settings.override(text)
        layer: dict[str, Any] = {}
        settings.put(layer, dotted, value)
        layers.append(layer)
    values: dict[str, Any] = {}
    used: dict[str, Any] = {}
    for one in layers:
        ours = translated(one)
        used = {name: x for name, x in used.items() if not _given(ours, ALIASES[_tail(name)][0])}
        used |= foreign(one)
        _merge(values, ours)
    config = settings.read(Config, values)
    _require_units(config, used)
    return config


def foreign(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a layer that have a name from elsewhere, as they were written."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key in ("sample", "train") and isinstance(value, Mapping):
            found |= {f"{key}.{inner}": entry for inner, entry in value.items()}
        elif key in ALIASES:
            found[key] = value
    return found


def _tail(name: str) -> str:
    return name.rpartition(".")[2]


def _given(values: Mapping[str, Any], dotted: str) -> bool:
    section, name = dotted.split(".")
    return isinstance(values.get(section), Mapping) and name in values[section]


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
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
            _merge(found, {key: value})
        else:
            inside = isinstance(value, Mapping) and key not in ALIASES
            _translate(found, key, value, f"{key}.{next(iter(value), '')}" if inside else key)
    return found


def _translate(found: dict[str, Any], name: str, value: Any, shown: str) -> None:
    if name not in ALIASES:
        raise ValueError(settings.unknown(shown, [*settings.keys(Config), *ALIASES]))
    dotted, convert = ALIASES[name]
    settings.put(found, dotted, convert(value))
