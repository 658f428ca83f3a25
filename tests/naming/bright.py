"""A run whose units are known: images that are bright in one of three rows, or nowhere, and a measure that takes the rows' maxima."""

from pathlib import Path

import arithmetic
import numpy as np
from PIL import Image

from convscope.images import as_image_set
from convscope.scanning.completion import complete_run

PLACES = ("top", "middle", "bottom", "dark")
EACH = 40
SETTINGS = arithmetic.SETTINGS | {"model": arithmetic.SETTINGS["model"] | {"name": "arithmetic"}}


def drawn(folder: Path) -> Path:
    rng = np.random.default_rng(5)
    for place, label in enumerate(PLACES):
        (folder / label).mkdir(parents=True)
        for number in range(EACH):
            pixels = rng.integers(0, 120, (arithmetic.SIDE, arithmetic.SIDE)).astype(np.uint8)
            if place < 3:
                pixels[place] += 130
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def scan(folder: Path) -> Path:
    """Return the folder of that run."""
    complete_run(folder / "run", as_image_set(drawn(folder / "images")), arithmetic.Arithmetic(), dict(SETTINGS))
    return folder / "run"
