"""What may stand in an argument, said once, in the signature.

    def drift(v: Velocity, score: Score, g: Diffusion) -> Num: ...

    Diffusion = Annotated[Num, Argument("g", "the diffusion coefficient of the SDE", NONNEGATIVE,
    SAMPLE)]

From a declaration follow the validation of the equation, the symbol of its proof, the awkward inputs,
the glossary of the test vectors, the strategies of the tests and the table on the page. What one
equation has of its own is added where it is used: a domain, or a meaning in words.

    t: Annotated[Level, POSITIVE_LEVEL]          mean: Annotated[Mean, "the new policy's mean"]
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_type_hints

from .domain import (
    CORRELATION,
    DENSE,
    FUNCTION,
    LENGTH,
    LEVEL,
    LEVEL_BELOW_ONE,
    NEGATIVE,
    NONNEGATIVE,
    POSITIVE,
    RATIO,
    REAL,
    UNUSED,
    Domain,
)
from .elementary import Array, Num

Per: TypeAlias = Literal["coordinate", "sample", "array", "alone"]
"""What one value belongs to: a coordinate; a sample, as a column that meets all coordinates of it;
an array that is reduced over an axis; or the call, where it stands alone and meets nothing."""

SAMPLE: Per = "sample"


@dataclass(frozen=True)
class Argument:
    """The declaration of an argument.

    Attributes:
        letter: as the article writes it, LaTeX; empty for the name itself.
        meaning: what it is, in words.
        domain: where it may lie; it is refused elsewhere.
        per: what one value belongs to.
        usual: where proofs and examples look, if that is less than the domain.
        between: an interval inside, with rational ends, for witnesses of a proof.
        axes: the least number of axes of an array that is reduced.
        own: whether the meaning was given for one equation.
    """

    letter: str
    meaning: str
    domain: Domain = REAL
    per: Per = "coordinate"
    usual: Domain | None = None
    between: tuple[str, str] | None = None
    axes: int = 0
    own: bool = False

    @property
    def inside(self) -> Domain:
        """Where proofs and examples look."""
        return self.usual or self.domain

    def refined(self, word: Any) -> "Argument":
        """With what one equation says of its own: a domain, or a meaning."""
        if isinstance(word, Domain):
            return replace(self, domain=word, usual=None)
        if isinstance(word, str):
            return replace(self, meaning=word, own=True)
        raise TypeError(f"a declaration is refined by a domain or by words, not by {word!r}")


# ---------------------------------------------------------------- structures


@dataclass(frozen=True)
class Structure:
    """How the fields of a small structure stand in a signature.

    Attributes:
        fields: their declarations, by name.
        prefixed: whether flat names carry the parameter's: p_mean, q_std.
        judged: whether its values were looked at when it was made.
    """

    fields: dict[str, Argument]
    prefixed: bool
    judged: bool


_STRUCTURES: dict[type, Structure] = {}
T = TypeVar("T", bound=type)


def structure(*, prefixed: bool = False, judged: bool = False) -> Callable[[T], T]:
    """Note a dataclass whose fields are declared like arguments."""

    def note(kind: T) -> T:
        hints = get_type_hints(kind, include_extras=True)
        fields = {name: declaration(name, hint) for name, hint in hints.items()}
        _STRUCTURES[kind] = Structure(fields, prefixed, judged)
        return kind

    return note


@dataclass(frozen=True)
class Asks:
    """What an equation asks of a structure's fields; one that it leaves alone is absent."""

    fields: dict[str, Domain]


def asks(**fields: Domain) -> Asks:
    """The fields of a structure that an equation uses, each with its domain there."""
    return Asks(fields)


# ---------------------------------------------------------------- signatures


@dataclass(frozen=True)
class Place:
    """Where one value of a call stands: an argument, or a field of a structure that is one.

    Attributes:
        name: the flat name, by which inputs and vectors call it.
        shown: the name in messages.
        argument: the declaration.
        parameter: the parameter's name.
        position: its position.
        field: of the structure; empty for a plain argument.
        structure: its class; None for a plain argument.
        rank: of the field among those of its structure.
        law: whether the structure is a law, whose fields are called after it.
        judged: whether the structure has looked at the value, and nothing more is asked of it.
    """

    name: str
    shown: str
    argument: Argument
    parameter: str
    position: int
    field: str = ""
    structure: type | None = None
    rank: int = 0
    law: bool = False
    judged: bool = False

    @property
    def meets(self) -> bool:
        """Whether the value meets others in an elementwise formula."""
        return self.argument.per != "alone"


def declared(function: Callable[..., Any]) -> tuple[Place, ...]:
    """The places of an equation's signature, structures taken apart, in its order.

    Raises:
        TypeError: an argument without a declaration.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = tuple(inspect.signature(function).parameters)
    prefixed = sum(_is_prefixed(hints.get(parameter)) for parameter in parameters)
    return tuple(
        place
        for position, parameter in enumerate(parameters)
        for place in _places(parameter, position, hints.get(parameter), prefixed > 1)
    )


def table(places: Iterable[Place]) -> list[tuple[str, str, str, str, str]]:
    """Rows for a page: letter, name, meaning, domain, and what one value belongs to."""
    return [
        (a.letter, place.name, a.meaning, a.domain.words, a.per)
        for place in places
        if (a := place.argument).domain is not UNUSED
    ]


def _places(parameter: str, position: int, hint: Any, several: bool) -> Iterator[Place]:
    kind, words = _taken_apart(hint)
    known = _STRUCTURES.get(kind) if isinstance(kind, type) else None
    if known is None:
        yield Place(parameter, parameter, declaration(parameter, hint), parameter, position)
        return
    asked = next((w.fields for w in words if isinstance(w, Asks)), dict.fromkeys(known.fields))
    called = next((w for w in words if isinstance(w, str)), parameter)
    for rank, (name, argument) in enumerate(known.fields.items()):
        more = asked.get(name)
        flat = f"{parameter}_{name}" if known.prefixed else name
        argument = replace(argument, meaning=argument.meaning.format(law=called))
        yield Place(
            flat,
            flat if several else name,
            _narrowed(argument, asked.get(name, UNUSED)),
            parameter,
            position,
            name,
            kind,
            rank,
            known.prefixed,
            known.judged and more is None,
        )


def _narrowed(argument: Argument, domain: Domain | None) -> Argument:
    return argument if domain is None else replace(argument, domain=domain, usual=argument.inside)


def _is_prefixed(hint: Any) -> bool:
    kind, _ = _taken_apart(hint)
    return kind in _STRUCTURES and _STRUCTURES[kind].prefixed


def _taken_apart(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type of an annotation, and the words that it carries."""
    return (hint.__origin__, hint.__metadata__) if hasattr(hint, "__metadata__") else (hint, ())


def declaration(name: str, hint: Any) -> Argument:
    """What an annotation says of an argument.

    Raises:
        TypeError: it says nothing.
    """
    _, (first, *more) = _taken_apart(hint) if hasattr(hint, "__metadata__") else (None, (None,))
    if not isinstance(first, Argument):
        raise TypeError(
            f"{name} carries no declaration: annotate it with a word of "
            "refimpl.equations.arguments, for instance State, or Annotated[Num, Argument(...)]"
        )
    return functools.reduce(Argument.refined, more, first)


# ---------------------------------------------------------------- the vocabulary: levels, steps


Level: TypeAlias = Annotated[
    Num, Argument("t", "the noise level of the state", LEVEL, SAMPLE, between=("0.5", "1"))
]
LowerLevel: TypeAlias = Annotated[
    Num, Argument("s", "the noise level after the step, s < t", LEVEL, SAMPLE, between=("0", "0.5"))
]
Length: TypeAlias = Annotated[
    Num,
    Argument("h", "the length of the step, t − s > 0", LENGTH, SAMPLE, between=("0", "0.5")),
]
Inside: TypeAlias = Annotated[
    Num,
    Argument(
        r"t_{\mathrm{in}}",
        "what stands for t inside 1/(1 − t)",
        LEVEL_BELOW_ONE,
        SAMPLE,
        between=("0.5", "1"),
    ),
]

# ---------------------------------------------------------------- samples and fields

State: TypeAlias = Annotated[Num, Argument("x", "the state x_t")]
Data: TypeAlias = Annotated[Num, Argument(r"\mathrm{data}", "the clean sample")]
Noise: TypeAlias = Annotated[Num, Argument(r"\mathrm{noise}", "a draw of N(0, I)")]
Velocity: TypeAlias = Annotated[Num, Argument("v", "the velocity at (x_t, t)")]
ReferenceVelocity: TypeAlias = Annotated[
    Num, Argument(r"v_{\mathrm{ref}}", "the reference model's velocity there")
]
OldVelocity: TypeAlias = Annotated[
    Num, Argument(r"v_{\mathrm{old}}", "the old policy's velocity there")
]
Score: TypeAlias = Annotated[Num, Argument(r"\nabla\log p_t", "∇ log p_t at x_t")]
ClassifierScore: TypeAlias = Annotated[
    Num, Argument(r"\nabla\log p_t(y\mid x)", "∇ log p(y | x_t)")
]
Drift: TypeAlias = Annotated[Num, Argument("f", "the drift at a point")]
Target: TypeAlias = Annotated[Num, Argument(r"v^{\star}", "what the network is trained on")]
VelocityField: TypeAlias = Annotated[
    Callable[[Num, Num], Num],
    Argument("v", "the velocity, a function field(x, t) shaped like x", FUNCTION, "alone"),
]

# ---------------------------------------------------------------- a path's coefficients

Alpha: TypeAlias = Annotated[
    Num, Argument(r"\alpha_t", "α_t, the scale of the data", REAL, SAMPLE, usual=POSITIVE)
]
Sigma: TypeAlias = Annotated[
    Num, Argument(r"\sigma_t", "σ_t, the scale of the noise", REAL, SAMPLE, usual=POSITIVE)
]
AlphaRate: TypeAlias = Annotated[
    Num,
    Argument(r"\dot\alpha_t", "dα_t/dt", REAL, SAMPLE, usual=NEGATIVE, between=("-2", "0")),
]
SigmaRate: TypeAlias = Annotated[
    Num, Argument(r"\dot\sigma_t", "dσ_t/dt", REAL, SAMPLE, usual=POSITIVE)
]

# ---------------------------------------------------------------- scales

Diffusion: TypeAlias = Annotated[
    Num, Argument("g", "the diffusion coefficient of the SDE", NONNEGATIVE, SAMPLE)
]
NoiseLevel: TypeAlias = Annotated[
    Num, Argument("a", "the noise level of Flow-GRPO, the factor in g", NONNEGATIVE, SAMPLE)
]
Mean: TypeAlias = Annotated[Num, Argument(r"\mu", "the mean of the Gaussian")]
ReferenceMean: TypeAlias = Annotated[
    Num, Argument(r"\mu_{\mathrm{ref}}", "the reference policy's mean")
]
OldMean: TypeAlias = Annotated[Num, Argument(r"\mu_{\mathrm{old}}", "the old policy's mean")]
Std: TypeAlias = Annotated[Num, Argument(r"\mathrm{std}", "the standard deviation", DENSE, SAMPLE)]
Weight: TypeAlias = Annotated[Num, Argument(r"\beta", "the weight of the KL", NONNEGATIVE, SAMPLE)]

SigmaMin: TypeAlias = Annotated[
    Num,
    Argument(
        r"\sigma_{\min}", "the smallest scale of noise", POSITIVE, SAMPLE, between=("0.1", "0.5")
    ),
]
W: TypeAlias = Annotated[
    Num, Argument("w", "the guidance scale; 0 is unconditional, 1 conditional", REAL, SAMPLE)
]
Omega: TypeAlias = Annotated[
    Num,
    Argument(
        r"\omega",
        "Ho and Salimans' guidance scale; −1 is unconditional, 0 conditional",
        REAL,
        SAMPLE,
    ),
]
Correlation: TypeAlias = Annotated[
    Num,
    Argument(r"\rho", "of the two ends of a path", CORRELATION, SAMPLE, between=("-0.9", "0.9")),
]

# ---------------------------------------------------------------- policies and rewards

LogProb: TypeAlias = Annotated[Num, Argument(r"\log p_\theta", "the new policy's log-probability")]
OldLogProb: TypeAlias = Annotated[
    Num, Argument(r"\log p_{\mathrm{old}}", "the old policy's log-probability")
]
LogRatio: TypeAlias = Annotated[Num, Argument(r"\log r", "log of the new over the old density")]
Ratio: TypeAlias = Annotated[Num, Argument("r", "the new over the old density of the step", RATIO)]
Advantage: TypeAlias = Annotated[Num, Argument("A", "the sample's advantage")]
Divergence: TypeAlias = Annotated[Num, Argument(r"\mathrm{KL}", "the KL of the step", NONNEGATIVE)]
Limit: TypeAlias = Annotated[
    Num, Argument(r"A_{\max}", "the largest value let through", POSITIVE, SAMPLE)
]
Lever: TypeAlias = Annotated[
    Num,
    Argument(
        "h\\,c", "how far the mean moves for a change of the velocity", REAL, SAMPLE, usual=POSITIVE
    ),
]

# ---------------------------------------------------------------- arrays that are reduced

Prior: TypeAlias = Annotated[
    Array, Argument("p", "weights of components, leading axis", REAL, "array", axes=1)
]
Posterior: TypeAlias = Annotated[
    Array,
    Argument(r"p(z\mid x)", "weights of components given x, leading axis", REAL, "array", axes=1),
]
