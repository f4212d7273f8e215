"""`refimpl new topic.name`: one stub in each place of an equation, failing until it is filled.

A stub says what belongs there. The formula raises, the chain of the proof cannot be read, the route
raises, the test fails, and the words that mark a gap are looked for by a test of their own.
"""

import keyword
import re
from pathlib import Path

from .places import PLACES, UNFILLED

STUBS = {
    "code": '''

@equation("{id}", remark="{gap}: paper=, article= or also=, a place that was opened")
def {name}(x: State) -> Num:
    """{gap}: the formula, or the sentence that one would say aloud."""
    raise NotImplementedError("{id}: write the formula")
''',
    "proof": '''

@derivation("{id}")
def {name}(production: Production) -> Lines:
    """{gap}: the title, one sentence."""
    w = Writing()
    yield w.chain("{id}(x)", ("{gap}: a line", "{gap}: the rule that leads to it"))
''',
    "route": '''

@route("{id}")
def {name}(x: Any) -> Any:
    """{gap}: what the quantity means, another way than by its formula."""
    raise NotImplementedError("{id}: write a second route")
''',
    "mistakes": """    Mistake(
        "{gap}", "{id}", lambda x: x,
        "{gap}: what is wrong.", "{gap}: where it was seen", "{gap}: the remedy",
    ),
""",
    "inputs": "",
    "test": """

@pytest.mark.covers("{id}")
def test_{name}_states_a_fact():
    pytest.fail("{gap}: a fact about {id}, and name the test after it")
""",
    "page": """
## {gap}: a heading

{gap}: what it is for, and what surrounds it.

<!-- generated: {id} -->
<!-- end generated -->
""",
}

IMPORTS = {
    "code": (
        "from .arguments import State",
        "from .elementary import Num",
        "from .registry import equation",
    ),
    "proof": (
        "from .engine import Lines, Production, derivation",
        "from .engine.written import Writing",
    ),
    "route": ("from typing import Any", "from ..route import route"),
    "mistakes": ("from ..mistake import Mistake",),
    "inputs": ("from ..awkward import Awkward",),
    "test": ("import pytest",),
    "page": (),
}

TOPIC = {
    "code": '"""{gap}: five lines of lecture on {topic}."""\n',
    "proof": '"""{gap}: what is proved of {topic}, in one sentence."""\n',
    "route": '"""Second routes for {topic}: {gap}."""\n',
    "mistakes": '"""Mistakes about {topic}: {gap}."""\n\n'
    "# fmt: off\nMISTAKES: tuple[Mistake, ...] = (\n)\n# fmt: on\n",
    "inputs": '"""{gap}: what is awkward about the inputs of {id}."""\n\n'
    "INPUTS: dict[str, Awkward] = {{}}\n",
    "test": '"""Facts about {topic}: {gap}."""\n',
    "page": "# {topic}\n\n{gap}: what this page is about.\n",
}


def new(root: Path, id: str) -> list[Path]:
    """Put a stub of an equation into each of its places; a new topic gets its files.

    Returns:
        The files that were written.

    Raises:
        ValueError: the id is not `topic.name`, or the equation is there already.
    """
    topic, dot, name = id.partition(".")
    good = all(re.fullmatch(r"[a-z][a-z0-9_]*", w) and not keyword.iskeyword(w)
               for w in (topic, name))  # fmt: skip
    if not dot or not good:
        raise ValueError(f"an id reads topic.name, in small letters, such as sde.drift; got {id!r}")
    words = {"id": id, "topic": topic, "name": name, "gap": UNFILLED}
    known = PLACES[0].file(root, id)
    if known.is_file() and PLACES[0].holds(known.read_text("utf-8"), id):
        raise ValueError(f"there is an equation {id} already: see `refimpl eq {id}`")
    fresh = not known.is_file()
    written = [_stub(place.name, place.file(root, id), words) for place in PLACES]
    if fresh:
        written += _announce(root, topic)
    return [path for path in written if path is not None]


def _stub(place: str, file: Path, words: dict[str, str]) -> Path | None:
    text = file.read_text("utf-8") if file.is_file() else TOPIC[place].format(**words)
    if file.is_file() and not STUBS[place]:
        return None
    stub = STUBS[place].format(**words)
    if place == "mistakes":
        head, end, tail = text.rpartition(")\n# fmt: on")
        text = head + stub + end + tail
    else:
        text = text.rstrip() + "\n" + stub
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_importing(text, IMPORTS[place]), encoding="utf-8")
    return file


def _importing(text: str, wanted: tuple[str, ...]) -> str:
    """The text with the imports that are not there yet, after its docstring."""
    lacking = [line for line in wanted if not _imported(line, text)]
    if not lacking:
        return text
    end = text.index('"""', 3) + 3
    return text[:end] + "\n\n" + "\n".join(lacking) + text[end:]


def _imported(line: str, text: str) -> bool:
    """Whether every name of an import line is imported in the text already."""
    names = line.rpartition("import ")[2].split(", ")
    return all(re.search(rf"^(from .*)?import .*\b{n}\b|^    {n},$", text, re.M) for n in names)


def _announce(root: Path, topic: str) -> list[Path]:
    """Name a new topic where topics are listed: the package, the site, the reference."""
    package = root / "refimpl/equations/__init__.py"
    text = package.read_text("utf-8")
    text = text.replace("from . import (\n", f"from . import (\n    {topic},\n", 1)
    text = text.replace("__all__ = [\n", f'__all__ = [\n    "{topic}",\n', 1)
    package.write_text(text, encoding="utf-8")
    reference = root / f"docs/reference/equations/{topic}.md"
    reference.write_text(f"# {topic}\n\n::: refimpl.equations.{topic}\n", encoding="utf-8")
    proofs = root / f"docs/reference/derivations/{topic}.md"
    proofs.parent.mkdir(parents=True, exist_ok=True)
    proofs.write_text(
        f"::: derivations.{topic}\n    options:\n      heading_level: 1\n", encoding="utf-8"
    )
    site = root / "mkdocs.yml"
    text = site.read_text("utf-8")
    for folder in ("math", "reference/equations", "reference/derivations"):
        last = re.findall(rf"^ +- .*{folder}/\w+\.md$", text, re.M)[-1]
        indent = re.match(" *", last)
        entry = f"{indent[0] if indent else ''}- {topic}: {folder}/{topic}.md"
        text = text.replace(last, f"{last}\n{entry}", 1)
    site.write_text(text, encoding="utf-8")
    return [package, reference, proofs, site]
