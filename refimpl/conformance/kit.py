"""The conformance kit: is somebody's implementation what it says it is, and if not, what is it?

    judge(Mine)        @refimpl_checks(Mine)        pytest --refimpl-check pkg.mod:Mine

Three ways in over one list of checks; the page on adapters has the protocol.
"""

from .adapter.loading import load
from .adapter.naming import CannotRun
from .checks import checks
from .decorator import refimpl_checks
from .deviations import Deviation
from .running import Report, Result, judge

__all__ = [
    "CannotRun",
    "Deviation",
    "Report",
    "Result",
    "checks",
    "judge",
    "load",
    "refimpl_checks",
]
