"""Mistakes put into the libraries, one at a time, and whether `refimpl check` sees them.

    python tests/peers/peer_mutants.py torchcfm        every mutant, and what became of it
    python tests/peers/peer_mutants.py torchdiffeq 10  every tenth

A mutant changes one operator, constant, function or argument order in one function of the installed
library; tables of coefficients are changed entry by entry. Each lives in a process of its own,
where the function's code is replaced; nothing on the disk is touched, and no line of a library is
kept here.
A mutant is caught when a check differs, named when the report says what the numbers are instead.
"""

import ast
import copy
import inspect
import linecache
import os
import pickle
import select
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

from refimpl.conformance.adapter.naming import CannotRun
from refimpl.peers import known
from refimpl.peers.judging import Facts, judged

TARGETS: dict[str, dict[str, tuple[str, ...]]] = {
    "diffusers": {
        "diffusers.schedulers.scheduling_flow_match_euler_discrete": tuple(
            f"FlowMatchEulerDiscreteScheduler.{name}"
            for name in (
                "__init__",
                "scale_noise",
                "_sigma_to_t",
                "stretch_shift_to_terminal",
                "set_timesteps",
                "index_for_timestep",
                "step",
                "_convert_to_karras",
                "_convert_to_exponential",
                "_convert_to_beta",
                "_time_shift_exponential",
                "_time_shift_linear",
            )
        ),
        "diffusers.schedulers.scheduling_flow_match_heun_discrete": tuple(
            f"FlowMatchHeunDiscreteScheduler.{name}"
            for name in ("__init__", "scale_noise", "_sigma_to_t", "set_timesteps", "step")
        ),
    },
    "flow_matching": {
        "flow_matching.path.scheduler.scheduler": (
            "ConvexScheduler.snr_inverse",
            "CondOTScheduler.__call__",
            "PolynomialConvexScheduler.__call__",
            "PolynomialConvexScheduler.kappa_inverse",
            "VPScheduler.__call__",
            "VPScheduler.snr_inverse",
            "LinearVPScheduler.__call__",
            "LinearVPScheduler.snr_inverse",
            "CosineScheduler.__call__",
            "CosineScheduler.snr_inverse",
        ),
        "flow_matching.path.scheduler.schedule_transform": ("ScheduleTransformedModel.forward",),
        "flow_matching.path.affine": tuple(
            f"AffineProbPath.{name}"
            for name in (
                "sample",
                "target_to_velocity",
                "epsilon_to_velocity",
                "velocity_to_target",
                "epsilon_to_target",
                "velocity_to_epsilon",
                "target_to_epsilon",
            )
        ),
        "flow_matching.solver.ode_solver": ("ODESolver.sample", "ODESolver.compute_likelihood"),
    },
    "torchcfm": {
        "torchcfm.conditional_flow_matching": (
            "pad_t_like_x",
            "ConditionalFlowMatcher.compute_mu_t",
            "ConditionalFlowMatcher.sample_xt",
            "ConditionalFlowMatcher.compute_conditional_flow",
            "ConditionalFlowMatcher.compute_lambda",
            "ConditionalFlowMatcher.sample_location_and_conditional_flow",
            "TargetConditionalFlowMatcher.compute_mu_t",
            "TargetConditionalFlowMatcher.compute_sigma_t",
            "TargetConditionalFlowMatcher.compute_conditional_flow",
            "SchrodingerBridgeConditionalFlowMatcher.__init__",
            "SchrodingerBridgeConditionalFlowMatcher.compute_sigma_t",
            "SchrodingerBridgeConditionalFlowMatcher.compute_conditional_flow",
            "VariancePreservingConditionalFlowMatcher.compute_mu_t",
            "VariancePreservingConditionalFlowMatcher.compute_conditional_flow",
        ),
        "torchcfm.optimal_transport": (
            "OTPlanSampler.get_map",
            "OTPlanSampler.sample_map",
            "OTPlanSampler.sample_plan",
            "OTPlanSampler.sample_trajectory",
            "wasserstein",
        ),
    },
    "torchdiffeq": {
        "torchdiffeq._impl.fixed_grid": (
            "Euler._step_func",
            "Midpoint._step_func",
            "RK4._step_func",
            "Heun3._step_func",
            "Heun2._step_func",
        ),
        "torchdiffeq._impl.rk_common": (
            "_runge_kutta_step",
            "rk4_alt_step_func",
            "rk3_step_func",
            "rk2_step_func",
            "RKAdaptiveStepsizeODESolver._before_integrate",
            "RKAdaptiveStepsizeODESolver._advance",
            "RKAdaptiveStepsizeODESolver._adaptive_step",
            "RKAdaptiveStepsizeODESolver._interp_fit",
        ),
        "torchdiffeq._impl.interp": ("_interp_fit", "_interp_evaluate"),
        "torchdiffeq._impl.misc": (
            "_rms_norm",
            "_select_initial_step",
            "_compute_error_ratio",
            "_optimal_step_size",
            "_ReverseFunc.forward",
        ),
        "torchdiffeq._impl.solvers": (
            "FixedGridODESolver._grid_constructor_from_step_size",
            "FixedGridODESolver.integrate",
            "FixedGridODESolver._cubic_hermite_interp",
            "FixedGridODESolver._linear_interp",
        ),
        "torchdiffeq._impl.fixed_adams": (
            "_dot_product",
            "AdamsBashforthMoulton._update_history",
            "AdamsBashforthMoulton._step_func",
        ),
    },
}
"""Functions whose lines are changed, by module."""

TABLES = {
    "torchdiffeq._impl.adaptive_heun": "AdaptiveHeunSolver",
    "torchdiffeq._impl.fehlberg2": "Fehlberg2",
    "torchdiffeq._impl.bosh3": "Bosh3Solver",
    "torchdiffeq._impl.dopri5": "Dopri5Solver",
    "torchdiffeq._impl.dopri8": "Dopri8Solver",
}
"""Solvers whose tables are changed."""

EQUIVALENT = {
    "1e-08": "a guard against division by zero, far below what is compared",
    "'2 * t * (1 - t) + 1e-08'": "the same guard",
    "'self.sigma ** 2 + 1e-08'": "the same guard",
    "1e-06 in": "a tolerance between equal floats", "'per_token_sigmas[None] - 1e-06'": "the same",
    "get_map:29": "a message", "get_map:30": "a message", "get_map:34": "for a solver that failed",
    "get_map:18 2 to 1": "a reshape that changes nothing",
    "get_map:20 2 to 1": "a reshape that changes nothing",
    "wasserstein:42": "a reshape that changes nothing",
    "sample_trajectory:23 1 to 0": "a square plan", "sample_trajectory:24 1 to 0": "a square plan",
    "__init__:16": "the bound of a warning",
    "FlowMatchEulerDiscreteScheduler.__init__:29": "a refusal of contradictory settings",
    "get_map:31": "for a solver that failed",
    "scale_noise:45 sign dropped": "unsqueeze(1) of a vector is unsqueeze(-1)",
    "stretch_shift_to_terminal:17 operands swapped": "the sign falls out of a ratio",
    "FlowMatchHeunDiscreteScheduler.step:72": "its noise is dropped in the second half of a step",
    "FlowMatchHeunDiscreteScheduler.step:75 arguments swapped": "min is symmetric",
    "arguments swapped in 'torch.max(": "max is symmetric",
    "arguments swapped in 'torch.min(": "min is symmetric",
    "randn_like(x_1).to(x_1.device) < 0": "both signs are as likely",
    "VPScheduler.__call__:4 operands swapped": "it is squared",
    "arguments swapped in '_dot_product(": "a dot product is symmetric",
    "1e-15 to": "a bound on slopes that vanish",
    "Heun3._step_func:5 0.0": "an entry that the method does not read",
    "Heun3._step_func:6 0.0": "an entry that the method does not read",
    "Heun3._step_func:7 0.0": "an entry that the method does not read",
    "Heun3._step_func:8 0.0": "an entry that the method does not read",
    "Heun2._step_func:5 0.0": "an entry that the method does not read",
    "Heun2._step_func:6 0.0": "an entry that the method does not read",
    "Heun2._step_func:7 0.0": "an entry that the method does not read",
    "_runge_kutta_step:30": "t1 is t0 + dt there", "_runge_kutta_step:41": "a saving of time",
    "_before_integrate:9 5": "the length of a list that is replaced",
    "_advance:7": "a count against a bound", "n_steps": "a count against a bound",
}  # fmt: skip
"""Mutants that change no number, with the reason."""

SECONDS = 150.0


@dataclass(frozen=True)
class Mutant:
    """One mistake.

    Attributes:
        name: where it is, and what was changed into what.
        apply: makes it, in this process.
    """

    name: str
    apply: Callable[[], None]


@dataclass(frozen=True)
class Outcome:
    """What the check said.

    Attributes:
        verdict: "caught", "refused" (it raised), "hangs" or "survives".
        check: the first check that differed.
        named: what the report says the numbers are, or "".
    """

    verdict: str
    check: str = ""
    named: str = ""


# ---------------------------------------------------------------- making mutants

_SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
_OTHER = {"sin": "cos", "cos": "sin", "min": "max", "max": "min", "exp": "log", "log": "exp",
          "sqrt": "square", "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like",
          "ones_like": "zeros_like", "ceil": "floor", "mean": "sum"}  # fmt: skip
_COMPARED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}


def _variants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """A node with one thing changed."""
    if isinstance(node, ast.BinOp) and type(node.op) in _SWAPS:
        yield "operator", ast.BinOp(node.left, _SWAPS[type(node.op)](), node.right)
        if isinstance(node.op, ast.Add | ast.Sub):
            yield "right term dropped", node.left
        if isinstance(node.op, ast.Sub | ast.Div | ast.Pow):
            yield "operands swapped", ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign dropped", node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
        if isinstance(value, int) or value == 0:
            yield f"{value} to {value + 1}", ast.Constant(value + 1)
        if isinstance(value, int) and value > 0:
            yield f"{value} to {value - 1}", ast.Constant(value - 1)
        if isinstance(value, float) and value:
            yield f"{value} to {1.01 * value:.6g}", ast.Constant(1.01 * value)
            yield f"{value} to {2 * value:.6g}", ast.Constant(2 * value)
    elif isinstance(node, ast.Call):
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if name in _OTHER and isinstance(node.func, ast.Attribute | ast.Name):
            other = copy.deepcopy(node)
            attribute = "attr" if isinstance(other.func, ast.Attribute) else "id"
            setattr(other.func, attribute, _OTHER[name])
            yield f"{name} to {_OTHER[name]}", other
        if len(node.args) == 2 and not any(isinstance(a, ast.Starred) for a in node.args):
            yield "arguments swapped", ast.Call(node.func, node.args[::-1], node.keywords)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        yield (
            "comparison",
            ast.Compare(node.left, [_COMPARED[type(node.ops[0])]()], node.comparators),
        )


def _function(module: str, name: str) -> tuple[Any, ast.FunctionDef]:
    found: Any = import_module(module)
    for part in name.split("."):
        found = inspect.getattr_static(found, part, None) or getattr(found, part)
    found = inspect.unwrap(getattr(found, "__func__", found))
    tree = ast.parse(textwrap.dedent(inspect.getsource(found))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list, tree.returns = [], None
    return found, tree


def _skipped(tree: ast.FunctionDef) -> set[int]:
    """Messages, assertions, defaults and imports are no mathematics."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.arguments):
            skipped |= {id(n) for n in ast.walk(node)}
    return skipped


def _of_function(module: str, name: str) -> Iterator[Mutant]:
    function, tree = _function(module, name)
    skipped = _skipped(tree)
    nodes = [n for n in ast.walk(tree) if id(n) not in skipped]
    for at, node in enumerate(nodes):
        for what, other in _variants(node):
            where = f"{name}:{getattr(node, 'lineno', 0)}"
            told = f"{where} {what} in {ast.unparse(node)[:60]!r}"
            yield Mutant(told, _patch(function, tree, skipped, at, other))


def _patch(function: Any, tree: ast.FunctionDef, skipped: set[int], at: int, other: ast.AST) -> Any:
    def apply() -> None:
        target = [n for n in ast.walk(tree) if id(n) not in skipped][at]

        class Replace(ast.NodeTransformer):
            def generic_visit(self, node: ast.AST) -> ast.AST:
                return other if node is target else super().generic_visit(node)

        made = ast.fix_missing_locations(Replace().visit(tree))
        body = ast.Module(body=[made], type_ignores=[])
        if function.__code__.co_freevars:  # a method that says super(): close over its class
            names = ", ".join(function.__code__.co_freevars)
            outer = ast.parse(
                f"def outer():\n    {names.replace(', ', ' = ')} = None\n    return inner"
            )
            outer.body[0].body.insert(1, made)  # type: ignore[attr-defined]
            outer.body[0].body[-1] = ast.parse(f"def g():\n return {made.name}").body[0].body[0]  # type: ignore[attr-defined]
            body = outer
        space: dict[str, Any] = dict(function.__globals__)
        text = ast.unparse(ast.fix_missing_locations(body))
        linecache.cache["<mutant>"] = (len(text), None, text.splitlines(keepends=True), "<mutant>")
        exec(compile(text, "<mutant>", "exec"), space)
        new = space["outer"]() if function.__code__.co_freevars else space[made.name]
        function.__code__ = new.__code__

    return apply


def _of_table(module: str, solver: str) -> Iterator[Mutant]:
    kind = getattr(import_module(module), solver)
    table = kind.tableau
    parts = {"alpha": table.alpha, "c_sol": table.c_sol, "c_error": table.c_error, "mid": kind.mid}
    parts |= {f"beta[{i}]": row for i, row in enumerate(table.beta)}
    for part, row in parts.items():
        for j, value in enumerate(row.tolist()):
            if value == 0:
                continue
            for what, factor in (("times 1.01", 1.01), ("with its sign changed", -1.0)):

                def apply(row: Any = row, j: int = j, factor: float = factor) -> None:
                    row[j] *= factor

                yield Mutant(f"{solver}.{part}[{j}] {what}", apply)


def mutants(library: str) -> list[Mutant]:
    """All mutants of a library."""
    found = [m for module, names in TARGETS[library].items() for name in names
             for m in _of_function(module, name)]  # fmt: skip
    if library == "torchdiffeq":
        for module, solver in TABLES.items():
            found += _of_table(module, solver)
    return found


# ---------------------------------------------------------------- judging them


def examine(library: str, mutant: Mutant) -> Outcome:
    """The outcome, from a process of its own."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            found = _judged(library, mutant)
        except BaseException as error:  # a mutant may do anything
            found = Outcome("refused", type(error).__name__)
        with os.fdopen(into, "wb") as pipe:
            pickle.dump(found, pipe)
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], SECONDS)
        if not ready:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Outcome("hangs")
        data = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else Outcome("refused", "died")


def _judged(library: str, mutant: Mutant) -> Outcome:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    mutant.apply()
    try:
        targets = known(library)
    except CannotRun as error:
        return Outcome("refused", str(error))
    first = None
    for target in sorted(targets, key=lambda t: not isinstance(t, Facts)):
        rows = target.results() if isinstance(target, Facts) else judged(target).failures
        for r in rows:
            if r.verdict == "differs":
                told = str(r.explanations[0].name) if r.explanations else ""
                found = Outcome("refused" if "raised" in r.told else "caught", r.check, told)
                first = first or found
                if told or first.verdict == "refused":
                    return Outcome(first.verdict, first.check, told)
    return first or Outcome("survives")


def equivalent(mutant: Mutant) -> str:
    """Why no check can see a mutant, or ""."""
    return next((why for part, why in EQUIVALENT.items() if part in mutant.name), "")


def main(library: str, every: int = 1) -> None:
    """Print each mutant with what became of it, then the counts."""
    torch.set_num_threads(1)
    for target in known(library):  # imported once, before the forks
        if failures := judged(target).failures:
            raise SystemExit(
                f"{library} differs as it is: {failures[0].check}, {failures[0].cause}"
            )
    found: dict[str, list[Mutant]] = {}
    named, began = 0, time.perf_counter()
    rows = mutants(library)[::every]
    for m in rows:
        outcome = examine(library, m)
        if outcome.verdict == "survives" and equivalent(m):
            outcome = Outcome("equivalent", named=equivalent(m))
        found.setdefault(outcome.verdict, []).append(m)
        named += outcome.verdict == "caught" and bool(outcome.named)
        print(f"{outcome.verdict}: {m.name} | {outcome.check} | {outcome.named}", flush=True)
    counts = ", ".join(f"{len(v)} {k}" for k, v in sorted(found.items()))
    print(f"{library}: {len(rows)} mutants: {counts}; {named} named; "
          f"{time.perf_counter() - began:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)
