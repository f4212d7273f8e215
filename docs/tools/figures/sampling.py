"""Lectures 6 and 8: ODE against SDE, the sign, the noise schedule, laws of discrete chains."""

from itertools import pairwise

import numpy as np
import torch
from worked import end_std, g, law, memory, std

from refimpl.equations import Step, guidance, kernels, langevin, sde
from refimpl.simulate import diffusion, grids
from refimpl.simulate.sde import rollout
from refimpl.toy import field
from refimpl.toy.examples import mixture

from .flows import DATA, F64, shaded
from .style import Drawn, Look, Told, canvas, label, picture


@picture("ode-and-sde")
def ode_and_sde(look: Look) -> Drawn:
    """The same marginals, by a flow and by a diffusion."""
    figure, axes = canvas(look, 2, height=3.0)
    start = torch.linspace(-1.9, 1.9, 11, dtype=F64)[:, None]
    grid = grids.uniform(240, start=0.999, end=0.002)
    told = (
        (axes[0, 0], 0.0, look.blue, "ODE, $a=0$"),
        (axes[0, 1], 0.7, look.orange, "SDE, $a=0.7$"),
    )
    for ax, a, colour, title in told:
        generator = torch.Generator().manual_seed(2)
        chain = diffusion.flow_grpo(a, sde.next_level)
        run = rollout(field(DATA), start, grid, diffusion=chain, generator=generator)
        shaded(ax, look, low=0.002)
        for line in run.states[:, :, 0].T.numpy():
            ax.plot(grid.levels[::2], line[::2], color=colour, lw=0.8)
        ax.set(xlim=(1, 0), ylim=(-3.2, 3.2))
        label(ax, "$t$", "$x$" if a == 0 else "", title)
    return figure, Told(
        "Left, eleven trajectories of the ODE descend smoothly over the density p_t. Right, "
        "trajectories of the "
        "SDE from the same starts zigzag and change sides, and fill the same density at every "
        "level.",
        "The same starts and the same $p_t$ (shaded). The ODE's trajectories are determined by "
        "their start. Those of the SDE explore: "
        "from one start either mode can be reached. At each level both have the law $p_t$.",
    )


@picture("wrong-sign")
def wrong_sign(look: Look) -> Drawn:
    """The variance along sampling under three drifts."""
    figure, ((axes,),) = canvas(look, height=2.6)
    s, g_constant, n = 0.5, 1.0, 900
    t = np.linspace(1, 0.02, n + 1)

    def right(level: np.ndarray) -> np.ndarray:
        return s**2 * (1 - level) ** 2 + level**2  # type: ignore[no-any-return]

    ends = {}
    for name, factor, colour in (
        ("$v-\\frac{1}{2}g^2\\nabla\\log p_t$", 1.0, look.blue),
        ("$v$ alone", 0.0, look.orange),
        ("$v+\\frac{1}{2}g^2\\nabla\\log p_t$", -1.0, look.red),
    ):
        variance = [1.0]
        for level, lower in pairwise(t):
            V = right(level)
            v = (level - (1 - level) * s**2) / V
            k = v + factor * g_constant**2 / 2 / V
            h = level - lower
            variance.append((1 - h * k) ** 2 * variance[-1] + g_constant**2 * h)
        axes.plot(t, np.sqrt(variance), color=colour, label=name)
        ends[factor] = variance[-1] ** 0.5
    axes.plot(t, np.sqrt(right(t)), color=look.ink, ls=":", lw=2.4, label="std of $p_t$")
    axes.set(xlim=(1, 0), ylim=(0, 2.6))
    axes.legend(loc="upper left")
    label(axes, "$t$ (sampling goes to the right)", "standard deviation")
    return figure, Told(
        "With the right drift the standard deviation follows that of the data and ends at "
        f"{ends[1.0]:.2f}; without "
        f"the correction it ends at {ends[0.0]:.2f}, with the wrong sign at {ends[-1.0]:.2f}.",
        "Data $N(0, 0.25)$, $g = 1$, step by step in 900 steps. Only one sign follows the "
        "marginals (dotted).",
    )


@picture("noise-schedule")
def noise_schedule(look: Look) -> Drawn:
    """g, the std of a step, the retained noise and the explored share over the level or a."""
    figure, axes = canvas(look, 2, height=4.4, rows=2)
    (first, second), (third, fourth) = axes
    t = np.linspace(0.02, 0.985, 150)
    for a, colour in ((0.7, look.blue), (1.0, look.green), (2**0.5, look.orange)):
        name = "$\\sqrt{2}$" if a > 1.2 else f"{a:g}"
        first.plot(t, [g(float(s), a) for s in t], color=colour, label=f"$a={name.strip('$')}$")
        kept = [
            float(kernels.kept_flow_grpo(Step(0.9, float(s)), a))
            for s in np.linspace(0.02, 0.89, 80)
        ]
        third.plot(np.linspace(0.02, 0.89, 80), kept, color=colour)
    first.set_ylim(0, 8)
    first.legend()
    for make, colour, name in (
        (grids.sd35_once_shifted, look.blue, "shifted once"),
        (grids.sd35_as_shipped, look.red, "as shipped"),
        (grids.uniform, look.green, "uniform"),
    ):
        steps = make(10).steps
        width = [g(s.t, 0.7, s.s) * s.h**0.5 for s in steps]
        second.plot([s.t for s in steps], width, "o-", ms=3, color=colour, label=name)
    second.legend()
    a = np.linspace(0.05, 1.5, 30)
    for T, colour in ((10, look.blue), (40, look.orange)):
        fourth.plot(a, [1 - memory(T, float(s)) ** 2 for s in a], color=colour, label=f"$T={T}$")
    fourth.legend()
    label(first, "$t$", "", "diffusion coefficient $g$")
    label(second, "$t$ at the start of the step", "", "std of a step, $T=10$, $a=0.7$")
    label(third, "$t$", "", "share of the noise of $t=0.9$ still there")
    label(fourth, "$a$", "", "explored share, $1-\\rho^2$")
    for ax in (first, second, third):
        ax.set_xlim(1, 0)
    return figure, Told(
        "g grows without bound at t = 1. On SD3.5's grid, shifted once, a step's std falls from "
        f"{std(*grids.sd35_once_shifted(10).levels[:2]):.2f} "
        f"to {g(0.25, 0.7) * 0.5:.2f}. "
        "The larger a, the faster noise is forgotten. "
        f"At T = 10 the explored share is {1 - memory(10, 0.7) ** 2:.2f} for a = 0.7 and nearly 1 "
        "from a = 1 on.",
        "Flow-GRPO's noise. Above: $g = a\\sqrt{t/(1-t)}$, and the standard deviation of each "
        "step on three grids. Below: how much of the noise of level "
        "0.9 is left at level $t$ under the exact SDE, and the share of the end's variance that "
        "is decided by the steps and not by the start.",
    )


@picture("chain-law")
def chain_law(look: Look) -> Drawn:
    """The std at the end of the discrete chain, against T and a, for narrow and broad data."""
    figure, ((left, right),) = canvas(look, 2)
    counts = [4, 5, 6, 8, 10, 14, 20, 28, 40, 60, 80]
    for width, axes, title in (
        (0.1, left, "narrow data, std 0.1"),
        (0.5, right, "broad data, std 0.5"),
    ):
        for a, colour in ((0.0, look.blue), (0.7, look.orange), (2**0.5, look.green)):
            name = r"$a=\sqrt{2}$" if a > 1 else f"$a={a:g}$"
            axes.plot(
                counts,
                [end_std(T, a, width) for T in counts],
                "o-",
                ms=2.5,
                color=colour,
                label=name,
            )
        clamped = [end_std(T, 0.7, width, remedy="clamp") for T in counts]
        axes.plot(counts, clamped, "--", color=look.red, lw=1, label="$a=0.7$, clamp 0.99")
        axes.axhline(width, color=look.ink, ls=":", lw=1.6, label="data")
        axes.set_xscale("log")
        axes.set_xticks([5, 10, 20, 40, 80], ["5", "10", "20", "40", "80"])
        axes.minorticks_off()
        axes.set_ylim(0, 3.2 * width if width < 0.3 else 1.0)
        label(axes, "number of steps $T$", "std of the end" if width < 0.3 else "", title)
    right.legend(loc="lower right")
    return figure, Told(
        "On narrow data ten steps at a = 0.7 end with the standard deviation "
        f"{end_std(10, 0.7, 0.1):.3f} instead of 0.1; "
        f"on broad data with {end_std(10, 0.7, 0.5):.3f} instead of 0.5. With the clamp at 0.99 "
        f"they end at {end_std(10, 0.7, 0.5, remedy='clamp'):.2f}. All approach the data as T "
        "grows.",
        "The exact law of the chain, uniform grid, no samples. Narrow data come out too wide "
        "with noise; broad data come out too narrow. "
        "Dashed: the rule at $t = 1$ alone is changed.",
    )


@picture("excess-noise")
def excess_noise(look: Look) -> Drawn:
    """The noise of a point mass along the chain, against the level that the grid states."""
    figure, ((left, right),) = canvas(look, 2)
    grid, last = grids.sd35_as_shipped(10), {}
    for a, colour in ((0.35, look.green), (0.7, look.orange), (1.0, look.red)):
        chain = law(0.0, 0.0, 10, a, grid="shipped").std[:, 0].numpy()
        last[a] = float(chain[-1])
        left.plot(range(11), chain, "o-", ms=3, color=colour, label=f"$a={a:g}$")
        right.plot(range(1, 11), chain[1:] - np.array(grid.levels[1:]), "o-", ms=3, color=colour)
    left.plot(range(11), grid.levels, color=look.ink, ls=":", lw=2, label="the grid's level")
    left.legend()
    right.axhline(0, color=look.faint, lw=0.8)
    label(left, "step", "", "std of the noise")
    label(right, "step", "", "excess over the level")
    return figure, Told(
        "For data that are one point, the noise along ten steps of SD3.5's grid as shipped stays "
        "above the level that the grid "
        f"states; at the end {last[0.7]:.3f} is left for a = 0.7 and {last[1.0]:.3f} for a = 1, "
        "where there should be none.",
        "Data are a single point, ten steps of SD3.5's grid as diffusers ships it. Left, the "
        "standard deviation of the noise in the sample and the "
        "level that the network is told (dotted). Right, the difference.",
    )


@picture("guidance-width")
def guidance_width(look: Look) -> Drawn:
    """What guidance samples, against the tilted law."""
    figure, ((left, right),) = canvas(look, 2)
    w = np.linspace(0, 5, 101)
    left.plot(
        w,
        [guidance.gaussian_std(1.0, 0.5, float(s)) for s in w],
        color=look.blue,
        label="guided flow",
    )
    left.plot(
        w,
        [guidance.tilted_std(1.0, 0.5, float(s)) for s in w],
        color=look.orange,
        label=r"$p(x)\,p(y|x)^w$",
    )
    left.axhline(0.5, color=look.ink, ls=":", label=r"$p(x|y)$")
    left.legend()
    x = np.linspace(-1.6, 1.6, 241)
    for width, colour in (
        (guidance.gaussian_std(1.0, 0.5, 2.0), look.blue),
        (guidance.tilted_std(1.0, 0.5, 2.0), look.orange),
        (0.5, look.ink),
    ):
        right.plot(
            x,
            np.exp(-(x**2) / 2 / width**2) / width / (2 * np.pi) ** 0.5,
            color=colour,
            ls=":" if colour == look.ink else "-",
        )
    label(left, "guidance scale $w$", "width", "widths 1 and 0.5 without and with label")
    label(right, "$x$", "", "densities at $w=2$")
    return figure, Told(
        "For w above 1 the guided flow is narrower than the law it is said to sample: at w = 2 "
        f"its width is {guidance.gaussian_std(1.0, 0.5, 2.0):.2f}, "
        f"that of the tilted law {guidance.tilted_std(1.0, 0.5, 2.0):.3f}, that of the "
        "conditional law 0.5.",
        "Two centred Gaussians: what classifier-free guidance produces (blue, exact), the law "
        "that it is said to sample (orange), and the "
        "conditional law (dotted). They meet at $w = 0$ and $w = 1$.",
    )


@picture("langevin-weights")
def langevin_weights(look: Look) -> Drawn:
    """Langevin dynamics with the exact score keeps the weights of its start."""
    figure, ((left, right),) = canvas(look, 2)
    modes = mixture([0.2, 0.8], [[-2.5], [2.5]], [[0.5], [0.5]])
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(4000, 1, generator=generator, dtype=F64) * 2
    share = [float((x < 0).double().mean())]
    for _ in range(1500):
        step = langevin.step(x, modes.score(x), 0.02)
        x = step.sample(torch.randn(x.shape, generator=generator, dtype=F64))
        share.append(float((x < 0).double().mean()))
    left.plot(share, color=look.orange, label="share in the left mode")
    left.axhline(0.2, color=look.ink, ls=":", label="its weight")
    left.set_ylim(0, 0.7)
    left.legend()
    places = np.linspace(-5, 5, 241)
    p = modes.log_density(torch.as_tensor(places, dtype=F64)[:, None]).exp()
    right.hist(x[:, 0].numpy(), 60, density=True, color=look.orange, alpha=0.55, label="samples")
    right.plot(places, p, color=look.blue, label="density")
    right.legend(loc="upper left")
    label(left, "Langevin steps", "")
    label(right, "$x$", "")
    return figure, Told(
        f"After 1500 Langevin steps with the exact score, {share[-1]:.0%} of 4000 chains are in "
        "the left mode, whose weight is 20%: "
        "the start decides, because the score inside a mode does not contain its weight.",
        "Two modes with the weights 0.2 and 0.8, and chains that use the *exact* score. The "
        "share in each mode hardly changes from what the start gave it.",
    )
