"""Floor 0: files that other people wrote, read within bounds that are checked first."""

from .files import MIB, SETTINGS, bounded, content, parsed, plain_file, settings, text

__all__ = ["MIB", "SETTINGS", "bounded", "content", "parsed", "plain_file", "settings", "text"]
