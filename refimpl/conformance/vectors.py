"""The documented way to the test vectors, which live in `refimpl.vectors`."""

from ..vectors import DATA, Report, Test, Vectors, Verdict, judge, load, verify, verify_all

__all__ = ["DATA", "Report", "Test", "Vectors", "Verdict", "judge", "load", "verify", "verify_all"]
