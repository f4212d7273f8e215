"""The committed list of statistical assertions: name → n, the number of independent samples.

    LISTED[name] = n            read by `budget.claim(name)`, which refuses any other name

n was chosen for the power that the assertion promises where it is made, and is never adapted to an
outcome. `calibration.*` count replicates. Keep names stable: seeds are derived from them.
"""

N = 100_000
"""The usual size: it resolves .0165 on a CDF, and .029 standard deviations on a mean."""

N_WIDE = 20_000
"""For eight dimensions, where every sample brings eight coordinates."""

SCHEDULES = ("linear", "cosine", "vp", "ve")
MARGINAL_LEVELS = (0.0, 0.3, 0.7, 1.0)
FLOW_LEVELS = (0.7, 0.3, 0.0)
REGRESSIONS = ("velocity", "noise", "data", "score")
CHAIN_STEPS = (10, 20, 40)
CHAIN_NOISE = (0.3, 0.7, 1.0)
BOUNDARIES = ("next_level", "clamp", "refuse")
DEPLOYED = ("dpmpp_2m", "unipc", "ddim", "heun_churn")

LISTED: dict[str, int] = {
    **{f"conditional.{path}.{what}": N for path in SCHEDULES for what in ("mean", "variance")},
    **{f"marginal.mixture_1d.t{t}": N for t in MARGINAL_LEVELS},
    "marginal.density": N,
    "marginal.rotated_8d.features": N_WIDE,
    **{f"flow.mixture_1d.t{t}": N for t in FLOW_LEVELS},
    "flow.mixture_2d.features": N_WIDE,
    "flow.rotated_8d.features": N_WIDE,
    **{f"regression.{what}.{path}": N for what in REGRESSIONS for path in ("linear", "cosine")},
    "noising.mixture_1d": N,
    "noising.white": N,
    "reversal.mixture_1d": N,
    "reversal.white": N,
    "probability_flow.ode": N,
    "probability_flow.sde": N,
    "transition.mixture_1d.white": N,
    "transition.mixture_2d.white": N_WIDE,
    "transition.rotated_8d.white": N_WIDE,
    **{
        f"chain.T{T}.a{a}.{what}": N
        for T in CHAIN_STEPS
        for a in CHAIN_NOISE
        for what in ("mean", "variance", "given_start")
    },
    "chain.mixture_1d.T20": N,
    "chain.rotated_8d.T10.features": N_WIDE,
    **{f"chain.rotated_8d.T10.factor{i}": N_WIDE for i in range(8)},
    **{f"boundary.{name}.{what}": N for name in BOUNDARIES for what in ("mean", "variance")},
    "strong.chain": N,
    "strong.gap": N,
    "ratio.log": N,
    "ratio.whole": N,
    "ratio.mean_reduced": N,
    "gradient.surrogate": N,
    "surrogate.gain": N,
    "surrogate.loss": N,
    **{
        f"gradient.group_{std}.{what}": N_WIDE
        for std in ("none", "group")
        for what in ("residual", "spread")
    },
    "kl.monte_carlo": N,
    "brownian.increments": N,
    "brownian.end": N,
    "ou.mean": N,
    "ou.variance": N,
    "langevin.variance": N,
    "langevin.formula": N,
    "langevin.aim": N,
    "ddpm.variance": N,
    **{
        f"objective.{what}.t{t}": N
        for what in ("velocity", "score", "weighted")
        for t in (0.15, 0.5, 0.85)
    },
    "objective.gap.t0.5": N,
    "objective.gap.t0.85": N,
    "implicit.score": N,
    "hutchinson.mean": N,
    **{f"coupling.rho{rho}.{what}": N for rho in (0.0, 0.8) for what in ("end", "velocity")},
    "guided.geometric": N,
    "guided.tilted": N,
    "guided.conditional": N,
    **{
        f"guided.chain.{name}.{what}": N
        for name in ("classifier", "free", "sde")
        for what in ("mean", "variance")
    },
    "labels.dropped": N,
    "labels.velocity0": N,
    "labels.velocity1": N,
    "annealed.mean": N,
    "annealed.variance": N,
    "residual_flow.mean": N,
    "residual_flow.variance": N,
    **{f"solver.{rule}": N for rule in ("euler", "heun", "rk4")},
    "solver.adaptive": N_WIDE,
    **{f"deployed.{name}.{what}": N for name in DEPLOYED for what in ("mean", "spread", "tilt")},
    "tilted.weights": N,
    "interpolants.middle": N,
    "interpolants.flow": N,
    "blocks.image": N,
    "energy.resting": N,
    "energy.tempered": N,
    "accuracy.variance": N,
    **{f"bias.{name}": N for name in ("centred", "others", "silent", "group_std.0", "group_std.1")},
    **{f"adjoint.{name}": N for name in ("mean", "variance", "optimum")},
    **{f"trajectories.{name}": N for name in ("mean", "variance", "images")},
    **{
        f"variants.{name}.{what}": N
        for name in ("plus_plus", "interval")
        for what in ("mean", "variance")
    },
    **{f"trajectories.{name}": N for name in ("mean", "variance", "images")},
    **{
        f"levels.{name}": N
        for name in (
            "logit_normal",
            "logit_normal_eps",
            "logit_normal_shifted",
            "mode",
            "cosmap",
            "uniform_shifted",
            "importance",
            "importance.noise",
            "importance.gradient",
        )
    },
    "conformance.noise": 4096,
    "conformance.sampler.mean": N,
    "conformance.sampler.variance": N,
    "conformance.sampler.memory": N,
    "controls.white": N,
    "controls.mean": N,
    "controls.variance": N,
    "null_space.marginal": N,
    "null_space.mean": N,
    "null_space.variance": N,
    **{
        f"calibration.{test}": 1000
        for test in ("mean", "hotelling", "variance", "cdf", "features", "white")
    },
}
