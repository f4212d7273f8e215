"""The course: solutions hold, formulas and numbers are the code's, every lecture is whole."""

import json
import re
import sys
import textwrap
from pathlib import Path

import pytest

from refimpl.verify import matrix

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LEARN = DOCS / "learn"
LECTURES = [
    LEARN / f"{name}.md"
    for name in (
        "notation", "flows", "paths", "density", "training", "from-ode-to-sde", "grpo", "steps",
    )
]  # fmt: skip

SIDE = sorted((LEARN / "more").glob("*.md"))

CODE = re.compile(r"```python\n(.*?)```", re.S)


def solutions() -> dict[str, str]:
    """The program of every solution, by the number of its exercise."""
    found = {}
    for page in LECTURES:
        _, _, exercises = page.read_text("utf-8").partition("## Exercises")
        exercises, _, _ = exercises.partition("## Summary")
        parts = re.split(r"^\*\*(\d\.\d)\*\* ", exercises, flags=re.M)
        for number, text in zip(parts[1::2], parts[2::2], strict=True):
            _, folded, solution = text.partition('??? success "Solution"\n')
            programs = CODE.findall(textwrap.dedent(solution))
            assert folded, f"exercise {number} has no solution"
            assert programs, f"the solution of exercise {number} has no program"
            found[number] = "\n".join(programs)
    return found


@pytest.fixture(scope="module")
def citing() -> object:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import citing
    finally:
        sys.path.remove(str(DOCS / "tools"))
    return citing


@pytest.mark.parametrize("number", solutions())
def test_the_solution_of_an_exercise_holds(number: str) -> None:
    program = solutions()[number]
    assert "assert" in program
    assert "from refimpl" in program
    exec(compile(program, f"exercise {number}", "exec"), {})


@pytest.mark.parametrize(
    ("number", "right", "wrong"),
    [
        ("4.1", "x / (2 * (1 + t))", "x / (1 + t)"),
        ("6.3", "-2 * k * V + g**2", "-2 * k * V - g**2"),
        ("7.1", "mean, std = -total", "mean, std = total"),
        ("7.3", "conventions.beta_for_mean_without_h(0.04, h, D)", "0.04 / D"),
    ],
)
def test_a_wrong_solution_is_noticed(number: str, right: str, wrong: str) -> None:
    program = solutions()[number]
    assert right in program
    with pytest.raises(AssertionError):
        exec(compile(program.replace(right, wrong), number, "exec"), {})


def side_solutions() -> dict[str, str]:
    """The program of every solution of a side lecture, by page and number."""
    found = {}
    for page in SIDE:
        _, _, exercises = page.read_text("utf-8").partition("## Exercises")
        parts = re.split(r"^\*\*(\d)\*\* ", exercises.partition("## Summary")[0], flags=re.M)
        for number, text in zip(parts[1::2], parts[2::2], strict=True):
            _, folded, solution = text.partition('??? success "Solution"\n')
            (program,) = CODE.findall(textwrap.dedent(solution))
            assert folded, f"{page.stem}, exercise {number} has no solution"
            found[f"{page.stem} {number}"] = program
    return found


@pytest.mark.parametrize("exercise", side_solutions())
def test_the_solution_of_an_exercise_of_a_side_lecture_holds(exercise: str) -> None:
    program = side_solutions()[exercise]
    assert "assert" in program
    assert "from refimpl" in program
    exec(compile(program, exercise, "exec"), {})


@pytest.mark.parametrize(
    ("exercise", "right", "wrong"),
    [
        ("kernels 1", "law.mean**2 + law.std**2", "law.mean + law.std"),
        ("weights 2", "1 + 0.7**2 / 2", "1 + 0.7**2"),
        ("penalty 2", "carried * std**2", "carried * std"),
        ("tilting 1", ", 0.5).mean == 1.5", ", 0.5).mean == 1.0"),
    ],
)
def test_a_wrong_solution_of_a_side_lecture_is_noticed(
    exercise: str, right: str, wrong: str
) -> None:
    program = side_solutions()[exercise]
    assert right in program
    with pytest.raises(AssertionError):
        exec(compile(program.replace(right, wrong), exercise, "exec"), {})


@pytest.mark.parametrize("page", SIDE, ids=lambda page: page.stem)
def test_a_side_lecture_is_whole(page: Path) -> None:
    text = page.read_text("utf-8")
    assert sum(name.rpartition(" ")[0] == page.stem for name in side_solutions()) >= 2
    stated = re.findall(r'^!!! abstract "Statement (\d)', text, re.M)
    assert stated == [str(i) for i in range(1, len(stated) + 1)]
    assert stated
    for what in ("<!-- figure: ", "<!-- chain: ", "## Exercises\n"):
        assert what in text, what
    assert "!!! warning" in text or "!!! note" in text or "## Pitfalls\n" in text
    _, headed, summary = text.partition("\n## Summary\n")
    assert headed
    assert re.fullmatch(r'\n!!! tip "What to remember"\n\n(    \* .+\n){3,4}', summary)


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda page: page.stem)
def test_a_lecture_is_whole(lecture: Path) -> None:
    number, text = LECTURES.index(lecture) + 1, lecture.read_text("utf-8")
    assert text.startswith(f"# Lecture {number}: ")
    for heading in ("## Pitfalls", "## Exercises", "## Summary"):
        assert heading in text, heading
    assert [n for n in solutions() if n.startswith(f"{number}.")] == [
        f"{number}.{i}" for i in (1, 2, 3)
    ]
    stated = re.findall(rf'!!! abstract "Statement {number}\.(\d)', text)
    assert stated == [str(i) for i in range(1, len(stated) + 1)]
    assert stated
    for what in ("<!-- figure: ", "<!-- chain: ", "<!-- cite: ", "for example", "**By hand"):
        assert what.lower() in text.lower(), what


def test_formulas_figures_and_numbers_are_what_the_code_gives_now(citing: object) -> None:
    stale = []
    for page in set(DOCS.rglob("*.md")) - set((DOCS / "zh").rglob("*.md")):
        text = page.read_text("utf-8")
        made = citing.cited(text, page, lambda id, page=page: citing.card(id, page), None)  # type: ignore[attr-defined]
        if made != text:
            stale.append(page.relative_to(ROOT).as_posix())
    assert stale == [], "run python docs/tools/generate.py"


def test_a_changed_number_or_formula_is_noticed(citing: object) -> None:
    page = LEARN / "grpo.md"
    link = lambda id: ""  # noqa: E731
    told = "so <!--= kl.flow_grpo(0.1, 0.0, 1.0, 0.5, 0.1) as .4f -->9<!--/-->"
    assert citing.cited(told, page, link, None).endswith("-->0.0011<!--/-->")  # type: ignore[attr-defined]
    told = "<!-- cite: sde.drift -->\n\n$$\nf = v\n$$\n\n<!-- end cite -->"
    assert r"\frac{g^{2}}{2}" in citing.cited(told, page, link, None)  # type: ignore[attr-defined]
    with pytest.raises(SystemExit, match="begins a line"):
        citing.cited("text\n<!--= 1 as .1f -->1.0<!--/-->", page, link, None)  # type: ignore[attr-defined]
    with pytest.raises(SystemExit, match="no equation is called so"):
        citing.cited(told.replace("sde.drift", "sde.drfit"), page, link, None)  # type: ignore[attr-defined]


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda page: page.stem)
def test_the_notebook_of_a_lecture_runs_from_top_to_bottom(lecture: Path, citing: object) -> None:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import notebooks
    finally:
        sys.path.remove(str(DOCS / "tools"))
    made = notebooks.notebook(lecture)
    names: dict[str, object] = {}
    programs = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]
    assert len(programs) == lecture.read_text("utf-8").count("```python\n") >= 3
    for program in programs:
        exec(compile(program, lecture.stem, "exec"), names)
    text = "\n".join(cell["source"] for cell in made["cells"] if cell["cell_type"] == "markdown")
    assert text.startswith("# Lecture")
    for left in (
        "<!--",
        "!!! ",
        "??? ",
        "<div",
        "<script",
        "<p ",
        "<span",
        "#only",
        ".md)",
        "\n    ",
    ):
        assert left not in text, left


def test_every_figure_has_both_versions_and_says_what_it_shows() -> None:
    folder = DOCS / "assets" / "figures"
    words = json.loads((folder / "figures.json").read_text("utf-8"))
    text = "".join(page.read_text("utf-8") for page in DOCS.rglob("*.md"))
    for name, told in words.items():
        assert (folder / f"{name}.light.svg").is_file()
        assert (folder / f"{name}.dark.svg").is_file()
        assert len(told["alt"]) > 60, name
        assert len(told["caption"]) > 40, name
        assert f"<!-- figure: {name} -->" in text, f"{name} is on no page"


def test_answers_stand_in_the_first_line() -> None:
    for page in (DOCS / "settle").glob("*.md"):
        lines = [line for line in page.read_text("utf-8").splitlines() if line]
        if page.stem not in ("index", "cheat-sheet"):
            assert lines[0].endswith("?"), page.name
            assert lines[1].startswith("**"), page.name
            assert "## Check yours" in lines, page.name


def test_the_claims_are_grouped_by_lecture_with_its_title() -> None:
    page = (DOCS / "claims.md").read_text("utf-8")
    bands = re.findall(r'<text class="band"[^>]*>(.*?)</text>', page)
    lectures = [
        (DOCS / "learn" / f"{name}.md").read_text("utf-8").partition("\n")[0].removeprefix("# ")
        for name in ("notation", "flows", "paths", "density", "training", "from-ode-to-sde", "grpo")
    ]
    assert [band for band in bands if band in lectures] == lectures
    assert all(len(band) > 12 for band in bands), bands


def test_the_picture_of_the_kill_matrix_is_of_the_kept_one() -> None:
    rows = matrix.published()
    told = json.loads((DOCS / "assets/figures/figures.json").read_text("utf-8"))["kill-matrix"]
    for column, word in (("proof", "Proofs see"), ("number", "numbers"), ("marginal", "alone see")):
        seen = sum(row[column] == "seen" for row in rows)
        asked = sum(row[column] != "not asked" for row in rows)
        assert f"{word} {seen} of {asked}" in told["caption"], told["caption"]
