"""Floor 2: what every training run shares."""

from .recorder import Recorder

__all__ = ["Recorder"]
