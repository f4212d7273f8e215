"""Floor 2: conformance. Second routes, named mistakes, comparisons that diagnose."""

from .compare import Mismatch, compare
from .independent import Reference, reference
from .zoo import Mistake, mistakes

__all__ = ["Mismatch", "Mistake", "Reference", "compare", "mistakes", "reference"]
