"""The image map of an atlas: the images of the sample, arranged by what the network sees in them."""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ..embedding import tsne
from ..embedding.runs import read_run
from ..errors import ImageError
from ..formats.atlas import MAP
from . import tiles
from .ledger import Made, Task, key_of
from .subject import Subject

# The side of its thumbnails in pixels at most: 4,096 of them take some 10 MB. Small images are half as large: their pages show them whole.
SIDE, SMALL = 64, 48
# What readers without scripts see of it: its longer side in pixels, and how many colours.
PICTURE, PICTURE_SIDE, COLOURS = "map.png", 900, 64
HOME = "../index.html"
# Fewer images need no map.
FEWEST = 4


def tasks(subject: Subject) -> Iterator[Task]:
    """Yield the map, where there are features and images enough for one."""
    run = subject.run
    if len(run.sample_images) >= FEWEST and run.manifest["features"]:
        yield Task(MAP, key_of(subject.maker, subject.run_key, _side(subject), PICTURE_SIDE), lambda: _made(subject))


def _made(subject: Subject) -> Made:
    try:
        result = tsne(None, read_run(subject.run, ids=subject.run.sample_images, side=SIDE))
    except ImageError as error:  # such as features that are all the same: the atlas has no map, and says why
        return Made({}, {"reason": str(error)})
    if result.interrupted:
        raise KeyboardInterrupt
    with tempfile.TemporaryDirectory() as folder:
        paths = result.save_page(Path(folder) / MAP, atlas=HOME, side=_side(subject), ids=subject.run.sample_images)
        return Made({path.relative_to(folder).as_posix(): _content(path) for path in paths})


def _side(subject: Subject) -> int:
    largest = max(subject.run.fit.size)
    return SIDE if largest > SMALL else max(1, largest // 2)


def _content(path: Path) -> bytes:
    """Return a file of the map; the picture for readers without scripts smaller than a map alone has it."""
    if path.name != PICTURE:
        return path.read_bytes()
    file = io.BytesIO()
    with Image.open(path) as picture:
        size = tiles.fitted_size((picture.height, picture.width), PICTURE_SIDE)
        picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()
