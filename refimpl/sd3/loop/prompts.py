"""Prompts of a run: files, what is held out, and who samples which image in which iteration.

    prompts.txt            a prompt a line; blank lines are passed over
    prompts.jsonl          an object a line: "prompt", and whatever rewards want to know
    folder/                train.txt and test.txt, or train_metadata.jsonl and test_metadata.jsonl,
                           as flow_grpo (github.com/yifan123/flow_grpo) has them

An iteration takes P prompts and G images of each: rows 0 … P·G − 1, group by group, of which each
process samples an equal, contiguous share. Which prompts these are follows from seed and iteration
alone, so processes need not talk to agree, and a run may resume on another number of them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ...outside import MIB, bounded, parsed

Split: TypeAlias = Literal["train", "test"]


@dataclass(frozen=True)
class Prompt:
    """What the model is told, and what only rewards are told.

    Raises:
        ValueError: an empty text.
    """

    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a prompt needs words, got an empty one")


Prompts: TypeAlias = tuple[Prompt, ...]


def load(path: Path, split: Split = "train") -> Prompts:
    """The prompts of a file, or of one split of a folder.

    Raises:
        ValueError: nothing there, a file of another kind, no prompt in it, or a line that is no
            prompt, by its number.
    """
    file = _file_of(path, split) if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"no prompts at {file}: give a .txt or .jsonl file, or a folder of them")
    if file.suffix not in (".txt", ".jsonl"):
        raise ValueError(f"{file}: prompts are .txt (one a line) or .jsonl (one object a line)")
    try:
        lines = bounded(file, 1024 * MIB).read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}") from error
    parse = _parse_json if file.suffix == ".jsonl" else _parse_text
    numbered = ((f"{file}, line {i}", line.strip()) for i, line in enumerate(lines, 1))
    found = tuple(parse(where, line) for where, line in numbered if line)
    if not found:
        raise ValueError(f"{file} holds no prompt: it is empty")
    return found


def _file_of(folder: Path, split: Split) -> Path:
    wanted = [folder / f"{split}.txt", folder / f"{split}_metadata.jsonl"]
    there = [file for file in wanted if file.is_file()]
    if len(there) != 1:
        names = " or ".join(file.name for file in wanted)
        raise ValueError(
            f"{folder} must hold exactly one of {names}, it has {len(there)}: name the file itself"
        )
    return there[0]


def _parse_text(where: str, line: str) -> Prompt:
    return Prompt(line)


def _parse_json(where: str, line: str) -> Prompt:
    row = parsed(line, where)
    if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
        raise ValueError(f'{where} must be an object with a text under "prompt", got {line:.80}')
    try:
        return Prompt(row["prompt"].strip(), row)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def hold_out(prompts: Sequence[Prompt], count: int) -> tuple[Prompts, Prompts]:
    """(to train on, held out): the `count` texts whose hash is least, whatever their order.

    Equal texts stay on one side, so that nothing held out is trained on.

    Raises:
        ValueError: a count that leaves nothing on one of the sides.
    """
    texts = sorted({p.text for p in prompts}, key=_hash)
    if not 1 <= count < len(texts):
        raise ValueError(
            f"of {len(texts)} different prompts, 1 to {len(texts) - 1} can be held out, got {count}"
        )
    out = set(texts[:count])
    return (
        tuple(p for p in prompts if p.text not in out),
        tuple(p for p in prompts if p.text in out),
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Row:
    """One image of an iteration.

    Attributes:
        row: its place among all P·G images of the iteration: what its noise is seeded by.
        prompt: the number of its prompt.
        member: its place in its group, 0 … G − 1.
    """

    row: int
    prompt: int
    member: int


@dataclass(frozen=True)
class Sampler:
    """Which prompts an iteration has, and which images a process samples.

    Every epoch is a new permutation of the prompts, cut into iterations of P; the rest of it
    (count mod P) sits the epoch out.

    Attributes:
        count: prompts there are.
        groups: P, different prompts an iteration.
        group: G, images a prompt.
        world: processes.
        seed: of the permutations.

    Raises:
        ValueError: more groups than prompts, a group of one, or images that do not divide among
            the processes; the nearest number of groups that does is named.
    """

    count: int
    groups: int
    group: int
    world: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("count", "groups", "world"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.group < 2:
            raise ValueError(f"a group of {self.group} has no baseline: group must be at least 2")
        if self.groups > self.count:
            raise ValueError(
                f"an iteration has {self.groups} different prompts, there are {self.count}: "
                f"groups can be at most {self.count}"
            )
        if self.groups * self.group % self.world:
            near = [p for p in range(1, self.count + 1) if p * self.group % self.world == 0]
            near = sorted(sorted(near, key=lambda p: abs(p - self.groups))[:2])
            remedy = (
                f"groups = {' or '.join(map(str, near))} does"
                if near
                else "no number of groups does: change group or the processes"
            )
            raise ValueError(
                f"{self.groups} groups of {self.group} are {self.groups * self.group} images, "
                f"which {self.world} processes cannot share equally; {remedy}"
            )

    @property
    def share(self) -> int:
        """Images a process samples in an iteration."""
        return self.groups * self.group // self.world

    @property
    def iterations(self) -> int:
        """Iterations of an epoch."""
        return self.count // self.groups

    def prompts(self, iteration: int) -> tuple[int, ...]:
        """The P prompts of an iteration, counted from 0, by number."""
        if iteration < 0:
            raise ValueError(f"iterations are counted from 0, got {iteration}")
        epoch, place = divmod(iteration, self.iterations)
        order = _permutation(self.count, self.seed, epoch)
        return order[place * self.groups : (place + 1) * self.groups]

    def rows(self, iteration: int, rank: int) -> tuple[Row, ...]:
        """What process `rank` samples in an iteration.

        Raises:
            ValueError: no such process.
        """
        if not 0 <= rank < self.world:
            raise ValueError(f"ranks are 0 to {self.world - 1}, got {rank}")
        chosen = self.prompts(iteration)
        mine = range(rank * self.share, (rank + 1) * self.share)
        return tuple(Row(i, chosen[i // self.group], i % self.group) for i in mine)

    def require_whole(self, iteration: int, gathered: Iterable[int]) -> None:
        """Check that what was gathered from all processes is every group, whole and in order.

        Args:
            gathered: the prompt's number of each image, in rank order.

        Raises:
            RuntimeError: a group that is incomplete, out of order, or of another iteration.
        """
        gathered = list(gathered)
        wanted = [prompt for prompt in self.prompts(iteration) for _ in range(self.group)]
        if gathered == wanted:
            return
        have, want = Counter(gathered), Counter(wanted)
        wrong = [
            f"prompt {p}: {have[p]} images instead of {want[p]}"
            for p in sorted(have.keys() | want.keys())
            if have[p] != want[p]
        ]
        shown = "; ".join(wrong[:3]) or "the right images, but not group by group"
        raise RuntimeError(
            f"iteration {iteration} gathered {len(gathered)} images and {self.groups} groups of "
            f"{self.group} were meant ({shown}): do all processes have the same seed and step?"
        )


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, epoch: int) -> tuple[int, ...]:
    """0 … count − 1, ordered by hash: the same on every machine and under every version."""
    return tuple(sorted(range(count), key=lambda i: _hash(f"{seed}/{epoch}/{i}")))
