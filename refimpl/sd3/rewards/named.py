"""Rewards by name: every installed package may offer some, through one entry-point group.

    [project.entry-points."refimpl.rewards"]
    brightness = "my_package.rewards:brightness"

An entry point names a *factory*: called with the options of the configuration it returns a reward.
Nothing is imported before it is asked for.
"""

import difflib
from importlib.metadata import EntryPoint, entry_points

from .protocol import Reward, RewardError

GROUP = "refimpl.rewards"


def available() -> dict[str, EntryPoint]:
    """What is installed, by name; nothing is imported.

    Raises:
        RewardError: two packages offer the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if point.name in found and found[point.name].value != point.value:
            raise RewardError(
                f"two packages offer a reward {point.name!r}: {found[point.name].value} and "
                f"{point.value}; uninstall one"
            )
        found[point.name] = point
    return found


def make(name: str, **options: object) -> Reward:
    """The reward of that name.

    Args:
        options: of its factory, for instance `device="cuda"`.

    Raises:
        ValueError: no reward of that name; the nearest is named.
        RewardError: its factory failed: a package or weights that are missing, a wrong option.
    """
    known = available()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
        raise ValueError(f"no reward is called {name!r}{hint}")
    try:
        reward: Reward = known[name].load()(**options)
    except RewardError as error:
        raise RewardError(f"reward {name!r}: {error}") from error
    except Exception as error:
        raise RewardError(
            f"reward {name!r} could not be made: {type(error).__name__}: {error}"
        ) from error
    if not callable(reward):
        raise RewardError(f"the factory of reward {name!r} returned {reward!r}, not a function")
    return reward
