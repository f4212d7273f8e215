"""What SD3.5's networks cost: floating-point operations and bytes, counted from configurations.

    forward(transformer, image tokens, text tokens)      a multiplication and an addition are two

Operations are exact (the tests compare with torch's counter); memory of activations is a fit to two
measured values and good to a few percent.
"""

from collections.abc import Mapping
from typing import Any

BACKWARD = 1.21
"""Gradients through frozen weights into an adapter, over the forward pass: 2.7 against 2.224 TFLOP
for SD3.5-medium at 512 pixels."""
FULL_BACKWARD = 2.0
"""The same where all weights are trained: a product's gradient is two products."""
FULL_BYTES = {"fp32": (100.2, 33.5), "bf16": (62.2, 28.5), "fp16": (62.2, 28.5)}
"""Activations kept where all weights are trained, as the two numbers below, but in bytes of the
run's own precision: every product keeps what entered it, and under autocast a norm keeps float32.
Counted on transformers of two and four layers."""
ATTENTION_BYTES, DUAL_BYTES = 48.2, 16.1
"""Activations kept for the backward pass, a token, layer and channel, in 16 bits: of every block,
and more where there is a second attention. Fitted to 2.40 GiB (medium, 512 pixels) and 5.1
(large)."""


def image_tokens(transformer: Mapping[str, Any], resolution: int) -> int:
    """Tokens of an image of that many pixels a side: 16 by 16 pixels each."""
    side = resolution // (8 * int(transformer["patch_size"]))
    return side * side


def width(transformer: Mapping[str, Any]) -> int:
    """Channels of a token."""
    return int(transformer["num_attention_heads"]) * int(transformer["attention_head_dim"])


def forward(transformer: Mapping[str, Any], image: int, text: int) -> float:
    """Operations of one forward pass of one sample, adapter not counted."""
    d, layers = width(transformer), int(transformer["num_layers"])
    patch = int(transformer["patch_size"]) ** 2
    both, dual = image + text, len(transformer["dual_attention_layers"])
    embed = (
        image * patch * transformer["in_channels"] * d
        + text * transformer["joint_attention_dim"] * d
        + d * (256 + transformer["pooled_projection_dim"] + 2 * d)
    )
    block = 4 * both * d * d + 2 * both * both * d + 8 * both * d * d + 12 * d * d
    second = 4 * image * d * d + 2 * image * image * d + 3 * d * d
    last = text * d * d + 8 * text * d * d + 4 * d * d  # the last block drops its text
    out = 2 * d * d + image * d * patch * transformer["out_channels"]
    return 2.0 * (embed + layers * block + dual * second - last + out)


def decode(resolution: int) -> float:
    """Operations of the VAE's decoder for one image: 2.5 TFLOP at 512 pixels, 10.4 at 1024."""
    tokens = (resolution // 8) ** 2
    return 2.466e12 * (resolution / 512) ** 2 + 4.0 * tokens**2 * 512


def adapter_parameters(transformer: Mapping[str, Any], rank: int, targets: str) -> int:
    """Of the LoRA: 18,776,064 for SD3.5-medium at rank 32 on the joint attention."""
    modules = 8 * int(transformer["num_layers"]) - 1
    if targets == "attn+attn2":
        modules += 4 * len(transformer["dual_attention_layers"])
    return modules * 2 * width(transformer) * rank


def activation_bytes(
    transformer: Mapping[str, Any],
    image: int,
    text: int,
    each: tuple[float, float] = (ATTENTION_BYTES, DUAL_BYTES),
) -> float:
    """Activations that a row keeps for its backward pass, without checkpointing.

    Args:
        each: bytes a token, layer and channel, and more where there is a second attention; by
            default an adapter's in 16 bits.
    """
    layers, dual = int(transformer["num_layers"]), len(transformer["dual_attention_layers"])
    channels = width(transformer) * (layers * each[0] + dual * each[1])
    return channels * (image + text)
