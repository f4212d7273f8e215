"""Side lectures: grids, laws of levels, reverse variances, energies, mirrors, starts, solvers."""

import numpy as np
from solvers_block import STEPS, error

from refimpl.equations import (
    ddpm,
    energy,
    forward_process,
    interpolants,
    schedules,
)
from refimpl.sd3.model.architectures import ARCHITECTURES
from refimpl.simulate import config, levels, shipped

from .style import Drawn, Look, Told, canvas, label, picture


@picture("grids-of-models")
def grids_of_models(look: Look) -> Drawn:
    """The levels that public models visit, and the shift that makes them."""
    figure, ((left, right),) = canvas(look, 2)
    t = np.linspace(0, 1, 201)
    last = {}
    for name, colour in zip(("sd3.5", "flux.1-dev", "hunyuan-video"), look.series, strict=False):
        entry = config.model(name)
        c = config.read(entry["config"])
        made = shipped.made(c, 28, tokens=4096.0 if c.dynamic else None, handed=entry["handed"])
        left.plot(range(29), made.levels, "o-", ms=2, color=colour, label=name)
        right.plot(t, schedules.shift(t, made.shift), color=colour)
        last[name] = made.levels[-2]
    right.plot(t, t, color=look.faint, lw=0.9, ls="--")
    left.legend(loc="lower left")
    label(left, "step", "level $t$", "28 steps")
    label(right, "$t$", "$t'$", "the shift")
    return figure, Told(
        "Levels fall slowly at first and fast at the end, the more so the larger the shift. Of 28 "
        f"steps the last but one ends at {last['hunyuan-video']:.2f} for HunyuanVideo, at "
        f"{last['flux.1-dev']:.2f} for FLUX.1 and at {last['sd3.5']:.3f} for SD3.5, which is "
        "shifted twice there.",
        "Left, the levels of 28 steps, with 4096 tokens where the shift is dynamic. Right, the "
        "shift of each; dashed, no shift. SD3.5's last level but one is shifted twice.",
    )


@picture("laws-of-levels")
def laws_of_levels(look: Look) -> Drawn:
    """Densities of training levels, and one of them after shifts."""
    figure, ((left, right),) = canvas(look, 2)
    t = np.linspace(0.005, 0.995, 199)
    names = ("logit-normal(0, 1)", "mode(1.29)", "cosmap", "beta(1.5, 1)")
    for name, colour in zip(names, look.series, strict=True):
        law = levels.law(name)
        left.plot(t, [law.density(float(s)) for s in t], color=colour, label=name)
    left.axhline(1, color=look.faint, lw=0.9, ls="--")
    left.legend(loc="upper left")
    law = levels.law("logit-normal(0, 1)")
    for k, colour in zip((1.0, 3.0, 12.0), look.series, strict=False):
        shifted = law.shifted(k)
        right.plot(t, [shifted.density(float(s)) for s in t], color=colour, label=f"$k={k:g}$")
    right.legend(loc="upper left")
    label(left, "level $t$", "density")
    label(right, "level $t$", "", "logit-normal(0, 1), shifted")
    above = law.shifted(12.0).above(0.875)
    return figure, Told(
        "Logit-normal and mode prefer the middle, cosmap does a little, beta(1.5, 1) prefers "
        "noise. A shift by 3 or 12 moves the logit-normal law towards noise: after the latter "
        f"{above:.0%} of the draws lie above 0.875.",
        "Left, four laws of training levels; dashed, the uniform one. Right, the logit-normal law "
        "after a shift by $k$.",
    )


@picture("reverse-variance")
def reverse_variance(look: Look) -> Drawn:
    """The variance of DDPM's reverse step by that of the data, at two noise levels."""
    figure, (row,) = canvas(look, 2)
    s2 = np.linspace(0, 3, 121)
    for axes, (beta, before) in zip(row, ((0.02, 0.98), (0.2, 0.3)), strict=True):
        known = float(ddpm.posterior(0.0, 0.0, beta, before).std ** 2)
        found = [float(ddpm.reverse_variance(beta, before, float(v))) for v in s2]
        axes.plot(s2, found, color=look.blue, label="reverse step")
        axes.axhline(beta, color=look.orange, lw=1, ls="--", label=r"$\beta_t$")
        axes.axhline(known, color=look.red, lw=1, ls=":", label=r"$\tilde\beta_t$")
        title = rf"$\beta_t={beta:g}$, $\bar\alpha_{{t-1}}={before:g}$"
        label(axes, "variance of the data", "variance" if axes is row[0] else "", title)
    row[0].legend(loc="lower right")
    ratios = [
        float(ddpm.posterior(0.0, 0.0, b, a).std ** 2) / b for b, a in ((0.02, 0.98), (0.2, 0.3))
    ]
    return figure, Told(
        "The variance of the reverse step rises with that of the data. It is the smaller choice "
        "for a point, the larger one for unit variance, and more than either beyond. Near the "
        f"data the two choices differ by the factor {1 / ratios[0]:.1f}, near noise by "
        f"{1 / ratios[1]:.1f}.",
        "The exact variance of the reverse step on Gaussian data, near the data (left) and near "
        "noise (right), with the two usual choices. They are its values at $0$ and at $1$.",
    )


@picture("contrastive-rest")
def contrastive_rest(look: Look) -> Drawn:
    """Where contrastive divergence rests, by step size, and how the chain gets there."""
    figure, ((left, right),) = canvas(look, 2)
    eps = np.linspace(0.005, 0.49, 98)
    model = [1 / float(energy.resting(1.0, float(e))) for e in eps]
    left.plot(eps, model, color=look.blue, label="the model")
    left.axhline(1, color=look.orange, lw=1, ls="--", label="its chain, and the data")
    left.legend(loc="lower left")
    label(left, r"step size $\varepsilon$", "variance")
    theta = float(energy.resting(1.0, 0.2))
    for start, colour in ((0.2, look.blue), (1.0, look.orange), (2.0, look.green)):
        variances = [start]
        for _ in range(12):
            variances.append(float(energy.after(theta, variances[-1], 0.2)))
        right.plot(range(13), variances, "o-", ms=3, color=colour)
    right.axhline(1 / theta, color=look.faint, lw=0.9, ls="--")
    label(right, "Langevin steps", "", r"$\varepsilon=0.2$")
    return figure, Told(
        "The longer the step, the narrower the model on which contrastive divergence rests: at "
        f"the step 0.2 its variance is {1 / theta:.2f}, while its chain settles at the data's, 1.",
        "Left, the variance of the model that is learnt, for data $N(0, 1)$. Right, the variance "
        "of its chain from three starts: it settles at the data's, above the model's (dashed).",
    )


@picture("mirror")
def mirror(look: Look) -> Drawn:
    """The losses of a good and of a bad sample, with and without the mirror image."""
    figure, ((left, right),) = canvas(look, 2)
    v = np.linspace(-1, 2, 151)
    old, target = 0.5, 0.2
    for r, colour in ((0.9, look.blue), (0.1, look.red)):
        found = [float(forward_process.nft(float(x), old, target, r, 1.0)) for x in v]
        left.plot(v, found, color=colour, label=f"$r={r:g}$")
        advantage = 2 * r - 1
        weighed = [float(forward_process.awm(float(x), target, advantage)) for x in v]
        right.plot(v, weighed, color=colour, label=f"$A={advantage:g}$")
    for axes in (left, right):
        axes.axvline(old, color=look.faint, lw=0.9, ls="--")
        axes.axvline(target, color=look.faint, lw=0.9, ls=":")
        axes.legend(loc="upper center")
    label(left, r"$v_\theta$", "loss", "DiffusionNFT")
    label(right, r"$v_\theta$", "", "weighed by the advantage")
    return figure, Told(
        "DiffusionNFT's loss is a parabola with a minimum for a good and for a bad sample; the "
        "bad one's lies on the other side of the old velocity. Weighed by the advantage, the bad "
        "sample's parabola has no minimum.",
        "The loss of one sample by the network's velocity. Dashed, the old velocity; dotted, the "
        "sample's target. On the right a bad sample pushes without end.",
    )


@picture("two-starts")
def two_starts(look: Look) -> Drawn:
    """Data that are a point: one velocity for all starts, and another score for each."""
    figure, ((left, right),) = canvas(look, 2)
    t, x = 0.5, np.linspace(-1, 1, 101)
    left.plot(x, interpolants.from_point(x, t), color=look.blue, label="every start")
    starts = (
        ("Gaussian start", lambda y: -y, look.orange),
        ("quartic start", lambda y: -(y**3), look.green),
    )
    for name, slope, colour in starts:
        right.plot(x, interpolants.score(slope(x / t), t), color=colour, label=name)
    for axes in (left, right):
        axes.legend(loc="upper left" if axes is left else "upper right")
    label(left, "$x$", "", "velocity")
    label(right, "$x$", "", "score")
    return figure, Told(
        "For data that are the point 0 the velocity is one straight line, whatever the start's "
        "law. The score of a Gaussian start is a line and that of a quartic one a cubic curve.",
        "Data are the point 0, $t = 0.5$. The starts are $N(0, 1)$ and $\\exp(-y^4/4)$, "
        "normalised. The velocity does not tell them apart.",
    )


@picture("solvers-converge")
def solvers_converge(look: Look) -> Drawn:
    """How far solvers end from the data, by network calls."""
    figure, ((axes,),) = canvas(look, height=2.6)
    shown = ("Euler, DDIM with η = 0", "DDIM, η = 1", "DPM-Solver++(2M)", "UniPC, order 2")
    short = ("Euler", "DDIM, $\\eta=1$", "DPM-Solver++(2M)", "UniPC")
    found = {}
    for name, told, colour in zip(shown, short, look.series, strict=True):
        found[name] = [error(name, T) for T in STEPS]
        axes.plot(STEPS, found[name], "o-", ms=3, color=colour, label=told)
    floor = error("RK4", STEPS[-1])
    axes.axhline(floor, color=look.faint, lw=0.9, ls="--")
    axes.set(xscale="log", yscale="log", xticks=STEPS, xticklabels=[str(T) for T in STEPS])
    axes.minorticks_off()
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    label(axes, "number of steps $T$", "$W_2$")
    ratio = found[shown[0]][0] / found[shown[2]][0]
    return figure, Told(
        "The distance to the data falls nearly like 1/T for Euler's rule and for DDIM with noise, "
        f"and faster for the two solvers that remember a step: with ten steps DPM-Solver++ is "
        f"{ratio:.0f} times nearer than Euler's rule. None gets below the error of the start.",
        "The distance $W_2$ of what a solver samples to correlated Gaussian data, exactly. All "
        "four ask the network once a step. Dashed, what the start at $t = 0.999$ alone costs.",
    )


@picture("scale-of-latents")
def scale_of_latents(look: Look) -> Drawn:
    """The level that a network sees where the scale is forgotten, and what a clip lets through."""
    figure, ((left, right),) = canvas(look, 2)
    c, t = float(ARCHITECTURES["medium"].vae["scaling_factor"]), np.linspace(0, 1, 201)
    left.plot(t, schedules.shift(t, c), color=look.series[0])
    left.plot(t, t, color=look.faint, lw=0.9, ls="--")
    sides = np.arange(256, 1025, 64)
    channels = int(ARCHITECTURES["medium"].vae["latent_channels"])
    nats = 1e-4 * channels * (sides / 8) ** 2
    right.plot(sides, nats, "o-", ms=3, color=look.series[1])
    label(left, "level that is told", "level that is seen", "the scale forgotten")
    label(right, "pixels a side", "nats", "a clip of $10^{-4}$")
    seen, at = float(schedules.shift(0.5, c)), dict(zip(sides.tolist(), nats, strict=True))
    return figure, Told(
        f"Left: without the scale of {c:.2f} a sample that is told to be at 0.5 is as noisy as at "
        f"{seen:.2f}, and the two agree only at 0 and 1. Right: a clip of 1e-4 on the averaged "
        f"ratio lets {at[256]:.1f} nats through at 256 pixels, {at[512]:.1f} at 512 and "
        f"{at[1024]:.0f} at 1024.",
        "Left, latents of SD3.5 without their scale; dashed, with it. Right, the log-ratio of a "
        "whole sample at which the averaged ratio is clipped, by the size of the picture.",
    )
