"""Expectations under N(0, 1) as linear functionals: a table of moments instead of an integral.

    E[ε^(2k)] = (2k − 1)!!,   odd moments vanish          E[exp(bε)] = exp(b²/2)

Exact for polynomials in ε and for exponentials of linear functions of it, which is all that
Gaussian steps need. Independent ε's factorise, so several are integrated one after another.
"""

import sympy as sp


def expectation(expression: sp.Expr, eps: sp.Symbol) -> sp.Expr:
    """E[expression] over eps ~ N(0, 1).

    Raises:
        ValueError: the expression is neither a polynomial in eps nor exp of a linear function of
        it.
    """
    total = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(expression, power_exp=False)):
        factor, power = sp.powsimp(term, combine="exp").as_independent(eps, as_Add=False)
        if power.func is sp.exp:
            exponent = sp.Poly(sp.expand(power.args[0]), eps)
            if exponent.degree() > 1:
                raise ValueError(f"no closed form for the expectation of {power}")
            slope, offset = exponent.coeff_monomial(eps), exponent.coeff_monomial(1)
            total += factor * sp.exp(offset + slope**2 / 2)
        else:
            if not power.is_polynomial(eps):
                raise ValueError(f"no moment table for {power}")
            degree = sp.degree(power, eps) if power.has(eps) else 0
            total += factor * (0 if degree % 2 else sp.factorial2(degree - 1))
    return total


def variance(expression: sp.Expr, eps: sp.Symbol) -> sp.Expr:
    """E[expression²] − E[expression]² over eps ~ N(0, 1)."""
    return expectation(expression**2, eps) - expectation(expression, eps) ** 2
