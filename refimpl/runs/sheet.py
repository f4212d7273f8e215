"""Small grey pictures in a grid, as one SVG with a PNG inside: digits, latents, anything (H, W)."""

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from .pictures import HEIGHT, WIDTH, page, text


def sheet(images: Tensor, rows: Sequence[str] = ()) -> str:
    """Grey pictures (R, C, H, W) in a grid, one named row each; −1 is white and 1 is black."""
    pixels = np.asarray(images.detach().double().clamp(-1, 1))
    R, C, H, W = pixels.shape
    paper = np.full((R * (H + 1), C * (W + 1)), 255, dtype=np.uint8)
    for r in range(R):
        for c in range(C):
            grey = np.round(127.5 * (1 - pixels[r, c])).astype(np.uint8)
            paper[r * (H + 1) : r * (H + 1) + H, c * (W + 1) : c * (W + 1) + W] = grey
    scale = min((WIDTH - 30) / paper.shape[1], 3.0)
    width, height = scale * paper.shape[1], scale * paper.shape[0]
    body = (
        f'<image x="30" y="4" width="{width:.1f}" height="{height:.1f}" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{_png(paper)}"/>'
    )
    for r, name in enumerate(rows):
        body += text(25, 4 + (r + 0.5) * height / R + 4, name, "end")
    return page(body).replace(f"0 0 {WIDTH} {HEIGHT}", f"0 0 {WIDTH} {height + 8:.0f}")


def _png(grey: np.ndarray) -> str:
    """An 8-bit grey image as PNG, in base64."""
    height, width = grey.shape
    raw = b"".join(b"\0" + row.tobytes() for row in grey)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    ]
    chunks = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()
