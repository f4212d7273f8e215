"""Odd calls of what calls the equations: the right number, or an error that names the argument.

Every number, array, word and row of the calls in `odd_places` is replaced in turn by each of some
ninety odd things. A sample runs always, all of it at night.
"""

import dataclasses
import warnings
import zlib

import numpy as np
import pytest
import torch
from odd import EQUIVALENT, NO_NUMBER
from odd_places import ROOMS

PLACES = {
    f"{room}.{name}": place for room, places in ROOMS.items() for name, place in places.items()
}
ODD = [*EQUIVALENT, *NO_NUMBER]
COARSE = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24}


def numbers(x):
    """All the numbers in a result, in order."""
    if isinstance(x, torch.Tensor):
        real = torch.view_as_real(x) if x.is_complex() else x
        return real.detach().double().flatten().tolist()
    if dataclasses.is_dataclass(x):
        return [n for f in dataclasses.fields(x) for n in numbers(getattr(x, f.name))]
    if isinstance(x, (tuple, list, np.ndarray)):
        return [n for part in x for n in numbers(part)]
    return [float(x)] if isinstance(x, (int, float, np.floating)) else []


def call(place, **changed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Converting a tensor with requires_grad")
        return place.function(**{**place.beside, **place.arguments, **changed})


def outcome(place, name, odd):
    """What is wrong with a call, "" if nothing is."""
    given = place.arguments[name]
    try:
        value = EQUIVALENT[odd](given) if odd in EQUIVALENT else NO_NUMBER[odd]
    except (TypeError, ValueError):
        return ""  # nothing of that kind stands for text or for a mapping
    try:
        got = call(place, **{name: value})
    except (TypeError, ValueError) as error:
        said = str(error)
        named = any(word in said for word in (name, *place.told.get(name, ())))
        if "\n" in said or not named or len(said) > 400:
            return f"{type(error).__name__} does not name {name}: {said[:120]!r}"
        return ""
    except Exception as error:
        return f"from the depths: {type(error).__name__}: {str(error)[:120]!r}"
    if odd in NO_NUMBER:
        return "" if odd in place.fine.get(name, ()) else f"accepted: {str(got)[:120]}"
    want, found = numbers(call(place)), numbers(got)
    unit = next((u for dtype, u in COARSE.items() if dtype in odd), 2.0**-53)
    scale = max(1.0, *map(abs, want))
    if len(want) != len(found) or not np.allclose(found, want, rtol=0, atol=64 * unit * scale):
        return f"not the right number: {found[:3]}, not {want[:3]}"
    return ""


def calls(title):
    return [(name, odd) for name in PLACES[title].arguments for odd in ODD]


def failures(title, pairs):
    place = PLACES[title]
    return [f"{n} as {odd}: {said}" for n, odd in pairs if (said := outcome(place, n, odd))]


@pytest.mark.parametrize("title", PLACES)
def test_some_odd_calls_end_in_the_right_number_or_a_clear_error(title):
    start = zlib.crc32(title.encode()) % 17
    assert not failures(title, calls(title)[start::17])


@pytest.mark.slow
@pytest.mark.parametrize("title", PLACES)
def test_every_odd_call_ends_in_the_right_number_or_a_clear_error(title):
    assert not failures(title, calls(title))


def test_there_are_ten_thousand_odd_calls_and_the_plain_ones_are_right():
    assert sum(len(calls(title)) for title in PLACES) > 10_000
    for title, place in PLACES.items():
        assert numbers(call(place)) or title == "simulate.config.read", title
