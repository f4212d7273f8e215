"""Wrong neighbours, generated: one small change in the source of the function that runs.

    g**2 / 2   becomes   g**3 / 2,  g**2 / 3,  g**2,  ...        a sum loses a term or changes a
    sign

Each neighbour is compiled in the production module's own namespace, validated as its
declarations say, and put through the derivation of the original. A derivation that does not
refute it proves too little, and fails. Conditions between arguments (`positive(...)`) are not
formulas and stay as they are; tests look after them.
"""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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


class NotSeen(ValueError):
    """A statement of a formula that no neighbour changes: the control would be blind to it."""


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
        for replacement in _changes(node):
            if isinstance(node, ast.BinOp) and not any(
                isinstance(part, ast.Name) for part in ast.walk(replacement)
            ):
                continue  # a bare number: what is left of 1 - alpha**2 without alpha is no formula
            mutant = copy.deepcopy(tree)
            holder, field, index = _locate(mutant, path)
            if index is None:
                setattr(holder, field, replacement)
            else:
                getattr(holder, field)[index] = replacement
            ast.fix_missing_locations(mutant)
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


Path = tuple[tuple[str, int | None], ...]

_NOT_FORMULAS = {"axis", "keepdims"}


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
                yield from _walk(value, (*here, ("value", None)))
            case ast.AnnAssign(value=ast.expr() as value):
                yield from _walk(value, (*here, ("value", None)))
            case ast.AugAssign(value=value):
                yield here, statement
                yield from _walk(value, (*here, ("value", None)))
            case ast.If(test=test, body=then, orelse=orelse):
                yield from _walk(test, (*here, ("test", None)))
                yield from _formula_nodes(then, here)
                yield from _formula_nodes(orelse, here, "orelse")
            case _:
                first = ast.unparse(statement).partition("\n")[0]
                raise NotSeen(f"no neighbour changes `{first}`: write the formula without it")


_BLIND = (
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.NamedExpr,
    ast.BoolOp,
    ast.Starred,
)


def _walk(node: ast.expr, path: Path) -> Iterator[tuple[Path, ast.AST]]:
    if isinstance(node, _BLIND):
        raise NotSeen(f"no neighbour changes `{ast.unparse(node)}`: write the formula without it")
    yield path, node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "pi":
        return  # its argument only names a number system
    for field, value in ast.iter_fields(node):
        if isinstance(node, ast.Call) and field == "func" and isinstance(value, ast.Name):
            continue
        if isinstance(value, ast.expr) and not (
            isinstance(node, ast.Subscript) and field == "slice"
        ):
            yield from _walk(value, (*path, (field, None)))
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.keyword):
                    if item.arg not in _NOT_FORMULAS:
                        yield from _walk(item.value, (*path, (field, i), ("value", None)))
                elif isinstance(item, ast.expr):
                    yield from _walk(item, (*path, (field, i)))


def _locate(tree: ast.AST, path: Path) -> tuple[Any, str, int | None]:
    node: Any = tree
    for field, index in path[:-1]:
        node = getattr(node, field) if index is None else getattr(node, field)[index]
    return node, *path[-1]


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


_SWAPS = {
    "alpha": "sigma",
    "sigma": "alpha",
    "d_alpha": "d_sigma",
    "d_sigma": "d_alpha",
    "sin": "cos",
    "cos": "sin",
    "minimum": "maximum",
    "maximum": "minimum",
    "mean": "std",
    "sum": "prod",
}


_SYMMETRIC = {"minimum", "maximum", "marginal", "where"}
"""Functions whose arguments may change places, and `where`, whose condition is no number."""


def _changes(node: ast.AST) -> Iterator[Any]:
    """The neighbours of one node."""
    if isinstance(node, ast.AugAssign):
        flip = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
        if type(node.op) not in flip:
            raise NotSeen(f"no neighbour changes `{ast.unparse(node)}`: write it without")
        yield ast.AugAssign(node.target, flip[type(node.op)](), node.value)
        yield ast.Pass()
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Gt, ast.Lt)):
        turned: ast.cmpop = ast.Lt() if isinstance(node.ops[0], ast.Gt) else ast.Gt()
        yield ast.Compare(node.left, [turned], node.comparators)
    elif isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        if isinstance(node.op, (ast.Add, ast.Sub)):
            flipped: ast.operator = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            yield ast.BinOp(left, flipped, right)
            yield left
            yield right if isinstance(node.op, ast.Add) else ast.UnaryOp(ast.USub(), right)
        elif isinstance(node.op, ast.Mult):
            yield left
            yield right
        elif isinstance(node.op, ast.Div):
            yield left
            yield ast.BinOp(left, ast.Mult(), right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("sqrt", "exp", "log"):
            yield node.args[0]
        if node.func.id not in _SYMMETRIC:
            for i in range(len(node.args) - 1):
                if ast.unparse(node.args[i]) == "c":
                    continue  # a path's coefficients are no number either
                swapped = [*node.args]
                swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
                yield ast.Call(node.func, swapped, node.keywords)
        if node.func.id in _SWAPS:
            yield ast.Call(ast.Name(_SWAPS[node.func.id], ast.Load()), node.args, node.keywords)
    elif isinstance(node, ast.Attribute) and node.attr in _SWAPS:
        yield ast.Attribute(node.value, _SWAPS[node.attr], ast.Load())
    elif isinstance(node, ast.Name) and node.id == "t":
        yield ast.BinOp(ast.Constant(1), ast.Sub(), ast.Name("t", ast.Load()))
