"""Command lines that are run by many tests, and a process of their own to run them in."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

Ran: TypeAlias = dict[str, tuple[int, str]]
"""Command line → exit code and what it printed on both streams."""

QUICK = (
    "--version",
    "-h",
    "eq",
    "eq sde.drift",
    "surrogate 1.3 --advantage -1 --clip 0.2",
    "grid sd3.5 --steps 10",
    "guidance --w 2 --steps 4",
    "levels mode(1.29) --shift 3 --weight bell --above 0.875",
    "sample --toy gaussian_1d --n 64 --out r.npz --picture p.svg",
    "sample --toy correlated_2d --solver unipc --steps 4 --n 64",
    "audit r.npz --json audit.json --html audit.html",
    "train toy --quick --out run",
    "doctor run",
    "doctor run --json",
    "check refimpl --tier vectors",
    "sd3 presets",
    "sd3 rewards",
    "sd3 engine ddp",
    "train sd3 --dry-run",
    "train sd3 --show",
    "sd3 convert nowhere out",
    "vectors verify --id kl.k3",
    "topic nothing",
)
"""Every command that can be run in seconds, in an order in which each finds what it reads."""

LONG = (
    "verify --only kl.k3 --json verify.json",
    "study methods --out study",
    "topic densities",
    "lab 1 --quick",
    "train toy --quick --problem mixture",
    "train toy --quick --problem digits",
    "train shapes --quick",
    "check diffusers",
)
"""Those that take longer."""


def run_all(
    lines: Sequence[str],
    folder: Path,
    *,
    hidden: Sequence[str] = (),
    environment: dict[str, str] | None = None,
) -> Ran:
    """Run command lines one after the other in one process, in a folder.

    hidden: modules that this process cannot import.     environment: added to it.
    """
    driver, found = Path(__file__).parent / "driver.py", folder / "found.json"
    ran = subprocess.run(
        [sys.executable, str(driver), json.dumps(lines), json.dumps(hidden), str(found)],
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    shown: Ran = json.loads(found.read_text(encoding="utf-8"))
    return shown


def imported(name: str) -> tuple[bool, bool, int]:
    """A job for workers: whether a module and the proofs came with the process; its threads."""
    torch = sys.modules["torch"]
    return name in sys.modules, "derivations.run" in sys.modules, int(torch.get_num_threads())


def squared(x: int) -> int:
    """A job for workers; a negative one kills the process that does it."""
    if x < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x


def ends_well(shown: Ran, codes: tuple[int, ...] = (0,)) -> list[str]:
    """The command lines that ended with another code, or with a traceback."""
    return [
        f"{line}: {code}: {text[-600:]}"
        for line, (code, text) in shown.items()
        if code not in codes or "Traceback" in text
    ]
