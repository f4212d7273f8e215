"""What the shell completes, beside options and files: ids, toys, libraries, topics, presets."""


def ids(incomplete: str) -> list[str]:
    """Ids of equations."""
    from ..equations import equations

    return [id for id in equations() if id.startswith(incomplete)]


def toys(incomplete: str) -> list[str]:
    """Toys that can be sampled."""
    from ..toy.examples import examples

    return [name for name in examples() if name.startswith(incomplete)]


def solvers(incomplete: str) -> list[str]:
    """Solvers that `sample` knows."""
    from ..verify.solving import OPTIONS

    return [name for name in OPTIONS if name.startswith(incomplete)]


def grids(incomplete: str) -> list[str]:
    """Models whose scheduler's configuration is at hand."""
    from ..simulate.config import models

    return [name for name in models() if name.startswith(incomplete)]


def implementations(incomplete: str) -> list[str]:
    """Libraries and checkouts that `check` knows."""
    from ..peers import CHECKOUTS, INSTALLED, OPTIONAL

    return [name for name in (*INSTALLED, *OPTIONAL, *CHECKOUTS) if name.startswith(incomplete)]


def topics(incomplete: str) -> list[str]:
    """Topics that are run at full length."""
    from ..labs.topics import TOPICS

    return [name for name in TOPICS if name.startswith(incomplete)]


def presets(incomplete: str) -> list[str]:
    """Presets of the SD3.5 run."""
    from ..sd3.settings.presets import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]
