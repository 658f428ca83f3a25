"""Units through training: what each sees at every checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..legible import counted, few, told
from ..units import Unit
from .record import FloatArray, Result, plain


@dataclass(frozen=True, repr=False)
class UnitLook:
    """A `unit` at one checkpoint: the number of the `image` that excites it most, and its `value` there.

    `patch`: (height, width, channel) in [0, 1], what the unit sees of that image; `projection`: as large, signed, what the deconvnet
    returns from there, zero for a unit that no image excites. `synthetic`: a picture by gradient ascent, None where there is none.
    """

    unit: Unit
    image: int
    value: float
    patch: FloatArray
    projection: FloatArray
    synthetic: FloatArray | None = None

    def __repr__(self) -> str:
        return told(self, str(self.unit), f"image {self.image}", f"{self.value:.3g}")

    @property
    def is_silent(self) -> bool:
        """Say whether no image excites the unit."""
        return not self.value > 0


@dataclass(frozen=True, kw_only=True)
class Evolution(Result):
    """`checkpoints`: what they are called, in order; `looks`: (checkpoint) (unit) what each of the `units` sees.

    `image_names`: of all images, by number. `digests`: of the network at each checkpoint.
    """

    units: tuple[Unit, ...]
    checkpoints: tuple[str, ...]
    digests: tuple[str, ...]
    looks: tuple[tuple[UnitLook, ...], ...]
    image_names: tuple[str, ...]
    raw: ClassVar[tuple[str, ...]] = ("values", "images")

    @property
    def bands(self) -> int:
        """How many bands the images have."""
        return int(self.looks[0][0].patch.shape[-1])

    @property
    def values(self) -> FloatArray:
        """(checkpoint, unit) the largest value of each unit over all images."""
        return np.array([[one.value for one in row] for row in self.looks], np.float32)

    @property
    def images(self) -> NDArray[np.int64]:
        """(checkpoint, unit) which image that is."""
        return np.array([[one.image for one in row] for row in self.looks], np.int64)

    @property
    def jumps(self) -> NDArray[np.bool_]:
        """(checkpoint, unit) whether the strongest image is another one than at the checkpoint before; a silent unit does not jump."""
        rows = [[False] * len(self.units)]
        rows += [
            [not (one.is_silent or two.is_silent) and one.image != two.image for one, two in zip(before, now, strict=True)]
            for before, now in pairwise(self.looks)
        ]
        return np.array(rows)

    @property
    def has_synthetic(self) -> bool:
        """Say whether pictures by gradient ascent are among them."""
        return any(one.synthetic is not None for row in self.looks for one in row)

    def facts(self) -> tuple[str, ...]:
        """Return its units, and how many checkpoints and images."""
        sizes = counted(len(self.checkpoints), "checkpoint"), counted(len(self.image_names), "image")
        return (f"{few(self.units)} in {self.network_name!r}", f"{sizes[0]} on {sizes[1]}")

    def as_columns(self) -> Mapping[str, Any]:
        """Return a row for each checkpoint and unit: its largest value, on which image, and whether that is another one than before."""
        count, jumps = len(self.units), self.jumps
        return {
            "checkpoint": [name for name in self.checkpoints for _ in range(count)],
            "unit": [str(unit) for unit in self.units] * len(self.checkpoints),
            "value": self.values.ravel(),
            "image": [self.image_names[image] for image in self.images.ravel().tolist()],
            "jump": jumps.ravel(),
        }

    def summary(self) -> dict[str, Any]:
        """Return for each unit its value and strongest image at each checkpoint, and where it jumps."""
        values, images, jumps = self.values, self.images, self.jumps
        units = [
            {
                "unit": str(unit),
                "values": [plain(value) for value in values[:, place]],
                "images": [self.image_names[image] for image in images[:, place].tolist()],
                "jumps": [self.checkpoints[row] for row in np.flatnonzero(jumps[:, place]).tolist()],
            }
            for place, unit in enumerate(self.units)
        ]
        return {"checkpoints": list(self.checkpoints), "images": len(self.image_names), "units": units}
