"""Files of lemmas, and what `coqc` says of them.

    checked = compile_lemmas(lemmas, folder, jobs=2)       name -> "" or what Coq said

A file that compiles proves all its lemmas. In one that does not, Coq names the line: that lemma is
refused, and the rest is tried without it and without what was checked before it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from .lemmas import Lemma

PER_FILE = 150
"""Lemmas in a file."""

THEORIES = ("Meanings", "Lines", "Calculus", "Orders", "Normal", "Theorems")
"""The theories written by hand, in the order in which they lean on each other."""

HEADER = """From Coq Require Import Reals Lra Psatz Field.
From Coquelicot Require Import Coquelicot.
From Refimpl Require Import Meanings Lines Calculus Orders Normal.
Open Scope R_scope.
"""

OWN_AXIOMS = frozenset(
    {
        "ClassicalDedekindReals.sig_forall_dec",
        "ClassicalDedekindReals.sig_not_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    }
)
"""What Coq's library of the reals itself assumes; nothing else may be assumed."""

_ERROR = re.compile(
    r'^File "(?P<file>[^"]+)", line (?P<line>\d+),.*?^Error:(?P<what>.*)', re.S | re.M
)
_AXIOM = re.compile(r"^(?P<name>[\w.']+)\s*:", re.M)
_FULL = {"functional_extensionality_dep": "FunctionalExtensionality.functional_extensionality_dep"}
_FORBIDDEN = re.compile(
    r"\b(admit|Admitted|Axiom|Axioms|Parameter|Parameters|Conjecture|Hypothesis)\b"
)


class CoqError(RuntimeError):
    """Something that is wrong with Coq's answer, rather than with a lemma."""


@dataclass(frozen=True)
class Compiled:
    """What came of a set of lemmas.

    Attributes:
        refused: by name, what Coq said.
        axioms: all that the proofs assume, as Coq prints it.
    """

    refused: dict[str, str]
    axioms: frozenset[str]


def available() -> bool:
    """Whether `coqc` is installed."""
    return shutil.which("coqc") is not None


def version() -> str:
    """The version of Coq, e.g. "8.16.1"."""
    told = subprocess.run(["coqc", "--print-version"], capture_output=True, text=True, check=True)
    return told.stdout.split()[0]


def prepare(folder: Path, only: Sequence[str] = THEORIES) -> frozenset[str]:
    """Compile the theories written by hand into a folder; return what they assume.

    Raises:
        CoqError: one does not compile, or assumes more than Coq's own reals.
    """
    folder.mkdir(parents=True, exist_ok=True)
    assumed: frozenset[str] = frozenset()
    for name in only:
        text = (resources.files("derivations.coq") / "theories" / f"{name}.v").read_text("utf-8")
        refuse_gaps(text, name)
        (folder / f"{name}.v").write_text(text, "utf-8")
        done = _coqc(folder, f"{name}.v")
        if done.returncode:
            raise CoqError(f"{name}.v does not compile: {done.stderr}")
        assumed |= axioms_of(done.stdout)
    return assumed


def compile_lemmas(lemmas: Sequence[Lemma], folder: Path, jobs: int = 2) -> Compiled:
    """Have Coq check lemmas, in files of `PER_FILE`, `jobs` of them at a time."""
    files = [lemmas[i : i + PER_FILE] for i in range(0, len(lemmas), PER_FILE)]
    with ThreadPoolExecutor(jobs) as pool:
        done = list(pool.map(lambda kv: _file(kv[1], folder, f"Chains{kv[0]}"), enumerate(files)))
    refused = {name: what for one in done for name, what in one.refused.items()}
    return Compiled(refused, frozenset().union(*(one.axioms for one in done)))


def _file(lemmas: Sequence[Lemma], folder: Path, name: str) -> Compiled:
    """Compile one file; take out what Coq refuses until the rest compiles."""
    refused: dict[str, str] = {}
    axioms: frozenset[str] = frozenset()
    left = list(lemmas)
    for attempt in range(len(lemmas) + 1):
        if not left:
            break
        text, starts = _text(left)
        refuse_gaps(text, name)
        path = f"{name}_{attempt}.v" if attempt else f"{name}.v"
        (folder / path).write_text(text, "utf-8")
        done = _coqc(folder, path)
        if done.returncode == 0:
            axioms |= axioms_of(done.stdout)
            break
        index, what = _failure(done.stderr, path, starts)
        refused[left[index].name] = what
        left = left[index + 1 :]
    return Compiled(refused, axioms)


def _text(lemmas: Sequence[Lemma]) -> tuple[str, list[int]]:
    """A file of lemmas, and the line at which each begins; last, what all of them assume."""
    text = HEADER
    starts = []
    for lemma in lemmas:
        text += "\n"
        starts.append(text.count("\n") + 1)
        text += lemma.text + "\n"
    together = ", ".join(f"@{lemma.name}" for lemma in lemmas)
    return (
        text + f"\nDefinition together := ({together}, I).\nPrint Assumptions together.\n",
        starts,
    )


def _failure(told: str, path: str, starts: list[int]) -> tuple[int, str]:
    found = _ERROR.search(told)
    if found is None or Path(found["file"]).name != path or int(found["line"]) < starts[0]:
        raise CoqError(f"coqc failed outside the lemmas of {path}: {told}")
    line = int(found["line"])
    index = max(i for i, start in enumerate(starts) if start <= line)
    return index, " ".join(found["what"].split())


def _coqc(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["coqc", "-q", "-w", "none", "-Q", ".", "Refimpl", path],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def axioms_of(told: str) -> frozenset[str]:
    """The axioms in what `Print Assumptions` printed.

    Raises:
        CoqError: an axiom that is not one of Coq's own for the reals.
    """
    found = {
        _FULL.get(m["name"], m["name"])
        for block in told.split("Axioms:")[1:]
        for m in _AXIOM.finditer(_until(block))
    }
    if strange := sorted(found - OWN_AXIOMS):
        raise CoqError(f"a proof assumes {', '.join(strange)}, which is no axiom of Coq's reals")
    return frozenset(found)


def _until(block: str) -> str:
    return block.split("Closed under the global context")[0]


def refuse_gaps(text: str, name: str) -> None:
    """Raise if a file holds a word that leaves something unproved.

    Raises:
        CoqError: `admit`, `Admitted`, `Axiom` or the like.
    """
    bare = re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)
    if found := _FORBIDDEN.search(bare):
        raise CoqError(f"{name} holds {found[0]!r}: a proof with a gap")
