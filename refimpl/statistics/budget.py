"""The budget: every statistical assertion is named and its n fixed, before it is made.

    P(any false alarm in a run) ≤ Σ α  ≤ 1000 · 1e-9 = 1e-6

Seeds follow from names, so a run repeats exactly: no reruns and no hunt for a lucky seed. An
assertion that the ledger does not list is refused; adding one is a change that a reviewer sees.
"""

import hashlib
from types import MappingProxyType

import torch

from ..typed import held
from .ledger import LISTED
from .outcome import ALPHA, Claim

LIMIT = 1000
"""The most assertions the ledger may hold."""

if len(LISTED) > LIMIT:
    raise ValueError(f"the ledger holds {len(LISTED)} assertions, more than {LIMIT}")


def claim(name: str) -> Claim:
    """The listed assertion of that name.

    Raises:
        KeyError: not in the ledger.
    """
    if name not in LISTED:
        raise KeyError(
            f"no assertion {name!r} is listed: add it, with its n, to refimpl/statistics/ledger.py"
        )
    return Claim(name, LISTED[name], ALPHA)


def claims() -> MappingProxyType[str, int]:
    """All listed names with their n."""
    return MappingProxyType(LISTED)


def false_alarm() -> float:
    """The union bound over a whole run: how often right code may fail."""
    return len(LISTED) * ALPHA


def statement() -> str:
    """The budget in one line, for reports."""
    return (
        f"{len(LISTED)} statistical assertions at alpha = {ALPHA:g} each: a right implementation "
        f"fails a run with probability at most {false_alarm():.2g}"
    )


@held
def seed_of(name: str, seed: int) -> int:
    """A stable hash of name and run seed, the same on every machine and Python."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch wants 63 bits


def generator(name: str, seed: int) -> torch.Generator:
    """The randomness of one check: its own generator, seeded by its name and the run's seed."""
    return torch.Generator().manual_seed(seed_of(name, seed))
