"""The image map of an atlas: the images of the sample, arranged by what the network sees in them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..embedding import tsne
from ..embedding.runs import read_run
from ..errors import ImageError
from ..formats.atlas import MAP
from .ledger import Made, Task, key_of
from .subject import Subject

# The side of its thumbnails in pixels at most.
SIDE = 64
HOME = "../index.html"
# Fewer images need no map.
FEWEST = 4


def tasks(subject: Subject) -> Iterator[Task]:
    """Yield the map, where there are features and images enough for one."""
    run = subject.run
    if len(run.sample_images) >= FEWEST and run.manifest["features"]:
        yield Task(MAP, key_of(subject.maker, subject.run_key, SIDE), lambda: _made(subject))


def _made(subject: Subject) -> Made:
    try:
        result = tsne(None, read_run(subject.run, ids=subject.run.sample_images, side=SIDE))
    except ImageError as error:  # such as features that are all the same: the atlas has no map, and says why
        return Made({}, {"reason": str(error)})
    if result.interrupted:
        raise KeyboardInterrupt
    with tempfile.TemporaryDirectory() as folder:
        paths = result.save_page(Path(folder) / MAP, atlas=HOME, side=SIDE, ids=subject.run.sample_images)
        return Made({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})
