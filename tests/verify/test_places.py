"""Adding an equation: stubs in every place, which fail until they are filled."""

import ast
import shutil
from pathlib import Path

import pytest

from refimpl.equations import equations
from refimpl.verify import scaffold
from refimpl.verify.places import PLACES, UNFILLED, missing

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    """The places of all topics, and the files in which topics are listed, to be written to."""
    wanted = [PLACES[0].path.format("__init__"), "mkdocs.yml"]
    wanted += [p.path.format(e.topic) for p in PLACES for e in equations().values()]
    for path in dict.fromkeys(wanted):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    (tmp_path / "docs/reference/equations").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("equation_id", equations())
def test_no_equation_lacks_anything(equation_id):
    assert missing(ROOT, equation_id) == []


@pytest.mark.parametrize("equation_id", ["sde.twice", "optimal_stopping.value"])
def test_a_stub_is_written_in_every_place_and_none_counts_as_done(checkout, equation_id):
    scaffold.new(checkout, equation_id)
    gaps = missing(checkout, equation_id)
    expected = [p.name for p in PLACES if p.name != "inputs" or equation_id != "sde.twice"]
    assert [line.partition(":")[0] for line in gaps] == expected
    for place in PLACES:
        file = place.file(checkout, equation_id)
        if file.suffix == ".py":
            ast.parse(file.read_text("utf-8"))


def test_a_new_topic_is_listed_where_topics_are(checkout):
    scaffold.new(checkout, "optimal_stopping.value")
    package = (checkout / "refimpl/equations/__init__.py").read_text("utf-8")
    site = (checkout / "mkdocs.yml").read_text("utf-8")
    assert '"optimal_stopping",' in package
    assert "math/optimal_stopping.md" in site
    for folder in ("equations", "derivations"):
        assert f"reference/{folder}/optimal_stopping.md" in site
        assert (checkout / f"docs/reference/{folder}/optimal_stopping.md").is_file()


@pytest.mark.parametrize("place", [p.name for p in PLACES if p.name != "inputs"])
def test_filling_a_place_is_noticed(checkout, place):
    scaffold.new(checkout, "sde.twice")
    (where,) = [p for p in PLACES if p.name == place]
    file = where.file(checkout, "sde.twice")
    file.write_text(file.read_text("utf-8").replace(UNFILLED, "said"), encoding="utf-8")
    assert place not in [line.partition(":")[0] for line in missing(checkout, "sde.twice")]


@pytest.mark.parametrize("place", [p.name for p in PLACES])
def test_an_absent_file_is_named(checkout, place):
    (where,) = [p for p in PLACES if p.name == place]
    where.file(checkout, "sde.drift").unlink()
    assert missing(checkout, "sde.drift") == [
        f"{place}: there is no {where.path.format('sde')}"
    ]  # fmt: skip


@pytest.mark.parametrize("bad", ["drift", "sde.", ".drift", "Sde.Drift", "sde.class", "sde.a.b"])
def test_an_id_that_is_none_is_refused(checkout, bad):
    with pytest.raises(ValueError, match=r"reads topic\.name"):
        scaffold.new(checkout, bad)


def test_an_equation_that_is_there_is_not_overwritten(checkout):
    with pytest.raises(ValueError, match=r"there is an equation sde\.drift already"):
        scaffold.new(checkout, "sde.drift")
