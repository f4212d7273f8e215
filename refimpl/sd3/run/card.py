"""The model card of an adapter, or of a transformer: what it was made from, and how to use it."""

from collections.abc import Mapping

import yaml

from ..settings.config import DTYPES, Config, plain

SHOWN = ("adapter", "sampling", "method", "training", "ema", "rewards")
"""The sections of the configuration that a card repeats."""
FOLDERS = {"lora": "adapter", "full": "transformer"}
"""What is exported, and the folder's name, by `adapter.kind`."""
UNTOUCHED = "**This {} is untouched**: the run was too short for the average to move (`ema.every`)."
TITLES = {"lora": "A LoRA trained by Flow-GRPO", "full": "A transformer trained by Flow-GRPO"}
PRECISION = (
    "All weights of the transformer were trained and are here, in float32; the run computed in "
    "{0}, to which `dtype` rounds them."
)
IMPORTS = {
    "lora": "from diffusers import StableDiffusion3Pipeline",
    "full": "import torch\nfrom diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline",
}
LOADED = {
    "lora": 'pipeline = StableDiffusion3Pipeline.from_pretrained("{0}")\n'
    'pipeline.load_lora_weights("this folder")\n',
    "full": 'transformer = SD3Transformer2DModel.from_pretrained("this folder", dtype={1})\n'
    "pipeline = StableDiffusion3Pipeline.from_pretrained(\n"
    '    "{0}", transformer=transformer, dtype={1}\n)\n',
}
"""How diffusers takes it, by kind: base model and dtype are filled in."""


def write(
    config: Config,
    iterations: int,
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    moved: bool = True,
) -> str:
    """README.md of what was trained.

    Args:
        before, after: held-out means by reward; empty where nothing was evaluated.
        moved: whether the average has left the weights that the run began with.
    """
    base, kind, dtype = config.model.source, config.adapter.kind, str(DTYPES[config.model.dtype])
    folder = FOLDERS[kind]
    if config.model.random_init is not None:
        base = f"random weights ({config.model.random_init}); of no use but for tests"
    settings = {name: values for name, values in plain(config).items() if name in SHOWN}
    rows = [
        f"| {name} | {before[name]:.4g} | {after[name]:.4g} |" for name in after if name in before
    ]
    table = ["| held out | before | after |", "| --- | --- | --- |", *rows] if rows else []
    head = {
        "base_model": config.model.source,
        "library_name": "diffusers",
        "tags": [*(["lora"] if kind == "lora" else []), "text-to-image", "flow-grpo", "refimpl"],
        "license": "other",
    }
    lines = [
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
        f"# {TITLES[kind]}",
        f"Base: {base}. The base model's licence governs this {folder} too; read it before you "
        "publish or use either.",
        f"Trained for {iterations} iterations of {config.images} images with refimpl; the weights "
        "are the exponential average.",
        *([PRECISION.format(dtype)] if kind == "full" else []),
        *([] if moved else [UNTOUCHED.format(folder)]),
        *(["\n".join(table)] if table else []),
        f"```python\n{IMPORTS[kind]}\n\n"
        f"{LOADED[kind].format(config.model.source, dtype)}"
        f'image = pipeline("a prompt", num_inference_steps={config.sampling.eval_steps}, '
        f"guidance_scale={config.sampling.guidance:g}).images[0]\n```",
        f"Settings:\n\n```yaml\n{yaml.safe_dump(settings, sort_keys=False)}```",
    ]
    return "\n\n".join(lines) + "\n"
