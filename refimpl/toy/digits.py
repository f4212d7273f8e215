"""Handwritten digits, 8 × 8, in two disjoint parts: one to learn from, one to judge with."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

LABELS = 10


@dataclass(frozen=True, eq=False)
class Digits:
    """scikit-learn's digits in [−1, 1], in two disjoint parts.

    Attributes:
        train, held_out: pictures, shape (N, 1, 8, 8).
        train_label, held_out_label: shape (N,).
    """

    train: Float[Tensor, "N 1 8 8"]
    train_label: Int[Tensor, " N"]
    held_out: Float[Tensor, "M 1 8 8"]
    held_out_label: Int[Tensor, " M"]


def load(share: float, generator: torch.Generator) -> Digits:
    """The 1797 digits that ship with scikit-learn, shuffled and split.

    Raises:
        ValueError: a share outside (0, 1).
        ModuleNotFoundError: scikit-learn is not installed (the extra `labs` has it).
    """
    from sklearn.datasets import load_digits

    if not 0 < share < 1:
        raise ValueError(f"the generator's share of the digits must lie in (0, 1), got {share!r}")
    table = load_digits()
    x = torch.tensor(table.data, dtype=torch.float32).reshape(-1, 1, 8, 8) / 8 - 1
    y = torch.tensor(table.target, dtype=torch.int64)
    order = torch.randperm(len(x), generator=generator)
    cut = round(share * len(x))
    first, second = order[:cut], order[cut:]
    return Digits(x[first], y[first], x[second], y[second])
