"""Steps without fresh noise, or with nothing but; steps into clean data."""

from ..awkward import Awkward

INPUTS: dict[str, Awkward] = {
    "kernels.preserving": Awkward(
        tie=lambda case: {"std": case["sigma"] * 3 / 4 * (case["std"] > 0)}, edges=({"std": 0.0},)
    ),
    "kernels.cps_std": Awkward(edges=({"eta": 0.0}, {"eta": 1.0}, {"s": 0.0}, {"s": 1.0})),
    "kernels.kept_flow_grpo": Awkward(
        edges=({"t": 1.0, "s": 0.5}, {"t": 0.5, "s": 0.0}, {"t": 1.0, "s": 0.0})
    ),
    "kernels.kept_constant": Awkward(
        tie=lambda case: {"s": case["s"] + (case["s"] == 0) / 128},
        edges=({"g": 0.0}, {"t": 1.0, "s": 0.875}),
    ),
    "kernels.frozen_data": Awkward(edges=({"kept": 0.0}, {"kept": 1.0}, {"s": 0.0}, {"s": 1.0})),
    "kernels.noise_variance": Awkward(
        edges=({"g": 0.0}, {"variance": 0.0}, {"t": 1.0, "s": 0.875})
    ),
    "kernels.posterior_variance": Awkward(edges=({"gap": 0.0}, {"t": 0.0}, {"t": 1.0})),
    "kernels.moment_matched": Awkward(
        tie=lambda case: {"std": case["s"] * 3 / 4 * (case["std"] > 0)},
        edges=({"std": 0.0}, {"variance": 0.0}, {"t": 1.0, "s": 0.875}),
    ),
    "kernels.ddim_std": Awkward(
        edges=({"eta": 0.0}, {"eta": 1.0}, {"t": 1.0, "s": 0.5}, {"t": 0.5, "s": 0.0})
    ),
    "kernels.renoised": Awkward(edges=({"t": 1.0, "s": 0.5}, {"t": 0.5, "s": 0.0})),
}
