"""Vectors, configurations, prompts and run folders, spoiled: noticed, or refused in one line."""

import json
import shutil

import pytest
from spoiling import bytes_spoiled, documents_spoiled, height, refusal, some
from typer.testing import CliRunner

from refimpl import vectors
from refimpl.cli import app
from refimpl.sd3.loop.prompts import load
from refimpl.simulate.config import model, read
from refimpl.simulate.shipped import made

RUNNER = CliRunner()
KL3 = json.loads((vectors.DATA / "kl.k3.json").read_text(encoding="utf-8"))
SHORT = {**KL3, "tests": KL3["tests"][:2] + KL3["tests"][-1:]}
PROMPT = {"prompt": "two cats", "tag": "counting", "include": [{"class": "cat", "count": 2}]}
YAML = b"""sampling:
  steps: 8
  guidance: 4.5
training:
  iterations: 3
  learning_rate: 1.0e-4
"""
DEVIATIONS = b"""[[deviation]]
case = "ratio.basic"
kind = "bug"
reason = "known"
"""
MANIFEST = b"""layout = "rows"
time = "level"
a = 0.7

[names]
x_t = "latents"
"""


def ran(*line):
    """What is wrong with how a command line ends, "" if with 0, 1 or 2, in words and in bounds.

    What is imported on the way is not counted: it is there when the line is run again.
    """
    return _ran(line) and _ran(line)


def _ran(line):
    with height() as excess:
        found = RUNNER.invoke(app, [str(word) for word in line])
        taken = excess()
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        return f"{type(found.exception).__name__}: {str(found.exception)[:200]!r}"
    if found.exit_code not in (0, 1, 2) or "Traceback" in found.output:
        return f"exit code {found.exit_code}: {found.output[-300:]}"
    return taken if "fault of refimpl" not in found.output else found.output[:300]


# ---------------------------------------------------------------- vectors


def vector_files():
    """(title, text) of documents of vectors that are not what is generated."""
    yield from ((t, json.dumps(d)) for t, d in documents_spoiled(SHORT))
    whole = json.dumps(KL3).encode()
    yield from ((t, b.decode("utf-8", "replace")) for t, b in bytes_spoiled(whole).items()
                if not _same(b))  # fmt: skip


def _same(content):
    try:
        return json.loads(content.decode("utf-8-sig")) == KL3
    except ValueError:
        return False


def unnoticed(rows):
    found = []
    for title, text in rows:
        with height() as excess:
            try:
                report = vectors.verify(text)
            except Exception as error:
                found.append(f"{title}: {type(error).__name__}: {str(error)[:200]}")
                continue
            if said := excess():
                found.append(f"{title}: {said}")
        if not report.problems or any("\n" in p or len(p) > 1000 for p in report.problems):
            found.append(f"{title}: {[p[:80] for p in report.problems]}")
    return found


VECTORS = list(vector_files())


def test_some_spoiled_vectors_are_noticed():
    assert not unnoticed(some(VECTORS, 5, 211))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_spoiled_file_of_vectors_is_noticed(part):
    assert not unnoticed(VECTORS[part::8])


# ---------------------------------------------------------------- configurations of schedulers


CONFIGS = [(f"{name}: {title}", document) for name in ("sd3.5", "qwen-image", "wan2.1")
           for title, document in documents_spoiled(dict(model(name)["config"]))]  # fmt: skip


def misread(rows):
    """A grid falls from at most 1 to 0, or none is made."""
    found = []
    for title, document in rows:

        def grid(document=document):
            c = read(document)
            schedule = made(c, 4, mu=1.0 if c.dynamic else None)
            assert schedule.levels[-1] == 0, schedule
            assert schedule.levels[0] <= 1, schedule
            assert all(a > b for a, b in zip(schedule.levels, schedule.levels[1:], strict=False))

        if said := refusal(grid):
            found.append(f"{title}: {said}")
    return found


def test_some_spoiled_configurations_make_a_grid_or_are_refused():
    assert not misread(some(CONFIGS, 3, 11))


@pytest.mark.slow
def test_every_spoiled_configuration_makes_a_grid_or_is_refused():
    assert not misread(CONFIGS)


# ---------------------------------------------------------------- prompts


def prompt_files():
    line = json.dumps(PROMPT).encode()
    for title, spoiled in bytes_spoiled(b"a cat\ntwo dogs\n").items():
        yield f"text, {title}", "p.txt", spoiled
    for title, spoiled in bytes_spoiled(line + b"\n" + line).items():
        yield f"lines, {title}", "p.jsonl", spoiled
    for title, document in documents_spoiled(PROMPT):
        yield f"objects, {title}", "p.jsonl", line + b"\n" + json.dumps(document).encode()


PROMPTS = list(prompt_files())


def badly_loaded(rows, folder):
    found = []
    for title, name, content in rows:
        (folder / name).write_bytes(content)

        def texts(path=folder / name):
            assert all(p.text.strip() and isinstance(p.text, str) for p in load(path))

        if said := refusal(texts, named=""):
            found.append(f"{title}: {said}")
    return found


def test_some_spoiled_prompts_are_texts_or_refused(tmp_path):
    assert not badly_loaded(some(PROMPTS, 1, 5), tmp_path)


@pytest.mark.slow
def test_every_spoiled_file_of_prompts_is_texts_or_refused(tmp_path):
    assert not badly_loaded(PROMPTS, tmp_path)


# ---------------------------------------------------------------- settings, lists and manifests


TABLES = {
    "run.yaml": (YAML, ("train", "sd3", "--show", "--config", "run.yaml")),
    "known.toml": (DEVIATIONS, ("check", "nothing.py:Mine", "--deviations", "known.toml")),
    "manifest.toml": (MANIFEST, ("audit", "nothing.npz", "--manifest", "manifest.toml")),
    "scheduler.json": (json.dumps(dict(model("sd3.5")["config"])).encode(),
                       ("grid", "scheduler.json", "--steps", "4")),
    "levels.txt": (b"1\n0.75\n0.5\n0.25\n0\n", ("grid", "--identify", "levels.txt")),
}  # fmt: skip


def ends_badly(names, every):
    found = []
    for name in names:
        whole, line = TABLES[name]
        for title, content in some(list(bytes_spoiled(whole).items()), 0, every):
            with open(name, "wb") as file:
                file.write(content)
            if said := ran(*line):
                found.append(f"{name} {title}: {said}")
    return found


def test_some_spoiled_tables_end_in_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not ends_badly(["run.yaml", "manifest.toml", "scheduler.json", "levels.txt"], 9)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_every_spoiled_table_ends_in_words(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not ends_badly([name], 1)


# ---------------------------------------------------------------- folders of runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run, finished."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert RUNNER.invoke(app, ["train", "toy", "--quick", "--out", str(folder)]).exit_code == 0
    return folder


FILES = ("run.json", "metrics.jsonl", "summary.json", "sessions.jsonl", "checkpoints/00000003.pt")


def spoiled_runs(run, names):
    """(title, file of the run, bytes)."""
    for name in names:
        whole = (run / name).read_bytes()
        yield from ((f"{name} {t}", name, content) for t, content in bytes_spoiled(whole).items())
        if name.endswith(".json"):
            document = json.loads(whole)
            yield from (
                (f"{name} {t}", name, json.dumps(d).encode())
                for t, d in documents_spoiled(document)
            )


def ends_of_runs(run, rows, to):
    found = []
    for title, name, content in rows:
        copy = to / "copy"
        shutil.copytree(run, copy)
        (copy / name).write_bytes(content)
        for line in (("doctor", copy), ("train", "toy", "--quick", "--resume", "--out", copy)):
            if said := ran(*line):
                found.append(f"{title}: {line[0]}: {said}")
        shutil.rmtree(copy)
    return found


def test_some_spoiled_runs_are_diagnosed_and_resumed_or_refused(run, tmp_path):
    rows = list(spoiled_runs(run, FILES))
    assert len(rows) > 500
    assert not ends_of_runs(run, some(rows, 7, len(rows) // 10), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_spoiled_runs_are_diagnosed_and_resumed_or_refused(name, run, tmp_path):
    assert not ends_of_runs(run, list(spoiled_runs(run, [name]))[::3], tmp_path)
