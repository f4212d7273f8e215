"""What the arguments of a vector mean, and the conventions under which they mean it.

v: the velocity at (x_t, t); it points towards noise        t: the noise level, 0 = data
"""

import inspect
import re

from ..equations.registry import find

_MEANINGS = {
    "x": "the state x_t",
    "v": "the velocity at (x_t, t)",
    "v_ref": "the reference model's velocity there",
    "v_old": "the old policy's velocity there",
    "v_uncond": "the unconditional velocity",
    "v_cond": "the conditional velocity",
    "t": "the noise level of the state",
    "s": "the noise level after the step, s < t",
    "h": "the length of the step, t − s > 0",
    "g": "the diffusion coefficient of the SDE",
    "a": "the noise level of Flow-GRPO, the factor in g",
    "inside": "what stands for t inside 1/(1 − t)",
    "alpha": "α_t, the scale of the data",
    "sigma": "σ_t, the scale of the noise",
    "d_alpha": "dα_t/dt",
    "d_sigma": "dσ_t/dt",
    "data": "the clean sample",
    "noise": "a draw of N(0, I)",
    "score": "∇ log p_t at x_t",
    "classifier_score": "∇ log p(y | x_t)",
    "mean": "the mean of the Gaussian",
    "mean_ref": "the reference policy's mean",
    "mean_old": "the old policy's mean",
    "std": "the standard deviation",
    "p_mean": "the mean of p",
    "p_std": "the standard deviation of p",
    "q_mean": "the mean of q",
    "q_std": "the standard deviation of q",
    "data_law_mean": "the mean of the data",
    "data_law_std": "the standard deviation of the data",
    "data_variance": "the variance of the data",
    "std_uncond": "the standard deviation of the unconditional law",
    "std_cond": "the standard deviation of the conditional law",
    "rate": "of the linear field v(x, t) = rate · x + slope · t",
    "slope": "of the linear field v(x, t) = rate · x + slope · t",
    "w": "the guidance scale; 0 is unconditional, 1 conditional",
    "omega": "Ho and Salimans' guidance scale; −1 is unconditional, 0 conditional",
    "guidance_scale": "diffusers' guidance scale; 0 is unconditional, 1 conditional",
    "beta": "the weight of the KL",
    "beta_min": "the rate of noising at t = 0",
    "beta_max": "the rate of noising at t = 1",
    "sigma_min": "the smallest scale of noise",
    "sigma_max": "the largest scale of noise",
    "alpha_bar": "ᾱ, the share of the data's variance that is left",
    "alpha_bar_prev": "ᾱ of the step before",
    "tau": "network time, 0 to 1000",
    "dimensions": "the number of coordinates",
    "rewards": "(prompts, G): a row is a group",
    "ddof": "the divisor of the variance is the count minus this",
    "eps": "the step size",
    "ratio": "the new over the old density of the step",
    "advantage": "the sample's advantage",
    "clip": "the half-width of the trust region",
    "surrogate": "the clipped objective",
    "kl": "the KL of the step",
    "divergence": "the KL of the step",
    "limit": "the largest value let through",
    "log_ratio": "log of the new over the old density",
    "log_prob": "the new policy's log-probability",
    "log_prob_old": "the old policy's log-probability",
    "log_p": "the log-density before the map",
    "determinant": "of the map's Jacobian",
    "values": "an array whose leading axis counts samples, or components",
    "prior": "weights of components, leading axis",
    "posterior": "weights of components given x, leading axis",
    "likelihood": "p(x | component), leading axis",
    "reward": "of each outcome, leading axis",
    "targets": "of each component, leading axis",
    "target": "what the network is trained on",
    "ends": "noise − data of each path",
    "velocities": "along each path, leading axis time",
    "p": "the density at a point",
    "f": "the drift at a point",
    "dp_dx": "the derivative of p",
    "d2p_dx2": "the second derivative of p",
    "df_dx": "the derivative of f",
    "dv_dx": "the derivative of v",
    "dscore_dx": "the derivative of the score",
    "df_dtheta": "the derivative of the energy in a parameter",
    "expected_df_dtheta": "its expectation under the model",
    "b": "how far the two mirrored policies lie from the old one",
    "eta": "the share of fresh noise, 0 to 1",
    "variance": "of the state's noise at level t",
    "kept": "the share of the noise variance that a step keeps",
    "lever": "how far the mean moves for a change of the velocity",
    "optimal": "the chance that the sample is a good one",
    "theta": "the rate of return to 0",
    "correlation": "of the two ends of a path",
    "goal": "the maximiser of the reward",
    "delay": "how long the solution stays at 0",
    "lipschitz": "the Lipschitz constant",
    "previous": "the bound before",
    "n": "the index of the iterate",
    "steps": "the number of steps",
    "delta": "the size of the block's step",
    "u": "the block's output",
}

_OWN = {
    ("policy.log_ratio", "log_prob"): "the new policy's log-probability of the stored step",
    ("policy.log_ratio_of_means", "x"): "the stored next state",
    ("policy.log_ratio_of_means", "mean"): "the new policy's mean",
    ("policy.log_ratio_of_products", "along"): "⟨v − v_old, x − m_old⟩ of a sample",
    ("policy.log_ratio_of_products", "squared"): "⟨v − v_old, v − v_old⟩ of a sample",
    ("policy.log_ratio_of_products", "lever"): "b = ∂ mean/∂v",
    ("grpo.advantage", "std"): 'whose standard deviation divides: "group", "batch" or "none"',
    ("grpo.advantage", "eps"): "added to the standard deviation",
    ("ddpm", "beta"): "the variance that one step adds",
    ("tilting", "slope"): "of the linear reward",
    ("likelihood", "divergence"): "of the velocity",
    ("likelihood.hutchinson", "eps"): "a probe with E[εεᵀ] = I",
}
"""Meanings that one equation, or one topic, has of its own."""

_CONVENTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("t", "s", "inside", "sigma"), "t is the noise level: 0 is data, 1 is noise."),
    (("v", "v_ref", "v_cond"), "A velocity points from data towards noise: v = noise − data."),
    (("s", "h"), "A step goes from t down to s; its length h = t − s is positive."),
    (("g",), "g is the SDE's coefficient; the standard deviation of a step is g √h."),
    (("std", "p_std"), "A std is a standard deviation, never a variance."),
    (("log_prob", "log_ratio", "kl"), "Log-probabilities and KLs are in nats."),
)
_EVERYWHERE = "Nothing is summed or averaged over coordinates unless the statement says so."


def meaning(equation_id: str, name: str) -> str:
    """What an argument is: from the table, else from the docstring's own list of arguments."""
    own = _OWN.get((equation_id, name)) or _OWN.get((find(equation_id).topic, name))
    documented = _documented(equation_id).get(name)
    return own or documented or _MEANINGS.get(name) or "as in the statement"


def conventions(names: tuple[str, ...]) -> list[str]:
    """The conventions that concern arguments of these names."""
    concerned = [text for keys, text in _CONVENTIONS if set(keys) & set(names)]
    return [*concerned, _EVERYWHERE]


def _documented(equation_id: str) -> dict[str, str]:
    text = inspect.getdoc(find(equation_id).function) or ""
    section = re.search(r"^Args:\n((?: +.*\n?)+)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1], re.M) if section else []
    return {name: " ".join(words.split()).rstrip(".") for name, words in entries}
