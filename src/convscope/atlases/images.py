"""The images of an atlas: which of the run's it shows, their sheets, where each is stored once, and the record of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..formats.atlas import data_path, images_name
from ..portraits.pictures import pictures_of
from ..portraits.telling import sample_classes
from ..render import site
from ..render.pixels import Bytes
from . import tiles
from .ledger import Made, Task, key_of
from .subject import SHOWN, Subject

Ints = NDArray[np.int64]

# How many images are shown besides those that a layer that sees the whole image needs, and how many of each class.
MOST, OF_A_CLASS = 16_384, 24
# Images whose records are in one script.
RECORDS = 64
# Images on a sheet, and in its rows. The page of a unit that sees whole images needs up to nine sheets: the fewer are on one, the less
# it loads. More are on one where only pages of images and classes show them, or where the atlas would have too many files.
COLUMNS = {1: 1, 4: 2, 16: 4, 64: 8}
FEW, SHEETS_OF_FEW, SHEETS = 16, 1024, 256


@dataclass(frozen=True)
class Gallery:
    """The images that the atlas shows. `ids`: rising; `classes`: of each class of the run up to 24 of them."""

    subject: Subject
    ids: Ints
    classes: tuple[tuple[int, ...], ...]

    @cached_property
    def tile(self) -> int:
        """The side of a tile in pixels."""
        return min(tiles.IMAGE, max(self.subject.run.fit.size))

    @cached_property
    def per(self) -> int:
        """How many tiles are on a sheet."""
        on_pages_of_units = self.tile == tiles.IMAGE and any(layer.whole for layer in self.subject.layers)
        least, sheets = (1, SHEETS_OF_FEW) if on_pages_of_units else (FEW, SHEETS)
        return next((per for per in COLUMNS if per >= least and len(self.ids) <= per * sheets), max(COLUMNS))

    @cached_property
    def columns(self) -> int:
        """How many tiles are in a row of a sheet."""
        return COLUMNS[self.per]

    @cached_property
    def key(self) -> str:
        """What stands for the choice of images."""
        return key_of(self.ids.tolist())

    def record(self) -> dict[str, Any]:
        """Return what the pages know of all images together."""
        shape = {"tile": self.tile, "columns": self.columns, "per": self.per, "records": RECORDS}
        return {"count": len(self.ids), "ids": site.rising(self.ids), **shape}

    def place(self, image: int) -> int | None:
        """Return an image's place among the ids, None for one that the atlas does not show."""
        place = int(np.searchsorted(self.ids, image))
        return place if place < len(self.ids) and self.ids[place] == image else None

    def sheets(self) -> Iterator[Task]:
        """Yield the sheets of images."""
        for number, places in enumerate(tiles.blocks(len(self.ids), self.per)):
            images = self.ids[places]
            yield Task(f"sheet-{number}", self._key(images), partial(self._sheet, images, number))

    def _key(self, images: Ints) -> str:
        run = self.subject.run
        digests = run.images.texts["digest"]
        return key_of(self.subject.maker, [digests[row] for row in np.searchsorted(run.ids, images)], run.fit.channels, self.tile, self.per)

    def _sheet(self, images: Ints, number: int) -> Made:
        side, run = self.tile, self.subject.run
        size = tiles.fitted_size(run.fit.size, side)
        made, unreadable = tiles.blank(len(images), size, tiles.bands_of(run.fit.channels)), list[int]()
        for place, image in enumerate(images.tolist()):
            try:
                made[place] = tiles.small(tiles.shown(pictures_of(run).of(run, image)), size)
            except ImageError:
                unreadable.append(image)
        content = tiles.sheet(made, side, self.columns)
        return Made({data_path(images_name(number), "webp"): content}, {"unreadable": unreadable} if unreadable else {})

    def cut(self, images: Sequence[int], contents: dict[int, bytes]) -> Bytes:
        """Return the tiles of images that the atlas shows, from the `contents` of its sheets by number; empty for others."""
        bands = tiles.bands_of(self.subject.run.fit.channels)
        found = np.full((len(images), self.tile, self.tile, bands), tiles.EMPTY, np.uint8)
        wanted: dict[int, dict[int, int]] = {}
        for number, image in enumerate(images):
            place = self.place(image) if image >= 0 else None
            if place is not None and place // self.per in contents:
                wanted.setdefault(place // self.per, {})[number] = place % self.per
        for sheet, places in wanted.items():
            found[list(places)] = tiles.cut(contents[sheet], self.tile, list(places.values()), bands)
        return found


def gallery_of(subject: Subject) -> Gallery:
    """Return the images of an atlas: those that layers show whole, the sample, those of classes, and the strongest of all other units."""
    run = subject.run
    classes = _of_classes(subject)
    tops = {layer.address: subject.tops[layer.address].images[:, :SHOWN] for layer in subject.layers}
    chosen = dict.fromkeys(run.sample_images.tolist())
    chosen |= dict.fromkeys(image for some in classes for image in some)
    for layer in subject.layers:
        if layer.whole:
            chosen |= dict.fromkeys(tops[layer.address].ravel().tolist())
    for rank in range(SHOWN):
        for layer in subject.layers:
            room = max(0, MOST - len(chosen))
            images = tops[layer.address][list(layer.order), rank : rank + 1].ravel().tolist()
            chosen |= dict.fromkeys([image for image in dict.fromkeys(images) if image not in chosen][:room])
    chosen.pop(-1, None)
    return Gallery(subject, np.sort(np.fromiter(chosen, np.int64, len(chosen))), classes)


def classes_of(subject: Subject) -> tuple[str, ...]:
    """Return the classes of the images: their labels, or, where there are none, what the network takes those of the sample for."""
    return sample_classes(subject.run).names


def class_column(subject: Subject) -> tuple[str | None, ...]:
    """Return the class of each image of the run, in the order of its ids."""
    texts = subject.run.images.texts
    return texts["label"] if subject.run.classes else texts["prediction"]


def _of_classes(subject: Subject) -> tuple[tuple[int, ...], ...]:
    """Return up to 24 images of each class: first those that the network takes for it, the surest first."""
    run = subject.run
    members: dict[str | None, list[tuple[float, int]]] = {name: [] for name in classes_of(subject)}
    sure = np.nan_to_num(np.asarray(run.images.numbers["probability"], np.float64))
    given = zip(class_column(subject), run.images.texts["prediction"], sure.tolist(), run.ids.tolist(), strict=True)
    for name, prediction, probability, image in given:
        if name in members:
            members[name].append((-probability if prediction == name else 1 + probability, image))
    return tuple(tuple(image for _, image in sorted(some)[:OF_A_CLASS]) for some in members.values())
