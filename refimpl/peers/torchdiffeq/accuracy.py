"""Facts about torchdiffeq's answers: accuracy on an example, gradients by the adjoint, events.

dx/dt = λ x, which ends at the exponential        dx/dt = k x + t, with its exact gradients
"""

from typing import Any

import torch

from ...conformance.checks.register import Finding
from ...equations.elementary import exp
from ..facts import fact, law, near
from .facts import ADAPTIVE, _times

REACHED = {
    "adaptive_heun": (6, 475), "fehlberg2": (400, 66), "bosh3": (220, 71), "dopri5": (2, 32),
    "dopri8": (330, 28), "scipy_solver": (10, 37), "implicit_adams": (1, 204),
    "explicit_adams": (1, 106),
}  # fmt: skip
"""Of version 0.2.5 on the example below: the error in units of the tolerance, and the number of
slopes. The last step is interpolated; that is why some methods miss their tolerance by far."""


@fact("torchdiffeq", "accuracy.linear")
def accuracy(library: Any) -> Finding:
    """On dx/dt = λ x every method ends at the exponential, for its usual number of slopes."""
    worst, tolerance = 0.0, 1e-6
    rates = torch.tensor([-1.0, -0.5, 0.25, 1.0], dtype=torch.float64)
    for method, (allowed, usual) in REACHED.items():
        for times in (_times(0.0, 0.3, 1.0), _times(1.0, 0.3, 0.0)):
            asked = [0]

            def field(t: Any, y: Any, asked: list[int] = asked) -> Any:
                asked[0] += 1
                return rates * y

            options: dict[str, Any] = {"max_num_steps": 2000} if method in ADAPTIVE else {}
            options |= {"step_size": 0.01, "max_order": 4} if "adams" in method else {}
            start = torch.ones(4, dtype=torch.float64)
            states = library.module.odeint(field, start, times, method=method, rtol=tolerance,
                                           atol=tolerance, options=options)  # fmt: skip
            want = exp(rates * (times - times[0])[:, None])
            told = f"{method}, tolerance {tolerance:g}, from {float(times[0]):g}"
            worst = max(worst, near(told, states, want, unit=tolerance, roundings=1.5 * allowed))
            law(told, usual / 2 <= asked[0] <= 2 * usual,
                f"asks for {asked[0]} slopes, usually {usual}")  # fmt: skip
    return Finding(worst)


@fact("torchdiffeq", "accuracy.per_sample")
def per_sample(library: Any) -> Finding:
    """A sample is solved to its own tolerance: its end is the same beside another sample."""

    def end(method: str, start: list[float]) -> Any:
        rates = torch.tensor([1.0, 30.0], dtype=torch.float64)[: len(start)]
        return library.module.odeint(
            lambda t, y: -rates * y, torch.tensor(start, dtype=torch.float64), _times(0.0, 1.0),
            method=method, rtol=1e-3, atol=1e-3, options={"max_num_steps": 2000},
        )[-1, 0]  # fmt: skip

    for method in ADAPTIVE:
        alone, beside = end(method, [1.0]), end(method, [1.0, 1.0])
        batch = {"one error norm for the whole batch": beside}
        near(f"{method}: the end beside a stiff sample", beside, alone, readings=batch)
    return Finding()


@fact("torchdiffeq", "accuracy.inside")
def inside(library: Any) -> Finding:
    """The field is asked inside the interval only: a network is given no time that it never saw."""
    for method in ADAPTIVE:
        asked: list[float] = []

        def field(t: Any, y: Any, asked: list[float] = asked) -> Any:
            asked.append(float(t))
            return -y

        library.module.odeint(field, torch.ones(1, dtype=torch.float64), _times(0.0, 1.0),
                              method=method, rtol=1e-3, atol=1e-3)  # fmt: skip
        beyond = max(asked)
        over = {"a step beyond the end": torch.tensor(beyond)}
        near(f"{method}: the last time that is asked, or 1", torch.tensor(max(beyond, 1.0)),
             torch.tensor(1.0), readings=over)  # fmt: skip
    return Finding()


@fact("torchdiffeq", "gradients.adjoint")
def adjoint(library: Any) -> Finding:
    """The adjoint's gradients, for start, parameter and time, are those of the exact solution."""
    worst = 0.0
    start = torch.tensor([1.5], dtype=torch.float64, requires_grad=True)
    rate = torch.nn.Parameter(torch.tensor([-0.75], dtype=torch.float64))
    times = torch.tensor([0.25, 1.0], dtype=torch.float64, requires_grad=True)

    class Field(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rate = rate

        def forward(self, t: Any, y: Any) -> Any:
            return self.rate * y + t

    def exact(y: Any, k: Any, t: Any) -> Any:
        # x' = k x + t: the particular solution −(t + 1/k)/k, and an exponential
        particular = [-(u + 1 / k) / k for u in t]
        return (y - particular[0]) * torch.exp(k * (t[1] - t[0])) + particular[1]

    inputs = (start, rate, times)
    want = torch.autograd.grad(exact(start, rate, times).sum(), inputs)
    for solve in (library.module.odeint, library.module.odeint_adjoint):
        got = solve(Field(), start, times, method="dopri5", rtol=1e-10, atol=1e-10,
                    options={"max_num_steps": 2000})[-1]  # fmt: skip
        for name, a, b in zip(
            ("start", "parameter", "times"),
            torch.autograd.grad(got.sum(), inputs),
            want,
            strict=True,
        ):
            what = f"{solve.__name__}: the gradient with respect to {name}"
            worst = max(worst, near(what, a, b, unit=1e-8, roundings=10))
    return Finding(worst)


@fact("torchdiffeq", "events.time")
def event(library: Any) -> Finding:
    """An event is found where the state crosses, forwards and backwards."""
    worst = 0.0
    for direction in (1.0, -1.0):
        found, states = library.module.odeint_event(
            lambda t, y: torch.ones_like(y), torch.zeros(1, dtype=torch.float64), _times(0.0)[0],
            event_fn=lambda t, y, d=direction: y - 0.625 * d, reverse_time=direction < 0,
            odeint_interface=library.module.odeint, rtol=1e-9, atol=1e-9,
            options={"max_num_steps": 2000},
        )  # fmt: skip
        want = torch.tensor(0.625 * direction)
        worst = max(worst, near("the time of the event", found.reshape(()), want, unit=1e-8))
        worst = max(worst, near("the state there", states[-1, 0], want, unit=1e-8))
    return Finding(worst)
