"""The conformance kit, which knows nothing of the scheduler, finds that its steps are right."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from refimpl.cli import app

SUBJECT = Path(__file__).with_name("subject.py")


def test_the_kit_is_green_on_the_scheduler() -> None:
    done = CliRunner().invoke(app, ["check", f"{SUBJECT}:Scheduler"])
    assert done.exit_code == 0, done.output
    for capability in ("schedule", "ode_step", "sde_step", "replay"):
        assert re.search(rf"\b{capability}\b", done.output), done.output


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"a": 0.7', '"a": 0.5'),
        ("made.laws[0].law(x, v)", "made.laws[0].law(x, 1.01 * v)"),
        ('"log_prob": "mean"', '"log_prob": "sum"'),
    ],
)
def test_the_kit_sees_what_is_wrong_with_it(tmp_path: Path, right: str, wrong: str) -> None:
    """The control."""
    text = SUBJECT.read_text()
    assert right in text
    (tmp_path / "subject.py").write_text(text.replace(right, wrong))
    done = CliRunner().invoke(app, ["check", f"{tmp_path / 'subject.py'}:Scheduler"])
    assert done.exit_code == 1, done.output
