"""Whether a Chinese page follows its English source: its text by a hash, its structure by parts."""

import difflib
import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import chinese
from markdown.extensions.toc import slugify

Parts = Callable[[str], list[str]]


def written(text: str, source: Path | None = None) -> str:
    """What is written by hand on a page: markers stay, what they enclose goes.

    Of the README also programs and tables go: it is full of measured figures, which the Chinese
    one does not repeat.
    """
    if source is not None and source.name == "README.md":
        return re.sub(r"^\|.*\n", "", chinese.FENCE.sub("", text), flags=re.M)
    text = chinese.BLOCK.sub(lambda m: m[0].partition("\n")[0], text)
    return chinese.NUMBER.sub(lambda m: f"<!--= {m['expression']} -->", text)


def fingerprint(text: str, source: Path) -> str:
    """The first twelve digits of the hash of what is written by hand."""
    return hashlib.sha256(written(text, source).encode()).hexdigest()[:12]


FOLLOWS = re.compile(r"(?<=follows: \")\w*(?=\")")


def follows(page: Path) -> str:
    """The fingerprint of the English text that a Chinese page says it follows; empty if none."""
    match = FOLLOWS.search(page.read_text("utf-8"))
    return match[0] if match else ""


def followed(page: Path) -> str:
    """A Chinese page that says it follows its source as it is now."""
    source = chinese.source(page)
    now = fingerprint(source.read_text("utf-8"), source)
    text = page.read_text("utf-8")
    if not FOLLOWS.search(text):
        return f'---\nfollows: "{now}"\n---\n\n{text}'
    return FOLLOWS.sub(now, text, count=1)


def changes(page: Path) -> str:
    """What changed in the English text since the Chinese page followed it, by the history."""
    source, wanted = chinese.source(page), follows(page)
    name, now = source.relative_to(chinese.DOCS.parent).as_posix(), source.read_text("utf-8")
    for commit in _git("log", "--format=%H", "--", name).split():
        then = _git("show", f"{commit}:{name}")
        if fingerprint(then, source) == wanted:
            before, after = (written(text, source).splitlines() for text in (then, now))
            return "\n".join(difflib.unified_diff(before, after, commit[:9], "now", lineterm=""))
    return f"the text that {page.name} follows ({wanted or 'none'}) is not in the history of {name}"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=chinese.DOCS.parent, capture_output=True, text=True, check=False
    )
    return done.stdout


# ---------------------------------------------------------------- structure


def _outside(text: str) -> str:
    """A page without front matter and generated parts."""
    return written(re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S))


def _without_words(text: str) -> str:
    """Text boxes of formulas emptied: their words are another language's."""
    return re.sub(r"\\text\{[^}]*\}", r"\\text{}", text)


def _headings(text: str) -> list[str]:
    """The anchor of every heading, given or made of its words."""
    text = re.sub(r"^ *```.*?^ *```", "", _outside(text), flags=re.S | re.M)
    found = re.findall(r"^#+ (.+?)(?: \{ #([\w-]+) \})?$", text, re.M)
    plain = [(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title), id) for title, id in found[1:]]
    return [id or slugify(re.sub(r"[`$*]", "", title), "-") for title, id in plain]


def _links(page: Path, text: str) -> list[str]:
    """Where its links lead, as seen from the English pages; not to the other language of itself."""
    found = set()
    for m in chinese.LINK.finditer(re.sub(r"```.*?```", "", _outside(text), flags=re.S)):
        path = os.path.relpath(os.path.normpath(page.parent / m["to"]), chinese.DOCS)
        found.add(path.removeprefix("zh/") + (m["anchor"] or ""))
    return sorted(found - {page.name if page.parent in (chinese.DOCS, chinese.ZH) else ""})


def parts(page: Path, text: str) -> dict[str, list[str]]:
    """Everything that both languages of a page must have alike, by name."""
    own = _outside(text)
    return {
        "generated parts": [f"{m['kind']}: {m['what']}" for m in chinese.BLOCK.finditer(text)],
        "numbers": sorted(m["expression"] for m in chinese.NUMBER.finditer(text)),
        "programs": re.findall(r"^ *```python\n.*?^ *```", own, re.S | re.M),
        "formulas": re.findall(r"^ *\$\$\n.*?^ *\$\$", _without_words(own), re.S | re.M),
        "anchors of headings": _headings(text),
        "statements": re.findall(r'abstract "(?:Statement|命题) (\d(?:\.\d)?)', text),
        "exercises": re.findall(r"^\*\*(\d\.\d)\*\*", text, re.M),
        "solutions": re.findall(r"\?\?\? success", text),
        "links": _links(page, text),
    }


def problems(page: Path) -> list[str]:
    """What is wrong with a Chinese page, each with its remedy."""
    source = chinese.source(page)
    name = "README" if page == chinese.README else source.relative_to(chinese.DOCS).as_posix()[:-3]
    if not source.is_file():
        return [f"zh/{name}: there is no docs/{name}.md to follow"]
    english, text = source.read_text("utf-8"), page.read_text("utf-8")
    found = []
    if follows(page) != fingerprint(english, source):
        found.append(
            f"zh/{name} is older than its English source. See what changed with "
            f"`python docs/tools/chinese.py --diff {name}`, bring it over, and record it with "
            f"`python docs/tools/chinese.py --follow {name}`"
        )
    if chinese.filled(page) != text:
        found.append(f"zh/{name}: generated parts are stale: run python docs/tools/chinese.py")
    there, here = parts(source, english), parts(page, text)
    for what, wanted in there.items() if page != chinese.README else ():
        if here[what] != wanted:
            gone = [x for x in wanted if x not in here[what]]
            more = [x for x in here[what] if x not in wanted]
            found.append(
                f"zh/{name}: {what} differ from the English page: missing {gone}, more {more}"
            )
    return found
