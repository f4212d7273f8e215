"""Floor 0: values held to the annotations that they are declared with, in settings and in calls."""

from .calls import held
from .settings import typed

__all__ = ["held", "typed"]
