"""A diffusion transformer: pictures as sequences of patches, conditioned by adaLN-zero.

    h ← h + g₁ · attention(scale₁ · LN(h) + shift₁),    h ← h + g₂ · MLP(scale₂ · LN(h) + shift₂)

The six vectors of a block are linear in e(t, y), and that linear map starts at zero: every block
begins as the identity, and the whole network as the zero field (Peebles & Xie 2023,
arXiv:2212.09748, Section 3.2). An 8 × 8 picture in patches of 2 is a sequence of 16; 64 wide and 4
deep the network has 0.3 million parameters.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

from .condition import Condition


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _modulate(h: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """LN(h) without weights of its own, scaled and shifted by what the block is told."""
    return nn.functional.layer_norm(h, h.shape[-1:]) * (1 + scale) + shift


class DiTBlock(nn.Module):
    """Self-attention and an MLP, each gated by adaLN-zero."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.told = _zero(nn.Linear(width, 6 * width))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, h: Float[Tensor, "B N W"], e: Float[Tensor, "B W"]) -> Float[Tensor, "B N W"]:
        """The sequence h, one block on."""
        told = self.told(silu(e))[:, None, :].chunk(6, dim=-1)
        scale1, shift1, gate1, scale2, shift2, gate2 = told
        h = h + gate1 * self._attention(_modulate(h, scale1, shift1))
        answer: Tensor = h + gate2 * self.mlp(_modulate(h, scale2, shift2))
        return answer

    def _attention(self, h: Tensor) -> Tensor:
        B, N, W = h.shape
        split = self.qkv(h).reshape(B, N, 3, self.heads, W // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, W)
        answer: Tensor = self.out(mixed)
        return answer


class DiT(nn.Module):
    """(x, t, y) ↦ a picture shaped like x.

    Attributes:
        size: height and width of x.
        patch: height and width of a patch; it divides `size`.
        width: of a token; heads divide it.

    Raises:
        ValueError: sizes that do not divide.
    """

    def __init__(
        self,
        *,
        size: int = 8,
        patch: int = 2,
        image: int = 1,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        labels: int = 0,
    ) -> None:
        super().__init__()
        if size % patch or width % heads:
            raise ValueError(
                f"patches must divide the picture and heads the width, got size={size}, "
                f"patch={patch}, width={width}, heads={heads}"
            )
        self.size, self.patch, self.image = size, patch, image
        self.condition = Condition(width, labels)
        self.place = nn.Parameter(torch.randn((size // patch) ** 2, width) * width**-0.5)
        self.first = nn.Linear(image * patch**2, width)
        self.blocks = nn.ModuleList(DiTBlock(width, heads) for _ in range(depth))
        self.told = _zero(nn.Linear(width, 2 * width))
        self.last = _zero(nn.Linear(width, image * patch**2))

    def patchify(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N P"]:
        """Non-overlapping patches, row by row, each flattened to C · patch² numbers."""
        flat = nn.functional.unfold(x, self.patch, stride=self.patch)
        return flat.transpose(1, 2)

    def unpatchify(self, h: Float[Tensor, "B N P"]) -> Float[Tensor, "B C H W"]:
        """The inverse of `patchify`."""
        size = (self.size, self.size)
        return nn.functional.fold(h.transpose(1, 2), size, self.patch, stride=self.patch)

    def forward(
        self,
        x: Float[Tensor, "B C H W"],
        t: Float[Tensor, " B"],
        y: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B C H W"]:
        """The answer at x, at noise level t, under label y (None: the null label).

        Raises:
            ValueError: shapes that do not fit, or a label out of range.
        """
        expected = (self.image, self.size, self.size)
        if x.shape[1:] != expected or t.shape != x.shape[:1]:
            raise ValueError(
                f"this network takes x (B, {', '.join(map(str, expected))}) and t (B,), got "
                f"{tuple(x.shape)} and {tuple(t.shape)}"
            )
        e = self.condition(t, y)
        h = self.first(self.patchify(x)) + self.place
        for block in self.blocks:
            h = block(h, e)
        scale, shift = self.told(silu(e))[:, None, :].chunk(2, dim=-1)
        return self.unpatchify(self.last(_modulate(h, scale, shift)))
