"""diffusers' samplers for flows as a whole: their law at the end, with every option they accept.

    for level, time in zip(sigmas, timesteps):  x = scheduler.step(v(x, level), time, x)

A scheduler of variance-preserving solvers samples a flow with `use_flow_sigmas` and
`prediction_type = "flow_prediction"`. Each option of each signature is varied, or named in
`NOT_ASKED` with the reason why it is not.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch

from ...conformance.checks.register import Finding
from ...equations.conventions import network_time
from ..facts import fact, law, near
from ..samplers.chain import Noises, Run, drawing
from ..samplers.sampler import SAME_IN_FLOAT32, STEPS, Asked, Sampler, each, register
from ..samplers.target import denoised, marginal, velocity

V = velocity()

FLOW: dict[str, Any] = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}

OPTIONS: dict[str, tuple[tuple[str, Any], ...]] = {
    "FlowMatchEulerDiscreteScheduler": (
        ("shift", 3.0), ("stochastic_sampling", True), ("shift_terminal", 0.02),
        ("use_dynamic_shifting", True), ("use_karras_sigmas", True),
        ("use_exponential_sigmas", True), ("use_beta_sigmas", True),
        ("s_churn", 1.0), ("s_noise", 1.5), ("s_tmin", 0.25), ("s_tmax", 0.75),
    ),
    "FlowMatchHeunDiscreteScheduler": (("shift", 3.0), ("s_churn", 1.0), ("s_churn", 10.0)),
    "FlowMatchLCMScheduler": (
        ("shift", 3.0), ("shift_terminal", 0.02), ("use_dynamic_shifting", True),
        ("use_karras_sigmas", True), ("use_exponential_sigmas", True), ("use_beta_sigmas", True),
    ),
    "DPMSolverMultistepScheduler": (
        ("solver_order", 1), ("solver_order", 3), ("algorithm_type", "sde-dpmsolver++"),
        ("solver_type", "heun"), ("lower_order_final", False), ("euler_at_final", True),
        ("use_lu_lambdas", True), ("use_karras_sigmas", True), ("use_exponential_sigmas", True),
        ("use_beta_sigmas", True), ("flow_shift", 3.0), ("final_sigmas_type", "sigma_min"),
        ("use_dynamic_shifting", True), ("algorithm_type", "dpmsolver"),
        ("algorithm_type", "sde-dpmsolver"), ("timestep_spacing", "trailing"),
        ("lambda_min_clipped", -5.1), ("steps_offset", 1),
    ),
    "DPMSolverSinglestepScheduler": (
        ("solver_order", 1), ("solver_order", 3), ("algorithm_type", "sde-dpmsolver++"),
        ("solver_type", "heun"), ("lower_order_final", True), ("flow_shift", 3.0),
        ("use_karras_sigmas", True), ("use_exponential_sigmas", True), ("use_beta_sigmas", True),
        ("final_sigmas_type", "sigma_min"), ("use_dynamic_shifting", True),
        ("algorithm_type", "dpmsolver"), ("lambda_min_clipped", -5.1),
    ),
    "UniPCMultistepScheduler": (
        ("solver_order", 1), ("solver_order", 3), ("solver_type", "bh1"),
        ("lower_order_final", False), ("disable_corrector", [0, 1, 2]), ("predict_x0", False),
        ("use_karras_sigmas", True), ("use_exponential_sigmas", True), ("use_beta_sigmas", True),
        ("flow_shift", 3.0), ("final_sigmas_type", "sigma_min"), ("use_dynamic_shifting", True),
        ("timestep_spacing", "trailing"), ("shift_terminal", 0.02), ("steps_offset", 1),
    ),
    "DEISMultistepScheduler": (
        ("solver_order", 1), ("solver_order", 3), ("lower_order_final", False),
        ("use_karras_sigmas", True), ("use_exponential_sigmas", True), ("use_beta_sigmas", True),
        ("flow_shift", 3.0), ("use_dynamic_shifting", True), ("timestep_spacing", "trailing"),
        ("steps_offset", 1),
    ),
    "SASolverScheduler": (
        ("predictor_order", 1), ("predictor_order", 3), ("corrector_order", 1),
        ("tau_func", 0.0), ("lower_order_final", False), ("use_karras_sigmas", True),
        ("use_exponential_sigmas", True), ("use_beta_sigmas", True), ("flow_shift", 3.0),
        ("algorithm_type", "noise_prediction"), ("timestep_spacing", "trailing"),
        ("lambda_min_clipped", -5.1), ("steps_offset", 1),
    ),
}  # fmt: skip
"""What each is asked for beside its defaults, one option at a time."""

_SDE = {"algorithm_type": "sde-dpmsolver++"}
TOGETHER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("DPMSolverMultistepScheduler", _SDE | {"solver_type": "heun"}),
    ("DPMSolverMultistepScheduler", _SDE | {"solver_order": 3}),
    ("DPMSolverSinglestepScheduler", {"solver_order": 3, "solver_type": "heun"}),
    ("DPMSolverSinglestepScheduler", _SDE | {"solver_order": 3}),
    ("DPMSolverSinglestepScheduler", _SDE | {"solver_order": 3, "solver_type": "heun"}),
)
"""Options that meet in one formula."""

SOURCES: dict[str, tuple[str, ...]] = {
    "DPMSolverSinglestepScheduler": ("singlestep_dpm_solver_third_order_update",),
}
"""Functions among whose edits a cause is looked for."""

_SIBLINGS: tuple[dict[str, Any], ...] = (
    {"solver_order": 3}, {"solver_order": 3, "solver_type": "heun"}, _SDE | {"solver_order": 3},
)  # fmt: skip
"""Settings that are right and share their lines."""

_BETAS = "it shapes the betas of a diffusion, and a flow has none"
_CLAMP = "it clamps the predicted datum, so that the chain is not affine"
_PIPELINE = "pipelines read it; the scheduler does not"
NOT_ASKED: dict[str, str] = {
    **dict.fromkeys(("beta_start", "beta_end", "beta_schedule", "trained_betas",
                     "rescale_betas_zero_snr", "variance_type"), _BETAS),
    **dict.fromkeys(("thresholding", "dynamic_thresholding_ratio", "sample_max_value"), _CLAMP),
    **dict.fromkeys(("base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len"),
                    _PIPELINE),
    **dict.fromkeys(("prediction_type", "use_flow_sigmas"), "a flow needs them as they are set"),
    **dict.fromkeys(("sample", "model_output", "timestep", "return_dict", "generator",
                     "variance_noise"), "no option of the law"),
    "num_train_timesteps": "the unit of the network's time",
    "time_shift_type": "the form of the dynamic shift: see euler.dynamic_shift",
    "invert_sigmas": "the other clock: from data to noise",
    "scale_factors": "it resizes the state between steps", "upscale_mode": "as scale_factors",
    "solver_p": "another scheduler as predictor", "per_token_timesteps": "see euler.per_token",
    "sigma_min": "the ends of another grid", "sigma_max": "the ends of another grid",
}  # fmt: skip
"""Options that are not varied, and why."""

_OF_THE_STEP = {"s_churn", "s_noise", "s_tmin", "s_tmax"}


def _asked() -> list[Asked]:
    together = [(name, dict(settings)) for name, settings in TOGETHER]
    return [*each(OPTIONS), *together]


def samplers(its: Any) -> list[Sampler]:
    """Every sampler: at its defaults, and with each of its options."""
    return [sampler(its, name, settings) for name, settings in _asked()]


def made(its: Any, name: str, steps: int, settings: Mapping[str, Any]) -> Any:
    """A scheduler with its grid."""
    config = {k: v for k, v in settings.items() if k not in _OF_THE_STEP}
    if "tau_func" in config:
        config["tau_func"] = lambda t, tau=config["tau_func"]: tau
    if not name.startswith("FlowMatch"):
        config = FLOW | config
    with its.hushed():
        scheduler = getattr(its.module, name)(**config)
        more = {"mu": 1.0} if config.get("use_dynamic_shifting") else {}
        scheduler.set_timesteps(steps, **more)
    return scheduler


def run_of(
    its: Any,
    name: str,
    settings: Mapping[str, Any],
    *,
    told: bool = False,
    begin: int | None = None,
) -> Run:
    """The sampler.

    Args:
        its: the library.
        name: of the scheduler.
        settings: its options.
        told: the network's time is the timestep, as pipelines hand it on, and not the level.
        begin: the first step, so that steps are counted and not looked up by their time; refused
            where no two times are the same.
    """
    step = {k: v for k, v in settings.items() if k in _OF_THE_STEP}

    def run(x: Any, steps: int, noises: Noises) -> Any:
        scheduler = made(its, name, steps, settings)
        if begin is not None:
            if len(set(scheduler.timesteps.tolist())) == len(scheduler.timesteps):
                raise ValueError("no two times are the same")
            scheduler.set_begin_index(begin)
        x = x.float()
        with its.hushed(), drawing(noises):
            for i, time in enumerate(scheduler.timesteps):
                level = time.double() / 1000 if told else scheduler.sigmas[i].double()
                v = V(x.double(), level).float()
                x = scheduler.step(v, time, x, **step).prev_sample
        return x

    return run


def sampler(its: Any, name: str, settings: dict[str, Any]) -> Sampler:
    """One of them."""

    def levels(steps: int) -> list[float]:
        return [float(t) for t in made(its, name, steps, settings).sigmas.double()]

    readings = {"the datum predicted and noised afresh": _noised_afresh(levels)}
    if "s_churn" in settings:
        readings[CHURN] = churned(levels, float(settings["s_churn"]))
    early = {"final_sigmas_type": "sigma_min"}
    finite = {
        "an infinite step of log-SNR to level 0": run_of(its, name, settings | early),
        "whole network times that repeat": run_of(its, name, settings, begin=0),
    }
    return Sampler(
        name.removesuffix("Scheduler"), run_of(its, name, settings), settings, levels,
        exact=marginal, same=SAME_IN_FLOAT32, readings=readings, finite=finite,
        plain=sampler(its, name, {}) if settings else None,
        sources=tuple(getattr(getattr(its.module, name), f) for f in SOURCES.get(name, ())),
        siblings=tuple(sampler(its, name, other) for other in _SIBLINGS
                       if name in SOURCES and len(settings) == 3),
    )  # fmt: skip


CHURN = "the churn of a variance-exploding path"
"""Karras' noise, x + √(r² − t²) ε, keeps x = data + r noise; on a flow x must shrink as well."""


def _noised_afresh(levels: Any) -> Run:
    """x_s = (1 − s) E[data | x] + s ε."""

    def run(x: Any, steps: int, noises: Noises) -> Any:
        for t, s in pairwise(levels(steps)):
            x = (1 - s) * denoised(x, 1 - t, t) + s * noises.like(x)
        return x

    return run


def churned(levels: Any, amount: float, *, flow: bool = False) -> Run:
    """Heun's steps after churn: x + √(r² − t²) ε with r = (1 + γ) t, and the slope from before it.

    With `flow` the churn is the straight path's own: x (1 − r)/(1 − t) + √(r² − t² (…)²) ε, and the
    slope that of level r.
    """

    def run(x: Any, steps: int, noises: Noises) -> Any:
        grid = list(dict.fromkeys(levels(steps)))
        gamma = min(amount / (2 * steps - 1), 2**0.5 - 1)
        for t, s in pairwise(grid):
            r = min(t * (1 + gamma), 1.0) if flow else t * (1 + gamma)
            shrunk = (1 - r) / (1 - t) if flow and t < 1 else 1.0
            before = x
            x = shrunk * x + max(r**2 - (shrunk * t) ** 2, 0.0) ** 0.5 * noises.like(x)
            slope = V(x, r) if flow else V(before, t) * t / r
            if s > 0:
                noises.like(x)  # drawn before the second stage, where it cancels
                slope = (slope + V(x + (s - r) * slope, s)) / 2
            x = x + (s - r) * slope
        return x

    return run


register("diffusers", _asked(), sampler, "Scheduler")


# ---------------------------------------------------------------- times and generators


@fact("diffusers", "samplers.network_time", covers=("conventions.network_time",))
def network_times(its: Any) -> Finding:
    """Every scheduler tells the network the time of its level, 1000 σ."""
    for name in OPTIONS:
        scheduler = made(its, name, STEPS[0], {})
        levels = scheduler.sigmas.double()[: len(scheduler.timesteps)]
        whole = {"whole numbers": network_time(levels).long()}
        near(f"{name}: the network's times", scheduler.timesteps.double(),
             network_time(levels), unit=2.0**-24, readings=whole)  # fmt: skip
    return Finding()


RANDOM: tuple[tuple[str, dict[str, Any]], ...] = (
    ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}),
    ("FlowMatchHeunDiscreteScheduler", {"s_churn": 1.0}),
    ("FlowMatchLCMScheduler", {}),
    ("DPMSolverMultistepScheduler", _SDE),
    ("DPMSolverSinglestepScheduler", _SDE),
    ("SASolverScheduler", {}),
)
"""Samplers that draw noise."""


@fact("diffusers", "samplers.generator")
def generators(its: Any) -> Finding:
    """Noise comes from the generator given: a seed repeats it, the global one is left alone."""
    for name, settings in RANDOM:
        step = {k: v for k, v in settings.items() if k in _OF_THE_STEP}
        ends = []
        for seed in (1, 1, 2):
            generator, before = torch.Generator().manual_seed(seed), torch.get_rng_state()
            scheduler, x = made(its, name, 4, settings), torch.ones(1, 2)
            for time in scheduler.timesteps:
                x = scheduler.step(torch.ones(1, 2), time, x, generator=generator, **step)[0]
            ends.append(x)
            left = bool((torch.get_rng_state() == before).all())
            law(name.removesuffix("Scheduler"), left, "the global generator is advanced as well")
        law(
            name.removesuffix("Scheduler"),
            bool((ends[0] == ends[1]).all()),
            "a seed does not repeat a sample",
        )
        law(
            name.removesuffix("Scheduler"),
            bool((ends[0] != ends[2]).any()),
            "another seed gives the same sample",
        )
    return Finding()
