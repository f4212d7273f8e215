"""The pictures of `refimpl.runs.pictures`, for the checks of this floor."""

from ..runs.pictures import Picture, curves, histogram, scatter, trajectories

__all__ = ["Picture", "curves", "histogram", "scatter", "trajectories"]
