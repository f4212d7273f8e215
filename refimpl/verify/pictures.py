"""The pictures of `refimpl.runs.pictures`, for the checks of this floor."""

from ..runs.pictures import curves, histogram, scatter, trajectories

__all__ = ["curves", "histogram", "scatter", "trajectories"]
