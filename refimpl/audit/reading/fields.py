"""What a dump may hold: names, shapes, meanings.

    latents (N, ...)     rows (N,)     samples (B,)

N counts rows: a row is one denoising step of one sample. `...` are the latent's own dimensions,
D numbers together.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["latent", "row", "sample"]


@dataclass(frozen=True)
class Quantity:
    """A name that the audit knows.

    Attributes:
        kind: one latent per row, one number per row, or one number per sample.
        unit: of its values.
        meaning: in words.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


_ALL = (
    Quantity("x_t", "latent", "data", "the latent before the step"),
    Quantity("x_s", "latent", "data", "the latent after the step, as replay will read it"),
    Quantity("t", "row", "level", "noise level before the step: 1 is noise, 0 is data"),
    Quantity("s", "row", "level", "noise level after the step, below t"),
    Quantity("v", "latent", "data/level", "velocity that made the step, guidance included"),
    Quantity("v_ref", "latent", "data/level", "the reference policy's velocity at (x_t, t)"),
    Quantity("v_old", "latent", "data/level", "the sampler's velocity, where v is the learner's"),
    Quantity("v_cond", "latent", "data/level", "velocity with the prompt, before guidance"),
    Quantity("v_uncond", "latent", "data/level", "velocity without it, before guidance"),
    Quantity("mean", "latent", "data", "mean of the step's Gaussian"),
    Quantity("mean_ref", "latent", "data", "the same from v_ref"),
    Quantity("std", "row", "data", "standard deviation of the whole step, g √h"),
    Quantity("g", "row", "data/√level", "diffusion coefficient of the SDE"),
    Quantity("noise", "latent", "1", "the ε that was drawn, x_s = mean + std ε"),
    Quantity("log_prob", "row", "nats", "log-probability of x_s under v, over all coordinates"),
    Quantity("log_prob_old", "row", "nats", "the same under the policy that sampled"),
    Quantity("ratio", "row", "1", "p/p_old as it entered the loss"),
    Quantity("kl", "row", "nats", "the divergence from the reference, as it entered the loss"),
    Quantity("loss", "row", "reward std", "what was minimised, per row or averaged"),
    Quantity("step", "row", "count", "index of the step in its rollout"),
    Quantity("batch", "row", "count", "index of the call that recorded the row"),
    Quantity("rewards", "sample", "reward", "one per sample, (B,), or (prompts, G)"),
    Quantity("groups", "sample", "id", "which samples share a baseline: equal ids"),
    Quantity("advantages", "sample", "reward std", "what the rewards became"),
)

FIELDS: dict[str, Quantity] = {q.name: q for q in _ALL}
"""Every known name."""
