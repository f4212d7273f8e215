"""From latents to images in [0, 1], and images on a sheet with captions.

The decoder is diffusers' own, in batches; it is the one place where values are limited to their
range, by diffusers' `VaeImageProcessor`.
"""

import io
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


class Decoder:
    """Latents to images.

    Args:
        pipeline: with a VAE and an image processor.
        batch: latents decoded at once.
        tiled: in overlapping tiles.
    """

    def __init__(self, pipeline: Any, *, batch: int, tiled: bool) -> None:
        self.vae, self.processor, self.batch = pipeline.vae, pipeline.image_processor, batch
        if tiled:
            self.vae.enable_tiling()

    @torch.no_grad()
    def __call__(self, latents: Float[Tensor, "n C H W"]) -> Float[Tensor, "n 3 h w"]:
        """float32, in [0, 1], on the latents' device."""
        settings, images = self.vae.config, []
        for chunk in torch.split(latents, self.batch):
            unscaled = chunk / settings.scaling_factor + settings.shift_factor
            decoded = self.vae.decode(unscaled.to(self.vae.dtype), return_dict=False)[0]
            images.append(self.processor.postprocess(decoded, output_type="pt").float())
        return torch.cat(images)


def sheet(
    images: Float[Tensor, "n 3 h w"], captions: Sequence[str], *, columns: int = 4, side: int = 256
) -> bytes:
    """A PNG of images in rows, a caption under each."""
    from PIL import Image, ImageDraw

    line, rows = 28, -(-len(images) // columns)
    page = Image.new("RGB", (columns * side, rows * (side + line)), "white")
    pen = ImageDraw.Draw(page)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        pixels = (image.cpu().permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        picture = Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)
        left, top = i % columns * side, i // columns * (side + line)
        page.paste(picture, (left, top))
        pen.text((left + 4, top + side + 2), caption[: side // 6], fill="black")
    buffer = io.BytesIO()
    page.save(buffer, format="PNG")
    return buffer.getvalue()
