"""Units of a run with the network that measured them: what every portrait is made of, and the notes below it."""

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import numpy as np

from ..digests import digest
from ..errors import ModelError, OptionError, UnitError
from ..graph.calls import Call
from ..graph.finite import weight_notes
from ..graph.rules import Ruleset, deconvnet
from ..graph.saturation import ranking, ranking_call, seed_call
from ..hints import command, option
from ..models import ModelBundle
from ..network.addresses import as_candidates, class_names, parts_of, unit_call
from ..network.network import Network, as_network
from ..options import RUN, Opt
from ..projection.caveats import HONEST, LIKENESS_IMAGES, caveats, measured
from ..projection.likeness import Likeness, likeness
from ..projection.slopes import slope_notes
from ..results import Patches
from ..scanning import Run, as_run, open_run
from ..units import Unit, in_words, parse
from .pictures import pictures_of

FLAT = "The activation of this layer is flat above, so units are ranked by the value before it. Tables hold both."
OLD = (
    "The activation of this layer is flat above, but this run ranks its units after it. Images at the ceiling are in the "
    "order in which they were read. Scan again with --out."
)
ScanRun = Annotated[
    Path | Any,
    Opt("The folder of a `convscope scan`.", short="-r", required=True, asked=True, metavar="RUN", names=RUN, recorded=False),
]
# A run's own network is loaded once for all pictures of the run.
_NETWORKS: WeakKeyDictionary[Run, Network] = WeakKeyDictionary()


@dataclass(frozen=True)
class ScannedUnits:
    """Some units that a scan measured, in the order in which they were named. `network`: the one that was scanned."""

    run: Run
    network: Network
    units: tuple[Unit, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The addresses of their layers, each once."""
        return tuple(dict.fromkeys(unit.layer for unit in self.units))

    @property
    def layer(self) -> str:
        """The address of their layer, of the first where there are several."""
        return self.units[0].layer

    @property
    def channels(self) -> list[int]:
        """Their channels."""
        return [unit.channel for unit in self.units]

    @property
    def address(self) -> str:
        """What names them, where all are of one layer."""
        return f"{self.layer}:{ranges(self.channels)}"

    @property
    def class_names(self) -> dict[str, str]:
        """The class names of those that are outputs, by address."""
        return class_names(self.network, self.units)

    @cached_property
    def way(self) -> list[Call]:
        """The calls that a signal passes on its way down from their layer."""
        return way_to(self.network, self.layer)

    def pages(self, most: int) -> list["ScannedUnits"]:
        """Return them divided into parts of one layer and at most so many units each."""
        by_layer = [[unit for unit in self.units if unit.layer == layer] for layer in self.layers]
        parts = [units[start : start + most] for units in by_layer for start in range(0, len(units), most)]
        return [replace(self, units=tuple(part)) for part in parts]

    def input(self, unreadable: Iterable[int]) -> dict[str, Any]:
        """Return what the provenance records of the run; its digest tells apart which pictures could be had."""
        found, missing = self.run.input(), sorted(unreadable)
        if missing:
            found["digest"] = digest(f"{found['digest']} without {missing}".encode())
        return found

    def notes(self, rules: Sequence[Ruleset], shown: Sequence[Patches]) -> tuple[str, ...]:
        """Return the sentences that belong under units of one layer; those on projections only where some are `shown`."""
        run, graph = self.run, self.network.graph
        call = unit_call(graph, self.units[0])
        reached = len(run) + run.skipped.count - run.unreachable
        stopped = () if run.complete else (f"The scan is not complete: {reached:,} of {run.manifest['count']:,} images are in it.",)
        flat = () if ranking(graph, call).is_own else (OLD if run.ranked is None else FLAT,)
        flat = (*flat, *weight_notes(graph, [call]))
        if not any(one.count for one in shown):
            return (*flat, *stopped)
        alike = self._likeness(rules[0], [one for one in shown if one.places][:LIKENESS_IMAGES])
        slopes = dict.fromkeys(note for one in rules for note in slope_notes(graph, [ranking_call(graph, call)], run.fit.size, one))
        return (*flat, *caveats(self.way, rules), *slopes, HONEST, *measured(self.layer, alike), *stopped)

    def _likeness(self, rules: Ruleset, shown: Sequence[Patches]) -> Likeness | None:
        """Measure it at the strongest place of each of the units."""
        if not shown:
            return None
        first = [(one, one.places[0]) for one in shown]
        positions = [tuple(map(int, one.positions[place])) for one, place in first]
        pictures = np.stack([pictures_of(self.run).of(self.run, int(one.images[place])) for one, place in first])
        places = [None if row < 0 else (row, column) for row, column in positions]
        return likeness(self.network, self.layer, pictures, places, rules)


def scanned_units(model: Any, units: Any, run: Any) -> ScannedUnits:
    """Return the units of a run that addresses mean; a bare layer means all its units.

    `model`: the run or its folder; with `run`, the network that was scanned, None for the one that the run names.
    Raises UnitError, for a layer that was not measured before the network is loaded; OptionError, ModelError, ReplayError.
    """
    run, model = run_and_model(model, run)
    if not run.is_of_maxima:
        raise OptionError(
            f"The run `{run.path}` holds the values of the measure {run.manifest['measure']['class']}. Expected one of maxima over space, "
            "whose positions can be projected. Scan again without a measure, or with one that adds columns only."
        )
    parts = parts_of(units)
    for part in parts:
        _check_measured(run, part.layer if isinstance(part, Unit) else parse(part).layer)
    network = scanned_network(run, model)
    found = as_candidates(network, parts)
    if not found:
        raise UnitError(f"No unit. Expected an address such as `{run.layers[0]}:0`.")
    for layer in dict.fromkeys(unit.layer for unit in found):
        run.channels(layer)
    placed = next((one for one in found if one.position is not None), None)
    if placed is not None:
        raise UnitError(f"`{placed}` is one position of a unit, but a scan measures whole units. Use {placed.layer}:{placed.channel}.")
    return ScannedUnits(run, network, found)


def ranges(channels: Sequence[int]) -> str:
    """Return channels as an address writes them: 0-3,17."""
    starts = [0, *(place + 1 for place, (one, other) in enumerate(pairwise(channels)) if other != one + 1), len(channels)]
    parts = (channels[start:stop] for start, stop in pairwise(starts))
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def network_of_run(inputs: tuple[Any, ...], options: Mapping[str, Any], told: Mapping[str, Any]) -> ModelBundle:
    """Return the network of the run that the options name; `told` may only let code of the user run.

    Raises ReplayError, ModelError, and OptionError for what the run says itself.
    """
    code = {name: told[name] for name in ("custom", "unsafe") if name in told}
    if told.get("without"):
        raise OptionError(
            f"{option('without', in_words(list(told['without'])))} would silence units that the run was scanned with, and its tables hold "
            f"their values. Scan again with {option('without')}, or look at images without a run."
        )
    idle = next((name for name, value in told.items() if value and name not in code), None)
    if idle is not None:
        shown = option(idle.removesuffix("s") if idle == "inputs" else idle)
        raise OptionError(f"{shown} has no effect without {option('model')}, because the run records how its model was loaded. Remove it.")
    run = options["run"]
    return as_run(run).load_model(**code)


@functools.cache
def rules_of(switches: str, ties: str) -> Ruleset:
    """Return the ruleset of the deconvnet, one object for the same words: what is compiled for it serves all pages. Raises OptionError."""
    return deconvnet(switches, ties)


def way_to(model: Any, layer: str) -> list[Call]:
    """Return the calls that a signal passes on its way down from a layer's units."""
    graph = as_network(model).graph
    return graph.ancestors([seed_call(graph, Unit(layer, 0)).index])


def run_and_model(model: Any, run: Any) -> tuple[Run, Any]:
    """Return the run, and the network that the user names for it, None for the run's own."""
    if run is None:
        run, model = model, None
    if isinstance(run, str | Path):
        run = open_run(run)
    if not isinstance(run, Run):
        again = command("scan IMAGES --out RUN", 'convscope.scan(model, images, out="RUN")')
        raise OptionError(f"Received no run. Expected the folder of a scan, or what open_run returns. Scan images first: {again}")
    return run, None if model is run else model


def _check_measured(run: Run, layer: str) -> None:
    """Raise UnitError for a layer that is not in the run, whether its path is written out or not."""
    plain = unicodedata.normalize("NFC", layer)
    if not any(plain in (name, name.rpartition("/")[2]) for name in (unicodedata.normalize("NFC", one) for one in run.layers)):
        run.channels(layer)


def scanned_network(run: Run, model: Any) -> Network:
    """Return the run's own network where `model` is None, else that one, which must be the same. Raises ModelError."""
    if model is None:
        if run not in _NETWORKS:
            _NETWORKS[run] = as_network(run.load_model())
        return _NETWORKS[run]
    network, scanned = as_network(model), run.model
    bundle = network.bundle
    if list(bundle.without) != list(scanned.get("load", {}).get("without", ())):
        raise ModelError(
            f"The run `{run.path}` was scanned with other units silenced than `{bundle.name}` has now "
            f"({', '.join(bundle.without) or 'none'}). Its tables hold the values of that scan. Scan again with this "
            "network, or leave the model out."
        )
    for noun, found, expected in (
        ("digest", bundle.digest, scanned["digest"]),
        ("preprocessing", bundle.preprocessing.name, scanned["preprocessing"]),
    ):
        if found != expected:
            raise ModelError(
                f"`{bundle.name}` is not the model of the run `{run.path}`: its {noun} is {found}, that of the run's `{scanned['name']}` "
                f"{expected}. Leave the model out to use that of the run, or scan with this one."
            )
    return network
