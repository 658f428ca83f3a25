"""What the methods return: plain frozen records, arrays plus provenance, that can be saved, shown and made again."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .errors import OutputError
from .expressions import Objective
from .registry import DRAWINGS
from .units import Unit

SCHEMA = 1
CAUTION_TSNE = "t-SNE keeps neighbours; distances between clusters and their sizes carry little meaning."
FloatArray = NDArray[np.float32]
PATCH_ARRAYS = ("pixels", "projections", "values", "positions", "fields", "images")


@dataclass(frozen=True)
class Provenance:
    """Everything needed to make a result again.

    `model` says how to load the network and its digest; `inputs` lists the images with their digests; `parameters` are the
    method's arguments, ready to be handed to it again; `versions` and `backend` tell what computed it.
    """

    method: str
    model: dict[str, Any]
    inputs: tuple[dict[str, Any], ...]
    parameters: dict[str, Any]
    seed: int | None
    backend: dict[str, str]
    versions: dict[str, str]

    def as_json(self, **more: Any) -> str:
        """Return the provenance as sorted JSON, with `more` top-level entries."""
        return json.dumps({"schema": SCHEMA} | dataclasses.asdict(self) | more, indent=1, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Result:
    """Base of the records. `notes` are sentences that belong under the picture; `interrupted` says Ctrl-C ended it early.

    `class_names` names the output units among the units, by address. `raw`: the arrays to write on request; `beside`: files that are
    written into a folder, but not beside a single .png.
    """

    provenance: Provenance
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    class_names: Mapping[str, str] = field(default_factory=dict)

    raw: ClassVar[tuple[str, ...]] = ()
    beside: ClassVar[tuple[str, ...]] = ()

    def legend(self, unit: Unit | Objective) -> str:
        """Return what to call a unit in a picture: its address, and its class where it is an output."""
        name = self.class_names.get(str(unit))
        return f"{unit} ({name})" if name else str(unit)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as `--raw` writes them."""
        return {name: np.asarray(getattr(self, name)) for name in self.raw}

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the result as plain JSON values, as `--json` prints them."""
        return {}

    def remarks(self) -> tuple[str, ...]:
        """Return sentences for the terminal that belong on no picture, because they differ from run to run."""
        return ()

    def tidy(self, written: Sequence[Path]) -> None:
        """Remove what an earlier result left among the files that were `written`, where it would be taken for this one's."""

    def save(self, path: str | Path, *, raw: bool = False) -> list[Path]:
        """Write the picture to `path` (a .png), or all pictures into it (a folder); return what was written.

        Each PNG carries its provenance as text and has a JSON sidecar; `raw` also writes the arrays as .npz. Files are written
        whole or not at all. Raises OutputError.
        """
        written: list[Path] = DRAWINGS.get("writer").write(self, Path(path), raw=raw)
        self.tidy(written)
        return written

    def picture(self) -> Any:
        """Return the main picture as a PIL image."""
        return DRAWINGS.get("writer").main_picture(self)

    def show(self) -> None:
        """Open the main picture: in a notebook below the cell, elsewhere in the system's viewer."""
        DRAWINGS.get("writer").show(self)

    def _repr_png_(self) -> bytes:
        return DRAWINGS.get("writer").png_bytes(self)


@dataclass(frozen=True, kw_only=True)
class Activations(Result):
    """`maps`: (image, height, width, channel) float32, or (image, channel) behind a dense layer; one layer, all channels.

    Of a network on sequences or volumes: (image, length, channel) or (image, depth, height, width, channel), as are `images`.

    `images`: what entered the network, (image, height, width, channel) in [0, 1]. `order`: "strongest" or "index"; `most`: how
    many channels the picture shows, None for all.
    """

    layer: str
    maps: FloatArray
    images: FloatArray
    image_names: tuple[str, ...]
    order: str
    most: int | None
    labels: tuple[str, ...] | None = None
    raw: ClassVar[tuple[str, ...]] = ("maps", "images")

    def summary(self) -> dict[str, Any]:
        """Return for each image the ten channels with the largest values."""
        largest = self.maps.reshape(len(self.maps), -1, self.maps.shape[-1]).max(axis=1)
        ranked = np.argsort(-largest, axis=1, kind="stable")[:, :10]
        return {
            "layer": self.layer,
            "images": [
                {"image": name, "strongest": [{"channel": int(one), "value": float(row[one])} for one in order]}
                for name, row, order in zip(self.image_names, largest, ranked, strict=True)
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Projections(Result):
    """What the deconvnet returns.

    `pixels`: (image, unit, height, width, channel) float32, signed, RGB order, on the scale of the network's input.
    `values`: (image, unit) the activation each seed was taken from. `positions`: (image, unit, 2) its row and column, -1 where the
    layer has none. `fields`: (image, unit, 4) the receptive field on the image as top, left, bottom, right, ends exclusive.
    `images`: (image, height, width, channel) in [0, 1], as they entered the network.
    """

    units: tuple[Unit, ...]
    pixels: FloatArray
    values: FloatArray
    positions: NDArray[np.int64]
    fields: NDArray[np.int64]
    images: FloatArray
    image_names: tuple[str, ...]
    variant: str
    seeded: str
    raw: ClassVar[tuple[str, ...]] = ("pixels", "values", "positions", "fields", "images")

    def summary(self) -> dict[str, Any]:
        """Return for each image and unit its value, position and receptive field."""
        return {
            "projections": [
                {
                    "image": name,
                    "unit": str(unit),
                    "value": float(self.values[i, u]),
                    "position": [int(x) for x in self.positions[i, u]],
                    "field": [int(x) for x in self.fields[i, u]],
                }
                for i, name in enumerate(self.image_names)
                for u, unit in enumerate(self.units)
            ]
        }


@dataclass(frozen=True, kw_only=True)
class Saliency(Result):
    """`pixels`: (image, height, width, channel) float32, the signed gradient of the unit's score, RGB order.

    `maps`: (image, height, width) the largest magnitude over the channels (Simonyan 2013). `scores`: (image,) the score.
    """

    unit: Unit
    pixels: FloatArray
    scores: FloatArray
    images: FloatArray
    image_names: tuple[str, ...]
    guided: bool
    raw: ClassVar[tuple[str, ...]] = ("pixels", "maps", "scores", "images")

    def summary(self) -> dict[str, Any]:
        """Return the unit's score for each image."""
        scores = {name: float(score) for name, score in zip(self.image_names, self.scores, strict=True)}
        return {"unit": str(self.unit), "scores": scores}

    @property
    def maps(self) -> FloatArray:
        """Return max over the channels of |pixels|: (image, height, width), >= 0."""
        return np.abs(self.pixels).max(axis=-1)


@dataclass(frozen=True, kw_only=True)
class Ascent(Result):
    """`images`: (picture, height, width, channel) float32 in [0, 1], multiples of 1/255: the 8-bit pictures themselves.

    `units`: what each is of; a unit of several diverse pictures comes several times. `scores`: (picture,) the unit's largest activation on
    its 8-bit picture, in float32; of an expression the weighted sum of those of its terms. `real`: (picture,) the unit's largest activation
    among the real images, NaN for an expression, None where there are none. `courses`: (step, picture) the objective, NaN once it stood.
    `frames`: for each picture those on the way, (height, width, channel) uint8, where they were asked for.
    """

    units: tuple[Unit | Objective, ...]
    images: FloatArray
    scores: FloatArray
    courses: FloatArray
    mode: str
    real: FloatArray | None = None
    frames: tuple[tuple[NDArray[np.uint8], ...], ...] = ()
    raw: ClassVar[tuple[str, ...]] = ("images", "scores", "courses")

    @property
    def dead(self) -> NDArray[np.bool_]:
        """(picture,) whether nothing excites its unit; a difference of units may well be negative, and is never dead."""
        return np.array([isinstance(unit, Unit) for unit in self.units], dtype=bool) & ~(self.scores > 0)

    def summary(self) -> dict[str, Any]:
        """Return each picture's unit, score, whether that is dead, and its largest activation among real images where there are any."""
        found = [
            {"unit": str(unit), "score": float(score), "dead": bool(dead)}
            for unit, score, dead in zip(self.units, self.scores, self.dead, strict=True)
        ]
        for one, real in zip(found, [] if self.real is None else self.real, strict=False):
            one["real"] = float(real) if np.isfinite(real) else None
        return {"pictures": found}


def picture_names(units: Sequence[Unit | Objective]) -> list[str]:
    """Return a file name for the picture of each unit; of those that only case, a slash or nothing tells apart different ones, too."""
    taken: set[str] = {"sheet"}
    names = []
    for unit in units:
        name, count = unit.slug, 2
        while name.casefold() in taken:
            name, count = f"{unit.slug}-{count}", count + 1
        taken.add(name.casefold())
        names.append(f"{name}.png")
    return names


@dataclass(frozen=True, kw_only=True)
class Patches:
    """The images of a data set that excite one unit most, strongest first, each cropped to the receptive field.

    `images`: (k,) their numbers in the data set, -1 where there are fewer; `values`, `positions` (row, column; -1 where the layer has
    none): where the unit was largest on each. `fields`: (k, 4) the window that is shown as top, left, bottom, right in pixels, ends
    exclusive; it may reach over the border. `pixels`: (k, height, width, channel) float32 in [0, 1], the windows; `projections`: the same
    shape, signed, what the deconvnet returns for them. Both are zero beyond the border. `size`: the images' (height, width). `missing`:
    the places whose pictures are gone or have changed since they were measured.
    """

    unit: Unit
    images: NDArray[np.int64]
    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    values: FloatArray
    positions: NDArray[np.int64]
    fields: NDArray[np.int64]
    pixels: FloatArray
    projections: FloatArray
    size: tuple[int, int]
    missing: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Return how many of the images excite the unit at all; it is silent on the data set if none does."""
        return int(((self.images >= 0) & (self.values > 0)).sum())

    @property
    def places(self) -> tuple[int, ...]:
        """Return the places that have a picture."""
        return tuple(place for place in range(self.count) if place not in self.missing)

    def inside(self, place: int) -> tuple[int, int, int, int]:
        """Return the part of window `place` that lies on the image: top, left, bottom, right, counted from the window's corner."""
        top, left, bottom, right = (int(side) for side in self.fields[place])
        return max(0, -top), max(0, -left), min(bottom, self.size[0]) - top, min(right, self.size[1]) - left

    def summary(self) -> list[dict[str, Any]]:
        """Return each image's name, label, value, position and window as plain JSON values."""
        return [
            {
                "image": name,
                "label": label,
                "value": float(value),
                "position": [int(one) for one in position],
                "field": [int(one) for one in window],
            }
            for name, label, value, position, window in zip(
                self.names[: self.count], self.labels, self.values, self.positions, self.fields, strict=False
            )
        ]


@dataclass(frozen=True, kw_only=True)
class TopPatches(Result):
    """The images that excite each of some filters of a layer most, patches beside projections (Zeiler & Fergus 2014, Figure 2).

    `fires`: (unit,) the share of the data set's images on which each is above zero. `filters`: how many the layer has, `silent`: how many
    of them fire on no image, `images`: how many there are. `dataset` names it.
    """

    layer: str
    patches: tuple[Patches, ...]
    fires: FloatArray
    filters: int
    silent: int
    images: int
    dataset: str
    variant: str
    theme: str = "light"

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return (unit, k, ...) arrays, and the (unit,) channels and shares of images on which they fire."""
        found = {name: np.stack([getattr(one, name) for one in self.patches]) for name in PATCH_ARRAYS}
        return found | {"channels": np.array([one.unit.channel for one in self.patches]), "fires": self.fires}

    def summary(self) -> dict[str, Any]:
        """Return for each filter how often it fires and on what most."""
        units = [
            {"unit": str(one.unit), "fires": float(share), "silent": one.count == 0, "top": one.summary()}
            for one, share in zip(self.patches, self.fires, strict=True)
        ]
        return {"layer": self.layer, "images": self.images, "filters": self.filters, "silent": self.silent, "units": units}


@dataclass(frozen=True, kw_only=True)
class Dossier(Result):
    """All that is known of one unit: its strongest images, a synthetic one, and how its maxima are distributed over a data set.

    `patches` have projections with switches; `spread`: the same shape, without. `synthetic`: (height, width, channel) in [0, 1], by
    gradient ascent, `score` the unit's largest activation on it, `percentile` the percentage of the data set's images below it.
    `edges` (bin + 1,), `counts` (bin,): the histogram of the maxima. `fires`: the share of `images` on which it is above zero.
    `quantiles`: its maxima by share of images. `class_means`: mean maximum by class, `class_top`: share among the strongest images shown.
    `example`: the strongest image that has a picture, whole; `field`: (height, width) of the receptive field, None where it is the
    whole image.
    """

    patches: Patches
    spread: FloatArray
    synthetic: FloatArray
    score: float
    percentile: float
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    fires: float
    images: int
    quantiles: Mapping[str, float]
    class_means: Mapping[str, float]
    class_top: Mapping[str, float]
    example: FloatArray
    field: tuple[int, int] | None
    dataset: str
    theme: str = "light"
    raw: ClassVar[tuple[str, ...]] = ("synthetic", "spread", "edges", "counts", "example")

    @property
    def unit(self) -> Unit:
        """The unit."""
        return self.patches.unit

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, those of the patches among them."""
        return super().arrays() | {name: np.asarray(getattr(self.patches, name)) for name in PATCH_ARRAYS}

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the unit."""
        return {
            "unit": str(self.unit),
            "images": self.images,
            "fires": self.fires,
            "silent": self.patches.count == 0,
            "field": None if self.field is None else list(self.field),
            "synthetic": {"score": self.score, "percentile": self.percentile},
            "quantiles": dict(self.quantiles),
            "classes": {"mean": dict(self.class_means), "top": dict(self.class_top)},
            "top": self.patches.summary(),
        }


@dataclass(frozen=True)
class Reference:
    """What it takes to place new images on a map: the digest of its `model` ("" where features were given), its `layer`, the `mean`
    (feature,) and `axes` (feature, dimension) of its PCA, and each image's `components` (image, dimension) and `points` (image, 2).
    `scale`: what the components were divided by.
    """

    model: str
    layer: str
    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    components: FloatArray
    points: FloatArray
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Embedding(Result):
    """A map of images.

    `points`: (image, 2) float32 coordinates. `features`: (image, feature) the network's values they come from, perhaps a memory map.
    `thumbnails`: (image, side, side, channel) uint8, side <= 128, perhaps a memory map: read it in slices. `labels`, `predictions`:
    class names by image, or None; `probabilities`: (image,) float32 in [0, 1] of the predicted class, or None.
    `neighbours`: (image, 8) int32, the nearest images by feature, nearest first, fewer columns for fewer than nine images.
    `cells`: (image, 2) int32, column and row of each image on a `grid` of (columns, rows), row 0 at the top.
    `quality`: numbers such as knn@10. `seconds`: how long each step took. `backdrop`: (point, 2), the map that the images were placed
    on, or None; `reference`: what places others on this one. `theme`: "light" or "dark", and `colour`: "label" or "prediction", say how
    the pictures are drawn.
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
    reference: Reference | None = None
    theme: str = "light"
    colour: str = "label"
    raw: ClassVar[tuple[str, ...]] = ("points", "features", "neighbours", "cells")
    beside: ClassVar[tuple[str, ...]] = ("grid.png", "reference.npz")

    def summary(self) -> dict[str, Any]:
        """Return what was mapped, by which engine, and how faithful the map is."""
        found = {"layer": self.layer, "images": len(self.points), "grid": list(self.grid), "engine": self.engine}
        return found | {"quality": dict(self.quality), "seconds": dict(self.seconds)}

    def remarks(self) -> tuple[str, ...]:
        """Return how long the map took and how faithful it is: the one says little without the other."""
        steps = ", ".join(f"{step} {taken:.1f} s" for step, taken in self.seconds.items())
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in self.quality.items())
        return (f"{len(self.points):,} images by {self.engine}: {steps}.", f"Quality: {numbers}.")

    def save(self, path: str | Path, *, raw: bool = False) -> list[Path]:
        """As for every result. Raises OutputError also for the folder of the map that the images were placed on."""
        target = Path(path)
        check_apart(target.parent if target.suffix.lower() == ".png" else target, self.provenance.parameters.get("onto"))
        return super().save(path, raw=raw)

    def tidy(self, written: Sequence[Path]) -> None:
        """Remove an earlier map's `map.npz` and `reference.npz` beside a new `grid.png`: they hold other points."""
        for folder in {path.parent for path in written if path.name == "grid.png"}:
            for stale in {folder / "map.npz", folder / "reference.npz"} - set(written):
                if _holds_points(stale):
                    stale.unlink()

    def save_page(self, folder: str | Path) -> list[Path]:
        """Write the map as a page of its own that opens in a browser, without a server or a network; return what was written."""
        check_apart(Path(folder), self.provenance.parameters.get("onto"))
        written: list[Path] = DRAWINGS.get("page")(self, Path(folder))
        return written


def check_apart(folder: Path, onto: str | Path | None) -> None:
    """Raise OutputError if images that were placed `onto` the map in a folder would be written over it or its page."""
    if onto is None:
        return
    old = Path(onto).expanduser().resolve()
    if Path(folder).expanduser().resolve() in (old, old / "page"):
        raise OutputError(f"`{folder}` holds the map that the images are placed on, which would be replaced. Give another folder.")


def _holds_points(path: Path) -> bool:
    try:
        with np.load(path, allow_pickle=False) as loaded:
            return "points" in loaded.files
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False
