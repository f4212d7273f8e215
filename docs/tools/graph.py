"""The claims and what each leans on, as one inline SVG with links."""

from html import escape

ROW, COLUMN, BOX = 24, 276, 244


def drawing(
    claims: list[str], edges: dict[str, list[str]], proved: set[str], where: dict[str, str]
) -> str:
    """A layered drawing: a claim stands to the right of everything that it leans on.

    Args:
        claims: ids in the order of the text.
        edges: for each id, those that it leans on.
        proved: the ids whose border is solid; a box is filled where all its ancestors are proved.
        where: the link of each id.
    """
    depth: dict[str, int] = {}

    def deep(id: str, above: tuple[str, ...] = ()) -> int:
        if id not in depth:
            below = [deep(u, (*above, id)) for u in edges.get(id, []) if u not in (*above, id)]
            depth[id] = 1 + max(below, default=-1)
        return depth[id]

    columns: dict[int, list[str]] = {}
    for id in claims:
        columns.setdefault(deep(id), []).append(id)
    at = {
        id: (column * COLUMN + 6, row * ROW + 6)
        for column, ids in sorted(columns.items())
        for row, id in enumerate(ids)
    }
    height = ROW * max(map(len, columns.values())) + 12
    width = COLUMN * len(columns)
    lines = [
        f'<div class="graph"><svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="Which claims lean on which; the table below says the same">'
    ]
    for id, used in edges.items():
        for u in used:
            (x1, y1), (x2, y2) = at[u], at[id]
            x1, y1, y2 = x1 + BOX, y1 + 9, y2 + 9
            bend = (x1 + x2) // 2
            lines.append(f'<path class="edge" d="M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}"/>')
    for id, (x, y) in at.items():
        kind = "solid" if _ancestors(id, edges) <= proved else "dashed"
        box = f'<rect class="{kind}" x="{x}" y="{y}" width="{BOX}" height="18" rx="3"/>'
        text = f'<text x="{x + 6}" y="{y + 13}">{escape(id)}</text>'
        lines.append(f'<a href="{where[id]}">{box}{text}</a>' if id in where else box + text)
    lines.append("</svg></div>")
    return "\n".join(lines)


def _ancestors(id: str, edges: dict[str, list[str]]) -> set[str]:
    found, waiting = set(), [id]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += edges.get(here, [])
    return found
