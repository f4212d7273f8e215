"""Wrong neighbours, generated: one small change in the source of the function that runs.

    g**2 / 2   becomes   g**3 / 2,  g**2 / 3,  g**2,  ...        a sum loses a term or changes a
    sign

Each neighbour is compiled in the production module's own namespace, validated as its
declarations say, and put through the derivation of the original. A derivation that does not
refute it proves too little, and fails. Conditions between arguments (`positive(...)`) are not
formulas and stay as they are; tests look after them.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from refimpl.edits import NotSeen, Path, changes, places, replaced
from refimpl.equations import elementary
from refimpl.equations.validation import validated


@dataclass(frozen=True)
class Neighbour:
    """A function one mistake away from production.

    Attributes:
        change: what became what, as source text.
        source: the mutated statement.
        function: compiled, callable in place of production.
    """

    change: str
    source: str
    function: Callable[..., Any]


def neighbours(production: Callable[..., Any]) -> Iterator[Neighbour]:
    """Every single change of the formula in production's source, as a function.

    Raises:
        NotSeen: a statement or an expression that cannot be changed here (a loop, a
            comprehension, a function inside): write the formula without it.
    """
    behind = inspect.unwrap(production)
    is_validated, production = behind is not production, behind
    tree = ast.parse(textwrap.dedent(inspect.getsource(production)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    seen = set()
    for path, node in list(_formula_nodes(definition.body, (("body", 0),))):
        for replacement in changes(node):
            if isinstance(node, ast.BinOp) and not any(
                isinstance(part, ast.Name) for part in ast.walk(replacement)
            ):
                continue  # a bare number: what is left of 1 - alpha**2 without alpha is no formula
            mutant = ast.fix_missing_locations(replaced(tree, path, replacement))
            statement = ast.unparse(_locate_statement(mutant, path))
            if statement in seen:
                continue
            seen.add(statement)
            namespace = {**vars(elementary), **production.__globals__}
            exec(compile(mutant, f"<neighbour of {production.__name__}>", "exec"), namespace)
            mutated = namespace[production.__name__]
            yield Neighbour(
                change=f"{ast.unparse(node)} → {ast.unparse(replacement)}",
                source=statement,
                function=validated(mutated) if is_validated else mutated,
            )


def _formula_nodes(
    body: list[ast.stmt], path: Path, field: str = "body"
) -> Iterator[tuple[Path, ast.AST]]:
    """The expressions of every statement, each with its path from the module."""
    for i, statement in enumerate(body):
        here: Path = (*path, (field, i))
        match statement:
            case ast.Expr() | ast.Pass() | ast.If(body=[ast.Raise()], orelse=[]):
                continue  # a docstring, a check of the arguments
            case ast.Assign(value=value) | ast.Return(value=ast.expr() as value):
                yield from places(value, (*here, ("value", None)))
            case ast.AnnAssign(value=ast.expr() as value):
                yield from places(value, (*here, ("value", None)))
            case ast.AugAssign(value=value):
                yield here, statement
                yield from places(value, (*here, ("value", None)))
            case ast.If(test=test, body=then, orelse=orelse):
                yield from places(test, (*here, ("test", None)))
                yield from _formula_nodes(then, here)
                yield from _formula_nodes(orelse, here, "orelse")
            case _:
                first = ast.unparse(statement).partition("\n")[0]
                raise NotSeen(f"no neighbour changes `{first}`: write the formula without it")


def _locate_statement(tree: ast.AST, path: Path) -> ast.stmt:
    """The innermost statement on the way."""
    node: Any = tree
    found: Any = tree
    for field, index in path:
        node = getattr(node, field) if index is None else getattr(node, field)[index]
        if isinstance(node, ast.stmt):
            found = node
    if isinstance(found, ast.If):
        found = ast.If(found.test, [ast.Pass()], [])
        ast.fix_missing_locations(found)
    return found
