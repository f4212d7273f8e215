"""Wrong statements, each of a kind that a proof engine might let pass; none is PROVED."""

import dataclasses

import pytest
import sympy as sp

from derivations.engine import Verdict, decide
from derivations.engine.algebra.decide import NotAClaim
from derivations.engine.algebra.symbols import alpha, eps, g, h, score, sigma, std, t, v, x
from derivations.engine.controls import NotSeen, neighbours
from derivations.engine.derivation import Derivation
from derivations.engine.written import (
    Writing,
    densities,
    density,
    field,
    fields,
    indexed,
    number,
    of_time,
    pairs,
    posterior_mean,
    settle,
    weights,
)
from derivations.run import load, prove

f, k = sp.Function("f"), sp.Function("k", real=True)
u, p = sp.Function("u", real=True), sp.Function("p", positive=True)
y = sp.Symbol("y", real=True)
plain, other = sp.Symbol("x"), sp.Symbol("x", positive=True)


# ---------------------------------------------------------------- single claims

TRUE_IF_ONE_LOOKS_CLOSER = {
    "values at one place, written in two ways": (k(sp.sin(x) ** 2 + sp.cos(x) ** 2), k(1)),
    "a mixed derivative at two shifted arguments": (
        sp.diff(u(x + h, t * sp.exp(x) * sp.exp(-x)), x, t),
        sp.diff(u(x, t), x, t).subs(x, x + h),
    ),
    "a mixed derivative whose places are roots": (
        sp.Subs(sp.diff(u(x, y), x, y), (x, y), (sp.sqrt(t) + h, sp.cos(v) ** 2)),
        sp.Subs(sp.diff(u(x, y), x, y), (x, y), (h + sp.sqrt(t), 1 - sp.sin(v) ** 2)),
    ),
}


@pytest.mark.parametrize("name", TRUE_IF_ONE_LOOKS_CLOSER)
def test_a_true_statement_is_never_refuted(name):
    assert decide(*TRUE_IF_ONE_LOOKS_CLOSER[name]).verdict is not Verdict.REFUTED


def test_mixed_derivatives_at_two_shifted_arguments_are_told_apart():
    shifted = sp.diff(u(x + h, t + y), x, t)
    assert decide(shifted, sp.diff(u(x + h, t + y), t, x)).verdict is Verdict.PROVED
    other = sp.diff(u(x + h, t + 2 * y), x, t)
    assert decide(shifted, other).verdict is Verdict.REFUTED


WRONG = {
    "two symbols of one name": (k(plain), k(other)),
    "two symbols of one name, alone": (plain, other),
    "a complex function times its conjugate": (f(x) * sp.conjugate(f(x)), f(x) ** 2),
    "a complex number's square": (plain * sp.conjugate(plain), plain**2),
    "a function of another function's name": (k(x), sp.Function("k", positive=True)(x)),
    "arguments exchanged": (u(x, t), u(t, x)),
    "a derivative at another point": (sp.diff(k(x), x), sp.diff(k(y), y)),
    "a derivative by another argument": (sp.diff(u(x, y), x), sp.diff(u(x, y), y)),
    "a derivative of another order": (sp.diff(k(x), x), sp.diff(k(x), x, 2)),
    "a shifted value": (k(x + h), k(x) + h * sp.diff(k(x), x)),
    "a shifted derivative": (sp.diff(k(x), x).subs(x, x + h), sp.diff(k(x), x)),
    "the chain rule forgotten": (sp.diff(k(x**2), x), sp.diff(k(y), y).subs(y, x**2)),
    "nearly equal arguments": (k((x + 1) ** 2), k(x**2 + 2 * x + sp.Rational(1001, 1000))),
    "a root of a square": (sp.sqrt(x**2), x),
    "a root of a square, the other sign": (sp.sqrt(x**2), -x),
    "a root over real numbers": ((sp.sqrt(x) + 1) * (sp.sqrt(x) - 1), x - 1),
    "a root of a product": (sp.sqrt(x * y), sp.sqrt(x) * sp.sqrt(y)),
    "a logarithm of a square": (sp.log(x**2), 2 * sp.log(x)),
    "a logarithm of a product": (sp.log(x * y), sp.log(x) + sp.log(y)),
    "a power of a power": ((x**2) ** sp.Rational(3, 2), x**3),
    "an exponential linearised": (sp.exp(x), 1 + x + x**2 / 2),
    "a sum of exponentials": (sp.exp(x + y), sp.exp(x) + sp.exp(y)),
    "a product rule without its second term": (sp.diff(x * k(x), x), x * sp.diff(k(x), x)),
    "a score without its density": (sp.diff(sp.log(p(x)), x), sp.diff(p(x), x)),
    "a square pulled out of a logarithm": (sp.log(g) ** 2, sp.log(g**2)),
    "equal to a thousandth": (t, t * sp.Rational(1000, 999)),
    "equal to sixty digits": (sp.pi, sp.Rational(sp.N(sp.pi, 60))),
    "equal at integers": (sp.sin(sp.pi * x), sp.Integer(0)),
    "equal at 0 and 1": (x**2, x),
    "equal at small integers": (x * (x - 1) * (x + 1) * (x - 2), sp.Integer(0)),
    "an absolute value": (sp.Abs(x), x),
    "a minimum": (sp.Min(x, y), x),
    "a clip without its lower half": (sp.Min(sp.Max(x, -g), g), sp.Min(x, g)),
    "half of a sum": ((alpha + sigma) ** 2, alpha**2 + sigma**2),
    "a sign": (alpha * score - sigma * v, sigma * v - alpha * score),
    "a variance that is no square": (std**2, std),
    "an inverse": (1 / (t + h), 1 / t + 1 / h),
    "a shared denominator": (t / (t + h) + h / (t + h), t + h),
    "an imaginary unit": (sp.sqrt(-g), sp.sqrt(g)),
    "a Bessel function": (sp.besselj(0, x), sp.besselj(1, x)),
    "a moment": (eps**2, sp.Integer(1)),
}  # fmt: skip


@pytest.mark.parametrize("doubtful", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_claim_is_not_proved_in_whatever_order_it_is_tried(name, doubtful):
    left, right = WRONG[name]
    first = decide(left, right, doubtful=doubtful).verdict
    assert first is not Verdict.PROVED
    assert decide(left, right, doubtful=not doubtful).verdict is first


RIGHT = {
    "equal arguments, written otherwise": (k((x + 1) ** 2), k(x**2 + 2 * x + 1)),
    "equal arguments, one a fraction": (k((x**2 - 1) / (x - 1)), k(x + 1)),
    "mixed derivatives": (sp.diff(u(x, y), x, y), sp.diff(u(x, y), y, x)),
    "a derivative at one point, written twice": (
        sp.diff(k(x), x).subs(x, (h + t) ** 2),
        sp.diff(k(y), y).subs(y, h**2 + 2 * h * t + t**2),
    ),
    "the chain rule": (sp.diff(k(2 * x), x), 2 * sp.diff(k(y), y).subs(y, 2 * x)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_true_claim_about_arbitrary_functions_is_proved(name):
    assert decide(*RIGHT[name]).verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (k(sp.Float(0.1 + 0.2)), k(sp.Float(0.3))),
        (x * 0.5, x / 2),
        (sp.oo + x, sp.oo),
        (sp.nan, sp.nan),
        (x > 0, x > 0),
    ],
)
def test_what_is_no_exact_statement_about_numbers_is_refused(left, right):
    with pytest.raises(NotAClaim):
        decide(left, right)


def test_a_removable_singularity_is_stated_and_not_all_values():
    z = sp.Symbol("z", real=True)
    assert decide((z**2 - 1) / (z - 1), z + 1).where == (z - 1,)
    assert decide((z**2 - 1) / (z - 1), z + 1).verdict is Verdict.PROVED
    assert decide((g**2 - 1) / g, g - 1 / g).where == ()  # g > 0 was declared


# ---------------------------------------------------------------- lines of chains


def _verdicts(chain):
    return [settle(before, line, chain.dimensions).verdict for before, line in pairs(chain)]


VECTORS = Writing(p=density(), v=field(), u=field(), g=of_time(), r=indexed())
ATOMS = Writing(w=weights(), k=densities(), y=fields(), a=number())
ATOMS.bind(E=posterior_mean(ATOMS("w"), ATOMS("k")))
SCALARS = Writing(z=number())

WRONG_LINES = [
    (VECTORS, "dot(u, v)**2", "norm2(u) * norm2(v)"),  # true in one dimension
    (VECTORS, "div(p * v)", "p * div(v)"),
    (VECTORS, "lap(p)", "div(p * grad(p))"),
    (VECTORS, "grad(log(p))", "grad(p)"),
    (VECTORS, "-div(p*v) + g**2 * lap(p)", "-div(p * (v - g**2/2 * grad(log(p))))"),
    (VECTORS, "SDE(v, g)", "SDE(v, 2*g)"),
    (VECTORS, "SDE(v, g)", "SDE(v + u, g)"),
    (VECTORS, "sum(r)", "mean(r)"),
    (VECTORS, "std(r)", "std(2*r)"),
    (VECTORS, "v", "norm2(v)"),  # not of one kind
    (ATOMS, "E(norm2(y))", "norm2(E(y))"),
    (ATOMS, "E(a*y)", "a**2*E(y)"),
    (SCALARS, "E(eps, eps**4)", "1"),
    (SCALARS, "E(eps, exp(eps))", "1"),
    (SCALARS, "KL(N(x, std**2), N(v, std**2))", "(x - v)**2/std**2"),
    (SCALARS, "KL(N(x, std**2), N(v, g**2))", "KL(N(v, g**2), N(x, std**2))"),
    (SCALARS, "N(x, g**2*h)", "N(x, g*h)"),
    (SCALARS, "sde.drift(v, score, g)", "sde.forward_drift(v, score, g)"),
    (SCALARS, "z**2", "<= z**2 - 1"),
    (SCALARS, "z", "<= z**2"),
    (SCALARS, "g*z == x", "=> z == x*g"),
    (SCALARS, "z**2 == x**2", "=> z == x"),
]


@pytest.mark.parametrize(("w", "before", "after"), WRONG_LINES)
def test_a_wrong_line_is_not_proved(w, before, after):
    chain = w.chain(before, (after, "wrong on purpose"))
    assert Verdict.PROVED not in _verdicts(chain)


@pytest.mark.parametrize(
    ("before", "after"),
    [("0", "<= (z - x)**2"), ("2*z*x", "<= z**2 + x**2"), ("g*z == x", "=> z == x/g")],
)
def test_an_inequality_and_an_implication_are_proved(before, after):
    assert _verdicts(SCALARS.chain(before, (after, "right"))) == [Verdict.PROVED]


# ---------------------------------------------------------------- whole proofs


@dataclasses.dataclass(frozen=True)
class Handed(Derivation):
    """A derivation of `sde.drift` that is handed another function."""

    function: object = None

    def productions(self):
        """The function under test."""
        return [self.function or load()[self.id].productions()[0]]


def _proof(lines, function=None, special=None):
    return prove(Handed("sde.drift", ("sde.drift",), (), (), {}, lines, special or {}, function))


def drift(v, score, g):
    """What is right."""
    return v - g**2 / 2 * score


def in_a_loop(v, score, g):
    """A formula that no neighbour sees."""
    for _ in range(1):
        v = v - g**2 / 2 * score
    return v


def in_a_branch(v, score, g):
    """A formula inside a branch."""
    if score is not None:
        return v - g**2 / 2 * score
    return v


def in_place(v, score, g):
    """A formula that is taken away in place."""
    out = v
    out -= g**2 / 2 * score
    return out


def in_a_comprehension(v, score, g):
    """A formula inside a comprehension."""
    return sum([v, -(g**2) / 2 * score][i] for i in range(2))


def at_one_and_two(v, score, g):
    """Right at g = 1 and g = 2."""
    return v - (3 * g / 2 - 1) * score


def tautology(production):
    """The function is itself."""
    yield Writing().chain("sde.drift(v, score, g)", ("sde.drift(v, score, g)", "itself"))


def _chain(first, *lines, **options):
    def proof(production):
        yield Writing().chain(first, *lines, **options)

    return proof


TRUE = ("v - score*g**2/2", "by hand")


def test_a_true_chain_is_a_proof():
    assert _proof(_chain("sde.drift(v, score, g)", TRUE)).problems == ()


@pytest.mark.parametrize("function", [drift, in_a_loop, in_a_branch, in_place, in_a_comprehension])
def test_a_tautology_proves_nothing(function):
    assert not _proof(tautology, function).proved


def test_a_loop_and_a_comprehension_are_refused():
    for function in (in_a_loop, in_a_comprehension):
        with pytest.raises(NotSeen, match="write the formula without it"):
            list(neighbours(function))
        assert "NotSeen" in " ".join(
            _proof(_chain("sde.drift(v, score, g)", TRUE), function).problems
        )


def test_a_branch_and_an_assignment_in_place_have_neighbours():
    assert any("score" in n.source and "3" in n.source for n in neighbours(in_a_branch))
    changed = {n.source for n in neighbours(in_place)}
    assert "out += g ** 2 / 2 * score" in changed
    assert "pass" in changed


def test_a_formula_seen_at_special_values_only_is_refused():
    def lines(production):
        w = Writing()
        yield w.chain("sde.drift(v, score, 1)", ("v - score/2", "g = 1"))
        yield w.chain("sde.drift(v, score, 2)", ("v - 2*score", "g = 2"))

    problems = _proof(lines, at_one_and_two).problems
    assert "sde.drift, g is shown for special values only" in problems
    named = _proof(lines, at_one_and_two, {"g": "1 and 2"})
    assert not any("special values" in problem for problem in named.problems)
    assert named.special == (("g", "1 and 2"),)


def test_a_line_taken_at_special_values_only_is_refused():
    def lines(production):
        w = Writing()
        yield w.chain("at(sde.drift(v, score, g), g, 1)", ("v - score/2", "g = 1"))
        yield w.chain("at(sde.drift(v, score, g), g, 2)", ("v - 2*score", "g = 2"))

    assert "sde.drift, g is shown for special values only" in _proof(lines, at_one_and_two).problems


WRONG_CHAINS = {
    "a line that prints like the one before": (
        _chain("sde.drift(v, score, g)", ("v - g**2/2*score", "the same once more")),
        "prints like the one before",
    ),
    "a line wider than the page": (
        _chain(
            "sde.drift(v, score, g)",
            ("v - g**2/2*score" + " + x - x" * 24, "add and subtract, far too often"),
        ),
        "letters wide",
    ),
    "a chain that never calls its production": (
        _chain("v + v", ("2*v", "collect")),
        "never called",
    ),
    "a claim that is undecidable": (
        _chain("sde.drift(v, score, g)", ("integral(exp(-x**4), x, 0, h)", "who knows")),
        "UNDECIDED",
    ),
    "a name that is bound to nothing": (
        _chain("sde.drift(v, score, g)", ("v - g**2/2*scoer", "a slip of the pen")),
        "did you mean score",
    ),
    "a rounded number": (
        _chain("sde.drift(v, score, g)", ("v - 0.5*g**2*score", "a half")),
        "no '0.5'",
    ),
    "a wrong line": (
        _chain("sde.drift(v, score, g)", ("v - g**2*score", "a whole one")),
        "REFUTED: a whole one",
    ),
}


@pytest.mark.parametrize("name", WRONG_CHAINS)
def test_a_chain_that_is_none_fails_in_one_line(name):
    lines, said = WRONG_CHAINS[name]
    problems = _proof(lines).problems
    assert any(said in problem for problem in problems)
    assert not any("\n" in problem for problem in problems)


def test_a_line_without_a_rule_is_refused():
    with pytest.raises(ValueError, match="without a rule"):
        Writing().chain("v", ("v + 0", " "))
    with pytest.raises(ValueError, match="at least two lines"):
        Writing().chain("v")
