"""Colours for classes, told apart on a light and on a dark page."""

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .theme import Colour, Theme

# Ten hues of near equal weight (Observable 10); beyond ten, each next colour is the one that differs most from all before it in
# OKLab, where equal steps look equal.
TEN: tuple[Colour, ...] = (
    (66, 105, 208),
    (239, 177, 24),
    (255, 114, 92),
    (108, 197, 176),
    (60, 169, 81),
    (255, 138, 183),
    (164, 99, 242),
    (120, 170, 245),
    (156, 107, 78),
    (134, 140, 150),
)
# What is chosen from, in OKLCH; on a dark page all are so much lighter.
LIGHTNESSES, CHROMAS, HUES, LIGHTER = np.linspace(0.42, 0.78, 7), np.linspace(0.04, 0.22, 7), np.arange(0, 360, 6), 0.08
OKLAB_TO_LMS = np.array([[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]])
LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def class_colours(classes: Sequence[str], theme: Theme) -> dict[str, Colour]:
    """Return a colour for each class name, the same for the same list of names."""
    if len(classes) <= len(TEN):
        return dict(zip(classes, TEN, strict=False))
    chosen, lighter = _different(), LIGHTER if theme.dark else 0.0
    shades = (chosen[place % len(chosen)] for place in range(len(classes)))  # thousands of classes share what there is
    return {name: oklch(lightness + lighter, chroma, hue) for name, (lightness, chroma, hue) in zip(classes, shades, strict=True)}


@functools.cache
def _different() -> NDArray[np.float64]:
    """Return (colour, 3): lightness, chroma and hue of all colours to choose from, each as different as can be from those before it."""
    found = np.stack(np.meshgrid(LIGHTNESSES, CHROMAS, HUES, indexing="ij"), axis=-1).reshape(-1, 3)
    angles = np.radians(found[:, 2])
    places = np.stack([found[:, 0], found[:, 1] * np.cos(angles), found[:, 1] * np.sin(angles)], axis=1)
    linear = (places @ OKLAB_TO_LMS.T) ** 3 @ LMS_TO_RGB.T
    shown = ((linear >= 0) & (linear <= 1)).all(axis=1)
    found, places = found[shown], places[shown]
    order = [int(np.argmax(found[:, 1]))]
    nearest = np.linalg.norm(places - places[order[0]], axis=1)
    while len(order) < len(found):
        order.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(places - places[order[-1]], axis=1))
        nearest[order[-1]] = -1
    return found[order]


def oklch(lightness: float, chroma: float, degrees: float) -> Colour:
    """Return the sRGB colour of a lightness in [0, 1], a chroma and a hue, clipped to what a screen can show.

    Source: Ottosson 2020, "A perceptual color space for image processing".
    """
    angle = math.radians(degrees)
    lms = OKLAB_TO_LMS @ (lightness, chroma * math.cos(angle), chroma * math.sin(angle))
    linear = np.clip(LMS_TO_RGB @ lms**3, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(part) * 255) for part in encoded)
    return red, green, blue
