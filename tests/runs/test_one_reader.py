"""Every file from outside goes through one bounded reader; what does not is named here, and why."""

import ast
from pathlib import Path

import pytest

import refimpl
from refimpl import outside
from refimpl.runs import checkpoint, metrics
from refimpl.sd3.run import resuming, trackers

ROOT = Path(refimpl.__file__).parent

READS = {"open", "read_text", "read_bytes", "load_file", "safe_open", "ZipFile", "is_zipfile"}
"""Calls that read a file, by whatever module."""

LOADS = {("torch", "load"), ("np", "load"), ("json", "load"), ("tomllib", "load"), ("yaml", "load")}
"""The same, where the name alone says too little."""

CHECKED = {"bounded", "BytesIO"}
"""A reader may take what these return: a file that was looked at first, or bytes in memory."""

OWN = "a file of this package, which lies beside the module that reads it"
SOURCE = "this repository's own sources and pages"

EXCEPTIONS = {
    "outside/files.py": (1, "the bounded reader"),
    "audit/reading/archives.py": (5, "reads slices, by offsets that were checked against the size"),
    "audit/reading/files.py": (3, "reads heads, after `plain_file`"),
    "sd3/shapes/finetuning.py": (1, "/proc/cpuinfo, which is no plain file"),
    "cli/output.py": (1, "the null device, to write"),
    "verify/matrix.py": (2, SOURCE), "verify/places.py": (1, SOURCE),
    "verify/coverage.py": (2, SOURCE), "verify/scaffold.py": (4, SOURCE),
    "verify/kills.py": (1, OWN), "vectors/reading.py": (1, OWN),
    "vectors/verifying.py": (1, OWN), "cli/vectors.py": (2, OWN), "simulate/config.py": (1, OWN),
    "equations/sources.py": (1, OWN), "peers/judging.py": (1, OWN),
    "labs/topics.py": (1, "what a child process of the lab has just written"),
    "runs/atomic.py": (1, "a folder, so that a new name in it outlasts a power cut"),
}  # fmt: skip
"""How many calls of a file read past the bounded reader, and why they may."""


def readers(tree):
    """The calls that read a file, without those that write and those of a checked path."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called, owner = node.func, None
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        if isinstance(called, ast.Attribute):
            owner = called.value
        if name not in READS and (getattr(owner, "id", ""), name) not in LOADS:
            continue
        if not (writes(node) or checked(owner) or any(checked(x) for x in node.args)):
            yield node


def writes(call):
    modes = [x.value for x in call.args if isinstance(x, ast.Constant) and len(str(x.value)) < 4]
    return any(set(str(m)) & set("wax") for m in modes)


def checked(node):
    called = node.func if isinstance(node, ast.Call) else None
    return getattr(called, "id", getattr(called, "attr", "")) in CHECKED


def found(source):
    return [ast.unparse(x) for x in readers(ast.parse(source))]


def test_no_file_is_read_past_the_bounded_reader():
    past = {
        file.relative_to(ROOT).as_posix(): calls
        for file in sorted(ROOT.rglob("*.py"))
        if (calls := found(file.read_text(encoding="utf-8")))
    }
    assert {name: past[name] for name in past.keys() - EXCEPTIONS.keys()} == {}
    assert {name: len(x) for name, x in past.items()} == {n: k for n, (k, _) in EXCEPTIONS.items()}


@pytest.mark.parametrize(
    "source",
    [
        "text = path.read_text()", "x = open(path).read()", "x = path.open('rb')",
        "x = torch.load(path)", "x = load_file(path)", "with safe_open(p, 'pt') as f: pass",
        "x = json.load(handle)", "x = np.load(path)", "x = Path(path).read_bytes()",
    ],
)  # fmt: skip
def test_the_scan_sees_a_reader(source):
    assert len(found(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "bounded(path, 4).read_text()", "load_file(outside.bounded(path, 4))", "open(path, 'ab')",
        "path.open('w')", "json.loads(text)", "outside.text(path, 4)", "torch.load(BytesIO(x))",
    ],
)  # fmt: skip
def test_the_scan_passes_what_writes_or_was_checked(source):
    assert found(source) == []


READERS = {
    "metrics": lambda folder: metrics.read(folder / "metrics.jsonl"),
    "cut metrics": lambda folder: metrics.cut(folder / "metrics.jsonl", 0),
    "checkpoint": lambda folder: checkpoint.load(folder / "00000001.pt"),
    "tracker": trackers.identity,
    "sessions": lambda folder: list(resuming.history(folder)),
}
FILES = {
    "metrics": "metrics.jsonl", "cut metrics": "metrics.jsonl", "checkpoint": "00000001.pt",
    "tracker": "tracker.json", "sessions": "sessions.jsonl",
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_a_sparse_file_is_refused_before_it_is_read(tmp_path, reader):
    file = tmp_path / FILES[reader]
    with open(file, "wb") as made:
        made.truncate(2**41)
    with pytest.raises(ValueError, match=file.name):
        READERS[reader](tmp_path)


def test_a_checkpoint_of_another_kind_is_refused_by_its_first_bytes(tmp_path):
    file = tmp_path / "00000001.pt"
    with open(file, "wb") as made:
        made.truncate(2**36)  # more than any memory here, and no checkpoint
    with pytest.raises(ValueError, match="is not a refimpl checkpoint"):
        checkpoint.load(file)


@pytest.mark.parametrize("content", ["[1]", "{}", '{"id": 3}', "[" * 100_000, "\x00"])
def test_a_tracker_file_that_names_no_run_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "tracker.json").write_text(content)
    with pytest.raises(ValueError, match=r"tracker\.json") as error:
        trackers.identity(tmp_path)
    assert "\n" not in str(error.value)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "x"
    file.write_bytes(b"four and more")
    monkeypatch.setattr(outside.files, "plain_file", lambda path, most: 4)
    with pytest.raises(ValueError, match="grew while it was read"):
        outside.content(file, 8)
