"""Optional libraries: which extra has them, and what is said where one is missing.

    needs("diffusers", "peft", extra="sd3")       first in a command, before any work

The extras are read off the package's own metadata. A library that is missing all the same, deeper
down, is looked up by the module that could not be imported.
"""

import contextlib
import importlib.util
import re
from functools import cache
from importlib import metadata

DISTRIBUTIONS = {
    "ImageReward": "image-reward",
    "PIL": "pillow",
    "flow_matching": "flow-matching",
    "ot": "pot",
    "paddle": "paddlepaddle",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Module → distribution, where their names differ."""


class Missing(ModuleNotFoundError):
    """An optional library is not installed; the message says how to get it."""


@cache
def extras() -> dict[str, tuple[str, ...]]:
    """For each optional distribution the extras that have it, as the package's metadata say."""
    found: dict[str, tuple[str, ...]] = {}
    core, lines = set(), list[str]()
    with contextlib.suppress(metadata.PackageNotFoundError):  # a bare folder says nothing
        lines = metadata.requires("refimpl") or []
    for line in lines:
        name, told = (
            re.split(r"[^\w.-]", line.lower())[0],
            re.search(r"extra == ['\"]([\w-]+)", line),
        )
        if told is None:
            core.add(name)
        elif told[1] not in ("dev", "docs"):
            found[name] = (*found.get(name, ()), told[1])
    return {name: among for name, among in found.items() if name not in core}


def remedy(module: str, extra: str = "") -> str:
    """The pip command that brings a module; empty if it is none of ours."""
    name = module.partition(".")[0]
    among = (extra,) if extra else extras().get(DISTRIBUTIONS.get(name, name), ())
    return " or ".join(f"pip install 'refimpl[{one}]'" for one in among)


def needs(*modules: str, extra: str) -> None:
    """See that the modules of an extra are there.

    Raises:
        Missing: the first that is not, with the remedy.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise Missing(f"{module} is not installed: {remedy(module, extra)}", name=module)


def import_behind(error: BaseException) -> ImportError | None:
    """The import that failed first, among an error and those that led to it."""
    found: ImportError | None = None
    seen: BaseException | None = error
    while seen is not None:
        found = seen if isinstance(seen, ImportError) else found
        seen = seen.__cause__ or seen.__context__
    return found


def explained(error: Exception, behind: ImportError) -> str:
    """What to say of an import that failed: the message, and the extra that would mend it."""
    told = str(error)
    if "pip install" in told:
        return told
    behind = import_behind(behind) or behind
    found = remedy(behind.name or "")
    return f"{behind}: {found}" if found else told
