"""Floor 4: the audit. What a run recorded, recomputed and judged."""

from .finding import Finding
from .run import Report, audit

__all__ = ["Finding", "Report", "audit"]
