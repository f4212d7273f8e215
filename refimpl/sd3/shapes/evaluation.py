"""What the miniature can do: strict reward by category, and how varied its pictures are.

    strict      the share of pictures that are all right; so many of each held-out caption
    distance    ‖image − image′‖ between two pictures of one caption, pixels in [−1, 1]
    layouts     different arrangements among the pictures of one caption (which object, where, to
                the pixel)

Reward that rises while distance and layouts fall was bought with diversity.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from diffusers import StableDiffusion3Pipeline
from jaxtyping import Float
from torch import Tensor

from ...equations import ode
from ...simulate.grids import Grid
from ...simulate.ode import solve
from ..model.images import Decoder
from ..model.policy import Policy
from ..model.text import Text
from .captions import CATEGORIES, Caption
from .drawing import SIDE, draw
from .reading import read
from .reward import marks
from .words import Words


@dataclass(frozen=True)
class Evaluation:
    """Pictures of several captions, judged.

    Attributes:
        strict, dense: means over all pictures.
        categories: the mean of strict by category.
        distance: the mean over pairs of pictures of one caption.
        layouts: the mean over captions.
        each: pictures of each caption.
    """

    strict: float
    dense: float
    categories: dict[str, float]
    distance: float
    layouts: float
    each: int


def evaluate(
    images: Float[Tensor, "captions each 3 16 16"], captions: Sequence[Caption]
) -> Evaluation:
    """Judge several pictures of each caption.

    Raises:
        ValueError: fewer than two pictures a caption.
    """
    if images.ndim != 5 or images.shape[1] < 2:
        raise ValueError(
            f"images must be [captions, each >= 2, 3, {SIDE}, {SIDE}], got {tuple(images.shape)}"
        )
    each = images.shape[1]
    flat = images.flatten(0, 1)
    strict, dense = marks(flat, [caption for caption in captions for _ in range(each)])
    by_caption = strict.reshape(-1, each).mean(dim=1)
    among = {
        c: [i for i, caption in enumerate(captions) if caption.category == c] for c in CATEGORIES
    }
    return Evaluation(
        strict=strict.mean().item(),
        dense=dense.mean().item(),
        categories={c: by_caption[rows].mean().item() for c, rows in among.items() if rows},
        distance=_distance(images),
        layouts=_layouts(flat, each),
        each=each,
    )


def _distance(images: Float[Tensor, "captions each 3 16 16"]) -> float:
    each = images.shape[1]
    rows = 2 * images.flatten(2)
    apart = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    return (apart.sum(dim=(1, 2)) / (each * (each - 1))).mean().item()


def _layouts(images: Float[Tensor, "B 3 16 16"], each: int) -> float:
    found = read(images).found.flatten(1).reshape(-1, each, 12 * 144)
    return sum(len(rows.unique(dim=0)) for rows in found) / len(found)


def drawn(
    captions: Sequence[Caption], each: int, generator: torch.Generator
) -> Float[Tensor, "captions each 3 16 16"]:
    """True pictures, for comparison."""
    flat = draw([caption for caption in captions for _ in range(each)], generator)
    return flat.reshape(-1, each, *flat.shape[1:])


@torch.no_grad()
def sampled(
    pipeline: StableDiffusion3Pipeline,
    captions: Sequence[Caption],
    each: int,
    grid: Grid,
    *,
    guidance: float,
    seed: int,
    guided: Collection[int] | None = None,
    batch: int = 256,
) -> Float[Tensor, "captions each 3 16 16"]:
    """Pictures made by the flow's ODE, Euler's steps on `grid`, in [0, 1] on the CPU.

    Args:
        guidance: as diffusers counts it; 1 is the conditional field alone.
        seed: of the noise; the same seed and number of pictures give the same noise.
        guided: the steps with guidance, by index; None: all.
    """
    transformer, words = pipeline.transformer, Words()
    device = transformer.device
    negative = words([""]).to(device)
    policies = {
        scale: Policy(
            transformer,
            transformer,
            transformer.dtype,
            negative,
            scale,
            unconditional_gradient=True,
        )
        for scale in (1.0, guidance)
    }
    steps = range(grid.T) if guided is None else guided
    at = {t: guidance if i in steps else 1.0 for i, t in enumerate(grid.levels)}
    text = words([caption.text for caption in captions for _ in range(each)])
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(text), 3, SIDE, SIDE, generator=generator)
    decode, images = Decoder(pipeline, batch=batch, tiled=False), []
    for rows in torch.split(torch.arange(len(text)), batch):
        told = text.rows(rows).to(device)

        def field(x: Tensor, t: float, told: Text = told) -> Tensor:
            return policies[at[t]].velocity(x, torch.full((len(x),), t, device=x.device), told)

        z = solve(ode.euler, field, noise[rows].to(device), grid)
        images.append(decode(z).cpu())
    return torch.cat(images).reshape(-1, each, 3, SIDE, SIDE)
