"""Facts about flow_matching: schedules, points and conversions of its paths, rescheduling.

    data-time: its t is 1 − (noise level), x_1 is data, x_0 is noise, and dx/dt = −v

A schedule that this package does not have is held to laws: its derivatives are derivatives, its
inverse undoes it.
"""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import torch

from ...conformance.checks.register import Differs, Finding
from ...conformance.diagnosis.readings import Explanation
from ...equations import Coefficients, conversions, paths
from ...equations.conventions import flip_path, flip_time, flip_velocity
from ..facts import fact, near

LEVELS = torch.tensor([0.0625, 0.25, 0.5, 0.75, 0.9375], dtype=torch.float64)

OURS: dict[str, Callable[[Any], Coefficients]] = {
    "CondOT": paths.linear,
    "Cosine": paths.cosine,
    "VP": lambda t: paths.vp(t, 0.1, 20.0),
}

EQUATIONS = {"CondOT": "paths.linear", "Cosine": "paths.cosine", "VP": "paths.vp"}


def numbers(*shape: int, start: int = 0) -> torch.Tensor:
    """Numbers k/64 of either sign, all different."""
    k = torch.arange(int(torch.tensor(shape).prod()))
    return ((37 * k + 11 * start + 5) % 241 - 120).reshape(shape).double() / 64


def schedule(library: Any, name: str) -> Any:
    """One of the library's schedules."""
    made = {"Polynomial": lambda s: s.PolynomialConvexScheduler(3),
            "VP": lambda s: s.VPScheduler(0.1, 20.0)}  # fmt: skip
    schedules = library.schedules
    return made.get(name, lambda s: getattr(s, f"{name}Scheduler")())(schedules)


def on_the_house_clock(scheduler: Any, t: Any) -> Coefficients:
    """Its coefficients at a noise level."""
    c = scheduler(flip_time(t))
    return flip_path(Coefficients(c.alpha_t, c.sigma_t, c.d_alpha_t, c.d_sigma_t))


@fact("flow_matching", "schedules.values", covers=("paths.linear", "paths.cosine", "paths.vp",
      "conventions.flip_path"))  # fmt: skip
def schedules(library: Any) -> Finding:
    """α, σ and their derivatives are the equations', on the house clock."""
    worst = 0.0
    for name, ours in OURS.items():
        got, want = on_the_house_clock(schedule(library, name), LEVELS), ours(LEVELS)
        inputs = {"t": LEVELS} | ({"beta_min": 0.1, "beta_max": 20.0} if name == "VP" else {})
        for part in ("alpha", "sigma", "d_alpha", "d_sigma"):
            value = torch.as_tensor(getattr(want, part), dtype=torch.float64).expand(5)
            worst = max(worst, near(f"{name}: {part}", getattr(got, part), value,
                                    equation=EQUATIONS[name], inputs=inputs))  # fmt: skip
    defaults = on_the_house_clock(library.schedules.VPScheduler(), LEVELS)
    worst = max(worst, near("VP's default: alpha", defaults.alpha, OURS["VP"](LEVELS).alpha))
    t = flip_time(LEVELS)
    cubic, linear_vp = schedule(library, "Polynomial")(t), schedule(library, "LinearVP")(t)
    worst = max(worst, near("Polynomial, n = 3: alpha", cubic.alpha_t, t * t * t))
    worst = max(worst, near("Polynomial: sigma", cubic.sigma_t, flip_time(t * t * t)))
    worst = max(worst, near("LinearVP: alpha", linear_vp.alpha_t, t))
    total = linear_vp.alpha_t**2 + linear_vp.sigma_t**2
    return Finding(max(worst, near("LinearVP: alpha² + sigma²", total, torch.ones_like(t))))


@fact("flow_matching", "schedules.derivatives")
def derivatives(library: Any) -> Finding:
    """Every schedule's derivatives are what automatic differentiation makes of its values."""
    worst = 0.0
    for name in ("CondOT", "Cosine", "VP", "Polynomial", "LinearVP"):
        t = LEVELS.clone().requires_grad_()
        c = schedule(library, name)(t)
        pairs = {"alpha": (c.alpha_t, c.d_alpha_t), "sigma": (c.sigma_t, c.d_sigma_t)}
        for part, (value, claimed) in pairs.items():
            (true,) = torch.autograd.grad(value.sum(), t, retain_graph=True)
            worst = max(worst, near(f"{name}: derivative of {part}", claimed, true))
    return Finding(worst)


@fact("flow_matching", "schedules.inverse")
def inverse(library: Any) -> Finding:
    """snr_inverse undoes α/σ, and kappa_inverse undoes α, for every schedule."""
    worst, t = 0.0, LEVELS
    for name in ("CondOT", "Cosine", "VP", "Polynomial", "LinearVP"):
        scheduler = schedule(library, name)
        c = scheduler(t)
        got = scheduler.snr_inverse(c.alpha_t / c.sigma_t)
        worst = max(worst, near(f"{name}: snr_inverse", got, t, roundings=1024))
        if hasattr(scheduler, "kappa_inverse"):
            worst = max(
                worst, near(f"{name}: kappa_inverse", scheduler.kappa_inverse(c.alpha_t), t)
            )
    return Finding(worst)


@fact("flow_matching", "paths.points", covers=("paths.interpolate", "paths.velocity",
      "conventions.flip_velocity"))  # fmt: skip
def points(library: Any) -> Finding:
    """x_t = α data + σ noise and v = α̇ data + σ̇ noise, for each sample's own t."""
    worst, t = 0.0, torch.tensor([0.25, 0.875, 0.5], dtype=torch.float64)
    for shape in ((3, 2, 4), (3, 3)):
        data, noise = numbers(*shape), numbers(*shape, start=1)
        for name, ours in OURS.items():
            c = ours(t.reshape(-1, *(1,) * (len(shape) - 1)))
            places = [library.paths.AffineProbPath(schedule(library, name))]
            places += [library.paths.CondOTProbPath()] if name == "CondOT" else []
            for path in places:
                got = path.sample(x_0=noise, x_1=data, t=flip_time(t))
                want_x, want_v = (f(c, data, noise) for f in (paths.interpolate, paths.velocity))
                inputs = {**vars(c), "data": data, "noise": noise}
                worst = max(worst, near(f"{name}: x_t", got.x_t, want_x,
                                        equation="paths.interpolate", inputs=inputs))  # fmt: skip
                worst = max(worst, near(f"{name}: dx_t", flip_velocity(got.dx_t), want_v,
                                        equation="paths.velocity", inputs=inputs))  # fmt: skip
    return Finding(worst)


ROOT = "the slope of √(1 − α²) where α = 1"
ENDS = torch.tensor([0.0, 1e-6, 1 - 1e-6, 1.0], dtype=torch.float64)


@fact("flow_matching", "paths.ends")
def ends(library: Any) -> Finding:
    """At both ends and beside them x_t is noise or data, and its velocity is a finite number."""
    worst, noise, data = 0.0, numbers(4, 3), numbers(4, 3, start=1)
    for name in ("CondOT", "Cosine", "Polynomial", "LinearVP"):
        path = library.paths.AffineProbPath(schedule(library, name))
        got = path.sample(x_0=noise, x_1=data, t=ENDS)
        want = torch.cat([noise[:2], data[2:]])
        worst = max(
            worst, near(f"{name}: x_t at the ends", got.x_t, want, unit=1e-5, roundings=256)
        )
    for name in ("CondOT", "Cosine", "Polynomial", "LinearVP", "VP"):
        path = library.paths.AffineProbPath(schedule(library, name))
        speed = path.sample(x_0=noise, x_1=data, t=ENDS).dx_t
        finite = speed.isfinite().all(dim=1)
        if not finite.all():
            told = f"{name}: the velocity at t = {float(ENDS[~finite][0]):g} is infinite"
            named = Explanation("mistake", ROOT, 0.0, "", "stop before the end")
            raise Differs(told, float("inf"), (named,))
    return Finding(worst)


@fact("flow_matching", "paths.conversions", covers=(
    "conversions.noise_from_velocity", "conversions.data_from_velocity",
    "conversions.data_from_noise", "conversions.noise_from_data",
    "conversions.velocity_from_noise", "conversions.velocity_from_data"))  # fmt: skip
def path_conversions(library: Any) -> Finding:
    """The six conversions between velocity, data and noise are the equations'."""
    worst, words = 0.0, {"velocity": "velocity", "data": "target", "noise": "epsilon"}
    t = torch.tensor([0.25, 0.875], dtype=torch.float64).reshape(2, 1, 1).expand(2, 3, 4)
    for name, ours in OURS.items():
        path = library.paths.AffineProbPath(schedule(library, name))
        for source, target in permutations(words, 2):
            x, given = numbers(2, 3, 4), numbers(2, 3, 4, start=1)
            theirs = flip_velocity(given) if source == "velocity" else given
            got = getattr(path, f"{words[source]}_to_{words[target]}")(theirs, x, flip_time(t))
            got = flip_velocity(got) if target == "velocity" else got
            short = {"velocity": "v"}.get(source, source)
            id = f"{target}_from_{source}"
            c = ours(t)
            want = getattr(conversions, id)(c, x=x, **{short: given})
            inputs = {**vars(c), "x": x, short: given}
            worst = max(worst, near(f"{name}: {words[source]}_to_{words[target]}", got, want,
                                    equation=f"conversions.{id}", inputs=inputs))  # fmt: skip
    return Finding(worst)


@fact("flow_matching", "paths.rescheduled", covers=("paths.conditional_velocity",))
def rescheduled(library: Any) -> Finding:
    """A model moved to another schedule is that schedule's model: v(x | data) is known for both."""
    worst, data, x = 0.0, numbers(3, 4), numbers(3, 4, start=1)
    names = {"CondOT": paths.linear, "Cosine": paths.cosine, "VP": OURS["VP"]}
    for old, old_path in names.items():

        def model(x: Any, t: Any, path: Any = old_path) -> Any:
            return flip_velocity(paths.conditional_velocity(path(flip_time(t)), data, x))

        for new, new_path in names.items():
            moved = library.schedules.ScheduleTransformedModel(
                library.wrapped(model), schedule(library, old), schedule(library, new))  # fmt: skip
            for t in (0.25, 0.625):
                r = torch.tensor(t, dtype=torch.float64)
                got = flip_velocity(moved(x, flip_time(r)))
                want = paths.conditional_velocity(new_path(r), data, x)
                worst = max(worst, near(f"from {old} to {new}", got, want, roundings=4096))
    return Finding(worst)
