"""Facts about diffusers' solvers in flow mode: DPM-Solver++(2M), UniPC, and Heun's churn.

Each is run over its own grid with a velocity that is neither linear nor constant, beside
`simulate.solvers` over the same levels. Levels and λ are float32 in the library, states float64.
"""

from typing import Any

import torch
from torch import Tensor

from ...conformance.checks.register import Finding
from ...equations import kernels, ode, schedules
from ...equations.elementary import sin
from ...equations.sde import Step
from ...simulate import grids, solvers
from ...simulate.solvers import Solver
from ..facts import fact, near
from .facts import UNIT, values

STEPS = (2, 3, 7, 14)
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
CHURN = 3.0


def _field(x: Tensor, t: Any) -> Tensor:
    """A velocity that bends in x and in t."""
    return torch.as_tensor(x * (0.75 - t) + sin(2 * x) / 2 + t * t)


def _run(scheduler: Any, x: Tensor, grid: grids.Grid) -> Tensor:
    """The library's loop: a network call, a step; the level is where its timesteps say."""
    for i, t in enumerate(scheduler.timesteps):
        asked = scheduler.step_index or 0
        level = float(scheduler.sigmas[asked if i else 0])
        x = scheduler.step(_field(x, level), t, x, return_dict=False)[0]
    return x


def _held(library: Any, name: str, solver: Solver, **settings: Any) -> float:
    worst = 0.0
    for T in STEPS:
        for by in (1.0, 3.0):
            scheduler = getattr(library.module, name)(flow_shift=by, **FLOW, **settings)
            scheduler.set_timesteps(T)
            grid = grids.from_levels(scheduler.sigmas)
            x = values(2, 3, 4).double()
            got = _run(scheduler, x, grid)
            want = solvers.run(solver, _field, x, grid)
            told = f"{name}, {T} steps shifted by {by:g}"
            worst = max(worst, near(told, got, want, unit=UNIT))
    return worst


@fact("diffusers", "solvers.dpmpp_2m", covers=("multistep.dpmpp_2m", "multistep.first"))
def dpmpp_2m(library: Any) -> Finding:
    """DPM-Solver++(2M) in flow mode: first order at both ends, its line in λ in between."""
    return Finding(_held(library, "DPMSolverMultistepScheduler", solvers.DPMPP_2M,
                         algorithm_type="dpmsolver++", solver_order=2))  # fmt: skip


@fact("diffusers", "solvers.unipc", covers=("multistep.unic_1", "multistep.unic_2"))
def unipc(library: Any) -> Finding:
    """UniPC of order 2 with bh2: DPM-Solver++(2M) corrected with what the next call sees."""
    return Finding(_held(library, "UniPCMultistepScheduler", solvers.UNIPC,
                         solver_order=2, solver_type="bh2"))  # fmt: skip


@fact("diffusers", "solvers.sde_dpmpp", covers=("kernels.ddim_std", "kernels.preserving"))
def sde_dpmpp(library: Any) -> Finding:
    """SDE-DPM-Solver++ of order 1 in flow mode is DDIM with all of its noise."""
    worst = 0.0
    for T in STEPS:
        scheduler = library.module.DPMSolverMultistepScheduler(
            flow_shift=3.0, algorithm_type="sde-dpmsolver++", solver_order=1, **FLOW
        )
        scheduler.set_timesteps(T)
        grid, x = grids.from_levels(scheduler.sigmas), values(2, 3, 4).double()
        noise = torch.stack([values(2, 3, 4, start=i).double() for i in range(1, T + 1)])
        got = x
        for t, level, e in zip(scheduler.timesteps, grid.levels, noise, strict=False):
            v = _field(got, level)
            got = scheduler.step(v, t, got, variance_noise=e, return_dict=False)[0]
        want = solvers.run(solvers.ddim(1.0), _field, x, grid, noise=noise)
        worst = max(worst, near(f"SDE-DPM++, {T} steps", got, want, unit=UNIT))
    return Finding(worst)


@fact("diffusers", "solvers.churn", covers=("kernels.renoised",))
def churn(library: Any) -> Finding:
    """Churn goes up to a level's own law, and the network is asked there."""
    scheduler = library.module.FlowMatchHeunDiscreteScheduler()
    scheduler.set_timesteps(8)
    x, generator = values(2, 3, 4), torch.Generator().manual_seed(5)
    t, s = (float(level) for level in scheduler.sigmas[4:6])
    scheduler.set_begin_index(4)
    time = scheduler.timesteps[4]
    got = scheduler.step(
        _field(x, t), time, x, s_churn=CHURN, generator=generator, return_dict=False
    )[0]
    e = torch.randn(x.shape, generator=torch.Generator().manual_seed(5)).double()
    gamma = min(CHURN / (len(scheduler.sigmas) - 1), solvers.MOST_CHURN)
    x = x.double()
    top = schedules.shift(t, 1 + gamma)
    up = kernels.renoised(x, Step(top, t)).sample(e)
    want = ode.euler(_field, up, Step(top, s))
    high = t * (1 + gamma)
    edm = x + e * (high**2 - t**2) ** 0.5 + (s - high) * _field(x, t) * t / high
    near("a step with churn", got, want, unit=UNIT,
         readings={"EDM's churn on a path whose data shrink": edm})  # fmt: skip
    return Finding(0.0)
