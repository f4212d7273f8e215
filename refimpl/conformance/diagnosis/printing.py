"""Formulas as one reads them.

v - g**2 / 2 * score   →   v − g²/2 score
"""

import ast

_POWERS = {"2": "²", "3": "³", "4": "⁴", "1": "¹"}
_NAMES = {"beta": "β", "pi": "π"}
_RELATIONS = {ast.Eq: "=", ast.Lt: "<", ast.Gt: ">"}
_STRENGTH = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2, ast.USub: 2, ast.Pow: 4}


def shown(node: ast.expr) -> str:
    """An expression in the usual notation, without factors of 1 and terms of 0."""
    return _text(_simple(node))[0]


def _simple(node: ast.expr) -> ast.expr:
    """The expression that numbers read off answers leave: 1 − 0 t is 1, and x − (−1) t is x + t."""
    if isinstance(node, ast.UnaryOp):
        inner = _simple(node.operand)
        return node if inner is node.operand else ast.UnaryOp(node.op, inner)
    if isinstance(node, ast.Call):
        inner_args = [_simple(x) for x in node.args]
        same = all(a is b for a, b in zip(inner_args, node.args, strict=True))
        return node if same else ast.Call(node.func, inner_args, [])
    if not isinstance(node, ast.BinOp):
        return node
    a, op, b = _simple(node.left), node.op, _simple(node.right)
    if isinstance(op, ast.Mult) and isinstance(a, ast.Constant):
        if a.value in (0, 1):
            return b if a.value else a
        if a.value == -1:
            return ast.UnaryOp(ast.USub(), b)
    if isinstance(op, (ast.Add, ast.Sub)) and isinstance(b, ast.UnaryOp):
        return ast.BinOp(a, ast.Sub() if isinstance(op, ast.Add) else ast.Add(), b.operand)
    if _is(b, 0 if isinstance(op, (ast.Add, ast.Sub)) else 1) and not isinstance(op, ast.Mult):
        return a
    if isinstance(op, ast.Div) and (squared := _divided_twice(a, b)):
        return squared
    if isinstance(op, (ast.Add, ast.Sub)) and (double := _doubled(a, op, b)):
        return double
    if isinstance(op, (ast.Add, ast.Sub)) and _is(a, 0):
        return b if isinstance(op, ast.Add) else ast.UnaryOp(ast.USub(), b)
    return node if a is node.left and b is node.right else ast.BinOp(a, op, b)


def _doubled(a: ast.expr, op: ast.operator, b: ast.expr) -> ast.expr | None:
    """q + q as 2 q, −q − q as −2 q, and so at the end of a longer sum; None for any other."""
    twice, same = ast.BinOp(ast.Constant(2), ast.Mult(), b), ast.unparse(b)
    match a:
        case ast.BinOp(rest, inner, c) if type(inner) is type(op) and ast.unparse(c) == same:
            return ast.BinOp(rest, op, twice)
        case ast.UnaryOp(ast.USub(), c) if isinstance(op, ast.Sub) and ast.unparse(c) == same:
            return ast.UnaryOp(ast.USub(), twice)
        case _ if isinstance(op, ast.Add) and ast.unparse(a) == same:
            return twice
    return None


def _divided_twice(a: ast.expr, b: ast.expr) -> ast.expr | None:
    """q/b/b as q/b²; None for any other."""
    match a:
        case ast.BinOp(q, ast.Div(), c) if ast.unparse(c) == ast.unparse(b):
            return ast.BinOp(q, ast.Div(), ast.BinOp(b, ast.Pow(), ast.Constant(2)))
    return None


def _is(node: ast.expr, number: int) -> bool:
    return isinstance(node, ast.Constant) and node.value == number


def number(x: float, digits: int = 6) -> str:
    """A number to so many digits, its minus a minus."""
    return f"{x:.{digits}g}".replace("-", "−")


def _text(node: ast.expr) -> tuple[str, int]:
    """The text, and how strongly it binds."""
    if isinstance(node, ast.BinOp):
        return _joined(node)
    if isinstance(node, ast.UnaryOp):
        return f"−{_inside(node.operand, 2)}", 2
    if isinstance(node, ast.Call):
        return _called(node)
    if isinstance(node, ast.Compare):
        between = _RELATIONS[type(node.ops[0])]
        return f"{shown(node.left)} {between} {shown(node.comparators[0])}", 0
    if isinstance(node, ast.Name):
        return _NAMES.get(node.id, node.id), 9
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return number(node.value), 9
    return ast.unparse(node), 0


def _inside(node: ast.expr, strength: int) -> str:
    text, own = _text(node)
    return f"({text})" if own < strength else text


def _joined(node: ast.BinOp) -> tuple[str, int]:
    own, a, b = _STRENGTH[type(node.op)], node.left, node.right
    if isinstance(node.op, ast.Add):
        return f"{_inside(a, own)} + {_inside(b, own)}".replace("+ −", "− "), own
    if isinstance(node.op, ast.Sub):
        return f"{_inside(a, own)} − {_inside(b, own + 1)}", own
    if isinstance(node.op, ast.Div):
        return f"{_inside(a, own)}/{_inside(b, 3)}", own
    if isinstance(node.op, ast.Pow):
        power = shown(b)
        raised = _POWERS.get(power, f"^{_inside(b, 9)}")
        return f"{_inside(a, 5)}{raised}", 4
    right = _inside(b, own)
    right = f"({right})" if right.startswith("−") else right
    between = "·" if right[0].isdigit() else " "
    return f"{_inside(a, own)}{between}{right}", own


def _called(node: ast.Call) -> tuple[str, int]:
    name, inner = shown(node.func), [shown(x) for x in node.args]
    if name == "sqrt":
        plain = isinstance(node.args[0], (ast.Name, ast.Constant))
        return f"√{inner[0]}" if plain else f"√({inner[0]})", 5
    if name == "where":
        return f"({inner[1]} if {inner[0]} else {inner[2]})", 9
    return f"{name.replace('_', ' ')}({', '.join(inner)})", 9
