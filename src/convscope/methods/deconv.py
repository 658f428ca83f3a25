"""The deconvolutional network: what in this image excited this filter (Zeiler & Fergus 2014), with switches and without."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..errors import OptionError
from ..graph.calls import Call, Graph
from ..graph.finite import spoilt_units, weight_notes
from ..graph.projector import Projector
from ..graph.rules import GRADIENT, Ruleset, deconvnet
from ..graph.saturation import own_values, ranking, seed_call
from ..graph.tensors import to_array
from ..images import ImageBatch
from ..locality.borders import at_border, mostly_at_border
from ..locality.receptive import call_shapes, receptive_field
from ..method import Method, provenance
from ..models import ModelBundle, as_bundle, names_classes
from ..network.addresses import as_candidates, as_units, class_names, graph_of, unit_call
from ..network.entering import batch_for, network_input, require_images
from ..options import RANKED, Opt, Option, Stop, Theme, check_options, options_of
from ..projection.caveats import HONEST, caveats, is_pooled, measured, wants_gradients
from ..projection.choices import Contrast, Switches, Ties, View
from ..projection.compiling import strongest_projected
from ..projection.likeness import likeness
from ..projection.projecting import is_local, project_strongest
from ..projection.seeds import peaks, seed_map, seed_peaks, seedable, values_at
from ..projection.slopes import require_slope, slope_notes
from ..results import CONTRAST, FloatArray, Projections
from ..units import Unit
from .chunks import in_chunks

SEEDS = ("strongest", "map")
CHUNK = 4
LIKENESS = 3  # images on which it is measured
MOST_BYTES = 4 * 2**30


def deconv(
    model: Any,
    units: Any,
    images: Any,
    *,
    switches: Switches = "switches",
    seed: Annotated[str, Opt("Project the strongest activation or the whole map.", choices=SEEDS)] = "strongest",
    ties: Ties = "spread",
    ruleset: Ruleset | None = None,
    strongest: Annotated[
        int | None,
        Opt(
            "Take the N filters that the images excite most; a bare layer means all its filters.",
            least=1,
            metavar="N",
            names=RANKED,
            recorded=False,
        ),
    ] = None,
    view: View = "both",
    contrast: Contrast = CONTRAST,
    theme: Theme = "light",
    stop: Stop = None,
) -> Projections:
    """Return the projection of each unit for each image, down to the pixels that excited it.

    `switches` unpool to the recorded maxima; "spread" gives g/k² to every place of a window, "center" g to its centre. `seed`: the
    "strongest" activation of the unit's map, or the whole "map", before an activation that is flat above (ReLU6, sigmoid, tanh); of a class
    its score less the mean of the others, to which a constant in all scores is nothing. `ties`: equal maxima are "spread" over, or go to
    the "first" place in row-major order. `ruleset` replaces all of these. `strongest`: of the units (a bare layer means all its
    channels), take the N that the images excite most. `theme`: "light" or "dark", of the picture. `stop`: end after so many images; a
    result that Ctrl-C cut short records it.

    `view`: draw the signed "projection", the image seen "through" its energy, "both", or both of the plain "gradient" from the same place,
    wherein units differ. Where projections do not depend on the image (no max pooling comes before, or without switches), it is seen
    through the energy of the gradient, too. `contrast`: so many percent of the values lie within the scale of grey; the pictures of one
    unit share a scale.

    `.pixels` is (image, unit, height, width, channel) float32, signed, RGB order, on the scale of the network's input. Class units are
    taken before the softmax. Raises UnitError, ImageError, OptionError. Source: Zeiler & Fergus 2014, section 2.1.

    >>> convscope.deconv(model, "block4_conv2:17", "cat.jpg").save("17.png")
    """
    options = check_options(deconv, locals())
    variant = options.switches
    rules = ruleset or deconvnet(variant, ties)
    bundle = as_bundle(model, classes=names_classes(units))
    require_images(bundle)
    chosen = as_units(bundle, units) if strongest is None else as_candidates(bundle, units)
    batch = batch_for(bundle, images, (unit_call(graph_of(bundle), unit) for unit in chosen))
    if strongest is not None:
        chosen = _strongest(bundle, chosen, batch, options.strongest)
    _check_memory(batch, len(chosen))
    graph, size = graph_of(bundle), (batch.pixels.shape[1], batch.pixels.shape[2])
    ways = _ways(graph, chosen, rules, size)
    seen = [unit for unit in chosen if wants_gradients(ways[unit], rules, view)]
    parts, stopped = in_chunks(
        len(batch.pixels), CHUNK, options.stop, lambda some: _project(bundle, chosen, batch.pixels[some], rules, seed, seen), "projecting"
    )
    found = _joined(parts)
    parameters = {"units": [str(unit) for unit in chosen]} | options.recorded() | stopped
    alike = _likenesses(bundle, chosen, batch.pixels, found.positions, rules, seed)
    return Projections(
        provenance=provenance("deconv", bundle, batch.inputs, parameters | ({"ruleset": rules.name} if ruleset else {})),
        notes=(*_notes(graph, ways, rules, size), *alike, *batch.notes),
        class_names=class_names(bundle, chosen),
        interrupted=bool(stopped),
        theme=theme,
        units=chosen,
        **vars(found),
        images=batch.pixels[: len(found.pixels)],
        image_names=batch.names[: len(found.pixels)],
        variant=rules.name if ruleset else variant if any(map(is_pooled, ways.values())) else "unpooled",
        seeded=seed,
        steady=tuple(seed != "map" and rules.is_steady(ways[unit]) for unit in chosen),
        padded=tuple(_is_padded(bundle, unit, found.border[:, number], batch.pixels) for number, unit in enumerate(chosen)),
        view=view,
        contrast=options.contrast,
    )


def _ways(graph: Graph, units: Iterable[Unit], rules: Ruleset, size: tuple[int, int]) -> dict[Unit, list[Call]]:
    """Return the calls that a signal passes on its way down from each unit, the seeded one last. Raises UnitError where none comes down."""
    seeded = {unit: seed_call(graph, unit) for unit in units}
    for call in dict.fromkeys(seeded.values()):
        require_slope(graph, call, size, rules)
    return {unit: graph.ancestors([call.index]) for unit, call in seeded.items()}


def _notes(graph: Graph, ways: Mapping[Unit, Sequence[Call]], rules: Ruleset, size: tuple[int, int]) -> tuple[str, ...]:
    """Return the sentences on what came down these ways of units, each the calls up to the one that is seeded."""
    seeded = dict.fromkeys(way[-1] for way in ways.values())
    calls = graph.ancestors([call.index for call in seeded])
    said = dict.fromkeys(note for way in ways.values() for note in caveats(way, [rules]))
    return (*said, HONEST, *slope_notes(graph, seeded, size, rules), *weight_notes(graph, calls))


def _check_memory(batch: ImageBatch, units: int) -> None:
    """Raise OptionError for projections that would not fit into memory, before any is computed."""
    wanted = batch.pixels.nbytes * units
    if wanted > MOST_BYTES:
        raise OptionError(
            f"{len(batch.pixels)} images times {units} units are {wanted / 2**30:.0f} GiB of projections; at most {MOST_BYTES / 2**30:.0f} "
            "are made at once. Take fewer images or units, or the strongest N."
        )


@dataclass(frozen=True)
class _Part:
    """The projections of a few images; shapes as in `Projections`."""

    pixels: NDArray[np.float32]
    values: NDArray[np.float32]
    seeds: NDArray[np.float32]
    positions: NDArray[np.int64]
    fields: NDArray[np.int64]
    border: NDArray[np.bool_]
    gradients: NDArray[np.float32] | None


def _joined(parts: Sequence[_Part]) -> _Part:
    """Return the projections of all images."""
    found = {name: [vars(part)[name] for part in parts] for name in vars(parts[0])}
    joined: dict[str, Any] = {name: None if arrays[0] is None else np.concatenate(arrays) for name, arrays in found.items()}
    return _Part(**joined)


def _is_padded(bundle: ModelBundle, unit: Unit, border: NDArray[np.bool_], pixels: FloatArray) -> bool:
    return unit.position is None and mostly_at_border(border, _map_shape(bundle, unit, pixels))


def _project(bundle: ModelBundle, units: Sequence[Unit], pixels: FloatArray, rules: Ruleset, seed: str, seen: Sequence[Unit] = ()) -> _Part:
    """Project from whole maps on whole images, from single places on what their receptive fields need; of the units `seen` the gradients,
    too.
    """
    graph, size = graph_of(bundle), (pixels.shape[1], pixels.shape[2])
    calls = {unit: seed_call(graph, unit) for unit in units}
    found = _found(bundle, units, pixels, rules, seed)
    gradients = {unit: one.pixels for unit, one in _found(bundle, seen, pixels, GRADIENT, seed).items()}
    for unit, one in found.items():
        if spoilt_units(graph, calls[unit])[unit.channel]:
            one.values[:] = one.seeds[:] = np.nan
    fields = np.stack([[_field(bundle, calls[unit], place, seed, size) for place in found[unit].places] for unit in units], axis=1)
    borders = [
        at_border(found[unit].places, fields[:, number], _map_shape(bundle, unit, pixels), size) for number, unit in enumerate(units)
    ]
    return _Part(
        pixels=np.stack([found[unit].pixels for unit in units], axis=1),
        values=np.stack([own_values(graph, unit, found[unit].values) for unit in units], axis=1),
        seeds=np.stack([found[unit].seeds for unit in units], axis=1),
        positions=np.stack([found[unit].places for unit in units], axis=1),
        fields=np.clip(fields, 0, [*size, *size]),
        border=np.stack(borders, axis=1) & (seed != "map"),
        gradients=np.stack([gradients.get(unit, found[unit].pixels) for unit in units], axis=1) if seen else None,
    )


def _likenesses(
    bundle: ModelBundle, units: Sequence[Unit], pixels: FloatArray, positions: NDArray[np.int64], rules: Ruleset, seed: str
) -> list[str]:
    """Return for each layer of which several units are drawn how alike what comes down from one place is, measured on a few images."""
    said: list[str] = []
    if seed == "map":
        return said
    for layer in dict.fromkeys(unit.layer for unit in units):
        first, *others = (number for number, unit in enumerate(units) if unit.layer == layer)
        places = [None if row < 0 else (int(row), int(column)) for row, column in positions[:LIKENESS, first]]
        if others and places:
            said.extend(measured(layer, likeness(bundle, layer, pixels[: len(places)], places, rules)))
    return said


def _map_shape(bundle: ModelBundle, unit: Unit, pixels: FloatArray) -> tuple[int, ...]:
    """Return the (rows, columns) of the unit's map on pictures (image, height, width, channel), () where it has none."""
    graph = graph_of(bundle)
    call = seed_call(graph, unit)
    return tuple(int(side or 0) for side in call_shapes(graph, call, (pixels.shape[1], pixels.shape[2]))[call.index][1:-1])


@dataclass(frozen=True)
class _Found:
    """The projections of one unit: `pixels` (image, height, width, channel), `values` (image,) of its `seed_call` at `places` (image, 2),
    and what was seeded there, `seeds` (image,).
    """

    pixels: NDArray[np.float32]
    values: NDArray[np.float32]
    seeds: NDArray[np.float32]
    places: NDArray[np.int64]


def _found(bundle: ModelBundle, units: Sequence[Unit], pixels: FloatArray, rules: Ruleset, seed: str) -> dict[Unit, _Found]:
    size = pixels.shape[1], pixels.shape[2]
    whole = [unit for unit in units if seed == "map" or not is_local(bundle, seed_call(graph_of(bundle), unit), size, rules)]
    local = [unit for unit in units if unit not in whole]
    return _on_images(bundle, whole, pixels, rules, seed) | _on_parts(bundle, local, pixels, rules)


def _on_images(bundle: ModelBundle, units: Sequence[Unit], pixels: NDArray[np.float32], rules: Ruleset, seed: str) -> dict[Unit, _Found]:
    """One forward pass serves all units."""
    if not units:
        return {}
    graph = graph_of(bundle)
    calls = {unit: seed_call(graph, unit) for unit in units}
    if len(units) == 1 and seed == "strongest" and units[0].position is None:
        found = _at_once(bundle, units[0], pixels, rules)
        if found is not None:
            return {units[0]: found}
    projector = Projector(graph, network_input(bundle, pixels), list(calls.values()))
    maps = {call.index: to_array(projector.value(call)) for call in calls.values()}
    all_found = {}
    for unit, call in calls.items():
        amounts = seedable(graph, call, maps[call.index])
        places, peak = peaks(amounts, unit)
        signal = seed_map(amounts, unit) if seed == "map" else seed_peaks(amounts, unit, places, np.maximum(peak, 0.0))
        down = to_array(projector.project(call, ops.convert_to_tensor(signal), rules))
        all_found[unit] = _Found(bundle.preprocessing.to_rgb(down), values_at(maps[call.index], unit, places), peak, places)
    return all_found


def _at_once(bundle: ModelBundle, unit: Unit, pixels: NDArray[np.float32], rules: Ruleset) -> _Found | None:
    graph, call = graph_of(bundle), seed_call(graph_of(bundle), unit)
    done = strongest_projected(bundle, network_input(bundle, pixels), call, unit.channel, rules)
    if done is None:
        return None
    down, maps = map(to_array, done)
    places, peak = peaks(seedable(graph, call, maps), unit)
    return _Found(bundle.preprocessing.to_rgb(down), values_at(maps, unit, places), peak, places)


def _on_parts(bundle: ModelBundle, units: Sequence[Unit], pixels: NDArray[np.float32], rules: Ruleset) -> dict[Unit, _Found]:
    """A forward pass finds the places; each is then projected on its cone or crop."""
    count = len(pixels)
    found = {
        unit: _Found(np.zeros_like(pixels), np.zeros(count, np.float32), np.zeros(count, np.float32), np.zeros((count, 2), np.int64))
        for unit in units
    }
    for (unit, image, position), (field, signal, value) in project_strongest(bundle, units, pixels, rules) if units else ():
        one = found[unit]
        one.pixels[image, field.top : field.bottom, field.left : field.right] = signal
        one.values[image], one.seeds[image], one.places[image] = value, value, position or (0, 0)
    return found


def _field(bundle: ModelBundle, call: Call, place: NDArray[np.int64], seed: str, size: tuple[int, int]) -> tuple[int, ...]:
    position = None if place[0] < 0 or seed == "map" else (int(place[0]), int(place[1]))
    return tuple(receptive_field(graph_of(bundle), call, position, size))


def _strongest(bundle: ModelBundle, units: Sequence[Unit], batch: ImageBatch, count: int) -> tuple[Unit, ...]:
    """Return the `count` units whose largest activation over all images is largest, strongest first; equals by the value before it."""
    graph = graph_of(bundle)
    rankings = {unit.layer: ranking(graph, unit_call(graph, unit)) for unit in units}
    best = {layer: np.full(len(one.signs), -np.inf, dtype=np.float32) for layer, one in rankings.items()}
    targets = list(dict.fromkeys(call.index for one in rankings.values() for call in one.calls))
    for start in range(0, len(batch.pixels), CHUNK):
        found = dict(zip(targets, graph.run(network_input(bundle, batch.pixels[start : start + CHUNK]), targets), strict=True))
        for layer, one in rankings.items():
            strengths = to_array(one.strengths(*(found[call.index] for call in one.calls)))
            best[layer] = np.fmax(best[layer], strengths.max(axis=tuple(range(strengths.ndim - 1))))
    own = {layer: to_array(one.values(ops.convert_to_tensor(best[layer][None])))[0] for layer, one in rankings.items()}
    ranked = sorted(units, key=lambda unit: (-float(own[unit.layer][unit.channel]), -float(best[unit.layer][unit.channel])))
    return tuple(ranked[:count])


METHOD = Method(
    name="deconv",
    run=deconv,
    takes=("units", "images"),
    options=options_of(deconv),
    examples=(
        "convscope deconv block4_conv2:17 sample:cat",
        "convscope deconv block5_conv3 sample:cat --strongest 6 --no-switches",
        'convscope deconv predictions:Sneaker "sample:fashion[0-8]" -m fashion',
    ),
)


# For the portraits, which list their options by hand so far.
_FORMS = {option.name: option for option in METHOD.options}
SWITCHES_OPTION, TIES_OPTION, CONTRAST_OPTION = (_FORMS[name] for name in ("switches", "ties", "contrast"))


def view_option(default: str) -> Option:
    """Return the option that says how projections are drawn."""
    return replace(_FORMS["view"], default=default)
