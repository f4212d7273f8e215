"""One step of a sampler's rule, written out: from x at t to x_s at s, with v from the field.

    stages(inputs, conventions)   →   Program, Program, ...

In each form that it is written in, the usual one first.
"""

from ..adapter.conventions import Conventions
from .program import Program, written
from .values import Inputs
from .written import EULER, STAGES, transition


def stages(i: Inputs, c: Conventions) -> list[Program]:
    """One step of a loop's rule, from x at t to x_s at s, in each form that it is written in."""
    if "noise" not in i:
        plain = [written(STAGES[c["ode_method"]], x_s="x_s")]
        return [*plain, *_by_ends()] if c["ode_method"] == "euler" else plain
    texts = transition({"t": i["levels"], "s": i["levels"][:-1]}, c)
    return [written(f"v = field(x, t)\n{text}\nx_s = mean + std * noise", x_s="x_s")
            for text in texts]  # fmt: skip


def _by_ends() -> list[Program]:
    """Euler's step by the ends that it predicts."""
    return [written(f"v = field(x, t)\n{text.replace('value', 'x_s')}", x_s="x_s")
            for text in EULER[1:]]  # fmt: skip
