"""The layout: a module for each topic in each place, floors as they are named, no circles."""

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from refimpl.equations import equations

ROOT = Path(__file__).parents[1]
TOPICS = sorted({e.topic for e in equations().values()})
PLACES = (
    "refimpl/equations/{}.py",
    "derivations/{}.py",
    "refimpl/evidence/routes/{}.py",
    "refimpl/evidence/mistakes/{}.py",
    "refimpl/evidence/inputs/{}.py",
    "tests/equations/test_{}.py",
    "docs/math/{}.md",
)
LARGEST = 1 / 6


def _layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (floors,) = [c for c in contracts["contracts"] if c.get("exhaustive")]
    return [layer.split(" | ") for layer in reversed(floors["layers"])]


def _modules() -> dict[str, Path]:
    found = {}
    for package in ("refimpl", "derivations"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imports(module: str) -> set[str]:
    """The modules of this project that a module names in an import, at its top or later."""
    path, found = MODULES[module], set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])] if node.level else [node.module])
            inside = {f"{base}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= inside or {base}
    return found & set(MODULES) - {module}


@pytest.mark.parametrize("place", PLACES)
def test_every_topic_has_its_stem_in_every_place(place):
    assert [t for t in TOPICS if not (ROOT / place.format(t)).is_file()] == []


@pytest.mark.parametrize("folder", ["routes", "mistakes", "inputs"])
def test_evidence_is_kept_by_topic_alone(folder):
    stems = {p.stem for p in (ROOT / "refimpl/evidence" / folder).glob("*.py")} - {"__init__"}
    assert stems == set(TOPICS)


@pytest.mark.parametrize(("floor", "packages"), list(enumerate(_layers())))
def test_a_docstring_names_the_floor_of_the_contract(floor, packages):
    for package in packages:
        path = MODULES[f"refimpl.{package}"]
        told = re.match(r'"""Floor (\d+):', path.read_text("utf-8"))
        assert told, f"{path} does not open with its floor"
        assert int(told[1]) == floor, path


def test_no_modules_import_each_other_in_a_circle():
    TopologicalSorter({m: _imports(m) for m in MODULES}).prepare()  # raises CycleError, naming it


def test_no_folders_import_each_other_in_a_circle():
    """An `__init__` hands names on, so an import of it ties no folders."""
    below: dict[Path, set[Path]] = {}
    for module, path in MODULES.items():
        imported = [MODULES[other] for other in _imports(module)]
        folders = {other.parent for other in imported if other.name != "__init__.py"}
        below.setdefault(path.parent, set()).update(folders - {path.parent})
    TopologicalSorter(below).prepare()


def test_no_package_is_larger_than_a_sixth_of_the_whole():
    sizes: dict[str, int] = {}
    for path in MODULES.values():
        parts = path.relative_to(ROOT).parts
        package = "/".join(parts[:2]) if len(parts) > 2 else parts[0]
        sizes[package] = sizes.get(package, 0) + len(path.read_text("utf-8").splitlines())
    shares = {package: size / sum(sizes.values()) for package, size in sizes.items()}
    assert {package: share for package, share in shares.items() if share > LARGEST} == {}


def test_no_file_repeats_the_name_of_its_folder():
    """`checks/checks_steps.py` and `statistics/statistics_sde.py` say one thing twice."""
    repeated = [
        path
        for path in MODULES.values()
        for folder in {path.parent.name, path.parent.name.removesuffix("s")}
        if path.stem.startswith(f"{folder}_")
    ]
    assert repeated == []


def test_every_package_says_what_it_is_for():
    packages = [p for p in MODULES.values() if p.name == "__init__.py"]
    assert [p for p in packages if not ast.get_docstring(ast.parse(p.read_text("utf-8")))] == []
