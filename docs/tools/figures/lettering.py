"""A drawn figure in Chinese: the same axes and curves, with every label looked up and set anew.

Labels stand in the table `labels` of `chinese.toml`, numbers masked; one that is missing is an
error. Letters are outlines of Noto Sans CJK SC (SIL Open Font License), so that a page looks the
same where no Chinese font is installed; only who draws needs the font.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import chinese
from fontTools import subset
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

import refimpl.equations

FAMILY = "Noto Sans CJK SC"
ALWAYS = "".join(map(chr, range(0x20, 0x7F))) + "−–—×·°…"
TOPICS = {path.stem for path in Path(refimpl.equations.__file__).parent.glob("*.py")}
"""Names of code, which stay as they are."""


def in_chinese(figure: Figure) -> Figure:
    """The figure itself, its words now Chinese.

    Raises:
        SystemExit: a label has no Chinese, or the font is not installed.
    """
    family = font()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        axis.set_tick_params(labelfontfamily=family)
        _fixed(axis)
    for text in _free(figure):
        text.set_text(chinese.label(text.get_text()))
        text.set_fontfamily(family)
    return figure


def _fixed(axis: Axis) -> None:
    """Tick labels that are words."""
    words = [text.get_text() for text in axis.get_ticklabels()]
    if any(map(chinese.english, words)) and not set(words) <= TOPICS:
        axis.set_ticks(axis.get_ticklocs(), labels=[chinese.label(word) for word in words])


def _free(figure: Figure) -> Iterator[Text]:
    """Every text that is not a tick's."""
    ticks = {
        id(text)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        for text in (tick.label1, tick.label2)
    }
    for artist in figure.findobj(Text):
        if isinstance(artist, Text) and id(artist) not in ticks and artist.get_text():
            yield artist


@cache
def font() -> str:
    """The family under which matplotlib now knows the letters that labels need."""
    source, index = _installed()
    font = TTFont(source, fontNumber=index)
    made = subset.Subsetter(subset.Options(name_IDs=["*"], notdef_outline=True))
    made.populate(text=ALWAYS + "".join(zh for _, zh in chinese.labels().values()))
    made.subset(font)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.otf"
        font.save(path)
        font_manager.fontManager.addfont(path)
        font_manager.get_font(path)  # read now, for the folder goes
    return FAMILY


def _installed() -> tuple[str, int]:
    """The file of the font, and the face in it."""
    asked = ["fc-match", "-f", "%{family}\t%{file}\t%{index}", f"{FAMILY}:style=Regular"]
    told = (
        subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        if shutil.which("fc-match")
        else "\t\t0"
    )
    families, path, index = told.split("\t")
    if FAMILY not in families.split(","):
        raise SystemExit(
            f"figures with Chinese labels are drawn in {FAMILY}, which is not installed: "
            "install Debian's package `fonts-noto-cjk`"
        )
    return path, int(index)
