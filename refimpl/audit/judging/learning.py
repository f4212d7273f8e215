"""What training made of log-probabilities: the ratio, its mean, the clipped loss.

    r = exp(log p − log p_old)       loss = −min(r A, clip(r, 1 − ε, 1 + ε) A) + β KL

Both are judged row by row, of one number each.
"""

from collections.abc import Iterator, Sequence

from ..reading.layout import Table
from ..reading.manifest import Manifest
from .finding import Finding
from .losses import of_loss
from .ratios import of_ratio
from .updates import parts_of


def audit_learning(tables: Sequence[Table], manifest: Manifest) -> Iterator[Finding]:
    """On ratio and loss."""
    parts = [p for table in tables for p in parts_of(table)]
    if not parts:
        return
    names = set(parts[0].of)
    if "ratio" in names:
        yield from of_ratio(parts, names, manifest)
    if "loss" in names:
        yield of_loss(parts, names, manifest)
