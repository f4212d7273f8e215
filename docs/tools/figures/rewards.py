"""Lecture 7: the KL's weight over the steps, clip and mask, the loop on a line."""

import math

import numpy as np
from worked import g

from refimpl.equations import grpo, kl, weights
from refimpl.simulate import grids
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import line
from refimpl.toy.grpo.settings import Settings

from .style import Drawn, Look, Told, canvas, label, picture


@picture("kl-weight")
def kl_weight(look: Look) -> Drawn:
    """What multiplies the squared difference of velocities, with and without h."""
    figure, ((left, right),) = canvas(look, 2)
    quotients = {}
    for make, axes, title in (
        (grids.sd35_once_shifted, left, "shifted once"),
        (grids.sd35_as_shipped, right, "as shipped"),
    ):
        steps = make(10).steps[:-1]
        with_h, without, h = [], [], []
        for s in steps:
            width = g(s.t, 0.7, s.s)
            moved = weights.lever(width, s.t, s.h)
            with_h.append(float(kl.of_means(moved, 0.0, width * s.h**0.5)))
            without.append(float(kl.without_h(moved, 0.0, width)))
            h.append(s.h)
        t = [s.t for s in steps]
        axes.plot(
            t, np.array(with_h) / with_h[0], "o-", ms=3, color=look.blue, label="KL of the step"
        )
        axes.plot(
            t,
            np.array(without) / without[0],
            "o-",
            ms=3,
            color=look.red,
            label="divided by $2g^2$, without $h$",
        )
        axes.set(yscale="log", xlim=(1.02, 0))
        label(
            axes,
            "$t$ at the start of the step",
            "weight, first step = 1" if axes is left else "",
            title,
        )
        quotients[title] = max(h) / min(h)
    left.legend(loc="lower right")
    return figure, Told(
        "The weight of the squared velocity difference over nine steps, with and without the "
        "factor h. The two curves drift apart: "
        f"their quotient is h, which varies {quotients['as shipped']:.1f} times on the shipped "
        f"grid and {quotients['shifted once']:.1f} times on the other.",
        "What multiplies $(v - v_{\\mathrm{ref}})^2$ at each of nine trained steps ($T = 10$, $a "
        "= 0.7$), relative to the first. No single $\\beta$ turns the one curve "
        "into the other.",
    )


@picture("clip-and-mask")
def clip_and_mask(look: Look) -> Drawn:
    """The clipped objective in its branches, and what clip and mask let through."""
    figure, ((left, right),) = canvas(look, 2)
    r = np.linspace(0.4, 1.6, 241)
    left.plot(r, [grpo.surrogate(float(s), 1.0, 0.2) for s in r], color=look.blue, label="$A=1$")
    left.plot(
        r, [grpo.surrogate(float(s), -1.0, 0.2) for s in r], color=look.orange, label="$A=-1$"
    )
    for edge in (0.8, 1.2):
        left.axvline(edge, color=look.faint, lw=0.8, ls="--")
    left.legend()
    d = np.linspace(0, 0.6, 121)
    inside = [_inside(float(s)) for s in d]
    right.plot(d, inside, color=look.red, label="clip at 0.2: share not clipped")
    mask = [float(weights.divergence_mask(1.1, 1.0, float(s) ** 2 / 2, 0.02)) for s in d]
    right.plot(d, mask, color=look.green, label="mask at KL 0.02")
    right.set_ylim(0, 1.1)
    right.legend(loc="upper right")
    label(left, "ratio $r$", "objective", "$\\min(rA,\\ \\mathrm{clip}(r)A)$")
    label(right, "distance of the means, in std", "", "what is let through")
    here = _inside(0.2)
    return figure, Told(
        "Left: for A = 1 the objective is flat above 1.2, for A = −1 flat below 0.8, and nothing "
        "is clipped on the other sides. Right: when the "
        f"means differ by 0.2 standard deviations the clip still lets {here:.0%} of samples with "
        "A = 1 through; the mask lets all through up to there and none beyond.",
        "Left, the clipped objective for $\\varepsilon = 0.2$. Right, one coordinate whose mean "
        "has moved by $d$ standard deviations in the direction that $A = 1$ asks for: the share "
        "of samples whose ratio is "
        "not above $1.2$, and the mask of Flow-DPPO, which asks the exact KL $d^2/2$.",
    )


def _inside(d: float) -> float:
    """The chance that r ≤ 1.2, for draws of the new policy, whose mean lies d std away."""
    if d == 0:
        return 1.0
    edge = (math.log(1.2) - d**2 / 2) / d
    return (1 + math.erf(edge / math.sqrt(2))) / 2


@picture("reward-curves")
def reward_curves(look: Look) -> Drawn:
    """The loop on a line, with and without the KL, and where it must end."""
    figure, ((axes,),) = canvas(look, height=2.7)
    told, last = {}, {}
    for beta, colour, name in (
        (1.0, look.blue, "$\\beta=1$"),
        (0.25, look.green, "$\\beta=0.25$"),
        (0.0, look.red, "$\\beta=0$"),
    ):
        settings = Settings(iterations=150, learning_rate=0.04).but(beta=beta)
        _, history, _ = line.train(gaussian_1d(), lambda x: x[:, 0], settings)
        rewards = [float(i.reward) for i in history]
        axes.plot(rewards, color=colour, label=name, lw=1)
        if beta:
            end = float(line.predicted(gaussian_1d(), 1.0, settings).mean)
            axes.axhline(end, color=colour, ls=":")
            told[beta] = end
        last[beta] = sum(rewards[-50:]) / 50
    axes.legend(loc="upper left")
    axes.set_ylim(1.35, 4.2)
    label(axes, "iteration", "mean reward")
    return figure, Told(
        f"Three reward curves. With β = 1 the last 50 iterations average {last[1.0]:.2f}, where "
        f"{told[1.0]:.2f} is predicted; with β = 0.25 "
        f"{last[0.25]:.2f}, where {told[0.25]:.2f} is predicted. Without the KL the reward goes "
        "on rising.",
        "The loop on $N(1.5, 0.25)$ with the reward $x$, ten steps, 64 groups of 16. Dotted: "
        "where it must end, from Statement 7.7, with nothing fitted. With $\\beta = 0$ "
        "there is no end.",
    )
