"""The methods that `comparison` compares, each with the equations that make it what it is."""

from dataclasses import dataclass

from ..methods import Method


@dataclass(frozen=True)
class Entry:
    """A method as it is compared.

    Attributes:
        equations: the ids that make it what it is.
        method: kernel, window and weight; None for the likelihood-free ones.
        shared: a group shares its path up to the first noisy step, so that only the noise of the
            noisy steps tells its members apart.
    """

    equations: tuple[str, ...]
    method: Method | None
    shared: bool = False


_SDE, _CPS = ("sde.transition", "sde.flow_grpo_g"), ("kernels.preserving", "kernels.cps_std")
_EXACT = ("kernels.frozen_data", "kernels.kept_flow_grpo")

ENTRIES: dict[str, Entry] = {
    "Flow-GRPO, all steps": Entry(_SDE, Method()),
    "Flow-GRPO-Fast, 2 steps": Entry(_SDE, Method(window="first", size=2)),
    "Flow-GRPO-Fast, 2 steps, path shared": Entry(_SDE, Method(window="first", size=2), True),
    "MixGRPO, steps 1–4": Entry(_SDE, Method(window="sliding", size=4, every=1)),
    "MixGRPO, steps 4–7": Entry(_SDE, Method(window="sliding", size=4, every=1)),
    "constant g = 0.3": Entry(("sde.transition",), Method(kernel="constant", noise=0.3)),
    "CPS, η = 0.8": Entry(_CPS, Method(kernel="cps", noise=0.8)),
    "matched, η = 0.4": Entry(
        ("kernels.moment_matched",), Method(kernel="matched", noise=0.4, data_std=0.5)
    ),
    "exact kernel": Entry(_EXACT, Method(kernel="exact")),
    "exact kernel, levelled": Entry(
        (*_EXACT, "weights.levelled"), Method(kernel="exact", weight="levelled")
    ),
    "Precise, η = 1.5": Entry(
        (*_EXACT, "weights.guard_lever", "weights.guard_log_ratio"),
        Method(
            kernel="exact", noise=1.5, weight="guard_lever", ratio="guard", reduction="average"
        ),
    ),
    "Flow-GRPO, GRPO-Guard": Entry(
        ("weights.guard", "weights.guard_log_ratio"),
        Method(weight="guard", ratio="guard", reduction="average"),
    ),
    "Flow-GRPO, TempFlow weights": Entry(("weights.tempflow",), Method(weight="tempflow")),
    "TempFlow, branch at step 4": Entry(
        ("weights.tempflow",), Method(window="sliding", size=1, every=1, weight="tempflow"), True
    ),
    "Flow-GRPO, levelled": Entry(("weights.levelled",), Method(weight="levelled")),
    "Flow-GRPO, DPPO's mask": Entry(
        ("weights.divergence_mask",), Method(trust="divergence", limit=0.02)
    ),
    "DiffusionNFT": Entry(("forward_process.nft", "forward_process.optimality"), None),
    "AWM": Entry(("forward_process.awm",), None),
}  # fmt: skip
"""What is compared. A sliding window is shown at one place; `PLACES` says which."""

PLACES = {"MixGRPO, steps 4–7": 3, "TempFlow, branch at step 4": 3}
