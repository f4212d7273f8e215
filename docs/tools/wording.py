"""From the run's text to the pages' text: LaTeX made shorter, plain text made safe for Markdown."""

import re

from typeset import typeset

_SAFE = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "*": "&#42;",
    "_": "&#95;",
    "[": "&#91;",
    "]": "&#93;",
    "|": "&#124;",
    "$": "&#36;",
    "\\": "&#92;",
    "~": "&#126;",
    "^": "&#94;",
}


def plain(text: str) -> str:
    """Text without Markdown's meanings, code between backticks kept."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(
        code(part[1:-1]) if part.startswith("`") and len(part) > 1 else _escaped(part)
        for part in parts
    )


def worded(text: str) -> str:
    """Text without Markdown's meanings, its formulas between dollar signs."""
    return "".join(
        f"${part}$" if i % 2 else _edges(part)[0] + plain(part) + _edges(part)[1]
        for i, part in enumerate(typeset(" ".join(text.split())).split("$"))
        if part
    )


def _edges(text: str) -> tuple[str, str]:
    """The space before and after a text, which `plain` takes off."""
    if not text.strip():
        return text, ""
    return " " * text[0].isspace(), " " * text[-1].isspace()


def prose(text: str) -> str:
    """Paragraphs of plain text."""
    return "\n\n".join(worded(paragraph) for paragraph in re.split(r"\n\s*\n", text.strip()))


def code(text: str) -> str:
    """Inline code that may stand in a table's cell; an id may break after its dot."""
    return f"<code>{re.sub(r'(?<=[a-z])[.](?=[a-z])', '.<wbr>', _escaped(text))}</code>"


def _escaped(text: str) -> str:
    return "".join(_SAFE.get(letter, letter) for letter in text)


def aligned(left: str, right: str) -> str:
    """left = right, on two lines where one would be long."""
    left, right = shortened(left), shortened(right)
    if len(left) + len(right) < 150 or len(left) < 40:
        return f"{left} = {right}"
    return f"\\begin{{aligned}}\n&{left} \\\\\n&\\qquad = {right}\n\\end{{aligned}}"


_ARGUMENTS = r"\{\\left\((?:[a-z](?:_\{\w+\})?,? ?)+\\right\)\}"

_NAMED = (
    # \frac{d}{d t} \alpha{\left(t \right)}  ->  \dot\alpha_t, and so for \sigma
    (r"\\frac\{d\}\{d t\} \\(alpha|sigma)\{\\left\(t \\right\)\}", r"\\dot\\\1_t"),
    (r"\\(alpha|sigma)\{\\left\(t \\right\)\}", r"\\\1_t"),
    (r"\\(alpha|sigma)\^\{(\d)\}\{\\left\(t \\right\)\}", r"\\\1_t^{\2}"),
    # \frac{\partial^{2}}{\partial x_{1}^{2}}  ->  \partial^{2}_{x_{1}}
    (r"\\frac\{\\partial\}\{\\partial (\w(?:_\{\w+\})?)\} ", r"\\partial_{\1} "),
    (
        r"\\frac\{\\partial\^\{(\d)\}\}\{\\partial (\w(?:_\{\w+\})?)\^\{\d\}\} ",
        r"\\partial^{\1}_{\2} ",
    ),
    (r"\\frac\{d\}\{d (\w(?:_\{\w+\})?)\} ", r"\\partial_{\1} "),
    (
        r"\\frac\{d\^\{(\d)\}\}\{d (\w(?:_\{\w+\})?)\^\{\d\}\} ",
        r"\\partial^{\1}_{\2} ",
    ),
    # p{\left(x,t \right)}  ->  p: an undefined function, not \log and its like
    (r"(\\phi|\\varphi|(?<![a-z\\])[a-zA-Z])((?:_\{\w+\})?(?:\^\{\d\})?)" + _ARGUMENTS, r"\1\2"),
    # \nabla\log p_t t  ->  (\nabla\log p_t) t
    (r"\\nabla\\log p_t(?= (?:[a-zA-Z]|\\left|\\s))", r"\\left(\\nabla\\log p_t\\right)"),
)


def shortened(latex: str) -> str:
    """The same formula with derivatives and arguments written as in a book."""
    for pattern, replacement in _NAMED:
        latex = re.sub(pattern, replacement, latex)
    return latex


def witness_point(witness: str) -> tuple[str, str]:
    """A witness as its point and its gap, with derivatives written as in a book."""
    point, _, gap = witness.rpartition(": left − right = ")
    point = re.sub(r"\[Derivative\((\w+)\([^()]*\), \((\w+), (\d)\)\)\]", _higher, point)
    point = re.sub(r"\[Derivative\((\w+)\([^()]*\), (\w+)\)\]", r"∂\1/∂\2", point)
    point = re.sub(r"\[(\w+)\([^()]*\)\]", r"\1", point).replace("phi", "φ").replace("= -", "= −")
    return point, gap


def _higher(match: re.Match[str]) -> str:
    power = {"2": "²", "3": "³", "4": "⁴"}[match[3]]
    return f"∂{power}{match[1]}/∂{match[2]}{power}"
