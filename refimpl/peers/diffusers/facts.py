"""Facts about the grids of diffusers' flow-matching schedulers.

    sigma = t, the noise level          timestep = 1000 t          "prev_sample" = x_s, the next one

Arithmetic is float32. A schedule is held to the law that defines it: Karras' grid is even in
σ^(1/7), the exponential one in log σ, the shift multiplies the odds σ/(1 − σ).
"""

from typing import Any

import numpy as np
import torch

from ...conformance.checks.register import Finding
from ...equations.conventions import flip_time, network_time
from ...equations.elementary import exp, log
from ...simulate import grids
from ..facts import fact, law, near

UNIT = 2.0**-24


def values(*shape: int, start: int = 0) -> torch.Tensor:
    """Numbers k/64 of either sign, all different, exact in float32."""
    k = torch.arange(int(np.prod(shape)))
    return ((37 * k + 11 * start + 5) % 241 - 120).reshape(shape).to(torch.float32) / 64


def euler(library: Any, T: int = 10, *, sigmas: Any = None, mu: Any = None, **config: Any) -> Any:
    """An Euler scheduler with its grid made."""
    scheduler = library.module.FlowMatchEulerDiscreteScheduler(**config)
    given = {"num_inference_steps": T} if sigmas is None else {"sigmas": sigmas}
    scheduler.set_timesteps(**given, mu=mu)
    return scheduler


def odds(t: Any) -> Any:
    """t/(1 − t)."""
    return t / flip_time(t)


@fact("diffusers", "euler.grid")
def grid(library: Any) -> Finding:
    """SD3.5's grid is the uniform one, shifted once by 3."""
    got = euler(library, shift=3.0).sigmas
    shipped = np.array(grids.sd35_as_shipped(10).levels)
    worst = near("the noise levels of 10 steps", got, np.array(grids.shifted(10, 3.0).levels),
                 unit=UNIT, readings={"the shift applied twice": shipped})  # fmt: skip
    return Finding(worst)


@fact("diffusers", "euler.grids")
def all_grids(library: Any) -> Finding:
    """Given levels are shifted once, the last is 0, and a grid of T steps has T + 1 levels."""
    worst = 0.0
    for T in (2, 5, 10):
        even = [float(t) for t in grids.uniform(T).levels[:-1]]
        for by in (1.0, 3.0, 5.5):
            got = euler(library, sigmas=even, shift=by).sigmas
            want = np.array(grids.shifted(T, by).levels)
            worst = max(worst, near(f"{T} levels shifted by {by:g}", got, want, unit=UNIT))
        shipped = euler(library, T, shift=3.0)
        want = np.array(grids.sd35_as_shipped(T).levels)
        worst = max(
            worst, near(f"the grid of {T} steps as shipped", shipped.sigmas, want, unit=UNIT)
        )
        law("timesteps", len(shipped.timesteps) == T, f"{len(shipped.timesteps)} for {T} steps")
        plain = euler(library, T, shift=1.0).sigmas
        levels = [1 - (1 - 1 / 1000) * i / (T - 1) for i in range(T)]
        worst = max(worst, near("the plain grid", plain, np.array([*levels, 0.0]), unit=UNIT))
    born = library.module.FlowMatchEulerDiscreteScheduler(shift=3.0)
    want = np.array([grids.shift(i / 1000, 3.0) for i in range(1000, 0, -1)])
    worst = max(worst, near("the thousand training levels", born.sigmas, want, unit=UNIT))
    law("sigma_min, sigma_max", abs(born.sigma_min - want[-1]) < 1e-6 and born.sigma_max == 1,
        f"{born.sigma_min:.6g}, {born.sigma_max:.6g}, wanted {want[-1]:.6g}, 1")  # fmt: skip
    return Finding(worst)


@fact("diffusers", "euler.model_time", covers=("conventions.network_time",))
def model_time(library: Any) -> Finding:
    """The network is given 1000 t, not truncated, for every kind of grid."""
    worst = 0.0
    configs: tuple[dict[str, Any], ...] = (
        {"shift": 3.0}, {"shift": 1.0}, {"shift": 3.0, "use_karras_sigmas": True},
    )  # fmt: skip
    for config in configs:
        for scheduler in (euler(library, **config),
                          library.module.FlowMatchEulerDiscreteScheduler(**config)):  # fmt: skip
            levels = scheduler.sigmas[: len(scheduler.timesteps)].double()
            worst = max(
                worst,
                near(
                    "timesteps",
                    scheduler.timesteps,
                    network_time(levels),
                    unit=UNIT,
                    equation="conventions.network_time",
                    inputs={"t": levels.numpy()},
                ),
            )
    return Finding(worst)


@fact("diffusers", "euler.dynamic_shift")
def dynamic_shift(library: Any) -> Finding:
    """The resolution's shift multiplies the odds σ/(1 − σ), by eᵘ or by u."""
    worst, even = 0.0, [0.9375, 0.75, 0.5, 0.125]
    for kind, by in (("exponential", float(exp(0.75))), ("linear", 0.75)):
        got = euler(library, sigmas=even, mu=0.75, use_dynamic_shifting=True, time_shift_type=kind)
        want = by * odds(np.array(even))
        levels = got.sigmas[:-1].double().numpy()
        worst = max(worst, near(f"odds after the {kind} shift", odds(levels), want, unit=UNIT))
        direct = got.time_shift(0.75, 2.0, torch.tensor(even, dtype=torch.float64)).numpy()
        squared = by * odds(np.array(even)) ** 2
        worst = max(worst, near(f"odds after the {kind} shift, sigma 2", odds(direct), squared,
                                unit=UNIT))  # fmt: skip
    return Finding(worst)


@fact("diffusers", "euler.spacings")
def spacings(library: Any) -> Finding:
    """Karras' grid is even in σ^(1/7), the exponential in log σ, the beta in its probabilities."""
    worst, T = 0.0, 6
    given = [float(t) for t in np.linspace(0.875, 0.0625, T)]
    even = np.array(given)

    def made(**config: Any) -> np.ndarray:
        found = euler(library, T, sigmas=given, shift=1.0, **config).sigmas[:-1].double().numpy()
        law("the ends of the grid", abs(found[0] - even[0]) + abs(found[-1] - even[-1]) < 1e-6,
            f"{found[0]:.6g} and {found[-1]:.6g}")  # fmt: skip
        return np.asarray(found)

    line = np.linspace(0, 1, T)
    karras = made(use_karras_sigmas=True) ** (1 / 7)
    worst = max(worst, near("σ^(1/7) of Karras' grid", karras,
                            karras[0] + line * (karras[-1] - karras[0]), unit=UNIT))  # fmt: skip
    exponential = log(made(use_exponential_sigmas=True))
    worst = max(worst, near("log σ of the exponential grid", exponential,
                            exponential[0] + line * (exponential[-1] - exponential[0]),
                            unit=UNIT))  # fmt: skip
    from scipy.stats import beta

    found = made(use_beta_sigmas=True)
    share = (found - found[-1]) / (found[0] - found[-1])
    told = "the probabilities of the beta grid"
    worst = max(worst, near(told, beta.cdf(share, 0.6, 0.6), 1 - line, unit=1e-5))
    return Finding(worst)


@fact("diffusers", "euler.terminal")
def terminal(library: Any) -> Finding:
    """A terminal shift stretches 1 − σ until the last level is the one asked for."""
    even = [1.0, 0.75, 0.5, 0.25]
    got = euler(library, sigmas=even, shift_terminal=0.1).sigmas.double().numpy()
    want = 1 - (1 - np.array(even)) * (0.9 / 0.75)
    worst = near("levels stretched to .1", got, np.array([*want, 0.0]), unit=UNIT)
    inverted = euler(library, sigmas=even, invert_sigmas=True)
    levels = np.array([*flip_time(np.array(even)), 1.0])
    worst = max(worst, near("inverted levels", inverted.sigmas, levels, unit=UNIT))
    times = network_time(levels[:-1])
    worst = max(worst, near("their timesteps", inverted.timesteps, times, unit=UNIT))
    given = library.module.FlowMatchEulerDiscreteScheduler(shift=1.0)
    with library.hushed():  # it warns that the levels are shifted
        given.set_timesteps(timesteps=[900.0, 400.0, 100.0])
    worst = max(worst, near("levels of given timesteps", given.sigmas,
                            np.array([0.9, 0.4, 0.1, 0.0]), unit=UNIT))  # fmt: skip
    given.set_timesteps(timesteps=[900.0, 400.0], sigmas=[0.5, 0.25])
    worst = max(worst, near("levels given with timesteps", given.sigmas, np.array([0.5, 0.25, 0]),
                            unit=UNIT))  # fmt: skip
    worst = max(worst, near("the timesteps given", given.timesteps, np.array([900.0, 400.0]),
                            unit=UNIT))  # fmt: skip
    given.set_shift(3.0)
    given.set_timesteps(sigmas=[0.75, 0.25])
    want = np.array([grids.shift(0.75, 3.0), grids.shift(0.25, 3.0), 0.0])
    return Finding(max(worst, near("levels after set_shift", given.sigmas, want, unit=UNIT)))
