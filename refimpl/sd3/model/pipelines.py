"""Pipelines: SD3.5 from its published weights, or the same networks with random ones.

    load("stabilityai/stable-diffusion-3.5-medium")     a repository or a folder, safetensors only
    at_random("medium", seed=0)                         every network of SD3.5, nothing downloaded

What can go wrong while loading (a folder that is no pipeline, weights that are missing, gated or
pickled) becomes one line that says what to do.
"""

import textwrap
from pathlib import Path
from typing import Any

import torch

from ... import outside
from .architectures import ARCHITECTURES, Size
from .tokenizers import byte_level_clip, letters_t5

PIPELINE = "StableDiffusion3Pipeline"
SCHEDULER = "FlowMatchEulerDiscreteScheduler"
_BENDING = (
    "use_dynamic_shifting",
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "invert_sigmas",
    "stochastic_sampling",
    "shift_terminal",
)


def load(
    source: str,
    *,
    dtype: torch.dtype,
    revision: str | None = None,
    t5: bool = True,
    transformer: torch.dtype | None = None,
) -> Any:
    """`StableDiffusion3Pipeline.from_pretrained(source)`, safetensors only.

    Args:
        source: a folder made by `save_pretrained`, or the id of a repository.
        dtype: of all weights.
        revision: branch, tag or commit of a repository.
        t5: False leaves out the largest text encoder; zeros stand in for its part.
        transformer: another dtype for its weights, read from the files in no lower one.

    Raises:
        ValueError: no such folder or repository, no access, weights missing or not safetensors,
            or a pipeline of another class.
    """
    from diffusers import StableDiffusion3Pipeline
    from huggingface_hub import errors

    folder = Path(source)
    if folder.exists() or source.startswith((".", "/", "~")):
        _require_pipeline(folder)
    left_out: dict[str, Any] = {} if t5 else {"text_encoder_3": None, "tokenizer_3": None}
    try:
        pipeline = StableDiffusion3Pipeline.from_pretrained(
            source,
            dtype={"transformer": transformer or dtype, "default": dtype},
            revision=revision,
            use_safetensors=True,
            local_files_only=folder.is_dir(),
            **left_out,
        )
        if transformer is None or transformer == dtype:
            return pipeline.to(dtype)
        for name, part in pipeline.components.items():
            if isinstance(part, torch.nn.Module):
                part.to(transformer if name == "transformer" else dtype)
        return pipeline
    except errors.GatedRepoError:
        raise ValueError(
            f"{source} is gated: accept its licence at https://huggingface.co/{source}, then log "
            "in with `hf auth login` or give the folder of a copy that you have"
        ) from None
    except errors.RepositoryNotFoundError:
        raise ValueError(
            f"{source} is neither a folder here nor a repository that you can read: check the "
            "name, log in with `hf auth login`, or give the folder of a copy"
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = textwrap.shorten(str(error), 240, placeholder=" …")
        raise ValueError(
            f"{source} could not be loaded: {reason}; weights must be safetensors, in a folder or "
            "reachable repository (--random-init tiny needs none)"
        ) from error


def scheduler_shift(scheduler: Any) -> float:
    """The shift of a pipeline's scheduler, of whose levels this project has the law.

    Raises:
        ValueError: a scheduler of another class, or with settings that bend its levels otherwise.
    """
    kind, settings = type(scheduler).__name__, scheduler.config
    if kind != SCHEDULER:
        raise ValueError(f"the pipeline's scheduler is a {kind}; this trainer takes a {SCHEDULER}")
    bent = [name for name in _BENDING if settings.get(name)]
    if settings.get("num_train_timesteps") != 1000:
        bent.append("num_train_timesteps")
    if bent:
        told = ", ".join(f"{name}={settings.get(name)!r}" for name in bent)
        raise ValueError(
            f"scheduler_config.json asks for {told}: none of sampling.grid's grids has such levels"
        )
    return float(settings["shift"])


def _require_pipeline(folder: Path) -> None:
    index = folder / "model_index.json"
    if not folder.is_dir():
        raise ValueError(f"model.source {str(folder)!r} is not a folder that exists")
    if not index.is_file():
        raise ValueError(
            f"{folder} is not the folder of a pipeline: it has no model_index.json (a single "
            "network or checkpoint is not enough; give what save_pretrained wrote)"
        )
    try:
        kind = outside.settings(index).get("_class_name")
    except ValueError as error:
        raise ValueError(f"{index} is damaged: {error}") from None
    if kind != PIPELINE:
        raise ValueError(f"{folder} holds a {kind}; this trainer takes a {PIPELINE}")


def at_random(
    size: Size,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    text: bool = True,
) -> Any:
    """The pipeline of that size with random weights, made on `device`.

    Args:
        seed: of the weights; torch's global generators are left as they were.
        text: False leaves out the three text encoders, for timing with made-up embeddings.

    Raises:
        ValueError: an unknown size.
    """
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
    )

    if size not in ARCHITECTURES:
        raise ValueError(
            f"model.random_init must be one of {', '.join(ARCHITECTURES)}, got {size!r}"
        )
    plan, where = ARCHITECTURES[size], torch.device(device)
    devices = [where] if where.type == "cuda" else []
    before = torch.get_default_dtype()
    with torch.random.fork_rng(devices=devices), where:
        torch.manual_seed(seed)
        torch.set_default_dtype(dtype)
        try:
            networks = _text_networks(size) if text else dict.fromkeys(_TEXT)
            networks["transformer"] = SD3Transformer2DModel(**plan.transformer).eval()
            networks["vae"] = AutoencoderKL(**plan.vae).eval()
        finally:
            torch.set_default_dtype(before)
    scheduler = FlowMatchEulerDiscreteScheduler(**plan.scheduler)
    return StableDiffusion3Pipeline(scheduler=scheduler, **networks)


_TEXT = (
    "text_encoder",
    "text_encoder_2",
    "text_encoder_3",
    "tokenizer",
    "tokenizer_2",
    "tokenizer_3",
)
_CLIP_WORDS, _T5_WORDS = 49408, 32128


def _text_networks(size: Size) -> dict[str, Any]:
    from transformers import (
        CLIPTextConfig,
        CLIPTextModelWithProjection,
        T5Config,
        T5EncoderModel,
    )

    plan, clip_words, t5_words = ARCHITECTURES[size], byte_level_clip(), letters_t5()

    def clip_encoder(settings: dict[str, Any]) -> Any:
        special = {
            name: getattr(clip_words, name)
            for name in ("bos_token_id", "eos_token_id", "pad_token_id")
        }
        words = len(clip_words) if size == "tiny" else _CLIP_WORDS
        config = CLIPTextConfig(vocab_size=words, **special, **settings)
        return CLIPTextModelWithProjection(config).eval()

    words = len(letters_t5()) if size == "tiny" else _T5_WORDS
    return {
        "text_encoder": clip_encoder(plan.clip_l),
        "text_encoder_2": clip_encoder(plan.clip_g),
        "text_encoder_3": T5EncoderModel(T5Config(vocab_size=words, **plan.t5)).eval(),
        "tokenizer": clip_words,
        "tokenizer_2": byte_level_clip(),
        "tokenizer_3": t5_words,
    }
