"""The sections of a configuration, each a frozen dataclass that refuses what cannot work.

Here: what is trained, on what, for what. `schedule` has when and how much.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch

from ...equations.domain import positive
from ...typed import typed
from ..model.architectures import Size
from ..model.policy import Targets

Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CACHE = Path("~/.cache/refimpl/text").expanduser()
"""Where embeddings of prompts are kept unless another folder is named."""


def counts(settings: Any, *names: str) -> None:
    for name in names:
        if getattr(settings, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(settings, name)!r}")


@dataclass(frozen=True)
class Model:
    """The network.

    Attributes:
        source: a repository's id, or a folder that `save_pretrained` wrote; safetensors only.
        random_init: a size, for random weights instead: nothing is loaded.
        revision: branch, tag or commit of the repository.
        dtype: of the frozen weights and of the network's arithmetic; latents and likelihoods
            never have less than float32.
        t5: False leaves out the largest text encoder.
        gradient_checkpointing: saves activations' memory for a second forward pass.
        compile: "none", "blocks" (each transformer block, fast to compile) or "whole"; what cannot
            be compiled is an error, and rollouts run the update's code, so that ratios are 1.
        attention: a backend of diffusers by name, such as "native" or "flash"; null: its choice.
    """

    source: str = "stabilityai/stable-diffusion-3.5-medium"
    random_init: Size | None = None
    revision: str | None = None
    dtype: Precision = "bf16"
    t5: bool = True
    gradient_checkpointing: bool = False
    compile: Literal["none", "blocks", "whole"] = "none"
    attention: str | None = None


@dataclass(frozen=True)
class Adapter:
    """What is trained, in float32: a LoRA, or all weights of the transformer.

    Attributes:
        kind: "lora", or "full" (flow_grpo's use_lora=False): every weight, held in float32 while
            the network computes in `model.dtype`; what else is here belongs to a LoRA.
        rank, alpha: of the LoRA, whose products count alpha / rank.
        targets: "attn" (the joint attention, flow_grpo's choice), or "attn+attn2" with the second
            attention of SD3.5-medium.
        start: a LoRA to begin with, in diffusers' or peft's format; null begins as the identity.
        reference: what the KL is measured from, the "base" model or that "start".
        products: what the adapter's matrix products are computed in, "fp32" or the network's own
            dtype ("network"), which keeps less for the backward pass; its weights stay float32.
        applied: "beside" each layer as a second product, as peft does, or "merged" into its
            weights at every call, gradient and all: one product, the same in rollout and update.
            Faster where a batch has many more tokens than the network is wide; float32 only.
    """

    kind: Literal["lora", "full"] = "lora"
    rank: int = 32
    alpha: float = 64.0
    targets: Targets = "attn"
    start: Path | None = None
    reference: Literal["base", "start"] = "base"
    products: Literal["fp32", "network"] = "fp32"
    applied: Literal["beside", "merged"] = "beside"

    def __post_init__(self) -> None:
        typed(self)
        counts(self, "rank")
        positive(alpha=self.alpha)
        if self.kind == "full":
            self._require_no_lora()
        if self.reference == "start" and self.start is None:
            raise ValueError("reference=start needs adapter.start, the LoRA that it means")
        if self.applied == "merged" and self.products == "network":
            raise ValueError(
                "applied=merged has no products of the adapter's own, and products=network lowers "
                "them: choose one"
            )

    def _require_no_lora(self) -> None:
        given = [
            f"adapter.{one.name}={getattr(self, one.name)}"
            for one in fields(self)
            if one.name != "kind" and getattr(self, one.name) != one.default
        ]
        if given:
            raise ValueError(
                f"adapter.kind=full trains all weights, and {', '.join(given)} is of a LoRA: leave "
                "it out (weights to begin with are model.source's), or take adapter.kind=lora"
            )


@dataclass(frozen=True)
class Texts:
    """Prompts as the network sees them.

    Attributes:
        tokens: of T5's part; 77 of CLIP's come before.
        cache: the folder of computed embeddings; null keeps them in memory.
        precompute: encode every prompt at the start, each process its share of them, then give the
            encoders' memory back.
        memory: GiB of embeddings that a process holds; those used longest ago are read from the
            cache again, or encoded. Without a cache what was precomputed is all kept.
    """

    tokens: int = 128
    cache: Path | None = CACHE
    precompute: bool = False
    memory: float = 1.0

    def __post_init__(self) -> None:
        typed(self)
        if not 1 <= self.tokens <= 512:
            raise ValueError(f"tokens must lie in 1 ... 512, got {self.tokens!r}")
        positive(memory=self.memory)


@dataclass(frozen=True)
class Vae:
    """Decoding.

    Attributes:
        dtype: what it computes in.
        tiled: decode in overlapping tiles, for large images in little memory.
        batch: images decoded at once.
    """

    dtype: Precision = "bf16"
    tiled: bool = False
    batch: int = 8

    def __post_init__(self) -> None:
        typed(self)
        counts(self, "batch")


@dataclass(frozen=True)
class Data:
    """Prompts.

    Attributes:
        prompts: a .txt or .jsonl file, or a folder with both splits.
        holdout: a file of prompts to evaluate on, or how many to hold out of `prompts`; null takes
            a folder's test split, and evaluates on nothing where there is none.
    """

    prompts: Path | None = None
    holdout: int | Path | None = None


@dataclass(frozen=True)
class Rewards:
    """What is rewarded.

    Attributes:
        weights: by name; `refimpl sd3 rewards` lists the installed ones.
        evaluation: the same for held-out images alone; null judges them by `weights`.
        options: keyword arguments of a reward, by name; `device: cuda` is each process's own GPU.
        normalise: "together" standardises the weighted sum, "apart" each reward by itself.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: {"jpeg_compressibility": 1.0})
    evaluation: Mapping[str, float] | None = None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    normalise: Literal["together", "apart"] = "together"

    def __post_init__(self) -> None:
        typed(self)
        for key, weights in (("weights", self.weights), ("evaluation", self.evaluation)):
            if weights is not None and not weights:
                raise ValueError(
                    f"a run needs at least one reward, such as rewards.{key}={{ocr: 1}}"
                )
            for name, weight in (weights or {}).items():
                if not math.isfinite(weight) or weight == 0:
                    raise ValueError(f"{key}.{name} must be finite and not 0, got {weight!r}")
        if stray := self.options.keys() - self.weights.keys() - (self.evaluation or {}).keys():
            raise ValueError(f"options for {sorted(stray)}, which have no weight")
