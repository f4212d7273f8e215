"""The numbers layer: every registered equation against a second route with 50 digits.

    production on floats, numpy float64, torch float64 and float32   =   conformance.reference

Nothing here is sampled. A check looks its function up in the register, so that a mistake planted
there must be found, and named; what it returns is the largest gap in unit roundoffs times the
condition of the result. Identities between equations are in the other files.
"""

from collections.abc import Callable

import numpy as np

from ...equations.registry import equations, find
from ...evidence.calls import System, arguments, cast
from ...evidence.compare import compare
from ...evidence.inputs import inputs
from ...evidence.rounding import ROUNDINGS
from ..check import Evidence, check

_ARRAYS: tuple[System, ...] = ("numpy64", "torch64", "numpy32", "torch32")


def agree(*ids: str, seed: int) -> Evidence:
    """Call each equation on all its cases in every number system and compare with its second route.

    Raises:
        Mismatch: the first disagreement, with its diagnosis.
    """
    worst, calls = dict.fromkeys(("float", *_ARRAYS), 0.0), 0
    for equation_id in ids:
        function = find(equation_id).function
        for case in inputs(equation_id, seed):
            has_arrays = any(isinstance(x, np.ndarray) for x in case.values())
            systems: tuple[System, ...] = _ARRAYS if has_arrays else ("float",)
            for system in systems:
                got = function(**arguments(equation_id, cast(case, system)))
                worst[system] = max(worst[system], compare(equation_id, got, None, case))
                calls += 1
    return Evidence(
        f"{len(ids)} equations, {calls} calls: largest gap {max(worst.values()):.2f} ulps of the "
        f"condition ({ROUNDINGS} allowed)",
        {f"ulps, {system}": gap for system, gap in worst.items()},
    )


def _of_one(equation_id: str, seed: int) -> Evidence:
    return agree(equation_id, seed=seed)


def _topic(name: str, fact: str, ids: str, rows: str) -> Callable[[int], Evidence]:
    """Register the check of one topic: a function that calls `agree` on its ids."""
    stem = next(e.topic for e in equations().values() if name.startswith(f"{e.topic}_"))
    covers = tuple(f"{stem}.{short}" for short in ids.split())

    def run(seed: int) -> Evidence:
        return agree(*covers, seed=seed)

    run.__name__, run.__doc__ = name, fact
    asked = check("numbers", covers=covers, rows=tuple(rows.split()), of_one=_of_one)
    return asked(run)


gaussian_densities = _topic(
    "gaussian_densities",
    "Samples sit at their noise's quantile; log-density and score are mpmath's and its derivative.",
    "sample log_prob score",
    "GRPO-5 SC-1",
)
density_flux = _topic(
    "density_flux",
    "Continuity and Fokker–Planck are derivatives of fluxes; Bayes is odds; a mean is a minimiser.",
    "continuity fokker_planck marginal posterior conditional_mean",
    "VF-2 VF-3 VF-4 SC-2 SC-3 PATH-3 CFG-2",
)
paths_schedules = _topic(
    "paths_schedules",
    "Schedules and their derivatives are Lagrange's lines, exp(iπt/2), a trapezoid and a geometry.",
    "linear cosine vp ve",
    "PATH-2 PATH-4 PATH-5",
)
paths_points = _topic(
    "paths_points",
    "Points and velocities of a path are complex products and their derivative in time.",
    "interpolate conditional velocity conditional_velocity",
    "PATH-1 PATH-4 VF-1 FM-2",
)
conversions_by_elimination = _topic(
    "conversions_by_elimination",
    "Velocity, score, noise and data follow from solving two equations and differentiating log N.",
    "noise_from_velocity data_from_velocity score_from_noise noise_from_score data_from_noise "
    "noise_from_data velocity_from_noise velocity_from_data score_from_data data_from_score "
    "velocity_from_score score_from_velocity",
    "SC-1 SC-2 SC-7 SC-8",
)
sde_drifts = _topic(
    "sde_drifts",
    "Every drift is a probability flux, differentiated; g comes through the logarithm of odds.",
    "forward_drift reverse_drift drift probability_flow flow_grpo_drift flow_grpo_g",
    "SC-4 SC-5 SC-6 SC-9 SC-10 GRPO-7",
)
sde_steps = _topic(
    "sde_steps",
    "A step is the paper's Eq. 9 with √|dt|; displacements and variances of quarters add up.",
    "euler_maruyama transition",
    "GRPO-6 SC-9 DYN-7",
)
ode_steps = _topic(
    "ode_steps",
    "Runge–Kutta steps are Taylor polynomials of a matrix exponential on linear fields.",
    "euler heun midpoint rk4",
    "DYN-4 DYN-5",
)
kl_by_quadrature = _topic(
    "kl_by_quadrature",
    "Each KL is an integral of log p − log q, of steps of the paper's Eq. 9 for velocities.",
    "gaussian of_means flow_grpo without_h velocity k1 k2 k3 trajectory images seen",
    "GRPO-8 GRPO-13",
)
policy_reductions = _topic(
    "policy_reductions",
    "A sample's log-probability is the logarithm of a product; a ratio is a quotient of densities.",
    "total average log_ratio log_ratio_of_means log_ratio_of_products ratio",
    "GRPO-5",
)
grpo_by_pairs = _topic(
    "grpo_by_pairs",
    "Advantages come from pairwise differences, the surrogate from a table of cases.",
    "advantage leave_one_out bounded surrogate objective",
    "GRPO-3 GRPO-4 GRPO-14",
)
guidance_lines = _topic(
    "guidance_lines",
    "Guided fields are lines through the unguided and the conditional one; scores of products add.",
    "bayes_score classifier classifier_free ho_salimans diffusers gaussian_std tilted_std "
    "projection zero_star rescale interval plus_plus",
    "CFG-2 CFG-3 CFG-6 CFG-7 CFG-8",
)
conventions_round_trips = _topic(
    "conventions_round_trips",
    "Clocks, signs, scales and weights are fixed by the two points at which both sides are known.",
    "flip_time flip_velocity flip_path network_time level_of_network_time w_from_omega "
    "omega_from_w beta_for_mean_without_h",
    "PATH-4 CFG-7 GRPO-8",
)

dynamics_by_integration = _topic(
    "dynamics_by_integration",
    "Closed forms of flows and diffusions are integrals over past noise, and Euler's method, run.",
    "linear_flow root_flow picard_bound brownian ornstein_uhlenbeck stationary euler_on_linear",
    "DYN-1 DYN-2 DYN-3 DYN-4 DYN-6 DYN-8",
)
ddpm_by_bayes = _topic(
    "ddpm_by_bayes",
    "DDPM's posterior is the peak and the curvature of two log-densities, added.",
    "forward marginal posterior reverse_variance",
    "DDPM-1 DDPM-2",
)
langevin_fixed_points = _topic(
    "langevin_fixed_points",
    "The chain's variance is a fixed point; the forward noise is what (σ/α)² gains.",
    "step stationary_variance annealed_eps perturbed_weight noise_rate",
    "LD-1 LD-3 DDPM-2",
)
objectives_by_differentiation = _topic(
    "objectives_by_differentiation",
    "Targets are derivatives of log N, constants are variances by pairs, scores forget Z.",
    "flow_matching gap denoising weighted_denoising implicit energy_score energy_gradient",
    "FM-1 FM-2 SM-1 SM-2 SM-3 SM-4",
)
likelihood_of_volumes = _topic(
    "likelihood_of_volumes",
    "The mass of a cell is kept while its volume changes.",
    "change_of_variables residual_step instantaneous hutchinson coupled uncoupled through_block",
    "NF-1 NF-2 NF-3 NF-5",
)
coupling_by_quantiles = _topic(
    "coupling_by_quantiles",
    "Optimal maps keep quantiles, W₂ is an integral over them, variances are Schur complements.",
    "cost gaussian_map gaussian_cost correlated_velocity_variance straightness",
    "OT-1 OT-2",
)
tilting_by_peaks = _topic(
    "tilting_by_peaks",
    "A tilted Gaussian is the peak of its log-density; a reward's value is earnings less KL.",
    "linear quadratic fixed_start weights value memoryless_drift",
    "RFT-1 GRPO-2",
)
energy_by_averages = _topic(
    "energy_by_averages",
    "A step is an average over signs, a rest a root of a parabola, a temperature a power.",
    "after contrastive resting tempered",
    "SM-5",
)
interpolants_by_scale = _topic(
    "interpolants_by_scale",
    "Densities and scores of any start are those of a stretched variable; a turn is a product.",
    "log_density score from_point turning",
    "PATH-6 SC-11",
)
accuracy_by_steps = _topic(
    "accuracy_by_steps",
    "Defects are second derivatives of steps that are taken; what is left is a squared cosine.",
    "defect left rate best_step",
    "GRPO-15 GRID-3",
)
bias_by_moments = _topic(
    "bias_by_moments",
    "Biases are moments of ratios of densities, chances of groups, slopes at two places.",
    "centred silent mean_ratio effective stale",
    "GRPO-14",
)
adjoint_by_peaks = _topic(
    "adjoint_by_peaks",
    "Memory is a cosine, what is carried a peak, a control the slope of a log-ratio.",
    "memory end lean carried control loss target quadratic",
    "RFT-2 RFT-1",
)
kernels_by_quadrature = _topic(
    "kernels_by_quadrature",
    "What a step retains is a clock, integrated; old and fresh noise are legs of a triangle.",
    "preserving cps_std kept_flow_grpo kept_constant frozen_data noise_variance posterior_variance "
    "moment_matched ddim_std renoised",
    "GRPO-6 GRPO-7 DYN-10",
)
multistep_lines = _topic(
    "multistep_lines",
    "With data held constant a step is a straight line to them; weights solve for their moments.",
    "reach first dpmpp_2m unic_1 unic_2",
    "DYN-10",
)
correlated_whitened = _topic(
    "correlated_whitened",
    "A velocity is a regression; KL and distance are sums over the axes of a whitened matrix.",
    "velocity kl wasserstein",
    "DYN-11",
)
weights_by_cases = _topic(
    "weights_by_cases",
    "Sensitivities are slopes of the paper's Eq. 9, GRPO-Guard's ratio a noise, the mask a table.",
    "lever levelled tempflow guard_log_ratio guard guard_lever divergence_mask signal",
    "GRPO-4 GRPO-5",
)
levels_by_masses = _topic(
    "levels_by_masses",
    "Densities of levels are slopes of masses; levels are curves of one draw; weights go by cases.",
    "logit_normal logit_normal_eps logit_normal_density mode mode_density cosmap cosmap_density "
    "beta_density shifted_density sigma_sqrt min_snr bell importance",
    "LEVEL-1 LEVEL-2",
)
schedules_by_odds = _topic(
    "schedules_by_odds",
    "Shifts mix k parts of noise to one of data; spacings are lines in a root or a logarithm.",
    "shift shift_between dynamic mu stretch karras exponential log_snr level_of_sigma",
    "GRID-1 GRID-2",
)
forward_process_lines = _topic(
    "forward_process_lines",
    "Optimality is a chance, v⁺ and v⁻ lie on one line, the loss is squared bias plus variance.",
    "optimality positive_velocity negative_velocity nft awm",
    "GRPO-3 GRPO-4",
)
