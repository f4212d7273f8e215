"""Conversions between data, noise, velocity and score, as implementations write them.

    conversions("score", "linear")   →   "value = -(x + (1 - t) * v) / t", ...

Directly, and by the data and the noise that are predicted on the way; on the linear path, and by
the coefficients of any other: α, σ and their derivatives.
"""

_NOISE_HAT = {
    "v": "noise_hat = x + (1 - t) * v", "score": "noise_hat = -t * score",
    "data": "noise_hat = (x - (1 - t) * data) / t",
}  # fmt: skip
_DATA_HAT = {"v": "data_hat = x - t * v", "noise": "data_hat = (x - t * noise) / (1 - t)"}

CONVERSIONS = {
    "data_from_velocity": ("value = x - t * v",
        f"{_NOISE_HAT['v']}\nvalue = (x - t * noise_hat) / (1 - t)"),
    "noise_from_velocity": ("value = x + (1 - t) * v",
        f"{_DATA_HAT['v']}\nvalue = (x - (1 - t) * data_hat) / t"),
    "score": ("value = -(x + (1 - t) * v) / t", "value = -x / t - (1 - t) / t * v",
        f"{_DATA_HAT['v']}\n{_NOISE_HAT['v']}\nvalue = -noise_hat / t",
        f"{_DATA_HAT['v']}\nvalue = -(x - (1 - t) * data_hat) / t**2"),
    "velocity_from_score": ("value = -(x + t * score) / (1 - t)",
        "value = -x / (1 - t) - (t + t**2 / (1 - t)) * score",
        f"{_NOISE_HAT['score']}\ndata_hat = (x - t * noise_hat) / (1 - t)\n"
        "value = noise_hat - data_hat"),
    "velocity_from_data": ("value = (x - data) / t",
        f"{_NOISE_HAT['data']}\nvalue = noise_hat - data"),
    "velocity_from_noise": ("value = (noise - x) / (1 - t)",
        f"{_DATA_HAT['noise']}\nvalue = noise - data_hat"),
    "score_from_data": ("value = -(x - (1 - t) * data) / t**2",
        f"{_NOISE_HAT['data']}\nvalue = -noise_hat / t"),
    "score_from_noise": ("value = -noise / t",),
    "data_from_noise": ("value = (x - t * noise) / (1 - t)",),
    "data_from_score": ("value = (x + t**2 * score) / (1 - t)",
        f"{_NOISE_HAT['score']}\nvalue = (x - t * noise_hat) / (1 - t)"),
    "noise_from_data": ("value = (x - (1 - t) * data) / t",),
    "noise_from_score": ("value = -t * score",),
    "path": ("value = (1 - t) * data + t * noise",),
    "velocity_target": ("value = noise - data",),
}  # fmt: skip
"""Each conversion in the forms in which it is written on the linear path."""

_PATHS = {
    "cosine": "alpha = cos(pi * t / 2)\nsigma = sin(pi * t / 2)\n"
              "d_alpha = -pi / 2 * sin(pi * t / 2)\nd_sigma = pi / 2 * cos(pi * t / 2)",
    "vp": "alpha = exp(-(t**2 * (20 - 0.1) / 4 + t * 0.1 / 2))\nsigma = sqrt(1 - alpha**2)\n"
          "d_alpha = -alpha * (0.1 + t * (20 - 0.1)) / 2\nd_sigma = -alpha * d_alpha / sigma",
}  # fmt: skip
"""α and σ of other paths, and their derivatives."""

_BOTH = {
    "velocity": "turned = alpha * d_sigma - sigma * d_alpha\n"
                "data_hat = (d_sigma * x - sigma * v) / turned\n"
                "noise_hat = (alpha * v - d_alpha * x) / turned",
    "score": "noise_hat = -sigma * score\ndata_hat = (x - sigma * noise_hat) / alpha",
    "data": "data_hat = data\nnoise_hat = (x - alpha * data) / sigma",
    "noise": "noise_hat = noise\ndata_hat = (x - sigma * noise) / alpha",
}  # fmt: skip
"""Data and noise from what is given."""

_TARGETS = {
    "data": "value = data_hat", "noise": "value = noise_hat", "score": "value = -noise_hat / sigma",
    "velocity": "value = d_alpha * data_hat + d_sigma * noise_hat",
}  # fmt: skip


def conversions(name: str, path: str) -> tuple[str, ...]:
    """A conversion in the forms in which it is written on a path."""
    if path == "linear":
        return CONVERSIONS[name]
    if name in ("path", "velocity_target"):
        by = "d_" * (name != "path")
        return (f"{_PATHS[path]}\nvalue = {by}alpha * data + {by}sigma * noise",)
    target, _, given = ("score_from_velocity" if name == "score" else name).partition("_from_")
    return (f"{_PATHS[path]}\n{_BOTH[given]}\n{_TARGETS[target]}",)
