"""All that is known of one unit: what excites it in a data set, what excites it in general, and how often."""

from functools import partial
from typing import Any

import numpy as np

from ..ascent import ascend
from ..ascent.ascend import Precision, Seed, Side, Steps
from ..errors import UnitError
from ..method import Method, Pieces, paged, provenance
from ..options import Stop, Theme, check_options
from ..projection.choices import Contrast, Ties
from ..results import CONTRAST, Dossier, FloatArray, Patches
from ..scanning import Run
from ..units import in_words
from .layers import UnitPortrait, both_ways, portraits_of, unreadable_in, unreadable_notes
from .pictures import pictures_of
from .scanned_units import ScanRun, network_of_run, rules_of, scanned_units

NATURAL = (
    "Natural images that excite a unit let people predict its behaviour better (92 %) than synthetic ones do (82 %; Borowski et al. 2021)."
)
SHOWN_QUANTILES = (0.5, 0.95, 0.99)


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

    `.percentile` says how many percent of the images stay below the synthetic picture's `.score`. A unit that fires on no image is marked
    silent. If an image is gone or has changed since the scan, its place stays empty. Saving writes a picture, and a page (HTML) with its
    pictures inside. Ctrl-C during the ascent keeps the result so far. Raises UnitError, ImageError, ModelError, OptionError, ReplayError.

    >>> convscope.dossier("run/", "block3_conv1:5").save("dossier/")
    """
    options = check_options(dossier, locals())
    scanned = scanned_units(model, unit, run)
    if len(scanned.units) > 1:
        raise UnitError(f"A dossier shows one unit, but `{unit}` names {len(scanned.units)}. Name one, such as {scanned.units[0]}.")
    run, bundle, one = scanned.run, scanned.network.bundle, scanned.units[0]
    rules = both_ways(scanned.network, one.layer, ties)
    (portrait,) = portraits_of(run, scanned.network, one.layer, scanned.channels, rulesets=rules, view="both")
    unreadable, patches = unreadable_in([portrait]), portrait.patches
    pictures = _pictures(run, patches)
    climbed = ascend(
        bundle, one, steps=steps, size=size, seed=seed, precision=precision, real=pictures if patches.places else None, stop=stop
    )
    said = climbed.provenance.parameters
    climb: dict[str, Any] = {name: said[name] for name in ("steps", "size", "seed", "precision", "stop") if name in said}
    parameters = {"units": [str(one)], "run": str(run.path.absolute())} | options.recorded() | climb
    return Dossier(
        provenance=provenance("dossier", bundle, (scanned.input(unreadable),), parameters, seed),
        notes=(*unreadable_notes(unreadable), *climbed.notes, NATURAL, *scanned.notes(rules, [patches])),
        interrupted=climbed.interrupted,
        class_names=scanned.class_names,
        patches=patches,
        spread=portrait.projections[1] if len(rules) > 1 else None,
        steady=rules[0].is_steady(scanned.way),
        spread_steady=rules_of("spread", ties).is_steady(scanned.way),
        contrast=options.contrast,
        synthetic=climbed.images[0],
        score=float(climbed.scores[0]),
        percentile=run.percentile(f"{one.layer}:{one.channel}", float(climbed.scores[0])),
        example=pictures[0],
        field=portrait.field,
        dataset=scanned.dataset,
        theme=theme,
        **_statistics(portrait),
    )


def pages(model: Any, units: Any, *, run: Any = None, **options: Any) -> Pieces:
    """Return the dossiers of a request, one for each of the units; the run is opened once for all."""
    scanned = scanned_units(model, units, run)
    title = f"dossier {in_words(units)}"
    network = None if model is None else scanned.network.bundle
    return paged(title, {unit.slug: partial(dossier, network, unit, run=scanned.run, **options) for unit in scanned.units})


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
        "RUN is the folder of a `convscope scan`, and may also stand after -m. The network is that of the scan; -m names its file if "
        "it has moved."
    ),
    network=network_of_run,
    divide=pages,
)
