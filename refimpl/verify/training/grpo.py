"""GRPO: a loop whose optimum is known."""

import torch

from ...toy import gaussian_1d
from ...toy import grpo as loop
from .. import pictures
from ..check import Evidence, check

SPREAD = 0.0015
"""Standard deviation over seeds of the averaged end mean, measured (seeds 0 to 23)."""


@check(
    "training",
    covers=("grpo.advantage", "grpo.surrogate", "grpo.objective", "policy.ratio", "kl.of_means"),
    rows=("GRPO-10",),
)
def the_loop_reaches_the_predicted_optimum(seed: int) -> Evidence:
    """Flow-GRPO on N(1.5, 0.25) with reward x: β = 1 and β = 4 lead where theory says."""
    figures, curves = {}, {}
    for beta in (1.0, 4.0):
        settings = loop.Settings(
            loop.EXACT.but(beta=beta), iterations=120, learning_rate=0.04, seed=seed
        )
        problem = gaussian_1d()
        model, history, shifts = loop.train(problem, lambda x: x[:, 0], settings)
        with torch.no_grad():
            model.shift.copy_(loop.averaged(shifts))
        reached = loop.end_law(model, settings.method, settings.grid)
        wanted = loop.predicted(problem, 1.0, settings)
        if not abs(reached.mean - wanted.mean) < 5 * SPREAD:
            raise AssertionError(
                f"beta={beta}: the loop's end has mean {reached.mean:.4f}, "
                f"theory says {wanted.mean:.4f} (±{5 * SPREAD})"
            )
        if max(h.ratio_gap for h in history) > 1e-12:  # replay repeats the same operations
            raise AssertionError("the ratio before the first update of an iteration is not 1")
        figures[f"beta={beta}: end mean reached"] = reached.mean
        figures[f"beta={beta}: end mean predicted"] = wanted.mean
        steps = range(1, len(history) + 1)
        curves[f"β = {beta:g}"] = (tuple(steps), tuple(h.reward for h in history))
    gaps = [
        figures[f"beta={b}: end mean reached"] - figures[f"beta={b}: end mean predicted"]
        for b in (1.0, 4.0)
    ]
    return Evidence(
        f"end mean off its prediction by {gaps[0]:+.4f} (β = 1) and {gaps[1]:+.4f} (β = 4)",
        figures,
        {
            "Flow-GRPO on a Gaussian: mean reward by iteration": pictures.curves(
                curves, x_label="iteration", y_label="mean reward"
            )
        },
    )
