"""What some units see of the same images at one moment of training: the strongest image, and its projection."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..network.addresses import as_candidates
from ..network.network import Network
from ..network.strongest import layer_ranking, strongest_values
from ..portraits.scanned_units import rules_of
from ..projection.driver import project
from ..projection.seeds import Seed
from ..results import FloatArray
from ..results.evolutions import UnitLook
from ..units import Unit

Batches = Callable[[], Iterable[FloatArray]]
Read = Callable[[int], FloatArray]


def looks(network: Network, units: Sequence[Unit], batches: Batches, read: Read) -> list[UnitLook]:
    """Return what each unit sees of the image that excites it most, among all images of the batches, with its deconvnet projection.

    `read` returns an image by its number among them, as it enters the network. Of a unit that no image excites nothing is projected.
    """
    rankings = {layer: layer_ranking(network, layer) for layer in dict.fromkeys(unit.layer for unit in units)}
    best = strongest_values(network, rankings, batches())
    images = list(dict.fromkeys(int(best[unit.layer].images[unit.channel]) for unit in units))
    pictures = np.stack([read(image) for image in images])
    seeds = []
    for unit in units:
        row, column = (int(side) for side in best[unit.layer].positions[unit.channel])
        seeds.append(Seed(unit, images.index(int(best[unit.layer].images[unit.channel])), None if row < 0 else (row, column)))
    found: list[UnitLook] = []
    by_number = {one.number: one for one in project(network, seeds, pictures, rules_of("switches", "spread"))}
    for number, (unit, seed) in enumerate(zip(units, seeds, strict=True)):
        down, strength = by_number[number], best[unit.layer].values[unit.channel]
        value = float(rankings[unit.layer].one(unit.channel, np.array([strength], np.float32))[0])
        window = down.window
        patch = pictures[seed.image][window.top : window.bottom, window.left : window.right]
        silent = not value > 0
        found.append(UnitLook(unit, images[seed.image], value, patch, np.zeros_like(down.signal) if silent else down.signal))
    return found


def whole_units(network: Network, units: Sequence[str] | str) -> tuple[Unit, ...]:
    """Return the units that addresses mean, whole ones; a bare layer means all its units. Raises UnitError."""
    return tuple(dict.fromkeys(Unit(unit.layer, unit.channel) for unit in as_candidates(network, units)))
