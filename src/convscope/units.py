"""Unit addresses: one grammar for the command line, file names, links and tables.

    block4_conv2:17          channel 17 of a layer          block4_conv2:17@3,5      one neuron of it (row, column)
    base/conv1:0             a layer of a nested model      conv1#2:0                the second call of a shared layer
    block4_conv2:0-63        channels 0 to 63               block4_conv2:3,17        a list
    block4_conv2:all         every channel                  predictions:tabby        an output unit by its class name

Channels, rows and columns count from 0.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import UnitError
from .numerals import natural

# No layer of a network that fits into memory has more channels.
MOST_CHANNELS = 1_000_000
GRAMMAR = "layer:channel, layer:0-63, layer:3,17, layer:all, layer:channel@row,column"
# Of patterns of layers, which `network.listing` reads.
LAYER_GRAMMAR = "an address, a pattern such as block[45]_conv*, all or convolutions; several with commas between them"


@dataclass(frozen=True, order=True)
class Unit:
    """One channel of a layer, or one neuron of it when `position` (row, column) is given."""

    layer: str
    channel: int
    position: tuple[int, int] | None = None

    def __str__(self) -> str:
        where = "" if self.position is None else "@{},{}".format(*self.position)
        return f"{self.layer}:{self.channel}{where}"

    @property
    def slug(self) -> str:
        """The address as a file name, the same on every system."""
        return slug(str(self))


@dataclass(frozen=True)
class UnitPattern:
    """A parsed address before the network is asked: `channels` is None for a bare layer, "all", indices or a class name."""

    text: str
    layer: str
    channels: tuple[int, ...] | str | None
    position: tuple[int, int] | None = None


def parse(text: str) -> UnitPattern:
    """Read one address; raise UnitError that shows the grammar."""
    layer, colon, rest = text.strip().partition(":")
    if not layer or (colon and not rest.strip()):
        raise UnitError(f"`{text}` is not the address of a unit. Expected one of: {GRAMMAR}.")
    if not colon:
        return UnitPattern(text, layer, None)
    rest, at, place = rest.partition("@")
    position = as_position(text, place) if at else None
    return UnitPattern(text, layer, _channels(text, rest.strip()), position)


def as_lesions(units: Iterable[Any]) -> tuple[str, ...]:
    """Return addresses of whole units that are silenced, one for each layer, its channels in order. Raises UnitError."""
    found: dict[str, set[int] | None] = {}
    for one in units:
        pattern = parse(str(one))
        if pattern.position is not None:
            raise UnitError(f"`{one}` is one position of a unit, but a lesion silences whole units. Write {pattern.layer}:17, for example.")
        if pattern.channels is None:
            raise UnitError(f"`{one}` names a layer. Name the units to silence, or all of them: {pattern.layer}:all.")
        if isinstance(pattern.channels, str) and pattern.channels != "all":
            raise UnitError(f"`{pattern.channels}` in `{one}` is not a number. Name units to silence by their channels, or write `all`.")
        if pattern.channels == "all" or found.get(pattern.layer, set()) is None:
            found[pattern.layer] = None
        else:
            found[pattern.layer] = (found.get(pattern.layer) or set()) | {int(channel) for channel in pattern.channels}
    return tuple(f"{layer}:{'all' if channels is None else ','.join(map(str, sorted(channels)))}" for layer, channels in found.items())


def lesion_note(without: Iterable[str]) -> str:
    """Return the sentence that says which units are silenced."""
    return f"Lesion: without {', '.join(without)}. The values of these units are 0 after their activation, whatever the image is."


def in_words(units: Any) -> str:
    """Return one address, or several, as a command line holds them."""
    return str(units) if isinstance(units, str | Unit) else " ".join(map(str, units))


def slug(text: str) -> str:
    """Return an address, or an expression of several, as a file name, the same on every system."""
    text = f"minus_{text[1:]}" if text.startswith("-") else text
    for sign, word in ((" + ", "_plus_"), (" - ", "_minus_"), ("*", "x")):
        text = text.replace(sign, word)
    return plain_name(text).strip("-")


def plain_name(text: str) -> str:
    """Return text with a dash for whatever a file name cannot hold on some system."""
    return re.sub(r"[^\w.#@,-]+", "-", text)


def as_position(text: str, place: str) -> tuple[int, int]:
    """Return the (row, column) that `place` says in the address `text`; raise UnitError that shows the form."""
    row, _, column = place.partition(",")
    try:
        return natural(row), natural(column)
    except ValueError as error:
        raise UnitError(f"`@{place}` in `{text}` is not a position. Expected `@row,column`, for example `@3,5`.") from error


def _channels(text: str, rest: str) -> tuple[int, ...] | str:
    if rest == "all" or not _NUMBERS.fullmatch(rest):
        return rest
    spans = [_span(text, part.strip()) for part in rest.split(",")]
    if sum(map(len, spans)) > MOST_CHANNELS:
        raise UnitError(f"`{text}` means more channels than any layer has. Write `all` for every channel.")
    return tuple(dict.fromkeys(channel for span in spans for channel in span))


def _span(text: str, part: str) -> range:
    """Return the channels that one part of a list means."""
    first, dash, last = part.partition("-")
    try:
        start, end = natural(first), natural(last if dash else first)
    except ValueError as error:
        raise UnitError(f"`{part}` in `{text}` is not a channel or a range. Expected one of: {GRAMMAR}.") from error
    if end < start:
        raise UnitError(f"The range `{part}` in `{text}` runs backwards. Write {end}-{start}.")
    return range(start, end + 1)


_NUMBERS = re.compile(r"[0-9\s,-]+")
