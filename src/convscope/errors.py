"""The one exception family. Every message says what convscope received, what it expected, and what to do next."""

import difflib
import itertools
from collections.abc import Iterable, Sequence

from .hints import for_the_reader
from .legible import first_line, sentence, shortened

# Comparing two names takes time with the square of their length.
LONGEST_COMPARED = 200
MOST_COMPARED = 5_000


class ConvscopeError(Exception):
    """Base of everything convscope raises on purpose; the command line turns it into one sentence and exit code 2.

    Its first argument is the sentence as the command line says it. Whatever that quotes from files, paths and other programs is made
    legible here.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(sentence(message))

    def __str__(self) -> str:
        """Return the sentence, with options as the reader writes them: in Python as arguments."""
        return for_the_reader(super().__str__())


class BackendError(ConvscopeError):
    """No usable deep-learning backend, or the named one is not installed."""


class ModelError(ConvscopeError):
    """A model file that cannot be read, or a network that a method cannot work on."""


class ExhaustedError(ConvscopeError):
    """More memory was asked for than the machine or its accelerator has."""


class UnitError(ConvscopeError):
    """An address that names no layer, channel or position of the network."""


class ImageError(ConvscopeError):
    """A picture, array or folder that cannot serve as input."""


class UnreachableError(ImageError):
    """A picture that could not be had this time, though it may be sound: its disk, folder or archive failed, or memory ran out."""


class OptionError(ConvscopeError):
    """An option's value that is not among those that exist."""


class OutputError(ConvscopeError):
    """A result that cannot be written where it was asked to go."""


class PageError(ConvscopeError):
    """A folder that holds no page to show, or a port that cannot be had."""


class ReplayError(ConvscopeError):
    """A written result that cannot be made again from what it says about itself."""


class ReachError(ReplayError):
    """A file that a picture, a run or a list names, which lies outside its folder and which nobody allowed to open."""


def check_choice(noun: str, value: str, choices: Sequence[str]) -> None:
    """Raise OptionError for a value that is not among the choices."""
    if value not in choices:
        raise OptionError(f"No {noun} `{value}`. Choose one of {', '.join(choices)}.")


def alike(wanted: str, known: Iterable[str], most: int = 4) -> list[str]:
    """Return the known names most like `wanted`, none where none is alike."""
    if len(wanted) > LONGEST_COMPARED:
        return []
    names = (str(name) for name in known)
    by_lower = {name.lower(): name for name in itertools.islice(names, MOST_COMPARED) if len(name) <= LONGEST_COMPARED}
    return [by_lower[name] for name in difflib.get_close_matches(wanted.lower(), by_lower, n=most, cutoff=0.5)]


def closest(nouns: str, wanted: str, known: Iterable[str], most: int = 4) -> str:
    """Return the sentence that names what is most like `wanted` among `nouns`, such as "its layers"; the first few where nothing is alike.

    "" where nothing is known.
    """
    names = [str(name) for name in known]
    if found := alike(wanted, names, most):
        return f"Closest of {nouns}: {_listed(found)}."
    if len(names) <= most:
        return f"There are only {_listed(names)}." if names else ""
    return f"None of {nouns} is similar; the first are {_listed(names[:most])}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(shortened(name) for name in names)


def first_sentence(error: BaseException) -> str:
    """Return `first_line` of a library's error as a sentence of ours."""
    return f"{first_line(error)}."
