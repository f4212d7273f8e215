"""The table of a Runge-Kutta method, read off from outside, and the conditions of its order.

    slopes e₁, e₂, …, one per call     →     stage i is x + h Σ a_ij e_j, the end x + h Σ b_i e_i

A solver that is handed the i-th unit vector as its i-th slope writes its own coefficients into the
state. No access to the source is needed, and no differential equation. A method has order p when
Σ b_i Φ_i(τ) = 1/γ(τ) for every rooted tree τ with at most p nodes (Butcher 1963; Hairer, Nørsett &
Wanner 1993, Theorem II.2.13).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import torch

Tree: TypeAlias = tuple["Tree", ...]
"""A rooted tree: the trees that hang from its root."""

Solve: TypeAlias = Callable[[Callable[[Any, Any], Any], torch.Tensor], torch.Tensor]
"""solve(field, x) → the state at the end of one step; `field(x, t)`."""


@dataclass(frozen=True)
class Tableau:
    """What a solver did in one step.

    Attributes:
        nodes: c_i, where in the step each slope was asked for; shape (stages,).
        matrix: a_ij, shape (stages, stages).
        weights: b_i, shape (stages,).
    """

    nodes: np.ndarray
    matrix: np.ndarray
    weights: np.ndarray

    def residuals(self, order: int) -> Iterator[tuple[Tree, float]]:
        """Σ b Φ(τ) − 1/γ(τ) for all trees with at most `order` nodes."""
        for n in range(1, order + 1):
            for tree in trees(n):
                yield tree, float(self.weights @ self._phi(tree)) - 1 / density(tree)

    def _phi(self, tree: Tree) -> np.ndarray:
        phi = np.ones(len(self.weights))
        for branch in tree:
            phi = phi * (self.matrix @ self._phi(branch))
        return phi


def read(solve: Solve, t: float, s: float, most: int = 32) -> Tableau:
    """The table of the step from t to s.

    Args:
        solve: takes one step.
        t: where it starts, on the solver's own clock.
        s: where it ends.
        most: more calls than any method has stages.
    """
    asked: list[tuple[float, np.ndarray]] = []

    def field(x: Any, time: Any) -> Any:
        asked.append((float(time), x.detach().numpy().ravel().copy()))
        slope = torch.zeros(most, dtype=torch.float64)
        slope[len(asked) - 1] = 1.0
        return slope.reshape(x.shape)

    end = solve(field, torch.zeros(1, most, dtype=torch.float64)).detach().numpy().ravel()
    h, stages = s - t, len(asked)
    return Tableau(
        nodes=np.array([(time - t) / h for time, _ in asked]),
        matrix=np.array([x[:stages] / h for _, x in asked]),
        weights=end[:stages] / h,
    )


@cache
def trees(n: int) -> tuple[Tree, ...]:
    """All rooted trees with n nodes, each once: 1, 1, 2, 4, 9, 20, 48, 115 for n = 1, …, 8."""
    return tuple(sorted(_forests(n - 1, n - 1)))


@cache
def _forests(nodes: int, largest: int) -> tuple[Tree, ...]:
    """Multisets of trees with that many nodes in all, no tree larger than `largest`."""
    if nodes == 0:
        return ((),)
    found = []
    for size in range(min(nodes, largest), 0, -1):
        for tree in trees(size):
            for rest in _forests(nodes - size, size):
                if not rest or (size, tree) >= (nodes_of(rest[0]), rest[0]):
                    found.append((tree, *rest))
    return tuple(found)


def nodes_of(tree: Tree) -> int:
    """How many nodes a tree has."""
    return 1 + sum(nodes_of(branch) for branch in tree)


def density(tree: Tree) -> int:
    """γ(τ): the product, over all nodes, of the number of nodes at and above each."""
    product = nodes_of(tree)
    for branch in tree:
        product *= density(branch)
    return product
