"""Colours for classes, told apart on a light and on a dark page."""

import math
from collections.abc import Sequence

import numpy as np

from .theme import Colour, Theme

# Ten hues of near equal weight (Observable 10); beyond ten, hues a golden angle apart in OKLCH, where equal steps look
# equal.
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
GOLDEN_ANGLE = 137.508
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
    base = 0.68 if theme.dark else 0.58
    return {name: oklch(base + (0, 0.1, -0.1)[place % 3], 0.15, GOLDEN_ANGLE * place) for place, name in enumerate(classes)}


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
