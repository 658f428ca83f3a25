"""What the page knows about the images, as bytes: places, mean colours, classes, names, neighbours; in Hilbert order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.imagemap import CHUNK, packed
from ...json_files import as_json
from ...results import Embedding
from ..legend import natural
from ..palette import class_colours
from ..theme import DARK, LIGHT
from .hilbert import hilbert_order

LARGEST = 65535


@dataclass(frozen=True)
class Places:
    """`order`: (n,) which image is stored first, second, ...; `ranks`: its inverse. `places`: (n, 2) uint16 in that order, y down.

    `backdrop`: (m, 2) uint16 on the same square, the points of the map on which the images were placed; none, usually.
    """

    order: NDArray[np.intp]
    ranks: NDArray[np.intp]
    places: NDArray[np.uint16]
    backdrop: NDArray[np.uint16]


def place(points: NDArray[np.float32], backdrop: NDArray[np.float32] | None = None) -> Places:
    """Return the images' places on a square of 65,536, one scale for both axes, and their order along a Hilbert curve.

    The square also holds the backdrop, the points of the map on which the images were placed. What is not finite lies in the middle.
    """
    every = points if backdrop is None else np.concatenate([points, backdrop])
    known = every.astype(np.float64).reshape(-1, 2)
    finite = np.isfinite(known[:, 0] + known[:, 1])
    seen = known[finite] if finite.any() else np.zeros((1, 2))
    low, high = seen.min(axis=0), seen.max(axis=0)
    span = max(float((high - low).max()), np.finfo(np.float32).tiny)
    centred = np.where(finite[:, None], (known - (low + high) / 2) / span, 0.0) * (1, -1) + 0.5
    everywhere = np.rint(np.clip(centred, 0, 1) * LARGEST).astype(np.uint16)
    places = everywhere[: len(points)]
    order = hilbert_order(places)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return Places(order, ranks, places[order], everywhere[len(points) :])


@dataclass(frozen=True)
class Classes:
    """The class names that occur, numbers in them in their order, and each image's as a number; `width`: bytes per number."""

    names: tuple[str, ...]
    width: int

    def codes(self, given: Sequence[str], order: NDArray[np.intp]) -> bytes:
        """Return the numbers of the images' classes, in the given order."""
        numbers = {name: number for number, name in enumerate(self.names)}
        found = np.fromiter((numbers[name] for name in given), np.int64, len(given))
        return packed("classes", found[order], self.width)

    def described(self, embedding: Embedding) -> list[dict[str, Any]]:
        """Return name, colours and how many images are labelled and predicted so, for each class."""
        light, dark = class_colours(self.names, LIGHT), class_colours(self.names, DARK)
        labelled, predicted = Counter(embedding.labels or ()), Counter(embedding.predictions or ())
        return [
            {"name": name, "light": light[name], "dark": dark[name], "labelled": labelled[name], "predicted": predicted[name]}
            for name in self.names
        ]


def classes_of(embedding: Embedding) -> Classes:
    """Return all classes that are a label or a prediction; the labels' colours are those of the pictures."""
    known = {*(embedding.labels or ()), *(embedding.predictions or ())}
    names = tuple(sorted(known, key=natural))
    return Classes(names, 1 if len(names) <= 256 else 2 if len(names) <= LARGEST + 1 else 4)


def later(embedding: Embedding, classes: Classes, placed: Places, ids: NDArray[np.integer[Any]] | None = None) -> dict[str, bytes]:
    """Return what is needed only after the first picture: cells of the grid, the images' numbers, backdrop, predictions, probabilities.

    `ids`: (image,) the images' numbers, their rows in the map by default.
    """
    order = placed.order
    numbers = order if ids is None else np.asarray(ids)[order]
    parts = {"cells": packed("cells", embedding.cells[order]), "ids": packed("ids", numbers)}
    if len(placed.backdrop):
        parts["backdrop"] = packed("backdrop", placed.backdrop)
    if embedding.labels is not None and embedding.predictions is not None:
        parts["predictions"] = classes.codes(embedding.predictions, order)
    if embedding.probabilities is not None:
        shares = np.clip(np.nan_to_num(embedding.probabilities[order]), 0, 1)
        parts["probabilities"] = packed("probabilities", np.rint(shares * LARGEST))
    return parts


def chunks(embedding: Embedding, placed: Places) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of the images' names, and of their neighbours, in pieces of 16,384 images: each is loaded when needed."""
    for number, start in enumerate(range(0, len(placed.order), CHUNK)):
        chosen = placed.order[start : start + CHUNK]
        yield f"names-{number:04d}", as_json([embedding.image_names[index] for index in chosen])
        yield f"neighbours-{number:04d}", packed("neighbours", placed.ranks[embedding.neighbours[chosen]])
