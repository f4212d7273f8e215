"""What is distributed: the source archive is the repository; dependencies have lower bounds."""

import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MADE = ("PKG-INFO", "setup.cfg", "refimpl.egg-info/")
"""What setuptools adds."""


def tracked():
    """The files that git tracks here; skips where this is no checkout."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a checkout: nothing says what is tracked")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}


def test_the_source_distribution_is_the_repository(tmp_path):
    names, copy = tracked(), tmp_path / "copy"
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    built = subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (archive,) = tmp_path.glob("refimpl-*.tar.gz")
    with tarfile.open(archive) as tar:
        packed = {m.name.partition("/")[2] for m in tar.getmembers() if m.isfile()}
    assert names - packed == set()
    assert {name for name in packed - names if not name.startswith(MADE)} == set()


def test_every_core_dependency_has_a_lower_bound_and_a_tested_version():
    lowest = runpy.run_path(str(ROOT / ".ci/lowest.py"))["lowest"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert len(lowest()) == len(project["dependencies"])
    assert not any(line.startswith("torch==") for line in lowest(frozenset({"torch"})))
    pinned = {
        line.partition("==")[0].lower()
        for line in (ROOT / "constraints.txt").open()
        if "==" in line
    }
    assert {line.partition("==")[0] for line in lowest()} <= pinned
