"""Facts about the grids of models as they are shipped: every configuration at hand, level by level.

The library is handed the same configuration, even levels and μ as `simulate.shipped`; its sigmas
are the levels, its timesteps what the network is told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...conformance.checks.register import Finding
from ...equations.conventions import flip_time
from ...simulate import config, shipped
from ..facts import fact, near
from .facts import UNIT

STEPS = (4, 10, 28)
EULER = "FlowMatchEulerDiscreteScheduler"
UNIPC = {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction",
         "use_flow_sigmas": True}  # fmt: skip
VARIANTS: tuple[tuple[dict[str, Any], float | None], ...] = (
    *(({"shift": 3.0, f"use_{kind}_sigmas": True}, None) for kind in config.SPACINGS),
    ({"shift": 2.0, "shift_terminal": 0.1}, None),
    ({"shift": 2.0, "shift_terminal": 0.1, "use_karras_sigmas": True}, None),
    ({"use_dynamic_shifting": True, "time_shift_type": "linear"}, 0.75),
    ({"use_dynamic_shifting": True}, 0.75),
    ({"invert_sigmas": True}, None),
)
"""Settings of the Euler scheduler that no model at hand has, with μ where the shift is dynamic."""


def _theirs(
    library: Any, entries: Mapping[str, Any], steps: int, handed: str | Sequence[float],
    mu: float | None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The library's levels and the times it gives the network."""
    named = {k: v for k, v in entries.items() if not k.startswith("_")}
    scheduler = getattr(library.module, entries["_class_name"])(**named)
    asked: dict[str, Any] = {} if mu is None else {"mu": mu}
    if handed == "own":
        asked["num_inference_steps"] = steps
    elif handed == "1/steps":
        asked["sigmas"] = np.linspace(1, 1 / steps, steps)
    else:
        asked["sigmas"] = np.linspace(1, 0, steps + 1)[:-1]
    scheduler.set_timesteps(**asked)
    levels = scheduler.sigmas.double().numpy()
    return (flip_time(levels) if entries.get("invert_sigmas") else levels,
            scheduler.timesteps.double().numpy())  # fmt: skip


def _held(
    library: Any, what: str, entries: Mapping[str, Any], steps: int, handed: str,
    tokens: float | None = None, mu: float | None = None, unit: float = UNIT,
) -> float:  # fmt: skip
    c = config.read(entries)
    want = shipped.made(c, steps, tokens=tokens, mu=mu, handed=handed)
    given = None
    if c.dynamic:
        given = float(np.log(want.shift)) if c.exponential else want.shift
    levels, told = _theirs(library, entries, steps, handed, given)
    return max(
        near(f"levels of {what}", levels, np.array(want.levels), unit=unit),
        near(f"times of {what}", told, np.array(want.told), unit=unit),
    )


@fact("diffusers", "shipped.models", covers=("schedules.shift", "schedules.mu",
      "schedules.stretch"))  # fmt: skip
def models(library: Any) -> Finding:
    """SD3.5, FLUX.1, Qwen-Image, Wan, LTX, HunyuanVideo and Sana: levels and times."""
    worst = 0.0
    for name in config.models():
        entry = config.model(name)
        dynamic = config.read(entry["config"]).dynamic
        for steps in STEPS:
            for tokens in (256.0, 4096.0, 9000.0) if dynamic else (None,):
                worst = max(worst, _held(library, f"{name}, {steps} steps", entry["config"], steps,
                                         entry["handed"], tokens))  # fmt: skip
    return Finding(worst)


@fact("diffusers", "shipped.variants", covers=("schedules.karras", "schedules.exponential",
      "schedules.stretch"))  # fmt: skip
def variants(library: Any) -> Finding:
    """Spacings, stretches, linear dynamic shifts and the other clock, whoever makes the levels."""
    worst = 0.0
    for settings, mu in VARIANTS:
        for handed in shipped.HANDED:
            entries = {"_class_name": EULER, **settings}
            worst = max(worst, _held(library, f"Euler with {settings}, {handed}", entries, 7,
                                     handed, mu=mu))  # fmt: skip
    return Finding(worst)


@fact("diffusers", "shipped.solvers", covers=("schedules.level_of_sigma", "schedules.karras"))
def solvers(library: Any) -> Finding:
    """UniPC and DPM++ in flow mode: their first levels, whole times, and Karras' σ/(1 + σ)."""
    worst = 0.0
    for steps in STEPS:
        for settings, mu in (
            ({"flow_shift": 5.0}, None),
            ({"use_dynamic_shifting": True, "shift_terminal": 0.1005}, 1.0),
        ):
            worst = max(worst, _held(library, f"UniPC with {settings}", {**UNIPC, **settings},
                                     steps, "own", mu=mu))  # fmt: skip
        dpm = {**UNIPC, "_class_name": "DPMSolverMultistepScheduler", "use_dynamic_shifting": True}
        worst = max(worst, _held(library, "DPM++, dynamic", dpm, steps, "own", mu=1.0))
        karras = {**UNIPC, "use_karras_sigmas": True}
        # a thousand factors in float32 stand behind the ends of DDPM's betas
        worst = max(worst, _held(library, "UniPC, Karras", karras, steps, "own", unit=4 * UNIT))
    return Finding(worst)
