"""Text: what the transformer is told, computed once per prompt and kept on disk.

    embeddings (n, tokens, width) and pooled (n, width)      77 CLIP tokens and up to 512 of T5

Encoding a prompt with T5 costs as much as half a denoising step, and training shows the same
prompts again and again. An entry's name is a digest of the encoders (classes, configurations, a
sample of every weight), of the number of tokens and of the prompt: other weights never find each
other's.
"""

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ...outside import MIB, bounded
from ...runs import atomic


@dataclass(frozen=True, eq=False)
class Text:
    """The conditioning of n samples.

    Attributes:
        embeddings: of every token, shape (n, tokens, width).
        pooled: of the whole prompt, shape (n, width).
        mask: which tokens are there, shape (n, tokens), for networks that ask; None: all.
    """

    embeddings: Tensor
    pooled: Tensor
    mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.embeddings)

    @property
    def bytes(self) -> int:
        """What it takes of memory."""
        return self.embeddings.nbytes + self.pooled.nbytes

    def rows(self, index: Tensor) -> "Text":
        """The rows of these indices, repeats allowed."""
        return self._each(lambda x: x[index])

    def repeated(self, n: int) -> "Text":
        """One prompt's text for n samples, without copying it."""
        return self._each(lambda x: x.expand(n, *x.shape[1:]))

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> "Text":
        """The same on another device, or in another precision."""
        mask = None if self.mask is None else self.mask.to(device)
        return Text(self.embeddings.to(device, dtype), self.pooled.to(device, dtype), mask)

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Text":
        mask = None if self.mask is None else change(self.mask)
        return Text(change(self.embeddings), change(self.pooled), mask)

    @staticmethod
    def joined(parts: Sequence["Text"]) -> "Text":
        """Several one after another."""
        return Text(
            torch.cat([part.embeddings for part in parts]),
            torch.cat([part.pooled for part in parts]),
            None if parts[0].mask is None else torch.cat([_mask(part) for part in parts]),
        )


def _mask(text: Text) -> Tensor:
    """Which tokens are there."""
    if text.mask is None:
        return torch.ones(text.embeddings.shape[:2], dtype=torch.bool)
    return text.mask


class Encoder(Protocol):
    """Whatever turns prompts into text: three encoders, or a table of words."""

    def __call__(self, prompts: Sequence[str]) -> Text:
        """One row per prompt."""
        ...


class Encoders:
    """The three text encoders of a pipeline; `release` gives their memory back.

    Args:
        pipeline: a `StableDiffusion3Pipeline`.
        tokens: the length of T5's part.
    """

    def __init__(self, pipeline: Any, *, tokens: int) -> None:
        if getattr(pipeline, "text_encoder", None) is None:
            raise ValueError(
                "this pipeline has no text encoders: load it whole, or give an encoder of your own"
            )
        self.pipeline, self.tokens = pipeline, tokens
        self._released = False

    @torch.no_grad()
    def __call__(self, prompts: Sequence[str]) -> Text:
        """One row per prompt, on the encoders' device."""
        if self._released:
            raise RuntimeError("the text encoders were released: encode every prompt before")
        embeddings, _, pooled, _ = self.pipeline.encode_prompt(
            list(prompts),
            None,
            None,
            device=self.pipeline.text_encoder.device,
            do_classifier_free_guidance=False,
            max_sequence_length=self.tokens,
        )
        return Text(embeddings, pooled)

    def release(self) -> None:
        """Drop the encoders: everything that will be asked for is in the store."""
        for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
            setattr(self.pipeline, name, None)
        self._released = True

    def digest(self) -> str:
        """What tells these encoders from others."""
        found = hashlib.sha256(json.dumps([self.tokens]).encode())
        for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
            network = getattr(self.pipeline, name)
            if network is not None:
                found.update(f"{name} {network.config.to_json_string()} {network.dtype}".encode())
                for key, weight in sorted(network.state_dict().items()):
                    sample = weight.detach().reshape(-1)[:16].float().cpu().numpy().tobytes()
                    found.update(key.encode() + sample)
        return found.hexdigest()


class Store:
    """Texts in memory and on disk; what is in neither is encoded.

    Prompts are encoded one at a time, so that a text does not depend on its neighbours' lengths or
    on how many processes share the work.

    Args:
        encoder: asked for what is not there.
        digest: of the encoder, see `Encoders.digest`.
        folder: where entries lie, a file each; None keeps them in memory only.
        limit: bytes that are held in memory; those used longest ago go first.
    """

    def __init__(
        self, encoder: Encoder, *, digest: str, folder: Path | None, limit: float = math.inf
    ) -> None:
        self.encoder, self.digest, self.folder, self.limit = encoder, digest, folder, limit
        self.encoded, self.held = 0, 0
        self._memory: OrderedDict[str, Text] = OrderedDict()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, prompts: Sequence[str]) -> Text:
        """One row per prompt, on the CPU, in the encoder's precision."""
        return Text.joined([self._one(prompt) for prompt in prompts])

    def prepare(self, prompts: Sequence[str]) -> None:
        """Encode what is nowhere yet; nothing is returned, and no more held than the limit."""
        for prompt in dict.fromkeys(prompts):
            self._one(prompt)

    def forget(self) -> None:
        """Empty the memory; the disk keeps its entries."""
        self._memory.clear()
        self.held = 0

    def _one(self, prompt: str) -> Text:
        if not self._found(prompt):
            self._keep(prompt, self.encoder([prompt]).to("cpu"))
            self.encoded += 1
        self._memory.move_to_end(prompt)
        text = self._memory[prompt]
        while self.held > self.limit and len(self._memory) > 1:
            _, gone = self._memory.popitem(last=False)
            self.held -= gone.bytes
        return text

    def _hold(self, prompt: str, text: Text) -> None:
        self._memory[prompt] = text
        self.held += text.bytes

    def _file(self, prompt: str) -> Path | None:
        if self.folder is None:
            return None
        name = hashlib.sha256(f"{self.digest} {prompt}".encode()).hexdigest()
        return self.folder / f"{name}.safetensors"

    def _found(self, prompt: str) -> bool:
        file = self._file(prompt)
        if prompt not in self._memory and file is not None and file.is_file():
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            try:
                self._hold(prompt, Text(**load_file(bounded(file, 256 * MIB))))
            except (SafetensorError, TypeError):  # damaged on the disk: encoded and written again
                file.unlink()
        return prompt in self._memory

    def _keep(self, prompt: str, text: Text) -> None:
        from safetensors.torch import save

        self._hold(prompt, text)
        file = self._file(prompt)
        if file is not None:
            tensors = {"embeddings": text.embeddings, "pooled": text.pooled}
            atomic.write(file, save({name: x.contiguous() for name, x in tensors.items()}))
