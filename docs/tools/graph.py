"""The claims and what each leans on, as one inline SVG with links.

A band a lecture, in the order of the course; inside it a claim stands to the right of everything
that it leans on. The claims that lead to Eq. (1), and the edges between them, are lit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

ROW, COLUMN, BOX, HEAD = 24, 280, 250, 26


@dataclass(frozen=True)
class Claims:
    """What is drawn.

    Attributes:
        groups: the title of each band, with its ids in the order of the text.
        edges: for each id, those that it leans on.
        proved: the ids whose proof holds; a border is solid where all ancestors are proved.
        where: the link of each id.
        told: what each id says, shown while the pointer rests on it.
        goal: the id whose ancestors are lit.
    """

    groups: dict[str, list[str]]
    edges: dict[str, list[str]]
    proved: set[str]
    where: dict[str, str]
    told: dict[str, str]
    goal: str
    lit: set[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lit", self.ancestors(self.goal))

    def ancestors(self, id: str) -> set[str]:
        """A claim and all that it leans on, through others too."""
        found, waiting = set(), [id]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting += self.edges.get(here, [])
        return found


def drawing(claims: Claims) -> str:
    """The drawing, with a legend before it."""
    at, bands, size = _layout(claims)
    width, height = size
    lines = [
        _legend(claims),
        f'<div class="graph"><svg viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="group" '
        'aria-label="Which claims lean on which; the table below says the same">',
    ]
    for title, (top, bottom) in bands.items():
        lines.append(f'<rect class="band" y="{top}" width="{width}" height="{bottom - top}"/>')
        lines.append(f'<text class="band" x="6" y="{top + 17}">{escape(title)}</text>')
    for kind, lit in (("edge", False), ("edge lit", True)):
        if path := "".join(_edges(claims, at, lit)):
            lines.append(f'<path class="{kind}" d="{path}"/>')
    lines += [_box(claims, id, *place) for id, place in at.items()]
    return "\n".join([*lines, "</svg></div>"])


def _legend(claims: Claims) -> str:
    """What borders and colours mean, with how many claims of each there are."""
    every = [id for ids in claims.groups.values() for id in ids]
    solid = sum(claims.ancestors(id) <= claims.proved for id in every)
    dashed = len(every) - solid
    parts = [f'<span class="key solid"></span> proved with all it leans on: {solid}']
    if dashed:
        parts.append(f'<span class="key dashed"></span> not so: {dashed}')
    parts.append(f'<span class="key lit"></span> leads to Eq. (1): {len(claims.lit)}')
    return f'<p class="legend">{" &nbsp; ".join(parts)}</p>\n'


def _layout(
    claims: Claims,
) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]], tuple[int, int]]:
    """The place of each box, top and bottom of each band, and the size of the whole."""
    at: dict[str, tuple[int, int]] = {}
    bands: dict[str, tuple[int, int]] = {}
    top = widest = 0
    for title, ids in claims.groups.items():
        columns: dict[int, list[str]] = {}
        for id, depth in _depths(ids, claims.edges).items():
            columns.setdefault(depth, []).append(id)
        for column, (_, members) in enumerate(sorted(columns.items())):
            for row, id in enumerate(members):
                at[id] = (column * COLUMN + 6, top + HEAD + row * ROW)
        widest = max(widest, len(columns))
        bottom = top + HEAD + ROW * max(map(len, columns.values())) + 4
        bands[title] = (top, bottom)
        top = bottom + 6
    return at, bands, (COLUMN * widest, top)


def _depths(ids: list[str], edges: dict[str, list[str]]) -> dict[str, int]:
    """How many claims of the same band lie below each."""
    depth: dict[str, int] = {}

    def deep(id: str, above: tuple[str, ...]) -> int:
        if id not in depth:
            inner = [u for u in edges.get(id, []) if u in ids and u not in (*above, id)]
            depth[id] = 1 + max((deep(u, (*above, id)) for u in inner), default=-1)
        return depth[id]

    for id in ids:
        deep(id, ())
    return depth


def _edges(claims: Claims, at: dict[str, tuple[int, int]], lit: bool) -> Iterator[str]:
    """The curves from what is leant on to what leans, those that are lit or the others."""
    for id, used in claims.edges.items():
        for u in used:
            if u in at and id in at and ({u, id} <= claims.lit) is lit:
                (x1, y1), (x2, y2) = at[u], at[id]
                x1, y1, y2 = x1 + BOX, y1 + 9, y2 + 9
                yield f"M{x1} {y1}C{x1 + 24} {y1} {x2 - 24} {y2} {x2} {y2}"


def _box(claims: Claims, id: str, x: int, y: int) -> str:
    kind = "solid" if claims.ancestors(id) <= claims.proved else "dashed"
    kind += " lit" if id in claims.lit else ""
    box = f'<rect class="{kind}" x="{x}" y="{y}" width="{BOX}" height="18" rx="3"/>'
    shown = f'{box}<text x="{x + 6}" y="{y + 13}">{escape(id)}</text>'
    said = f"<title>{escape(claims.told[id])}</title>" if id in claims.told else ""
    link = claims.where.get(id)
    return f'<a href="{link}">{said}{shown}</a>' if link else f"<g>{said}{shown}</g>"
