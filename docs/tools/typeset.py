"""Formulas in running text, set as formulas: `σ² (1 − e^{−2θt})/(2θ)` becomes TeX between dollars.

    typeset("ψ_t(x) = e^{−θt} x: the flow of dx/dt = −θx.")
    "$\\psi_{t}(x) = e^{-\\theta t}\\, x$: the flow of $\\mathrm{d}x/\\mathrm{d}t = -\\theta x$."

Statements and rules are written once, for terminals as well as pages, so they are plain text. A
run of tokens is a formula if all of it is mathematics and something in it can be nothing else: a
Greek letter, an operator, an index, a power, or one letter that is no English word. What is not
understood stays as it is.
"""

from __future__ import annotations

from as_tex import closing, joined, tex
from letters import GREEK, Token, pieces


def typeset(text: str) -> str:
    """Text with its formulas between dollars."""
    tokens = joined(pieces(text))
    out: list[str] = []
    at = 0
    while at < len(tokens):
        end = _run(tokens, at)
        run = tokens[at:end]
        if run and _is_formula(run, tokens, at, end):
            out.append(f"${tex(run)}$")
            at = end
        else:
            out.append(tokens[at].text)
            at += 1
    return "".join(out)


def _run(tokens: list[Token], at: int) -> int:
    """The end of the longest stretch from here that is mathematics throughout."""
    if not _begins(tokens, at):
        return at
    end, here = at, at
    while here < len(tokens):
        token = tokens[here]
        if token.sort == "open":
            close = closing(tokens, here)
            if close is None or not _inside(tokens, here + 1, close):
                break
            here = end = close + 1
        elif token.sort == "bar":
            close = _bar(tokens, here)
            if close is not None:
                here = end = close + 1
            elif here > at and _given(tokens, here):
                here += 1
            else:
                break
        elif token.sort == "space":
            here += 1
        elif _joins(tokens, here, at):
            here += 1
            if token.sort not in ("operator", "root"):
                end = here
        else:
            break
    return end


def _begins(tokens: list[Token], at: int) -> bool:
    token = tokens[at]
    if token.sort in ("math", "root", "bar", "open"):
        return True
    if token.sort == "function":
        return _applied(tokens, at)
    if token.sort == "operator":
        free = at == 0 or tokens[at - 1].sort in ("space", "open", "comma")
        return token.text == "−" and free and at + 1 < len(tokens) and _begins(tokens, at + 1)
    return token.sort in ("maybe", "letter") and _beside(tokens, at)


def _joins(tokens: list[Token], here: int, start: int) -> bool:
    """Whether a token goes on with the run that began at `start`."""
    token = tokens[here]
    if token.sort in ("math", "root"):
        return True
    if token.sort == "operator":
        following = _next(tokens, here)
        return following is not None and tokens[following].sort not in ("prose", "comma", "close")
    if token.sort == "function":
        before = _before(tokens, here)
        lone = token.text in ("N", "P", "B") and before is not None
        return _applied(tokens, here) or (lone and tokens[before or 0].sort == "operator")
    if token.sort in ("maybe", "letter"):
        return here == start or _beside(tokens, here) or _factor(tokens, here, start)
    return False


def _factor(tokens: list[Token], here: int, start: int) -> bool:
    """Whether a word goes on with a product: behind a letter, in a run that has an operator."""
    before = _before(tokens, here)
    if before is None or before < start:
        return False
    if tokens[here - 1].sort in ("math", "close", "root") or tokens[before].text == "mean":
        return True
    if tokens[here - 1].text[-1:].isdigit() or tokens[here].text == "A":
        return tokens[before].sort in ("math", "maybe")
    joined = any(t.sort == "operator" for t in tokens[start:here])
    named = tokens[here].text in ("data", "noise")
    return joined and named and tokens[before].sort in ("math", "close")


def _given(tokens: list[Token], at: int) -> bool:
    """Whether a single bar stands between two pieces of mathematics: x | y."""
    after = _next(tokens, at)
    return after is not None and tokens[after].sort == "math"


def _applied(tokens: list[Token], at: int) -> bool:
    """Whether a function is applied: to brackets, or to a letter after it."""
    if tokens[at].text in ("sin²", "cos²") or (tokens[at].text[0] in "NPB" and _marked(tokens[at])):
        return True
    following = _next(tokens, at)
    if following is None:
        return False
    there = tokens[following]
    if there.sort in ("open", "bar"):
        return following == at + 1 or tokens[at].text in ("log", "exp", "min", "max", "E")
    if tokens[at].text in ("N", "P", "B", "KL", "Var", "E"):
        return there.sort == "operator" and tokens[at].text in ("N", "B", "P", "KL")
    return there.sort in ("math", "root", "maybe", "letter", "function")


def _marked(token: Token) -> bool:
    """Whether a letter has an index or a power: B² is a number, where B alone may be a word."""
    return len(token.text) > 1 and not token.text[1].isalpha()


def _beside(tokens: list[Token], at: int) -> bool:
    """Whether an operator stands before or after, with something on its other side."""
    after, before = _next(tokens, at), _before(tokens, at)
    if tokens[at].text[0].isdigit() and at + 1 < len(tokens):
        if tokens[at + 1].sort in ("math", "root", "letter") or tokens[at + 1].text == "(":
            return True
        if after is not None and tokens[after].sort == "math" and tokens[after].text[0] in GREEK:
            return True
    if tokens[at].text == "A" and after is not None and tokens[after].text[0] in "∇∂":
        return True
    if tokens[at].text == "A" and after is not None and tokens[after].text == "(":
        close = closing(tokens, after)
        held = tokens[after + 1 : close] if close else []
        return any(t.sort == "operator" for t in held)
    if after is not None and tokens[after].sort == "operator" and not _signed(tokens, after):
        further = _next(tokens, after)
        if further is not None and tokens[further].sort not in ("prose", "comma", "close"):
            return tokens[after].text != "/" or after == at + 1
    return before is not None and before > 0 and tokens[before].sort == "operator"


def _signed(tokens: list[Token], at: int) -> bool:
    """Whether a minus is a sign: a space stands before it, and none behind."""
    behind = tokens[at + 1].sort if at + 1 < len(tokens) else "space"
    return tokens[at].text == "−" and at > 0 and tokens[at - 1].sort == "space" != behind


def _next(tokens: list[Token], at: int) -> int | None:
    at += 1
    while at < len(tokens) and tokens[at].sort == "space":
        at += 1
    return at if at < len(tokens) else None


def _before(tokens: list[Token], at: int) -> int | None:
    at -= 1
    while at >= 0 and tokens[at].sort == "space":
        at -= 1
    return at if at >= 0 else None


def _bar(tokens: list[Token], at: int) -> int | None:
    """The bar that closes this one."""
    if at > 0 and tokens[at - 1].sort == "close":
        return None
    for end in range(at + 1, len(tokens)):
        if tokens[end].sort == "bar" and tokens[end].text[0] == tokens[at].text[0]:
            return end if _inside(tokens, at + 1, end) else None
    return None


def _inside(tokens: list[Token], start: int, end: int) -> bool:
    """Whether brackets hold mathematics alone: no word of prose, and no lone number or nothing."""
    held = tokens[start:end]
    if not held or any(t.sort in ("prose", "index") and t.text not in ";.:" for t in held):
        return False
    return any(t.sort == "math" for t in held) or not any(t.sort == "prose" for t in held)


def _is_formula(run: list[Token], tokens: list[Token], at: int, end: int) -> bool:
    """Whether a stretch can be nothing but mathematics; dots alone are punctuation."""
    if not "".join(t.text for t in run).strip("… "):
        return False
    if run[0].sort == "open" and not any(t.sort in ("comma", "operator", "root") for t in run):
        return False
    if end < len(tokens) and tokens[end].text == "-" and end + 1 < len(tokens):
        return False  # a word like t-test
    if at > 0 and tokens[at - 1].text == "-":
        return False
    strong = any(t.sort in ("math", "root", "function") for t in run)
    joined = any(t.sort == "operator" for t in run)
    return strong or joined
