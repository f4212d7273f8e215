"""What an implementation may offer: names, arguments, results.

    CAPABILITIES["ratio"].arguments   →   ("log_prob", "log_prob_old")

The one list behind binding, checks, error messages and the page of the protocol.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Capability:
    """One function that an adapter may have.

    Attributes:
        arguments: in the order in which they are passed by position.
        more: passed too, by name, if the function asks for them.
        returns: in words.
        parts: the names of a result with several parts, each with the names it may come under.
    """

    arguments: tuple[str, ...]
    returns: str
    more: tuple[str, ...] = ()
    parts: dict[str, tuple[str, ...]] | None = None


_STEP_PARTS = {
    "x_s": ("x_s", "x", "sample", "prev_sample", "next_sample", "x_next"),
    "mean": ("mean", "mu", "prev_sample_mean", "loc"),
    "std": ("std", "stddev", "std_dev", "std_dev_t", "scale"),
    "log_prob": ("log_prob", "log_probs", "logp", "logprob"),
}
_END_PARTS = {
    "x": ("x", "x_end", "end", "sample", "samples", "x_0"),
    "states": ("states", "trajectory", "xs", "latents"),
    "log_probs": ("log_probs", "log_prob", "logps"),
}
_STEP = ("g", "a", "h", "eta")

# fmt: off
CAPABILITIES: dict[str, Capability] = {
    "schedule": Capability(("steps",), "steps + 1 levels on your clock, from noise to data"),
    "model_time": Capability(("t",), "what the network is given for t"),
    "path": Capability(("data", "noise", "t"), "x_t"),
    "velocity_target": Capability(("data", "noise", "t"), "v, which the network learns"),
    "data_from_velocity": Capability(("x", "v", "t"), "the predicted data"),
    "noise_from_velocity": Capability(("x", "v", "t"), "the predicted noise"),
    "score": Capability(("x", "v", "t"), "∇ log p_t(x), from the velocity"),
    "velocity_from_score": Capability(("x", "score", "t"), "v"),
    "velocity_from_data": Capability(("x", "data", "t"), "v"),
    "velocity_from_noise": Capability(("x", "noise", "t"), "v"),
    "score_from_data": Capability(("x", "data", "t"), "∇ log p_t(x)"),
    "score_from_noise": Capability(("x", "noise", "t"), "∇ log p_t(x)"),
    "data_from_noise": Capability(("x", "noise", "t"), "the predicted data"),
    "data_from_score": Capability(("x", "score", "t"), "the predicted data"),
    "noise_from_data": Capability(("x", "data", "t"), "the predicted noise"),
    "noise_from_score": Capability(("x", "score", "t"), "the predicted noise"),
    "diffusion": Capability(("t", "s"), "g, one per sample", _STEP),
    "ode_step": Capability(("x", "v", "t", "s"), "x_s of one Euler step", ("h",)),
    "heun_step": Capability(("field", "x", "t", "s"), "x_s of one Heun step", ("h",)),
    "sde_step": Capability(("x", "v", "t", "s", "noise"),
        "x_s; or (mean, std); or (x_s, mean, std); or (x_s, mean, std, log_prob); "
        "in another order a dictionary or named tuple", (*_STEP, "generator"), _STEP_PARTS),
    "log_prob": Capability(("x_s", "mean", "std"), "log N(x_s; mean, std²)",
        ("t", "s", *_STEP)),
    "replay": Capability(("x", "v", "t", "s", "x_s"),
        "the log-probability of a stored x_s under v", _STEP),
    "ratio": Capability(("log_prob", "log_prob_old"), "the ratio, one per sample",
        ("divergence", "std", "mean", "mean_old")),
    "kl": Capability(("mean", "mean_ref", "std"), "the KL, one per sample",
        ("x", "v", "v_ref", "t", "s", "log_prob", "log_prob_ref", *_STEP)),
    "advantages": Capability(("rewards",), "shaped like rewards", ("groups", "group_size")),
    "surrogate": Capability(("ratio", "advantage", "clip"), "one per sample, or their mean",
        ("clip_low", "clip_high")),
    "objective": Capability(("ratio", "advantage", "clip", "kl", "beta"),
        "surrogate and KL together, one per sample, or their mean"),
    "guidance": Capability(("v_uncond", "v_cond", "w"), "the guided velocity"),
    "ode_sampler": Capability(("field", "x", "levels"), "x at the last level, or all states",
        ("steps",), _END_PARTS),
    "sde_sampler": Capability(("field", "x", "levels", "noise"),
        "x at the last level; or all states; or a dictionary with states and log_probs",
        ("steps", "a", "g", "eta", "generator"), _END_PARTS),
}
# fmt: on

OPTIONAL: dict[str, tuple[str, ...]] = {
    "velocity_target": ("t",),
    "sde_step": ("noise",),
    "sde_sampler": ("noise", "levels"),
    "ode_sampler": ("levels",),
    "kl": ("mean", "mean_ref", "std"),
    "diffusion": ("s",),
    "score_from_noise": ("x",),
    "noise_from_score": ("x",),
}
"""Arguments that a function may leave out: the kit then gives others, or does without."""

SAME = {
    "eta": "a",
    "omega": "w",
    "scale": "w",
    "guidance_scale": "w",
    "advantages": "advantage",
    "adv": "advantage",
    "x_t": "x",
    "velocity": "v",
    "noise_level": "a",
    "clip_range": "clip",
    "old_log_prob": "log_prob_old",
    "group_ids": "groups",
    "num_steps": "steps",
    "ref_mean": "mean_ref",
    "uncond": "v_uncond",
    "cond": "v_cond",
}
"""Other names under which an argument is recognised."""
