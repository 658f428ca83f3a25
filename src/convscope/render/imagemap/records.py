"""What the page knows about the images, as bytes: places, mean colours, classes, names, neighbours; in Hilbert order."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...results import Embedding
from ..legend import natural
from ..palette import class_colours
from ..theme import DARK, LIGHT
from .hilbert import hilbert_order

LARGEST = 65535
CHUNK = 16384


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


def script(parts: Mapping[str, bytes]) -> bytes:
    """Return a classic script that hands bytes to the page.

    A page from disk may neither fetch files nor load modules, but it may add scripts. Base64 holds no character that
    means anything to HTML or JavaScript, whatever the bytes are.
    """
    lines = (f'map.take("{name}","{base64.b64encode(content).decode("ascii")}");\n' for name, content in parts.items())
    return "".join(lines).encode("ascii")


def as_json(value: Any) -> bytes:
    """Return a value as JSON in UTF-8; lone surrogates, as in undecodable file names, become U+FFFD."""
    return json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str).encode("utf-8")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_clean(str(name)): _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


@dataclass(frozen=True)
class Classes:
    """The class names that occur, numbers in them in their order, and each image's as a number; `width`: bytes per number."""

    names: tuple[str, ...]
    width: int

    def codes(self, given: Sequence[str], order: NDArray[np.intp]) -> bytes:
        """Return the numbers of the images' classes, in the given order."""
        numbers = {name: number for number, name in enumerate(self.names)}
        found = np.fromiter((numbers[name] for name in given), np.int64, len(given))
        return found[order].astype(f"<u{self.width}").tobytes()

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


def later(embedding: Embedding, classes: Classes, placed: Places) -> dict[str, bytes]:
    """Return what is needed only after the first picture: cells of the grid, row numbers, backdrop, predictions, probabilities."""
    order = placed.order
    parts = {"cells": embedding.cells[order].astype("<u2").tobytes(), "ids": order.astype("<u4").tobytes()}
    if len(placed.backdrop):
        parts["backdrop"] = placed.backdrop.astype("<u2").tobytes()
    if embedding.labels is not None and embedding.predictions is not None:
        parts["predictions"] = classes.codes(embedding.predictions, order)
    if embedding.probabilities is not None:
        shares = np.clip(np.nan_to_num(embedding.probabilities[order]), 0, 1)
        parts["probabilities"] = np.rint(shares * LARGEST).astype("<u2").tobytes()
    return parts


def chunks(embedding: Embedding, placed: Places) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of the images' names, and of their neighbours, in pieces of 16,384 images: each is loaded when needed."""
    for number, start in enumerate(range(0, len(placed.order), CHUNK)):
        chosen = placed.order[start : start + CHUNK]
        yield f"names-{number:04d}", as_json([embedding.image_names[index] for index in chosen])
        yield f"neighbours-{number:04d}", placed.ranks[embedding.neighbours[chosen]].astype("<u4").tobytes()
