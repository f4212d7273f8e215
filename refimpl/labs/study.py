"""The sampler study: which kernel, noise, grid and rule at t = 1 keep the marginals, exactly.

    run(folder)   →   samplers.json, *.svg        one command: refimpl study samplers

Flow-GRPO at a = 0.7 sets the exploration; every other kernel gets the noise at which its explored
share on N(1.5, 0.25) is the same (`chains.noise_for`). What is reported is where the chains end on
data that are a point, narrow, wide, and in three modes. Nothing is sampled.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..runs import atomic
from ..runs.pictures import Picture, curves
from ..simulate import grids
from ..simulate.grids import Grid
from .chains import MODES, NARROW, POINT, SAMPLERS, WIDE, end, noise_for, transport
from .folder import Progress, write

GRIDS: dict[str, Callable[[int], Grid]] = {
    "uniform": grids.uniform,
    "once": grids.sd35_once_shifted,
    "shipped": grids.sd35_as_shipped,
}
STEPS = (5, 10, 20, 40)
ANCHOR, A = "flow_grpo", 0.7
TRIED = tuple(round(0.1 * i, 1) for i in range(1, 15))


def row(name: str, grid_name: str, T: int) -> dict[str, Any] | None:
    """Where one sampler ends, exploring what Flow-GRPO does; None if no noise makes it.

    Returns:
        noise, its explored share; the end's std on a point, the relative error of the end's std on
        the two Gaussians, and W₁ on the modes, where it was computed: on the shipped grid at T = 10
        alone, whose last step needs nodes too fine for a quick run.
    """
    grid, sampler = GRIDS[grid_name](T), SAMPLERS[name]
    wanted = end(SAMPLERS[ANCHOR], A, WIDE, grid).explored
    noise = A if name == ANCHOR else noise_for(sampler, wanted, grid)
    if noise is None:
        return None
    wide = end(sampler, noise, WIDE, grid)
    modes = grid_name != "shipped" or T == 10
    return {
        "noise": noise,
        "reach": wide.explored,
        "point": end(sampler, noise, POINT, grid).std,
        "narrow": end(sampler, noise, NARROW, grid).std / 0.1 - 1,
        "wide": wide.std / 0.5 - 1,
        "modes": transport(sampler, noise, MODES, grid) if modes else None,
    }


def by_noise(grid: Grid) -> dict[str, list[float]]:
    """|relative error of the end's std| against a: Euler–Maruyama on both Gaussians, and exact."""
    out: dict[str, list[float]] = {}
    for name, who in ((ANCHOR, "Euler–Maruyama"), ("exact", "exact")):
        for law, width, told in ((NARROW, 0.1, "narrow"), (WIDE, 0.5, "wide")):
            ends = (end(SAMPLERS[name], a, law, grid).std for a in TRIED)
            out[f"{who}, {told}"] = [std / width - 1 for std in ends]
    return out


def run(folder: Path, on_progress: Progress | None = None) -> dict[str, Any]:
    """Compute the study; write samplers.json and its pictures into the folder, made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(g, T, name) for g in GRIDS for T in STEPS for name in SAMPLERS]
    found: dict[str, dict[str, Any]] = {}
    for i, (grid_name, T, name) in enumerate(jobs):
        if on_progress is not None:
            on_progress(i / len(jobs), f"{grid_name}, T = {T}: {name}")
        found.setdefault(f"{grid_name}, {T}", {})[name] = row(name, grid_name, T)
    noise = {name: by_noise(make(10)) for name, make in GRIDS.items()}
    record = {"anchor": f"{ANCHOR}, a = {A}", "ends": found, "a": list(TRIED), "by_noise": noise}
    write(folder / "samplers.json", record)
    for name, picture in _pictures(found, noise).items():
        atomic.write(folder / f"{name}.svg", picture.svg().encode())
    return record


def _pictures(
    found: Mapping[str, Mapping[str, Any]],
    noise: Mapping[str, Mapping[str, list[float]]],
) -> dict[str, Picture]:
    def by_steps(measure: str, *names: str) -> dict[str, tuple[tuple[int, ...], list[float]]]:
        ends = {name: [found[f"once, {T}"][name][measure] for T in STEPS] for name in names}
        return {name: (STEPS, values) for name, values in ends.items()}

    modes = by_steps("modes", "flow_grpo", "cps", "exact", "matched")
    narrow = by_steps("narrow", "flow_grpo", "cps", "exact", "matched")
    wide = by_steps("wide", "flow_grpo", "cps", "exact", "matched")
    short = {name.replace("Euler–Maruyama", "EM"): values for name, values in noise["once"].items()}
    by_a = {name: (TRIED, values) for name, values in short.items()}
    return {
        "modes": curves(modes, x_label="steps T", y_label="W₁", log_x=True, log_y=True),
        "narrow": curves(narrow, x_label="steps T", y_label="error of the std", log_x=True),
        "wide": curves(wide, x_label="steps T", y_label="error of the std", log_x=True),
        "by_noise": curves(by_a, x_label="a", y_label="error of the std, T = 10"),
    }
