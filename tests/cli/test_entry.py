"""How the command line is entered: version, help, completion, widths, encodings, pipes."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import typer
from command_lines import LONG, QUICK, ends_well, run_all
from rich.cells import cell_len
from typer.testing import CliRunner

from refimpl.cli import app, output
from refimpl.cli.spelling import SPELLED, spelled

ROOT = Path(__file__).parents[2]
ASCII = {
    "LANG": "C",
    "LC_ALL": "C",
    "PYTHONIOENCODING": "ascii",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}


def refimpl(*words, **options):
    """The command, in a process of its own."""
    command = [sys.executable, "-m", "refimpl", *words]
    return subprocess.run(command, **({"capture_output": True, "text": True} | options))


def commands(group=None, path=()):
    """Every command and group, as the words that call it."""
    group = group or typer.main.get_command(app)
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


def test_the_version_is_the_package_s():
    assert refimpl("--version").stdout == f"refimpl {metadata.version('refimpl')}\n"


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_tells_what_it_does(words):
    short, long = (CliRunner().invoke(app, [*words, flag]) for flag in ("-h", "--help"))
    assert short.exit_code == 0
    assert short.output == long.output
    assert "Usage" in short.output


def test_the_tree_of_commands_is_walked():
    assert {("verify",), ("train", "sd3"), ("vectors", "write")} <= set(commands())


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("refimpl eq sde.dr", "sde.drift"),
        ("refimpl verify --only kl.k", "kl.k3"),
        ("refimpl vectors verify --id kl.k", "kl.k3"),
        ("refimpl sample --toy gauss", "gaussian_1d"),
        ("refimpl check flow_g", "flow_grpo"),
        ("refimpl topic dens", "densities"),
        ("refimpl train sd3 --preset low", "low_memory"),
        ("refimpl veri", "verify"),
        ("refimpl verify --js", "--json"),
    ],
)
def test_the_shell_completes(words, completed):
    told = {
        "_REFIMPL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    shown = CliRunner().invoke(app, [], prog_name="refimpl", env=told)
    assert completed in shown.output.split()


def test_the_script_of_completion_is_printed(monkeypatch):
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    shown = CliRunner().invoke(app, ["--show-completion"])
    assert shown.exit_code == 0
    assert "complete" in shown.output


@pytest.mark.parametrize("columns", ["1", "60"])
def test_the_width_of_a_pipe_is_what_columns_says(columns):
    shown = refimpl("eq", env=os.environ | {"COLUMNS": columns})
    assert max(map(cell_len, shown.stdout.splitlines())) == int(columns)
    assert (shown.returncode, shown.stderr) == (0, "")


@pytest.mark.parametrize("odd", ["", "0", "wide", "-7"])
def test_an_odd_width_is_none(odd, monkeypatch):
    monkeypatch.setenv("COLUMNS", odd)
    monkeypatch.setattr(sys, "__stdout__", None)  # no terminal either
    assert output.columns() == output.PIPED


def test_every_command_works_where_only_ascii_can_be_written(tmp_path):
    shown = run_all(QUICK, tmp_path, environment=ASCII)
    assert ends_well(shown, (0, 2)) == []
    refused = {line for line, (code, text) in shown.items() if code == 2}
    lacking = {line for line in refused if "pip install" in shown[line][1]}  # without the extras
    assert refused - lacking <= {"sd3 convert nowhere out", "topic nothing"}
    assert lacking <= {"sd3 convert nowhere out", "train sd3 --show", "vectors verify --id kl.k3"}
    assert all(text.isascii() for _, text in shown.values())
    assert "v - 1/2 g^2 grad log p_t" in shown["eq sde.drift"][1]


@pytest.mark.slow
def test_the_long_commands_work_there_too(tmp_path):
    shown = run_all(LONG, tmp_path, environment=ASCII)
    assert ends_well(shown) == []
    assert all(text.isascii() for _, text in shown.values())


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("v − ½ g² ∇log p_t", "v - 1/2 g^2 grad log p_t"),
        ("(α̇/α) x + σ̇ᾱ", "(alpha_dot/alpha) x + sigma_dot alpha_bar"),
        ("cos(πt/2) = √(1 − t)", "cos(pi t/2) = sqrt(1 - t)"),
        ("2π g√h → xₛ", "2 pi g sqrt h -> x_s"),
        ("Łódź, é", r"\u0141odz, e"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_an_encoding_lacks_is_spelled(text, written):
    assert text.encode("ascii", SPELLED).decode() == written


def test_every_sign_of_the_package_can_be_spelled():
    files = [*ROOT.glob("refimpl/**/*.py"), *ROOT.glob("derivations/**/*.py")]
    files.append(ROOT / "refimpl/verify/ledger.toml")
    signs = {c for file in files for c in file.read_text("utf-8") if not c.isascii()}
    assert len(signs) > 50
    assert {c for c in signs if "\\" in spelled(c) or not spelled(c)} == set()


def test_a_reader_who_leaves_changes_nothing():
    command = [sys.executable, "-m", "refimpl", "eq"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_reader_who_leaves_changes_no_verdict():
    read, write = os.pipe()
    os.close(read)
    streams = {"stdout": write, "stderr": write, "capture_output": False}
    ended = [refimpl("sd3", "engine", name, **streams).returncode for name in ("ddp", "nothing")]
    os.close(write)
    assert ended == [0, 2]


@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 2)])
def test_an_output_that_is_closed_or_full_is_no_traceback(closed, code):
    line = f'"{sys.executable}" -m refimpl sd3 engine ddp {closed}'
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert ended.returncode == code
    assert len(ended.stderr.splitlines()) == (code == 2)
