"""Settings from files and command lines into frozen dataclasses: keys known, values typed.

    read(Config, {"sampling": {"steps": 10}})       nested mappings, as YAML gives them
    override("sampling.steps=12")                    a dotted key and a YAML value

A key that does not exist is refused, and the nearest that does is named. Ranges are the
dataclasses' own business: they refuse at birth.
"""

import collections.abc
import dataclasses
import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from ...outside import MIB, bounded

T = TypeVar("T")


def read(kind: type[T], values: Mapping[str, Any], at: str = "") -> T:
    """A dataclass from nested mappings.

    Args:
        at: the dotted key of this part, for messages.

    Raises:
        ValueError: an unknown key, a value of another type, or one that the dataclass refuses.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: hints[field.name] for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given = {}
    for key, value in values.items():
        dotted = f"{at}.{key}" if at else str(key)
        if key not in fields:
            raise ValueError(unknown(dotted, keys(kind, at)))
        given[key] = typed(fields[key], value, dotted)
    try:
        return kind(**given)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{at}: {error}" if at and at not in str(error) else str(error)) from error


def unknown(
    key: str,
    known: typing.Iterable[str],
    otherwise: str = "`refimpl train sd3 --show` prints them all",
) -> str:
    """What to say of a key that does not exist; `otherwise` where no known one is near."""
    known = list(known)
    near = difflib.get_close_matches(key, known, n=1)
    if not near:  # the right name in the wrong place
        near = [k for k in known if k.rpartition(".")[2] == key.rpartition(".")[2]][:1]
    if not near:
        tails = {k.rpartition(".")[2]: k for k in known}
        near = [tails[t] for t in difflib.get_close_matches(key.rpartition(".")[2], tails, n=1)]
    hint = f"; did you mean {near[0]}?" if near else f"; {otherwise}"
    return f"no setting is called {key!r}{hint}"


def keys(kind: type, at: str = "") -> Iterator[str]:
    """The dotted keys of a tree of dataclasses, leaves only."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        dotted = f"{at}.{field.name}" if at else field.name
        if dataclasses.is_dataclass(hints[field.name]):
            yield from keys(hints[field.name], dotted)
        else:
            yield dotted


def override(text: str) -> tuple[str, Any]:
    """Split `key=value`; the value is YAML.

    Raises:
        ValueError: no equals sign, or no YAML.
    """
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(
            f"an override is written key=value, such as sampling.steps=12; got {text!r}"
        )
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"{key.strip()}: {value!r} is not a YAML value: {error}") from None


def put(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Set values["a"]["b"] for "a.b".

    Raises:
        ValueError: a part of the path is a value, not a section.
    """
    *sections, last = dotted.split(".")
    for name in sections:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{name!r} in {dotted!r} is a value, not a section")
        values = inner
    values[last] = value


def load(file: Path) -> dict[str, Any]:
    """A YAML file of settings.

    Raises:
        ValueError: no file, no YAML, or not a mapping.
    """
    import yaml

    try:
        found = yaml.safe_load(bounded(file, 4 * MIB).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"the settings {str(file)!r} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file} is not YAML: {reason}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file} must hold settings as `key: value`, got {type(found).__name__}")
    return found


def typed(kind: Any, value: Any, at: str) -> Any:
    """A value as an annotation asks for it; a whole number is a number, 1e-4 as text too.

    Args:
        kind: a type, a Literal, a union, a tuple, a mapping or a dataclass.
        at: the name of the setting, for messages.

    Raises:
        ValueError: a value of another kind.
    """
    origin, choices = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in choices:
            return None
        return _first_fitting([c for c in choices if c is not type(None)], value, at)
    if origin is Literal:
        if value in choices and type(value) in {type(choice) for choice in choices}:
            return value
        shown = ", ".join(str(choice) for choice in choices)
        raise ValueError(f"{at} must be one of {shown}, got {value!r}")
    if dataclasses.is_dataclass(kind):
        if isinstance(value, kind):  # type: ignore[arg-type]
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"{at} is a section with settings of its own, got {value!r}")
        return read(kind, value, at)  # type: ignore[arg-type]
    if origin is collections.abc.Mapping:
        if not isinstance(value, Mapping):
            raise ValueError(f"{at} must be a mapping `name: value`, got {value!r}")
        return {str(k): typed(choices[1], v, f"{at}.{k}") for k, v in value.items()}
    if origin is tuple:
        items = value if isinstance(value, (list, tuple)) else [value]
        inner = choices[:1] * len(items) if choices[1:] == (...,) else choices
        if len(inner) != len(items):
            raise ValueError(f"{at} must hold {len(inner)} values, got {value!r}")
        return tuple(typed(c, v, f"{at}[{i}]") for i, (c, v) in enumerate(zip(inner, items)))  # noqa: B905
    return _plain(kind, value, at)


def _first_fitting(kinds: list[Any], value: Any, at: str) -> Any:
    errors = []
    for kind in kinds:
        try:
            return typed(kind, value, at)
        except ValueError as error:
            errors.append(str(error))
    raise ValueError(errors[0] if len(errors) == 1 else " or ".join(errors))


def _plain(kind: Any, value: Any, at: str) -> Any:
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if kind is Path and isinstance(value, (str, Path)):
        return Path(value).expanduser()
    if kind is float and isinstance(value, str):  # YAML reads 1e-4 as text
        try:
            value = float(value)
        except ValueError:
            raise ValueError(f"{at} must be a number, got {value!r}") from None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is Any or (kind in words and type(value) is kind):
        return value
    raise ValueError(f"{at} must be {words.get(kind, kind)}, got {value!r}")
