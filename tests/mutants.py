"""Break a room in every small way; its fast tests must notice.

    python tests/mutants.py [--room ROOM] [--folder FOLDER] [--children N] [MODULE …]

All modules of the room, or the ones named; rooms are listed in ROOMS, with the tests that answer
for them. What survives is compared with survivors/ROOM.toml: one not listed there, with its reason,
is a failure.

mutmut leaves decorated functions alone, and every equation is decorated, as is what is held to its
annotations or keeps no gradients. So the tree is copied, each `@equation(...)`, `@held` or
`@torch.no_grad()` above a function becomes the same call below it, and mutmut runs there.
"""

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SURVIVORS = Path(__file__).with_name("survivors")

ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "equations": ("refimpl/equations", ("tests/equations",)),
    "typed": ("refimpl/typed", ("tests/typed",)),
    "methods": ("refimpl/methods", ("tests/methods",)),
    "simulate": ("refimpl/simulate", ("tests/simulate", "tests/cli/test_gridding.py")),
    "statistics": ("refimpl/statistics", ("tests/statistics",)),
    "toy": (
        "refimpl/toy/grpo",
        (
            "tests/toy/test_loop.py",
            "tests/toy/test_grpo.py",
            "tests/toy/test_grpo_parts.py",
            "tests/toy/test_grpo_exact.py",
            "tests/toy/test_grpo_adjoint.py",
            "tests/toy/test_grpo_bias.py",
            "tests/toy/test_grpo_digits.py",
            "tests/toy/test_running.py",
            "tests/toy/test_recording.py",
            "tests/toy/test_tasks.py",
        ),
    ),
    "sd3": (
        "refimpl/sd3/loop",
        (
            "tests/sd3/test_prompts.py",
            "tests/sd3/test_loop.py",
            "tests/sd3/test_update.py",
            "tests/sd3/test_watching.py",
            "tests/sd3/test_rollout.py",
            "tests/sd3/test_together.py",
            "tests/sd3/test_cheaper.py",
            "tests/sd3/test_leaving.py",
            "tests/sd3/test_run.py",
        ),
    ),
    "kit": (
        "refimpl/conformance/formulas",
        (
            "tests/conformance/test_tableaux.py",
            "tests/conformance/test_formulas_program.py",
            "tests/conformance/test_formulas_operations.py",
            "tests/conformance/test_formulas_conversions.py",
            "tests/conformance/test_formulas_values.py",
            "tests/conformance/test_formulas_steps.py",
            "tests/conformance/test_formulas_written.py",
        ),
    ),
}
"""Room → its folder, and the tests that must notice."""


MOVED = ("equation", "held", "torch.no_grad")
"""Decorators that may as well be called afterwards."""


def undecorated(source: str) -> str:
    """The same module, with the decorators of `MOVED` applied below their functions."""
    lines, body = source.split("\n"), ast.parse(source).body
    inside = [part for node in body if isinstance(node, ast.ClassDef) for part in node.body]
    for node in sorted([*body, *inside], key=lambda part: -part.lineno):
        if isinstance(node, ast.FunctionDef) and _applies(node):
            made, end = node.name, node.end_lineno
            for decorator in reversed(node.decorator_list):
                made = f"{ast.get_source_segment(source, decorator)}({made})"
            first, start = node.decorator_list[0].lineno - 1, node.lineno - 1
            below = f"{' ' * node.col_offset}{node.name} = {made}"
            lines[first:end] = [*lines[start:end], "", below]
    return "\n".join(lines)


def _applies(node: ast.FunctionDef) -> bool:
    """Whether the first decorator is one of those that are moved."""
    first = node.decorator_list[0] if node.decorator_list else None
    return ast.unparse(getattr(first, "func", first)) in MOVED if first else False


def prepare(folder: Path, room: str) -> None:
    """Copy what mutmut needs, told which room; its functions undecorated."""
    skip = shutil.ignore_patterns("__pycache__", "*.so")
    for name in ("refimpl", "derivations", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip, dirs_exist_ok=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    source, tests = ROOMS[room]
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for key, value in (
        ("source_paths", [source]),
        ("pytest_add_cli_args_test_selection", list(tests)),
    ):
        settings = re.sub(
            rf"^{key} = .*$", f"{key} = {json.dumps(value)}", settings, flags=re.MULTILINE
        )
    (folder / "pyproject.toml").write_text(settings, encoding="utf-8")
    for file in (folder / source).glob("*.py"):
        file.write_text(undecorated(file.read_text(encoding="utf-8")), encoding="utf-8")


def change(folder: Path, mutant: str, prefix: str) -> str:
    """`module.function: removed line → added line`, which stays when line numbers move."""
    shown = subprocess.run(
        [mutmut(), "show", mutant], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    removed, added = (
        " ".join(line[1:].strip() for line in shown if line[:1] == sign and line[:3] != 3 * sign)
        for sign in "-+"
    )
    place = mutant.removeprefix(prefix).rpartition("__mutmut_")[0]
    module, _, function = place.partition(".x")  # x_function, or xǁClassǁmethod
    name = function[1:].replace("ǁ", ".")
    return f"{module}.{name}: {removed} → {added}"


def tested(folder: Path, children: int, names: list[str]) -> None:
    """Run the tests against the mutants of these names, all if there are none."""
    # forked children deadlock in torch unless it has one thread
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    run = [mutmut(), "run", "--max-children", str(children), *names]
    subprocess.run(run, cwd=folder, env=environment, check=True)


def verdicts_of(folder: Path) -> dict[str, str]:
    """What became of each mutant."""
    shown = subprocess.run(
        [mutmut(), "results", "--all", "true"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(line.strip().rsplit(": ", 1) for line in shown.split("\n") if ": " in line)


def mutmut() -> str:
    """The program beside this Python."""
    return str(Path(sys.executable).with_name("mutmut"))


def main() -> int:
    """Run; print the score and what survived without a reason."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", help="of the room; all if none")
    parser.add_argument("--room", choices=tuple(ROOMS), default="equations")
    parser.add_argument("--folder", type=Path, help="where the copy goes")
    parser.add_argument("--children", type=int, default=os.cpu_count(), help="mutants at a time")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="mutants-"))
    prepare(folder, given.room)
    prefix = ROOMS[given.room][0].replace("/", ".") + "."
    asked = [f"{prefix}{module}." for module in given.modules]
    tested(folder, given.children, [f"{one}*" for one in asked])
    late = [name for name, verdict in verdicts_of(folder).items() if verdict == "timeout"]
    if late:  # on a crowded machine: once more, one at a time
        tested(folder, 1, late)
    verdicts = verdicts_of(folder)
    if asked:
        verdicts = {n: v for n, v in verdicts.items() if n.startswith(tuple(asked))}
    alive = [name for name, verdict in verdicts.items() if verdict != "killed"]
    known, listed = set[str](), SURVIVORS / f"{given.room}.toml"
    if listed.is_file():
        known = {s["mutant"] for s in tomllib.loads(listed.read_text(encoding="utf-8"))["survivor"]}
    found = {change(folder, name, prefix): verdicts[name] for name in alive}
    killed = len(verdicts) - len(alive)
    print(f"{killed} of {len(verdicts)} mutants killed ({100 * killed / len(verdicts):.1f} %)")
    for what, verdict in sorted(found.items()):
        print(f"  {'listed' if what in known else 'NEW'}  {verdict}  {what}")
    return int(any(what not in known for what in found))


if __name__ == "__main__":
    sys.exit(main())
