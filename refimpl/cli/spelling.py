"""An error handler for encodings: what they lack is spelled in ASCII, so that all can be printed.

σ² → sigma^2     ½ → 1/2     α̇ → alpha_dot     cos(πt) → cos(pi t)     ✓ → ok     é → e
"""

import codecs
import re
import unicodedata

SPELLED = "refimpl.spelled"
"""The name of the handler, as in `text.encode("ascii", SPELLED)`."""

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‑": "-", "×": "x", "·": "*", "⋅": "*", "√": "sqrt", "∇": "grad",
    "∂": "d", "∑": "sum", "∫": "int", "∏": "prod", "∞": "inf", "≤": "<=", "≥": ">=", "≠": "!=",
    "≈": "~", "∼": "~", "→": "->", "↦": "->", "←": "<-", "↔": "<->", "⇒": "=>",
    "⟺": "<=>", "Ø": "O", "∝": "prop. to",
    "∈": "in", "⊂": "within", "∪": "or", "∩": "and", "∀": "every", "∅": "{}", "⊥": "orthogonal to",
    "✓": "ok", "✗": "x", "‖": "||", "⟨": "<", "⟩": ">", "‘": "'", "’": "'", "“": '"', "”": '"',
    "′": "'", "″": '"', "●": "*", "•": "*", "∘": "o", "±": "+-", "∓": "-+", "§": "section",
    "ø": "o", "⁻": "^-", "ᵀ": "^T", "│": "|", "┃": "|", "┆": "|", "─": "-", "━": "-",
    "╮": "+", "╰": "+",    "▁": "_", "▷": ">", "◁": "<", "⏎": "|", "λ": "lambda", "Λ": "Lambda",
    "\u0307": "_dot", "\u0304": "_bar", "\u0303": "_tilde", "\u0302": "_hat",
    "\u0308": "_ddot", "°": " degrees",
}  # fmt: skip
_ACCENTS = "\u0300\u0301\u0308\u030a\u0327"
"""Marks over letters of words, left out; those over letters of formulas are not."""


def spelled(sign: str) -> str:
    """One character in ASCII: by a table, a Greek letter by its name, else by its decomposition."""
    if sign in _SIGNS:
        return _SIGNS[sign]
    if greek := re.match(r"GREEK (SMALL|CAPITAL) LETTER (\w+)$", unicodedata.name(sign, "")):
        return greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
    parts = unicodedata.normalize("NFKD", sign).replace("\u2044", "/")
    if parts == sign:
        return sign.encode("ascii", "backslashreplace").decode("ascii")
    mark = {"<super>": "^", "<sub>": "_"}.get(unicodedata.decomposition(sign).partition(" ")[0], "")
    return mark + "".join(c if c.isascii() else spelled(c) for c in parts if c not in _ACCENTS)


def _apart(word: str, before: str, after: str) -> str:
    """A word with spaces towards letters and digits beside it; signs stay as they are."""
    if len(word) == 1:
        return word
    joined = before.isalnum() or any(map(unicodedata.combining, before))
    left = " " if word[0].isalpha() and joined else ""
    right = " " if word[-1].isalpha() and after.isalnum() and after.isascii() else ""
    return left + word + right


def _handle(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text, start, end = error.object, error.start, error.end
    words = (
        _apart(spelled(text[i]), text[i - 1 : i], text[i + 1 : i + 2]) for i in range(start, end)
    )
    return "".join(words), end


codecs.register_error(SPELLED, _handle)
