"""The shapes reward: does the picture show what its caption says, and nothing else?

    conditions   each object in the exact number asked for; nothing besides (no other object, at
                 most 3 stray pixels); the relation, if one is said
    strict       1 if all hold, else 0: what is reported
    dense        the share of them that holds
    score        (strict + dense)/2: what is trained on, so that a half-right picture is worth
                 something and a right one much more

On pictures drawn for their captions all three are exactly 1.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..loop.prompts import Prompt
from ..rewards.protocol import Answer, Metadata, Reward
from .captions import Caption, caption_of
from .reading import Reading, read

STRAY = 3
"""Pixels that may belong to no object."""
APART = 4.0
"""Pixels by which centres must differ for one object to be left of or above another."""


def shapes() -> Reward:
    """The reward, for the entry point; it has no options."""

    def score(
        images: Float[Tensor, "B 3 16 16"], prompts: Sequence[str], metadata: Metadata
    ) -> Answer:
        rows = zip(prompts, metadata, strict=True)
        strict, dense = marks(images, [caption_of(Prompt(text, about)) for text, about in rows])
        return (strict + dense) / 2, {"strict": strict, "dense": dense}

    return score


def marks(
    images: Float[Tensor, "B 3 16 16"], captions: Sequence[Caption]
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """(strict, dense) of each picture.

    Raises:
        ValueError: pictures of another size, or another number of captions.
    """
    if len(images) != len(captions):
        raise ValueError(f"{len(images)} pictures have {len(captions)} captions")
    seen = read(images)
    rows = zip(captions, *_plain(seen), strict=True)
    held = [_conditions(*row) for row in rows]
    strict = torch.tensor([float(all(row)) for row in held])
    dense = torch.tensor([sum(row) / len(row) for row in held])
    return strict, dense


def _plain(
    seen: Reading,
) -> tuple[list[list[int]], list[list[float]], list[list[float]], list[int]]:
    return (
        seen.counts.tolist(),
        seen.column.tolist(),
        seen.row.tolist(),
        seen.left_over.tolist(),
    )


def _conditions(
    caption: Caption, counts: list[int], column: list[float], row: list[float], left_over: int
) -> list[bool]:
    wanted = caption.wanted
    right = [counts[number] == n for number, n in enumerate(wanted) if n]
    others = any(counts[number] for number, n in enumerate(wanted) if not n)
    held = [*right, not others and left_over <= STRAY]
    if caption.category in ("left of", "above"):
        first, second = (thing.number for thing in caption.things)
        along = column if caption.category == "left of" else row
        held.append(all(right) and along[second] - along[first] >= APART)
    return held
