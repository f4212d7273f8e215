"""Small edits of a formula, as source: what one slip of the pen makes of it.

    g**2 / 2   becomes   g**3 / 2,  g**2 / 3,  g**2,  ...     a sum loses a term, changes a sign

One generator for two uses: the proofs must refute every neighbour of a formula, and the kit looks
among the neighbours for what a wrong implementation computes.
"""

import ast
import copy
from collections.abc import Iterator
from typing import Any, TypeAlias

Path: TypeAlias = tuple[tuple[str, int | None], ...]
"""Fields, and places in them, from the root of a tree to a node."""


class NotSeen(ValueError):
    """A statement of a formula that no neighbour changes: the control would be blind to it."""


_NOT_FORMULAS = {"axis", "keepdims"}


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


def places(node: ast.expr, path: Path) -> Iterator[tuple[Path, ast.AST]]:
    """The expressions of a formula, each with its path.

    Raises:
        NotSeen: an expression that cannot be changed here (a comprehension, a function inside).
    """
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
            yield from places(value, (*path, (field, None)))
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.keyword):
                    if item.arg not in _NOT_FORMULAS:
                        yield from places(item.value, (*path, (field, i), ("value", None)))
                elif isinstance(item, ast.expr):
                    yield from places(item, (*path, (field, i)))


def replaced(tree: Any, path: Path, replacement: ast.AST) -> Any:
    """The tree with another node at the path; what lies beside the path is shared with the old."""
    if not path:
        return replacement
    (field, index), *rest = path
    made = copy.copy(tree)
    below = getattr(tree, field)
    if index is None:
        setattr(made, field, replaced(below, tuple(rest), replacement))
    else:
        setattr(made, field, [*below[:index], replaced(below[index], tuple(rest), replacement),
                              *below[index + 1 :]])  # fmt: skip
    return made


_SWAPS = {
    "alpha": "sigma",
    "sigma": "alpha",
    "d_alpha": "d_sigma",
    "d_sigma": "d_alpha",
    "sin": "cos",
    "cos": "sin",
    "minimum": "maximum",
    "maximum": "minimum",
    "expm1": "exp",
    "log1p": "log",
    "exp_remainder": "expm1",
    "mean": "std",
    "sum": "prod",
}


_SYMMETRIC = {"minimum", "maximum", "marginal", "where", "add_scaled"}
"""Functions whose arguments may change places, `where`, whose condition is no number, and
`add_scaled`, whose neighbours are those of a + factor · b."""


def changes(node: ast.AST) -> Iterator[Any]:
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
        if node.func.id in ("sqrt", "exp", "log", "expm1", "log1p", "exp_remainder"):
            yield node.args[0]
        if node.func.id == "add_scaled":
            a, factor, b = node.args
            product = ast.BinOp(factor, ast.Mult(), b)
            yield from changes(ast.BinOp(a, ast.Add(), product))
            yield from (ast.BinOp(a, ast.Add(), changed) for changed in changes(product))
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
