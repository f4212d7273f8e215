"""Equal laws, equal velocities, estimators near zero."""

from ..awkward import NEAR_NOISE, Awkward, grid

_CHAIN = {
    "shift": grid([[0.5, 0.375], [-0.25, 1.0], [1.5, -0.75], [0.125, 2.0]]),
    "std": grid([[0.75, 0.25], [0.5, 1.5], [0.3125, 0.625], [1.25, 0.875]]),
    "carried": grid([[0.25, 0.75], [-0.5, 0.125], [0.875, -1.25], [1.0, 0.5]]),
    "start": 0.375,
}
_MOVED = ("shift", "std")
_SPREAD = ("std", "carried", "start")

INPUTS: dict[str, Awkward] = {
    "kl.gaussian": Awkward(
        edges=({"p_std": 0.5, "q_std": 0.5}, {"p_mean": 1.0, "q_mean": 1.0}),
        further=({"p_std": 0.5, "q_std": 0.50390625, "p_mean": 1.0, "q_mean": 1.0},),
    ),
    "kl.of_means": Awkward(edges=({"mean": 1.0, "mean_ref": 1.0}, {"std": 2.0**-7})),
    "kl.flow_grpo": Awkward(
        edges=({"v": 1.0, "v_ref": 1.0}, {"t": 1.0}, {"t": 2.0**-7, "h": 2.0**-7}),
        further=({"t": NEAR_NOISE}, {"v": 1.0, "v_ref": NEAR_NOISE}, {"h": 2.0**-10}),
    ),
    "kl.trajectory": Awkward(whole=({k: _CHAIN[k] for k in _MOVED},)),
    "kl.images": Awkward(whole=(_CHAIN, {**_CHAIN, "start": 0.0})),
    "kl.seen": Awkward(
        whole=({k: _CHAIN[k] for k in _SPREAD}, {k: _CHAIN[k] for k in _SPREAD} | {"start": 0.0})
    ),
    "kl.k1": Awkward(edges=({"log_ratio": 0.0},)),
    "kl.k2": Awkward(edges=({"log_ratio": 0.0},)),
    "kl.k3": Awkward(
        edges=({"log_ratio": 0.0}, {"log_ratio": 2.0**-7}, {"log_ratio": -8.0}),
        further=({"log_ratio": 2.0**-14}, {"log_ratio": -(2.0**-7)}),
    ),
}
