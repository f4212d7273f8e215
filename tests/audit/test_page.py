"""The page's example runs, its report is what the audit says, and its tables are the code's."""

import re
import tomllib
from pathlib import Path

import pytest

from refimpl.audit import audit
from refimpl.audit.reading.fields import FIELDS
from refimpl.audit.reading.manifest import CHOICES, Manifest, parse
from refimpl.audit.reporting.report import text

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.S)


def masked(report):
    """Gaps and statistics differ by machine in their digits; names and verdicts do not."""
    return re.sub(r"\d+(\.\d+)?(e[-+]\d+)?", "#", report)


@pytest.fixture
def example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = next(b for b in blocks("python") if "sd35_as_shipped" in b)
    exec(compile(source, "audit.md", "exec"), {})
    return text(audit("record.safetensors", {"clip": 1e-4}))


def test_the_report_on_the_page_is_the_one_that_the_example_gives(example):
    (shown,) = blocks("text")
    assert masked(shown.strip()) == masked(example.strip())
    assert "KL without h" in shown
    assert "scored before it was rounded" in shown


def test_the_table_of_fields_is_the_code_s():
    shown = PAGE.read_text("utf-8").partition("<!-- fields -->")[2].partition("<!-- end")[0]
    rows = [f"| {q.name} | {q.kind} | {q.unit} | {q.meaning} |" for q in FIELDS.values()]
    assert shown.strip().splitlines()[2:] == rows


def test_every_key_of_the_manifest_is_on_the_page_and_its_example_is_valid():
    (source,) = blocks("toml")
    table = tomllib.loads(source)
    assert set(table) == set(Manifest.__dataclass_fields__)
    parse(table)
    for choices in CHOICES.values():
        for choice in choices:
            assert f'"{choice}"' in source
