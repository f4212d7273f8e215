"""The inputs that are written out: arrays that are reduced, edges, ties between arguments.

    WHOLE: mixtures, samples, groups        EDGES: ends of the path, no noise, clips that just bind

All of them exact in bfloat16, like everything in `cases`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .calls import Inputs


def _grid(rows: list[Any]) -> np.ndarray:
    return np.array(rows, dtype=np.float64)


_PRIOR = np.broadcast_to(_grid([[[0.25]], [[0.625]], [[0.125]]]), (3, 2, 2)).copy()
_LIKELIHOOD = np.array(
    [[[0.5, 2.0], [0.125, 0.75]], [[1.5, 0.25], [3.0, 1.0]], [[0.0625, 4.0], [0.375, 0.0]]]
)
_POSTERIOR = np.array(
    [[[0.5, 0.25], [0.125, 0.0]], [[0.25, 0.5], [0.25, 1.0]], [[0.25, 0.25], [0.625, 0.0]]]
)
_F = np.array([[[1.5, -2.0], [0.25, 3.0]], [[-0.5, 4.0], [2.5, 0.75]], [[2.25, 1.0], [-3.0, 5.0]]])
_REWARDS = _grid([[1.0, 2.5, 0.25, -1.5], [3.0, 3.5, 4.0, 8.0], [-2.0, 0.5, 0.75, 1.25]])
_EQUAL = _grid([[0.75, 0.75, 0.75], [1.0, 2.0, 4.0]])
_SAMPLES = np.array(
    [[[[0.5, -1.25]], [[2.0, 0.125]], [[-0.75, 1.5]]], [[[3.0, 0.25]], [[-2.5, 1.0]], [[0.5, 4.0]]]]
)
_VELOCITIES = np.stack([_REWARDS + 0.5, _REWARDS * 2, _REWARDS - 0.125, _REWARDS[:, ::-1]])


def _advantage(rewards: np.ndarray, std: str, ddof: int, eps: float) -> Inputs:
    return {"rewards": rewards, "std": std, "ddof": ddof, "eps": eps}


# Every quadrant of (r − 1, A); within the limit, at it, past it, whatever the ratio.
_MASK = {
    "ratio": _grid([[1.25, 0.75, 1.25, 0.75], [1.25, 0.75, 1.0, 2.0], [1.5, 0.5, 1.0625, 0.9375]]),
    "advantage": _grid([[1.0, -1.0, -0.5, 0.5], [2.0, -2.0, 1.0, 0.0], [1.0, -1.0, 3.0, -3.0]]),
    "divergence": _grid([[0.5, 0.75, 1.0, 2.0], [0.25, 0.25, 0.5, 0.5], [0.125, 0.0, 0.5, 1.0]]),
    "limit": _grid([[0.25], [0.25], [0.25]]),
}


WHOLE: dict[str, tuple[Inputs, ...]] = {
    "density.marginal": ({"prior": _PRIOR, "likelihood": _LIKELIHOOD},),
    "density.posterior": ({"prior": _PRIOR, "likelihood": _LIKELIHOOD},),
    "density.conditional_mean": ({"posterior": _POSTERIOR, "values": _F},),
    "policy.total": ({"values": _SAMPLES}, {"values": _F[0]}),
    "policy.average": ({"values": _SAMPLES}, {"values": _F[0]}),
    "objectives.gap": ({"posterior": _POSTERIOR, "targets": _F},),
    "likelihood.hutchinson": ({"eps": _REWARDS, "jacobian_eps": _REWARDS[::-1] * 2 - 1},),
    "coupling.straightness": ({"ends": _REWARDS, "velocities": _VELOCITIES},),
    "tilting.weights": ({"prior": _PRIOR, "reward": _F, "beta": 0.5},),
    "tilting.value": ({"prior": _PRIOR, "reward": _F, "beta": 0.5},),
    "grpo.advantage": (
        _advantage(_REWARDS, "group", 0, 0.0625),
        _advantage(_REWARDS, "group", 0, 0.0),
        _advantage(_REWARDS, "group", 1, 0.0),
        _advantage(_REWARDS, "batch", 0, 0.0625),
        _advantage(_REWARDS, "batch", 1, 0.0),
        _advantage(_REWARDS, "none", 0, 0.0),
        _advantage(_EQUAL, "group", 0, 0.0),
        _advantage(_EQUAL, "batch", 1, 0.0),
        _advantage(_grid([[0.5, 1.5]]), "group", 1, 0.0),
    ),
    "weights.tempflow": ({"std": np.array([0.75, 0.5, 0.4375, 0.25, 0.0625])},),
    "weights.divergence_mask": (_MASK,),
}
"""Arrays that are reduced over an axis: mixture components, coordinates, groups."""

_LINEAR_AT_1 = {"alpha": 0.0, "sigma": 1.0, "d_alpha": -1.0, "d_sigma": 1.0}
_LINEAR_AT_3_4 = {"alpha": 0.25, "sigma": 0.75, "d_alpha": -1.0, "d_sigma": 1.0}
_LINEAR_AT_0 = {"alpha": 1.0, "sigma": 0.0, "d_alpha": -1.0, "d_sigma": 1.0}
_ENDS = ({"t": 0.0}, {"t": 1.0})

EDGES: dict[str, tuple[dict[str, float], ...]] = {
    "gaussian.sample": ({"std": 0.0}, {"noise": 0.0}),
    "gaussian.log_prob": ({"x": 1.0, "mean": 1.0}, {"std": 2.0**-14}, {"std": 1.0}),
    "gaussian.score": ({"x": 1.0, "mean": 1.0}, {"std": 2.0**-7}),
    "density.fokker_planck": ({"g": 0.0},),
    "paths.linear": _ENDS,
    "paths.cosine": _ENDS,
    "paths.vp": ({"t": 1.0}, {"t": 2.0**-10}, {"beta_min": 0.125, "beta_max": 20.0}),
    "paths.ve": ({"t": 1.0}, {"t": 2.0**-10}, {"sigma_min": 2.0**-7, "sigma_max": 80.0}),
    "paths.interpolate": (_LINEAR_AT_0, _LINEAR_AT_1),
    "paths.conditional": (_LINEAR_AT_0, _LINEAR_AT_1),
    "paths.velocity": (_LINEAR_AT_0, _LINEAR_AT_1),
    "conversions.noise_from_velocity": (_LINEAR_AT_0, _LINEAR_AT_1),
    "conversions.data_from_velocity": (_LINEAR_AT_0, _LINEAR_AT_1),
    "conversions.score_from_velocity": (_LINEAR_AT_3_4, _LINEAR_AT_1),
    "conversions.velocity_from_score": (_LINEAR_AT_3_4, _LINEAR_AT_0),
    "sde.forward_drift": ({"g": 0.0},),
    "sde.reverse_drift": ({"g": 0.0},),
    "sde.drift": ({"g": 0.0}, {"score": 0.0}),
    "sde.probability_flow": ({"g": 0.0},),
    "sde.flow_grpo_drift": ({"g": 0.0}, {"t": 1.0}, {"t": 2.0**-7}),
    "sde.flow_grpo_g": ({"t": 1.0, "inside": 0.875}, {"t": 0.0, "inside": 0.0}, {"a": 0.0}),
    "sde.euler_maruyama": ({"g": 0.0}, {"h": 2.0**-7}),
    "sde.transition": (
        {"t": 0.75, "s": 0.5, **_LINEAR_AT_3_4},
        {"t": 1.0, "s": 0.875, **_LINEAR_AT_1},
        {"t": 0.75, "s": 0.0, **_LINEAR_AT_3_4, "g": 0.0},
    ),
    "kl.gaussian": ({"p_std": 0.5, "q_std": 0.5}, {"p_mean": 1.0, "q_mean": 1.0}),
    "kl.of_means": ({"mean": 1.0, "mean_ref": 1.0}, {"std": 2.0**-7}),
    "kl.flow_grpo": ({"v": 1.0, "v_ref": 1.0}, {"t": 1.0}, {"t": 2.0**-7, "h": 2.0**-7}),
    "kl.k1": ({"log_ratio": 0.0},),
    "kl.k2": ({"log_ratio": 0.0},),
    "kl.k3": ({"log_ratio": 0.0}, {"log_ratio": 2.0**-7}, {"log_ratio": -8.0}),
    "policy.log_ratio_of_means": ({"mean": 1.0, "mean_old": 1.0}, {"std": 2.0**-4}),
    "policy.log_ratio_of_products": ({"along": 0.0, "squared": 0.0}, {"lever": -0.5}),
    "policy.ratio": ({"log_prob": 1.5, "log_prob_old": 1.5},),
    "grpo.bounded": (
        {"advantage": -2.0, "limit": 0.5},
        {"advantage": 2.0, "limit": 0.5},
        {"advantage": 0.25, "limit": 0.5},
    ),
    "grpo.surrogate": (
        {"ratio": 1.0, "clip": 0.0},
        {"ratio": 1.125, "clip": 0.125},
        {"ratio": 0.5, "advantage": -1.0},
        {"ratio": 0.5, "advantage": 1.0},
        {"ratio": 2.0, "advantage": -1.0},
        {"ratio": 2.0, "advantage": 1.0},
        {"advantage": 0.0},
        {"ratio": 0.0},
    ),
    "grpo.objective": ({"beta": 0.0}, {"kl": 0.0}),
    "guidance.classifier_free": ({"w": 0.0}, {"w": 1.0}, {"w": 4.5}),
    "guidance.ho_salimans": ({"omega": 0.0}, {"omega": -1.0}),
    "guidance.diffusers": ({"guidance_scale": 0.0}, {"guidance_scale": 1.0}),
    "conventions.flip_time": _ENDS,
    "dynamics.linear_flow": ({"t": 0.0},),
    "dynamics.root_flow": ({"t": 0.5, "delay": 0.0}, {"t": 0.25, "delay": 0.75}),
    "dynamics.ornstein_uhlenbeck": ({"t": 1.0, "theta": 2.0**-7}, {"sigma": 0.0}),
    "dynamics.euler_on_linear": ({"steps": 1}, {"theta": -0.5}),
    "ddpm.reverse_variance": ({"data_variance": 0.0}, {"data_variance": 1.0}),
    "likelihood.change_of_variables": ({"determinant": -0.5}, {"determinant": 1.0}),
    "coupling.correlated_velocity_variance": ({"correlation": 0.0}, {"t": 1.0}),
    "guidance.gaussian_std": ({"w": 0.0}, {"w": 1.0}, {"w": 4.5}),
    "guidance.tilted_std": ({"w": 0.0}, {"w": 1.0}),
    "tilting.fixed_start": ({"correlation": 0.0}, {"slope": 0.0}),
    "tilting.linear": ({"slope": 0.0},),
    "conventions.network_time": _ENDS,
    "kernels.preserving": ({"std": 0.0},),
    "kernels.cps_std": ({"eta": 0.0}, {"eta": 1.0}, {"s": 0.0}, {"s": 1.0}),
    "kernels.kept_flow_grpo": ({"t": 1.0, "s": 0.5}, {"t": 0.5, "s": 0.0}, {"t": 1.0, "s": 0.0}),
    "kernels.kept_constant": ({"g": 0.0}, {"t": 1.0, "s": 0.875}),
    "kernels.frozen_data": ({"kept": 0.0}, {"kept": 1.0}, {"s": 0.0}, {"s": 1.0}),
    "kernels.noise_variance": ({"g": 0.0}, {"variance": 0.0}, {"t": 1.0, "s": 0.875}),
    "kernels.posterior_variance": ({"gap": 0.0}, {"t": 0.0}, {"t": 1.0}),
    "kernels.moment_matched": ({"std": 0.0}, {"variance": 0.0}, {"t": 1.0, "s": 0.875}),
    "weights.lever": ({"g": 0.0}, {"t": 1.0}),
    "weights.guard_log_ratio": ({"divergence": 0.0}, {"log_ratio": 0.0}),
    "weights.signal": ({"correlation": 0.0},),
    "forward_process.optimality": ({"advantage": 2.0, "limit": 2.0}, {"advantage": 0.0}),
    "forward_process.nft": ({"optimal": 0.0}, {"optimal": 1.0}, {"optimal": 0.5}, {"b": 1.0}),
    "forward_process.awm": ({"advantage": 0.0},),
    "conventions.beta_for_mean_without_h": ({"beta": 0.0},),
}


def tied(equation_id: str, case: dict[str, Any]) -> dict[str, Any]:
    """Ties between arguments that an equation asks for."""
    ties: dict[str, Callable[[], dict[str, Any]]] = {
        "conventions.level_of_network_time": lambda: {"tau": abs(case["tau"]) * 256},
        "conventions.beta_for_mean_without_h": lambda: {"dimensions": 16},
        "paths.vp": lambda: {"beta_min": case["beta_min"] / 16, "beta_max": case["beta_max"] * 8},
        "dynamics.euler_on_linear": lambda: {"steps": case["steps"] if _edge(case) else 4},
        "dynamics.picard_bound": lambda: {"n": 3},
        "ddpm.forward": lambda: {"beta": case["beta"] / 4},
        "ddpm.posterior": lambda: {"beta": case["beta"] / 4},
        "ddpm.reverse_variance": lambda: {"beta": case["beta"] / 4},
        "langevin.stationary_variance": lambda: {"eps": case["eps"] / 64},
        "coupling.correlated_velocity_variance": lambda: {"correlation": case["correlation"] / 4},
        "kernels.preserving": lambda: {"std": case["sigma"] * 3 / 4 * (case["std"] > 0)},
        "kernels.moment_matched": lambda: {"std": case["s"] * 3 / 4 * (case["std"] > 0)},
        "weights.signal": lambda: {"correlation": case["correlation"] / 4},
        "kernels.kept_constant": lambda: {"s": case["s"] + (case["s"] == 0) / 128},
        "weights.guard_log_ratio": lambda: {"divergence": abs(case["divergence"])},
        "tilting.fixed_start": lambda: {"correlation": case["correlation"] / 4},
        "guidance.gaussian_std": lambda: _wider(case),
        "guidance.tilted_std": lambda: _wider(case),
    }
    return {**case, **ties.get(equation_id, dict)()}


def _wider(case: dict[str, Any]) -> dict[str, Any]:
    """The unconditional law the wider one, and w ≥ 0: then the tilted law exists."""
    return {"std_uncond": case["std_uncond"] + 2, "w": abs(case["w"])}


def _edge(case: dict[str, Any]) -> bool:
    return isinstance(case["steps"], int)
