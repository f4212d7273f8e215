"""A kept chart on a page: the drawing itself, with a name for those who hear the page."""

import re
from html import escape, unescape
from pathlib import Path

IMAGE = 'role="img"'


def figure(file: Path) -> str:
    """The figure of a kept drawing.

    Raises:
        SystemExit: it has no name, and no words at its axes to make one of.
    """
    drawn = file.read_text("utf-8")
    return f"<figure>{drawn if 'aria-label' in drawn else named(drawn, file)}</figure>"


def named(drawn: str, file: Path) -> str:
    """A drawing named after its axes and curves: `reward over iteration: kl; levelled`."""
    texts = map(unescape, re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
    words = [text for text in texts if not re.fullmatch(r"[-−]?[\d.]+", text)]
    if len(words) < 2 or IMAGE not in drawn:
        raise SystemExit(f"{file} has no words for both axes: draw it anew, with a title")
    across, up, *curves = words
    name = f"{up} over {across}" + (f": {'; '.join(curves)}" if curves else "")
    return drawn.replace(IMAGE, f'{IMAGE} aria-label="{escape(name)}"', 1)
