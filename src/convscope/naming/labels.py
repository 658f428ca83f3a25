"""The labels that units are named by: those of the images, or what the embedded SqueezeNet takes the images for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import assets
from ..digests import hasher
from ..errors import OptionError
from ..hints import option
from ..legible import counted
from ..models import load
from ..results.names import IMAGENET, OWN
from ..scanning import Run, scan
from .areas import Half
from .formulas import FEWEST

IMAGES, FOLDERS = "images", "folders"
CLASSIFIER, GROUPS, FOLDER = "squeezenet", "imagenet_groups.txt", "pseudo-labels"
SAID = (
    "The labels are pseudo-labels by SqueezeNet: the class among ImageNet's 1,000 that it takes each image for, and the groups that the "
    "class belongs to by WordNet. No person checked them."
)
CIRCLE = "SqueezeNet is the network of this run. Its last layers agree with the labels by construction."


@dataclass(frozen=True)
class Labels:
    """Labels of images. `images`: the ids of those that have any, rising; `held`: (image, label) scipy.sparse CSR of 1; `tested`: (image,)
    whether it is of the half that names are tested on. `notes`: sentences on where they come from.
    """

    source: str
    names: tuple[str, ...]
    images: NDArray[np.int64]
    held: Any
    tested: NDArray[np.bool_]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """For how many images each holds."""
        return tuple(int(one) for one in np.asarray(self.held.sum(axis=0)).ravel())

    def half(self, *, tested: bool) -> Half:
        """Return the labels of one half of the images."""
        held = self.held[self.tested == tested]
        return Half(held, np.asarray(held.sum(axis=0), np.float64).ravel())


def labels_of(run: Run, source: str, split: str = IMAGES) -> Labels:
    """Return the labels of the images whose maxima a run keeps, by "own", "imagenet", or "auto": its own if it has any.

    Left out are labels that hold for fewer than 5 images of a half, or for all but so few, and of labels that hold for the same images all
    but the first. `split`: "images", or "folders": images of one subfolder are of one half. Raises OptionError for a run without enough of
    them; ImageError, ModelError for pseudo-labels that cannot be made.
    """
    known = [run.label(int(image)) for image in run.maxima_images]
    if source == "auto":
        source = OWN if len({*known} - {None}) > 1 else IMAGENET
    if source == IMAGENET:
        predictions, notes = _predictions(run)
        found = _labels(run, IMAGENET, [() if one is None else (one, *groups_of(one)) for one in predictions], split)
        return replace(_tried(run, found), notes=notes)
    if split == FOLDERS:
        raise OptionError(f"The labels are those of the folders, which {option('split', FOLDERS)} puts into one half each. Leave it out.")
    return _tried(run, _labels(run, OWN, [() if one is None else (one,) for one in known], split))


def is_tested(name: str) -> bool:
    """Say whether names are tested on the image, or folder, of this name: by the last bit of its hash; its first bits choose the sample."""
    return bool(hasher(name.encode()).digest()[-1] & 1)


@cache
def groups() -> dict[str, frozenset[str]]:
    """Return the groups of ImageNet's classes, such as "dog" and "vehicle", with their classes; NOTICE says where they come from."""
    classes = assets.path("imagenet_labels.txt").read_text("utf-8").splitlines()
    found = {}
    for line in assets.path(GROUPS).read_text("utf-8").splitlines():
        name, _, spans = line.partition("\t")
        numbers = (number for span in spans.split(",") for number in _span(span))
        found[name] = frozenset(classes[number] for number in numbers)
    return found


@cache
def groups_of(label: str) -> tuple[str, ...]:
    """Return the groups that a class of ImageNet belongs to, the smallest first."""
    return tuple(sorted((name for name, classes in groups().items() if label in classes), key=lambda name: (len(groups()[name]), name)))


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _labels(run: Run, source: str, told: Sequence[Iterable[str]], split: str) -> Labels:
    """Return labels from those of each image whose maxima the run keeps; images without any are left out."""
    from scipy.sparse import csr_matrix

    names = {name: None for some in told for name in some}
    numbers = {name: number for number, name in enumerate(names)}
    rows = [row for row, some in enumerate(told) if some]
    places = [[numbers[name] for name in told[row]] for row in rows]
    starts = np.cumsum([0, *map(len, places)])
    flat = np.asarray([one for some in places for one in some], np.int64)
    held = csr_matrix((np.ones(len(flat)), flat, starts), shape=(len(rows), len(names)))
    images = run.maxima_images[rows]
    kept_together = [(run.label(int(image)) if split == FOLDERS else None) or run.name(int(image)) for image in images]
    tested = np.asarray([is_tested(one) for one in kept_together], bool)
    return Labels(source, tuple(names), images, held, tested)


def _tried(run: Run, labels: Labels) -> Labels:
    """Return the labels that can be tried: of enough images, and no two of the same ones."""
    from scipy.sparse import csr_matrix

    enough = np.ones(len(labels.names), bool)
    for tested in (False, True):
        half = labels.half(tested=tested)
        enough &= np.minimum(half.counts, half.count - half.counts) >= FEWEST
    columns, seen, kept = labels.held.tocsc(), set[bytes](), list[int]()
    for number in np.flatnonzero(enough).tolist():
        column = np.sort(columns.indices[columns.indptr[number] : columns.indptr[number + 1]]).tobytes()
        if column not in seen:
            kept.append(number)
        seen.add(column)
    if not kept:
        raise OptionError(
            f"The run `{run.path}` has {counted(len(labels.images), 'image')} with labels, of {counted(len(labels.names), 'label')}. "
            f"Expected "
            f"one label at least that holds for {FEWEST} images of each half, and not for {FEWEST} others. Scan more images, or images "
            f"with "
            "labels (docs/names.md)."
        )
    return replace(labels, names=tuple(labels.names[number] for number in kept), held=csr_matrix(columns[:, kept]))


def _predictions(run: Run) -> tuple[list[str | None], tuple[str, ...]]:
    """Return what SqueezeNet takes each image for whose maxima the run keeps, None where it could not read it, and what to say of it.

    Where it is not the run's own network, it scans the images into a run of its own in the folder of this one, which resumes as any scan.
    """
    classifier = load(CLASSIFIER)
    if classifier.digest == run.model["digest"]:
        return [run.prediction(int(image)) for image in run.maxima_images], (SAID, CIRCLE)
    layer = classifier.network.layers[-1].name
    seen = scan(classifier, run.image_set, layers=layer, top=1, precision="float32", out=run.path / FOLDER)
    if not seen.complete and not seen.unreachable:
        raise KeyboardInterrupt
    digests, predicted = seen.images.texts["digest"], seen.images.texts["prediction"]
    told = dict(zip(digests, predicted, strict=True))
    rows = np.searchsorted(run.ids, run.maxima_images)
    return [told.get(run.images.texts["digest"][row]) for row in rows], (SAID,)
