"""The strongest images of units, each cropped to what excited it, and what the deconvnet returns for the very place that was measured."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, UnitError
from ..graph.rules import GRADIENT, Ruleset
from ..locality.borders import at_border, mostly_at_border
from ..network.network import Network
from ..progress import counting
from ..projection.caveats import wants_gradients
from ..projection.driver import project
from ..projection.seeds import Seed
from ..results import FloatArray, Patches
from ..scanning import Run, TopUnits, UnitStatistics
from ..units import Unit
from .scanned_units import way_to

# Places that are projected at once: enough for a compiled batch, few enough for the bar to move.
AT_ONCE = 36


@dataclass(frozen=True)
class Gathered:
    """`patches` by unit, with projections by the first ruleset, and gradients where these do not depend on the image and are wanted;
    `others`: (ruleset, unit, k, height, width, channel) by the rest.

    `unreadable`: why a picture could not be had, by the image's id.
    """

    patches: tuple[Patches, ...]
    others: FloatArray
    unreadable: dict[int, str]

    def notes(self) -> tuple[str, ...]:
        """Return a sentence on the pictures that could not be had, none where all could."""
        if not self.unreadable:
            return ()
        first = self.unreadable[min(self.unreadable)]
        return (f"Images that are unavailable: {len(self.unreadable)}. The first: {first}",)


def gather(run: Run, network: Network, units: Sequence[Unit], rulesets: Sequence[Ruleset], *, view: str) -> Gathered:
    """Return the strongest images of units of one layer as patches, with their projections by each of the rulesets.

    `view`: as of `Projections`; it may need the gradients.

    Pictures that are gone or have changed leave their places empty; ImageError is raised where there is none at all.
    """
    layer = units[0].layer
    if len(run.shape(layer)) not in (0, 2):
        raise UnitError(f"`{layer}` has a map of shape {run.shape(layer)}. Portraits need rows and columns, or a dense layer.")
    top = run.top(layer, [unit.channel for unit in units])
    graded = wants_gradients(way_to(network, layer), rulesets[0], view)
    rulesets = (*rulesets, GRADIENT) if graded else rulesets
    asked = _Asked(run, network, units, top, run.units(layer, [unit.channel for unit in units]), windows_of(run, layer, top))
    pixels, projections = np.zeros(asked.shape, np.float32), np.zeros((len(rulesets), *asked.shape), np.float32)
    wanted = [
        (int(unit), int(rank)) for unit, rank in zip(*np.nonzero((top.images >= 0) & (top.values > 0) & (top.before > 0)), strict=True)
    ]
    if wanted:
        run.check_pictures()
    unreadable: dict[int, str] = {}
    with counting(f"projecting {layer}:{units[0].channel}-{units[-1].channel}", len(wanted) * len(rulesets)) as tell:
        for start in range(0, len(wanted), AT_ONCE):
            chunk = wanted[start : start + AT_ONCE]
            pictures = _pictures(run, [int(top.images[place]) for place in chunk], unreadable)
            there = [place for place in chunk if int(top.images[place]) in pictures]
            for place in there:
                _place(pixels[place], asked.windows[place], pictures[int(top.images[place])], (0, 0))
            for number, rules in enumerate(rulesets):
                asked.project(there, pictures, rules, projections[number])
                tell(len(chunk))
    if wanted and unreadable.keys() >= {int(top.images[place]) for place in wanted}:
        raise ImageError(f"None of the images is available. The first: {unreadable[min(unreadable)]}")
    patches = tuple(asked.patches(number, pixels[number], projections[0, number], unreadable) for number in range(len(units)))
    if graded:
        patches = tuple(replace(one, gradients=projections[-1, number]) for number, one in enumerate(patches))
    return Gathered(patches, projections[1 : len(projections) - graded], unreadable)


def windows_of(run: Run, layer: str, top: TopUnits) -> NDArray[np.int64]:
    """Return what is shown of each image, (unit, k, 4) in pixels as top, left, bottom, right: the receptive field there.

    All windows of a layer have one size. Where a field is as high or as wide as the image, that side of the image is shown whole.
    """
    every = run.top(layer).fields
    windows = top.fields.copy()
    for axis, whole in enumerate(run.fit.size):
        longest = int((every[..., axis + 2] - every[..., axis]).max()) or whole  # without any image there is no field
        windows[..., axis] = np.where((top.images < 0) | (longest >= whole), 0, windows[..., axis])
        windows[..., axis + 2] = windows[..., axis] + min(longest, whole)
    return windows


@dataclass(frozen=True)
class _Asked:
    """The units of a portrait, their strongest images, and the windows of these that are shown."""

    run: Run
    network: Network
    units: Sequence[Unit]
    top: TopUnits
    statistics: UnitStatistics
    windows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """(unit, k, height, width, channel) of all windows."""
        height, width = self.windows[0, 0, 2:] - self.windows[0, 0, :2]
        return (*self.top.images.shape, int(height), int(width), self.network.bundle.channels)

    def project(self, wanted: Sequence[tuple[int, int]], pictures: dict[int, FloatArray], rules: Ruleset, into: FloatArray) -> None:
        """Write the projections of the `wanted` (unit, rank) into the windows `into`, (unit, k, height, width, channel)."""
        if not wanted:
            return
        number = {image: row for row, image in enumerate(pictures)}
        seeds = []
        for unit, rank in wanted:
            row, column = int(self.top.rows[unit, rank]), int(self.top.columns[unit, rank])
            seeds.append(Seed(self.units[unit], number[int(self.top.images[unit, rank])], None if row < 0 else (row, column)))
        for one in project(self.network, seeds, np.stack(list(pictures.values())), rules):
            place = wanted[one.number]
            _place(into[place], self.windows[place], one.signal, (one.window.top, one.window.left))

    def patches(self, number: int, pixels: FloatArray, projections: FloatArray, unreadable: Container[int]) -> Patches:
        """Return the record of one of the units, by its number among them."""
        images = self.top.images[number]
        known = [int(image) for image in images]
        layer, positions = self.units[number].layer, np.stack([self.top.rows[number], self.top.columns[number]], axis=-1)
        border = at_border(positions, self.top.fields[number], self.run.shape(layer), self.run.fit.size) & (images >= 0)
        fired = (images >= 0) & (self.top.values[number] > 0) & (self.top.before[number] > 0)
        return Patches(
            unit=self.units[number],
            images=images,
            names=tuple(self.run.name(image) if image >= 0 else "" for image in known),
            labels=tuple(self.run.label(image) if image >= 0 else None for image in known),
            values=self.top.values[number],
            before=self.top.before[number],
            positions=positions,
            fields=self.windows[number],
            pixels=pixels,
            projections=projections,
            size=self.run.fit.size,
            missing=tuple(place for place, image in enumerate(known) if image in unreadable),
            saturated=int(self.statistics.saturated[number]) if layer in (self.run.ranked or {}) else None,
            not_finite=len(self.run) - int(self.statistics.count[number]),
            border=border,
            padded=mostly_at_border(border[fired], self.run.shape(layer)),
        )


def _pictures(run: Run, images: Iterable[int], unreadable: dict[int, str]) -> dict[int, FloatArray]:
    """Return what entered the network, by image; note in `unreadable` what cannot be had any more."""
    found: dict[int, FloatArray] = {}
    for image in images:
        if image in found or image in unreadable:
            continue
        try:
            found[image] = run.picture(image)
        except ImageError as error:
            unreadable[image] = str(error)
    return found


def _place(room: FloatArray, window: NDArray[np.int64], picture: FloatArray, corner: tuple[int, int]) -> None:
    """Copy into `room`, which is a window of an image, what `picture`, whose corner lies at `corner` of the image, has of it."""
    start = [max(int(side), edge) for side, edge in zip(window[:2], corner, strict=True)]
    stop = [min(int(side), edge + length) for side, edge, length in zip(window[2:], corner, picture.shape[:2], strict=True)]
    top, left = (first - int(side) for first, side in zip(start, window[:2], strict=True))
    part = picture[start[0] - corner[0] : stop[0] - corner[0], start[1] - corner[1] : stop[1] - corner[1]]
    room[top : top + part.shape[0], left : left + part.shape[1]] = part
