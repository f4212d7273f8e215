"""Tables that are made with the page: grids of models, laws of levels, variants of guidance."""

from statistics import NormalDist

from refimpl.simulate import config, grids, levels, shipped
from refimpl.toy import levels as toy
from refimpl.toy import variants


def grids_block(steps: int = 28, tokens: float = 4096.0) -> str:
    """For each model the shift, both ends of its grid, and what the network is told first."""
    rows = [
        "| model | even levels | shift $k$ | first level | last but one | told first |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name in config.models():
        entry = config.model(name)
        c = config.read(entry["config"])
        made = shipped.made(c, steps, tokens=tokens if c.dynamic else None, handed=entry["handed"])
        first, last = made.levels[0], made.levels[-2]
        rows.append(
            f"| {name} | {entry['handed']} | {made.shift:.4g} | {first:.6g} | {last:.4g} | "
            f"{made.told[0]:.6g} |"
        )
    return "\n".join(rows)


def sources_of_grids() -> str:
    """Where each configuration was read."""
    return "\n".join(f"- {name}: {config.model(name)['source']}." for name in config.models())


LAWS = ("uniform", "logit-normal(0, 1)", "mode(1.29)", "cosmap", "beta(1.5, 1)")


def shares_block() -> str:
    """The share of logit-normal levels above two boundaries, by shift."""
    shifts = (1.0, 3.0, 5.0, 12.0)
    rows = [
        "| share above | " + " | ".join(f"shift {k:g}" for k in shifts) + " |",
        "| --- |" + " ---: |" * len(shifts),
    ]
    law = levels.law("logit-normal(0, 1)")
    for boundary in (0.875, 0.9):
        found = (f"{law.shifted(k).above(boundary):.4f}" for k in shifts)
        rows.append(f"| {boundary} | " + " | ".join(found) + " |")
    return "\n".join(rows)


def noise_block() -> str:
    """For each law the noise of its gradient, and of uniform levels weighed to the same product."""
    rows = [
        "| levels | drawn | weighed | best possible | best $c$ of $v = c\\,x$ |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    none, uniform = levels.weight("none"), levels.uniform()
    for text in LAWS:
        law = levels.law(text)
        drawn = toy.noise(law, none)
        weighed = toy.noise(uniform, toy.instead(uniform, law, none))
        slope = toy.common_slope(law, none)
        rows.append(
            f"| {text} | {drawn.variance:.4f} | {weighed.variance:.4f} | {drawn.least:.4f} | "
            f"{slope:.4f} |"
        )
    return "\n".join(rows)


def variants_block(w: float = 4.5, steps: int = 28, shift: float = 3.0) -> str:
    """What each variant of guidance samples from both toys."""
    beyond = 2 * NormalDist().cdf(-2)
    rows = [
        "| variant | Gaussian: mean | std | modes: mean | std | far off |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        f"| *wanted* | {_law(variants.GAUSSIANS)} | {_law(variants.MODES)} | {beyond:.4f} |",
    ]
    grid = grids.shifted(steps, shift)
    for name in variants.VARIANTS:
        one, two = (
            variants.end(name, pair, w, grid) for pair in (variants.GAUSSIANS, variants.MODES)
        )
        rows.append(
            f"| {name} | {one.mean:.3f} | {one.std:.3f} | {two.mean:.3f} | {two.std:.3f} | "
            f"{two.beyond:.4f} |"
        )
    return "\n".join(rows)


def _law(pair: variants.Pair) -> str:
    """Mean and standard deviation of the conditional law, as cells."""
    return f"{float(pair.cond.means[0, 0]):g} | {float(pair.cond.stds[0, 0]):g}"
