"""Names written short: `train-{000..099}.tar` and `{cats,dogs}.zip` stand for several, as a shell and WebDataset write them."""

import re
from collections.abc import Iterator

from ..errors import ImageError

RANGE = re.compile(r"\{(\d{1,12})\.\.(\d{1,12})\}")
CHOICE = re.compile(r"\{([^{}]*,[^{}]*)\}")
MOST_NAMES = 100_000


def has_braces(text: str) -> bool:
    """Return whether text stands for several names."""
    return RANGE.search(text) is not None or CHOICE.search(text) is not None


def expanded(text: str) -> list[str]:
    """Return the names that text stands for, in order; a range keeps the zeros before its first number. Raises ImageError for too many."""
    names = list[str]()
    for name in _expanded(text):
        names.append(name)
        if len(names) > MOST_NAMES:
            raise ImageError(f"`{text}` stands for more than {MOST_NAMES:,} names. Divide it into several.")
    return names


def _expanded(text: str) -> Iterator[str]:
    found = min((match for match in (RANGE.search(text), CHOICE.search(text)) if match is not None), key=re.Match.start, default=None)
    if found is None:
        yield text
        return
    for middle in _numbers(found) if found.re is RANGE else found[1].split(","):
        for rest in _expanded(text[found.end() :]):
            yield f"{text[: found.start()]}{middle}{rest}"


def _numbers(found: re.Match[str]) -> Iterator[str]:
    first, last = int(found[1]), int(found[2])
    width = len(found[1]) if found[1].startswith("0") or len(found[1]) == len(found[2]) else 0
    for number in range(first, last + (1 if last >= first else -1), 1 if last >= first else -1):
        yield f"{number:0{width}}"
