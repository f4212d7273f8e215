"""ImageReward (Xu et al. 2023, arXiv:2304.05977): human preference, standardised, about −2 to 2."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .images import as_pictures
from .protocol import Answer, Metadata, Reward, RewardError
from .weights import package


def image_reward(source: str = "ImageReward-v1.0", *, device: str = "cpu") -> Reward:
    """The reward; it needs the `imagereward` extra.

    Its package pins old libraries: where it cannot be imported beside the others, serve it from an
    environment of its own (`refimpl.sd3.rewards.server`) and use `remote`.

    Args:
        source: the model's name, which the package downloads, or the path of its file.
    """
    library = package("ImageReward", install="refimpl[imagereward]")
    try:
        model = library.load(source, device=device)
    except Exception as error:
        raise RewardError(f"ImageReward could not load {source!r}: {error}") from error

    def score(images: Tensor, prompts: Sequence[str], metadata: Metadata) -> Answer:
        rows = zip(prompts, as_pictures(images), strict=True)
        return torch.tensor([float(model.score(text, picture)) for text, picture in rows]), {}

    return score
