"""Mistakes about guidance: the two scale conventions, and which field is scaled.

Each entry: name, equation, the wrong formula, what is wrong, where it was seen, the remedy.
"""

from ...equations.elementary import sqrt, where
from ..mistake import CLASSIC, Mistake

# fmt: off
MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "difference for sum", "guidance.bayes_score",
        lambda score, classifier_score: score - classifier_score,
        "Steers away from the label.", CLASSIC, "add",
    ),
    Mistake(
        "a_t forgotten", "guidance.classifier",
        lambda v, a, classifier_score, w: v + w * classifier_score,
        "A score added to a velocity: the units differ by a_t.", "score guidance carried to flows",
        "multiply by a_t of the path",
    ),
    Mistake(
        "w − 1 for w", "guidance.classifier_free",
        lambda v_uncond, v_cond, w: (1 + w) * v_cond - w * v_uncond,
        "Ho and Salimans' scale where the notes' was declared: one too much guidance.",
        "two papers, two scales", "convert through conventions.w_from_omega",
    ),
    Mistake(
        "conditional and unconditional swapped", "guidance.classifier_free",
        lambda v_uncond, v_cond, w: w * v_uncond + (1 - w) * v_cond,
        "Steers away from the label.", "the order of the chunks of a doubled batch",
        "unconditional first in diffusers' batch",
    ),
    Mistake(
        "w for ω", "guidance.ho_salimans",
        lambda v_uncond, v_cond, omega: (1 - omega) * v_uncond + omega * v_cond,
        "The notes' scale where the paper's was declared: one too little guidance.",
        "two papers, two scales", "convert through conventions.omega_from_w",
    ),
    Mistake(
        "ω for w", "guidance.diffusers",
        lambda v_uncond, v_cond, guidance_scale: v_cond + guidance_scale * (v_cond - v_uncond),
        "Counted from the conditional field: one too much guidance.", "two papers, two scales",
        "count from the unconditional field",
    ),
    Mistake(
        "conditional and unconditional swapped", "guidance.diffusers",
        lambda v_uncond, v_cond, guidance_scale: v_cond + guidance_scale * (v_uncond - v_cond),
        "Steers away from the label.", "the order of the chunks of a doubled batch",
        "unconditional first in diffusers' batch",
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
        "Precisions add, widths do not.", CLASSIC, "precisions are weighed and added",
    ),
    Mistake(
        "quotient turned round", "guidance.projection", lambda along, squared: squared / along,
        "The multiple is one over what it should be.", CLASSIC, "divide by ‖v(x)‖²",
    ),
    Mistake(
        "cosine", "guidance.projection", lambda along, squared: along / sqrt(squared),
        "Divided by the length, not by its square.", CLASSIC, "divide by ‖v(x)‖²",
    ),
    Mistake(
        "projection forgotten", "guidance.zero_star",
        lambda v_uncond, v_cond, w, projection: (1 - w) * v_uncond + w * v_cond + 0 * projection,
        "Plain guidance.", CLASSIC, "scale v(x) by s",
    ),
    Mistake(
        "conditional velocity scaled", "guidance.zero_star",
        lambda v_uncond, v_cond, w, projection: (1 - w) * v_uncond + w * projection * v_cond,
        "s belongs to the unconditional velocity.", CLASSIC, "(1 − w) s v(x)",
    ),
    Mistake(
        "inverted", "guidance.rescale",
        lambda v_guided, std_cond, std_guided, share:
            v_guided * (share * std_guided / std_cond + 1 - share),
        "The guided velocity grows where it should shrink.", CLASSIC, "std_y over std",
    ),
    Mistake(
        "always whole", "guidance.rescale",
        lambda v_guided, std_cond, std_guided, share: v_guided * std_cond / std_guided + 0 * share,
        "φ is ignored.", CLASSIC, "mix with 1 − φ",
    ),
    Mistake(
        "everywhere", "guidance.interval",
        lambda v_uncond, v_cond, w, t, low, high: (1 - w) * v_uncond + w * v_cond
            + 0 * (t + low + high),
        "The interval is ignored.", CLASSIC, "v(x|y) outside",
    ),
    Mistake(
        "unguided outside", "guidance.interval",
        lambda v_uncond, v_cond, w, t, low, high: where(
            t > high, v_uncond + 0 * (t + low),
            where(t > low, (1 - w) * v_uncond + w * v_cond, v_uncond + 0 * t)),
        "The unconditional field where the conditional one belongs.",
        "guidance turned off by dropping the label", "v(x|y) outside",
    ),
    Mistake(
        "Euler's step", "guidance.plus_plus",
        lambda x, v_uncond, v_cond, strength, step:
            x - (step.t - step.s) * (v_uncond + strength * (v_cond - v_uncond)),
        "Plain guidance with a small scale: the noise is the guided one's.", CLASSIC,
        "the unconditional noise",
    ),
    Mistake(
        "conditional noise", "guidance.plus_plus",
        lambda x, v_uncond, v_cond, strength, step:
            (1 - step.s) * (x - step.t * (v_uncond + strength * (v_cond - v_uncond)))
            + step.s * (x + (1 - step.t) * v_cond),
        "Noised again with the conditional velocity's noise.", CLASSIC, "the unconditional noise",
    ),
)
# fmt: on
