"""Rewards from CLIP models: CLIPScore, PickScore and the LAION aesthetic predictor.

    clipscore    2.5 · max(cos(image, text), 0)       Hessel et al. 2021, arXiv:2104.08718
    pickscore    logit scale · cos(image, text)/26    Kirstain et al. 2023, arXiv:2305.01569
    aesthetic    a linear head on the image's unit    LAION, improved-aesthetic-predictor;
                 embedding, about 1 to 10             used by DDPO and flow_grpo

Each wants transformers (the `sd3` extra) and weights: a repository's id or a folder. 26 is the
number by which flow_grpo divides PickScore.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear, normalize

from ...audit.reading.files import open_dump
from ...equations.elementary import maximum
from .devices import precision
from .images import as_pictures
from .protocol import Answer, Metadata, Reward, RewardError
from .weights import package, pretrained

_CLIP_L = "openai/clip-vit-large-patch14"


def clipscore(
    source: str = _CLIP_L, *, device: str = "cpu", dtype: str = "fp32", batch: int = 64
) -> Reward:
    """CLIPScore; the extra is the cosine.

    Args:
        source: of the model and its processor.
        dtype: of the model, "fp32", "bf16" or "fp16"; scores are float32.
        batch: images at once.
    """
    model = _Clip(source, source, device, dtype, batch)

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        cosine = model.compare(images, prompts).cosine
        return 2.5 * maximum(cosine, 0.0), {"cosine": cosine}

    return score


def pickscore(
    source: str = "yuvalkirstain/PickScore_v1",
    processor: str = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
    *,
    device: str = "cpu",
    dtype: str = "fp32",
    batch: int = 64,
) -> Reward:
    """PickScore, divided by 26.

    Args:
        source: of the model.
        processor: of its tokenizer and image processor, which the model's repository lacks.
        dtype: of the model, "fp32", "bf16" or "fp16"; scores are float32.
        batch: images at once.
    """
    model = _Clip(source, processor, device, dtype, batch)

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        return model.compare(images, prompts).logit / 26, {}

    return score


def aesthetic(
    head: str, source: str = _CLIP_L, *, device: str = "cpu", dtype: str = "fp32", batch: int = 64
) -> Reward:
    """The aesthetic predictor.

    Args:
        head: the file of its linear layers, `sac+logos+ava1-l14-linearMSE.pth` or the same tensors
            as safetensors.
        source: of the CLIP model and its processor.
        dtype: of the model, "fp32", "bf16" or "fp16"; scores are float32.
        batch: images at once.
    """
    model = _Clip(source, source, device, dtype, batch)
    layers = [(w.to(device), b.to(device)) for w, b in _layers(Path(head))]
    if layers[0][0].shape[1] != (width := model.network.config.projection_dim):
        raise RewardError(
            f"{head} takes embeddings of {layers[0][0].shape[1]} numbers, {source} gives {width}"
        )

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        x = model.embed(images)
        for weight, bias in layers:
            x = linear(x, weight, bias)
        return x[:, 0], {}

    return score


class _Compared:
    """Of each image and its own prompt: the model's logit, and the cosine it is made of."""

    def __init__(self, logit: Float[Tensor, " B"], cosine: Float[Tensor, " B"]) -> None:
        self.logit, self.cosine = logit, cosine


class _Clip:
    """A CLIP model and its processor; what comes out is float32."""

    def __init__(self, source: str, processor: str, device: str, dtype: str, batch: int) -> None:
        if batch < 1:
            raise RewardError(f"batch counts images from 1, got {batch!r}")
        kind = precision(dtype)
        transformers = package("transformers", install="refimpl[sd3]")
        self.processor = pretrained(transformers.CLIPProcessor, processor)
        network = pretrained(transformers.CLIPModel, source, use_safetensors=True)
        self.network, self.device, self.batch = network.eval().to(device, kind), device, batch

    def compare(self, images: Float[Tensor, "B 3 H W"], prompts: Sequence[str]) -> _Compared:
        """Prompts longer than the model's text are cut, as everywhere CLIP is used."""
        logits, cosines = [], []
        for some, texts in _batches(images, prompts, self.batch):
            words = self.processor(
                text=list(texts),
                padding=True,
                truncation=True,
                max_length=self.network.config.text_config.max_position_embeddings,
                return_tensors="pt",
            )
            answer = self.network(**words.to(self.device), pixel_values=self._pixels(some))
            logits.append(answer.logits_per_image.diagonal().float())
            cosines.append((answer.image_embeds.float() * answer.text_embeds.float()).sum(dim=1))
        return _Compared(torch.cat(logits), torch.cat(cosines))

    def embed(self, images: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B width"]:
        """Unit embeddings of images."""
        found = []
        for some, _ in _batches(images, range(len(images)), self.batch):
            answer = self.network.get_image_features(pixel_values=self._pixels(some))
            # a tensor up to transformers 4, an object that holds it from 5 on
            found.append((answer if isinstance(answer, Tensor) else answer.pooler_output).float())
        return normalize(torch.cat(found), dim=1)

    def _pixels(self, images: Tensor) -> Any:
        pictures = as_pictures(images)
        pixels = self.processor(images=pictures, return_tensors="pt")["pixel_values"]
        return pixels.to(self.device, self.network.dtype)


def _batches(images: Tensor, beside: Any, size: int) -> Any:
    starts = range(0, len(images), size)
    return ((images[i : i + size], beside[i : i + size]) for i in starts)


def _layers(file: Path) -> list[tuple[Tensor, Tensor]]:
    """The linear layers of a head, in order: `layers.0.weight`, `layers.0.bias`, `layers.2...`."""
    if not file.is_file():
        raise RewardError(
            f"no aesthetic head at {file}: give `head`, the path of "
            "sac+logos+ava1-l14-linearMSE.pth (github.com/christophschuhmann/"
            "improved-aesthetic-predictor)"
        )
    try:
        (shard,) = open_dump(file)
        state = {name: column.all() for name, column in shard.columns.items()}
        numbers = sorted({int(key.split(".")[1]) for key in state})
        layers = [(state[f"layers.{n}.weight"], state[f"layers.{n}.bias"]) for n in numbers]
    except Exception as error:
        raise RewardError(f"{file} does not hold the layers of a head: {error}") from error
    fits = all(a.shape[0] == b.shape[1] for (a, _), (b, _) in itertools.pairwise(layers))
    if not layers or not fits or layers[-1][0].shape[0] != 1:
        raise RewardError(f"{file} holds {len(layers)} layers that do not end in one number")
    return layers
