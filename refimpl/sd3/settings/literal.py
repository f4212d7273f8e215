"""The values of a Python configuration, read without running it.

    values(file, "general_ocr_sd3")      {"sample": {"num_steps": 10, ...}, ...}

flow_grpo's configurations are functions that fill `ml_collections.ConfigDict`s. What such a
function assigns is followed by hand: literals, arithmetic, comparisons, other assignments, the
file's constants, other functions of the file, and `base.get_config()` from base.py beside it.
Anything else is named, and nothing is executed.
"""

import ast
import math
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...outside import MIB, bounded


def _product(a: Any, b: Any) -> Any:
    """Of numbers: text or a list times a number may fill the memory."""
    if not (isinstance(a, int | float) and isinstance(b, int | float)):
        raise TypeError
    return a * b


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _product,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_MATHS: dict[str, Callable[..., Any]] = {
    f"math.{name}": getattr(math, name) for name in ("ceil", "floor", "gcd", "lcm", "sqrt")
}
_BUILTINS: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str, "bool": bool}


def functions(file: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a Python file, by name.

    Raises:
        ValueError: a file that cannot be read or is no Python.
    """
    return {node.name: node for node in _parsed(file) if isinstance(node, ast.FunctionDef)}


def _parsed(file: Path) -> list[ast.stmt]:
    try:
        return ast.parse(bounded(file, 4 * MIB).read_text(encoding="utf-8")).body
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{file} is no Python: {error}") from None


def _constants(file: Path) -> dict[str, ast.expr]:
    """What the file itself assigns to names, unread: not all of it need be values."""
    return {
        target.id: node.value
        for node in _parsed(file)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def values(file: Path, function: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the function's configuration holds, and its other variables, such as `gpu_number`.

    Raises:
        ValueError: no such function, or an assignment that cannot be followed, by its line.
    """
    known = functions(file)
    if function not in known:
        raise ValueError(f"{file} has no function {function!r}; there are {', '.join(known)}")
    return _Follower(file, known).follow(known[function])


class _Follower:
    """One function's assignments, one after another."""

    def __init__(self, file: Path, known: dict[str, ast.FunctionDef], depth: int = 0) -> None:
        if depth > 20:
            raise ValueError(f"{file}: functions that call one another without end")
        self.file, self.known, self.depth = file, known, depth
        self.names: dict[str, Any] = {}
        self.constants = _constants(file)

    def follow(self, function: ast.FunctionDef) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its configuration and its variables."""
        for node in function.body:
            if isinstance(node, ast.Assign):
                found = self.value(node.value)
                for target in node.targets:
                    self.put(target, found)
            elif isinstance(node, ast.Return) and node.value is not None:
                result = self.value(node.value)
                if not isinstance(result, dict):
                    raise self.refused(node)
                return result, {k: v for k, v in self.names.items() if not isinstance(v, dict)}
            elif not isinstance(node, (ast.Assert, ast.Expr, ast.Pass)):
                raise self.refused(node)
        raise ValueError(f"{self.file}: {function.name} returns no configuration")

    def put(self, target: ast.expr, value: Any) -> None:
        """An assignment to a name, an attribute or a key."""
        if isinstance(target, ast.Name):
            self.names[target.id] = value
            return
        if isinstance(target, ast.Attribute):
            section, key = self.value(target.value), target.attr
        elif isinstance(target, ast.Subscript):
            section, key = self.value(target.value), self.value(target.slice)
        else:
            raise self.refused(target)
        if not isinstance(section, dict):
            raise self.refused(target)
        section[key] = value

    def value(self, node: ast.expr) -> Any:
        """What an expression comes to."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name) and node.id in self.names:
            return self.names[node.id]
        if isinstance(node, ast.Name) and node.id in self.constants:
            self.names[node.id] = self.value(self.constants.pop(node.id))  # none speaks of itself
            return self.names[node.id]
        if isinstance(node, ast.Attribute):
            section = self.value(node.value)
            if isinstance(section, dict) and node.attr in section:
                return section[node.attr]
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.value(entry) for entry in node.elts]
        if isinstance(node, ast.Dict) and None not in node.keys:
            pairs = zip(node.keys, node.values, strict=True)
            return {self.value(key): self.value(entry) for key, entry in pairs if key}
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self.applied(node, operator.neg, node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return self.applied(node, _OPERATORS[type(node.op)], node.left, node.right)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            compare = _COMPARISONS.get(type(node.ops[0]))
            if compare is not None:
                return self.applied(node, compare, node.left, *node.comparators)
        if isinstance(node, ast.JoinedStr):
            return "".join(str(self.value(part)) for part in node.values)
        if isinstance(node, ast.FormattedValue):
            return self.value(node.value)
        if isinstance(node, ast.Call):
            return self.called(node)
        raise self.refused(node)

    def applied(self, node: ast.expr, to: Callable[..., Any], *of: ast.expr) -> Any:
        """An operation on values; what has none is refused."""
        values = [self.value(part) for part in of]
        try:
            return to(*values)
        except (TypeError, ValueError, ArithmeticError):
            raise self.refused(node) from None

    def called(self, node: ast.Call) -> Any:
        """The few calls that configurations make."""
        name = ast.unparse(node.func)
        if name.endswith("ConfigDict"):
            return self.value(node.args[0]) if node.args else {}
        if name in _BUILTINS and len(node.args) == 1:
            return self.applied(node, _BUILTINS[name], *node.args)
        if name in _MATHS:
            return self.applied(node, _MATHS[name], *node.args)
        if name == "os.getcwd":
            return ""
        if name == "os.path.join":
            parts = [str(self.value(part)) for part in node.args]
            return "/".join(part for part in parts if part)
        if name in self.known:
            return _Follower(self.file, self.known, self.depth + 1).follow(self.known[name])[0]
        if name == "base.get_config":
            beside = self.file.with_name("base.py")
            return values(beside, "get_config")[0] if beside.is_file() else _empty()
        raise self.refused(node)

    def refused(self, node: ast.AST) -> ValueError:
        """What cannot be followed, by its line."""
        line = getattr(node, "lineno", "?")
        return ValueError(
            f"{self.file}, line {line}: {ast.unparse(node)[:60]!r} is not a value that can be read "
            "without running it; write the number itself"
        )


def _empty() -> dict[str, Any]:
    """Where base.py is away: its sections, without values."""
    return {name: {} for name in ("sample", "train", "pretrained", "reward_fn", "prompt_fn_kwargs")}
