"""What a sampler gives: its law with few steps and with many, and the options that it ignores.

    judge(sampler)   raises Differs, or returns a Finding
    given(sampler)   →   Given: the law at the end for 10, 40 and 160 steps, and what is wrong

The start is the one that a user has, N(0, 1) times what the library asks for. Whether the law is
*reached* is judged from the exact law at the first level, so that what is missing there is no fault
of the steps.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ...conformance.checks.register import Differs, Finding
from ...conformance.diagnosis.readings import Explanation
from ..facts import fact
from ..repair import repairs
from .chain import Chain, Law, Run, read
from .target import DATA

STEPS = (10, 40, 160)
"""Numbers of steps, each four times the one before: a first-order error falls to a quarter."""

CLOSE = 2e-3
"""A gap that counts as none, in standard deviations: two digits above what float32 leaves."""

FALLS = 0.6
"""By what share a gap must fall from 40 to 160 steps: order one half would leave .5, a bias 1."""

NEARBY = 0.5
"""A gap of ten steps beyond which an edited sampler is not looked at further."""

SAME = 1e-9
"""How closely two chains agree that are one, relative to the largest coefficient, in float64."""

SAME_IN_FLOAT32 = 2e-5
"""The same in float32."""

UNIT_NOISE = Law(0.0, 1.0)
"""The start of most libraries."""


@dataclass(frozen=True)
class Sampler:
    """A sampler with its settings.

    Attributes:
        name: as the library calls it.
        run: samples.
        settings: options that are not at their default.
        levels: the noise levels of T steps, the last one where the sampler stops.
        start: the law that a user starts from.
        exact: the law of the path at a level; None where the start is exact already.
        highest: the highest level that the path has.
        adaptive: it chooses its steps by an error of the whole state, so that a state of another
            shape is sampled in other steps.
        most: how many noises it may draw, whatever the steps.
        same: how closely two of its chains agree that are one.
        readings: other samplers that it may be, by name.
        finite: where it gives no number: what gives one, by the name of the cause.
        plain: the same without its settings.
        sources: the library's functions among whose edits a cause is looked for.
        siblings: samplers that are right and share lines with it: no edit may change them.
    """

    name: str
    run: Run = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    levels: Callable[[int], Sequence[float]] | None = field(default=None, repr=False)
    start: Law = UNIT_NOISE
    exact: Callable[[float], Law] | None = field(default=None, repr=False)
    highest: float = 1.0
    adaptive: bool = False
    most: int | None = None
    same: float = SAME
    readings: Mapping[str, Run] = field(default_factory=dict, repr=False)
    finite: Mapping[str, Run] = field(default_factory=dict, repr=False)
    plain: "Sampler | None" = field(default=None, repr=False)
    sources: tuple[Any, ...] = field(default=(), repr=False)
    siblings: "tuple[Sampler, ...]" = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """`law.Name`, or `law.Name.option`."""
        return identity(self.name, self.settings)

    def chain(self, steps: int, *, square: bool = False) -> Chain:
        """Its chain of so many steps."""
        return read(self.run, steps, most=self.most, square=square)

    def judged_start(self, steps: int) -> Law:
        """The exact law at its first level."""
        if self.levels is None or self.exact is None:
            return self.start
        return self.exact(self.levels(steps)[0])


def identity(name: str, settings: Mapping[str, Any]) -> str:
    """The id of the fact about a sampler."""
    return ".".join(["law", name, *(shown(k, v) for k, v in settings.items())])


def shown(option: str, value: Any) -> str:
    """An option as reports print it: `s_churn=1`, or its name where it is switched on."""
    told = f"{value:g}" if isinstance(value, float) else str(value).replace(" ", "")
    return option if value is True else f"{option}={told}"


@dataclass(frozen=True)
class Given:
    """What a user gets of a sampler.

    Attributes:
        laws: by number of steps, from the start that a user has; none where there is no number.
        noises: how many are drawn in ten steps.
        told: "", what is wrong, or why it is refused.
        cause: the name of the reading.
    """

    laws: Mapping[int, Law]
    noises: int
    told: str
    cause: str


def given(sampler: Sampler) -> Given:
    """Its laws for a user, and what is wrong with it."""
    told, cause = "", ""
    try:
        told = "; ".join(judge(sampler).notes)
    except Differs as error:
        causes = error.explanations or error.look("")
        told, cause = error.what, ", ".join(e.name for e in causes)
    try:
        chains = {steps: sampler.chain(steps) for steps in STEPS}
    except Exception:  # told above
        return Given({}, 0, told, cause)
    start = sampler.start
    laws = {steps: c.law(start.mean, start.std) for steps, c in chains.items()}
    return Given(laws, len(chains[STEPS[0]].noises), told, cause)


def judge(sampler: Sampler) -> Finding:
    """The law at the end is the data's in the limit of many steps, and every option has an effect.

    Raises:
        Differs: another law, an option that does nothing, a last level that is not 0, no number.
    """
    try:
        _starts_in_the_flow(sampler)
        few = _finite(sampler, STEPS[0])
    except (ValueError, NotImplementedError) as error:
        return Finding(notes=(f"refused: {' '.join(str(error).split())[:160]}",))
    _does_something(sampler, few)
    if not sampler.adaptive and not sampler.chain(STEPS[0], square=True).same(few, sampler.same):
        raise Differs("with as many samples as coordinates its numbers are others")
    _ends_at_zero(sampler, few)
    chains = {STEPS[0]: few} | {steps: _finite(sampler, steps) for steps in STEPS[1:]}
    _approaches(sampler, chains)
    return Finding()


def _finite(sampler: Sampler, steps: int) -> Chain:
    """Its chain.

    Raises:
        Differs: no number comes out, or an error of another kind than one that speaks of options.
    """
    try:
        return sampler.chain(steps)
    except (ValueError, NotImplementedError):
        raise
    except Differs as error:
        named = [_named(name) for name, run in sampler.finite.items() if _works(run, steps)]
        raise Differs(f"after {steps} steps {error.what}", error.gap, tuple(named)) from None
    except Exception as error:
        told = f"{type(error).__name__} {' '.join(str(error).split())[:120]}".strip()
        named = [_named(name) for name, run in sampler.finite.items() if _works(run, steps)]
        raise Differs(f"{steps} steps fail with {told}", float("inf"), tuple(named)) from None


def _works(run: Run, steps: int) -> bool:
    try:
        read(run, steps)
    except Exception:  # then it is no remedy
        return False
    return True


def _named(name: str, gap: float = 0.0, what: str = "", remedy: str = "") -> Explanation:
    return Explanation("mistake", name, gap, what, remedy)


def _starts_in_the_flow(sampler: Sampler) -> None:
    first = float(max(sampler.levels(STEPS[0]))) if sampler.levels else 0.0
    if first > sampler.highest + CLOSE:
        raise Differs(f"its first level is {first:.4g}, and a flow's is at most 1", first, (
            _named("levels of a diffusion", 0.0, "They are σ/α, which a flow's path is not in.",
                   "leave the option out"),))  # fmt: skip


def _does_something(sampler: Sampler, chain: Chain) -> None:
    if sampler.plain is not None and chain.same(sampler.plain.chain(STEPS[0]), sampler.same):
        name = ", ".join(shown(k, v) for k, v in sampler.settings.items())
        raise Differs(f"with {name} every number is what it is without", 0.0, (
            _named("does nothing", 0.0, "The option is accepted and not used.",
                   "leave it out: it promises what it does not do"),))  # fmt: skip


def _ends_at_zero(sampler: Sampler, chain: Chain) -> None:
    last = float(sampler.levels(STEPS[0])[-1]) if sampler.levels else 0.0
    if last > CLOSE:
        law = _law(chain, sampler.start)
        raise Differs(f"{STEPS[0]} steps end at level {last:.4g}, with {law} for {DATA}",
                      law.gap(DATA), (_named("stops before the data", 0.0,
                      "The last level is not 0.", "take one more step, to level 0"),))  # fmt: skip


def _approaches(sampler: Sampler, chains: Mapping[int, Chain]) -> None:
    laws = {n: _law(c, sampler.judged_start(n)) for n, c in chains.items()}
    gaps = [law.gap(DATA) for law in laws.values()]
    if not _falls(gaps):
        told = ", ".join(f"{laws[n]} after {n}" for n in STEPS[1:])
        raise Differs(
            f"its law does not approach the data's, {DATA}: {told}",
            gaps[2],
            _readings(sampler, chains),
            lambda cause: _repaired(sampler, cause),
        )


def _falls(gaps: Sequence[float]) -> bool:
    return gaps[2] <= CLOSE or gaps[2] <= FALLS * gaps[1]


_FOUND: dict[tuple[Any, ...], tuple[Explanation, ...]] = {}
"""What searches found, by sampler and by the code that was searched."""


def _repaired(sampler: Sampler, cause: str) -> tuple[Explanation, ...]:
    """The edits of the library's own functions that make the law right; ties as ties."""
    key = (sampler.id, cause, *(function.__code__ for function in sampler.sources))
    if key not in _FOUND:
        _FOUND[key] = _search(sampler, cause)
    return _FOUND[key]


def _search(sampler: Sampler, cause: str) -> tuple[Explanation, ...]:
    def gap() -> float:
        gaps = list[float]()
        for steps in STEPS:
            chain = sampler.chain(steps)
            gaps.append(_law(chain, sampler.judged_start(steps)).gap(DATA))
            if gaps[-1] > NEARBY:
                return float("inf")
        return gaps[2] if _falls(gaps) else float("inf")

    right = [(sibling, sibling.chain(STEPS[0])) for sibling in sampler.siblings]

    def kept() -> bool:
        return all(sibling.chain(STEPS[0]).same(chain, sampler.same) for sibling, chain in right)

    return tuple(r.explained() for r in repairs(sampler.sources, gap, kept, only=cause))


def _law(chain: Chain, start: Law) -> Law:
    return chain.law(start.mean, start.std)


def _readings(sampler: Sampler, chains: Mapping[int, Chain]) -> tuple[Explanation, ...]:
    """The other samplers that give the same chain, noise by noise, for two numbers of steps."""
    return tuple(
        _named(name, sampler.same) for name, run in sampler.readings.items()
        if all(read(run, n).same(chains[n], 50 * sampler.same) for n in STEPS[:2])
    )  # fmt: skip


Asked: TypeAlias = tuple[str, dict[str, Any]]
"""A sampler's name and its settings."""

Made: TypeAlias = Callable[[Any, str, dict[str, Any]], Sampler]
"""made(library, name, settings)."""


def each(options: Mapping[str, Sequence[tuple[str, Any]]]) -> list[Asked]:
    """Every sampler at its defaults, and with each of its options, one at a time."""
    return [(name, settings) for name, rows in options.items()
            for settings in ({}, *({k: v} for k, v in rows))]  # fmt: skip


def register(library: str, asked: Iterable[Asked], made: Made, title: str = "") -> None:
    """A fact about every sampler, made when it is asked for.

    Args:
        library: whose they are.
        asked: which.
        made: makes one.
        title: an ending that its name loses in reports.
    """
    for name, settings in asked:
        _register(library, name, settings, made, name.removesuffix(title))


def _register(library: str, name: str, settings: dict[str, Any], made: Made, short: str) -> None:
    def ask(its: Any) -> Finding:
        return judge(made(its, name, settings))

    told = ", ".join(shown(k, v) for k, v in settings.items())
    with_ = f" with {told}" if told else ""
    ask.__doc__ = f"The law of {short}{with_} approaches the data's in the limit of many steps."
    fact(library, identity(short, settings))(ask)
