"""Code out of a checkout, line by line: a function by its name, an assignment by its target.

    take = Checkout(path).file("scripts/train.py")
    take.function("flow_step", torch=torch)        take.value("kl_loss", mean=..., std=...)

Only what is named is compiled and run: the imports of a training script, its process groups and its
models are never touched. The names that the lines need are given by the adapter. Nothing is copied;
the lines that run are those in the folder.
"""

import ast
import contextlib
import copy
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import outside
from ..conformance.adapter.naming import CannotRun


class Checkout:
    """A folder with somebody's code.

    Raises:
        CannotRun: it lacks a file that its adapter needs.
    """

    def __init__(self, folder: Path, *needed: str) -> None:
        self.folder = folder
        absent = [name for name in needed if not (folder / name).is_file()]
        if absent:
            raise CannotRun(f"{folder} is no checkout of it: there is no {absent[0]}")
        self.version = self._commit()

    def file(self, name: str) -> "Source":
        """One of its files."""
        return Source(self.folder / name)

    def _commit(self) -> str:
        """The commit, where the folder is a git checkout."""
        if not (self.folder / ".git").exists():
            return ""
        found = subprocess.run(["git", "-C", str(self.folder), "rev-parse", "HEAD"],
                               capture_output=True, text=True, check=False)  # fmt: skip
        return found.stdout.strip()[:12]


class Source:
    """A file, parsed.

    Raises:
        CannotRun: it is not there, or is not Python.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._tree = ast.parse(outside.text(file, 4 * outside.MIB))
        except (OSError, ValueError, SyntaxError, RecursionError) as error:
            raise CannotRun(f"cannot read {file}: {error}") from error

    def function(self, name: str, /, **names: Any) -> Callable[..., Any]:
        """A function, or a class, compiled alone; its annotations are left out.

        Args:
            name: its name; `Class.method` for a method.
            names: what its body refers to.
        """
        body: list[Any] = list(self._tree.body)
        found: Any = None
        for part in name.split("."):
            found = next((n for n in body if getattr(n, "name", "") == part), None)
            if found is None:
                raise CannotRun(f"{self.file} has no {name}")
            body = found.body
        space = dict(names)
        self._run([_Bare().visit(copy.deepcopy(found))], space)
        return space[name.rpartition(".")[2]]

    def value(
        self,
        start: str,
        end: str = "",
        /,
        *,
        inside: str = "",
        at: int = 0,
        skip: int = 0,
        **names: Any,
    ) -> Any:
        """What the last of some statements assigns.

        Args:
            start: the first statement's target.
            end: the last one's, in the same block; the same one if left out.
            inside: look in the function of that name only.
            at: how many assignments of `end` to pass over.
            skip: how many blocks to pass over.
            names: what the statements refer to.
        """
        root = self._tree if not inside else self._named(inside)
        end = end or start
        for block in _blocks(root):
            targets = [_targets(statement) for statement in block]
            first = next((i for i, t in enumerate(targets) if start in t), None)
            if first is None:
                continue
            last = [i for i, t in enumerate(targets) if end in t and i >= first]
            if len(last) > at:
                if skip:
                    skip -= 1
                    continue
                space = dict(names)
                self._run(block[first : last[at] + 1], space)
                return space[end]
        raise CannotRun(f"{self.file} does not assign {start} and then {end}")

    def _named(self, name: str) -> ast.AST:
        found = [n for n in ast.walk(self._tree) if getattr(n, "name", "") == name]
        if not found:
            raise CannotRun(f"{self.file} has no {name}")
        return found[0]

    def _run(self, statements: list[Any], space: dict[str, Any]) -> None:
        module = ast.fix_missing_locations(ast.Module(body=statements, type_ignores=[]))
        exec(compile(module, str(self.file), "exec"), space)


class _Bare(ast.NodeTransformer):
    """Without annotations and decorators, which may name what is not there."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.returns, node.decorator_list = None, []
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return node


def _blocks(root: ast.AST) -> Iterator[list[Any]]:
    for node in ast.walk(root):
        for name in ("body", "orelse"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _targets(statement: Any) -> set[str]:
    """The names, or the constant keys, that a statement assigns."""
    if not isinstance(statement, ast.Assign):
        return set()
    found = set()
    everything = [t for target in statement.targets for t in getattr(target, "elts", [target])]
    for target in everything:
        if isinstance(target, ast.Name):
            found.add(target.id)
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            found.add(str(target.slice.value))
    return found


@contextlib.contextmanager
def drawing(space: Any, noise: Any) -> Iterator[None]:
    """With the noise that is given wherever `randn_tensor` or `torch.randn_like` would draw some.

    Args:
        space: a module, or the globals of a function, that may hold `randn_tensor`.
        noise: what is drawn.
    """
    import torch

    names = space if isinstance(space, dict) else vars(space)
    missing = object()
    before, drew = names.get("randn_tensor", missing), torch.randn_like
    setattr(torch, "randn_like", lambda like, **_: noise.to(like.dtype))  # noqa: B010
    names["randn_tensor"] = lambda shape, **kwargs: noise.to(kwargs.get("dtype", noise.dtype))
    try:
        yield
    finally:
        torch.randn_like = drew
        if before is missing:
            del names["randn_tensor"]
        else:
            names["randn_tensor"] = before
