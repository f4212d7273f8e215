"""Tokens as TeX: indices, powers, roots and bars.

tex(joined(pieces("√(x_t²)")))      \\sqrt{x_{t}^{2}}
"""

from __future__ import annotations

import re

from letters import BRACKETS, RELATIONS, Token


def joined(tokens: list[Token]) -> list[Token]:
    """Tokens with indices and powers joined to what they stand at."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.sort in ("upper", "lower"):
            mark, end = "^" if token.sort == "upper" else "_", at
            while end < len(tokens) and tokens[end].sort == token.sort:
                end += 1
            body = "".join(t.tex for t in tokens[at:end])
            shown = "".join(t.text for t in tokens[at:end])
            at = end
        elif token.sort == "mark":
            at += 1
            if not _marks(token, found, tokens[at] if at < len(tokens) else None):
                found.append(Token(token.text, "prose", token.text))
                continue
            mark, body, shown = "^", token.tex, token.text
        elif token.sort == "index" and found and (end := _argument(tokens, at + 1)) > at + 1:
            mark, inner = token.text, tokens[at + 1 : end]
            shown = token.text + "".join(t.text for t in inner)
            if inner[0].text in ("{", "(") and inner[-1].text in ("}", ")"):
                inner = inner[1:-1]
            body = _index(inner)
            at = end
        else:
            found.append(token)
            at += 1
            continue
        if not found or found[-1].sort == "space":
            found.append(Token(shown, "prose", shown))
            continue
        base = found.pop()
        if base.sort == "prose":
            found.append(Token(base.text + shown, "prose", base.text + shown))
            continue
        sort = "close" if base.sort == "close" else "bar" if base.sort == "bar" else "math"
        if base.sort == "function":
            sort = "function"
        found.append(Token(base.text + shown, sort, _with(base.tex, mark, body)))
    return found


def _with(base: str, mark: str, body: str) -> str:
    if base.rstrip() == r"\Sigma" and mark == "_":
        base = r"\sum"
    base = base.rstrip()
    if mark == "^" and base.endswith(r"^{\prime}"):
        return base.removesuffix("}") + f" {body}}}"
    return f"{base}{mark}{{{body}}}"


def _marks(token: Token, found: list[Token], following: Token | None) -> bool:
    """Whether a prime or a star stands at a letter, and is no apostrophe or product."""
    if not found or found[-1].sort not in ("math", "maybe", "letter", "close"):
        return False
    if token.text == "*":
        return following is None or following.sort not in ("math", "maybe", "letter", "mark")
    return token.text == "′" or following is None or not following.text[0].isalpha()


def _index(inner: list[Token]) -> str:
    """What stands in an index: words upright, the rest as elsewhere."""
    text = "".join(t.text for t in inner)
    if len(text) > 1 and text.isascii() and text.isalpha():
        return rf"\mathrm{{{text}}}"
    return tex(joined(inner))


def _argument(tokens: list[Token], at: int) -> int:
    """Where an index or a power that begins here ends: a group, or a sign and one word."""
    if at >= len(tokens):
        return at
    if tokens[at].text in ("{", "("):
        depth = 0
        for end in range(at, len(tokens)):
            depth += (tokens[end].sort == "open") - (tokens[end].sort == "close")
            if depth == 0:
                return end + 1
        return at
    end = at + (tokens[at].text == "−")
    while end < len(tokens) and tokens[end].sort in ("math", "maybe", "letter", "function"):
        end += 1
        if tokens[end - 1].sort == "maybe":
            break
    if end == at and tokens[at].sort == "prose" and tokens[at].text.isalpha():
        return at + 1
    return end


def tex(run: list[Token]) -> str:
    """A stretch as TeX; spaces are kept between factors alone."""
    pieces: list[str] = []
    at = 0
    while at < len(run):
        token = run[at]
        if token.sort == "root" or (token.sort == "function" and token.tex == r"\sqrt"):
            body, at = _rooted(run, at + 1)
            pieces.append(rf"\sqrt{{{body}}}")
            continue
        if token.sort == "space":
            if pieces and at + 1 < len(run) and _factors(run[at - 1], run[at + 1]):
                pieces.append(r"\,")
        elif token.sort == "bar" and (side := _norm(run, at)):
            name = "vert" if token.text[0] == "|" else "Vert"
            pieces.append(token.tex.replace(BRACKETS[token.text[0]].strip(), rf"\{side}{name}"))
        elif token.text == "d" and at + 2 < len(run) and run[at + 1].text == "/":
            pieces.append(r"\mathrm{d}" if run[at + 2].tex.startswith(r"\mathrm{d}") else "d")
        else:
            pieces.append(token.tex)
        at += 1
    return _spaced(pieces)


def _spaced(pieces: list[str]) -> str:
    """Pieces side by side, with spaces about relations and where TeX needs one."""
    out = ""
    for piece in (p.strip() for p in pieces):
        about = piece in RELATIONS and out and out[-1] not in "(["
        needed = re.search(r"\\[A-Za-z]+$", out) and piece[:1].isalpha()
        out += f" {piece} " if about else f" {piece}" if needed and out[-1] != " " else piece
    return re.sub(r" +", " ", out).strip()


def _rooted(run: list[Token], at: int) -> tuple[str, int]:
    """What stands under a root: brackets without them, or one letter with its index."""
    if at < len(run) and run[at].sort == "open":
        close = closing(run, at)
        if close is not None:
            power = run[close].tex.removeprefix(")") if run[close].text != ")" else ""
            return tex(run[at + 1 : close]) + power, close + 1
    if at < len(run) and run[at].sort == "bar":
        close = next(i for i in range(at + 1, len(run)) if run[i].sort == "bar")
        return tex(run[at : close + 1]), close + 1
    return (run[at].tex.strip(), at + 1) if at < len(run) else ("", at)


def _norm(run: list[Token], at: int) -> str:
    """ "l" or "r" for a bar that encloses, nothing for one that separates."""
    groups: list[int] = [0]
    place: list[tuple[int, int]] = []
    for i, token in enumerate(run):
        if token.sort == "open":
            groups.append(i + 1)
        elif token.sort == "close" and len(groups) > 1:
            groups.pop()
        elif token.sort == "bar" and token.text[0] == run[at].text[0]:
            place.append((i, groups[-1]))
    here = next(group for i, group in place if i == at)
    together = [i for i, group in place if group == here]
    if len(together) % 2:
        return ""
    return "l" if together.index(at) % 2 == 0 else "r"


def _factors(left: Token, right: Token) -> bool:
    ends = ("math", "maybe", "letter", "close")
    starts = ("math", "maybe", "letter", "function", "root", "open")
    return left.sort in ends and right.sort in starts


def closing(tokens: list[Token], at: int) -> int | None:
    """Where the bracket that opens here is closed; None where it is not."""
    depth = 0
    for end in range(at, len(tokens)):
        depth += (tokens[end].sort == "open") - (tokens[end].sort == "close")
        if depth == 0:
            return end
    return None
