"""Where one stands in a network: model, unit, images, run and settings. What a line leaves out comes from here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from ..errors import OptionError, UnitError, closest
from ..legible import legible
from ..network.listing import LayerInfo, chosen
from ..units import parse

Words = tuple[str, ...]
MOST_LISTED = 6


@dataclass(frozen=True)
class Place:
    """Where one stands; plain data, so that it can be kept, compared and made a link of.

    `model` is what follows `-m`, "" for the default one. `layers` and `classes`: what is known of the network. `units` is what follows the
    colon of an address, "" for the whole layer. `settings`: for options by name the words that each command gets which takes them.
    `looks`: the lines that were run at this unit, `last` those at the unit before. `before`: the place that one came from.
    """

    model: str = ""
    layers: tuple[LayerInfo, ...] = ()
    classes: Words = ()
    layer: str = ""
    units: str = ""
    images: Words = ()
    run: str = ""
    settings: Mapping[str, Words] = field(default_factory=dict)
    looks: tuple[Words, ...] = ()
    last: tuple[Words, ...] = ()
    before: "Place | None" = field(default=None, repr=False, compare=False)

    @property
    def address(self) -> str:
        """The address of the layer or of its units, "" where there is none."""
        return f"{self.layer}:{self.units}" if self.units else self.layer

    @property
    def info(self) -> LayerInfo:
        """What is known of the layer. Raises UnitError where one stands in none."""
        found = next((info for info in self.layers if info.address == self.layer), None)
        if found is None:
            raise UnitError("No layer is chosen. Expected `layer NAME`, or an address such as block1_conv1:0. List them with `layers`.")
        return found

    def __str__(self) -> str:
        images = ", ".join(_short(image) for image in self.images[:2]) + (", ..." if len(self.images) > 2 else "")
        parts = [f"{_short(self.model) or 'default model'} {self.address}".strip(), images, f"run {_short(self.run)}" if self.run else ""]
        return legible(" · ".join(part for part in parts if part))

    def moved(self, **changes: Any) -> "Place":
        """Return another place, from which `back` leads here; with another unit the lines run here become the last ones."""
        at = (changes.get("model", self.model), changes.get("layer", self.layer), changes.get("units", self.units))
        if at != (self.model, self.layer, self.units):
            changes |= {"last": self.looks or self.last, "looks": ()}
        return replace(self, before=self, **changes)

    def at_layer(self, pattern: str) -> tuple["Place", str]:
        """Return the first unit of the first layer that a pattern means, and a sentence that names the others. Raises UnitError."""
        infos = chosen(self.layers, pattern, self.model)
        names = [info.address for info in infos[:MOST_LISTED]]
        more = "" if len(infos) <= MOST_LISTED else f" and {len(infos) - MOST_LISTED} more"
        told = "" if len(infos) == 1 else f"The first of {len(infos)} layers: {', '.join(names)}{more}."
        return self.moved(layer=infos[0].address, units="0"), told

    def at_address(self, address: str) -> "Place":
        """Return the place of an address; of one that begins with a colon in this layer. Raises UnitError."""
        layer, _, units = address.partition(":")
        place = replace(self, layer=layer or self.info.address)
        if place.layers and all(info.address != place.layer for info in place.layers):
            raise UnitError(f"No layer `{layer}`. {closest('its layers', layer, [info.address for info in self.layers])}")
        if units:
            place.numbers(units)
        return self.moved(layer=place.layer, units=units)

    def numbers(self, units: str) -> Words | tuple[int, ...]:
        """Return the channels that are meant by what follows the colon, () for "all". Raises UnitError for one that the layer lacks."""
        info, channels = self.info, parse(f"{self.layer}:{units}").channels
        if isinstance(channels, str):
            if channels == "all":
                return ()
            if channels not in self.classes or info.channels != len(self.classes):
                known = closest("its classes", channels, self.classes) if info.channels == len(self.classes) else "It has no class names."
                raise UnitError(f"`{self.layer}` has {info.channels} units, but none called `{channels}`. {known}")
            return (self.classes.index(channels),)
        assert channels is not None
        if max(channels) >= info.channels:
            raise UnitError(f"`{self.layer}` has {info.channels} units, 0 to {info.channels - 1}, but received {max(channels)}.")
        return channels

    def next_units(self, step: int) -> "Place":
        """Return the place of the next (1) or previous (-1) unit, or of as many units as here. Raises OptionError at the layer's end."""
        if not self.units:
            return self.moved(units="0")
        numbers = self.numbers(self.units)
        position = self.units[self.units.index("@") :] if "@" in self.units else ""
        count = len(numbers)
        first = int(numbers[0]) + step * count if numbers else -1
        last = min(first + count, self.info.channels) - 1
        if not 0 <= first < self.info.channels:
            end = "last" if step > 0 else "first"
            raise OptionError(f"`{self.address}` is the {end} of {self.info.channels} units. `]` and `[` lead to the next layers.")
        return self.moved(units=(str(first) if first == last else f"{first}-{last}") + position)

    def next_layer(self, step: int) -> "Place":
        """Return the place of the same unit in the next (1) or previous (-1) layer that learns. Raises OptionError behind the last one."""
        known = [info for info in self.layers if info.learns or info.address == self.layer]
        at = known.index(self.info) + step
        if not 0 <= at < len(known):
            raise OptionError(f"`{self.layer}` is the {'last' if step > 0 else 'first'} layer that learns.")
        return self.moved(layer=known[at].address, units="0")


def _short(word: str) -> str:
    """Return a word as the prompt shows it: of a path its name."""
    return PurePath(word).name if Path(word).is_absolute() or "/" in word else word
