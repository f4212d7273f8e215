"""A reward is a function of images, prompts and metadata; `judge` calls it and checks its answer.

    scores, extras = reward(images, prompts, metadata)

Images are [B, 3, H, W], float32, in [0, 1]. Scores are one float32 number an image, the more the
better; NaN means *not scored* (a detector that found nothing to read, a server that gave up on one
image). Extras are further numbers an image, by name, for the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

Metadata: TypeAlias = Sequence[Mapping[str, Any]]
"""One mapping an image: what the prompt file says beside the prompt."""
Answer: TypeAlias = tuple[Float[Tensor, " B"], Mapping[str, Float[Tensor, " B"]]]


class Reward(Protocol):
    """What an image is worth, given its prompt; any function of this form is one."""

    def __call__(
        self, images: Float[Tensor, "B 3 H W"], prompts: Sequence[str], metadata: Metadata
    ) -> Answer:
        """Scores of shape (B,), and extras of shape (B,) by name."""
        ...


class RewardError(RuntimeError):
    """A reward raised, or answered in a form that cannot be used: the run stops."""


def judge(
    name: str,
    reward: Reward,
    images: Float[Tensor, "B 3 H W"],
    prompts: Sequence[str],
    metadata: Metadata,
) -> Answer:
    """The reward's answer, checked; on the CPU, without gradients, NaN where it did not score.

    Args:
        name: what to call it in messages.

    Raises:
        ValueError: images that are not [B, 3, H, W] float32 in [0, 1], or another number of prompts
            or metadata: the caller's mistake.
        RewardError: it raised, or its answer has the wrong kind, number or is infinite.
    """
    _require_images(images, len(prompts), len(metadata))
    try:
        with torch.no_grad():  # per thread: rewards may run beside the rollout
            answer = reward(images.detach(), prompts, metadata)
    except Exception as error:
        kind = "" if isinstance(error, RewardError) else f"{type(error).__name__}: "
        raise RewardError(
            f"reward {name!r} failed on {len(images)} images: {kind}{error}"
        ) from error
    if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], Mapping)):
        raise RewardError(
            f"reward {name!r} must return (scores, extras), a tensor and a mapping of tensors, "
            f"got {type(answer).__name__}"
        )
    scores, extras = answer
    return (
        _numbers(f"reward {name!r}", scores, len(images)),
        {key: _numbers(f"extra {name}/{key}", x, len(images)) for key, x in extras.items()},
    )


def _require_images(images: Tensor, prompts: int, metadata: int) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.float32:
        raise ValueError(
            f"rewards take images [B, 3, H, W] in float32, got {tuple(images.shape)} in "
            f"{images.dtype}"
        )
    if not len(images) == prompts == metadata:
        raise ValueError(
            f"{len(images)} images, {prompts} prompts and {metadata} metadata: one of each an image"
        )
    if len(images):
        low, high = (x.item() for x in torch.aminmax(images))
        if not 0 <= low <= high <= 1:
            raise ValueError(f"images must lie in [0, 1], got values from {low!r} to {high!r}")


def _numbers(what: str, values: Any, count: int) -> Tensor:
    """`values` as float32 on the CPU.

    Raises:
        RewardError: not a tensor, not one number an image, or infinite.
    """
    if not isinstance(values, Tensor):
        raise RewardError(f"{what} must be a tensor, got {type(values).__name__}")
    if values.shape != (count,):
        raise RewardError(
            f"{what} must be one number an image, shape ({count},), got {tuple(values.shape)}"
        )
    if bool(values.isinf().any()):
        raise RewardError(f"{what} is infinite for {int(values.isinf().sum())} of {count} images")
    return values.detach().to("cpu", torch.float32)
