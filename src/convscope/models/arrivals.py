"""What black, white, grey and plain colours are when they reach the first weights of a network, and what that says of its pictures.

What a network does to its pictures before any weights its author wrote there on purpose: whoever writes x / 127.5 - 1 feeds 0 to 255,
whoever writes 2 x - 1 feeds 0 to 1. Names of layers do not matter, only these numbers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from .entrance import MOST_NUMBERS, learns, walk
from .preprocessing import PREPROCESSINGS, Preprocessing

SIDE = 64  # of a picture where the network takes any size
SAMPLES = 4096
MOST_CHANNELS = 16  # more are features: a flattened picture's
AT_ONCE = 2**23  # numbers of pictures that are pushed through together
READINGS = ("none", "unit", "symmetric")  # that arithmetic in a network tells apart
SAME = 0.02  # of a range: what an author leaves as it is
NEAR = 0.015  # of a range: 127/128 is 127.5/127.5
STANDARD = (0.8, 60.0)  # widths of a range of numbers that were standardised; the two readings are 255 apart
RAW = (200.0, 330.0)  # and of 0 to 255 less a mean
RANGES = ((0.0, 1.0), (-1.0, 1.0), (-0.5, 0.5), (0.0, 255.0), (-127.5, 127.5))


@dataclass(frozen=True)
class Arrival:
    """What reaches one first layer with weights: medians of plain pictures (black, grey, white, then colours; channels), and of a ramp
    from black to white its mean and deviation in each channel.
    """

    layer: Any
    plain: NDArray[np.float64]
    ramp: NDArray[np.float64]

    def ends(self) -> tuple[float, float]:
        """Return what black and white become; of several channels the outermost."""
        black, white = self.plain[0], self.plain[2]
        return (float(black.min()), float(white.max())) if white.mean() >= black.mean() else (float(black.max()), float(white.min()))

    def is_even(self) -> bool:
        """Say whether grey lies well between black and white, so that nothing was cut off."""
        black, grey, white = self.plain[:3].mean(axis=1)
        return bool(np.isfinite(self.plain).all() and black != white and 0.1 <= (grey - black) / (white - black) <= 0.9)

    def is_as(self, recipe: Preprocessing) -> bool:
        """Say whether black and white are what the recipe makes of them: nothing was done to them."""
        low, high = recipe.value_range()
        wanted = np.stack([recipe.apply(np.full(self.plain.shape[1], end)) for end in (0.0, 1.0)])
        return bool(np.abs(self.plain[[0, 2]] - wanted).max() <= SAME * (high - low))

    def is_usual(self) -> bool:
        """Say whether black and white have become a range that networks are trained on."""
        low, high = sorted(self.ends())
        usual = (*RANGES, *(PREPROCESSINGS[name].value_range() for name in ("torch", "caffe")))
        return self.is_even() and any(max(abs(low - one), abs(high - other)) <= NEAR * (other - one) for one, other in usual)

    def is_plausible(self) -> bool:
        """Say whether networks are trained on such a range: about zero, as wide as standardised numbers are or as 0 to 255 is."""
        low, high = np.sort(self.plain[[0, 2]], axis=0)
        width = high - low
        wide = any(np.all((least <= width) & (width <= most)) for least, most in (STANDARD, RAW))
        return self.is_even() and wide and bool(np.all((low <= NEAR * width) & (high >= -NEAR * width)))

    def can_be_standardised(self) -> bool:
        """Say whether numbers between these of black and white can have the mean 0 and the variance 1: it is at most -black · white."""
        return bool(np.all(-self.plain[0] * self.plain[2] >= 1))


Arrivals = Mapping[str, tuple[Arrival, ...]]


def plain_pictures(shape: tuple[int, ...]) -> list[NDArray[np.float32]]:
    """Return black, grey and white, each channel alone (of three), and a ramp from black to white: views of float32 in [0, 1]."""
    channels = shape[-1]
    colours = [np.full(channels, value, np.float32) for value in (0.0, 0.5, 1.0)]
    colours += list(np.eye(3, dtype=np.float32)) if channels == 3 else []
    ramp = np.linspace(0.0, 1.0, shape[-2] if len(shape) > 1 else channels, dtype=np.float32)
    return [np.broadcast_to(one, shape) for one in (*colours, ramp[:, None] if len(shape) > 1 else ramp)]


def arrivals(network: Any, image: str, fixed: Mapping[str, Any], shape: tuple[int | None, ...]) -> Arrivals:
    """Return for each recipe that fits the channels what reaches the first layers with weights, in the order of the calls.

    Nothing reaches them where a picture is too large to try.
    """
    sides = (*(side or SIDE for side in shape[:-1]), int(shape[-1] or 0))
    pictures = plain_pictures(sides)
    recipes = [one for one in PREPROCESSINGS.values() if sides[-1] == 3 or len(one.mean) == 1]
    if math.prod(sides) > MOST_NUMBERS:
        return {one.name: () for one in recipes}
    return {one.name: _arrived(network, image, fixed, one, pictures) for one in recipes}


def _arrived(
    network: Any, image: str, fixed: Mapping[str, Any], recipe: Preprocessing, pictures: list[NDArray[np.float32]]
) -> tuple[Arrival, ...]:
    step = max(1, AT_ONCE // pictures[0].size)
    parts: list[list[tuple[Any, NDArray[np.float64]]]] = []
    for start in range(0, len(pictures), step):
        found: list[tuple[Any, NDArray[np.float64]]] = []

        def look(operation: Any, tensors: list[Any], found: list[tuple[Any, NDArray[np.float64]]] = found) -> bool:
            if not learns(operation):
                return False
            found.append((operation, _inside(tensors[0])))
            return True

        walk(network, image, fixed, recipe.apply(np.stack(pictures[start : start + step])), look)
        parts.append(found)
    if len({len(part) for part in parts}) != 1:
        return ()
    joined = [(same[0][0], np.concatenate([values for _, values in same])) for same in zip(*parts, strict=True)]
    # An operation that mixes all pictures, or makes several of each, tells nothing of one.
    return tuple(_arrival(layer, values) for layer, values in joined if len(values) == len(pictures))


def _arrival(layer: Any, values: NDArray[np.float64]) -> Arrival:
    """`values`: (picture, place, channel)."""
    return Arrival(layer, np.median(values[:-1], axis=1), np.stack([values[-1].mean(axis=0), values[-1].std(axis=0)]))


def _inside(tensor: Any) -> NDArray[np.float64]:
    """Return a sample of a value away from its borders, which padding changes: (picture, place, channel)."""
    values = np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
    if values.ndim > 3:
        values = values[(slice(None), *(slice(side // 4, side - side // 4) for side in values.shape[1:-1]))]
    channels = values.shape[-1] if values.ndim > 2 and values.shape[-1] <= MOST_CHANNELS else 1
    places = values.reshape(len(values), -1, channels)
    return places[:, :: max(1, places.shape[1] // SAMPLES)].astype(np.float64)


@dataclass(frozen=True)
class Opinion:
    """What one way says: the recipes that it can have been made for, the likeliest first, and whether it changes numbers at all."""

    readings: tuple[str, ...]
    computes: bool


def opinion(ways: Mapping[str, Arrival], wanted: str | None) -> Opinion:
    """Return what the arithmetic on a way tells; `wanted` is the recipe whose numbers the first layer was trained on, where known."""
    doing = [name for name in ways if not ways[name].is_as(PREPROCESSINGS[name])]
    if wanted is not None and wanted in ways:
        expected = expecting(ways, PREPROCESSINGS[wanted])
        if not doing and expected:
            return Opinion(expected, False)
        if fed := tuple(name for name in expected if name in doing):
            return Opinion(fed, True)
    if not any(name in doing for name in READINGS):
        return Opinion((), False)
    if are_equal(ways):
        return Opinion(("unit",), True)
    for fits in (Arrival.is_usual, Arrival.is_plausible):
        readings = tuple(name for name in READINGS if name in doing and fits(ways[name]))
        if fits is Arrival.is_plausible and {"unit", "symmetric"} <= set(readings) and _was_adapted(ways):
            scaled_only = not ways["unit"].plain[0].any()  # a mean over pictures is never 0
            return Opinion(("unit", "symmetric") if scaled_only else ("symmetric",), True)
        if "symmetric" in readings and (len(readings) > 1 or _is_centred(ways)):
            readings = readings[:-1]
        if readings:
            return Opinion(readings, True)
    return Opinion(tuple(name for name in READINGS if name not in doing and ways[name].is_even()), True)


def _was_adapted(ways: Mapping[str, Arrival]) -> bool:
    """Say whether the numbers can have been standardised over pictures of [-1, 1] and not over ones of [0, 1]."""
    return ways["symmetric"].can_be_standardised() and not ways["unit"].can_be_standardised()


def _is_centred(ways: Mapping[str, Arrival]) -> bool:
    """Say whether 0 stays 0, as no author leaves it who makes [0, 1] of [-1, 1]."""
    black, white = ways["unit"].plain[[0, 2]]
    return bool(np.abs(black).max() <= SAME * np.abs(white - black).max())


def expecting(ways: Mapping[str, Arrival], wanted: Preprocessing) -> tuple[str, ...]:
    """Return the recipes under which a first layer gets the numbers of the recipe `wanted`, that it was trained on."""
    numbers, (low, high) = np.stack([wanted.apply(one) for one in plain_pictures((1, 3))[:6]])[:, 0], wanted.value_range()
    fit = [one for one in ways.values() if one.plain.shape == numbers.shape]
    if len(fit) != len(ways):
        return ()
    return tuple(name for name, one in ways.items() if np.abs(one.plain - numbers).max() <= NEAR * (high - low))


def are_equal(ways: Mapping[str, Arrival]) -> bool:
    """Say whether the same arrives whatever was fed: the network standardises each picture by itself."""
    first, *others = (ways[name].ramp for name in READINGS)
    return all(np.allclose(one, first, rtol=0.05, atol=1e-3) for one in others)
