"""Floor 7: a pytest plugin: checks of somebody's implementation as tests, beside their own.

    pytest --refimpl-check pkg.mod:Mine [--refimpl-deviations FILE.toml]

Without the option it does nothing, and imports nothing but pytest.
"""

from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Two options, in a group of their own."""
    group = parser.getgroup("refimpl", "conformance with the refimpl reference")
    group.addoption(
        "--refimpl-check", metavar="TARGET", action="append", default=[],
        help="pkg.mod:obj or path/to/file.py:obj, an adapter to check; may be repeated",
    )  # fmt: skip
    group.addoption(
        "--refimpl-deviations", metavar="FILE", default=None,
        help="a TOML file of known deviations",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Refuse deviations of nothing."""
    if config.getoption("refimpl_deviations") and not config.getoption("refimpl_check"):
        raise pytest.UsageError("--refimpl-deviations needs --refimpl-check TARGET")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add one test for every check of every adapter."""
    targets = config.getoption("refimpl_check")
    if not targets:
        return
    from refimpl.conformance.decorator import bound
    from refimpl.conformance.deviations import read
    from refimpl.conformance.kit import CannotRun, load
    from refimpl.conformance.running import Runner

    file = config.getoption("refimpl_deviations")
    try:
        known = read(Path(file)) if file else ()
        for target in targets:
            adapter = load(target)
            Runner(adapter, known)  # refuses what cannot run, before anything runs
            parent = _Adapter.from_parent(session, name=target)
            items.extend(
                _Item.from_parent(parent, name=b.id, check=b) for b in bound(adapter, known)
            )
    except (CannotRun, ModuleNotFoundError) as error:
        raise pytest.UsageError(f"refimpl: {error}") from error


class _Adapter(pytest.Collector):
    """The parent of an adapter's checks."""

    def collect(self) -> list[pytest.Item]:
        return []


class _Item(pytest.Item):
    """One check."""

    def __init__(self, *, check: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self._check = check

    def runtest(self) -> None:
        self._check()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from refimpl.conformance.decorator import Failed

        if isinstance(excinfo.value, Failed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.parent.name if self.parent else ''} {self.name}"
