"""Floor 4: adapters of real libraries and checkouts, and facts about them."""

from .installed import NotInstalled, library
from .known import CHECKOUTS, INSTALLED, OPTIONAL, known

__all__ = ["CHECKOUTS", "INSTALLED", "OPTIONAL", "NotInstalled", "known", "library"]
