"""The data that whole samplers are asked for, and the exact field that leads there.

    data ~ N(m, s²),  x_t = α data + σ noise       E[data | x] = m + α s²/(α² s² + σ²) (x − α m)

Any coefficients, so one target serves flow, variance-preserving and variance-exploding paths.
"""

from typing import Any

from .chain import Field, Law

DATA = Law(2.0, 0.5)
"""The data's law. Its mean is far from 0, where the noise is centred, and its spread is not 1."""


def denoised(x: Any, alpha: Any, sigma: Any, data: Law = DATA) -> Any:
    """E[data | x] = m + α s²/(α² s² + σ²) (x − α m)."""
    variance = data.std**2
    return data.mean + alpha * variance / (alpha**2 * variance + sigma**2) * (x - alpha * data.mean)


def noise_of(x: Any, alpha: Any, sigma: Any, data: Law = DATA) -> Any:
    """E[noise | x] = σ/(α² s² + σ²) (x − α m)."""
    return sigma / (alpha**2 * data.std**2 + sigma**2) * (x - alpha * data.mean)


def score(x: Any, t: Any, data: Law = DATA) -> Any:
    """∇ log p_t = −(x − (1 − t) m)/((1 − t)² s² + t²) on the straight path, t = 0 included."""
    return -(x - (1 - t) * data.mean) / ((1 - t) ** 2 * data.std**2 + t**2)


def velocity(data: Law = DATA) -> Field:
    """v(x, t) = E[noise − data | x] on the straight path, t the noise level."""
    return lambda x, t: noise_of(x, 1 - t, t, data) - denoised(x, 1 - t, t, data)


def marginal(level: float, data: Law = DATA) -> Law:
    """p_t on the straight path: N((1 − t) m, (1 − t)² s² + t²)."""
    return Law((1 - level) * data.mean, ((1 - level) ** 2 * data.std**2 + level**2) ** 0.5)
