"""All that is known of one unit: what excites it in a data set, what excites it in general, and how often."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..ascent import ascend
from ..ascent.ascend import Precision, Seed, Side, Steps, ascended, climber_of, settle
from ..ascent.climb import Climber
from ..digests import digest
from ..errors import UnitError
from ..expressions import Objective, objective
from ..json_files import as_json
from ..method import Earlier, Method, Pieces, paged, provenance
from ..network.network import Network
from ..network.targets import as_targets
from ..options import Options, Stop, Theme, check_options
from ..projection.choices import Contrast, Ties
from ..results import CONTRAST, Ascent, Dossier, FloatArray, Patches, Provenance
from ..scanning import Run
from ..units import Unit, in_words
from .faces import latest, names_notes, weakest_of
from .layers import UnitPortrait, both_ways, portraits_of, unreadable_in, unreadable_notes
from .pictures import pictures_of
from .scanned_units import ScannedUnits, ScanRun, network_of_run, rules_of, scanned_units

NATURAL = (
    "Natural images that excite a unit let people predict its behaviour better (92 %) than synthetic ones do (82 %; Borowski et al. 2021)."
)
SHOWN_QUANTILES = (0.5, 0.95, 0.99)
CLIMBING = ("steps", "size", "seed", "precision")  # options of `ascend`


def dossier(
    model: Any,
    unit: Any,
    *,
    run: ScanRun = None,
    steps: Steps = None,
    size: Side = None,
    seed: Seed = 0,
    precision: Precision = "auto",
    ties: Ties = "spread",
    contrast: Contrast = CONTRAST,
    theme: Theme = "light",
    stop: Stop = None,
) -> Dossier:
    """Return all that is known of a unit: its strongest images in a scan, projected both ways, a synthetic one, and its statistics.

    - `model`: the run, as `scan` or `open_run` returns it, or its folder. With `run`, the network of the scan, if its file has moved.
    - `unit`: one unit, such as "block4_conv2:17", or a class.
    - `steps`, `size`, `seed`, `precision`: as for `ascend`. The ascent also starts from the strongest images if noise does not excite the
      unit.
    - `ties`, `contrast`: as for `deconv`. `theme`: "light" or "dark". `stop`: as for `ascend`.

    `.percentile` says how many percent of the images stay below the synthetic picture's `.score`. `.weakest` are the images that excite the
    unit least, `.opposite` is the picture of the unit times -1, and `.name` what `name` found that the unit fires for. A unit that fires on
    no image is marked silent. If an image is gone or has changed since the scan, its place stays empty. Saving writes a picture, and a page
    (HTML) with its pictures inside. Ctrl-C during the ascent keeps the result so far. Raises UnitError, ImageError, ModelError,
    OptionError, ReplayError.

    >>> convscope.dossier("run/", "block3_conv1:5").save("dossier/")
    """
    options = check_options(dossier, locals())
    return _made(model, unit, run=run, options=options)


def pages(model: Any, units: Any, *, run: Any = None, **options: Any) -> Pieces:
    """Return the dossiers of a request, one for each of the units; the run is opened once for all, and a layer compiled."""
    scanned, checked = scanned_units(model, units, run), check_options(dossier, options)
    title, climbs = f"dossier {in_words(units)}", Climbs(scanned.network, checked)
    network, since = None if model is None else scanned.network.bundle, latest(scanned.run)
    drawn, earlier = {}, {}
    for unit in scanned.units:
        alone = replace(scanned, units=(unit,))
        drawn[unit.slug] = partial(_made, network, unit, run=scanned.run, options=checked, climbs=climbs)
        earlier[unit.slug] = Earlier(partial(_recorded, alone, checked, climbs), (unit,), since, (".html",))
    return paged(title, drawn, earlier)


class Climbs:
    """The ascents of some dossiers with the same options. What is compiled for a layer serves all its units."""

    def __init__(self, network: Network, options: Options) -> None:
        self.settings = settle(check_options(ascend, {name: getattr(options, name) for name in (*CLIMBING, "stop")}))
        self._climber = Climber(network, self.settings)

    def of(self, unit: Unit, pictures: FloatArray | None) -> Ascent:
        """Return the ascent of a unit with its strongest images (image, height, width, channel), None where there are none."""
        settings, targets = self.settings.but(real=pictures), as_targets(self._climber.network, unit)
        own = climber_of(self._climber.network, targets, settings)
        return ascended(self._climber.shared_with(own), targets)

    def toward(self, goal: Objective) -> Ascent:
        """Return the ascent of an objective, without real images."""
        targets = as_targets(self._climber.network, goal)
        return ascended(self._climber.shared_with(climber_of(self._climber.network, targets, self.settings)), targets)

    def score(self, unit: Unit, image: FloatArray) -> float:
        """Return a unit's largest activation on a picture."""
        return float(self._climber.scores(as_targets(self._climber.network, unit), image[None])[0, 0])

    def opposite(self, unit: Unit) -> Ascent | None:
        """Return the ascent of the unit times -1, which wants it as low as can be; None if Ctrl-C ends it before it has a picture."""
        try:
            return self.toward(-1.0 * objective(str(unit)))
        except KeyboardInterrupt:
            return None

    @property
    def recorded(self) -> dict[str, Any]:
        """What the provenance of a dossier holds of them, unless Ctrl-C ends one."""
        known = self.settings.recorded()
        stop = {} if self.settings.stop is None else {"stop": self.settings.stop}
        return {name: known[name] for name in CLIMBING} | stop


def _made(model: Any, unit: Any, *, run: Any, options: Options, climbs: Climbs | None = None) -> Dossier:
    scanned = scanned_units(model, unit, run)
    if len(scanned.units) > 1:
        raise UnitError(f"A dossier shows one unit, but `{unit}` names {len(scanned.units)}. Name one, such as {scanned.units[0]}.")
    run, network, one = scanned.run, scanned.network, scanned.units[0]
    rules = both_ways(network, one.layer, options.ties)
    (portrait,) = portraits_of(run, network, one.layer, scanned.channels, rulesets=rules, view="both")
    unreadable, patches = unreadable_in([portrait]), portrait.patches
    pictures, climbs = _pictures(run, patches), climbs or Climbs(network, options)
    climbed = climbs.of(one, pictures if patches.places else None)
    opposite = climbs.opposite(one) if patches.count and not climbed.interrupted else None
    names = run.names
    return Dossier(
        provenance=_recorded(scanned, options, climbs, climbed, unreadable),
        notes=(*unreadable_notes(unreadable), *climbed.notes, NATURAL, *names_notes(names), *scanned.notes(rules, [patches])),
        interrupted=climbed.interrupted or (opposite is not None and opposite.interrupted),
        name=None if names is None else names.of(one.layer, one.channel),
        weakest=weakest_of(run, one) if patches.count else None,
        opposite=None if opposite is None else opposite.images[0],
        opposite_score=float("nan") if opposite is None else -float(opposite.scores[0]),
        class_names=scanned.class_names,
        patches=patches,
        spread=portrait.projections[1] if len(rules) > 1 else None,
        steady=rules[0].is_steady(scanned.way),
        spread_steady=rules_of("spread", options.ties).is_steady(scanned.way),
        contrast=options.contrast,
        synthetic=climbed.images[0],
        score=float(climbed.scores[0]),
        percentile=run.percentile(f"{one.layer}:{one.channel}", float(climbed.scores[0])),
        example=pictures[0],
        field=portrait.field,
        dataset=run.dataset,
        theme=options.theme,
        trust=next(iter(run.trust(one.layer, [one.channel])), None),
        **_statistics(portrait),
    )


def _recorded(
    scanned: ScannedUnits, options: Options, climbs: Climbs, climbed: Ascent | None = None, unreadable: Iterable[int] = ()
) -> Provenance:
    """Return the provenance of the dossier of a unit, of which `unreadable` images could not be had; None: of an ascent to its end."""
    said = climbs.recorded if climbed is None else climbed.provenance.parameters
    climb = {name: said[name] for name in (*CLIMBING, "stop") if name in said}
    parameters = {"units": [str(scanned.units[0])], "run": str(scanned.run.path.absolute())} | options.recorded() | climb
    inputs = (scanned.input(unreadable), *_trusted(scanned))
    return provenance("dossier", scanned.network.bundle, inputs, parameters, options.seed)


def _trusted(scanned: ScannedUnits) -> Iterator[dict[str, Any]]:
    """Yield what the provenance records of the numbers on how far the pictures can be trusted, nothing where there are none."""
    for one in scanned.run.trust(scanned.layer, scanned.channels):
        yield {"given": None, "count": 1, "digest": digest(as_json(one.summary()))}


def _statistics(portrait: UnitPortrait) -> dict[str, Any]:
    """Return the fields of the record that say how the unit's maxima are distributed."""
    return {
        "edges": portrait.histogram.edges,
        "counts": portrait.histogram.counts,
        "fires": portrait.fires,
        "images": portrait.images,
        "quantiles": {f"{share:g}": portrait.quantiles[share] for share in SHOWN_QUANTILES},
        "class_means": portrait.class_means,
        "class_top": portrait.class_top,
    }


def _pictures(run: Run, patches: Patches) -> FloatArray:
    """Return the strongest images that can be had, whole, (image, height, width, channel); of a silent unit one that is black."""
    if not patches.places:
        return np.zeros((1, *run.fit.size, run.fit.channels), np.float32)
    return np.stack([pictures_of(run).of(run, int(patches.images[place])) for place in patches.places])


METHOD = Method(
    name="dossier",
    run=dossier,
    examples=(
        "convscope dossier block3_conv1:5 -r run/",
        "convscope dossier block4_conv2:0-7 -r run/ --theme dark -o dossiers/",
    ),
    description=(
        "Writes one picture and one page (HTML, with its pictures inside) for each unit. A bare layer means all its units. "
        "If the request is interrupted, the same command makes the rest. "
        "RUN is the folder of a `convscope scan`, and may also stand after -m. The network is that of the scan; -m names its file if "
        "it has moved."
    ),
    network=network_of_run,
    divide=pages,
)
