"""How finely numbers are known: by their type, and by the coarsest type that holds them all.

    u = 2⁻⁵³ float64    2⁻²⁴ float32    2⁻¹¹ float16    2⁻⁸ bfloat16

Values that were rounded to bfloat16 and stored as float32 are still bfloat16 values: the type of a
file says little, its values say it.
"""

import torch
from torch import Tensor

ROUNDOFF: dict[torch.dtype, float] = {
    torch.bfloat16: 2.0**-8,
    torch.float16: 2.0**-11,
    torch.float32: 2.0**-24,
    torch.float64: 2.0**-53,
}
"""Unit roundoff by type, coarsest first."""

NAMES = {2.0**-8: "bfloat16", 2.0**-11: "float16", 2.0**-24: "float32", 2.0**-53: "float64"}
"""The type's name by its unit roundoff."""

HALF = 2.0**-11
"""The finest roundoff that counts as half precision."""

TELLING = 16
"""Values that settle it: sixteen dyadic numbers do not come together by chance."""

_SHORT = 2**-17
"""A float32 that needs more bits than this is a rounded number: a dyadic one is shorter, and a
float64 ends in 29 zeros by chance once in 2²⁹."""


def declared(x: Tensor) -> float:
    """The unit roundoff of the type; integers are exact."""
    return ROUNDOFF.get(x.dtype, 2.0**-53)


def logged(x: Tensor) -> float:
    """The unit roundoff of numbers of a row or a sample: float32 where float64 holds float32 ones.

    Python's own floats become float64 in a file, and hold what a trainer computed in float32. One
    value with a long significand settles it; dyadic numbers (1, ½, rewards that count) tell
    nothing, and are exact in any type. Half precision is never read off so few numbers: a uniform
    grid of 64 levels is exact in bfloat16.
    """
    if x.dtype != torch.float64:
        return declared(x)
    x = x[torch.isfinite(x)]
    single = bool((x.to(torch.float32).double() == x).all())
    return ROUNDOFF[torch.float32] if single and bool(_long(x).any()) else declared(x)


def _long(x: Tensor) -> Tensor:
    """Which numbers have a significand of more than 17 bits."""
    significand = torch.frexp(x).mantissa / _SHORT
    return significand != significand.round()


def effective(x: Tensor, telling: int = TELLING) -> float:
    """The unit roundoff of the coarsest type that holds every value of x.

    Args:
        telling: so many different values must fit a coarser type before it is believed.
    """
    if x.dtype not in ROUNDOFF:
        return 2.0**-53
    x = x[torch.isfinite(x)]
    if len(torch.unique(x)) < telling:
        return logged(x)
    for dtype, u in ROUNDOFF.items():
        if u <= declared(x):
            return declared(x)
        if bool((x.to(dtype).to(x.dtype) == x).all()):
            return u
    return declared(x)
