"""Files that people hand in are plain, small enough, and damaged in one line at most."""

import os

import pytest
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.outside import bounded, parsed, plain_file, text

COMMANDS = {
    "deviations": ["check", "refimpl", "--deviations", "{}.toml"],
    "manifest": ["audit", "nothing.npz", "--manifest", "{}.toml"],
    "vectors": ["vectors", "verify", "--file", "{}.json"],
    "settings": ["train", "sd3", "--show", "--config", "{}.yaml"],
    "curves": ["doctor", "{}.csv"],
}


def pipe(path):
    os.mkfifo(path)


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(2**33)


def deep(path):
    path.write_text(("" if path.suffix == ".json" else "a = ") + "[" * 100_000)


def folder(path):
    path.mkdir()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("make", [pipe, sparse, deep, folder], ids=lambda f: f.__name__)
def test_what_is_handed_in_is_refused_in_a_line(command, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = [word.format("handed") for word in COMMANDS[command]]
    make(tmp_path / line[-1])
    result = CliRunner().invoke(app, line)
    judged = make is deep and command == "vectors"  # which is then a file of vectors that is wrong
    assert result.exit_code == (1 if judged else 2), result.output
    assert "Traceback" not in result.output


def test_a_plain_file_is_read_and_its_bounds_are_told(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfabc")
    assert text(file, 10) == "abc"
    assert plain_file(file, 6) == 6
    with pytest.raises(ValueError, match="at most"):
        text(file, 5)
    with pytest.raises(FileNotFoundError):
        text(tmp_path / "b.txt", 5)
    assert bounded(tmp_path / "b.txt", 5) == tmp_path / "b.txt"
    with pytest.raises(ValueError, match="nested too deeply"):
        parsed("[" * 100_000, "it")
    with pytest.raises(ValueError, match="is no JSON"):
        parsed("{", "it")
