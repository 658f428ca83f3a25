"""What an atlas says of classes and of images: the units that tell a class from others, and those that an image excites most."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.atlas import data_path, images_name
from ..portraits.telling import Excited, SampleClasses, excited, nearest, sample_classes, telling
from ..progress import track
from ..render import site
from .details import number, short
from .images import RECORDS, Gallery, class_column
from .ledger import Made, Task, key_of
from .subject import Layer, Subject

CLASSES = "classes"
# Units of a class over all layers, units that an image excites at each layer, images near to one.
OF_A_CLASS, EXCITED, NEAR = 12, 5, 8
MOST = 2**16 - 1  # what a share of 1 is written as
NO_UNIT = {"u1": 2**8 - 1, "u2": 2**16 - 1}

Floats = NDArray[np.float32]


class Told:
    """What the sample of the run tells of the atlas's classes and images; each part is worked out once, when it is needed."""

    def __init__(self, subject: Subject, gallery: Gallery) -> None:
        self.subject, self.gallery = subject, gallery
        self._telling: dict[str, Floats] = {}

    @cached_property
    def classes(self) -> SampleClasses:
        """The classes of the sample."""
        return sample_classes(self.subject.run)

    def telling(self, layer: Layer) -> Floats:
        """Return (class, channel) how well each unit of a layer tells each class from the others, NaN where that is not known."""
        if layer.address not in self._telling:
            self._telling[layer.address] = telling(self.subject.run, layer.address, self.classes)
        return self._telling[layer.address]

    def best(self, layer: Layer) -> Floats | None:
        """Return for each unit of a layer how well it tells the class that it tells best, None where nobody knows it of any unit."""
        found = self.telling(layer)
        if not np.isfinite(found).any():
            return None
        best: Floats = np.where(np.isfinite(found), found, -np.inf).max(axis=0)
        return np.where(np.isfinite(best), best, np.nan).astype(np.float32)

    def tasks(self) -> Iterator[Task]:
        """Yield the script of all classes, and those of the images' records."""
        subject = self.subject
        layers = [[layer.n, layer.address] for layer in subject.layers]
        yield Task(CLASSES, key_of(subject.maker, subject.run_key, layers, OF_A_CLASS), self._made_classes)
        for page in range(-(-len(self.gallery.ids) // RECORDS)):
            images = self.gallery.ids[page * RECORDS : (page + 1) * RECORDS]
            key = key_of(subject.maker, subject.run_key, layers, images.tolist(), self.gallery.key)
            yield Task(f"records-{page}", key, partial(self._made_records, page, images))

    def _made_classes(self) -> Made:
        units = class_units(self.subject)
        shown = [self._class(place, name) | {"unit": units.get(name)} for place, name in enumerate(self.classes.names)]
        return Made({data_path(CLASSES): site.data_file(CLASSES, {"classes": shown})})

    def _class(self, place: int, name: str) -> dict[str, Any]:
        """Return the images of a class and the units that tell it from others: the best of all layers, and the best of each."""
        known = [(layer, self.telling(layer)[place]) for layer in self.subject.layers]
        ranked = sorted(
            (-float(area), where, int(channel))
            for where, (_, areas) in enumerate(known)
            for channel in _largest(areas, OF_A_CLASS)
            if np.isfinite(area := areas[channel])
        )
        every = [[known[where][0].n, channel, number(-area)] for area, where, channel in ranked]
        best = list({entry[0]: entry for entry in reversed(every)}.values())
        order = {layer.n: where for where, layer in enumerate(self.subject.layers)}
        return {
            "name": name,
            "images": list(self.gallery.classes[place]),
            "units": every[:OF_A_CLASS],
            "best": sorted(best, key=lambda entry: order[entry[0]]),
        }

    @cached_property
    def _excited(self) -> list[tuple[int, Excited]]:
        layers = track(self.subject.layers, "comparing images")
        return [(layer.n, excited(self.subject.run, layer.address, EXCITED)) for layer in layers]

    @cached_property
    def _near(self) -> NDArray[np.int64]:
        return nearest(self.subject.run, self.gallery.ids, NEAR, among=self.gallery.ids)

    def _made_records(self, page: int, images: NDArray[np.int64]) -> Made:
        records = [self._record(page * RECORDS + place, int(image)) for place, image in enumerate(images)]
        found = {"p": page, "images": records, "excites": list(self._excites(images))}
        return Made({data_path(images_name(page)): site.data_file(images_name(page), found)})

    def _record(self, place: int, image: int) -> list[Any]:
        """Return what is known of an image as [name, label, prediction, its probability, images near to it]."""
        run = self.subject.run
        row = int(np.searchsorted(run.ids, image))
        texts = run.images.texts
        words = [texts[name][row] for name in ("name", "label", "prediction")]
        return [*words, short(float(run.images.numbers["probability"][row])), [one for one in self._near[place].tolist() if one >= 0]]

    def _excites(self, images: NDArray[np.int64]) -> Iterator[dict[str, Any]]:
        """Yield for each layer the units that each image excites most, and the shares of the sample's images below, of 65,535.

        Both (image, unit). Where there are fewer, and for images outside the sample, the unit is the largest number of its column's type.
        """
        sampled = self.subject.run.sample_images
        place = np.minimum(np.searchsorted(sampled, images), len(sampled) - 1)
        known = sampled[place] == images
        for n, one in self._excited:
            there = known[:, None] & (one.channels[place] >= 0)
            kind = "u1" if one.channels.max(initial=0) < NO_UNIT["u1"] else "u2"
            channels = np.where(there, one.channels[place], NO_UNIT[kind])
            below = np.where(there, np.rint(np.nan_to_num(one.below[place]) * MOST), 0)
            yield {"n": n, "channels": site.column(channels, kind), "below": site.column(below, "u2")}


def class_units(subject: Subject) -> dict[str, list[int]]:
    """Return the unit of each class by its name, as [layer, channel], in the last layer whose units are the network's classes."""
    labels = subject.labels or ()
    layer = next((one for one in reversed(subject.layers) if one.classes and len(one.order) == len(labels)), None)
    return {} if layer is None else {name: [layer.n, channel] for channel, name in enumerate(labels)}


def class_records(subject: Subject, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return of each class its name, how many images of the run have it, and the unit that stands for it."""
    counts, units = Counter(class_column(subject)), class_units(subject)
    return [{"name": name, "images": counts[name], "unit": units.get(name)} for name in names]


def _largest(values: Floats, count: int) -> NDArray[np.int64]:
    """Return the places of the largest values, NaN last, equals by place."""
    return np.lexsort((np.arange(len(values)), -np.where(np.isfinite(values), values, -np.inf)))[:count]
