"""The command line as a user meets it: what it prints, what it writes, and how it refuses."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.verify.runs import RUNS


def run(line, code=0):
    result = CliRunner().invoke(app, shlex.split(line))
    assert result.exit_code == code, result.output
    return result.output


def test_eq_shows_formula_source_and_the_four_places():
    shown = run("eq sde.drift")
    for part in (
        r"\nabla\log p_t",
        "SC-6",
        "arXiv:2505.05470v5), Eq. 7 and 21; the article, Eq. 11",
        "refimpl/equations/sde.py:",
        "derivations/sde.py: proved",
        "tests/equations/test_sde.py",
        "docs/math/sde.md#sde.drift",
    ):
        assert part in shown


def test_eq_without_an_id_lists_every_equation():
    from refimpl.equations import equations

    shown = run("eq")
    assert all(id in shown for id in equations())


def test_verify_of_one_equation_writes_json_and_html(tmp_path):
    shown = run(f"verify --only sde.drift --json {tmp_path}/r.json --html {tmp_path}/r.html")
    assert "everything holds" in shown
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["holds"]
    proof = next(o for o in content["outcomes"] if o["name"] == "sde.drift")
    assert proof["evidence"]["steps"]
    assert proof["evidence"]["controls"]
    page = (tmp_path / "r.html").read_text()
    assert "refimpl verify" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_mistake_in_the_source_turns_the_run_red_and_is_named(tmp_path):
    root = Path(__file__).parent.parent
    for package in ("refimpl", "derivations"):
        shutil.copytree(root / package, tmp_path / package)
    source = tmp_path / "refimpl/equations/sde.py"
    right, wrong = "return v - g**2 / 2 * score", "return v - g**2 * score"
    text = source.read_text()
    assert text.count(right) == 1
    source.write_text(text.replace(right, wrong))
    command = "from refimpl.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", command, "verify", "--only", "sde.drift"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    shown = " ".join(ran.stdout.split())
    assert "REFUTED: half a g² minus a whole one" in shown
    assert "it equals the mistake 'no ½ in the score correction'" in shown


MINUTES = [line for line in RUNS if " topic " in line and "densities" not in line]


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, marks=pytest.mark.slow if line in MINUTES else ()) for line in RUNS],
)
def test_every_command_of_the_ledger_runs(line, tmp_path, monkeypatch):
    if "shapes" in line:
        pytest.importorskip("diffusers")
    monkeypatch.chdir(tmp_path)  # labs write a folder
    assert run(line.removeprefix("refimpl "))


def test_a_saved_rollout_can_be_read_back(tmp_path):
    run(f"sample --toy gaussian_1d --n 64 --out {tmp_path}/r.npz --picture {tmp_path}/p.svg")
    stored = np.load(tmp_path / "r.npz")
    assert stored["states"].shape == (11, 64, 1)
    residual = (stored["states"][1:] - stored["means"]) / stored["stds"][:, None, None]
    np.testing.assert_allclose(residual, stored["noise"], atol=1e-12)  # rounding of x − mean
    assert (tmp_path / "p.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("eq sde.drfit", "did you mean sde.drift"),
        ("verify --only nothing", "nothing matches"),
        ("verify --json /nowhere/at/all.json", "no folder /nowhere/at"),
        ("sample --toy nope", "there are gaussian_1d"),
        ("sample --steps 0", "steps=0"),
        ("sample --a 0", "a = 0 is --sampler ode"),
        ("sample --a=-1", "a > 0"),
        ("surrogate 1.1 --advantage 1 --clip=-0.2", "clip must be zero or positive"),
        ("lab 4", "there is no lab 4"),
        ("topic nothing", "there is no topic 'nothing'"),
        ("train toy --group 1", "no baseline"),
        ("train toy --beta=-1", "beta must be zero or positive"),
        ("surrogate nan --advantage 1 --clip 0.2", "ratio must be finite, got nan"),
    ],
)
def test_bad_input_is_one_line_with_the_value_and_exit_code_2(line, word):
    shown = run(line, code=2)
    assert word in " ".join(shown.split())
    assert "Traceback" not in shown
