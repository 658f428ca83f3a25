"""Which part of an image makes a score: the maps of one method, and those of all beside one another."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..expressions import Objective
from ..legible import few
from ..units import Unit
from .looks import sides_of
from .record import FloatArray, Result, plain
from .windows import Windows

# In the order in which they are drawn.
SALIENCIES = ("gradient", "guided", "input", "integrated", "smooth", "gradcam", "gradcam++", "layercam", "occlusion")
# Those with a number for each colour of a pixel; of these, those whose map is the largest magnitude over the colours, not their sum.
COLOURED, MAGNITUDES = ("gradient", "guided", "input", "integrated", "smooth"), ("gradient", "guided", "smooth")
SIGNED = ("input", "integrated", "occlusion")


def map_of(method: str, signal: FloatArray) -> FloatArray:
    """Return one number for each pixel from what a method gives, (..., height, width, channel)."""
    return np.asarray(np.abs(signal).max(axis=-1) if method in MAGNITUDES else signal.sum(axis=-1), np.float32)


@dataclass(frozen=True, kw_only=True)
class Saliency(Result):
    """Which pixels of images matter to the score of a unit or expression, by one `method`.

    `units`: what is scored. All arrays below have an axis (unit,) behind the first where there are several.

    `pixels`: (image, height, width, channel) float32, signed, RGB order, of the methods `gradient`, `guided`, `input`, `integrated` and
    `smooth`; made from `windows` on first use. `maps`: (image, height, width) of every method. Of `gradient`, `guided` and `smooth` the
    largest magnitude over the channels (Simonyan 2013), of `input` and `integrated` the signed sum over them, else what the method gives.
    `windows`: a table (image, unit) of the signed numbers, each on the part of its image that it can lie in, with one channel where the
    method has no colours. `scores`: (image,) the score, which is taken before an activation that is flat above; `values`: (image,) the
    unit's value after it, elsewhere the same. `fields`: (image, 4) top, left, bottom, right in pixels of the receptive field there, which
    may reach over the image; outside of it all is zero. `images`: (image, height, width, channel) in [0, 1], as they entered the network.
    `details`: what the method settled for itself, such as the layer, the patch, or how complete a sum is.
    """

    units: tuple[Unit | Objective, ...]
    method: str
    windows: Windows
    scores: FloatArray
    values: FloatArray
    fields: NDArray[np.int64]
    images: FloatArray
    image_names: tuple[str, ...]
    details: tuple[tuple[str, Any], ...] = ()
    raw: ClassVar[tuple[str, ...]] = ("maps", "scores", "values", "fields", "images")

    @property
    def unit(self) -> Unit | Objective:
        """What is scored; of several the first."""
        return self.units[0]

    @property
    def guided(self) -> bool:
        """Say whether it is guided backprop."""
        return self.method == "guided"

    @property
    def is_signed(self) -> bool:
        """Say whether its maps tell what speaks for the score from what speaks against it."""
        return self.method in SIGNED

    @property
    def bands(self) -> int:
        """How many bands its images have."""
        return int(self.images.shape[-1])

    @cached_property
    def pixels(self) -> FloatArray:
        """(image, height, width, channel): the signed numbers on whole images, zero outside of their windows.

        Raises OptionError for a method that has no colours.
        """
        if self.method not in COLOURED:
            raise OptionError(f"`{self.method}` has one number for each pixel, not one for each colour. Read `.maps`.")
        return self._whole

    @property
    def maps(self) -> FloatArray:
        """(image, height, width): one number for each pixel; see the class."""
        return map_of(self.method, self._whole)

    def part(self, image: int, unit: int, field: tuple[int, int, int, int] | None = None) -> FloatArray:
        """Return the map (height, width) of one unit on a part of an image (None: all of it)."""
        return map_of(self.method, self.windows.part(image, unit, field))

    def of(self, array: NDArray[Any], image: int, unit: int) -> Any:
        """Return the entry of one of its arrays for an image and a unit."""
        return array[image] if len(self.units) == 1 else array[image, unit]

    @cached_property
    def _whole(self) -> FloatArray:
        found = self.windows.array()
        return found[:, 0] if len(self.units) == 1 else found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, the pixels among them where the method has colours."""
        coloured = {"pixels": self.pixels} if self.method in COLOURED else {}
        return coloured | super().arrays()

    def facts(self) -> tuple[str, ...]:
        """Return its units, the images, and the method."""
        units = self.legend(self.unit) if len(self.units) == 1 else few(self.units)
        return (f"{units} in {self.network_name!r}", f"on {few(self.image_names)}", self.method)

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image and unit: the score and value, and the receptive field."""
        count = len(self.units)
        return {
            "image": np.repeat(np.asarray(self.image_names, object), count),
            "unit": [str(unit) for unit in self.units] * len(self.image_names),
            "score": self.scores.ravel(),
            "value": self.values.ravel(),
            **sides_of(("top", "left", "bottom", "right"), self.fields),
        }

    def summary(self) -> dict[str, Any]:
        """Return the method and, for each image, the score of the unit; of several units a list of these."""
        found = [self._said(unit) for unit in range(len(self.units))]
        more = {"method": self.method, **dict(self.details)}
        return (found[0] if len(found) == 1 else {"units": found}) | more

    def _said(self, unit: int) -> dict[str, Any]:
        numbers = (
            {name: plain(self.of(array, image, unit)) for image, name in enumerate(self.image_names)}
            for array in (self.scores, self.values)
        )
        scores, values = numbers
        return {"unit": str(self.units[unit]), "scores": scores} | ({} if scores == values else {"values": values})


@dataclass(frozen=True, kw_only=True)
class ComparedMaps(Result):
    """The maps of all methods beside one another, with the areas below their deletion and insertion curves (Petsiuk et al. 2018).

    `methods`: their names, the last "random", the floor. `maps`: (image, method, height, width) float32, as `Saliency.maps`; `scores`:
    (image,) the score of `unit`. `deletion`, `insertion`: (image, method, step) what is left of the score as pixels go, and how much of it
    is there as they come. For a class of a softmax that is its probability, else the score as a share of that of the whole image:
    `measure` says which. `areas`: (image, method, 2) the areas below both; a good map has a small one, then a large one.
    """

    unit: Unit | Objective
    methods: tuple[str, ...]
    maps: FloatArray
    scores: FloatArray
    deletion: FloatArray
    insertion: FloatArray
    measure: str
    images: FloatArray
    image_names: tuple[str, ...]
    raw: ClassVar[tuple[str, ...]] = ("maps", "scores", "deletion", "insertion", "areas", "images")

    @property
    def bands(self) -> int:
        """How many bands its images have."""
        return int(self.images.shape[-1])

    @property
    def areas(self) -> FloatArray:
        """(image, method, 2): the areas below the deletion and the insertion curve, by trapezoids."""
        found = [(curve[..., :-1] + curve[..., 1:]).mean(axis=-1) / 2 for curve in (self.deletion, self.insertion)]
        return np.stack(found, axis=-1)

    def facts(self) -> tuple[str, ...]:
        """Return its unit, the images, and how many methods."""
        return (f"{self.legend(self.unit)} in {self.network_name!r}", f"on {few(self.image_names)}", f"{len(self.methods)} maps")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image and method: the areas below its curves."""
        count, areas = len(self.methods), self.areas
        return {
            "image": np.repeat(np.asarray(self.image_names, object), count),
            "unit": [str(self.unit)] * (count * len(self.image_names)),
            "method": list(self.methods) * len(self.image_names),
            "deletion": areas[..., 0].ravel(),
            "insertion": areas[..., 1].ravel(),
        }

    def summary(self) -> dict[str, Any]:
        """Return for each image the areas of each method."""
        areas = self.areas
        return {
            "unit": str(self.unit),
            "measure": self.measure,
            "images": [
                {
                    "image": name,
                    "score": plain(self.scores[image]),
                    "areas": {
                        method: {"deletion": plain(areas[image, place, 0]), "insertion": plain(areas[image, place, 1])}
                        for place, method in enumerate(self.methods)
                    },
                }
                for image, name in enumerate(self.image_names)
            ],
        }
