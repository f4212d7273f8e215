"""The tests for every save: numbers, refusals, printed formulas, methods, samplers and both loops.

    python tests/quick.py [arguments of pytest]

Every equation is held to its second route, refuses what it must, and is printed and read back;
methods, simulate, statistics, the toy loop and the rollouts and replays of SD3.5's loop are tested
as a whole. Proofs take minutes: of the topics whose equations or derivations differ from the last
commit they run too, the rest with `make test`, as do transforms and what starts programs anew.
"""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent

MATHEMATICS = (
    "equations",
    "evidence/test_routes.py",
    "evidence/test_compare.py",
    "derivations/test_engine.py",
    "derivations/test_formulas.py",
    "derivations/test_groups.py",
    "derivations/test_matrices.py",
    "derivations/test_written_letters.py",
    "statistics",
    "toy/test_mixture.py",
    "methods",
)
LOOPS = (
    "sd3/test_rollout.py",
    "toy/test_loop.py",
    "toy/test_grpo.py",
    "toy/test_grpo_exact.py",
    "simulate",
    "conformance/test_kit_broken.py",
    "conformance/test_kit_grids.py",
    "conformance/test_kit_guidance.py",
)
"""Two processes, some forty seconds of a core each; only the second imports what SD3.5 needs."""

LEFT_OUT = ("equations/test_transforms.py",)
"""Compilation takes longer than the rest of the folder."""


def changed(names: list[str]) -> list[str]:
    """The topics of changed files: refimpl/equations/kl.py and derivations/kl.py are of kl."""
    folders = (Path("refimpl/equations"), Path("derivations"))
    found = {Path(name).stem for name in names if Path(name).parent in folders}
    return sorted(topic for topic in found if (ROOT / "derivations" / f"{topic}.py").exists())


def main(arguments: list[str]) -> int:
    """Run both halves side by side; pytest's exit code, the first that is not 0."""
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist"]
    run += ["-m", "not slow and not statistical", *arguments]
    run += [f"--ignore={TESTS / name}" for name in LEFT_OUT]
    begun = [_begin([*run, *(str(TESTS / name) for name in half)]) for half in (MATHEMATICS, LOOPS)]
    codes = [_ended(process) for process in begun]
    differ = ["git", "diff", "--name-only", "HEAD"]
    told = subprocess.run(differ, cwd=ROOT, check=False, capture_output=True, text=True).stdout
    if topics := changed(told.split()):
        print("proofs of what changed: " + ", ".join(topics))
        proofs = [str(TESTS / "derivations" / "test_proofs.py"), "-k", " or ".join(topics)]
        codes.append(subprocess.run([*run, *proofs], cwd=ROOT, check=False).returncode)
    return next((code for code in codes if code), 0)


def _begin(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _ended(process: subprocess.Popen[str]) -> int:
    """Wait for a half, and show what it said."""
    said, _ = process.communicate()
    print(said, end="")
    return process.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
