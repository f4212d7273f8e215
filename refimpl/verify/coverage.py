"""The coverage table: each row of the ledger, and the evidence behind each of its letters.

    S, C   derivations that carry the row, proved, with their controls settled
    N      checks of the layers numbers and samplers          T   checks of the layer statistics
    L      checks of the layer training                       D   pages that show an equation
    R      commands that run it

`ledger.toml` says what each row needs and which letters this version claims. The evidence is read
off what ran, never typed; a claimed letter without evidence is a gap, and a gap fails the run.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from refimpl.equations import equations

from .layers import checks
from .runs import RUNS

_LAYER_OF_LETTER = {"N": ("numbers", "samplers"), "T": ("statistics",), "L": ("training",)}


@dataclass(frozen=True)
class Row:
    """One row of the ledger.

    Attributes:
        id: such as "SC-6".
        needs: the letters that the row asks for.
        claims: the letters that this version says it has.
        letters: for each letter needed, the names of the evidence; empty where there is none.
    """

    id: str
    section: str
    seed: str
    statement: str
    needs: str
    claims: str
    letters: dict[str, tuple[str, ...]]

    @property
    def claimed(self) -> bool:
        """Whether any letter is claimed."""
        return bool(self.claims)

    @property
    def done(self) -> bool:
        """Whether every letter needed has evidence."""
        return all(self.letters[letter] for letter in self.needs)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Letters claimed without evidence."""
        return tuple(letter for letter in self.claims if not self.letters[letter])


@cache
def ledger() -> tuple[dict[str, str], ...]:
    """The rows as written in ledger.toml."""
    text = (Path(__file__).parent / "ledger.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["row"])


def coverage(
    proved: Mapping[str, Iterable[str]],
    passed: Iterable[str] | None = None,
    docs: Path | None = None,
) -> list[Row]:
    """The table, from what ran.

    Args:
        proved: for each derivation that is proved, the rows it carries.
        passed: names of the checks that held; None counts every registered check, for a table
            before a run.
        docs: the folder of Markdown pages; None where it is not at hand (an installed wheel), and
            then D is left out of the gaps.

    Raises:
        ValueError: a derivation, check or run names a row that the ledger does not have.
    """
    registered = checks()
    held = set(registered if passed is None else passed)
    pages = _pages(docs) if docs else None
    known = {row["id"] for row in ledger()}
    for name, rows in [
        *proved.items(),
        *((c.name, c.rows) for c in registered.values()),
        *((e.id, e.rows) for e in equations().values()),
        *RUNS.items(),
    ]:
        for row in rows:
            if row not in known:
                raise ValueError(f"{name} names ledger row {row!r}, which does not exist")
    table = []
    for entry in ledger():
        id = entry["id"]
        proofs = tuple(name for name, rows in proved.items() if id in rows)
        found = {
            "S": proofs,
            "C": proofs,
            "D": tuple(
                f"{page}#{e.id}"
                for e in equations().values()
                if id in e.rows
                for page in (pages or {}).get(e.id, ())
            )
            or (tuple((pages or {}).get(id, ())) if pages is not None else ("not looked at",)),
            "R": tuple(command for command, rows in RUNS.items() if id in rows),
        }
        for letter, layers in _LAYER_OF_LETTER.items():
            found[letter] = tuple(
                c.name
                for c in registered.values()
                if c.layer in layers and id in c.rows and c.name in held
            )
        table.append(
            Row(
                id,
                entry["section"],
                entry["seed"],
                entry["statement"],
                entry["needs"],
                entry["claimed"],
                {letter: found[letter] for letter in entry["needs"]},
            )
        )
    return table


def _pages(docs: Path) -> dict[str, tuple[str, ...]]:
    """For each id (of an equation, a derivation or a row) the pages that show it."""
    shown: dict[str, tuple[str, ...]] = {}
    for page in sorted([*docs.glob("*.md"), *docs.glob("math/*.md")]):
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("<!-- generated: "):
                for id in line.removeprefix("<!-- generated: ").removesuffix("-->").split():
                    shown[id] = (*shown.get(id, ()), page.relative_to(docs).as_posix())
    return shown
