"""A method as data: what is chosen, from names that each have an equation."""

import difflib
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from ..typed import typed

KernelName = Literal["flow_grpo", "constant", "cps", "exact", "exact_constant", "matched"]
BoundaryName = Literal["next_level", "clamp", "refuse"]
WindowName = Literal["all", "first", "fixed", "sliding", "random"]
WeightName = Literal["equal", "tempflow", "guard", "guard_lever", "levelled"]
Reduction = Literal["total", "average"]
RatioName = Literal["plain", "guard"]
TrustName = Literal["clip", "divergence", "none"]
KLName = Literal["none", "steps", "without_h", "velocity", "k1", "k2", "k3"]
Spread = Literal["group", "batch", "none"]


@dataclass(frozen=True)
class Method:
    """Everything that tells one method from another.

    Attributes:
        kernel: "flow_grpo" (`sde.transition`, g = a √(t/(1 − t))), "constant" (the same with one
            g), "cps" (`kernels.preserving` with `kernels.cps_std`), "exact" (`kernels.frozen_data`
            with Flow-GRPO's g), "exact_constant" (the same with one g), "matched"
            (`kernels.moment_matched` with `kernels.cps_std`: "cps", and the spread of the data that
            a prediction lacks).
        noise: a of "flow_grpo" and "exact", g of "constant" and "exact_constant", η of "cps" and
            "matched".
        data_std: for "matched" alone: the standard deviation of the data, taken for Gaussian, from
            which follows what x_t leaves open; 0 makes it "cps". Where it was measured it is handed
            to `kernel`.
        boundary: what stands for t inside g at t = 1, for "flow_grpo" alone; `clamp_at` for
            "clamp".
        clamp_at: see `boundary`.
        window: which steps draw noise: "all"; "first" `size` steps; "fixed": `size` steps from
            step `start`, 0 the noisiest; a window of `size` steps that
            moves on by `stride` every `every` iterations ("sliding", MixGRPO) or is drawn anew each
            iteration ("random") among the steps from `start` to before `end`, null for the last;
            the flow's ODE elsewhere. Only noisy steps are trained.
        size, start, end, stride, every: see `window`.
        skip_last: the last step is sampled and not trained.
        weight: of a step's surrogate: "equal", "tempflow", "guard" (1/h), "guard_lever" (1/L, L the
            sensitivity of the step's mean to the velocity), "levelled".
        reduction: of log-probabilities, KL and divergence over coordinates: "total" as in the
            article, or "average".
        ratio: "plain", or "guard": GRPO-Guard's recentred one, which needs "average".
        trust: "clip" the ratio at 1 ± `limit`; mask by the "divergence" from the old policy above
            `limit`; or "none".
        limit: see `trust`.
        kl, beta: the penalty against the reference and its weight.
        advantage_std, ddof, eps: see `grpo.advantage`.
        advantage_bound: see `grpo.bounded`; None leaves advantages as they are.

    Raises:
        ValueError: a name that is not one of these (the nearest is suggested), a number out of
            range, or choices that do not go together.
    """

    kernel: KernelName = "flow_grpo"
    noise: float = 0.7
    data_std: float = 0.0
    boundary: BoundaryName = "next_level"
    clamp_at: float = 0.99
    window: WindowName = "all"
    size: int = 3
    start: int = 0
    end: int | None = None
    stride: int = 1
    every: int = 25
    skip_last: bool = True
    weight: WeightName = "equal"
    reduction: Reduction = "total"
    ratio: RatioName = "plain"
    trust: TrustName = "clip"
    limit: float = 0.2
    kl: KLName = "steps"
    beta: float = 0.0
    advantage_std: Spread = "group"
    ddof: int = 0
    eps: float = 0.0
    advantage_bound: float | None = None

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            value, choices = getattr(self, field.name), get_args(hints[field.name])
            if choices and all(isinstance(c, str) for c in choices) and value not in choices:
                raise ValueError(_unknown(field.name, value, choices))
        typed(self)
        for name in ("size", "stride", "every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.start < 0 or (self.start and self.window not in ("fixed", "random")):
            raise ValueError(
                f"start={self.start!r} says where window='fixed' begins, or the steps that "
                f"'random' draws from, 0 or later; window is {self.window!r}"
            )
        if self.end is not None and self.window != "random":
            raise ValueError(
                f"end={self.end!r} ends the steps that window='random' draws from; window is "
                f"{self.window!r}"
            )
        if self.end is not None and self.end < self.start + self.size:
            raise ValueError(
                f"a window of {self.size} steps does not fit between start={self.start!r} and "
                f"end={self.end!r}"
            )
        if not self.noise > 0:
            raise ValueError(
                f"noise must be positive, got {self.noise!r}: without noise a step has no "
                "likelihood, and nothing can be trained"
            )
        if self.kernel in ("cps", "matched") and self.noise > 1:
            raise ValueError(f"noise is η of CPS and at most 1, got {self.noise!r}")
        if self.data_std < 0 or (self.data_std and self.kernel != "matched"):
            raise ValueError(
                f"data_std={self.data_std!r} is zero or positive, and belongs to kernel='matched'; "
                f"kernel is {self.kernel!r}"
            )
        if not 0 < self.clamp_at < 1:
            raise ValueError(f"clamp_at must lie in (0, 1), got {self.clamp_at!r}")
        for name in ("limit", "beta", "eps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be zero or positive, got {getattr(self, name)!r}")
        if self.ddof not in (0, 1):
            raise ValueError(f"ddof must be 0 or 1, got {self.ddof!r}")
        if self.advantage_bound is not None and not self.advantage_bound > 0:
            raise ValueError(f"advantage_bound must be positive, got {self.advantage_bound!r}")
        if self.ratio == "guard" and self.reduction != "average":
            raise ValueError(
                "ratio='guard' is defined on averaged log-probabilities: set reduction='average', "
                f"got {self.reduction!r}"
            )
        if self.kl == "none" and self.beta:
            raise ValueError(f"beta={self.beta!r} weighs a KL, and kl is 'none': choose one")
        if self.kl == "without_h" and self.kernel not in ("flow_grpo", "constant"):
            raise ValueError(
                f"kl='without_h' divides by g, and kernel={self.kernel!r} has none: use 'steps'"
            )

    def but(self, **changes: Any) -> "Method":
        """A copy with changes, validated; an unknown key suggests the nearest.

        Raises:
            ValueError: see the class; or a key that does not exist.
        """
        names = [field.name for field in fields(self)]
        for key in changes:
            if key not in names:
                raise ValueError(_unknown("a setting of a method", key, names))
        return replace(self, **changes)


def _unknown(what: str, value: object, choices: Any) -> str:
    near = difflib.get_close_matches(str(value), choices, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{what} must be one of {', '.join(map(repr, choices))}, got {value!r}{hint}"


# fmt: off
_FIELD = Method(
    reduction="average", limit=1e-4, kl="without_h", beta=0.04, advantage_std="batch",
    eps=1e-4, advantage_bound=5.0,
)

PRESETS: dict[str, Method] = {
    "paper": Method(beta=0.04),
    "flow_grpo": _FIELD,
    "flow_grpo_fast": _FIELD.but(window="random", size=2),
    "dance_grpo": Method(
        kernel="constant", noise=0.3, reduction="average", limit=1e-4, kl="none", ddof=1, eps=1e-8
    ),
    "mix_grpo": Method(
        window="sliding", size=4, reduction="average", limit=1e-4, kl="none", ddof=1, eps=1e-8
    ),
    "flow_cps": _FIELD.but(kernel="cps", noise=0.8, kl="steps"),
    "guard": _FIELD.but(ratio="guard", weight="guard"),
    "precise": _FIELD.but(
        kernel="exact", noise=1.5, ratio="guard", weight="guard_lever", limit=4e-6, kl="none",
        beta=0.0, advantage_std="group",
    ),
    "tempflow": _FIELD.but(weight="tempflow"),
    "flow_dppo": _FIELD.but(trust="divergence", limit=1e-6),
    "levelled": Method(window="first", size=3, weight="levelled", advantage_std="batch"),
}
# fmt: on
"""Published recipes, and one of our own ("levelled"); each a `Method` to be changed by `but`."""


def preset(name: str) -> Method:
    """A recipe by name.

    Raises:
        ValueError: no such recipe; the nearest is suggested.
    """
    if name not in PRESETS:
        raise ValueError(_unknown("a preset", name, list(PRESETS)))
    return PRESETS[name]
