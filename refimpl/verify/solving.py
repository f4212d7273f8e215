"""A toy carried from noise to data by a named solver: its calls, and how far its law is off.

    calls        evaluations of the velocity for one sample
    the ends     root mean square distance to where the flow itself leads: at least W₂ of the laws
    the law      on Gaussian toys, exact: mean and covariance of the chain, its KL and W₂

A `probability flow` is solved from the SDE's own terms, f − ½ g² ∇log p_t, on the SDE's own path.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..equations import langevin, paths, sde
from ..equations.ode import Field
from ..simulate import grids, normal, solvers
from ..simulate import sde as chains
from ..simulate.config import nearest
from ..simulate.grids import Grid
from ..simulate.normal import Normal
from ..simulate.ode import adaptive
from ..simulate.sde import Path
from ..simulate.solvers import Solver
from ..toy.examples import examples
from ..toy.mixture import Mixture
from ..toy.product import Product
from .pictures import Picture
from .sampling import MOST, _picture, _row

FINE = 1e-8
"""Tolerance of the flow that ends are compared with."""

Law = Mixture | Product | Normal

OPTIONS: dict[str, tuple[str, ...]] = {
    "euler": (), "midpoint": (), "heun": (), "rk4": (), "dpmpp_2m": (), "unipc": (),
    "ddim": ("eta",), "heun_churn": ("churn",), "restart": ("restarts",),
    "adaptive": ("tolerance",), "probability_flow": ("sde", "a", "tolerance"),
}  # fmt: skip
"""The solvers by name, and the settings that each of them has beside the grid's."""
GRIDLESS = ("adaptive", "probability_flow")
SDES = ("vp", "ve", "linear", "flow_grpo")


def tilted() -> Normal:
    """N((1, −0.5), C) with variances 0.75 and 0.3125 and a correlation of .775."""
    rows = [[0.75, 0.375], [0.375, 0.3125]]
    return Normal(
        torch.tensor([1.0, -0.5], dtype=torch.float64), torch.tensor(rows, dtype=torch.float64)
    )


def toys() -> dict[str, Law]:
    """Every toy by name: those of `refimpl.toy`, and a Gaussian with correlated coordinates."""
    return {**examples(), "correlated_2d": tilted()}


@dataclass(frozen=True)
class Solving:
    """What to solve, and how.

    Attributes:
        settings: those of the solver alone, by name: eta, churn, restarts, tolerance, sde, a.

    Raises:
        ValueError: an unknown toy, solver or SDE, a setting that the solver does not have, no steps
            or no samples, or more than are kept.
    """

    toy: str
    solver: str
    steps: int | None = None
    shift: float = 1.0
    start: float = 1.0
    n: int = 4096
    seed: int = 0
    settings: dict[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.toy not in toys():
            raise ValueError(f"no toy is called {self.toy!r}{nearest(self.toy, toys())}")
        if self.solver not in OPTIONS:
            raise ValueError(f"no solver is called {self.solver!r}{nearest(self.solver, OPTIONS)}")
        for name in self.settings:
            if name not in OPTIONS[self.solver]:
                having = [s for s, its in OPTIONS.items() if name in its]
                raise ValueError(
                    f"--{name} belongs to --solver {' or '.join(having)}, not to {self.solver}"
                )
        if self.solver in GRIDLESS and (self.steps is not None or self.shift != 1):
            raise ValueError(f"{self.solver} chooses its own steps: leave --steps and --shift out")
        if self.solver == "probability_flow" and self.start != 1:
            raise ValueError("probability_flow begins where its SDE does: leave --start out")
        if self.n < 2 or (self.steps is not None and self.steps < 1):
            raise ValueError(
                f"at least 1 step and 2 samples, got steps={self.steps!r}, n={self.n!r}"
            )
        if self.T * self.n > MOST:
            raise ValueError(f"steps × n is at most {MOST:,}, got steps={self.T}, n={self.n}")
        if not 0 < self.start <= 1:
            raise ValueError(f"start is a noise level in (0, 1], got {self.start!r}")

    @property
    def T(self) -> int:
        """The number of steps, 10 where none was asked for."""
        return 10 if self.steps is None else self.steps

    @property
    def grid(self) -> Grid:
        """The uniform grid from `start` down to data, shifted."""
        even = grids.uniform(self.T, self.start)
        return Grid(tuple(grids.shift(t, self.shift) for t in even.levels))


@dataclass(frozen=True, eq=False)
class Problem:
    """A field, where it starts and ends, and the exact laws there.

    Attributes:
        begins: the law of x at the grid's first level.
        ends: the exact law at its last.
    """

    field: Field
    grid: Grid
    begins: Law
    ends: Law
    told: str


def solve_toy(asked: Solving) -> "Solved":
    """Run the solver on samples, and on what gives its exact law."""
    law = toys()[asked.toy]
    problem = _of_sde(law, asked) if asked.solver == "probability_flow" else _of_flow(law, asked)
    solver = _solver(asked)
    generator = torch.Generator().manual_seed(asked.seed)
    x = problem.begins.sample(asked.n, generator)
    counted = Counted(problem.field)
    made = solvers.run(solver, counted, x, problem.grid, generator=generator)
    lines = [
        f"toy         {asked.toy}, {law.d}-D, {asked.n} samples",
        f"solver      {asked.solver.replace('_', ' ')}, {problem.told}",
        f"calls       {counted.rows / asked.n:g} of the network for each sample",
        f"mean        {_row(made.mean(0))}   exact {_row(problem.ends.mean)}",
        f"variance    {_row(made.var(0))}   exact {_row(problem.ends.covariance.diagonal())}",
    ]
    draws = solver.draws(problem.grid)
    if draws == 0:
        lines.append(_ends(problem, x, made))
    gaussian = _normal(problem.ends)
    begins = _normal(problem.begins)
    if gaussian is not None and begins is not None:
        lines += _exact(solver, problem, begins, gaussian, draws)
    exact = problem.ends.sample(asked.n, generator)
    return Solved(made, tuple(lines), _picture(law, made, exact))


@dataclass(frozen=True, eq=False)
class Solved:
    """Samples, what is said of them, and a picture that is drawn when it is asked for."""

    ends: Tensor
    lines: tuple[str, ...]
    picture: Picture


class Counted:
    """A velocity field that counts the samples it was asked about."""

    def __init__(self, of: Field) -> None:
        self.of, self.rows = of, 0

    def __call__(self, x: Tensor, t: float) -> Tensor:
        """The field's answer."""
        self.rows += x.shape[0]
        return torch.as_tensor(self.of(x, t))


def _solver(asked: Solving) -> Solver:
    s = asked.settings
    made: dict[str, Callable[[], Solver]] = {
        "dpmpp_2m": lambda: solvers.DPMPP_2M,
        "unipc": lambda: solvers.UNIPC,
        "ddim": lambda: solvers.ddim(float(s.get("eta", 0.0))),
        "heun_churn": lambda: solvers.churned(float(s.get("churn", 0.0))),
        "restart": lambda: solvers.restarts(int(s.get("restarts", 2))),
        **dict.fromkeys(GRIDLESS, lambda: solvers.to_tolerance(float(s.get("tolerance", 1e-6)))),
        "euler": lambda: solvers.EULER,
        "heun": lambda: solvers.HEUN,
        "midpoint": lambda: solvers.MIDPOINT,
        "rk4": lambda: solvers.RK4,
    }
    return made[asked.solver]()


def _of_flow(law: Law, asked: Solving) -> Problem:
    grid = asked.grid
    if asked.solver in GRIDLESS:
        told = f"tolerance {asked.settings.get('tolerance', 1e-6):g}, from t = {grid.levels[0]:g}"
    else:
        told = f"T = {grid.T}, levels from {grid.levels[0]:g} to 0"
    begins = normal.standard(law.d)
    return Problem(lambda x, t: law.velocity(paths.linear(t), x), grid, begins, law, told)


def _of_sde(law: Law, asked: Solving) -> Problem:
    """The SDE's forward terms f and g, and the flow that has its marginals."""
    name, a = str(asked.settings.get("sde", "vp")), float(asked.settings.get("a", 0.7))
    if name not in SDES:
        raise ValueError(f"no SDE is called {name!r}{nearest(name, SDES)}")
    if not a > 0:
        raise ValueError(f"an SDE needs a > 0, got a={a!r}")
    path, high = _path(name)

    def score(x: Tensor, t: float) -> Tensor:
        return law.at(path(t)).score(x)

    if name == "flow_grpo":

        def g(t: float) -> float:
            return float(sde.flow_grpo_g(t, a, t))

        f = chains.marginal_preserving(lambda x, t: law.velocity(path(t), x), score, g=g)
    else:

        def g(t: float) -> float:
            c = path(t)
            return math.sqrt(langevin.noise_rate(c.alpha, c.sigma, c.d_alpha, c.d_sigma))

        def f(x: Tensor, t: float) -> Tensor:
            c = path(t)
            return torch.as_tensor(c.d_alpha / c.alpha * x)

    def flow(x: Tensor, t: float) -> Tensor:
        return torch.as_tensor(sde.probability_flow(f(x, t), score(x, t), g(t)))

    grid = Grid((high, LOWEST))
    told = f"of the {name} SDE, levels from {high:g} to {LOWEST:g}"
    return Problem(flow, grid, law.at(path(high)), law.at(path(LOWEST)), told)


LOWEST = 1e-3
"""Where probability flows end: on the VP and VE paths the rates of σ are infinite at t = 0."""


def _path(name: str) -> tuple[Path, float]:
    """The path of an SDE, and its first level: below 1 where the SDE is singular there."""
    if name == "vp":
        return lambda t: paths.vp(t, 0.1, 20.0), 1.0
    if name == "ve":
        return lambda t: paths.ve(t, 0.01, 10.0), 1.0
    return paths.linear, 0.999


def _normal(law: Law) -> Normal | None:
    """The law as a Gaussian, if it is one."""
    if isinstance(law, Normal):
        return law
    if isinstance(law, Mixture) and law.weights.numel() == 1:
        return Normal(law.mean, law.covariance)
    return None


def _ends(problem: Problem, x: Tensor, made: Tensor) -> str:
    """How far the ends are from where the flow itself leads, for a few hundred samples."""
    high, low = problem.grid.levels[0], problem.grid.levels[-1]
    some = x[:256]
    led = adaptive(problem.field, some, high, low, tolerance=FINE)
    far = float(((made[: len(some)] - led) ** 2).sum(1).mean().sqrt())
    return f"ends        {far:.3g} from the flow's own, root mean square of {len(some)}"


def _exact(solver: Solver, problem: Problem, begins: Normal, data: Normal, draws: int) -> list[str]:
    """The exact law of the chain beside the law that it should have."""
    found = normal.law(
        lambda x, e: solvers.run(solver, problem.field, x, problem.grid, noise=e), begins, draws
    )
    stds = found.covariance.diagonal().sqrt(), data.covariance.diagonal().sqrt()
    lines = [
        f"law, mean   {_row(found.mean)}   exact {_row(data.mean)}",
        f"law, std    {_row(stds[0])}   exact {_row(stds[1])}",
    ]
    if data.d > 1:
        over = found.covariance[0, 1] / (stds[0][0] * stds[0][1])
        want = data.covariance[0, 1] / (stds[1][0] * stds[1][1])
        lines.append(f"correlation {float(over):+.4f}   exact {float(want):+.4f}")
    point = not float(torch.linalg.eigvalsh(found.covariance)[0]) > 0
    nats = math.inf if point else normal.kl(found, data)
    lines.append(f"KL          {nats:.3g} nats from the exact law")
    lines.append(f"W2          {normal.wasserstein(found, data):.3g} from the exact law")
    return lines
