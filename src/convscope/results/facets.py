"""The facets of a unit: what its strongest images have in common, group by group."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..legible import counted, told
from ..units import Unit
from .names import UnitName
from .record import FloatArray, Result, plain


@dataclass(frozen=True, kw_only=True, repr=False)
class Facet:
    """Some of a unit's strongest images that excite it through the same inputs, the strongest first.

    `images`: (k,) ids, all of the facet; `names`, `labels` and `values` (k,) of each. `pixels`: (n, height, width, channel) in [0, 1], the
    patches of the first n; `inside`: (n, 4) the part of each that lies on its image: top, left, bottom, right; `share`: of the strongest
    images. `inputs`: the channels of the layer below that contribute most, with their shares of what excites the unit. `synthetic`:
    (height, width, channel) in [0, 1], a picture for the unit through these inputs, and its `score`.
    """

    images: NDArray[np.int64]
    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    values: FloatArray
    pixels: FloatArray
    inside: NDArray[np.int64]
    share: float
    inputs: tuple[tuple[Unit, float], ...]
    synthetic: FloatArray
    score: float

    def __repr__(self) -> str:
        return told(self, counted(len(self.images), "image"), f"{100 * self.share:.0f} %")

    @property
    def label(self) -> tuple[str, int] | None:
        """The commonest label of its images, and of how many; None without labels."""
        known = [one for one in self.labels if one is not None]
        if not known:
            return None
        name = max(dict.fromkeys(known), key=known.count)
        return name, known.count(name)

    def summary(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        label = {} if self.label is None else {"label": self.label[0], "of_label": self.label[1]}
        inputs = [{"unit": str(unit), "share": plain(share)} for unit, share in self.inputs]
        strongest = [
            {"image": name, "value": plain(value)} for name, value in zip(self.names[: len(self.pixels)], self.values, strict=False)
        ]
        return {
            "images": len(self.images),
            "share": self.share,
            **label,
            "score": plain(self.score),
            "inputs": inputs,
            "strongest": strongest,
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class Facets(Result):
    """The facets of one unit, the largest first. `images`: how many of its strongest images were sorted, of the data set `dataset`.

    `mixed`: the share of these images that the largest facet does not hold, 0 for a unit with one facet. `silhouette`: how well the images
    fall into groups, 1 at most, for the best number of groups above one; `chance`: what groups of a cloud of the same spread reach at most,
    of 19. Facets are several where the first is above the second. `below`: the layer whose channels tell how an image excites the unit.
    """

    unit: Unit
    facets: tuple[Facet, ...]
    mixed: float
    silhouette: float
    chance: float
    images: int
    dataset: str
    below: str
    name: UnitName | None = None
    raw: ClassVar[tuple[str, ...]] = ()

    @property
    def bands(self) -> int:
        """How many bands its pictures have."""
        return int(self.facets[0].synthetic.shape[-1]) if self.facets else 1

    def facts(self) -> tuple[str, ...]:
        """Return its unit, and how many facets it has."""
        return (f"{self.legend(self.unit)} in {self.network_name!r}", counted(len(self.facets), "facet"), f"mixed {self.mixed:.2f}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image: its facet, from 0, its name, label and value."""
        rows = [
            (place, *row) for place, one in enumerate(self.facets) for row in zip(one.names, one.labels, one.values.tolist(), strict=True)
        ]
        columns = tuple(zip(*rows, strict=True)) or ((), (), (), ())
        return {name: list(column) for name, column in zip(("facet", "image", "label", "value"), columns, strict=True)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the images of each facet, and the synthetic pictures (facet, height, width, channel)."""
        found = {f"images_{place}": one.images for place, one in enumerate(self.facets)}
        return found | {"synthetic": np.stack([one.synthetic for one in self.facets])}

    def summary(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        return {
            "unit": str(self.unit),
            "images": self.images,
            "below": self.below,
            "mixed": self.mixed,
            "silhouette": plain(self.silhouette),
            "chance": plain(self.chance),
            **({} if self.name is None else {"name": self.name.summary()}),
            "facets": [one.summary() for one in self.facets],
        }
