"""The paper's KL in both of its forms."""

from ...equations import kl
from ..check import Evidence, check
from ..identities import draw, levels, report, same, step_of


@check(
    "numbers",
    covers=("kl.of_means", "kl.flow_grpo", "kl.gaussian", "kl.without_h", "sde.transition"),
    rows=("GRPO-8",),
)
def two_forms_of_the_kl(seed: int) -> Evidence:
    """KL of two steps = (mean difference)²/(2 std²) = the paper's; without h, h times smaller."""
    d = draw(seed, "x", "v", "v_ref")
    t, s, g = levels()
    h = t - s
    p, q = step_of(d["x"], d["v"]), step_of(d["x"], d["v_ref"])
    eq_3 = kl.flow_grpo(d["v"], d["v_ref"], g, t, h)
    # the difference of two means cancels: each is rounded at its own size
    size = (p.mean - q.mean).abs() * (p.mean.abs() + q.mean.abs()) / p.std**2
    means = kl.of_means(p.mean, q.mean, p.std)
    return report({
        "both forms": same("the paper's KL, both forms", means, eq_3, largest=size),
        "general KL": same("general Gaussian KL", kl.gaussian(p, q), means, largest=size + 1),
        "without h": same(
            "the field's variant", kl.without_h(p.mean, q.mean, g), eq_3 * h, largest=size * h
        ),
    })  # fmt: skip
