"""Floor 2: test vectors: what every equation returns, for implementations in any language.

    one JSON file an equation: inputs, 40 digits, tolerances, known-wrong answers, what to refuse

`reading` and `judging` use them; `writing` makes them from the register, `verifying` compares.
"""

from .judging import Verdict, judge
from .reading import DATA, Test, Vectors, load
from .verifying import Report, verify, verify_all
from .writing import skipped, write, written

__all__ = [
    "DATA",
    "Report",
    "Test",
    "Vectors",
    "Verdict",
    "judge",
    "load",
    "skipped",
    "verify",
    "verify_all",
    "write",
    "written",
]
