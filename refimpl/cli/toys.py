"""Settings of `train toy` from the command line: names known, values typed, as for `train sd3`."""

import json
import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, get_type_hints


def settings(problem: str, pairs: Iterable[str]) -> dict[str, Any]:
    """KEY=VALUE pairs for a problem; values are JSON, or text.

    Raises:
        ValueError: no equals sign, a name that does not exist (the nearest is named), a value of
            another kind, NaN or an infinity.
    """
    from ..sd3.settings.overrides import typed, unknown

    kinds = _kinds(problem)
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise ValueError(f"--set takes KEY=VALUE, got {pair!r}")
        if key not in kinds:
            raise ValueError(unknown(key, kinds, f"there are {', '.join(kinds)}"))
        value = typed(kinds[key], _value(text), key)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{key} must be finite, got {value!r}")
        found[key] = value
    return found


def _kinds(problem: str) -> dict[str, Any]:
    """Every setting by name, with its annotation: the loop's, the method's, the problem's own."""
    from ..methods import Method
    from ..toy.grpo.settings import Settings
    from ..toy.grpo.tasks import OPTIONS

    kinds: dict[str, Any] = {key: type(value) for key, value in OPTIONS[problem].items()}
    for owner in (Settings, Method):
        hints = get_type_hints(owner)
        kinds |= {f.name: hints[f.name] for f in fields(owner) if f.init and f.name != "method"}
    return kinds


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
