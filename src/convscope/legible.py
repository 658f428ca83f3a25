"""The one door from outside to the terminal and to sentences: names in files, paths and other programs' words as plain text."""

import re
from collections.abc import Sequence

# A name may be long; a sentence that repeats 5,000 letters of it is not read.
LONGEST_NAME = 400
LONGEST_CLAUSE = 1_200
LONGEST_SENTENCE = 1_500
LONGEST_REPR = 160  # of a record: one line of a terminal, or two of a narrow one
# Libraries quote bytes of what is damaged, sometimes thousands.
LONGEST_SAID = 300
# What Keras and TensorFlow put around their sentences: colours, the operation, a line that only says which layer was called.
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|\{\{.*?\}\}|\[Op:\w+\]( name:.*)?")
_FOREWORD = "Exception encountered when"
_MARK = "\N{REPLACEMENT CHARACTER}"


def legible(text: object) -> str:
    """Return a text on one line without characters that a terminal obeys: escapes, bells, directions, lone surrogates.

    Each such character becomes U+FFFD, white space of any kind a blank, so that nothing vanishes without a trace.
    """
    words = str(text)
    if words.isprintable():
        return words
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else _MARK for letter in words)


def sentence(text: object) -> str:
    """Return a sentence as it may be shown: legible, and the middle of each very long name in backquotes left out."""
    parts = legible(text).split("`")
    shown = "`".join(shortened(part, LONGEST_NAME if place % 2 else LONGEST_CLAUSE) for place, part in enumerate(parts))
    return shortened(shown, LONGEST_SENTENCE)


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name with its middle left out where it has more letters than `longest`."""
    if len(name) <= longest:
        return name
    half = (longest - 1) // 2
    return f"{name[:half]}\N{HORIZONTAL ELLIPSIS}{name[-half:]}"


def told(record: object, *facts: object) -> str:
    """Return the `repr` of a record: its kind and a few facts on one line, however large it is. Facts that are "" are left out."""
    said = ", ".join(filter(None, map(legible, facts)))
    return shortened(f"{type(record).__name__}({said})", LONGEST_REPR)


def few(names: Sequence[object], most: int = 3) -> str:
    """Return the first few of some names, and how many more there are."""
    shown = ", ".join(shortened(legible(name), LONGEST_REPR // 4) for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def first_line(error: BaseException) -> str:
    """Return the first line of what a library says went wrong, short and without its point at the end; or the kind of the error."""
    lines = (line.strip() for line in _DECORATION.sub("", str(error)).splitlines())
    said = next((line for line in lines if line and not line.startswith(_FOREWORD)), "").rstrip(".")
    return shortened(said, LONGEST_SAID) or type(error).__name__


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 image`, `2 images`; `plural`: where that is more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
