"""The table of deployed solvers: calls and exact laws on correlated data, made with the page."""

from refimpl.simulate import grids, normal, solvers
from refimpl.simulate.normal import Normal
from refimpl.simulate.solvers import Solver
from refimpl.verify.solving import Counted, tilted

STEPS = (10, 20, 40)
START = 0.999
ROWS: dict[str, Solver] = {
    "Euler, DDIM with η = 0": solvers.EULER,
    "midpoint": solvers.MIDPOINT,
    "Heun": solvers.HEUN,
    "RK4": solvers.RK4,
    "DPM-Solver++(2M)": solvers.DPMPP_2M,
    "UniPC, order 2": solvers.UNIPC,
    "DDIM, η = 1": solvers.ddim(1.0),
    "Heun, Euler at the end": solvers.churned(0.0),
    "the same, churn 5": solvers.churned(5.0),
    "the same, 2 restarts from .1 to .5": solvers.restarts(2),
    "adaptive, tolerance 1e−6": solvers.to_tolerance(1e-6),
}


def solvers_block() -> str:
    """For each solver the calls at ten steps, and W₂ and KL at each number of steps."""
    heads = " | ".join(f"$W_2$, T = {T}" for T in STEPS)
    rows = [
        f"| solver | calls, T = {STEPS[0]} | {heads} | KL, T = {STEPS[-1]} |",
        "| --- | ---: |" + " ---: |" * (len(STEPS) + 1),
    ]
    data = tilted()
    for name, solver in ROWS.items():
        ends = [end(solver, data, T) for T in STEPS]
        far = " | ".join(f"{normal.wasserstein(law, data):.4f}" for law, _ in ends)
        last = ends[-1][0]
        rows.append(f"| {name} | {ends[0][1]} | {far} | {normal.kl(last, data):.1e} |")
    return "\n".join(rows)


def end(solver: Solver, data: Normal, T: int) -> tuple[Normal, int]:
    """The exact law at t = 0, and the calls that one sample costs."""
    counted, grid = Counted(normal.field(data)), grids.uniform(T, START)
    asked: list[int] = []

    def sampler(x, noise):  # type: ignore[no-untyped-def]
        asked.append(len(x))
        return solvers.run(solver, counted, x, grid, noise=noise)

    law = normal.law(sampler, normal.standard(data.d), solver.draws(grid))
    return law, counted.rows // asked[0]


def error(name: str, T: int) -> float:
    """W₂ between what a solver of the table samples in T steps and the data."""
    data = tilted()
    return float(normal.wasserstein(end(ROWS[name], data, T)[0], data))


def width(name: str, T: int) -> float:
    """The standard deviation of what a solver of the table samples, over the data's."""
    data = tilted()
    made = end(ROWS[name], data, T)[0]
    return float((made.covariance.trace() / data.covariance.trace()).sqrt())
