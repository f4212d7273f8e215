"""Start a lab by its number.

    run(2, Path("lab2"), quick=False, resume=True, seed=0)

Arguments are checked first, libraries next: what is missing is said before anything is computed.
One thread does the work: the networks are too small to share, and on a busy machine threads that
wait for each other are many times slower than one.
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from . import digits, flows, processes
from .folder import Folder, Progress, Settings, prepare

LABS: dict[int, tuple[str, Callable[[Folder], None]]] = {
    1: ("simulate ODEs and SDEs", processes.run),
    2: ("flow matching and score matching on two-dimensional laws", flows.run),
    3: ("digits by label, with guidance", digits.run),
}
"""Number → what it does, and the function that does it."""


def run(
    number: int,
    out: Path,
    *,
    quick: bool = False,
    resume: bool = False,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Path:
    """Run lab `number` and return its folder.

    Args:
        out: the folder to write into; made if it does not exist.
        quick: seconds instead of minutes: to see that everything works, not to learn.
        resume: go on where a stopped run of the same settings was.
        seed: mixed into every source of randomness.
        on_progress: called with the share done and a line of text.

    Raises:
        ValueError: an unknown lab, or `out` holds a run of other settings.
        NotADirectoryError: `out` is a file.
        ModuleNotFoundError: a library of the extra `labs` is missing.
    """
    if number not in LABS:
        listed = "; ".join(f"{key}: {what}" for key, (what, _) in LABS.items())
        raise ValueError(f"there is no lab {number!r}; there are {listed}")
    for library in ("matplotlib", "sklearn"):
        if importlib.util.find_spec(library) is None:
            raise ModuleNotFoundError(
                f"the labs need {library}: pip install 'refimpl[labs]'", name=library
            )
    folder = prepare(Path(out), Settings(number, seed, quick), resume, on_progress)
    with _one_thread():
        LABS[number][1](folder)
    return folder.path


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
