"""Names and messages of other people's files, made safe to print.

    a name with the byte 27 in it   →   the same name with the four letters \\x1b in its place

A terminal obeys what it prints: an escape sequence in a name clears the screen, a mark of writing
direction turns a line around, a new line forges a verdict. They are shown by their codes.
"""

import unicodedata

_LONGEST = 2000
"""Characters kept of one text; no honest name or message is longer."""


def printable(text: object) -> str:
    """The text with every character that a terminal would obey written as its escape.

    White space becomes one space; control characters (C0, C1), marks of writing direction, other
    invisible format characters, lone surrogates and unassigned codes become `\\x1b`, `\\u202e`.
    """
    shown = "".join(_shown(c) for c in str(text)[:_LONGEST])
    return shown if len(str(text)) <= _LONGEST else f"{shown} ..."


def _shown(c: str) -> str:
    if c.isprintable():
        return c
    if c in "\n\r\t" or unicodedata.category(c) in ("Zs", "Zl", "Zp"):
        return " "
    return c.encode("unicode_escape").decode("ascii")
