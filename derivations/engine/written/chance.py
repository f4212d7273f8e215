"""Expectations, Gaussian laws and divergences.

    E = posterior_mean(w, k, given="x_t")      E(f) prints E[f | x_t], expands to Σ w k f / Σ w k
    E_eps = gaussian_mean(eps)                 E_eps(f) prints E_ε[f], expands by moments of N(0, 1)

Data enters as finitely many atoms with arbitrary weights and arbitrary conditional densities. An
integral over data obeys the same linear algebra, given that differentiation under it is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from refimpl.equations import Gaussian

from ..algebra.moments import expectation
from .calculus import Root
from .node import PRODUCT, SUM, Node
from .space import Space, lift


class Mean(Node):
    """A finite expectation, Σ_z w_z f_z / Σ_z w_z, however the weights are printed."""

    indices = ()

    def __init__(self, tex: str, given: str, weights: Node, inside: Node) -> None:
        super().__init__(tex, given, weights, inside)

    def write(self) -> str:
        tex, given, _, inside = self.parts
        bar = rf" \mid {given}" if given else ""
        return rf"{tex}\left[{inside.tex}{bar}\right]"

    def expand(self, space: Space) -> Any:
        _, _, weights, inside = self.parts
        w = weights.at(space)
        total = w.sum()
        values = inside.at(space)
        if isinstance(values, list):
            return [(w * value).sum() / total for value in values]
        return (w * values).sum() / total


def posterior_mean(
    prior: Node, likelihood: Node | None = None, given: str = "x_t", tex: str = r"\mathbb E"
) -> Callable[[Node], Node]:
    """E[· | x_t] over finitely many atoms: weights prior × likelihood, normalised."""
    weights = prior if likelihood is None else prior * likelihood
    return lambda inside: Mean(tex, given, weights, inside)


def expectation_over(weights: Node, tex: str) -> Callable[[Node], Node]:
    """E over a finite joint law, e.g. `tex=r"\\mathbb E_{x_0, \\varepsilon, t}"`."""
    return lambda inside: Mean(tex, "", weights, inside)


class GaussianMean(Node):
    """E over ε ~ N(0, I), by the table of moments."""

    def write(self) -> str:
        eps, inside = self.parts
        return rf"\mathbb E_{{{eps.tex}}}\left[{inside.tex}\right]"

    def expand(self, space: Space) -> Any:
        eps, inside = self.parts
        letters = eps.at(space)
        value = inside.at(space)
        for letter in letters if isinstance(letters, list) else [letters]:
            value = lift(lambda e, s=letter: expectation(sp.sympify(e), s), value)
        return value


def gaussian_mean(eps: Node) -> Callable[[Node], Node]:
    """E_ε[·] over ε ~ N(0, I)."""
    return lambda inside: GaussianMean(eps, inside)


class GaussianVariance(Node):
    """The variance over ε ~ N(0, 1), each coordinate on its own."""

    def write(self) -> str:
        eps, inside = self.parts
        return rf"\operatorname{{Var}}_{{{eps.tex}}}\left[{inside.tex}\right]"

    def expand(self, space: Space) -> Any:
        eps, inside = self.parts
        square = GaussianMean(eps, inside**2).at(space)
        mean = GaussianMean(eps, inside).at(space)
        return lift(lambda a, b: a - b**2, square, mean)


class Law(Node):
    """N(m, s²): a Gaussian law, by its mean and its width, with the variance as it is written."""

    def __init__(self, mean: Node, std: Node, variance: Node | None = None) -> None:
        if variance is None:
            variance = std.children[0] if isinstance(std, Root) else std**2
        super().__init__(mean, std, variance)

    @property
    def mean(self) -> Node:
        """The mean."""
        return self.children[0]

    @property
    def std(self) -> Node:
        """The standard deviation."""
        return self.children[1]

    def write(self) -> str:
        return rf"\mathcal N\left({self.mean.tex},\ {self.children[2].tex}\right)"

    def expand(self, space: Space) -> Any:
        return lift(Gaussian, self.mean.at(space), self.std.at(space))


class Divergence(Node):
    """KL(p ‖ q) = E_p[log p − log q] of two Gaussian laws, summed over coordinates."""

    def write(self) -> str:
        p, q = self.children
        return rf"\mathrm{{KL}}\left({p.tex}\ \big\Vert\ {q.tex}\right)"

    def expand(self, space: Space) -> Any:
        value = lift(_divergence, *(law.at(space) for law in self.children))
        return sum(value) if isinstance(value, list) else value


def _divergence(p: Gaussian, q: Gaussian) -> sp.Expr:
    eps = sp.Dummy("eps", real=True)
    draw = p.mean + p.std * eps
    gain = -(eps**2) / 2 - sp.log(p.std) + (draw - q.mean) ** 2 / (2 * q.std**2) + sp.log(q.std)
    return expectation(gain, eps)


class LogDensity(Node):
    """log N(x; m, s²), per coordinate; log p(x) where the law goes by a letter p."""

    def write(self) -> str:
        x, law = self.children
        if not isinstance(law, Law):
            return rf"\log {law.tex}\left({x.tex}\right)"
        inside = law.tex.removeprefix(r"\mathcal N\left(")
        return rf"\log \mathcal N\left({x.tex};\ {inside}"

    def expand(self, space: Space) -> Any:
        x, law = self.children
        return lift(
            lambda x, q: (
                -((x - q.mean) ** 2) / (2 * q.std**2) - sp.log(q.std) - sp.log(2 * sp.pi) / 2
            ),
            x.at(space),
            law.at(space),
        )


class SDE(Node):
    """dx = f dt + g dw̄: read as the pair of drift and diffusion."""

    tight = SUM

    def __init__(self, drift: Node, diffusion: Node, noise: str = "w") -> None:
        super().__init__(drift, diffusion, noise)

    def write(self) -> str:
        drift, diffusion, noise = self.parts
        wiener = rf"\mathrm d\bar {noise}" if noise == "w" else rf"\mathrm d{noise}"
        return rf"\mathrm dx = {_factor(drift)}\,\mathrm dt + {_factor(diffusion)}\,{wiener}"

    def expand(self, space: Space) -> Any:
        return (self.parts[0].at(space), self.parts[1].at(space))


def _factor(node: Node) -> str:
    return (
        node.tex
        if node.tight >= PRODUCT and not node.tex.startswith("-")
        else rf"\left[{node.tex}\right]"
    )
