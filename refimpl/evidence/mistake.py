"""Named mistakes, each with the equation that it spoils and the cure.

    wrong(...) has the signature of the equation, and is written out here: never derived from it

One list with three readers. Tests plant a mistake and demand that its check finds it; the diagnosis
of `compare` recognises it in somebody's numbers; the docs show what would be wrong. The entries are
in the folder `mistakes`, a file a topic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CLASSIC = "a classic"
"""Seen in: everybody's mistake."""

ONE_NAME = "flow_grpo's kernel, verl-omni, UniRL before its PR 38"
"""Seen in: code in which one name stands for g and for g √h."""

CLOCKS = "whoever ports between data-time (flow_matching, torchcfm) and noise-time (SD3)"
"""Seen in: ports between the two clocks."""


@dataclass(frozen=True)
class Mistake:
    """A mistake that somebody made, or could.

    Attributes:
        name: in words, unique within its equation: `KL without h`.
        equation: the id of the equation that it spoils.
        wrong: the mistaken formula, with the equation's own signature.
        what: what is wrong, in one sentence.
        seen_in: where it was met, or "a classic" where it is everybody's.
        remedy: what to do.
    """

    name: str
    equation: str
    wrong: Callable[..., Any]
    what: str
    seen_in: str
    remedy: str

    @property
    def title(self) -> str:
        """Equation and name: `kl.flow_grpo: KL without h`."""
        return f"{self.equation}: {self.name}"
