"""The text encoder's stand-in: a fixed table of words, and one of places in the sentence.

    embeddings   word + place, 8 tokens, padded with the empty word       (n, 8, 64)
    pooled       their mean                                                (n, 64)

Every entry is read off a hash of the word, so that the table needs no file, no seed and no
generator, and is the same on every machine. Nothing here is learnt: what the words mean is left to
the transformer.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..model.text import Text
from .captions import every_caption

TOKENS, WIDTH = 8, 64


class Words:
    """Prompts to text, for the words that captions have; the empty prompt is the null caption."""

    def __call__(self, prompts: Sequence[str]) -> Text:
        """One row per prompt.

        Raises:
            ValueError: a word that no caption has, or more than eight of them.
        """
        rows = torch.stack([_sentence(prompt) for prompt in prompts])
        return Text(rows, rows.mean(dim=1))

    def digest(self) -> str:
        """What tells this table from other encoders."""
        return f"refimpl shapes words 1, {TOKENS} x {WIDTH}"


def _sentence(prompt: str) -> Float[Tensor, "tokens width"]:
    words = prompt.split()
    if len(words) > TOKENS:
        raise ValueError(f"captions have at most {TOKENS} words, got {prompt!r}")
    if strange := [word for word in words if word not in _vocabulary()]:
        raise ValueError(
            f"{strange[0]!r} in {prompt!r} is none of the words of the captions: "
            f"{', '.join(sorted(_vocabulary()))}"
        )
    padded = words + [""] * (TOKENS - len(words))
    return torch.stack([_entry(f"word {w}") + _entry(f"place {i}") for i, w in enumerate(padded)])


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    return frozenset(word for caption in every_caption() for word in caption.text.split())


@lru_cache(maxsize=64)
def _entry(name: str) -> Float[Tensor, " width"]:
    """64 numbers, evenly spread with mean 0 and variance 1: the bytes of a hash."""
    level = np.frombuffer(hashlib.shake_256(name.encode()).digest(WIDTH), dtype=np.uint8)
    return torch.from_numpy((level.astype(np.float32) - 127.5) / 73.9)
