"""Numbers for hypothesis, drawn from where a declaration says that an argument may lie.

    @given(of(Velocity), of(Score), of(Diffusion))

They are multiples of 1/16 (levels of 1/64), so that short sums and products are exact in float64.
"""

from typing import Any

from hypothesis import strategies as st

from refimpl.equations.arguments import declaration

_SIXTEENTHS = {
    "real": (-1, 0),
    "nonnegative": (0, 0),
    "ratio": (0, 0),
    "clip": (0, 0),
    "positive": (0, 1),
}
"""The sign of the lower end, and what is added to it."""

_SHARES = {
    "level": (0, 64),
    "level below one": (0, 63),
    "share": (0, 64),
    "inner share": (1, 63),
    "correlation": (-64, 64),
}
"""The ends in 64ths."""


def of(declared: Any, upto: int = 4) -> st.SearchStrategy[float]:
    """Numbers in the domain of a declared argument, none larger than `upto`."""
    name = declaration("a strategy", declared).domain.name
    if name in _SHARES:
        return st.integers(*_SHARES[name]).map(lambda k: k / 64)
    if name == "network time":
        return st.integers(0, 1000).map(float)
    if name == "count":
        return st.integers(1, 16)
    sign, least = _SIXTEENTHS[name]
    return st.integers(sign * 16 * upto + least, 16 * upto).map(lambda k: k / 16)
