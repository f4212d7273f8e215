"""What laws of exp, ln and sqrt a lemma needs, found by sympy and proved by Coq.

    exp(a + 2 b)  =  exp(a) exp(b)²         by exp_law (a + INR 2 * b)
    ln(a² / b)    =  2 ln a − ln b          by ln_law (a ^ 2 * / b)
    sqrt(a² b)    =  a sqrt(b)              where a ≥ 0

A hint is not trusted: it becomes an `assert` that Coq has to prove before it may be used.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy as sp

from .raw import settled
from .terms import APPLIED, ATOM, PRODUCT, SUM, Names, term

LONG = 12
"""Terms beyond which an exponent is not multiplied out."""

LARGE = 120
"""Operations beyond which an expression is not factored: a determinant takes minutes."""

HALF = sp.Rational(1, 2)


@dataclass
class Hints:
    """The asserts of a proof.

    Attributes:
        asserts: what is known of each atom, as (left, right, tactic).
        roots: what stands under the roots that remain, each with a product that is not negative
            and the positive factor that it has besides.
        circles: the angles whose sines and cosines remain.
        seen: the text of what stands under a root or a logarithm, by its value.
        squared: whether powers of roots stand there, which are to go before roots are split.
    """

    asserts: list[tuple[str, str, str]] = field(default_factory=list)
    roots: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    circles: list[str] = field(default_factory=list)
    seen: dict[sp.Expr, str] = field(default_factory=dict)
    squared: bool = False

    def by_squares(self) -> list[str]:
        """The sentences where no root is split: what is under a squared root comes out of it."""
        kept = [known for known in self.asserts if not known[0].startswith("sqrt")]
        return [*Hints(kept, circles=self.circles).script(), "squared"] if self.squared else []

    def script(self) -> list[str]:
        """The sentences of the proof, before the last: inner atoms first."""
        rewrites = [f"try rewrite A{n} in *" for n in reversed(range(len(self.asserts)))]
        return self.facts() + rewrites

    def rewrites(self) -> str:
        """What is known of each atom, put in."""
        return "; ".join(f"try rewrite A{n}" for n in reversed(range(len(self.asserts)))) or "idtac"

    def facts(self) -> list[str]:
        """What is known of roots, angles and atoms, each with its proof."""
        sentences = []
        for n, (under, whole, factor) in enumerate(self.roots.values()):
            part = f"apply (part {whole} {factor} {under}); [ pos | pos | plainly ]"
            sentences.append(f"assert (N{n} : 0 <= {under}) by first [ pos | {part} ]")
            sentences.append(f"pose proof (sqrt_sqrt {under} N{n}) as Q{n}")
        sentences += [
            f"pose proof (cos_square {text}) as Q{len(self.roots) + n}"
            for n, text in enumerate(self.circles)
        ]
        ordered = sorted(self.asserts, key=lambda a: len(a[0]))
        for n, (left, right, tactic) in enumerate(ordered):
            within = left + right if left.startswith("sqrt") else left
            inner = [f"A{i}" for i in range(n) if ordered[i][0] in within]
            before = "".join(f"try rewrite {name}; " for name in reversed(inner))
            sentences.append(f"assert (A{n} : {left} = {right}) by ({before}{self._with(tactic)})")
        return sentences

    def _with(self, tactic: str) -> str:
        return tactic.replace("ALGEBRA", self.algebra())

    def algebra(self) -> str:
        """The tactic for what is left: field arithmetic modulo the squares of roots."""
        count = len(self.roots) + len(self.circles)
        if not count:
            return "plainly"
        known = " ".join(f"Q{n}" for n in range(count))
        return (
            f"first [ algebra | ring [{known}] | field [{known}]; sides | squares; algebra"
            " | plainly ]"
        )


def hints(sides: list[sp.Expr], names: Names) -> Hints:
    """The hints for the sides of a lemma, in letters."""
    found = Hints()
    atoms = list(dict.fromkeys(atom for side in sides for atom in _atoms(side)))
    units = _units(atoms)
    told = set()
    for atom in atoms:
        made = _told(atom, units, names, found)
        if made is not None and made[0] not in told and made[0] != made[1]:
            told.add(made[0])
            found.asserts.append(made)
    found.squared = any(_is_power_of_root(p) for side in sides for p in side.atoms(sp.Pow))
    return found


def _is_power_of_root(e: sp.Pow) -> bool:
    """(√a)ⁿ or a root in a square, n > 1."""
    return bool(e.exp.is_Integer and e.exp > 1 and any(p.exp == HALF for p in e.atoms(sp.Pow)))


def _atoms(e: sp.Expr) -> Iterator[sp.Expr]:
    """Exponentials, logarithms, roots and circular functions, the outermost first."""
    for node in sp.preorder_traversal(e):
        if isinstance(node, (sp.exp, sp.log, sp.sin, sp.cos)):
            yield node
        elif isinstance(node, sp.Pow) and not isinstance(node.exp, sp.Integer):
            root = isinstance(node.exp, sp.Rational) and node.exp.q == 2
            yield sp.Pow(node.base, HALF, evaluate=False) if root else node


def _told(
    atom: sp.Expr, units: dict[sp.Expr, int], names: Names, found: Hints
) -> tuple[str, str, str] | None:
    text = term(atom, names, SUM)
    if isinstance(atom, sp.log):
        return _logarithm(text, atom, names, found)
    if isinstance(atom, (sp.sin, sp.cos)):
        return _circle(text, atom, names, found)
    if isinstance(atom, sp.Pow) and atom.exp == HALF:
        return _root(text, atom, names, found)
    if isinstance(atom, sp.Pow) and settled(atom.base) == 0:
        return text, "0", "(apply power_of_zero; ALGEBRA)"
    return _exponential(text, atom, units, names, found)


def _circle(text: str, atom: sp.Expr, names: Names, found: Hints) -> tuple[str, str, str]:
    value = settled(atom)
    if not isinstance(value, type(atom)):
        return text, term(value, names, ATOM), "circle_law"
    angle = _first(value.args[0], names, found, atom.args[0])
    if angle not in found.circles:
        found.circles.append(angle)
    return text, f"{'sin' if isinstance(atom, sp.sin) else 'cos'} {angle}", "(f_equal; ALGEBRA)"


# ---------------------------------------------------------------- exp


def _exponent(atom: sp.Expr) -> sp.Expr:
    """The exponent to base e, evaluated and multiplied out."""
    if isinstance(atom, sp.exp):
        return _multiplied_out(settled(atom.args[0]))
    exponent = settled(atom.exp)
    if atom.base is sp.E:
        return _multiplied_out(exponent)
    return _multiplied_out(exponent * sp.log(settled(atom.base)))


@functools.cache
def _multiplied_out(e: sp.Expr) -> sp.Expr:
    """Expanded, unless that makes it long: then each term is factored as it stands.

    Logarithms are split where all factors are positive, else kept whole.
    """
    e = e.replace(lambda ln: isinstance(ln, sp.log), lambda ln: sp.log(_upright(ln.args[0])))
    e = e.replace(_splits, lambda ln: sp.expand_log(ln))
    whole = {ln: sp.Dummy(real=True) for ln in e.atoms(sp.log)}
    made = sp.expand(e.xreplace(whole)).xreplace({letter: ln for ln, letter in whole.items()})
    if len(sp.Add.make_args(made)) <= LONG:
        return made
    return sp.Add(*(sp.factor(part) for part in sp.Add.make_args(e)))


def _splits(e: sp.Expr) -> bool:
    """Whether e is the logarithm of a product of positive factors."""
    if not isinstance(e, sp.log):
        return False
    parts = sp.Mul.make_args(sp.factor(e.args[0]))
    return all(part.as_base_exp()[0].is_positive for part in parts)


@functools.cache
def _terms(exponent: sp.Expr) -> tuple[tuple[sp.Rational, sp.Expr], ...]:
    """An exponent as rational multiples of monomials."""
    return tuple(part.as_coeff_Mul(rational=True) for part in sp.Add.make_args(exponent))


def _is_exponential(atom: sp.Expr) -> bool:
    return isinstance(atom, sp.exp) or (isinstance(atom, sp.Pow) and atom.exp != HALF)


def _units(atoms: list[sp.Expr]) -> dict[sp.Expr, int]:
    """For each monomial in exponents, by what it is divided so that all multiples are whole."""
    units: dict[sp.Expr, int] = {}
    for atom in filter(_is_exponential, atoms):
        if isinstance(atom, sp.Pow) and settled(atom.base) == 0:
            continue
        for factor, monomial in _terms(_exponent(atom)):
            units[monomial] = int(sp.ilcm(units.get(monomial, 1), factor.q))
    return units


def _exponential(
    text: str, atom: sp.Expr, units: dict[sp.Expr, int], names: Names, found: Hints
) -> tuple[str, str, str] | None:
    sums, factors = [], []
    for factor, monomial in _terms(_exponent(atom)):
        if factor == 0:
            continue
        count = int(factor * units[monomial])
        unit = monomial / units[monomial]
        base = f"exp {term(unit, names, ATOM)}"
        if isinstance(unit, sp.log):
            base = term(unit.args[0], names, APPLIED)
        elif isinstance(monomial, sp.log) and units[monomial] == 2:
            under = term(monomial.args[0], names, ATOM)
            base = f"sqrt {under}"
            _note(found, under)
        part = f"INR {abs(count)} * {term(unit, names, PRODUCT - 5)}"
        sums.append(f"({part})" if count > 0 else f"- ({part})")
        power = f"{base} ^ {abs(count)}" if " " not in base else f"({base}) ^ {abs(count)}"
        power = base if abs(count) == 1 and len(_terms(_exponent(atom))) == 1 else power
        factors.append(power if count > 0 else f"/ {power}")
    unfold = "" if text.startswith("exp") else "unfold Rpower; "
    if not factors:
        return text, "1", f"({unfold}exp_law (0))"
    law = f"exp_law ({' + '.join(sums)})"
    return text, " * ".join(factors), f"({unfold}{law})" if unfold else law


# ---------------------------------------------------------------- ln and sqrt


def _factors(e: sp.Expr) -> tuple[list[tuple[sp.Expr, sp.Rational]], sp.Expr]:
    """Positive factors with their exponents, and the product of all others."""
    powers: dict[sp.Expr, sp.Rational] = {}
    rest = sp.Integer(1)
    for factor in sp.Mul.make_args(_upright(e)):
        if isinstance(factor, sp.Rational) and factor > 0:
            for prime, k in sp.factorrat(factor).items():
                powers[sp.Integer(prime)] = powers.get(sp.Integer(prime), sp.Integer(0)) + k
            continue
        base, k = (
            factor.as_base_exp() if not isinstance(factor, sp.exp) else (factor, sp.Integer(1))
        )
        if base.is_positive and isinstance(k, sp.Rational) and k.q <= 2:
            powers[base] = powers.get(base, sp.Integer(0)) + k
        else:
            rest *= factor
    return list(powers.items()), rest


def _upright(e: sp.Expr) -> sp.Expr:
    """e in factors; t/(1 − t) rather than −t/(t − 1): a minus goes into a sum of unknown sign."""
    if sp.count_ops(e) > LARGE:
        return e
    parts = list(sp.Mul.make_args(sp.factor(e)))
    for i, part in enumerate(parts):
        base, power = part.as_base_exp()
        if base.is_Add and not base.is_positive and power in (1, -1) and -1 in parts:
            parts[i] = sp.Pow(-base, power)
            parts.remove(sp.Integer(-1))
            break
    return sp.Mul(*parts)


def _first(e: sp.Expr, names: Names, found: Hints, raw: sp.Expr | None = None) -> str:
    """The text of a value; where it was met before, in the form that was met first."""
    return found.seen.setdefault(e, term(e if raw is None else raw, names, ATOM))


def _alone(factors: list[tuple[sp.Expr, sp.Rational]], rest: sp.Expr) -> bool:
    """Whether nothing can be taken out."""
    plain = all(k == 1 and not isinstance(base, sp.exp) for base, k in factors)
    return plain and len(factors) + (rest != 1) == 1


def _logarithm(text: str, atom: sp.Expr, names: Names, found: Hints) -> tuple[str, str, str] | None:
    value = settled(atom.args[0])
    factors, rest = _factors(value)
    if _alone(factors, rest):
        return text, f"ln {_first(value, names, found, atom.args[0])}", "(f_equal; ALGEBRA)"
    product, total = [], []
    for base, k in factors:
        b = term(base, names, APPLIED)
        whole = int(sp.floor(abs(k)))
        sign, inverse = ("", "") if k > 0 else ("- ", "/ ")
        if whole:
            product.append(f"{inverse}{b} ^ {whole}")
        if k.q == 2:
            product.append(f"{inverse}sqrt {term(base, names, ATOM)}")
        value = (
            term(base.args[0], names, ATOM)
            if isinstance(base, sp.exp)
            else f"ln {_first(base, names, found)}"
        )
        share = f"{abs(k.p)}" if k.q == 1 else f"{abs(k.p)} / {k.q}"
        total.append(f"({sign}{value})" if abs(k) == 1 else f"({sign}{share}) * {value}")
    if isinstance(rest, sp.Pow) and rest.exp == -1:
        product.append(f"/ {_first(rest.base, names, found)}")
        total.append(f"(- ln {_first(rest.base, names, found)})")
    elif rest != 1:
        product.append(_first(rest, names, found))
        total.append(f"ln {_first(rest, names, found)}")
    if not product:
        return text, "0", "(transitivity (ln 1); [ f_equal; algebra | apply ln_1 ])"
    return text, " + ".join(total), f"ln_law ({' * '.join(product)})"


def _root(text: str, atom: sp.Expr, names: Names, found: Hints) -> tuple[str, str, str] | None:
    value = settled(atom.base)
    factors, rest = _factors(value)
    number, sum_ = _upright(value).as_content_primitive()
    if _alone(factors, rest) and number.is_Rational and number != 1 and sum_ in found.seen:
        factors, rest = _factors(number)[0], sum_  # sympy multiplies a number into a sum again
    if _alone(factors, rest):
        if value == 0:
            return text, "0", "(apply sqrt_is; [ lra | ALGEBRA ])"
        under = _first(value, names, found, atom.base)
        _note(found, under)
        return text, f"sqrt {under}", "(f_equal; ALGEBRA)"
    product, positive = [], []
    for base, k in factors:
        if not isinstance(k, sp.Integer):
            rest *= base**k
            continue
        whole, odd = divmod(int(k), 2)
        b = term(base, names, APPLIED)
        positive.append(f"{b} ^ {k}" if k > 0 else f"/ {b} ^ {-k}")
        if whole:
            product.append(f"{b} ^ {whole}" if whole > 0 else f"/ {b} ^ {-whole}")
        if odd:
            product.append(f"sqrt {_first(base, names, found)}")
            _note(found, _first(base, names, found))
    if rest != 1:
        under = _first(rest, names, found)
        product.append(f"sqrt {under}")
        _note(found, under, term(atom.base, names, ATOM), f"({' * '.join(positive) or '1'})")
    made = " * ".join(product) or "1"
    return text, made, "(apply sqrt_is; [ pos | ALGEBRA ])"


def _note(found: Hints, base: str, whole: str = "", factor: str = "1") -> None:
    found.roots.setdefault(base, (base, whole or base, factor))


# ---------------------------------------------------------------- min and max


def comparisons(sides: list[sp.Expr], names: Names) -> list[str]:
    """Which of two arguments of a minimum or maximum is less, where their signs tell."""
    found: dict[str, str] = {}
    for side in sides:
        for e in sorted(side.atoms(sp.Min, sp.Max), key=str):
            inner = [a for a in e.args if not a.has(sp.Min, sp.Max)]
            inner += [
                a for m in e.args for n in sorted(m.atoms(sp.Min, sp.Max), key=str) for a in n.args
            ]
            inner = [a for a in inner if not a.has(sp.Min, sp.Max)]
            for a in inner:
                for b in inner:
                    gap = sp.factor(settled(b) - settled(a))
                    if gap.is_positive:
                        x, y = term(a, names, ATOM), term(b, names, ATOM)
                        proof = f"apply Rminus_lt_0; replace ({y} - {x}) with "
                        proof += f"{term(gap, names, ATOM)} by algebra; pos"
                        found.setdefault(f"{x} < {y}", proof)
    return [f"assert ({claim}) by ({proof})" for claim, proof in found.items()]
