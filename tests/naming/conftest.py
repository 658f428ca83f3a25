"""A run whose units are known: images that are bright in one of three rows, or nowhere, and a measure that takes the rows' maxima."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "scanning"))
import arithmetic

from convscope.images import as_image_set
from convscope.scanning import open_run
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


@pytest.fixture(scope="session")
def scanned(tmp_path_factory):
    """The folder of that run."""
    folder = tmp_path_factory.mktemp("naming")
    complete_run(folder / "run", as_image_set(drawn(folder / "images")), arithmetic.Arithmetic(), dict(SETTINGS))
    return folder / "run"


@pytest.fixture
def run(scanned, tmp_path):
    """A copy of it without names."""
    shutil.copytree(scanned, tmp_path / "run")
    return open_run(tmp_path / "run")
