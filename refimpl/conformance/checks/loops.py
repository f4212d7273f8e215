"""Whole samplers on a known field: the formula of the loop, its mistakes, its inputs.

ODE, SDE    operations        run(subject, capability, case)    one call
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, TypeAlias

import numpy as np

from ...equations import Gaussian, Step
from ..adapter import arrays
from ..adapter.conventions import Conventions
from ..adapter.inputs import ANOTHER_A, field_of, levels_of, received, values
from ..adapter.inputs import shapes as of_x
from ..adapter.results import Answer, answer
from ..adapter.subject import Subject
from ..diagnosis.readings import Case
from ..diagnosis.solving import solved
from ..formulas.operations import Operation, Slip
from ..formulas.stages import stages
from ..formulas.steps import diffusion_of, gaussian_step
from ..formulas.values import Formulas, Inputs, Parts, schedule
from .endings import ended
from .ode import FIELDS, theirs
from .other_noise import OTHER_SDES, by_churn, drawn
from .other_solvers import OTHER_ODES, of_four_slopes, of_two_slopes
from .register import NotApplicable
from .remembered import REMEMBERED, weighed
from .rules import anywhere, edited, stepped, with_numbers
from .slopes import blur
from .widths import CHURN

_LEVELS = (1.0, 0.75, 0.625, 0.375, 0.25, 0.0)


def _walk(
    f: Formulas, i: Inputs, c: Conventions, *, noise: Any = None, at: str = "t", sign: int = 1,
    skip: tuple[int, ...] = (), noisy: range | None = None,
    asked: Callable[[Any], Any] | None = None,
) -> np.ndarray:  # fmt: skip
    """The chain's end, with one place to spoil each part of the loop."""
    x, field = i["x"], field_of(i)
    if asked is not None:
        field = lambda y, t: field_of(i)(y, asked(t))  # noqa: E731
    grid = levels_of(i, c)
    stochastic = "noise" in i
    for k, (t, s) in enumerate(pairwise(grid)):
        if k in skip or (k - len(grid) + 1) in skip:
            continue
        if not stochastic:
            x = x + sign * (_rule(f, c, field, x, Step(t, s), at) - x)
            continue
        v = field(x, s if at == "s" else t)
        if noisy is not None and k not in noisy:
            x = x - (t - s) * v
            continue
        p = gaussian_step(f, {**i, "x": x}, c, v, Step(np.float64(t), np.float64(s)))
        e = i["noise"] if noise is None else noise(i["noise"])
        x = x + sign * (p.mean - x) + p.std * e[k]
    return x


def _rule(f: Formulas, c: Conventions, field: Any, x: Any, step: Step, at: str) -> Any:
    asked = (lambda y, t: field(y, step.s)) if at == "s" else field
    if c["ode_method"] == "midpoint":
        middle = (step.t + step.s) / 2
        half = f("ode.euler")(asked, x, Step(step.t, middle))
        return f("ode.euler")(lambda y, t: field(half, middle), x, step)
    return f(f"ode.{c['ode_method']}")(asked, x, step)


def end(f: Formulas, i: Inputs, c: Conventions) -> Parts:
    return {"x": _walk(f, i, c)}


def _sampler_slip(name: str, what: str, seen: str, remedy: str, **spoilt: Any) -> Slip:
    return Slip(name, what, seen, remedy,
                lambda i, c: {"x": _walk(Formulas(), i, c, **spoilt)})  # fmt: skip


def _backwards(i: Inputs, c: Conventions) -> Parts:
    """Euler's steps along the levels from the last to the first; no SDE leads that way."""
    if "noise" in i:
        raise ValueError("noise of a negative variance")
    x, field = i["x"], field_of(i)
    for t, s in pairwise(levels_of(i, c)[::-1]):
        x = x - (t - s) * field(x, t)
    return {"x": x}


def _by_number(i: Inputs, c: Conventions) -> Parts:
    grid = levels_of(i, c)
    told = {t: 1 - k / (len(grid) - 1) for k, t in enumerate(grid)}
    return {"x": _walk(Formulas(), i, c, asked=lambda t: told[t])}


_A_UNUSED = Slip(
    "the a that is given is not used", "Another number stands in its place: the usual one.",
    "a default that is left in", "use the argument",
    lambda i, c: {"x": _walk(Formulas(), {n: x for n, x in i.items() if n != "a"}, c)},
)  # fmt: skip


_LOOP_SLIPS = (
    _sampler_slip("last step dropped", "The loop runs one step short.", "BAGEL, verl-omni 279",
                  "steps from every level to the next, the last included", skip=(-1,)),
    _sampler_slip("first step dropped", "The loop starts at the second level.", "grids "
                                                                                "indexed one "
                                                                                "too far",
                  "start at the first level", skip=(0,)),
    _sampler_slip("v at the end of the step", "The network is asked at s, where x_t has not "
                                              "arrived.",
                  "grids indexed one too far", "v(x_t, t)", at="s"),
    *(_sampler_slip(f"the network is asked in thousandths, {word}", "It is told a multiple of "
                    "1/1000 near the level, and the step keeps the level itself.", "integer "
                    "timesteps", "tell it the level", asked=lambda t, n=near: n(1000 * t) / 1000)
      for word, near in (("cut", np.floor), ("rounded", np.round), ("rounded up", np.ceil))),
    *(_sampler_slip(f"the network is asked in {word}, rounded", "It is told a level near its "
                    "own, and the step keeps the level itself.", "round(t, 1)", "tell it the level",
                    asked=lambda t, n=n: np.round(n * t) / n)
      for word, n in (("tenths", 10), ("hundredths", 100))),
    _sampler_slip("the network is asked at whole numbers, cut", "It is told 0 wherever the level "
                  "is below 1.", "int(t) of levels", "tell it the level", asked=np.floor),
    Slip("the network is told the share of the steps that is left", "1 − k/n of step k of n, "
         "whatever the level.", "code for even grids", "tell it the level",
         lambda i, c: _by_number(i, c)),
    Slip("the levels from the last to the first", "The loop starts at the data's level.",
         "grids of the other clock", "from noise to data",
         lambda i, c: _backwards(i, c)),
    _sampler_slip("sign of the step", "From data towards noise.", "signed dt in mixed conventions",
                  "x − h v", sign=-1),
)  # fmt: skip


def _cut(i: Inputs, c: Conventions, steps: int, *, first: bool) -> Parts:
    """So many steps, the first or the last, by Euler's rule."""
    whole, euler = stages(i, c)[0], stages(i, c.but(ode_method="euler"))[0]
    n = len(i["levels"]) - 1
    rules = [*[euler] * steps, whole] if first else [*[whole] * (n - steps), euler]
    return stepped(i, c, rules)


def _some(steps: int) -> Iterator[Slip]:
    many = "" if steps == 1 else f" {steps}"
    plural = "step" if steps == 1 else "steps"
    yield Slip(f"the last{many} {plural} by Euler's rule", "One slope a step, and the order is "
               "lost where it counts most.", "samplers that cannot ask the network at noise level "
               "0", "take the rule's slopes at every step",
               lambda i, c: _cut(i, c, steps, first=False))  # fmt: skip
    yield Slip(f"the first{many} {plural} by Euler's rule", "One slope a step.", "multistep code "
               "without a start", "take the rule's slopes at every step",
               lambda i, c: _cut(i, c, steps, first=True))  # fmt: skip


_RULE_SLIPS = tuple(chain.from_iterable(_some(steps) for steps in (1, 2, 3, 4)))


def _length_slip(whose: str, h: Callable[[Any], float]) -> Slip:
    """Steps of one length, wherever the levels are: Euler's, or the SDE's with noise g √h."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        grid = levels_of(i, c)
        x, field, far = i["x"], field_of(i), h(grid)
        for k, (t, s) in enumerate(pairwise(grid)):
            v, longer = field(x, t), far / (t - s)
            if "noise" not in i:
                x = x - far * v
                continue
            p = gaussian_step(Formulas(), {**i, "x": x}, c, v, Step(np.float64(t), np.float64(s)))
            x = x + longer * (p.mean - x) + np.sqrt(longer) * p.std * i["noise"][k]
        return {"x": x}

    return Slip(f"{whose} length at every step", "The steps' length does not follow the levels.",
                "code for even grids", "h = t − s", parts)  # fmt: skip


_LENGTH_SLIPS = (
    _length_slip("the first step's", lambda grid: grid[0] - grid[1]),
    _length_slip("the last step's", lambda grid: grid[-2] - grid[-1]),
    _length_slip("an even grid's", lambda grid: (grid[0] - grid[-1]) / (len(grid) - 1)),
    _length_slip("1/(steps + 1), the number of levels, for a", lambda grid: 1 / len(grid)),
)


_PLACES: dict[str, Callable[[int, int], int]] = {
    "step before": lambda k, last: max(k - 1, 0),
    "next step": lambda k, last: min(k + 1, last),
    "first step": lambda k, last: 0,
    "last step": lambda k, last: last,
}
"""Another step than the k-th; the end's own where there is none."""

Spoilt: TypeAlias = Callable[[Callable[..., Gaussian], Step, Step], tuple[Any, Any]]
"""From the kernel, a step and another: the mean and the std that are used."""


def _with_another(place: Callable[[int, int], int], spoilt: Spoilt) -> Any:
    """The chain, each step with something of another step."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        steps = [Step(np.float64(t), np.float64(s)) for t, s in pairwise(levels_of(i, c))]
        x, field = i["x"], field_of(i)
        for k, at in enumerate(steps):
            known = {"x": x, "v": field(x, at.t)}

            def kernel(at: Step, known: Inputs = known, **g: Any) -> Gaussian:
                return gaussian_step(Formulas(), {**i, **known, **g}, c, known["v"], at)

            mean, std = spoilt(kernel, at, steps[place(k, len(steps) - 1)])
            x = mean + std * i["noise"][k]
        return {"x": x}

    return parts


def _std_of(place: Callable[[int, int], int]) -> Any:
    return _with_another(place, lambda kernel, at, other: (kernel(at).mean, kernel(other).std))


def _length_of(place: Callable[[int, int], int]) -> Any:
    def spoilt(kernel: Any, at: Step, other: Step) -> tuple[Any, Any]:
        p = kernel(at)
        return p.mean, np.sqrt(other.h / at.h) * p.std

    return _with_another(place, spoilt)


def _g_of(place: Callable[[int, int], int]) -> Any:
    def parts(i: Inputs, c: Conventions) -> Parts:
        def spoilt(kernel: Any, at: Step, other: Step) -> tuple[Any, Any]:
            g = float(diffusion_of(Formulas(), {}, c, other))
            p = kernel(at, g=np.full((len(i["x"]),) + (1,) * (i["x"].ndim - 1), g))
            return p.mean, p.std

        return _with_another(place, spoilt)(i, c)

    return parts


def _split(i: Inputs, c: Conventions) -> Parts:
    """y = x − h v, then y's own correction with the same v, and noise."""
    x, field = i["x"], field_of(i)
    for k, (t, s) in enumerate(pairwise(levels_of(i, c))):
        v, at = field(x, t), Step(np.float64(t), np.float64(s))
        still = x - (t - s) * v
        p = gaussian_step(Formulas(), {**i, "x": still}, c, v, at)
        x = p.mean + (t - s) * v + p.std * i["noise"][k]
    return {"x": x}


def _turns(e: np.ndarray, odd: int) -> np.ndarray:
    """1 and 0 by turns, counted from 0."""
    return ((np.arange(len(e)) % 2 == odd) + 0.0).reshape(-1, *[1] * (e.ndim - 1))


_NOISE_SLIPS = (
    _sampler_slip("one noise for all steps", "Every step gets the first one's noise.",
                  "noise drawn before the loop", "fresh noise at every step",
                  noise=lambda e: np.broadcast_to(e[:1], e.shape)),
    _sampler_slip("one noise for the whole batch", "Every sample gets the first one's noise.",
                  "noise drawn without the batch's dimension", "draw noise shaped like x",
                  noise=lambda e: np.broadcast_to(e[:, :1], e.shape)),
    _sampler_slip("no noise", "The chain is deterministic.", "a sampler's default mode",
                  "add std ε", noise=lambda e: 0 * e),
    _sampler_slip("last step without noise", "The last step adds no noise, and keeps the "
                                             "SDE's mean.",
                  "samplers that skip the last noise", "add it, or return the predicted data and "
                  "declare last_step = 'data'",
                  noise=lambda e: np.concatenate([e[:-1], 0 * e[-1:]])),
    *(_sampler_slip(f"no noise at every other step, {which} with noise", "The SDE's mean without "
                    "its noise, step after step.", "toggles in a loop", "noise at every step",
                    noise=lambda e, odd=odd: e * _turns(e, odd))
      for which, odd in (("the odd ones", 1), ("the even ones", 0))),
    *(_sampler_slip(f"the ODE's rule at every other step, {which} with noise", "Steps without "
                    "noise follow the velocity alone.", "toggles in a loop", "the SDE's step",
                    noisy=range(odd, 99, 2))
      for which, odd in (("the odd ones", 1), ("the even ones", 0))),
    _sampler_slip("noise that halves at each step", "Step k has the noise of 2⁻ᵏ of its std.",
                  "annealed noise", "std = g √h",
                  noise=lambda e: e * 0.5 ** np.arange(len(e)).reshape(-1, *[1] * (e.ndim - 1))),
    _sampler_slip("noise in reverse order", "Step k gets the noise of step T − k.", "a "
                                                                                    "reversed grid",
                  "noise[k] at step k", noise=lambda e: e[::-1]),
    _sampler_slip("the next step's noise", "Step k gets the noise of step k + 1, and the last its "
                  "own.", "lists of noise indexed one off", "noise[k] at step k",
                  noise=lambda e: np.concatenate([e[1:], e[-1:]])),
    _sampler_slip("the noise of the step before", "Step k gets the noise of step k − 1, and the "
                  "first its own.", "lists of noise indexed one off", "noise[k] at step k",
                  noise=lambda e: np.concatenate([e[:1], e[:-1]])),
    Slip("the score after the ODE's step", "The velocity is followed first, and the score's "
         "correction taken where that leads.", "a drift that is split", "one drift, at x",
         lambda i, c: _split(i, c)),
    *(Slip(f"g of the {whose}", "The step's own levels, with another step's g.",
           "lists of g indexed one off", "g at t", _g_of(place))
      for whose, place in _PLACES.items()),
    Slip("the length of the step before in the noise", "g is the step's own, and h that of the "
         "step before.", "lists of lengths indexed one off", "g √h of the step itself",
         _length_of(_PLACES["step before"])),
    Slip("the length of the next step in the noise", "g is the step's own, and h that of the step "
         "after.", "lists of lengths indexed one off", "g √h of the step itself",
         _length_of(_PLACES["next step"])),
    Slip("the std of the step before", "Noise is as wide as in the step before.", "lists of stds "
         "indexed one off", "g √h of the step itself", _std_of(_PLACES["step before"])),
    Slip("the std of the next step", "Noise is as wide as in the step after.", "lists of stds "
         "indexed one off", "g √h of the step itself", _std_of(_PLACES["next step"])),
)  # fmt: skip


def _window(first: int, last: int) -> Slip:
    """Noise in steps first to last alone, Euler's rule in all others."""

    def parts(i: Inputs, c: Conventions) -> Parts:
        if last >= len(i["levels"]) - 1:
            raise ValueError("the chain has no such step")
        return {"x": _walk(Formulas(), i, c, noisy=range(first, last + 1))}

    steps = f"step {first}" if first == last else f"steps {first} to {last}"
    return Slip(f"noise in {steps} alone", "All other steps are the ODE's (counted from 0).",
                "MixGRPO's and Flow-Factory's windows", "say so: check the SDE's steps alone",
                parts)  # fmt: skip


_WINDOWS = tuple(_window(j, k) for j in range(6) for k in range(j, 6) if (j, k) != (0, 5))


def churned(cases: Sequence[Inputs], told: Sequence[Parts], c: Conventions) -> Iterator[Slip]:
    """Every step by churn: noise from t up to (1 + γ) t, at most 1, then the ODE's step to s."""
    i, got = cases[0], told[0].get("x")
    if got is None or "noise" not in i:
        return
    found = solved(lambda gamma: by_churn(i, c, gamma[0])["x"], got, [0.1], blur(got, c))
    if found is not None and found[0] > 0:
        yield Slip(
            f"churn by {found[0]:g}", CHURN, "diffusers' Heun and Euler samplers, EDM",
            "std = g √h with the score's correction, or no noise at all",
            lambda i, c: by_churn(i, c, found[0]),
        )  # fmt: skip


def _loop_size(i: Inputs, c: Conventions) -> Parts:
    largest = np.abs(i["x"]).max() + 3 + (3 * np.abs(i["noise"]).max() if "noise" in i else 0)
    return {"x": 4 * len(i["levels"]) * largest * np.ones(i["x"].shape)}


_KEYS = ("time", "velocity")

_CLOSELY = 2.0**-6
"""In float32 rules of order 3 lie within a chain's tolerance of one another."""


ODE = Operation("ode_sampler", end, (*_KEYS, "ode_method"),
                (*_LOOP_SLIPS, *_RULE_SLIPS, *_LENGTH_SLIPS, *REMEMBERED, *OTHER_ODES),
                _loop_size, edited=edited, anywhere=anywhere, closely=_CLOSELY,
                fitted=lambda *told: chain(weighed(*told), of_two_slopes(*told), ended(*told),
                                           with_numbers(*told), of_four_slopes(*told)))  # fmt: skip


SDE = Operation("sde_sampler", end, (*_KEYS, "g", "a", "boundary", "last_step"),
                (*_LOOP_SLIPS, _A_UNUSED, *_NOISE_SLIPS, *_LENGTH_SLIPS, *_WINDOWS, *REMEMBERED,
                 *OTHER_SDES),
                _loop_size, edited=edited, anywhere=anywhere, closely=_CLOSELY,
                fitted=lambda *told: chain(churned(*told), drawn(*told), weighed(*told),
                                           ended(*told), with_numbers(*told)))  # fmt: skip


def their_grid(subject: Subject, capability: str) -> np.ndarray:
    c = subject.conventions
    if subject.accepts(capability, "levels"):
        rule, coarse = c["boundary"], arrays.UNIT[c["dtype"]] > 2.0**-24
        lower = rule in ("refuse", "finite", "none") or (coarse and rule.startswith("clamp"))
        start = 0.9375 if capability == "sde_sampler" and lower else _LEVELS[0]
        return received(c, np.asarray(c.clock(np.array([start, *_LEVELS[1:]]))))
    if c["grid"] == "any":
        raise NotApplicable(f"{capability} makes its own grid, and grid = 'any' is declared")
    return schedule(Formulas(), {"steps": 6}, c)["value"]


def loop_cases(subject: Subject, capability: str) -> list[Case]:
    """A linear field in one shape, a curved one in another; with another a, where it is taken."""
    both = zip(of_x(subject.conventions), FIELDS, strict=False)
    cases = [loop_case(subject, capability, values("x", s), kind=k, told=t) for s, (k, t) in both]
    if capability == "sde_sampler" and subject.accepts(capability, "a"):
        last = cases[-1]
        cases.append(Case(dict(last.inputs) | {"a": ANOTHER_A}, f"{last.label}, a = {ANOTHER_A}"))
    return cases


def loop_case(
    subject: Subject,
    capability: str,
    x: np.ndarray,
    noise: np.ndarray | None = None,
    *,
    kind: Inputs = FIELDS[0][0],
    told: str = FIELDS[0][1],
) -> Case:
    """A chain from x on a field."""
    grid = their_grid(subject, capability)
    given: dict[str, Any] = {"x": x, "levels": grid, "steps": len(grid) - 1, **kind}
    given["field"] = theirs(subject, kind)
    given["own_grid"] = not subject.accepts(capability, "levels")
    if capability == "sde_sampler" and subject.accepts(capability, "noise"):
        drawn = values("noise", (len(grid) - 1, *x.shape))
        given["noise"] = drawn if noise is None else noise
    return Case(given, f"shape {x.shape}, {told}")


def run_loop(subject: Subject, capability: str, case: Case, seed: int = 0) -> Answer:
    c, i = subject.conventions, case.inputs
    given: dict[str, Any] = {
        "x": subject.give(i["x"]), "steps": i["steps"], "field": i["field"],
        "a": float(i.get("a", c["a"])),
        "levels": subject.give(i["levels"]),
    }  # fmt: skip
    if "noise" in i:
        given["noise"] = subject.give(i["noise"])
    got = answer(capability, subject.raw(capability, given, seed))
    parts, unit, kinds = dict(got.parts), dict(got.unit), dict(got.kinds)
    if "x" in parts and parts["x"].ndim == i["x"].ndim + 1:
        parts["states"], unit["states"] = parts.pop("x"), unit.pop("x")
    if "x" not in parts and "states" in parts:
        parts["x"], unit["x"] = parts["states"][-1], unit["states"]
        kinds |= {"x": kinds.get("states", ""), "states": ""}
    return Answer(parts, unit, kinds)
