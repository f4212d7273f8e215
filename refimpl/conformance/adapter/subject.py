"""Somebody's code, held at arm's length: found, bound, called, and never trusted.

    subject = load("pkg.mod:Mine")      subject.call("ratio", log_prob=..., log_prob_old=...)

Arguments are passed by name where the names are those of the protocol, otherwise by position. Each
call gets fresh copies; what it prints is swallowed, what it does to the global random state is
undone, what it raises becomes `Broken`.
"""

import contextlib
import inspect
import io
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch

from . import arrays
from .binding import bindable
from .capabilities import CAPABILITIES, OPTIONAL, SAME
from .conventions import Conventions
from .naming import CannotRun, misspelt, nearest
from .patience import Patience
from .printable import printable

_OTHER = ("conventions", "name", "version", "deviations", "facts")


class Broken(Exception):
    """A call that gave no usable result: it raised, returned nothing, changed its input."""


class Subject:
    """An adapter with its conventions.

    Args:
        target: a class (made without arguments), an instance, a module, or a dictionary.
        name: what to call it in reports.

    Attributes:
        failed: capabilities that fail their basic check.
        nameless: those whose values are wrong, and look like nothing that is known.
        half_read: those of whose values one part looks like nothing that is known.
        searching: whether the check that runs may look for a cause.
        read: what a capability's values were seen to be.

    Raises:
        CannotRun: nothing is provided, a capability or convention is misspelt, a class that cannot
            be made.
    """

    def __init__(self, target: Any, name: str = "") -> None:
        own = target.__name__ if hasattr(target, "__name__") else type(target).__name__
        self.holder = _made(target)
        self.name = printable(self._attribute("name") or name or own)
        self.version = printable(self._attribute("version") or "")
        self.conventions = Conventions(self._declared())
        self.functions = {cap: f for cap in CAPABILITIES if (f := self._function(cap)) is not None}
        self.facts = tuple(self._attribute("facts") or ())
        self._refuse_misspelt()
        self._signatures = {cap: bindable(cap, f) for cap, f in self.functions.items()}
        self.drawn_after: tuple[float, ...] = ()
        self.failed: set[str] = set()
        self.patience = Patience()
        self.nameless: set[str] = set()
        self.half_read: set[str] = set()
        self.searching = True
        self.read: dict[str, tuple[Any, ...]] = {}

    def __contains__(self, capability: str) -> bool:
        return capability in self.functions

    def accepts(self, capability: str, argument: str) -> bool:
        """Whether a function asks for an argument."""
        names, by_name = self._signatures[capability]
        if by_name:
            return argument in {SAME.get(name, name) for name in names}
        return argument in CAPABILITIES[capability].arguments[: len(names)]

    def raw(self, capability: str, given: Mapping[str, Any], seed: int = 0) -> Any:
        """What a function returns for arguments in its own framework, watched over.

        The global generators are seeded before the call, and put back after it.

        Raises:
            Broken: it raised, or changed an argument in place.
        """
        names, by_name = self._signatures[capability]
        if "generator" in names and "generator" not in given:
            given = {**given, "generator": self.generator(seed)}
        asked: dict[str, Any] = {}
        for name in names:
            known = SAME.get(name, name) if by_name else name
            if known in given:
                asked[name] = given[known]
        before = {name: _numbers(x) for name, x in asked.items()}
        try:
            with quiet():
                _seed(seed)
                function = self.functions[capability]
                out = function(**asked) if by_name else function(*asked.values())
                self.drawn_after = (torch.rand(1).item(), np.random.rand(), random.random())
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            said = " ".join(str(error).split())[:300]
            raise Broken(f"{capability} raised {type(error).__name__}: {said}") from error
        for name, old in before.items():
            now = _numbers(asked[name])
            if old is not None and now is not None and not np.array_equal(old, now, equal_nan=True):
                raise Broken(f"{capability} changes its argument {name} in place: copy it first")
        if out is None:
            raise Broken(f"{capability} returned None")
        return out

    def generator(self, seed: int) -> Any:
        """A seeded generator of the adapter's framework."""
        if self.conventions["arrays"] == "torch":
            return torch.Generator().manual_seed(seed)
        return np.random.default_rng(seed)

    def give(self, x: np.ndarray) -> Any:
        """Numbers in the adapter's framework and precision."""
        return arrays.give(x, self.conventions["arrays"], self.conventions["dtype"])

    # ---------------------------------------------------------------- looking in

    def _attribute(self, name: str) -> Any:
        if isinstance(self.holder, Mapping):
            return self.holder.get(name)
        found = getattr(self.holder, name, None)
        return None if name in ("name", "version") and not isinstance(found, str) else found

    def _declared(self) -> Mapping[str, Any]:
        found = self._attribute("conventions")
        if callable(found):
            try:
                found = found()
            except SystemExit as end:
                raise CannotRun(f"{self.name}.conventions() ends Python ({end.code!r})") from end
        if found is not None and not isinstance(found, Mapping):
            raise CannotRun(f"conventions must be a dictionary, got {type(found).__name__}")
        return found or {}

    def _function(self, name: str) -> Callable[..., Any] | None:
        """A function of the holder; one written in a class without `self` is taken as it is."""
        found = self._attribute(name)
        if found is None:
            return None
        if not callable(found):
            raise CannotRun(f"{self.name}.{name} must be a function, got {type(found).__name__}")
        plain = inspect.getattr_static(type(self.holder), name, None)
        if inspect.isfunction(plain):
            first = next(iter(inspect.signature(plain).parameters), "")
            known = {*CAPABILITIES[name].arguments, *CAPABILITIES[name].more, *SAME}
            if first in known:
                return plain
        return found

    def _refuse_misspelt(self) -> None:
        if isinstance(self.holder, Mapping):
            names = set(self.holder)
        else:
            names = {n for n in dir(self.holder) if not n.startswith("_")}
        if not self.functions and not self.facts:
            strange = {n for n in names - set(_OTHER) if callable(self._attribute(n))}
            hint = "".join(
                f"; {n!r} is not one{nearest(n, CAPABILITIES)}" for n in sorted(strange)[:3]
            )
            raise CannotRun(f"{self.name} provides none of {', '.join(CAPABILITIES)}{hint}")
        if isinstance(self.holder, (ModuleType, torch.nn.Module)):
            return
        for n in sorted(names - set(_OTHER) - set(CAPABILITIES)):
            own = callable(self._attribute(n)) and not _inherited(self.holder, n)
            if own and misspelt(n, CAPABILITIES):
                raise CannotRun(
                    f"{self.name}.{n} is not a capability{nearest(n, CAPABILITIES)} "
                    "(or start its name with an underscore)"
                )


def _inherited(holder: Any, name: str) -> bool:
    """Inherited from a framework's or library's class, so not a misspelt capability."""
    for kind in type(holder).__mro__:
        if name in vars(kind):
            return kind.__module__.partition(".")[0] in ("builtins", "torch", "flax", "enum")
    return False


def _made(target: Any) -> Any:
    if not inspect.isclass(target):
        return target
    try:
        with quiet():
            return target()
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError:
        raise
    except BaseException as error:
        raise CannotRun(
            f"{target.__name__}() cannot be made ({type(error).__name__}: {error}): "
            "an adapter class takes no arguments; or give an instance"
        ) from error


def missing(subject: Subject, capability: str) -> tuple[str, ...]:
    """Required arguments that a function does not take."""
    optional = OPTIONAL.get(capability, ())
    return tuple(
        name
        for name in CAPABILITIES[capability].arguments
        if name not in optional and not subject.accepts(capability, name)
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing printed, no warning shown, no thread of randomness lost."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    default, grad = torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
        torch.set_default_dtype(default)
        torch.set_grad_enabled(grad)


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _numbers(x: Any) -> np.ndarray | None:
    if callable(x) or isinstance(x, (str, torch.Generator, np.random.Generator)):
        return None
    return arrays.take(x).copy()
