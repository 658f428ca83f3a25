"""The facets of a unit: its strongest images in groups, by the inputs through which they excite it (PURE, Dreyer et al. 2024)."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..ascent.ascend import Precision, Seed, Side, Steps
from ..errors import OptionError, UnitError
from ..expressions import direction, objective
from ..graph.calls import Call
from ..graph.contributions import contributions, mixing_call
from ..graph.saturation import seed_call
from ..graph.tensors import to_array
from ..locality.receptive import receptive_field
from ..method import Method, provenance
from ..network.addresses import unit_call
from ..network.entering import network_input
from ..network.network import Network
from ..options import Opt, Stop, Theme, check_options
from ..progress import counting
from ..projection.compiled import maps_of
from ..projection.seeds import peaks
from ..results import Facet, Facets, FloatArray
from ..scanning import Run
from ..units import Unit
from .dossier import CLIMBING, Climbs
from .gathering import longest_field, put
from .grouping import groups_of
from .pictures import pictures_of
from .scanned_units import ScannedUnits, ScanRun, network_of_run, scanned_units

AT_ONCE = 4  # images that run forward together
SHOWN, INPUTS = 9, 3  # patches of a facet, and inputs that are named
APART = 2.0  # how much the inputs that set a facet apart count beside the unit; with 1 easier inputs of other facets come back
FEWEST = 10  # images that excite a unit whose facets are looked for
SORTED = (
    "The images are sorted by how much each channel below contributes at the unit's strongest place, one step back (PURE, Dreyer et al. "
    "2024). "
    "There are several facets where the groups are clearer than those of 19 clouds without any."
)


def facets(
    model: Any,
    unit: Any,
    *,
    run: ScanRun = None,
    count: Annotated[int, Opt("Strongest images to sort.", least=FEWEST, most=1000)] = 100,
    steps: Steps = None,
    size: Side = None,
    seed: Seed = 0,
    precision: Precision = "auto",
    theme: Theme = "light",
    stop: Stop = None,
) -> Facets:
    """Return the facets of a unit: its strongest images in groups, each excited through other inputs, with a picture of each.

    - `model`: the run, as `scan` or `open_run` returns it, or its folder. With `run`, the network of the scan, if its file has moved.
    - `unit`: one unit of a convolution or dense layer above the first.
    - `count`: how many of the strongest images to sort, among those whose values the run keeps.
    - `steps`, `size`, `seed`, `precision`, `stop`: as for `ascend`. `theme`: "light" or "dark".

    `.mixed` is the share of the images that the largest facet does not hold. A picture of a facet climbs on the unit and on the facet's own
    inputs together. Raises UnitError, OptionError for a run that keeps no values, ImageError, ModelError, ReplayError.

    >>> convscope.facets("run/", "block3_conv1:5").mixed
    """
    options = check_options(facets, locals())
    scanned = scanned_units(model, unit, run)
    if len(scanned.units) > 1:
        raise UnitError(f"Facets are of one unit, but `{unit}` names {len(scanned.units)}. Name one, such as {scanned.units[0]}.")
    run, network, one = scanned.run, scanned.network, scanned.units[0]
    call = mixing_call(network.graph, one)
    below = network.graph.calls[call.sources[0].call]
    strongest = _strongest(run, one, options.count)
    seen = _seen(run, network, one, call, strongest)
    grouping = groups_of(seen.parts.astype(np.float64), options.seed)
    climbs, parts = Climbs(network, options), np.unique(grouping.groups)
    made = tuple(_facet(scanned, climbs, below, seen, grouping.groups == part, alone=len(parts) == 1) for part in parts)
    names = run.names
    climb = {name: climbs.recorded[name] for name in (*CLIMBING, "stop") if name in climbs.recorded}
    parameters = {"unit": str(one), "run": str(run.path.absolute())} | options.recorded() | climb
    gone = len(strongest) - len(seen.images)
    return Facets(
        provenance=provenance("facets", network.bundle, (scanned.input(()),), parameters, options.seed),
        notes=(SORTED, *((f"Images that are unavailable: {gone}.",) if gone else ())),
        class_names=scanned.class_names,
        theme=options.theme,
        unit=one,
        facets=made,
        mixed=1.0 - max(facet.share for facet in made),
        silhouette=grouping.silhouette,
        chance=grouping.chance,
        images=len(seen.images),
        dataset=run.dataset,
        below=below.address,
        name=None if names is None else names.of(one.layer, one.channel),
    )


class _Seen(NamedTuple):
    """The strongest images, strongest first: ids, values, places of the unit (image, 2), what each channel below contributes to it, and the
    largest value of that channel there, both (image, channel).
    """

    images: NDArray[np.int64]
    values: FloatArray
    places: NDArray[np.int64]
    parts: FloatArray
    largest: FloatArray


def _strongest(run: Run, unit: Unit, count: int) -> NDArray[np.int64]:
    """Return the ids of the images that excite a unit most, among those whose values are kept. Raises OptionError where they are few."""
    values = run.maxima(unit.layer, [unit.channel])[:, 0]
    firing = np.flatnonzero(np.isfinite(values) & (values > 0))
    if len(firing) < FEWEST:
        raise OptionError(
            f"{len(firing)} of {len(values):,} images excite `{unit}`. Expected at least {FEWEST}, which can be sorted. Scan more images, "
            f"or "
            "keep the values of all: convscope scan --keep-maxima."
        )
    order = np.lexsort((firing, -values[firing]))[:count]
    return run.maxima_images[firing[order]]


def _seen(run: Run, network: Network, unit: Unit, call: Call, images: NDArray[np.int64]) -> _Seen:
    """Run the images forward to the layer below, a few at a time, and take one step back from where the unit is strongest."""
    unreadable, found = dict[int, str](), list[tuple[Any, ...]]()
    below, seeded = network.graph.calls[call.sources[0].call], seed_call(network.graph, unit)
    run.check_pictures()
    with counting(f"sorting the images of {unit}", len(images)) as tell:
        for some in _batches(images):
            pictures = pictures_of(run).readable(run, some, unreadable)
            ids = [image for image in some if image in pictures]
            if ids:
                entered = network_input(network.bundle, np.stack([pictures[image] for image in ids]))
                values, maps = maps_of(network, entered, [below, seeded])
                places, own = peaks(to_array(maps), unit)
                found.append((np.asarray(ids), own, places, *contributions(network.graph, call, values, unit.channel, places)))
            tell(len(some))
    if not found:
        raise UnitError(f"None of the strongest images of `{unit}` is available. The first: {next(iter(unreadable.values()))}")
    images, values, *others = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(-values, kind="stable")  # of values as they are, not as the run keeps them
    return _Seen(images[order], values[order], *(one[order] for one in others))


def _batches(images: NDArray[np.int64]) -> Iterator[list[int]]:
    for start in range(0, len(images), AT_ONCE):
        yield [int(image) for image in images[start : start + AT_ONCE]]


def _facet(scanned: ScannedUnits, climbs: Climbs, below: Call, seen: _Seen, here: NDArray[np.bool_], *, alone: bool) -> Facet:
    run, unit = scanned.run, scanned.units[0]
    ids = [int(image) for image in seen.images[here]]
    mean = seen.parts[here].mean(axis=0)
    positive = np.maximum(mean, 0.0)
    most = np.argsort(-mean, kind="stable")[:INPUTS]
    synthetic, score = _picture(climbs, unit, below, seen, here, alone=alone)
    pixels, inside = _patches(scanned, ids[:SHOWN], seen.places[here][:SHOWN])
    return Facet(
        images=seen.images[here],
        names=tuple(run.name(image) for image in ids),
        labels=tuple(run.label(image) for image in ids),
        values=seen.values[here],
        pixels=pixels,
        inside=inside,
        share=float(here.mean()),
        inputs=tuple(
            (Unit(below.address, int(channel)), float(mean[channel] / max(positive.sum(), 1e-12))) for channel in most if mean[channel] > 0
        ),
        synthetic=synthetic,
        score=score,
    )


def _picture(climbs: Climbs, unit: Unit, below: Call, seen: _Seen, here: NDArray[np.bool_], *, alone: bool) -> tuple[FloatArray, float]:
    """Return a picture of one facet, and the unit's largest activation on it.

    It climbs toward the facet's own inputs and away from those of the others. Where that leads nowhere, because both go together, it climbs
    toward its own alone. The first picture counts on which the unit is as large as on the facet's images, or that on which it is largest.
    """
    goal = objective(str(unit))
    if alone:
        climbed = climbs.toward(goal).images[0]
        return climbed, climbs.score(unit, climbed)
    apart = seen.parts[here].mean(axis=0) - seen.parts[~here].mean(axis=0)
    found, wanted = list[tuple[FloatArray, float]](), float(seen.values[here].mean())
    for way in (apart, np.maximum(apart, 0.0), np.maximum(seen.parts[here].mean(axis=0), 0.0)):
        way = way / max(float(np.linalg.norm(way)), 1e-12)
        reach = float((seen.largest[here] @ way).mean())
        picture = climbs.toward(goal + APART * wanted / max(reach, 1e-3 * wanted) * direction(below.address, way)).images[0]
        found.append((picture, climbs.score(unit, picture)))
        if found[-1][1] >= wanted:
            return found[-1]
    return max(found, key=lambda one: one[1])


def _patches(scanned: ScannedUnits, images: Sequence[int], places: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return the windows of images that the unit sees, (image, height, width, channel), and the part of each on the image, as `Facet`."""
    run, unit, size = scanned.run, scanned.units[0], scanned.run.fit.size
    height, width = longest_field(run, unit.layer)
    call, found = unit_call(scanned.network.graph, unit), np.zeros((len(images), height, width, run.fit.channels), np.float32)
    inside = np.zeros((len(images), 4), np.int64)
    for number, (room, image, place) in enumerate(zip(found, images, places, strict=True)):
        field = receptive_field(scanned.network.graph, call, None if place[0] < 0 else (int(place[0]), int(place[1])), size)
        top, left = (0 if side == whole else start for side, whole, start in zip((height, width), size, field[:2], strict=True))
        window = np.asarray([top, left, top + height, left + width], np.int64)
        put(room, window, pictures_of(run).of(run, image), (0, 0))
        inside[number] = max(0, -top), max(0, -left), min(top + height, size[0]) - top, min(left + width, size[1]) - left
    return found, inside


METHOD = Method(
    name="facets",
    run=facets,
    examples=("convscope facets block3_conv1:5 -r run/", "convscope facets block5_conv3:17 -r run/ --count 200 --json"),
    description=(
        "A unit may fire for several things. Its strongest images are sorted by the inputs through which they excite it; a row shows each "
        "facet, with a synthetic picture. RUN is the folder of a `convscope scan`, and may also stand after -m."
    ),
    network=network_of_run,
)
