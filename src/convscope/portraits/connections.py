"""What units are made of and what they feed, weighed by how active their inputs were in a scan."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..graph.connections import Activity
from ..network import circuits
from ..network.addresses import as_candidates, class_names
from ..network.network import Network, as_network
from ..options import Opt, check_options
from ..progress import working
from ..results import Connections
from ..scanning import Run, is_run
from .scanned_units import ScannedUnits, scanned_units


def connections(
    model: Any,
    units: Any,
    *,
    run: Any = None,
    count: Annotated[int, Opt("Inputs that excite, and as many that inhibit.", least=1)] = circuits.COUNT,
) -> Connections:
    """Return which inputs excite and which inhibit each of some units most, with their patterns, and which units above they feed.

    - `model`: what `load` returns, a path or a name; or a run, as `scan` or `open_run` returns it, or its folder.
    - `units`: addresses, such as "block4_conv2:17"; a bare layer means all its units.
    - `run`: a run of this model, by whose mean maxima inputs are weighed; paths then end at its layers. Without one patterns count alone.
    - `count`: how many inputs that excite, and as many that inhibit.

    An input is a unit of the nearest layer below that learns. All that is linear between is multiplied out: convolutions of layers that a
    run did not measure, depthwise ones, batch normalization, average pooling, padding, concatenations and sums. `.exact` says whether a
    unit depends on its inputs so whatever the image is, and `.remarks` what counts by a convention. Raises UnitError, ModelError,
    OptionError, ReplayError.

    >>> for one in convscope.connections("fashion", "block3_conv1:5"):
    ...     print(one.unit, [(str(each.source), each.strength) for each in one.inputs])
    """
    count = check_options(connections, locals()).count
    scanned = _scanned(model, units, run)
    network = scanned.network if scanned else as_network(model)
    found = scanned.units if scanned else as_candidates(network, units)
    layers = list(dict.fromkeys(unit.layer for unit in found))
    told: dict[str, Any] = {"count": count}
    if scanned:
        told |= {"activity": activity_of(network, scanned.run), "measured": scanned.run.layers}
    with working("following the connections"):
        made = {layer: list(circuits.connections(network, layer, **told)) for layer in layers}
        fed = circuits.all_feeds(network, layers, **told)
    inputs = [made[unit.layer][unit.channel] for unit in found]
    feeds = [fed[unit.layer][unit.channel] for unit in found]
    named = [*found, *(one.source for each in inputs for one in each.inputs), *(one.target for each in feeds for one in each.targets)]
    return Connections(
        model=network.bundle.name,
        run=str(scanned.run.path) if scanned else None,
        units=tuple(inputs),
        feeds=tuple(feeds),
        names=class_names(network, dict.fromkeys(named)),
    )


def activity_of(network: Network, run: Run) -> Activity:
    """Return how active each unit of a layer was in a run: how far its mean maximum lies above what it usually is.

    That is the mean that a batch normalization keeps of it, and 0 where none follows; a maximum above 0 is then an activation's own.
    """

    @cache
    def active(layer: str) -> NDArray[np.float32]:
        return np.asarray(run.units(layer).mean - circuits.usual_values(network, layer), np.float32)

    return active


def _scanned(model: Any, units: Any, run: Any) -> ScannedUnits | None:
    """Return the units of the run that was named, also where it stands for the model, and None without a run."""
    if run is None and not (isinstance(model, Run) or (isinstance(model, str | Path) and is_run(model))):
        return None
    return scanned_units(model, units, run)
