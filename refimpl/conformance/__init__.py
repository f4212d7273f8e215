"""Floor 2: conformance. Second routes, named mistakes, comparisons that diagnose."""

from ..evidence.compare import Mismatch, compare
from ..evidence.independent import Reference, reference
from ..evidence.mistake import Mistake, mistakes

__all__ = ["Mismatch", "Mistake", "Reference", "compare", "mistakes", "reference"]
