"""Floor 0: small edits of a formula's source, for the proofs that refute them and for the kit."""

from .tree import NotSeen, Path, changes, places, replaced

__all__ = ["NotSeen", "Path", "changes", "places", "replaced"]
