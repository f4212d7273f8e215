"""Floor 4: the audit. What a run recorded, recomputed and judged."""

from .judging.finding import Finding
from .reporting.auditing import Report, audit

__all__ = ["Finding", "Report", "audit"]
