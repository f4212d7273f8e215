"""Deviations that are known: declared in a TOML file or on the adapter, and verified.

    [[deviation]]
    case = "kl.value"            the id of a check
    kind = "convention"          convention, bug or unsupported
    variant = "KL without h"     what the numbers equal: a named mistake or a convention
    reason = "as in the official code"
    link = "https://..."         optional

A convention must be met by its variant's formula. A bug is a strict expected failure. What is
unsupported must be refused, not answered wrongly. A declaration that is no longer needed is an
error.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..outside import MIB, bounded
from .adapter.naming import CannotRun, nearest

KINDS = ("convention", "bug", "unsupported")
_KEYS = ("case", "kind", "variant", "reason", "link")


@dataclass(frozen=True)
class Deviation:
    """One declared deviation; see the module for the meaning of each field.

    Raises:
        CannotRun: an unknown kind, no reason, a convention without variant.
    """

    case: str
    kind: str
    reason: str
    variant: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CannotRun(
                f"{self.case}: kind {self.kind!r} is unknown{nearest(self.kind, KINDS)}"
            )
        if not self.reason:
            raise CannotRun(f"{self.case}: a deviation needs a reason")
        if self.kind == "convention" and not self.variant:
            raise CannotRun(f"{self.case}: a convention needs a variant, which is then verified")


def read(file: Path) -> tuple[Deviation, ...]:
    """The deviations of a file.

    Raises:
        CannotRun: not TOML, unknown keys, or what `Deviation` refuses.
    """
    try:
        content = tomllib.loads(bounded(file, 4 * MIB).read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotRun(f"cannot read {file}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise CannotRun(f"{file} is not TOML: {error}") from error
    odd = sorted(set(content) - {"deviation"})
    if odd:
        raise CannotRun(f"{file}: unknown key {odd[0]!r}{nearest(odd[0], ('deviation',))}")
    rows = content.get("deviation", [])
    if not isinstance(rows, list) or not rows:
        raise CannotRun(f"{file} declares nothing: write [[deviation]] tables")
    return collected([_row(file, row) for row in rows])


def _row(file: Path, row: Mapping[str, Any]) -> Deviation:
    for key, value in row.items():
        if key not in _KEYS:
            raise CannotRun(f"{file}: unknown key {key!r}{nearest(key, _KEYS)}")
        if not isinstance(value, str):
            raise CannotRun(f"{file}: {key} must be a string, got {value!r}")
    absent = [key for key in ("case", "kind", "reason") if key not in row]
    if absent:
        raise CannotRun(f"{file}: a deviation lacks {', '.join(absent)}: {dict(row)!r}")
    return Deviation(**row)


def collected(rows: Iterable[Any], known: Iterable[str] = ()) -> tuple[Deviation, ...]:
    """Declarations as such, or as dictionaries; each case once, and known.

    Raises:
        CannotRun: a case that is declared twice, or that no check is called.
    """
    known = tuple(known)
    made = tuple(row if isinstance(row, Deviation) else Deviation(**row) for row in rows)
    twice = sorted({d.case for d in made if sum(e.case == d.case for e in made) > 1})
    if twice:
        raise CannotRun(f"{twice[0]!r} is declared twice")
    for d in made:
        if known and d.case not in known:
            raise CannotRun(f"no check is called {d.case!r}{nearest(d.case, known)}")
    return made
