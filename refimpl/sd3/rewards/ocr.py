"""The OCR reward: how much of the text in quotes can be read in the image.

    1 − min(edit distance, length)/length     spaces and case left out; 1 where the text occurs

As flow_grpo has it (Flow-GRPO, arXiv:2505.05470, Section 5.1): what the image should say stands in
the prompt between double quotes. Text that was read besides costs an edit a letter, and never more
than everything. Reading is PaddleOCR's, version 3; any other reader is a function.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .images import as_bytes
from .protocol import Answer, Metadata, Reward
from .weights import package

Reader: TypeAlias = Callable[[np.ndarray], str]
"""reader(image): what is written in [H, W, 3] bytes, red first; lines joined."""


def ocr(reader: Reader | None = None, *, device: str = "cpu") -> Reward:
    """The reward.

    Args:
        reader: PaddleOCR where none is given; it needs the `ocr` extra.
        device: PaddleOCR's: "cpu", "gpu", "gpu:0".
    """
    read = reader or paddle(device)

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        wanted = [quoted(prompt) for prompt in prompts]
        rows = zip(as_bytes(images), wanted, strict=True)
        return torch.tensor([accuracy(read(image), text) for image, text in rows]), {}

    return score


def paddle(device: str) -> Reader:
    """PaddleOCR's English reader; its weights are downloaded by PaddleOCR at first use."""
    engine: Any = package("paddleocr", install="refimpl[ocr]").PaddleOCR(
        lang="en",
        device=device,
        use_doc_orientation_classify=False,
        use_doc_unwarping=False,
        use_textline_orientation=False,
    )

    def read(image: np.ndarray) -> str:
        pages = engine.predict(np.ascontiguousarray(image[:, :, ::-1]))  # blue first, as OpenCV
        return "".join(text for page in pages for text in page["rec_texts"])

    return read


def quoted(prompt: str) -> str:
    """The text between the first two double quotes.

    Raises:
        ValueError: there is none.
    """
    parts = prompt.split('"')
    if len(parts) < 3 or not parts[1].strip():
        raise ValueError(f"the OCR reward needs a text in double quotes in the prompt: {prompt!r}")
    return parts[1]


def accuracy(found: str, wanted: str) -> float:
    """1 − min(edit distance, length)/length, or 1 where `wanted` occurs in `found`."""
    found, wanted = (text.replace(" ", "").lower() for text in (found, wanted))
    if wanted in found:
        return 1.0
    return 1 - min(edits(found, wanted), len(wanted)) / len(wanted)


def edits(a: str, b: str) -> int:
    """Levenshtein's distance: the fewest insertions, deletions and replacements."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]
