"""What every portrait needs: the run, the network that it was made with, options, and what is to be said below."""

import functools
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ..errors import ModelError
from ..graph.calls import Call
from ..graph.finite import weight_notes
from ..graph.rules import Ruleset, deconvnet
from ..graph.saturation import ranking, ranking_call, seed_call
from ..method import Option
from ..methods.deconv import LIKENESS
from ..models import ModelBundle, as_bundle
from ..network.addresses import graph_of, unit_call
from ..projection.caveats import HONEST, caveats, measured
from ..projection.likeness import Likeness, likeness
from ..projection.slopes import slope_notes
from ..results import Patches
from ..scanning import Run, open_run
from ..units import Unit

FLAT = "The activation of this layer is flat above, so units are ranked by the value before it; tables hold both."
OLD = (
    "The activation of this layer is flat above, and this run ranks its units after it: images at the ceiling stand in the order in "
    "which they were read. Scan again with --out."
)
RUN_OPTION = Option("run", Path, None, "The folder of a `convscope scan`.", short="-r", required=True, asked=True, metavar="RUN")


def as_run(run: Any) -> Run:
    """Return a Run as it is, or open the one in a folder. Raises ReplayError."""
    return run if isinstance(run, Run) else open_run(run)


def model_of(options: dict[str, Any], *, custom: Any = (), unsafe: bool = False) -> ModelBundle:
    """Return the network of the run that the options name. Raises ReplayError, ModelError."""
    return as_run(options["run"]).load_model(custom=custom, unsafe=unsafe)


def network_of(run: Run, model: Any) -> ModelBundle:
    """Return the run's own network where `model` is None, else that one, which must be the same. Raises ModelError."""
    if model is None:
        return run.load_model()
    bundle, scanned = as_bundle(model), run.model
    for noun, found, expected in (
        ("digest", bundle.digest, scanned["digest"]),
        ("preprocessing", bundle.preprocessing.name, scanned["preprocessing"]),
    ):
        if found != expected:
            raise ModelError(
                f"`{bundle.name}` is not what `{run.path}` was scanned with: its {noun} is {found}, that of the run's `{scanned['name']}` "
                f"{expected}. Leave the model out, the run knows its own; or scan with this one."
            )
    return bundle


@functools.cache
def rules_of(switches: str, ties: str) -> Ruleset:
    """Return the ruleset of the deconvnet, one object for the same words: what is compiled for it serves all pages. Raises OptionError."""
    return deconvnet(switches, ties)


def run_input(run: Run, unreadable: Iterable[int]) -> dict[str, Any]:
    """Return what the provenance records of a run; its digest tells apart which pictures could be had."""
    found, missing = run.input(), sorted(unreadable)
    if missing:
        found["digest"] = hashlib.blake2b(f"{found['digest']} without {missing}".encode(), digest_size=16).hexdigest()
    return found


def dataset_name(run: Run) -> str:
    """Return what a picture calls the images of a run."""
    given = run.manifest["given"]
    if given is None:
        return "arrays"
    names = [PurePath(one).name or one for one in given]
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def notes_of(run: Run, bundle: ModelBundle, layer: str, rules: Sequence[Ruleset], shown: Sequence[Patches]) -> tuple[str, ...]:
    """Return the sentences that belong under a layer's units; those on projections only where some are `shown`."""
    graph = graph_of(bundle)
    call = unit_call(graph, Unit(layer, 0))
    seeded = ranking_call(graph, call)
    reached = len(run) + run.skipped.count - run.unreachable
    stopped = () if run.complete else (f"The scan is not complete: {reached:,} of {run.manifest['count']:,} images are in it.",)
    flat = () if ranking(graph, call).is_own else (OLD if run.ranked is None else FLAT,)
    flat = (*flat, *weight_notes(graph, [call]))
    if not any(one.count for one in shown):
        return (*flat, *stopped)
    alike = _likeness(run, bundle, layer, rules[0], [one for one in shown if one.places][:LIKENESS])
    slopes = dict.fromkeys(note for one in rules for note in slope_notes(graph, [seeded], run.fit.size, one))
    return (*flat, *caveats(way_to(bundle, layer), rules), *slopes, HONEST, *measured(layer, alike), *stopped)


def _likeness(run: Run, bundle: ModelBundle, layer: str, rules: Ruleset, shown: Sequence[Patches]) -> Likeness | None:
    """Measure it at the strongest place of each of the units."""
    if not shown:
        return None
    first = [(one, one.places[0]) for one in shown]
    positions = [tuple(map(int, one.positions[place])) for one, place in first]
    pictures = np.stack([run.picture(int(one.images[place])) for one, place in first])
    return likeness(bundle, layer, pictures, [None if row < 0 else (row, column) for row, column in positions], rules)


def way_to(bundle: ModelBundle, layer: str) -> list[Call]:
    """Return the calls that a signal passes on its way down from a layer's units."""
    graph = graph_of(bundle)
    return graph.ancestors([seed_call(graph, Unit(layer, 0)).index])
