"""What the sample of a run tells of classes and images: units that tell a class from others, and those that an image excites most.

Also the images that are near to one another by their features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..embedding.neighbours import nearest_to
from ..embedding.pca import DIMENSIONS, all_equal, principal_axes
from ..errors import ImageError, OptionError
from ..formats.sample_file import packed, sortable
from ..scanning import Run

FEWEST = 3  # images of a class in the sample, and of others: with one, some unit out of thousands tells it by chance
ROWS = 256  # units that are ranked at a time

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SampleClasses:
    """The classes of the images of a run's sample. `names`: labels, or without labels predictions; `classes`: (sample image,) int64, the
    number of each image's name, -1 for none. `is_labelled`: whether the names are labels.
    """

    names: tuple[str, ...]
    classes: Ints
    is_labelled: bool

    @property
    def counts(self) -> Ints:
        """(class,) how many images of the sample each has."""
        return np.bincount(self.classes[self.classes >= 0], minlength=len(self.names))


def sample_classes(run: Run) -> SampleClasses:
    """Return the classes of the images of a run's sample: labels in the order of the run, else predictions in order of appearance.

    Raises OptionError for a run without a sample.
    """
    labels = [run.label(int(image)) for image in run.sample_images]
    is_labelled = any(label is not None for label in labels)
    told = labels if is_labelled else [run.prediction(int(image)) for image in run.sample_images]
    names = run.classes if is_labelled else tuple(dict.fromkeys(one for one in told if one is not None))
    numbers = {name: number for number, name in enumerate(names)}
    return SampleClasses(names, np.asarray([-1 if one is None else numbers[one] for one in told], np.int64), is_labelled)


def telling(run: Run, layer: str, classes: SampleClasses) -> Floats:
    """Return (class, channel) float32: how well each unit of a layer tells a class from all other images of the sample.

    It is the area under the ROC curve: the share of pairs, an image of the class and another one, in which the unit answers more strongly
    to the first; equal answers count half. 0.5 is chance, 1 a perfect detector, 0 one for all others. Images without a class are not
    counted. NaN for classes of fewer than 3 images or of all but 2, and for units with values that are not finite. Raises UnitError,
    OptionError for a run without a sample.
    """
    known, counts = np.flatnonzero(classes.classes >= 0), classes.counts
    ordered = known[np.argsort(classes.classes[known], kind="stable")]
    present = np.flatnonzero(counts)
    starts = (np.cumsum(counts) - counts)[present]
    of, others = counts[present].astype(np.float64), float(len(known)) - counts[present]
    found = np.full((len(classes.names), run.channels(layer)), np.nan, np.float32)
    enough = np.minimum(of, others) >= FEWEST
    for channels, values in _by_channels(run, layer) if enough.any() else ():
        below, not_above = below_and_not_above(values[:, ordered])
        sums = np.add.reduceat(below + not_above - 1, starts, axis=1, dtype=np.int64)  # of ranks from 0, doubled
        areas = (sums - of * (of - 1)) / (2 * of * np.maximum(others, 1))
        areas[~np.isfinite(values[:, ordered]).all(axis=1)] = np.nan
        found[np.ix_(present[enough], channels)] = areas[:, enough].T
    return found


@dataclass(frozen=True)
class Excited:
    """The units of a `layer` that each image of the sample excites most, strongest first: `channels`, int64 (sample image, k), -1 where
    there are fewer, and `below`, float32 in (0, 1), the share of the sample's images that excite the unit less; NaN there.
    """

    layer: str
    channels: Ints
    below: Floats


def excited(run: Run, layer: str, count: int = 5) -> Excited:
    """Return the `count` units of a layer that each image of the run's sample excites most, compared with the other images.

    Units are ordered by the share of the images that stay below this one. Of equal shares, the unit comes first on which the image stands
    out more, in standard deviations of log(1 + a), a the positive part. Only positive values count, of units that are finite on all images.
    Raises UnitError, OptionError for a run without a sample.
    """
    images = len(run.sample_images)
    keys = np.zeros((images, run.channels(layer)), np.float32)
    for channels, values in _by_channels(run, layer):
        below, _ = below_and_not_above(values)
        counts = np.isfinite(values).all(axis=1, keepdims=True) & (values > 0) & (below > 0)
        logarithms = np.log1p(np.maximum(np.where(counts, values, 0.0), 0.0))
        spread = logarithms.std(axis=1, keepdims=True)
        out = np.maximum(logarithms - logarithms.mean(axis=1, keepdims=True), 0.0) / np.where(spread > 0, spread, 1.0)
        keys[:, channels] = np.where(counts, below + out / (out + 4.0), 0.0).T
    few = min(count, keys.shape[1])
    chosen = np.sort(np.argpartition(keys, keys.shape[1] - few, axis=1)[:, keys.shape[1] - few :], axis=1)
    values = np.take_along_axis(keys, chosen, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    chosen, values = np.take_along_axis(chosen, order, axis=1), np.take_along_axis(values, order, axis=1)
    shares = np.where(values > 0, np.floor(values) / np.float32(images), np.nan).astype(np.float32)
    pad = ((0, 0), (0, count - few))
    return Excited(
        layer,
        np.pad(np.where(values > 0, chosen, -1), pad, constant_values=-1),
        np.pad(shares, pad, constant_values=np.nan),
    )


def nearest(run: Run, images: Sequence[int] | Ints, count: int = 8, among: Sequence[int] | Ints | None = None) -> Ints:
    """Return (image, count) int64: for each image, by id, the images nearest to it, nearest first, -1 where there are fewer.

    Near are images whose features have nearly the same principal components, as on a map. `among`: the ids that may be named, by default
    all that were read. An image whose features are not finite is near to none. Raises ImageError for ids that the run does not have.
    """
    asked, ids = np.asarray(images, np.int64).reshape(-1), np.sort(np.asarray(run.ids if among is None else among, np.int64).reshape(-1))
    unknown = np.setdiff1d(np.concatenate([asked, ids]), run.ids)
    if len(unknown):
        raise ImageError(f"The run `{run.path}` has no image {unknown[0]}, or it could not be read. Ids go from 0 to {run.ids[-1]}.")
    if count < 1:
        raise OptionError(f"Received a count of {count} images. Expected 1 or more.")
    found = np.full((len(asked), count), -1)
    features = run.features
    every = np.unique(np.concatenate([asked, ids]))
    every = every[np.isfinite(features[every]).all(axis=1)]
    if len(every) < 2 or all_equal(features[every]):
        return found
    axes = principal_axes(features[every], DIMENSIONS)
    near, mine = ids[np.isin(ids, every)], np.flatnonzero(np.isin(asked, every))
    neighbours = near[nearest_to(axes.project(features[asked[mine]]), axes.project(features[near]), count + 1).indices]
    for place, row in zip(mine, neighbours, strict=True):
        others = row[row != asked[place]][:count]
        found[place, : len(others)] = others
    return found


def _by_channels(run: Run, layer: str) -> Iterator[tuple[Ints, Floats]]:
    """Yield some channels of a layer and their values on the sample, (channel, image)."""
    for start in range(0, run.channels(layer), ROWS):
        channels = np.arange(start, min(start + ROWS, run.channels(layer)))
        yield channels, np.ascontiguousarray(run.sample(layer, channels.tolist()).T)


def below_and_not_above(values: Floats) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return for each value of (channel, image) how many of its channel's are smaller, and how many are not larger."""
    keys = sortable(packed(values))
    order = np.argsort(keys, axis=1, kind="stable")  # of two bytes: a radix sort
    ranked = np.take_along_axis(keys, order, axis=1)
    place = np.arange(values.shape[1], dtype=np.int32)
    changes = np.ones((len(values), values.shape[1] + 1), bool)
    changes[:, 1:-1] = ranked[:, 1:] != ranked[:, :-1]
    first = np.maximum.accumulate(np.where(changes[:, :-1], place, 0), axis=1)
    last = np.minimum.accumulate(np.where(changes[:, 1:], place + 1, len(place))[:, ::-1], axis=1)[:, ::-1]
    below, not_above = np.empty_like(first), np.empty_like(first)
    np.put_along_axis(below, order, first, axis=1)
    np.put_along_axis(not_above, order, last, axis=1)
    return below, not_above
