"""How a function's arguments are passed: by name where the names are the protocol's.

    bindable("ratio", f)   →   (("log_prob", "log_prob_old"), True)

A name that is not the protocol's is passed by position, in the protocol's order.
"""

import inspect
from collections.abc import Callable
from typing import Any

from .capabilities import CAPABILITIES, SAME
from .naming import CannotRun, nearest


def bindable(capability: str, function: Callable[..., Any]) -> tuple[tuple[str, ...], bool]:
    """The argument names to pass, and whether by name.

    Raises:
        CannotRun: a required argument that the kit does not know.
    """
    known = CAPABILITIES[capability]
    everything = (*known.arguments, *known.more)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return known.arguments, False
    fixed = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    named = [p.name for p in fixed if SAME.get(p.name, p.name) in everything]
    signed = [p.name for p in fixed if p.name in ("dt", "delta_t", "dsigma")]
    if signed and signed[0] not in everything:
        raise CannotRun(
            f"{capability} asks for {signed[0]!r}, whose sign differs between codes: "
            "ask for t and s, or for h = |t − s|"
        )
    strange = [p for p in fixed if p.name not in named and p.default is p.empty]
    positional_only = any(p.kind is p.POSITIONAL_ONLY for p in fixed)
    if not strange and not positional_only:
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            named += [n for n in known.arguments if n not in {SAME.get(m, m) for m in named}]
        if named or not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            return tuple(named), True
    required = [p for p in fixed if p.default is p.empty]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return known.arguments, False
    in_order = all(
        SAME.get(p.name, p.name) == known.arguments[i]
        for i, p in enumerate(required[: len(known.arguments)])
        if SAME.get(p.name, p.name) in everything
    )
    keyword_only = [p for p in strange if p.kind is p.KEYWORD_ONLY]
    if len(required) > len(known.arguments) or not in_order or keyword_only:
        odd = (strange or required)[0].name
        raise CannotRun(
            f"{capability} asks for {odd!r}, which is not an argument of "
            f"it{nearest(odd, everything)}"
        )
    return known.arguments[: len(required)], False
