"""What trainers do to the gradient, where it can be said exactly.

    centring on a group that holds the sample      (n − 1)/n of the gradient is left
    a ratio averaged over D coordinates            E r^(1/D) = e^{−K (1 − 1/D)/D} where E r = 1
    a batch used without its ratio                 the gradient of the policy that drew it

The sign is that of what is computed, less what is meant. What needs the normal law's integral, the
group's standard deviation and the clip, is in `refimpl.toy.grpo.bias`.
"""

from typing import Annotated, TypeAlias

from .arguments import SAMPLE, Argument, Divergence
from .domain import POSITIVE, REAL, SHARE, positive
from .elementary import Num, exp
from .registry import equation

Size: TypeAlias = Annotated[
    Num, Argument("n", "samples of a group, 2 or more", POSITIVE, SAMPLE, between=("2", "9"))
]
Success: TypeAlias = Annotated[
    Num, Argument("p", "the chance that a sample earns 1 and not 0", SHARE, SAMPLE)
]
Coordinates: TypeAlias = Annotated[
    Num, Argument("D", "the coordinates that are averaged over", POSITIVE, SAMPLE)
]
Nats: TypeAlias = Annotated[Divergence, "KL of the step between the old and the new policy, summed"]
Curvature: TypeAlias = Annotated[Num, Argument("c", "of the reward −c (x − goal)²/2", REAL, SAMPLE)]
Moved: TypeAlias = Annotated[
    Num, Argument("d", "how far the new policy's mean lies from the old one's", REAL)
]
CENTRED = "the expectation of a product, one of whose factors has mean zero"


@equation("bias.centred", rows=("GRPO-14",), remark=CENTRED)
def centred(samples: Size) -> Num:
    """(n − 1)/n: the share of the gradient that is left when a group is centred on its own mean.

    The sample's own reward is in its baseline. It scales every gradient alike, and so β against
    the reward; with the mean of the *others*, `grpo.leave_one_out`, nothing is lost.

    Raises:
        ValueError: n ≤ 1, NaN.
    """
    positive(samples_minus_1=samples - 1, otherwise="a group of one has no baseline")
    return (samples - 1) / samples


@equation("bias.silent", rows=("GRPO-14", "GRPO-3"), remark="independent rewards of 0 and 1")
def silent(p: Success, samples: Size) -> Num:
    """pⁿ + (1 − p)ⁿ: the chance that a group's rewards are all equal, and the group teaches nothing.

    A mean over all groups keeps the silent ones as zeros. A mean over the others is larger by
    1/(1 − this), on hard and on easy prompts most.

    Raises:
        ValueError: p outside [0, 1], n ≤ 0, NaN, or shapes that do not agree.
    """
    return p**samples + (1 - p) ** samples


@equation("bias.mean_ratio", rows=("GRPO-14",), remark="the moments of a log-normal ratio")
def mean_ratio(divergence: Nats, dimensions: Coordinates) -> Num:
    """E_old r^(1/D) = exp(−K (1 − 1/D)/D): the mean of a ratio whose logarithm is averaged over D.

    With D = 1 it is 1 for every policy, which is what makes importance sampling right; with more it is
    less, and its gradient at the old policy is 1/D of the true one.

    Raises:
        ValueError: K < 0, D ≤ 0, NaN, or shapes that do not agree.
    """
    return exp(-divergence * (1 - 1 / dimensions) / dimensions)


@equation("bias.effective", rows=("GRPO-14",), remark="the moments of a log-normal ratio")
def effective(divergence: Nats) -> Num:
    """e^{−2K} = 1/E_old r²: the share of a stale batch that counts, where ratios correct for its age.

    Correcting has no bias and a price: at K nats the ratio's mean square is e^{2K}.

    Raises:
        ValueError: K < 0 or NaN.
    """
    return exp(-2 * divergence)


@equation("bias.stale", rows=("GRPO-14",), remark="a linear-Gaussian step")
def stale(curvature: Curvature, moved: Moved) -> Num:
    """c d: what a batch used *without* its ratio adds to the gradient ∂E[R]/∂μ, reward −c (x − goal)²/2.

    It is the gradient at the policy that drew the batch. Where the policy moves uphill, c and d push
    on: the sign is that of d for a concave reward, and the update overshoots.

    Raises:
        ValueError: NaN, or shapes that do not agree.
    """
    return curvature * moved
