"""Floor 1: what every equation is held against: second routes, named mistakes, awkward inputs."""

from .compare import Mismatch, compare
from .mistake import Mistake
from .mistakes import mistakes
from .reference import Reference, reference

__all__ = ["Mismatch", "Mistake", "Reference", "compare", "mistakes", "reference"]
