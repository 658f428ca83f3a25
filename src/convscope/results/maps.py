"""A map of images."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFile, ArrayFileError
from ..errors import OutputError
from ..formats import map_reference
from ..legible import counted
from ..notebook import Page
from ..writing import is_picture, writer
from .record import FloatArray, Result

CAUTION_TSNE = "t-SNE keeps neighbours. Distances between clusters, and the sizes of clusters, mean little."


@dataclass(frozen=True, kw_only=True)
class Embedding(Result):
    """A map of images.

    `points`: (image, 2) float32 coordinates. `features`: (image, feature) the network's values they come from, perhaps a memory map.
    `thumbnails`: (image, side, side, channel) uint8, side <= 128, each picture whole; two and four channels end in their opacity; perhaps
    a memory map: read it in slices. `labels`, `predictions`:
    class names by image, or None; `probabilities`: (image,) float32 in [0, 1] of the predicted class, or None.
    `neighbours`: (image, 8) int32, the nearest images by feature, nearest first, fewer columns for fewer than nine images.
    `cells`: (image, 2) int32, column and row of each image on a `grid` of (columns, rows), row 0 at the top. `quality`: numbers such as
    knn@10. `seconds`: how long each step took. `backdrop`: (point, 2), the map that the images were placed on, or None; `reference`: what
    places others on this one. `colour`: "label" or "prediction", what the pictures are coloured by; `exact`: whether the thumbnails of the
    picture stay at the very coordinates, else they are pushed apart a little. `network`: the name of the network whose features these are,
    "" where nobody knows it.
    """

    layer: str
    points: FloatArray
    features: NDArray[np.floating[Any]]
    thumbnails: NDArray[np.uint8]
    image_names: tuple[str, ...]
    labels: tuple[str, ...] | None
    predictions: tuple[str, ...] | None
    probabilities: FloatArray | None
    neighbours: NDArray[np.int32]
    cells: NDArray[np.int32]
    grid: tuple[int, int]
    engine: str
    quality: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    backdrop: FloatArray | None = None
    reference: map_reference.Reference | None = None
    colour: str = "label"
    exact: bool = False
    network: str = ""
    raw: ClassVar[tuple[str, ...]] = ("points", "features", "neighbours", "cells")
    beside: ClassVar[tuple[str, ...]] = ("grid.png", map_reference.FILE)

    def facts(self) -> tuple[str, ...]:
        """Return how many images, by which layer, and by what."""
        return (f"{counted(len(self.points), 'image')} at {self.layer} of {self.network or self.network_name!r}", self.engine)

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image: its place on the map and on the grid; label and prediction are empty where there are none."""
        count = len(self.points)
        empty = (None,) * count
        columns: dict[str, Any] = {
            "id": np.arange(count, dtype=np.int32),
            "path": self.image_names,
            "label": self.labels or empty,
            "prediction": self.predictions or empty,
            "x": self.points[:, 0],
            "y": self.points[:, 1],
            "column": self.cells[:, 0],
            "row": self.cells[:, 1],
        }
        return columns if self.probabilities is None else columns | {"probability": self.probabilities}

    def summary(self) -> dict[str, Any]:
        """Return what was mapped, by which engine, and how faithful the map is."""
        found = {"layer": self.layer, "images": len(self.points), "grid": list(self.grid), "engine": self.engine}
        return found | {"quality": dict(self.quality), "seconds": dict(self.seconds)}

    def remarks(self) -> tuple[str, ...]:
        """Return how long the map took and how faithful it is: the one says little without the other."""
        steps = ", ".join(f"{step} {taken:.1f} s" for step, taken in self.seconds.items())
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in self.quality.items())
        return (f"{len(self.points):,} images by {self.engine}: {steps}.", f"Quality: {numbers}.")

    def save(self, path: str | Path, *, raw: bool = False, theme: str | None = None) -> list[Path]:
        """As for every result. Raises OutputError also for the folder of the map that the images were placed on."""
        target = Path(path)
        check_apart(target.parent if is_picture(target) else target, self.provenance.parameters.get("onto"))
        return super().save(path, raw=raw, theme=theme)

    def tidy(self, written: Sequence[Path]) -> None:
        """Remove an earlier map's `map.npz` and `reference.npz` beside a new `grid.png`: they hold other points."""
        for folder in {path.parent for path in written if path.name == "grid.png"}:
            for stale in {folder / "map.npz", folder / map_reference.FILE} - set(written):
                if _holds_points(stale):
                    stale.unlink()

    def save_page(
        self, folder: str | Path, *, atlas: str = "", side: int | None = None, ids: NDArray[np.integer[Any]] | None = None
    ) -> list[Path]:
        """Write the map as a page of its own that opens in a browser, without a server or a network; return what was written.

        `side`: thumbnails of at most so many pixels. Of an atlas: `atlas`, its address as seen from the page, and `ids`, (image,) the
        numbers by which its links name the images.
        """
        check_apart(Path(folder), self.provenance.parameters.get("onto"))
        return writer().write_page(self, Path(folder), atlas=atlas, side=side, ids=ids)

    def page(self) -> Page:
        """Return the map as a page for a notebook's cell, which shows it below: it holds its pictures, and needs no server.

        Raises OutputError for a map of more than 32 MiB; `save_page` writes one of any size.
        """
        return writer().cell_page(self)


def check_apart(folder: Path, onto: str | Path | None) -> None:
    """Raise OutputError if images that were placed `onto` the map in a folder would be written over it or its page."""
    if onto is None:
        return
    old, new = (Path(os.path.expanduser(one)).resolve() for one in (onto, folder))  # noqa: PTH111 (Path's own raises for ~nobody)
    if new in (old, old / "page"):
        raise OutputError(f"`{folder}` holds the map that the images were placed on. Saving there would overwrite it. Use another folder.")


def _holds_points(path: Path) -> bool:
    try:
        return "points" in ArrayFile(path)
    except (OSError, ArrayFileError):
        return False
