"""Tables about noise levels: the grids of models at hand, made when the page is."""

from refimpl.simulate import config, shipped


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
