"""A recipe done again: other networks to begin with, other prompts and noise; means with intervals.

    gather([Path("runs/shapes-0"), Path("runs/shapes-1")])      what repeats.json holds
    tables(found)                                               runs, means, differences

Runs of one network and one seed are pairs: recipes are compared by the mean of their differences,
with a 95 % interval of Student's t. What was done once has no interval.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ... import outside
from ...runs import metrics, pictures
from .intervals import interval
from .report import columns, table

RECIPES: dict[str, tuple[str, ...]] = {
    "fast": ("fast", "fast-1", "fast-2"),
    "fast-kl": ("fast-kl", "fast-kl-1", "fast-kl-2"),
    "fast-free": ("fast-free", "fast-free-1", "fast-free-2"),
    "fast-half": ("fast-half", "fast-half-1", "fast-half-2"),
    "lora": ("lora", "lora-1", "lora-2"),
}
"""Arms that differ in nothing but the seed, in the order of the seeds."""
BESIDE = {
    "fast": "fast-free",
    "fast-kl": "fast",
    "fast-free": "fast-half",
    "lora": "fast-half",
}
"""What a recipe is compared with: the one that it changes, or that changes it."""

Key: TypeAlias = tuple[int, int]
"""Network and seed, by their places."""


def gather(folders: Sequence[Path], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The repeated runs of several folders of `train shapes`, each with a network of its own.

    Args:
        before: what was gathered earlier. Networks that no folder has are kept from it, and runs
            where the network is the same: it has the same quality before training.

    Raises:
        ValueError: a folder that is not finished, or whose network another has.
    """
    earlier = (before or {"networks": {}})["networks"]
    networks: dict[int, Any] = {}
    for folder in folders:
        file = folder / "metrics.json"
        if not file.is_file():
            raise ValueError(
                f"{folder} has no metrics.json: finish it with `train shapes --resume`"
            )
        found = metrics.restored(outside.settings(file, 256 * outside.MIB))
        number = found.get("network")
        if number is None or number in networks:
            raise ValueError(
                f"{folder} has network {number!r}: every folder needs its own, "
                "`train shapes --network 1`"
            )
        networks[number] = network = _network(found)
        kept = earlier.get(str(number), {"before": None})
        if kept["before"] == network["before"]:
            network["runs"] = {**kept["runs"], **network["runs"]}
    made = {str(number): network for number, network in networks.items()}
    return {"networks": dict(sorted({**earlier, **made}.items(), key=lambda at: int(at[0])))}


def _network(found: Mapping[str, Any]) -> dict[str, Any]:
    repeated = {arm for arms in RECIPES.values() for arm in arms}
    return {
        "before": found["base"]["quality"],
        "pretraining CPU seconds": found["pretraining"]["cpu_seconds_of_this_session"],
        "runs": {name: arm for name, arm in found["arms"].items() if name in repeated},
        "made by": found["made by"],
    }


def runs(found: Mapping[str, Any], recipe: str) -> dict[Key, Mapping[str, Any]]:
    """The runs of a recipe, by network and seed."""
    arms = RECIPES[recipe]
    return {
        (int(number), arms.index(name)): run
        for number, network in found["networks"].items()
        for name, run in network["runs"].items()
        if name in arms
    }


def tables(found: Mapping[str, Any]) -> dict[str, str]:
    """Markdown: every run, the recipes' means, and their differences pair by pair."""
    made = {recipe: runs(found, recipe) for recipe in RECIPES}
    rows = [
        (
            str(network),
            RECIPES[recipe][seed],
            f"{run['CPU seconds'] / 60:.1f}",
            f"{found['networks'][str(network)]['before']['strict']:.3f}",
            f"**{run['quality']['strict']:.3f}**",
            f"{run['quality']['layouts']:.1f}",
            f"{run['ratio gap']:.2g}",
        )
        for recipe, kept in made.items()
        for (network, seed), run in sorted(kept.items())
    ]
    head = ("network", "run", "CPU min", "before", "after", "layouts of 16", "largest ratio − 1")
    return {
        "Every repeat": table(head, rows),
        "What repeats agree on": table(
            ("recipe", "runs", "strict", "gain", "layouts of 16", "CPU min"),
            [_mean(found, recipe, kept) for recipe, kept in made.items() if kept],
        ),
        "Differences": table(
            ("recipes", "pairs", "strict", "layouts of 16"),
            [_difference(a, b, made[a], made[b]) for a, b in _pairs(made)],
        ),
    }


def _mean(
    found: Mapping[str, Any], recipe: str, kept: Mapping[Key, Mapping[str, Any]]
) -> tuple[str, ...]:
    def before(network: int) -> float:
        return float(found["networks"][str(network)]["before"]["strict"])

    return (
        recipe,
        str(len(kept)),
        told([run["quality"]["strict"] for run in kept.values()], 3),
        told([run["quality"]["strict"] - before(at[0]) for at, run in kept.items()], 3),
        told([run["quality"]["layouts"] for run in kept.values()], 1),
        told([run["CPU seconds"] / 60 for run in kept.values()], 1),
    )


def _pairs(made: Mapping[str, Mapping[Key, Any]]) -> list[tuple[str, str]]:
    return [(one, other) for one, other in BESIDE.items() if made[one].keys() & made[other].keys()]


def _difference(
    name: str, other: str, one: Mapping[Key, Any], two: Mapping[Key, Any]
) -> tuple[str, ...]:
    shared = sorted(one.keys() & two.keys())
    apart = {
        what: [one[at]["quality"][what] - two[at]["quality"][what] for at in shared]
        for what in ("strict", "layouts")
    }
    told_of = (told(apart["strict"], 3, sign="+"), told(apart["layouts"], 1, sign="+"))
    return (f"{name} − {other}", str(len(shared)), *told_of)


def told(values: Sequence[float], digits: int, sign: str = "") -> str:
    """The mean with its interval, or the one value without."""
    found = interval(values)
    if found is None:
        return f"{values[0]:{sign}.{digits}f}".replace("-", "−") + " (once)"
    mean, half = found
    return f"{mean:{sign}.{digits}f} ± {half:.{digits}f}".replace("-", "−")


def drawing(found: Mapping[str, Any]) -> pictures.Picture:
    """Held-out strict reward of every repeated run of the first recipe, by iteration."""
    first = next(iter(RECIPES))
    return pictures.curves(
        {
            f"network {network}, seed {seed}": columns(run["held out"])
            for (network, seed), run in sorted(runs(found, first).items())
        },
        x_label="iteration",
        y_label="held-out strict reward",
    )
