"""Fill the generated blocks of the pages from a run of the proofs.

    python docs/tools/generate.py            write
    python docs/tools/generate.py --check    compare; exit 1 with a diff if a page is stale

A page is prose written by hand. Between `<!-- generated: sde.drift -->` and
`<!-- end generated -->` stands what was found by running: the equation as the code prints it, the
verdict on every step of its proof, its refuted neighbours with their witnesses, and links. Nothing
between the markers is typed.
A marker may add the ledger rows that its block answers: `<!-- generated: flow_grpo GRPO-12 -->`;
`<!-- generated: rows LD-2 -->` shows single rows of the ledger.
"""

import argparse
import ast
import contextlib
import difflib
import inspect
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import chinese  # noqa: E402
import coq_blocks  # noqa: E402
import implementations  # noqa: E402
import refuting  # noqa: E402
import tables  # noqa: E402
from citing import cited  # noqa: E402
from graph import Claims, drawing  # noqa: E402
from labs_block import labs_block  # noqa: E402
from levels_block import (  # noqa: E402
    grids_block,
    noise_block,
    shares_block,
    sources_of_grids,
    variants_block,
)
from sd3_block import sd3_block  # noqa: E402
from shapes_block import shapes_block  # noqa: E402
from solvers_block import solvers_block  # noqa: E402
from sources_page import sources_block  # noqa: E402
from study_block import study_block  # noqa: E402
from typer.testing import CliRunner  # noqa: E402
from wording import aligned, code, plain, prose, shortened, witness_point, worded  # noqa: E402

import derivations.engine  # noqa: E402
from derivations.engine import formula as formulas  # noqa: E402
from derivations.engine.reading import Reading  # noqa: E402
from derivations.run import Control, Proof, prove_all  # noqa: E402
from refimpl.cli import app  # noqa: E402
from refimpl.conformance import mistakes  # noqa: E402
from refimpl.conformance.adapter.capabilities import CAPABILITIES, OPTIONAL  # noqa: E402
from refimpl.conformance.adapter.conventions import KEYS  # noqa: E402
from refimpl.conformance.checks import checks as conformance_checks  # noqa: E402
from refimpl.equations import Equation, equations  # noqa: E402
from refimpl.equations.arguments import table  # noqa: E402
from refimpl.evidence import cancelling  # noqa: E402
from refimpl.statistics import budget  # noqa: E402
from refimpl.verify import matrix  # noqa: E402
from refimpl.verify.check import Check  # noqa: E402
from refimpl.verify.controls import MISTAKES  # noqa: E402
from refimpl.verify.coverage import Row, coverage  # noqa: E402
from refimpl.verify.layers import checks  # noqa: E402

DOCS = ROOT / "docs"

BLOCK = re.compile(
    r"(?P<open><!-- generated: (?P<name>[\w.-]+)(?P<rows>(?: [A-Z]+-\d+)*) -->\n)"
    r"(?P<body>.*?)(?P<close><!-- end generated -->)",
    re.S,
)

TOLD = {"there": "there", "missing": "claimed and missing", "later": "not claimed yet"}
LETTERS = {
    "S": "proof", "C": "control", "N": "number", "T": "statistics", "L": "training", "D": "page",
    "R": "runs",
}  # fmt: skip


@dataclass(frozen=True)
class Test:
    """A test that is marked with the equations it speaks for."""

    path: str
    name: str
    covers: tuple[str, ...]


class Run:
    """Everything that the pages show, from one run."""

    def __init__(self) -> None:
        self.equations: dict[str, Equation] = equations()
        self.proofs: dict[str, Proof] = prove_all()
        self.checks: dict[str, Check] = checks()
        self.tests = list(marked_tests(ROOT / "tests"))
        self.homes = homes()

    @cached_property
    def coverage(self) -> list[Row]:
        """The rows of the ledger with the evidence for each of their letters."""
        proved = {p.id: p.rows for p in self.proofs.values() if p.proved}
        return coverage(proved, docs=DOCS)

    def proof_of(self, id: str) -> Proof | None:
        """The proof that bears the equation's name, or the first that is handed its function."""
        named = self.proofs.get(id)
        return named or next((p for p in self.proofs.values() if id in p.of), None)

    def link(self, id: str, page: Path) -> str:
        """A link from `page` to the block of that equation or proof."""
        if id not in self.homes:
            return code(id)
        return f"[{code(id)}]({relative(self.homes[id], page)}#{id})"


def homes() -> dict[str, Path]:
    """The page on which each block stands.

    Raises:
        SystemExit: a block stands on two pages.
    """
    found: dict[str, Path] = {}
    for page in pages():
        for match in BLOCK.finditer(page.read_text("utf-8")):
            name = match["name"]
            if name in found and name not in SPECIAL and name != "rows":
                raise SystemExit(f"block {name!r} stands on {found[name]} and on {page}")
            found[name] = page
    return found


def pages() -> list[Path]:
    """The pages that may hold generated blocks; Chinese pages take theirs from these."""
    own = (p for p in DOCS.rglob("*.md") if "assets" not in p.parts)
    return sorted(set(own) - set(chinese.pages()))


def relative(target: Path, page: Path) -> str:
    """The path of a file as seen from a page; empty on the page itself."""
    if target == page:
        return ""
    up = [".."] * (len(page.relative_to(DOCS).parts) - 1)
    return "/".join([*up, *target.relative_to(DOCS).parts])


def marked_tests(folder: Path) -> Iterator[Test]:
    """Every test function under a `covers` mark of its own or of its module."""
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        of_module = [
            id
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
            for id in _covers(node.value)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                own = [id for mark in node.decorator_list for id in _covers(mark)]
                if own or of_module:
                    where = path.relative_to(ROOT).as_posix()
                    yield Test(where, node.name, tuple(dict.fromkeys([*own, *of_module])))


def _covers(mark: ast.expr) -> list[str]:
    return [
        argument.value
        for call in ast.walk(mark)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.covers")
        for argument in call.args
        if isinstance(argument, ast.Constant)
    ]


# ---------------------------------------------------------------- an equation


def equation_block(run: Run, e: Equation, page: Path) -> str:
    """The card of one equation: formula, verdict, code, proof, wrong neighbours, evidence."""
    proof = run.proof_of(e.id)
    own = proof if proof is not None and proof.id == e.id else None
    parts = [f"### {e.id} {{ #{e.id} .equation }}", worded(e.statement), verdict_line(run, e, page)]
    parts.append(printed(run, formulas.formula(e.id), page))
    parts.append(fenced(formula(e.function)))
    parts.append(arguments_details(e))
    parts.append(links(run, e, page))
    if own is not None:
        parts.append(proof_details(run, own, page))
    if proof is not None:
        wrong = [c for c in proof.controls if c.equation == e.id]
        parts.append(neighbour_details(wrong))
    parts.append(evidence_details(run, e))
    return "\n\n".join(part for part in parts if part)


def arguments_details(e: Equation) -> str:
    """What may stand in each argument, as its signature declares it."""
    rows = ["| | argument | | domain | one per |", "| --- | --- | --- | --- | --- |"]
    for letter, name, meaning, domain, per in table(e.places):
        shown = f"${letter}$" if letter else ""
        one = "" if per in ("alone", "array") else per
        rows.append(f"| {shown} | `{name}` | {worded(meaning)} | {domain} | {one} |")
    return folded("note", "Arguments", ["\n".join(rows)])


def verdict_line(run: Run, e: Equation, page: Path) -> str:
    """What the run found, in one line."""
    proof = run.proof_of(e.id)
    if proof is None:
        return f"{pill('not proved', 'open')} no derivation is handed this function"
    if not proof.proved:
        found = "; ".join(plain(problem) for problem in proof.problems[:3])
        return f"{pill('not proved', 'open')} {found}"
    controls = [c for c in proof.controls if c.equation == e.id]
    refuted = sum(c.verdict == "REFUTED" for c in controls)
    where = "" if proof.id == e.id else f" in {run.link(proof.id, page)}"
    told = (
        f"{counted(len(proof.steps), 'step')}{where}, {counted(refuted, 'wrong neighbour')} refuted"
    )
    rest = len(controls) - refuted
    return f"{pill('proved', 'proved')} {told}" + (
        f", {rest} known to be equivalent" if rest else ""
    )


def links(run: Run, e: Equation, page: Path) -> str:
    """Source, code, proof, tests and ledger rows."""
    stem = e.topic
    api = relative(DOCS / "reference" / "equations" / f"{stem}.md", page)
    items = [
        f"Source: {plain(e.source)}",
        f"Code: [`refimpl/equations/{stem}.py`, line {e.line}]({api}#refimpl.equations.{e.id})",
    ]
    proof = run.proof_of(e.id)
    if proof is not None:
        items.append(f"Proof: {proof_link(proof, page)}")
    files = sorted({t.path for t in run.tests if e.id in t.covers})
    if files:
        items.append("Tests: " + ", ".join(f"`{f}`" for f in files))
    if e.rows:
        rows = relative(DOCS / "coverage.md", page)
        items.append("Ledger: " + ", ".join(f"[{row}]({rows}#{row})" for row in e.rows))
    return meta(" · ".join(items))


def proof_link(proof: Proof, page: Path) -> str:
    """The derivation's own function, in the reference."""
    lines = derivations.engine.derivations()[proof.id].lines
    module = lines.__module__.rpartition(".")[2]
    number = inspect.getsourcelines(lines)[1]
    api = relative(DOCS / "reference" / "derivations" / f"{module}.md", page)
    return (
        f"[`derivations/{module}.py`, line {number}]({api}#derivations.{module}.{lines.__name__})"
    )


def printed(run: Run, made: formulas.Formula, page: Path) -> str:
    """The formula as its author wrote it, and what its letters stand for."""
    shown = []
    for line in made.lines:
        choice = rf"\qquad\text{{({line.choice})}}" if line.choice else ""
        shown.append(math(f"{line.left} {line.relation} {line.tex}{choice}"))
    if made.where:
        shown.append("where")
        shown.append(math(aligned_rows([(w.left, w.tex) for w in made.where])))
        ids = [run.link(w.id, page) for w in made.where if w.id]
        if ids:
            shown.append(meta("Made by " + ", ".join(dict.fromkeys(ids))))
    return "\n\n".join(shown)


def formula(function: Callable[..., Any]) -> str:
    """The production function without docstring and guards: its signature and its formula."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    definition.body = [
        s for s in definition.body if isinstance(s, (ast.Assign, ast.Return, ast.If))
    ]
    definition.body = [
        s
        for s in definition.body
        if not (isinstance(s, ast.If) and isinstance(s.body[0], ast.Raise))
    ]
    for argument in (*definition.args.args, *definition.args.kwonlyargs):
        argument.annotation = None
    definition.returns = None
    return ast.unparse(definition).replace(" ** ", "**")


# ---------------------------------------------------------------- a proof


def proof_block(run: Run, proof: Proof, page: Path) -> str:
    """The card of a proof that joins several equations."""
    state = pill("proved", "proved") if proof.proved else pill("not proved", "open")
    neighbours = counted(len(proof.controls), "wrong neighbour")
    told = f"{counted(len(proof.steps), 'step')}, {neighbours} settled"
    if not proof.proved:
        told = "; ".join(plain(problem) for problem in proof.problems[:3])
    parts = [
        f"### {proof.id} {{ #{proof.id} .equation }}",
        f"**{plain(proof.title)}**",
        f"{state} {told}",
        prose(proof.lecture),
        assumptions(proof),
        *lines_of(proof),
        meta(
            f"Proof: {proof_link(proof, page)} · handed the functions "
            + ", ".join(run.link(id, page) for id in proof.of)
        ),
        neighbour_details(list(proof.controls)),
    ]
    return "\n\n".join(part for part in parts if part)


def proof_details(run: Run, proof: Proof, page: Path) -> str:
    """The proof, folded: lecture, assumptions, steps with reason and verdict."""
    inside = [prose(proof.lecture), assumptions(proof), *lines_of(proof)]
    if proof.uses:
        inside.append("Leans on " + ", ".join(run.link(id, page) for id in proof.uses) + ".")
    return folded("abstract", f"Proof: {plain(proof.title)}", inside, opened=True)


def assumptions(proof: Proof) -> str:
    """What the proof takes for granted."""
    if not proof.assumptions:
        return ""
    told = "Assumes: " + "; ".join(worded(a) for a in proof.assumptions) + "."
    return told + "".join(
        f" Special: {code(name)} is {worded(what)}." for name, what in proof.special
    )


def lines_of(proof: Proof) -> list[str]:
    """The chains of a proof, its lines numbered through, and the verdict once, at the end."""
    shown = []
    number = 0
    for reading in proof.chains:
        shown.append(chain_lines(reading, number))
        number += len(reading.lines) - 1
    if proof.chains:
        shown.append(chains_verdict(proof))
    return shown


def chain_lines(reading: Reading, number: int) -> str:
    """A chain: what it states, its lines with their rules, its letters, its conclusion."""
    shown = [f"**{worded(reading.states)}**"] if reading.states else []
    for line in reading.lines:
        if line.rule:
            number += 1
            mark = "" if line.verdict == "PROVED" else " " + pill(line.verdict.lower(), "open")
            shown.append(f'<span class="rule">({number}) {worded(line.rule)}</span>{mark}')
        shown.append(math(f"{line.relation} {line.latex}".strip()))
        if line.fold:
            shown.append(folded("quote", f"({number}) written out", [math(f"= {line.fold}")]))
    if reading.where:
        shown += ["where", math(aligned_rows(list(reading.where)))]
    if reading.so:
        shown.append(f"Hence: {worded(reading.so)}")
    return "\n\n".join(shown)


def chains_verdict(proof: Proof) -> str:
    """That every line was decided, in which dimensions, and where the lines have a value."""
    lines = [line for reading in proof.chains for line in reading.lines if line.rule]
    done = all(line.verdict == "PROVED" for line in lines)
    state = pill("proved", "proved") if done else pill("not proved", "open")
    told = f"{state} each of the {len(lines)} lines follows from the one before"
    vectorial = [r for r in proof.chains if len(r.dimensions) > 1]
    if vectorial:
        told += ", those with vectors in 1, 2, 3 and 4 dimensions"
    nonzero = dict.fromkeys(tex for reading in proof.chains for tex in reading.nonzero)
    if nonzero:
        told += "; defined where " + ", ".join(f"${shortened(tex)} \\neq 0$" for tex in nonzero)
    by_coq = coq_blocks.said(proof, pill)
    return f"{told}. {by_coq}." if by_coq else f"{told}."


def math(tex: str) -> str:
    """A displayed formula. MathJax shows a backslash inside a text box, so ids lose theirs."""
    plainly = re.sub(r"\\texttt\{[^}]*\}", lambda box: box[0].replace(r"\_", "_"), tex)
    return f"$$\n{plainly}\n$$"


def aligned_rows(rows: list[tuple[str, str]]) -> str:
    """Several definitions below each other."""
    if len(rows) == 1:
        return f"{rows[0][0]} = {rows[0][1]}"
    body = " \\\\\n".join(f"{left} &= {right}" for left, right in rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def display(left: str, right: str) -> str:
    """A displayed equation."""
    return f"$$\n{aligned(left, right)}\n$$"


def neighbour_details(controls: list[Control]) -> str:
    """What would be wrong: each mutated line with the equality it breaks and the gap there."""
    if not controls:
        return ""
    refuted = sum(c.verdict == "REFUTED" for c in controls)
    points: dict[str, int] = {}
    rows = ["| the line, changed | breaks | gap left − right |", "| --- | --- | ---: |"]
    for c in controls:
        changed = code(c.source.replace(" ** ", "**"))
        if c.equivalent_because:
            rows.append(f"| {changed} | nothing: {plain(c.equivalent_because)} | 0 |")
            continue
        point, gap = witness_point(c.witness)
        number = points.setdefault(point, len(points) + 1)
        rows.append(f"| {changed} | {plain(c.reason)} | {gap.replace('-', '−')} ({number}) |")
    title = f"What would be wrong: {counted(len(controls), 'neighbour')}, {refuted} refuted"
    where = [f"({number}) {plain(point) or 'everywhere'}" for point, number in points.items()]
    witnesses = "Witnesses: " + "<br>\n".join(where) if where else ""
    return folded("failure", title, ["\n".join(rows), small(witnesses)])


def evidence_details(run: Run, e: Equation) -> str:
    """Checks on numbers and samples, and the tests that cover the equation."""
    found = [c for c in run.checks.values() if e.id in c.covers]
    tests = [t for t in run.tests if e.id in t.covers]
    lines = [f"- {code(c.name)}: {worded(c.statement)}" for c in found]
    lines += [f"- `{t.path}`: {plain(fact(t.name))}" for t in tests]
    if not lines:
        return ""
    parts = [counted(len(found), "check")] * bool(found) + [counted(len(tests), "test")] * bool(
        tests
    )
    title = "Evidence: " + ", ".join(parts)
    return folded("success", title, ["\n".join(lines)])


# ---------------------------------------------------------------- tables


def counts_block(run: Run, page: Path) -> str:
    """How much there is, on the first page."""
    proved = [e for e in run.equations if (p := run.proof_of(e)) and p.proved]
    steps = sum(len(p.steps) for p in run.proofs.values())
    controls = [c for p in run.proofs.values() for c in p.controls]
    refuted = sum(c.verdict == "REFUTED" for c in controls)
    rows = [
        ("equations in the register", len(run.equations)),
        ("of these proved", len(proved)),
        ("equalities decided", steps),
        ("wrong neighbours refuted by a witness", refuted),
        ("neighbours known to be equivalent, each with its reason", len(controls) - refuted),
        ("checks on numbers, samples and peers", len(run.checks)),
    ]
    return "\n".join(
        ["| what | how many |", "| --- | ---: |", *(f"| {what} | {n:,} |" for what, n in rows)]
    )


def coverage_block(run: Run, page: Path) -> str:
    """The ledger: every row with the evidence for each letter that it needs."""
    out = []
    for section in dict.fromkeys(row.section for row in run.coverage):
        rows = [row for row in run.coverage if row.section == section]
        out.append(f"## {plain(section)}")
        table = ["| row | statement | needs | evidence |", "| --- | --- | --- | --- |"]
        for row in rows:
            table.append(
                f'| <span id="{row.id}"></span>**{row.id}**<br><small>{plain(row.seed)}</small> '
                f"| {worded(row.statement)} | {needs(row)} | {evidence(run, row, page)} |"
            )
        out.append("\n".join(table))
    return "\n\n".join(out)


def rows_block(run: Run, ids: list[str], page: Path) -> str:
    """Single rows of the ledger, for a claim that has evidence but no equation of its own."""
    table = ["| row | statement | needs | evidence |", "| --- | --- | --- | --- |"]
    for row in run.coverage:
        if row.id in ids:
            link = f"[{row.id}]({relative(DOCS / 'coverage.md', page)}#{row.id})"
            told = f"{worded(row.statement)} | {needs(row)} | {evidence(run, row, page)}"
            table.append(f"| {link} | {told} |")
    return "\n".join(table)


def needs(row: Row) -> str:
    """The letters of a row: there, missing though claimed, or not claimed yet."""

    def kind(letter: str) -> str:
        if letter not in row.claims:
            return "later"
        return "there" if row.letters[letter] else "missing"

    return " ".join(
        f'<span class="letter {kind(n)}" title="{LETTERS[n]}: {TOLD[kind(n)]}">{n}</span>'
        for n in row.needs
    )


def evidence(run: Run, row: Row, page: Path) -> str:
    """The names behind each letter that is claimed."""
    lines = []
    for letter in row.claims:
        names = row.letters[letter]
        shown = ", ".join(evidence_link(run, n, page) for n in names[:6])
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        lines.append(f"**{letter}** {shown or 'missing'}{more}")
    return "<br>".join(lines) or "not claimed yet"


def evidence_link(run: Run, name: str, page: Path) -> str:
    """A proof, a check, a page with its anchor, or a command."""
    if name.startswith("math/"):
        path, _, anchor = name.partition("#")
        if not anchor and DOCS / path == page:
            return "this page"
        return (
            f"[{plain(anchor or path)}]({relative(DOCS / path, page)}{'#' * bool(anchor)}{anchor})"
        )
    return run.link(name, page) if name in run.homes else code(name)


def letters_block(run: Run, page: Path) -> str:
    """How many rows are claimed, and how many of their letters stand."""
    head = "| letter | what it asks for | rows that need it | claim it | have it |"
    rows = [head, "| --- | --- | ---: | ---: | ---: |"]
    for letter, what in LETTERS.items():
        need = [row for row in run.coverage if letter in row.needs]
        claim = [row for row in need if letter in row.claims]
        have = [row for row in claim if row.letters[letter]]
        rows.append(f"| {letter} | {what} | {len(need)} | {len(claim)} | {len(have)} |")
    whole = sum(set(row.needs) <= set(row.claims) and not row.gaps for row in run.coverage)
    told = f"{whole} of {len(run.coverage)} rows are complete."
    return told + "\n\n" + "\n".join(rows)


def graph_block(run: Run, page: Path) -> str:
    """Which claims lean on which: a drawing with links, and the same as a table."""
    claims = {id: run.proof_of(id) for id in run.equations}
    edges = {id: [u for u in p.uses if u in claims] for id, p in claims.items() if p is not None}
    proved = {id for id, p in claims.items() if p is not None and p.proved}
    where = {
        id: f"{relative(run.homes[id], page).replace('.md', '.html')}#{id}"
        for id in claims
        if id in run.homes
    }
    rows = ["| claim | leans on | used by |", "| --- | --- | --- |"]
    for id in claims:
        users = [other for other, used in edges.items() if id in used]
        used = ", ".join(bare(run, u, page) for u in edges.get(id, [])) or "–"
        by = ", ".join(bare(run, u, page) for u in users) or "–"
        rows.append(f"| {bare(run, id, page)} | {used} | {by} |")
    told = {id: e.statement.replace("`", "") for id, e in run.equations.items()}
    shown = Claims(by_lecture(list(claims)), edges, proved, where, told, "sde.flow_grpo_drift")
    return drawing(shown) + "\n\n" + "\n".join(rows)


def bare(run: Run, id: str, page: Path) -> str:
    """A link without a frame: a table of a thousand names is lighter so."""
    return f"[{plain(id)}]({relative(run.homes[id], page)}#{id})" if id in run.homes else plain(id)


def by_lecture(ids: list[str]) -> dict[str, list[str]]:
    """Ids in the order of the course, by the lecture that explains them, as the index says."""
    text = (DOCS / "math/index.md").read_text("utf-8")
    rows = re.findall(r"^\| \[(.*?)\]\(.*?\) \| `(\w+)` \| \[(.*?)\]\((.*?)\) \|", text, re.M)
    found: dict[str, list[str]] = {}
    for topic, name, explained, link in sorted(
        rows, key=lambda row: (row[2].startswith("s"), row[2])
    ):
        heading = (DOCS / "math" / link).read_text("utf-8").partition("\n")[0].removeprefix("# ")
        title = f"Side lecture: {topic}" if explained == "side lecture" else heading
        found.setdefault(title, []).extend(id for id in ids if id.partition(".")[0] == name)
    left = set(ids) - {id for held in found.values() for id in held}
    if left:
        raise SystemExit(f"docs/math/index.md explains no topic of {', '.join(sorted(left))}")
    return {title: held for title, held in found.items() if held}


def checks_block(run: Run, page: Path) -> str:
    """Every check of the run, by layer."""
    out = []
    for layer in dict.fromkeys(c.layer for c in run.checks.values()):
        rows = ["| check | the fact it establishes | speaks for |", "| --- | --- | --- |"]
        for c in run.checks.values():
            if c.layer == layer:
                ids = ", ".join(bare(run, id, page) for id in c.covers)
                rows.append(f"| {code(c.name.partition('.')[2])} | {worded(c.statement)} | {ids} |")
        out.append(f"**{layer}**\n\n" + "\n".join(rows))
    return "\n\n".join(out)


def coq_counts_block(run: Run, page: Path) -> str:
    """How many lines the second kernel has checked."""
    return coq_blocks.counts()


def coq_table_block(run: Run, page: Path) -> str:
    """For each claim, who has checked it."""
    return coq_blocks.table(list(run.proofs.values()), lambda id: run.link(id, page))


def excerpt_block(run: Run, page: Path) -> str:
    """The shortest equation of consequence, as it runs."""
    return fenced(formula(run.equations["sde.drift"].function))


def mistakes_block(run: Run, page: Path) -> str:
    """The mistakes that have names."""
    rows = ["| mistake | what is wrong | seen in | remedy |", "| --- | --- | --- | --- |"]
    for m in mistakes():
        cells = " | ".join(map(plain, (m.what, m.seen_in, m.remedy)))
        rows.append(f"| **{plain(m.name)}**<br>{run.link(m.equation, page)} | {cells} |")
    return f"{len(mistakes())} mistakes have names.\n\n" + "\n".join(rows)


def conformance_block(run: Run, page: Path) -> str:
    """What an adapter is asked, by tier, and which of its functions is needed for it."""
    rows = ["| check | tier | what it establishes |", "| --- | --- | --- |"]
    for c in conformance_checks().values():
        if c.tier != "basic" and not c.id.endswith(".batch"):
            rows.append(f"| {code(c.id)} | {c.tier} | {worded(c.statement)} |")
    told = (
        "Besides these, every capability has a basic check, and those on batches one of "
        "independence."
    )
    return "\n".join(rows) + f"\n\n{told}"


def capabilities_block(run: Run, page: Path) -> str:
    """The functions of an adapter."""
    rows = [
        "| capability | arguments, in this order | also, by name | returns |",
        "| --- | --- | --- | --- |",
    ]
    for name, c in CAPABILITIES.items():
        free = OPTIONAL.get(name, ())
        asked = ", ".join(f"({a})" if a in free else a for a in c.arguments)
        more = code(", ".join(c.more)) if c.more else ""
        rows.append(f"| {code(name)} | {code(asked)} | {more} | {plain(c.returns)} |")
    return "\n".join(rows)


def conventions_block(run: Run, page: Path) -> str:
    """What an adapter may declare."""
    rows = ["| key | says | values | default |", "| --- | --- | --- | --- |"]
    for name, key in KEYS.items():
        default = "that of dx/dt" if name == "velocity" else code(repr(key.default))
        rows.append(f"| {code(name)} | {plain(key.what)} | {code(key.values)} | {default} |")
    return "\n".join(rows)


def budget_block(run: Run, page: Path) -> str:
    """Every statistical assertion with its sample size."""
    rows = ["| assertion | n |", "| --- | ---: |"]
    rows += [f"| {code(name)} | {n:,} |" for name, n in sorted(budget.claims().items())]
    title = f"The ledger of {len(budget.claims())} assertions"
    return plain(budget.statement()) + ".\n\n" + folded("info", title, ["\n".join(rows)])


def mistaken_samplers_block(run: Run, page: Path) -> str:
    """The positive controls of the statistical tests."""
    rows = ["| mistaken sampler | rejected by |", "| --- | --- |"]
    rows += [f"| {plain(m.name)} | {m.test} |" for m in MISTAKES]
    return "\n".join(rows)


def kills_block(run: Run, page: Path) -> str:
    """What each layer of evidence sees, in sum and mistake by mistake."""
    rows = matrix.published()
    named = [row for row in rows if not row["probe"]]
    head = "| | " + " | ".join(matrix.COLUMNS) + " |"
    lines = [head, "| --- |" + " ---: |" * len(matrix.COLUMNS)]
    for what, group in (("named mistakes", named), ("probes", [r for r in rows if r["probe"]])):
        cells = []
        for column in matrix.COLUMNS:
            asked = [row for row in group if row[column] != "not asked"]
            cells.append(f"{sum(row[column] == 'seen' for row in asked)} of {len(asked)}")
        lines.append(f"| {len(group)} {what}: seen, of those asked | " + " | ".join(cells) + " |")
    topics: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        topics.setdefault(row["mistake"].partition(".")[0], []).append(row)
    told = [folded("info", topic, [kills_table(of)]) for topic, of in topics.items()]
    return "\n".join(lines) + "\n\n" + "\n\n".join(told)


def kills_table(rows: list[dict[str, Any]]) -> str:
    """A row a mistake, the columns that see it and those that do not; probes in italics."""
    lines = ["| mistake | seen by | not seen by |", "| --- | --- | --- |"]
    for row in rows:
        id, _, name = row["mistake"].partition(": ")
        shown = f"{plain(id)}: {f'*{plain(name)}*' if row['probe'] else plain(name)}"
        seen, unseen = (
            ", ".join(c for c in matrix.COLUMNS if row[c] == verdict)
            for verdict in ("seen", "unseen")
        )
        lines.append(f"| {shown} | {seen or '–'} | {unseen} |")
    return "\n".join(lines)


def rounding_block(run: Run, page: Path) -> str:
    """The largest gap of each equation where its terms cancel, a row a topic."""
    topics: dict[str, list[tuple[str, float]]] = {}
    for id in equations():
        topic, _, name = id.partition(".")
        gap = ceil(2 * cancelling.worst(id).ulps) / 2
        topics.setdefault(topic, []).append((name, gap))
    rows = ["| topic | largest gap | equation by equation |", "| --- | ---: | --- |"]
    for topic, found in topics.items():
        told = " · ".join(f"{code(name)} {gap:g}" for name, gap in found)
        rows.append(f"| {code(topic)} | {max(gap for _, gap in found):g} | {told} |")
    return "\n".join(rows)


def loop_block(run: Run, page: Path) -> str:
    """What `refimpl train toy` prints."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # the run's folder
        shown = CliRunner().invoke(app, ["train", "toy"]).stdout
    return f"```text\n$ refimpl train toy\n{shown.strip()}\n```"


SPECIAL: dict[str, Callable[[Run, Path], str]] = {
    "loop": loop_block,
    "kills": kills_block,
    "rounding": rounding_block,
    "budget": budget_block,
    "conformance-checks": conformance_block,
    "implementations": lambda run, page: implementations.block(),
    "settled-kl": lambda run, page: implementations.settled("kl"),
    "settled-advantages": lambda run, page: implementations.settled("advantages"),
    "settled-replay": lambda run, page: implementations.settled("replay"),
    "settled-sde_step": lambda run, page: implementations.settled("sde_step"),
    "kit-capabilities": capabilities_block,
    "kit-conventions": conventions_block,
    "counts": counts_block,
    "coq-counts": coq_counts_block,
    "coq-table": coq_table_block,
    "excerpt": excerpt_block,
    "guidance-variants": lambda run, page: variants_block(),
    "solvers-laws": lambda run, page: solvers_block(),
    "levels-grids": lambda run, page: grids_block(),
    "levels-noise": lambda run, page: noise_block(),
    "levels-shares": lambda run, page: shares_block(),
    "levels-sources": lambda run, page: sources_of_grids(),
    "memory": lambda run, page: tables.memory(),
    "reduction": lambda run, page: tables.reduction(),
    "mistaken-samplers": mistaken_samplers_block,
    "named-mistakes": mistakes_block,
    "coverage": coverage_block,
    "letters": letters_block,
    "graph": graph_block,
    "sources": lambda run, page: sources_block(),
    "checks": checks_block,
}


# ---------------------------------------------------------------- pieces of Markdown


def pill(text: str, kind: str) -> str:
    """A coloured verdict."""
    return f'<span class="verdict {kind}">{text}</span>'


def counted(n: int, noun: str) -> str:
    """A number with its noun."""
    return f"{n} {noun}" + ("" if n == 1 else "s")


def fact(test: str) -> str:
    """A test's name as the sentence it states."""
    return test.removeprefix("test_").replace("_", " ")


def meta(text: str) -> str:
    """A line in small print."""
    return f'<div class="meta" markdown>\n\n{text}\n\n</div>'


def small(text: str) -> str:
    """Small print, where there is any."""
    return f"<small>{text}</small>" if text else ""


def fenced(source: str) -> str:
    """A block of Python."""
    return f"```python\n{source}\n```"


def folded(kind: str, title: str, parts: list[str], *, opened: bool = False) -> str:
    """A block that opens on a click, or is open and closes on one."""
    inside = "\n\n".join(part for part in parts if part)
    quoted = title.replace('"', "&quot;")
    mark = "???+" if opened else "???"
    return f'{mark} {kind} "{quoted}"\n\n' + textwrap.indent(inside, "    ")


# ---------------------------------------------------------------- the run


def fill(run: Run, page: Path) -> str:
    """The text of a page with its generated blocks made anew; unknown ones stay as they are."""

    def body(match: re.Match[str]) -> str:
        name = match["name"]
        if name in run.equations:
            text = equation_block(run, run.equations[name], page)
        elif name in run.proofs:
            text = proof_block(run, run.proofs[name], page)
        elif name in SPECIAL:
            text = SPECIAL[name](run, page)
        elif name.startswith("labs-"):
            text = labs_block(DOCS / "assets" / "labs", name.removeprefix("labs-"))
        elif name.startswith("study-"):
            text = study_block(DOCS / "assets" / "study", name.removeprefix("study-"))
        elif name.startswith("shapes-") and (DOCS / "assets/shapes/metrics.json").exists():
            text = shapes_block(DOCS / "assets" / "shapes", name.removeprefix("shapes-"))
        elif name.startswith("sd3-"):
            text = sd3_block(name.removeprefix("sd3-"))
        elif name == "rows":
            text = rows_block(run, match["rows"].split(), page)
        else:
            return match[0]
        return f"{match['open']}\n{text}\n\n{match['close']}"

    def chains(id: str, numbers: list[int]) -> str:
        return chains_of(run, id, numbers, page)

    filled = BLOCK.sub(body, page.read_text("utf-8"))
    return cited(filled, page, lambda id: card_link(run, id, page), chains)


def chains_of(run: Run, id: str, numbers: list[int], page: Path) -> str:
    """Chosen chains of a proof, for a lecture, and the way to the whole of it."""
    shown, number, proof = [], 0, run.proofs[id]
    for n in numbers:
        reading = proof.chains[n - 1]
        shown.append(f'<div class="chain" markdown>\n\n{chain_lines(reading, number)}\n\n</div>')
        number += len(reading.lines) - 1
    told = f"[the whole proof, with its assumptions]({relative(run.homes[id], page)}#{id})"
    return "\n\n".join([*shown, f'<p class="cited" markdown>{told}</p>'])


def card_link(run: Run, id: str, page: Path) -> str:
    """From a lecture to the card of an equation."""
    return f"[`{id}`: card, proof, code]({relative(run.homes[id], page)}#{id})"


def faults(run: Run) -> list[str]:
    """Equations and proofs that no page shows, and blocks that name nothing."""
    known = {*run.equations, *run.proofs, *SPECIAL, "rows"}
    return [f"{id} is on no page" for id in known - run.homes.keys() - {*SPECIAL, "rows"}] + [
        f"{page.relative_to(ROOT)}: nothing is called {name!r}"
        for name, page in run.homes.items()
        if name not in known and not name.startswith(("labs-", "study-", "sd3-", "shapes-"))
    ]


def main() -> int:
    """Write or compare; the exit status."""
    parser = argparse.ArgumentParser(description="Fill the generated blocks of the pages.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if stale")
    check = parser.parse_args().check
    run = Run()
    stale = 0
    for page in pages():
        before, after = page.read_text("utf-8"), fill(run, page)
        if before == after:
            continue
        stale += 1
        name = page.relative_to(ROOT).as_posix()
        if check:
            diff = difflib.unified_diff(
                before.splitlines(), after.splitlines(), name, f"{name}, now", n=1, lineterm=""
            )
            print("\n".join(list(diff)[:40]))
        else:
            page.write_text(after, "utf-8")
            print(f"wrote {name}")
    stale += refuting.renewed(check=check)
    if check:
        stale += sum(chinese.filled(p) != p.read_text("utf-8") for p in chinese.pages())
    else:
        chinese.fill()
    found = sorted(faults(run))
    if check and stale:
        found.append(f"{counted(stale, 'page')} stale: run python docs/tools/generate.py")
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
