"""How many rounding errors a formula may show, in units of what its arguments explain.

    |result − exact|  ≤  8 · (unit roundoff) · (condition)

The condition is how far the exact result moves per unit of relative rounding error in each argument
and in the result itself; it is measured by nudging, with 50 digits. Terms inside a formula that
cancel are no excuse: where they would, the formula is written with `expm1` and its like (see
`equations.elementary`), and `cancelling` measures every equation at such places.
"""

ROUNDINGS = 8
"""The rounding errors allowed for: the longest chain of dependent operations in a closed form has
eight, and each errs by at most one unit roundoff of a term that the condition accounts for."""
