"""The vectors elsewhere: what the page shows runs, passes, and fails when it is wrong."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from refimpl.vectors import DATA

SCRIPT = Path(__file__).parent / "verify.mjs"
PAGE = Path(__file__).parents[2] / "docs" / "vectors.md"


def node(*options: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node on this machine: JavaScript is run where there is one")
    return subprocess.run(
        [program, SCRIPT, DATA, *options], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_javascript_agrees_with_the_vectors():
    done = node()
    assert done.returncode == 0, done.stdout + done.stderr
    agreeing = re.findall(r"^([\w.]+): (\d+) of (\d+) agree$", done.stdout, re.MULTILINE)
    assert len(agreeing) == 8
    assert all(passed == total and int(total) >= 11 for _, passed, total in agreeing)


def test_a_wrong_javascript_fails_with_the_name_of_its_mistake():
    done = node("--mistaken")
    assert done.returncode == 1, done.stderr
    failed = re.findall(r"^  tcId \d+: .*; (.*?):", done.stdout, re.MULTILINE)
    assert len(failed) >= 5
    assert set(failed) == {"KL without h"}


def test_the_page_shows_a_test_of_a_file():
    (shown,) = re.findall(r"```json\n(.*?)```\n", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    test = json.loads(shown)
    file = json.loads((DATA / "kl.k3.json").read_text(encoding="utf-8"))
    assert test in file["tests"]


def test_the_page_shows_the_javascript_that_is_run():
    page = PAGE.read_text(encoding="utf-8")
    assert f"```javascript\n{SCRIPT.read_text(encoding='utf-8')}```\n" in page


def test_the_python_on_the_page_runs_and_finds_a_mistake():
    page = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```\n", page, re.DOTALL)
    code = code.replace("import jax.numpy as jnp\n", "jnp = np\n")  # arrays of another library
    exec(compile(code, str(PAGE), "exec"), {"np": np})
    with pytest.raises(AssertionError, match="KL without h"):
        exec(compile(code.replace("return h", "return h * h"), str(PAGE), "exec"), {"np": np})
