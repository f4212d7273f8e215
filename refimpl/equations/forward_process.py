"""Reinforcement without likelihoods: rewards weigh flow matching on the samples' own noising.

    x_t = (1 − t) x_0 + t ε,  ε fresh,      target v* = ε − x_0,      x_0 a sample with a reward

No step is scored, so any sampler will do for the rollout. DiffusionNFT contrasts two velocities on
either side of the old one; AWM weighs the matching loss by the advantage. At the old policy their
gradients are parallel.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Advantage, Argument, Limit, OldVelocity, Target, Velocity
from .domain import POSITIVE, SHARE
from .elementary import Num, maximum, minimum
from .registry import equation

Width: TypeAlias = Annotated[
    Num, Argument("b", "how far the two mirrored policies lie from the old one", POSITIVE, SAMPLE)
]
Optimality: TypeAlias = Annotated[
    Num,
    Argument("r", "the chance that the sample is a good one", SHARE, SAMPLE, between=("0", "1")),
]


@equation("forward_process.optimality", rows=("GRPO-3",), also=(("nft2025", ""),))
def optimality(advantage: Advantage, limit: Limit) -> Num:
    """r = ½ + ½ clip(A/A_max, −1, 1): an advantage as the chance that a sample is a good one.

    Raises:
        ValueError: limit ≤ 0, NaN, or shapes that do not agree.
    """
    return (1 + minimum(maximum(advantage / limit, -1), 1)) / 2


@equation("forward_process.positive_velocity", rows=("GRPO-4",), also=(("nft2025", ""),))
def positive_velocity(v: Velocity, v_old: OldVelocity, b: Width) -> Num:
    """v⁺ = v_old + b (v − v_old): the policy that good samples are matched with.

    Raises:
        ValueError: b ≤ 0, NaN, or shapes that do not agree.
    """
    return v_old + b * (v - v_old)


@equation("forward_process.negative_velocity", rows=("GRPO-4",), also=(("nft2025", ""),))
def negative_velocity(v: Velocity, v_old: OldVelocity, b: Width) -> Num:
    """v⁻ = v_old − b (v − v_old): its mirror image, matched with the bad ones.

    Raises:
        ValueError: b ≤ 0, NaN, or shapes that do not agree.
    """
    return v_old - b * (v - v_old)


@equation("forward_process.nft", rows=("GRPO-4",), also=(("nft2025", ""),))
def nft(v: Velocity, v_old: OldVelocity, target: Target, optimal: Optimality, b: Width) -> Num:
    """r (v⁺ − v*)² + (1 − r)(v⁻ − v*)², per coordinate: to be minimised.

    Args:
        v: the velocity at (x_t, t), shape (B, ...).
        v_old: that of the policy that sampled, shaped like v.
        target: ε − x_0, shaped like v.
        optimal: r of `optimality`, shaped to meet v.
        b: the width of the contrast; 1 matches v itself with the good ones.

    Raises:
        ValueError: r outside [0, 1], b ≤ 0, NaN, or shapes that do not agree.
    """
    good = positive_velocity(v, v_old, b)
    bad = negative_velocity(v, v_old, b)
    return optimal * (good - target) ** 2 + (1 - optimal) * (bad - target) ** 2


@equation("forward_process.awm", rows=("GRPO-4",), also=(("awm2025", ""),))
def awm(v: Velocity, target: Target, advantage: Advantage) -> Num:
    """A (v − v*)², per coordinate: flow matching on own samples, to be minimised.

    Unbounded below where A < 0: it needs the proximity that clipping or a KL gives.

    Args:
        v: the velocity at (x_t, t), shape (B, ...).
        target: ε − x_0, shaped like v.
        advantage: shaped to meet v.

    Raises:
        ValueError: NaN, or shapes that do not agree.
    """
    return advantage * (v - target) ** 2
