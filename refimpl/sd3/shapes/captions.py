"""The captions: 372 sentences over four colours and three shapes, and what each one asks for.

    count      three red crosses                           48    one to four of one object
    two        a red square and a blue circle             108    two objects, of different colours
    left of    a red square left of a blue circle         108
    above      a red square above a blue circle           108

298 are trained on, 74 are held out: of pre-training and of reinforcement learning alike.
"""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Literal, TypeAlias

from ..loop.prompts import Prompt, Prompts, hold_out

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("square", "circle", "cross")
NUMBERS = ("one", "two", "three", "four")
HELD_OUT = 74

Category: TypeAlias = Literal["count", "two", "left of", "above"]
CATEGORIES: tuple[Category, ...] = ("count", "two", "left of", "above")


@dataclass(frozen=True)
class Thing:
    """One of the twelve objects."""

    colour: str
    shape: str

    @property
    def number(self) -> int:
        """0 … 11: colour by colour."""
        return COLOURS.index(self.colour) * len(SHAPES) + SHAPES.index(self.shape)

    def words(self, count: int = 1) -> str:
        """ "red square", "red crosses"."""
        ending = "" if count == 1 else "es" if self.shape.endswith("s") else "s"
        return f"{self.colour} {self.shape}{ending}"


THINGS = tuple(Thing(colour, shape) for colour, shape in product(COLOURS, SHAPES))


@dataclass(frozen=True)
class Caption:
    """What an image has to show.

    Attributes:
        things: the objects, one by one; of the first and the second a relation is said.
    """

    category: Category
    things: tuple[Thing, ...]

    @property
    def text(self) -> str:
        """The sentence."""
        first, *others = self.things
        if self.category == "count":
            return f"{NUMBERS[len(others)]} {first.words(len(self.things))}"
        link = "and" if self.category == "two" else self.category
        return f"a {first.words()} {link} a {others[0].words()}"

    @property
    def wanted(self) -> list[int]:
        """How many of each of the twelve objects, by their numbers."""
        return [self.things.count(thing) for thing in THINGS]

    @property
    def prompt(self) -> Prompt:
        """The sentence, and for the reward what it asks for; both are plain JSON."""
        things = [asdict(thing) for thing in self.things]
        return Prompt(self.text, {"category": self.category, "things": things})


def caption_of(prompt: Prompt) -> Caption:
    """What a prompt made by `Caption.prompt` asks for.

    Raises:
        ValueError: metadata that are not of that form.
    """
    try:
        things = tuple(Thing(**thing) for thing in prompt.metadata["things"])
        found = Caption(prompt.metadata["category"], things)
        fits = found in _EVERY
    except (KeyError, TypeError) as error:
        raise ValueError(_NO_CAPTION.format(prompt.metadata)) from error
    if not fits:
        raise ValueError(_NO_CAPTION.format(prompt.metadata))
    return found


_NO_CAPTION = (
    'the shapes reward needs metadata {{"category": …, "things": [{{"colour": …, "shape": …}}]}} '
    "of one of the 372 captions, got {}"
)


def every_caption() -> tuple[Caption, ...]:
    """All 372, in a fixed order."""
    return tuple(_EVERY)


def _every() -> dict[Caption, None]:
    counts = [
        Caption("count", (thing,) * n) for thing in THINGS for n in range(1, len(NUMBERS) + 1)
    ]
    pairs = [(a, b) for a, b in product(THINGS, THINGS) if a.colour != b.colour]
    related = [Caption(category, pair) for category in CATEGORIES[1:] for pair in pairs]
    return dict.fromkeys(counts + related)


_EVERY = _every()


def splits() -> tuple[Prompts, Prompts]:
    """(298 to train on, 74 held out), chosen by the hash of their texts."""
    return hold_out([caption.prompt for caption in every_caption()], HELD_OUT)
