"""The parts of a run, from its configuration: pipeline, adapter, texts, decoder.

    parts = assemble(config, device)      parts.encode(prompts), parts.decode(latents), parts.latent

A trainer needs no more than `Parts`: a model without VAE or text encoders brings its own.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..model import calling, whole
from ..model.calling import Call
from ..model.images import Decoder
from ..model.pipelines import at_random, load, scheduler_shift
from ..model.policy import add_adapter, lower_products, merge_products
from ..model.starts import begin_with
from ..model.text import Encoders, Store, Text
from ..settings.config import DTYPES, Config
from ..settings.sections import Adapter
from .compiling import compiled

SHIFT = 3.0
"""SD3.5's, of the grids "as_shipped" and "once_shifted"."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What is trained and what surrounds it.

    Attributes:
        transformer: with its adapter on, frozen but for it; or trained as a whole.
        encode: prompts to text, a row a prompt, on any device.
        decode: latents to images in [0, 1].
        latent: the shape of a latent, (C, H, W).
        dtype: what the transformer computes in.
        pipeline: what export saves the adapter through; None where there is none.
        call: how the transformer's family is asked for a velocity.
        frozen: the copy that the KL is measured from, where all weights are trained.
    """

    transformer: Any
    encode: Callable[[Sequence[str]], Text]
    decode: Callable[[Tensor], Tensor]
    latent: tuple[int, int, int]
    dtype: torch.dtype
    pipeline: Any = None
    call: Call = calling.sd3
    frozen: Any = None


def assemble(
    config: Config,
    device: torch.device,
    prompts: Sequence[str] = (),
    *,
    rank: int = 0,
    world: int = 1,
) -> Parts:
    """Load or make the pipeline, and fit it for training.

    Args:
        prompts: every prompt of the run, encoded now if `text.precompute` asks for it.
        rank, world: the share of them that this process encodes, for a cache that all read.

    Raises:
        ValueError: weights that cannot be loaded, or a resolution that the model cannot take.
    """
    dtype = DTYPES[config.model.dtype]
    if dtype == torch.float16 and device.type == "cpu":
        raise ValueError("model.dtype=fp16 needs a GPU: on a CPU choose fp32 or bf16")
    pipeline = _pipeline(config, dtype, device)
    _latent(config.sampling.resolution, pipeline)
    return fitted(config, pipeline, _texts(config, pipeline, device, prompts, rank, world), device)


def fitted(
    config: Config,
    pipeline: Any,
    encode: Callable[[Sequence[str]], Text],
    device: torch.device,
) -> Parts:
    """Parts from a pipeline and an encoder of your own: adapter on, the rest frozen, on `device`.

    Raises:
        ValueError: a resolution that the model cannot take.
    """
    transformer, full = pipeline.transformer, config.adapter.kind == "full"
    dtype = DTYPES[config.model.dtype] if full else transformer.dtype
    latent = _latent(config.sampling.resolution, pipeline)
    vae = pipeline.vae.to(device).requires_grad_(False)
    if vae.dtype != DTYPES[config.vae.dtype]:
        vae.to(dtype=DTYPES[config.vae.dtype])
    transformer.to(device).eval()
    attention(transformer, config.model.attention)
    frozen = None
    if full:
        frozen = whole.begin(transformer, dtype, reference=config.method.beta > 0)
    else:
        _adapted(transformer, config.adapter, config.run.seed)
    if config.model.gradient_checkpointing:
        transformer.enable_gradient_checkpointing()
    for network in (transformer, frozen):
        if network is not None:
            compiled(network, config.model.compile)
    decode = Decoder(pipeline, batch=config.vae.batch, tiled=config.vae.tiled)
    return Parts(transformer, encode, decode, latent, dtype, pipeline, frozen=frozen)


def _adapted(transformer: Any, settings: Adapter, seed: int) -> None:
    """Put the LoRA on, as the settings have it."""
    add_adapter(
        transformer,
        rank=settings.rank,
        alpha=settings.alpha,
        targets=settings.targets,
        seed=seed,
    )
    if settings.start is not None:
        begin_with(transformer, settings.start, reference=settings.reference == "start")
    if settings.products == "network":
        lower_products(transformer)
    if settings.applied == "merged":
        merge_products(transformer)


def attention(transformer: Any, backend: str | None) -> None:
    """Choose who computes the attention.

    Raises:
        ValueError: a backend that diffusers does not know, or that is not installed.
    """
    if backend is None:
        return
    try:
        transformer.set_attention_backend(backend)
    except (ValueError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"model.attention={backend} cannot be had: {reason}") from None


def _pipeline(config: Config, dtype: torch.dtype, device: torch.device) -> Any:
    model = config.model
    if model.random_init is not None:
        return at_random(model.random_init, seed=config.run.seed, dtype=dtype, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        pipeline = load(
            model.source,
            dtype=dtype,
            revision=model.revision,
            t5=model.t5,
            transformer=torch.float32 if config.adapter.kind == "full" else dtype,
        )
    require_grid(config.sampling.grid, scheduler_shift(pipeline.scheduler))
    return pipeline


def require_grid(grid: str, shift: float) -> None:
    """Refuse to train on other levels than the pipeline samples on, unless they are asked for.

    Raises:
        ValueError: a scheduler_config.json with another shift than SD3.5's, and a grid of SD3.5's.
    """
    if grid in ("uniform", "shifted") or shift == SHIFT:
        return
    remedy = f'set "shift": {SHIFT:g} there, or take sampling.grid=shifted sampling.shift={shift:g}'
    if shift == 1:
        remedy = "take sampling.grid=uniform, which is the same"
    raise ValueError(
        f"the pipeline's scheduler_config.json has shift={shift:g}, and sampling.grid={grid} has "
        f"SD3.5's {SHIFT:g}: {remedy}"
    )


def _latent(resolution: int, pipeline: Any) -> tuple[int, int, int]:
    settings = pipeline.transformer.config
    factor = pipeline.vae_scale_factor
    largest = settings.pos_embed_max_size * settings.patch_size * factor
    if resolution > largest or resolution % (factor * settings.patch_size):
        raise ValueError(
            f"sampling.resolution={resolution} does not suit this model: it takes multiples of "
            f"{factor * settings.patch_size} up to {largest}"
        )
    return settings.in_channels, resolution // factor, resolution // factor


def _texts(
    config: Config,
    pipeline: Any,
    device: torch.device,
    prompts: Sequence[str],
    rank: int,
    world: int,
) -> Callable[[Sequence[str]], Text]:
    for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        encoder = getattr(pipeline, name)
        if encoder is not None:
            encoder.to(device).requires_grad_(False)
    encoders, folder = Encoders(pipeline, tokens=config.text.tokens), config.text.cache
    all_kept = folder is None and config.text.precompute
    limit = math.inf if all_kept else config.text.memory * 2**30
    store = Store(encoders, digest=encoders.digest(), folder=folder, limit=limit)
    if config.text.precompute:
        store.prepare(["", *(prompts if folder is None else prompts[rank::world])])
        encoders.release()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return store
