"""Which one edit of a library's own source makes a claim hold: a cause that is found, not listed.

    repairs(functions, left)   →   Repair("x / y", "x * y", "file.py:12", …), ...

The edits are those that the proofs refute and the kit looks among, with a few that only library
code has: a method's argument, an index. Only lines that ran are edited. A function's code is
replaced while the claim is asked, and put back; nothing on the disk is touched.
"""

import ast
import gc
import importlib.util
import inspect
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from ..conformance.diagnosis.lines import more_changes
from ..conformance.diagnosis.readings import Explanation
from ..edits import NotSeen, changes, places, replaced

SECONDS = 60.0
"""Of the processor, for one search: some hundred edits, each of which asks the claim again."""

EACH = 5.0
"""Of the processor, for one edit: a claim takes a tenth of a second, and an edit may never end."""


@dataclass(frozen=True)
class Repair:
    """An edit that makes a claim hold.

    Attributes:
        was: the expression as it stands in the library.
        now: what it has to be.
        where: file and line.
        gap: what is left of the claim's gap.
    """

    was: str
    now: str
    where: str
    gap: float

    def explained(self) -> Explanation:
        """As reports print it."""
        return Explanation("edit", f"{self.was}  where  {self.now}", self.gap,
                           f"({self.where}; with that edit the claim holds.)", "")  # fmt: skip


def repairs(
    functions: Iterable[FunctionType],
    left: Callable[[], float],
    kept: Callable[[], bool] = lambda: True,
    seconds: float = SECONDS,
    only: str = "",
) -> tuple[Repair, ...]:
    """The edits that leave the smallest gap, within a factor 2 of each other; ties as ties.

    Args:
        functions: plain functions, or methods of a class.
        left: how far the claim is from holding; infinite where it does not.
        kept: whether what holds without the edit holds with it.
        seconds: of the processor, after which the search is given up and nothing is said.
        only: the one edit to try, "was  where  now", as `Repair.explained` names it; "" for all.
    """
    found, until = list[Repair](), time.process_time() + seconds
    for function in functions:
        own = function.__code__
        try:
            for edit in _edited(function, left):
                if only and only != f"{edit.was}  where  {edit.now}":
                    continue
                left_over = until - time.process_time()
                if left_over <= 0:
                    return ()
                if (code := edit.code()) is None:
                    continue
                function.__code__ = code
                gap = _within(left_over, left)
                if gap < float("inf") and _within(left_over, kept) is True:
                    where = f"{Path(own.co_filename).name}:{own.co_firstlineno + edit.line}"
                    found.append(Repair(edit.was, edit.now, where, gap))
        finally:
            function.__code__ = own
    best = max(min((r.gap for r in found), default=0.0), 1e-6)
    return tuple(r for r in found if r.gap <= 2 * best)


def functions_of(library: str, call: Callable[[], Any]) -> list[FunctionType]:
    """The library's functions that a call runs, those with fewer lines first."""
    spec = importlib.util.find_spec(library)
    folder = str(Path(spec.origin).parent) if spec and spec.origin else "?"
    ran = set[CodeType]()

    def note(frame: Any, event: str, arg: Any) -> None:
        module = str(frame.f_globals.get("__name__", ""))
        if event == "call" and (
            frame.f_code.co_filename.startswith(folder) or module.partition(".")[0] == library
        ):
            ran.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        _quietly(call)
    finally:
        sys.setprofile(before)
    holders = (f for code in ran if not code.co_freevars for f in gc.get_referrers(code))
    found = [f for f in holders if isinstance(f, FunctionType) and f.__code__ in ran]
    return sorted(found, key=lambda f: (len(list(f.__code__.co_lines())), f.__qualname__))


# ---------------------------------------------------------------- the edits


@dataclass(frozen=True)
class _Edit:
    """An expression, what it becomes, its line, and the function's code with it, if it has any."""

    was: str
    now: str
    line: int
    code: Callable[[], CodeType | None]


def _edited(function: FunctionType, left: Callable[[], float]) -> Iterator[_Edit]:
    tree = _tree(function)
    if tree is None:
        return
    ran = _lines(function, left)
    for statement in [n for n in ast.walk(tree) if isinstance(n, ast.stmt)]:
        root = getattr(statement, "value", None)  # conditions choose a formula, and are none
        span = range(statement.lineno - 1, getattr(root, "end_lineno", 0) or 0)
        if not isinstance(root, ast.expr) or not ran & set(span):
            continue
        for node, other, whole in _of_expression(root):
            setattr(statement, "value", ast.fix_missing_locations(whole))  # noqa: B010
            yield _Edit(ast.unparse(node), ast.unparse(other), statement.lineno - 1,
                        lambda: _compiled(tree))  # fmt: skip
        setattr(statement, "value", root)  # noqa: B010


def _of_expression(root: ast.expr) -> Iterator[tuple[ast.AST, ast.AST, ast.expr]]:
    try:
        nodes = list(places(root, ()))
    except NotSeen:
        return
    names = sorted({ast.unparse(n) for _, n in nodes if isinstance(n, (ast.Name, ast.Attribute))})
    for made in (changes, more_changes, _of_libraries, lambda node: _of_names(node, names)):
        for path, node in nodes:
            for other in made(node):
                yield node, other, replaced(root, path, other)


_OTHERS = {"sin": "cos", "cos": "sin", "minimum": "maximum", "maximum": "minimum", "min": "max",
           "max": "min", "mean": "sum", "sum": "mean", "cumsum": "cumprod"}  # fmt: skip


def _of_libraries(node: ast.AST) -> Iterator[ast.expr]:
    """Edits that closed forms have no use for: functions of modules, indices."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from node.args[:1]
        if node.func.attr in _OTHERS:
            named = ast.Attribute(node.func.value, _OTHERS[node.func.attr], ast.Load())
            yield ast.Call(named, node.args, node.keywords)
        for i in range(len(node.args) - 1):
            swapped = [*node.args]
            swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
            yield ast.Call(node.func, swapped, node.keywords)
    if isinstance(node, ast.Subscript):
        for step in (ast.Add(), ast.Sub()):
            moved = ast.BinOp(node.slice, step, ast.Constant(1))
            if not isinstance(node.slice, (ast.Slice, ast.Tuple)):
                yield ast.Subscript(node.value, moved, ast.Load())
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value - 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield ast.BinOp(node.left, ast.Div(), node.right)
        yield ast.BinOp(node.left, ast.Pow(), node.right)
    if isinstance(node, ast.BinOp):
        yield ast.BinOp(node.right, node.op, node.left)


def _of_names(node: ast.AST, names: list[str]) -> Iterator[ast.expr]:
    """Another number of the line in a number's place, or a term of the line that was dropped."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Constant)) and isinstance(
        getattr(node, "ctx", ast.Load()), ast.Load
    ):
        for name in names:
            other = ast.parse(name, mode="eval").body
            if name != ast.unparse(node):
                yield other
                yield ast.BinOp(node, ast.Sub(), other)
                yield ast.BinOp(node, ast.Add(), other)


def _tree(function: FunctionType) -> ast.FunctionDef | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, SyntaxError, TypeError, IndexError):
        return None
    if not isinstance(tree, ast.FunctionDef):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list, node.returns = [], None
        if isinstance(node, ast.arg):
            node.annotation = None
    return tree


def _lines(function: FunctionType, call: Callable[[], Any]) -> set[int]:
    """The lines of the function that a call runs, counted from its first."""
    ran, code = set[int](), function.__code__

    def trace(frame: Any, event: str, arg: Any) -> Any:
        if frame.f_code is not code:
            return None
        if event == "line":
            ran.add(frame.f_lineno - code.co_firstlineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        _quietly(call)
    finally:
        sys.settrace(before)
    return ran


def _compiled(tree: ast.FunctionDef) -> CodeType | None:
    """The code of an edited function."""
    try:
        module = compile(ast.Module(body=[tree], type_ignores=[]), "<edited>", "exec")
    except Exception:  # an edit need not be a program
        return None
    inside = [c for c in module.co_consts if isinstance(c, CodeType) and c.co_name == tree.name]
    return inside[0] if inside and not inside[0].co_freevars else None


class _TooLong(BaseException):
    """An edited function does not come back; no `except Exception` of a library may catch it."""


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """The call quietly, or infinity once it has had so many seconds of the processor.

    An edit can make a loop endless: a solver's step that no longer falls below its tolerance. Only
    the main thread can be interrupted so; elsewhere the call is waited for.
    """
    if threading.current_thread() is not threading.main_thread():
        return _quietly(call)

    def stop(signum: int, frame: Any) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, min(seconds, EACH))
    try:
        return _quietly(call)
    except _TooLong:
        return float("inf")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _quietly(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception:  # an edited function may do anything
        return float("inf")
