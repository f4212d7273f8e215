"""Mistakes about objectives, likelihoods, couplings and tilted laws.

    a target's sign, a constant's sign, the inverse determinant, a reward not divided by β

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ..equations import Gaussian
from ..equations.elementary import exp, log, sqrt
from ..evidence.mistake import Mistake

_CLASSIC = "a classic"

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "target of the other clock", "objectives.flow_matching",
        lambda v, target: (v + target) ** 2,
        "The network learns minus the velocity.", "ports between libraries", "v − target",
    ),
    Mistake(
        "sign of the constant", "objectives.gap",
        lambda posterior, targets: (posterior * targets**2).sum(axis=0)
        - (posterior * targets).sum(axis=0) ** 2,
        "The marginal loss is the smaller one.", "notes that write C without a sign",
        "minus the variance",
    ),
    Mistake(
        "sign of the target", "objectives.denoising",
        lambda score, noise, sigma: (score - noise / sigma) ** 2,
        "The network learns minus the score.", _CLASSIC, "the target is −ε/σ",
    ),
    Mistake(
        "σ² for σ", "objectives.denoising",
        lambda score, noise, sigma: (score + noise / sigma**2) ** 2,
        "The target for x − data, given the noise.", _CLASSIC, "divide by σ",
    ),
    Mistake(
        "not weighted", "objectives.weighted_denoising",
        lambda score, noise, sigma: (score + noise / sigma) ** 2,
        "The loss of fine scales explodes.", _CLASSIC, "multiply by σ²",
    ),
    Mistake(
        "no ½", "objectives.implicit",
        lambda score, dscore_dx: dscore_dx + score**2,
        "Its minimiser is half the score.", _CLASSIC, "½ s²",
    ),
    Mistake(
        "sign of the trace", "objectives.implicit",
        lambda score, dscore_dx: score**2 / 2 - dscore_dx,
        "Integration by parts has a minus, and the cross term another.", _CLASSIC, "plus",
    ),
    Mistake(
        "sign of the energy", "objectives.energy_score",
        lambda df_dx: df_dx + 0,
        "Up the energy.", _CLASSIC, "minus",
    ),
    Mistake(
        "no second phase", "objectives.energy_gradient",
        lambda df_dtheta, expected_df_dtheta: -df_dtheta,
        "Z depends on θ.", _CLASSIC, "add the model's expectation",
    ),
    Mistake(
        "phases swapped", "objectives.energy_gradient",
        lambda df_dtheta, expected_df_dtheta: df_dtheta - expected_df_dtheta,
        "The data become unlikely.", "losses and objectives mixed up", "− data + model",
    ),
    Mistake(
        "determinant of the inverse", "likelihood.change_of_variables",
        lambda log_p, determinant: log_p + log(determinant**2) / 2,
        "Right for the inverse map's determinant.", "the two forms of the formula",
        "minus for the forward map",
    ),
    Mistake(
        "δ forgotten", "likelihood.residual_step",
        lambda x, u, delta: x + u,
        "A block that does not shrink as they are composed.", "residual networks", "x + δ u",
    ),
    Mistake(
        "sign of the divergence", "likelihood.instantaneous",
        lambda divergence: divergence + 0,
        "Expansion would concentrate.", "integrating backwards and forwards", "−∇·v",
    ),
    Mistake(
        "mean for sum", "likelihood.hutchinson",
        lambda eps, jacobian_eps: (eps * jacobian_eps).sum(axis=-1) / eps.shape[-1],
        "A trace adds up.", _CLASSIC, "sum over coordinates",
    ),
    Mistake(
        "length for its square", "coupling.cost",
        lambda data, noise: ((noise - data) ** 2) ** (1 / 2),
        "W₁'s cost.", _CLASSIC, "square it",
    ),
    Mistake(
        "variance for std", "coupling.gaussian_map",
        lambda noise, data_law: data_law.mean + data_law.std**2 * noise,
        "The image has the variance s⁴.", _CLASSIC, "m + s ε",
    ),
    Mistake(
        "variances for stds", "coupling.gaussian_cost",
        lambda p, q: (p.mean - q.mean) ** 2 + (p.std**2 - q.std**2) ** 2,
        "W₂ compares scales.", _CLASSIC, "(s − s′)²",
    ),
    Mistake(
        "independent variances added", "coupling.gaussian_cost",
        lambda p, q: (p.mean - q.mean) ** 2 + p.std**2 + q.std**2,
        "The cost of the independent coupling.", _CLASSIC, "(s − s′)²",
    ),
    Mistake(
        "independent ends", "coupling.correlated_velocity_variance",
        lambda t, std, correlation: std**2 / ((1 - t) ** 2 * std**2 + t**2),
        "The correlation is forgotten.", _CLASSIC, "s²(1 − ρ²)/Var(x_t)",
    ),
    Mistake(
        "ρ for ρ²", "coupling.correlated_velocity_variance",
        lambda t, std, correlation: std**2 * (1 - correlation)
        / ((1 - t) ** 2 * std**2 + t**2 + 2 * t * (1 - t) * correlation * std),
        "The unexplained share is 1 − ρ².", _CLASSIC, "square it",
    ),
    Mistake(
        "sum for mean", "coupling.straightness",
        lambda ends, velocities: ((velocities - ends) ** 2).sum(axis=0),
        "It grows with the number of steps.", _CLASSIC, "divide by T",
    ),
    Mistake(
        "std for variance", "tilting.linear",
        lambda p, slope, beta: Gaussian(p.mean + slope * p.std / beta, p.std),
        "The shift is k s²/β.", _CLASSIC, "square s",
    ),
    Mistake(
        "β for 1/β", "tilting.linear",
        lambda p, slope, beta: Gaussian(p.mean + slope * p.std**2 * beta, p.std),
        "A larger β holds to the reference.", "temperatures and their inverses", "divide by β",
    ),
    Mistake(
        "reference forgotten", "tilting.quadratic",
        lambda p, goal, beta: Gaussian(goal + 0 * p.mean, sqrt(beta) + 0 * p.std),
        "The reward's own Gaussian.", _CLASSIC, "precisions add up",
    ),
    Mistake(
        "std left alone", "tilting.quadratic",
        lambda p, goal, beta: Gaussian(
            (beta * p.mean + p.std**2 * goal) / (beta + p.std**2), p.std
        ),
        "A concave reward narrows.", _CLASSIC, "precisions add up",
    ),
    Mistake(
        "memory ignored", "tilting.fixed_start",
        lambda p, slope, beta, correlation: Gaussian(
            p.mean + slope * p.std**2 / beta + 0 * correlation, p.std
        ),
        "The tilted law, which only a memoryless sampler reaches.",
        "reward tuning with any noise schedule", "multiply by 1 − ρ²",
    ),
    Mistake(
        "ρ for ρ²", "tilting.fixed_start",
        lambda p, slope, beta, correlation: Gaussian(
            p.mean + slope * p.std**2 * (1 - correlation) / beta, p.std
        ),
        "Variance shares are squared correlations.", _CLASSIC, "1 − ρ²",
    ),
    Mistake(
        "the tilted law's width", "guidance.gaussian_std",
        lambda std_uncond, std_cond, w: 1 / sqrt((1 - w) / std_uncond**2 + w / std_cond**2),
        "Guidance is said to sample p(x) p(y | x)^w; it does not.", "a common belief",
        "the geometric mean of the widths",
    ),
    Mistake(
        "the conditional width", "guidance.gaussian_std",
        lambda std_uncond, std_cond, w: std_cond + 0 * (std_uncond * w),
        "Guidance at any w is said to sample p(x | y).", "a common belief",
        "only w = 1 does",
    ),
    Mistake(
        "the guided flow's width", "guidance.tilted_std",
        lambda std_uncond, std_cond, w: std_uncond ** (1 - w) * std_cond**w,
        "What the flow samples, not the law that is tilted.", "a common belief",
        "precisions are weighed and added",
    ),
    Mistake(
        "widths interpolated", "guidance.tilted_std",
        lambda std_uncond, std_cond, w: (1 - w) * std_uncond + w * std_cond,
        "Precisions add, widths do not.", _CLASSIC, "precisions are weighed and added",
    ),
    Mistake(
        "reward not divided by β", "tilting.weights",
        lambda prior, reward, beta: prior * exp(reward) / (prior * exp(reward)).sum(axis=0),
        "The tilt at β = 1.", _CLASSIC, "e^(r/β)",
    ),
    Mistake(
        "prior forgotten", "tilting.weights",
        lambda prior, reward, beta: exp(reward / beta) / exp(reward / beta).sum(axis=0),
        "A softmax of rewards: no reference holds it.", _CLASSIC, "multiply by p",
    ),
    Mistake(
        "not multiplied by β", "tilting.value",
        lambda prior, reward, beta: log((prior * exp(reward / beta)).sum(axis=0)),
        "In units of β.", _CLASSIC, "β log Σ",
    ),
    Mistake(
        "mean reward", "tilting.value",
        lambda prior, reward, beta: (prior * reward).sum(axis=0),
        "What the reference earns: the limit of large β.", _CLASSIC, "β log Σ p e^(r/β)",
    ),
    Mistake(
        "drift of the flow", "tilting.memoryless_drift",
        lambda c, x, v: v + 0 * x,
        "Noise without its price: the samples spread.", "adding noise to an ODE sampler",
        "2v − (α̇/α) x",
    ),
    Mistake(
        "sign of the decay", "tilting.memoryless_drift",
        lambda c, x, v: 2 * v + c.d_alpha / c.alpha * x,
        "The clock of the other convention.", "ports between libraries", "2v − (α̇/α) x",
    ),
)
# fmt: on
