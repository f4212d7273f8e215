"""The trainer has no formula of its own: the floor below has them all, and proves them."""

import ast
from pathlib import Path

import pytest

import refimpl.sd3

FOLDER = Path(refimpl.sd3.__file__).parent
FORMULAS = {
    "exp", "expm1", "log", "log1p", "log2", "log10", "logsumexp", "softmax", "log_softmax",
    "sigmoid", "logsigmoid", "sqrt", "rsqrt", "clamp", "clamp_min", "clamp_max", "clip",
    "minimum", "maximum",
}  # fmt: skip
ELSEWHERE = {"rewards", "shapes"}
"""Rewards are about images, and the miniature's data are drawings: neither is the mathematics."""


def calls(source: str) -> list[str]:
    """Calls, and roots written as powers, that are formulas."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name.rstrip("_") in FORMULAS:
                found.append(f"line {node.lineno}: {name}")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = node.right
            if not (isinstance(exponent, ast.Constant) and isinstance(exponent.value, int)):
                found.append(f"line {node.lineno}: **")
    return found


def trainer_files() -> list[Path]:
    files = FOLDER.rglob("*.py")
    return sorted(f for f in files if f.relative_to(FOLDER).parts[0] not in ELSEWHERE)


@pytest.mark.parametrize("file", trainer_files(), ids=lambda file: file.stem)
def test_the_trainer_computes_no_exp_log_sqrt_or_clamp(file: Path) -> None:
    assert calls(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    ["torch.exp(x)", "x.clamp_(0, 1)", "math.log(2)", "sqrt(h)", "h ** 0.5", "t ** a"],
)
def test_the_scan_sees_a_formula(line: str) -> None:
    assert len(calls(line)) == 1
