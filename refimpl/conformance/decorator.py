"""Two lines in a test file of one's own.

@refimpl_checks(Mine)
def test_mine(check):
    check()
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .checks import checks
from .deviations import read
from .running import Result, Runner


class Failed(AssertionError):
    """A check that differs; the message is the diagnosis."""


class Bound:
    """One check on one adapter; calling it runs it.

    Calling raises `Failed` where the adapter differs, and skips the test where nothing is compared.
    """

    def __init__(self, runner: Callable[[], Runner], id: str) -> None:
        self._runner, self.id = runner, id

    def __call__(self) -> Result:
        import pytest

        result = self._runner().result(self.id)
        if result.verdict == "differs":
            raise Failed(f"{result.check}: {result.cause}")
        if result.verdict == "differs by design":
            pytest.xfail(result.told)
        if result.verdict in ("not provided", "skipped"):
            pytest.skip(f"{result.verdict}: {result.told}")
        return result

    def __repr__(self) -> str:
        return f"check {self.id}"


def bound(target: Any, deviations: Iterable[Any] = (), name: str = "") -> list[Bound]:
    """Every check, bound to one adapter that is made once, when the first of them runs."""
    made: list[Runner] = []

    def runner() -> Runner:
        if not made:
            made.append(Runner(target, deviations, name))
        return made[0]

    return [Bound(runner, id) for id in checks()]


def refimpl_checks(
    target: Any, deviations: Iterable[Any] | str | Path = ()
) -> Callable[[Callable[..., Any]], Any]:
    """Parametrize a test function with every check of the kit.

    Args:
        target: the adapter.
        deviations: what is known to differ, or a TOML file of it.
    """
    import pytest

    known = read(Path(deviations)) if isinstance(deviations, (str, Path)) else tuple(deviations)
    rows = bound(target, known)
    return pytest.mark.parametrize("check", rows, ids=[row.id for row in rows])
