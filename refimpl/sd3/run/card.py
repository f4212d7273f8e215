"""The model card of an adapter: what it was made from, how, and how to use it."""

from collections.abc import Mapping

import yaml

from ..settings.config import Config, plain

SHOWN = ("adapter", "sampling", "method", "training", "ema", "rewards")
"""The sections of the configuration that a card repeats."""
UNTOUCHED = (
    "**This adapter is untouched**: the run was too short for the average to move (`ema.every`)."
)


def write(
    config: Config,
    iterations: int,
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    moved: bool = True,
) -> str:
    """README.md of an adapter.

    Args:
        before, after: held-out means by reward; empty where nothing was evaluated.
        moved: whether the average has left the weights that the run began with.
    """
    base = config.model.source
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
        "tags": ["lora", "text-to-image", "flow-grpo", "refimpl"],
        "license": "other",
    }
    lines = [
        f"---\n{yaml.safe_dump(head, sort_keys=False)}---",
        "# A LoRA trained by Flow-GRPO",
        f"Base: {base}. The base model's licence governs this adapter too; read it before you "
        "publish or use either.",
        f"Trained for {iterations} iterations of {config.images} images with refimpl; the weights "
        "are the exponential average.",
        *([] if moved else [UNTOUCHED]),
        *(["\n".join(table)] if table else []),
        "```python\nfrom diffusers import StableDiffusion3Pipeline\n\n"
        f'pipeline = StableDiffusion3Pipeline.from_pretrained("{config.model.source}")\n'
        'pipeline.load_lora_weights("this folder")\n'
        f'image = pipeline("a prompt", num_inference_steps={config.sampling.eval_steps}, '
        f"guidance_scale={config.sampling.guidance:g}).images[0]\n```",
        f"Settings:\n\n```yaml\n{yaml.safe_dump(settings, sort_keys=False)}```",
    ]
    return "\n\n".join(lines) + "\n"
