"""The units of a layer as a stream of portraits: the one road from a run to `top`, to dossiers and to all that shows a layer.

A chunk of units is in hand at a time. Its images are read once for all of them and their places go down together, so that a layer costs
less than its units one by one. Memory does not grow with the layer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ..errors import ImageError, UnitError
from ..graph.rules import GRADIENT, Ruleset
from ..network.network import Network
from ..projection.caveats import is_pooled, wants_gradients
from ..results import FloatArray, Patches
from ..scanning import Run
from ..units import Unit
from .gathering import Chunk, Gathered, Wanted, longest_field
from .histogram import EvenHistogram, evenly
from .scanned_units import rules_of, way_to

# Units that are in hand at once: a page of `top`.
UNITS_AT_ONCE = 16


@dataclass(frozen=True)
class UnitPortrait:
    """What a run tells of one unit, and what its strongest images are to it.

    `patches`: the strongest images, with their windows and the projections by the first ruleset; `projections`: the same shape by each of
    the rulesets, (k, height, width, channel). What was not wanted is (k, 0, 0, channel).
    `images`: on how many the unit's value is a number; `fires`: the share of them on which it is above 0. `mean`, `least`, `largest`,
    `quantiles` by share, `histogram`, and `class_means`, by class: of its maxima, before an activation that is flat above.
    `field`: (height, width) of the receptive field, None where it is the whole image. `unreadable`: why images could not be had, by
    id.
    """

    patches: Patches
    projections: tuple[FloatArray, ...]
    images: int
    fires: float
    mean: float
    least: float
    largest: float
    quantiles: Mapping[float, float]
    histogram: EvenHistogram
    class_means: Mapping[str, float]
    field: tuple[int, int] | None
    unreadable: Mapping[int, str]

    def __repr__(self) -> str:
        return f"UnitPortrait({self.unit}, {self.patches.count} images)"

    @property
    def unit(self) -> Unit:
        """The unit."""
        return self.patches.unit

    @property
    def class_top(self) -> dict[str, float]:
        """The share of each class among the strongest images that have one, by name."""
        shown = Counter(label for label in self.patches.labels[: self.patches.count] if label is not None)
        return {name: count / self.patches.count for name, count in sorted(shown.items())}


def portraits_of(
    run: Run,
    network: Network,
    layer: str,
    channels: Sequence[int] | None = None,
    *,
    rulesets: Sequence[Ruleset] = (),
    view: str = "projection",
    projected: int | None = None,
    pixels: bool = True,
    scanned: bool = False,
) -> Iterator[UnitPortrait]:
    """Yield the portraits of units of one layer, in the order of `channels`; of all its units where that is None.

    `rulesets`: by which the strongest images are projected, see `both_ways`; without any and without `pixels` no image is read. `view`: as
    of `Projections`: it may need the gradients, which are then `patches.gradients`. `projected`: how many images of a unit are projected,
    strongest first; the others stay zero. `pixels`: cut the patches. `scanned`: take the units' values from the run, at the precision of
    its scan, wherever no image need run forward for more.

    Images that are gone or have changed leave their places empty, and `unreadable` says why. A projection may differ in its last bits
    from one chunk of 16 units to another, since these run as one batch. Raises UnitError for a layer without rows and columns, ImageError
    if no image of the run can be had.
    """
    if len(run.shape(layer)) not in (0, 2):
        raise UnitError(f"`{layer}` has a map of shape {run.shape(layer)}. Portraits need rows and columns, or a dense layer.")
    graded = bool(rulesets) and wants_gradients(way_to(network, layer), rulesets[0], view)
    wanted = Wanted((*rulesets, GRADIENT) if graded else tuple(rulesets), projected, pixels, scanned)
    waiting, longest = iter(range(run.channels(layer)) if channels is None else channels), longest_field(run, layer)
    while some := [int(channel) for channel in islice(waiting, UNITS_AT_ONCE)]:
        units = tuple(Unit(layer, channel) for channel in some)
        chunk, unreadable = Chunk(run, network, units, run.top(layer, some), run.units(layer, some), longest), dict[int, str]()
        gathered = chunk.gathered(wanted, unreadable)
        for number in range(len(units)):
            yield _portrait(chunk, number, gathered[number], unreadable, graded=graded)
            gathered[number] = Gathered(np.empty(0, np.float32), ())  # whoever took it decides how long it is held


def both_ways(network: Network, layer: str, ties: str = "spread") -> tuple[Ruleset, ...]:
    """Return the rulesets of the deconvnet with switches and without; only one where no max pooling comes before the layer.

    Raises OptionError.
    """
    both = rules_of("switches", ties), rules_of("spread", ties)
    return both if is_pooled(way_to(network, layer)) else both[:1]


def unreadable_in(portraits: Sequence[UnitPortrait]) -> dict[int, str]:
    """Return why images of these units could not be had, by id. Raises ImageError where none of them could."""
    unreadable = {image: reason for one in portraits for image, reason in one.unreadable.items()}
    if unreadable and not any(one.patches.places for one in portraits):
        raise ImageError(f"None of the images is available. The first: {unreadable[min(unreadable)]}")
    return unreadable


def unreadable_notes(unreadable: Mapping[int, str]) -> tuple[str, ...]:
    """Return a sentence on the images that could not be had, none where all could."""
    if not unreadable:
        return ()
    return (f"Images that are unavailable: {len(unreadable)}. The first: {unreadable[min(unreadable)]}",)


def _portrait(chunk: Chunk, number: int, gathered: Gathered, unreadable: Mapping[int, str], *, graded: bool) -> UnitPortrait:
    statistics, projections = chunk.statistics, gathered.projections
    patches = chunk.patches(number, gathered, unreadable)
    if graded:
        patches, projections = replace(patches, gradients=projections[-1]), projections[:-1]
    ends = (float(statistics.least[number]), float(statistics.largest[number])) if statistics.count[number] else (0.0, 0.0)
    means = () if statistics.class_means is None else statistics.class_means[number]
    return UnitPortrait(
        patches=patches,
        projections=projections,
        images=int(statistics.count[number]),
        fires=float(statistics.fires[number]),
        mean=float(statistics.mean[number]),
        least=float(statistics.least[number]),
        largest=float(statistics.largest[number]),
        quantiles={share: float(values[number]) for share, values in statistics.quantiles.items()},
        histogram=evenly(statistics.histogram[number], statistics.edges, *ends),
        class_means={name: float(mean) for name, mean in zip(chunk.run.classes, means, strict=False) if np.isfinite(mean)},
        field=_field(chunk, number),
        unreadable={int(image): unreadable[int(image)] for image in chunk.top.images[number] if int(image) in unreadable},
    )


def _field(chunk: Chunk, number: int) -> tuple[int, int] | None:
    """Return the (height, width) of the receptive field, None where it is the whole image."""
    fields = chunk.top.fields[number][chunk.top.images[number] >= 0]
    if not (fields - np.array([0, 0, *chunk.run.fit.size])).any():
        return None
    return int((fields[:, 2] - fields[:, 0]).max()), int((fields[:, 3] - fields[:, 1]).max())
