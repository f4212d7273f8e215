"""A scheduler's configuration as diffusers stores it: read, refused where it contradicts itself.

    read({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, ...})  →  Config
    model("qwen-image")                                                         →  Config

`configs.toml` has the known keys of each scheduler and the configurations of public models.
"""

import difflib
import math
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..typed import held
from ..typed.problems import shown

SPACINGS = ("karras", "exponential", "beta")
KINDS = {
    "FlowMatchEulerDiscreteScheduler": "euler",
    "FlowMatchHeunDiscreteScheduler": "heun",
    "UniPCMultistepScheduler": "unipc",
    "DPMSolverMultistepScheduler": "dpm++",
}
"""The schedulers that are read, and what they are called here."""


@dataclass(frozen=True)
class Config:
    """What of a configuration decides its grid.

    Attributes:
        kind: "euler", "heun", "unipc" or "dpm++".
        shift: k of a static shift; what a dynamic one leaves unused.
        dynamic: whether the shift follows from μ.
        exponential: whether a dynamic shift is e^μ, or μ itself.
        tokens, mu: the two points of the line μ in the number of tokens.
        terminal: the lowest level after a stretch; 0 for none.
        spacing: "", "karras", "exponential" or "beta".
        inverted: whether the network is told the other clock's time, as Mochi's is.
        train: the number of training timesteps: the network's time of pure noise.
        final: "zero" or "sigma_min".
        ends: of Karras' spacing in UniPC, σ of the variance-preserving path.
    """

    kind: str
    shift: float
    dynamic: bool
    exponential: bool
    tokens: tuple[float, float]
    mu: tuple[float, float]
    terminal: float
    spacing: str
    inverted: bool
    train: int
    final: str
    ends: tuple[float, float]


@cache
def known() -> dict[str, Any]:
    """The tables of `configs.toml`."""
    text = (Path(__file__).parent / "configs.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def models() -> tuple[str, ...]:
    """The models whose configurations are at hand."""
    return tuple(known()["models"])


@held
def model(name: str) -> Mapping[str, Any]:
    """The entry of a model: source, handed, config.

    Raises:
        ValueError: no such model; the message names the nearest.
    """
    if name not in known()["models"]:
        raise ValueError(f"no model is called {name!r}{nearest(name, models())}")
    found: Mapping[str, Any] = known()["models"][name]
    return found


def nearest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean a or b?", or the whole list where nothing is near."""
    names = list(names)
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else f"; known are {', '.join(names)}"


def read(entries: Any) -> Config:
    """The configuration behind the entries of a scheduler_config.json.

    Raises:
        ValueError: no such scheduler, a key it does not have, a value of another kind, a
            configuration that is no flow's, or settings that contradict each other.
    """
    if not isinstance(entries, Mapping):
        raise ValueError(
            f"a scheduler's configuration is a JSON object, got a {type(entries).__name__}"
        )
    name = entries.get("_class_name")
    if name is None:
        raise ValueError(
            "no _class_name: this is not the scheduler_config.json of a diffusers scheduler"
        )
    if not isinstance(name, str) or name not in KINDS:
        raise ValueError(f"_class_name {shown(name)} is not read{nearest(str(name), KINDS)}")
    values = _filled(name, entries)
    _agree(KINDS[name], values)
    return _config(KINDS[name], values)


def _filled(name: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Given entries over the defaults, each seen to be of the default's kind; null is a default."""
    defaults = known()["defaults"][name]
    values = dict(defaults)
    for key, value in entries.items():
        if key.startswith("_"):
            continue
        if key not in defaults:
            raise ValueError(f"{name} has no setting {key!r}{nearest(key, defaults)}")
        if value is not None:
            values[key] = _of_kind(key, value, defaults[key])
    return values


def _of_kind(key: str, value: Any, default: Any) -> Any:
    if key == "trained_betas" and isinstance(value, list):
        return value
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        finite = number and abs(value) <= sys.float_info.max
        if key == "lambda_min_clipped" or (finite and type(default)(value) == value):
            return value
    elif type(value) is type(default):
        return value
    raise ValueError(f"{key} must be {_WORDS[type(default)]}, got {shown(value)}")


_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
}


def _agree(kind: str, v: Mapping[str, Any]) -> None:
    """Raise ValueError on what no grid can be made of."""
    chosen = [s for s in SPACINGS if v.get(f"use_{s}_sigmas")]
    if len(chosen) > 1:
        both = " and ".join(f"use_{s}_sigmas" for s in chosen)
        raise ValueError(f"{both} contradict each other: a grid has one spacing")
    for key in ("shift", "flow_shift", "num_train_timesteps"):
        if key in v and not v[key] > 0:
            raise ValueError(f"{key} must be positive, got {v[key]!r}")
    if not 0 <= v.get("shift_terminal", 0.0) < 1:
        raise ValueError(f"shift_terminal must lie in [0, 1), got {v['shift_terminal']!r}")
    if v.get("time_shift_type", "exponential") not in ("exponential", "linear"):
        raise ValueError(
            f"time_shift_type is exponential or linear, got {shown(v['time_shift_type'])}"
        )
    if v.get("final_sigmas_type", "zero") not in ("zero", "sigma_min"):
        raise ValueError(
            f"final_sigmas_type is zero or sigma_min, got {shown(v['final_sigmas_type'])}"
        )
    if kind == "euler" and v["use_dynamic_shifting"]:
        least, most = v["base_image_seq_len"], v["max_image_seq_len"]
        if not 0 < least < most:
            raise ValueError(
                f"max_image_seq_len must lie above base_image_seq_len, got {most!r} and {least!r}"
            )
    if kind in ("unipc", "dpm++"):
        _is_a_flow(kind, v, chosen)


def _is_a_flow(kind: str, v: Mapping[str, Any], chosen: list[str]) -> None:
    if v["prediction_type"] != "flow_prediction" or not v["use_flow_sigmas"]:
        raise ValueError(
            "this is a diffusion schedule, not a flow's: prediction_type is "
            f"{shown(v['prediction_type'])} and use_flow_sigmas {str(v['use_flow_sigmas']).lower()}"
        )
    if v.get("use_lu_lambdas"):
        chosen = [*chosen, "lu"]
    if chosen and not (kind == "unipc" and chosen == ["karras"]):
        raise ValueError(
            f"use_{chosen[0]}_{'lambdas' if chosen[0] == 'lu' else 'sigmas'} and use_flow_sigmas "
            "contradict each other here: the scheduler takes the first, whose σ are EDM's and "
            "no levels of a flow"
        )
    if chosen and (v["beta_schedule"] != "linear" or isinstance(v["trained_betas"], list)):
        raise ValueError("Karras' ends are read off a linear beta_schedule alone")


def _config(kind: str, v: Mapping[str, Any]) -> Config:
    spacing = next((s for s in SPACINGS if v.get(f"use_{s}_sigmas")), "")
    return Config(
        kind=kind,
        shift=float(v["flow_shift"] if "flow_shift" in v else v["shift"]),
        dynamic=bool(v.get("use_dynamic_shifting")),
        exponential=v.get("time_shift_type", "exponential") == "exponential",
        tokens=(float(v.get("base_image_seq_len", 256)), float(v.get("max_image_seq_len", 4096))),
        mu=(float(v.get("base_shift", 0.5)), float(v.get("max_shift", 1.15))),
        terminal=float(v.get("shift_terminal", 0.0)),
        spacing=spacing,
        inverted=bool(v.get("invert_sigmas")),
        train=int(v["num_train_timesteps"]),
        final=str(v.get("final_sigmas_type", "zero")),
        ends=_vp_ends(v) if kind == "unipc" and spacing else (0.0, 0.0),
    )


def _vp_ends(v: Mapping[str, Any]) -> tuple[float, float]:
    """σ = √((1 − ᾱ)/ᾱ) of DDPM's first and last step, from linear betas; or as they are given."""
    n, first, last = int(v["num_train_timesteps"]), v["beta_start"], v["beta_end"]
    kept = math.prod(1 - (first + (last - first) * i / (n - 1)) for i in range(n))
    low = v["sigma_min"] or math.sqrt(first / (1 - first))
    return float(low), float(v["sigma_max"] or math.sqrt((1 - kept) / kept))
