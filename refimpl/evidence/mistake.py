"""The zoo: mistakes with names, each with the equation that it spoils and the cure.

    wrong(...) has the signature of the equation, and is written out here: never derived from it

One list with three readers. Tests plant a mistake and demand that its check finds it; the diagnosis
of `compare` recognises it in somebody's numbers; the docs show what would be wrong. The entries are
in the modules `zoo_*`, by topic.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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


def mistakes(equation_id: str | None = None) -> tuple[Mistake, ...]:
    """All named mistakes, or those of one equation."""
    from ..conformance import zoo_conventions, zoo_conversions, zoo_forward_process, zoo_gaussian, zoo_kernels, zoo_kl, zoo_learning, zoo_paths, zoo_policy, zoo_processes, zoo_sde, zoo_weights

    cages = (
        zoo_gaussian, zoo_paths, zoo_conversions, zoo_sde, zoo_kl, zoo_policy, zoo_conventions,
        zoo_processes, zoo_learning, zoo_kernels, zoo_weights, zoo_forward_process,
    )  # fmt: skip
    every = (m for cage in cages for m in cage.MISTAKES)
    return tuple(m for m in every if equation_id in (None, m.equation))
