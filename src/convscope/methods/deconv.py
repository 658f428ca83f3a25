"""The deconvolutional network: what in this image excited this filter (Zeiler & Fergus 2014), with switches and without."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..errors import OptionError
from ..graph.addresses import as_candidates, as_units, graph_of, unit_call
from ..graph.calls import Call, Graph
from ..graph.finite import spoilt_units, weight_notes
from ..graph.projector import Projector
from ..graph.receptive import receptive_field
from ..graph.rules import Ruleset, deconvnet
from ..graph.saturation import own_values, ranking, seed_call
from ..graph.seeds import peaks, seed_map, seed_peaks, seedable, values_at
from ..graph.slopes import require_slope, slope_notes
from ..images import ImageBatch
from ..models import ModelBundle, as_bundle, names_classes
from ..results import Projections
from ..units import Unit
from .common import batch_for, class_names, in_chunks, network_input, numpy, require_images
from .compiling import strongest_projected
from .method import STOP, THEME, THEMES, Method, Option, check_choice, provenance
from .projecting import is_local, project_strongest

SEEDS = ("strongest", "map")
GRATING = 'Equal maxima go to the first place of their window, which can draw a grating; ties="spread" removes it.'
HONEST = "A deconvnet is partly image recovery and depends weakly on the unit (Nie et al. 2018)."
CHUNK = 4
MOST_BYTES = 4 * 2**30


def deconv(
    model: Any,
    units: Any,
    images: Any,
    *,
    switches: bool | str = True,
    seed: str = "strongest",
    ties: str = "first",
    ruleset: Ruleset | None = None,
    strongest: int | None = None,
    theme: str = "light",
    stop: int | None = None,
) -> Projections:
    """Return the projection of each unit for each image, down to the pixels that excited it.

    `switches`: True unpools to the recorded maxima; "spread" gives g/k² to every place of a window, "center" g to its centre. `seed`: the
    "strongest" activation of the unit's map, or the whole "map", before an activation that is flat above (ReLU6, sigmoid, tanh); of a class
    its score less the mean of the others, to which a constant in all scores is nothing. `ties`: equal maxima go to the "first" place in
    row-major order, or "spread" over them. `ruleset` replaces all of these. `strongest`: of the units (a bare layer means all its
    channels), take the N that the images excite most. `theme`: "light" or "dark", of the picture. `stop`: end after so many images; a
    result that Ctrl-C cut short records it.

    `.pixels` is (image, unit, height, width, channel) float32, signed, RGB order, on the scale of the network's input. Class units are
    taken before the softmax. Raises UnitError, ImageError, OptionError. Source: Zeiler & Fergus 2014, section 2.1.

    >>> convscope.deconv(model, "block4_conv2:17", "cat.jpg").save("17.png")
    """
    variant = "switches" if switches is True else str(switches)
    rules = ruleset or deconvnet(variant, ties)
    check_choice("seed", seed, SEEDS)
    check_choice("theme", theme, THEMES)
    bundle = as_bundle(model, classes=names_classes(units))
    require_images(bundle)
    chosen = as_units(bundle, units) if strongest is None else as_candidates(bundle, units)
    batch = batch_for(bundle, images, (unit_call(graph_of(bundle), unit) for unit in chosen))
    if strongest is not None:
        chosen = _strongest(bundle, chosen, batch, strongest)
    _check_memory(batch, len(chosen))
    graph, size = graph_of(bundle), (batch.pixels.shape[1], batch.pixels.shape[2])
    seeded = list(dict.fromkeys(seed_call(graph, unit) for unit in chosen))
    for call in seeded:
        require_slope(graph, call, size, rules)
    parts, stopped = in_chunks(
        len(batch.pixels), CHUNK, stop, lambda some: _project(bundle, chosen, batch.pixels[some], rules, seed), "projecting"
    )
    pixels = np.concatenate([part.pixels for part in parts])
    grated = (variant, ties) == ("switches", "first") and not ruleset
    parameters = {"units": [str(unit) for unit in chosen], "switches": variant, "seed": seed, "ties": ties, "theme": theme} | stopped
    return Projections(
        provenance=provenance("deconv", bundle, batch.inputs, parameters | ({"ruleset": rules.name} if ruleset else {})),
        notes=(*_notes(graph, seeded, rules, size, grated=grated), *batch.notes),
        class_names=class_names(bundle, chosen),
        interrupted=bool(stopped),
        theme=theme,
        units=chosen,
        pixels=pixels,
        values=np.concatenate([part.values for part in parts]),
        seeds=np.concatenate([part.seeds for part in parts]),
        positions=np.concatenate([part.positions for part in parts]),
        fields=np.concatenate([part.fields for part in parts]),
        images=batch.pixels[: len(pixels)],
        image_names=batch.names[: len(pixels)],
        variant=rules.name if ruleset else variant,
        seeded=seed,
    )


def _notes(graph: Graph, seeded: Sequence[Call], rules: Ruleset, size: tuple[int, int], *, grated: bool) -> tuple[str, ...]:
    """Return the sentences on what was projected from these calls; `grated`: ties may draw gratings."""
    calls = graph.ancestors([call.index for call in seeded])
    said = (*rules.notes(calls), *((GRATING,) if grated else ()), HONEST)
    return (*said, *slope_notes(graph, seeded, size, rules), *weight_notes(graph, calls))


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


def _project(bundle: ModelBundle, units: Sequence[Unit], pixels: NDArray[np.float32], rules: Ruleset, seed: str) -> _Part:
    """Project from whole maps on whole images, from single places on what their receptive fields need."""
    graph, size = graph_of(bundle), (pixels.shape[1], pixels.shape[2])
    calls = {unit: seed_call(graph, unit) for unit in units}
    whole = [unit for unit in units if seed == "map" or not is_local(bundle, calls[unit], size, rules)]
    found = _on_images(bundle, whole, pixels, rules, seed) | _on_parts(bundle, [unit for unit in units if unit not in whole], pixels, rules)
    for unit, one in found.items():
        if spoilt_units(graph, calls[unit])[unit.channel]:
            one.values[:] = one.seeds[:] = np.nan
    fields = [[_field(bundle, calls[unit], place, seed, size) for place in found[unit].places] for unit in units]
    return _Part(
        pixels=np.stack([found[unit].pixels for unit in units], axis=1),
        values=np.stack([own_values(graph, unit, found[unit].values) for unit in units], axis=1),
        seeds=np.stack([found[unit].seeds for unit in units], axis=1),
        positions=np.stack([found[unit].places for unit in units], axis=1),
        fields=np.asarray(fields, dtype=np.int64).swapaxes(0, 1),
    )


@dataclass(frozen=True)
class _Found:
    """The projections of one unit: `pixels` (image, height, width, channel), `values` (image,) of its `seed_call` at `places` (image, 2),
    and what was seeded there, `seeds` (image,).
    """

    pixels: NDArray[np.float32]
    values: NDArray[np.float32]
    seeds: NDArray[np.float32]
    places: NDArray[np.int64]


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
    maps = {call.index: numpy(projector.value(call)) for call in calls.values()}
    all_found = {}
    for unit, call in calls.items():
        amounts = seedable(graph, call, maps[call.index])
        places, peak = peaks(amounts, unit)
        signal = seed_map(amounts, unit) if seed == "map" else seed_peaks(amounts, unit, places, np.maximum(peak, 0.0))
        down = numpy(projector.project(call, ops.convert_to_tensor(signal), rules))
        all_found[unit] = _Found(bundle.preprocessing.to_rgb(down), values_at(maps[call.index], unit, places), peak, places)
    return all_found


def _at_once(bundle: ModelBundle, unit: Unit, pixels: NDArray[np.float32], rules: Ruleset) -> _Found | None:
    graph, call = graph_of(bundle), seed_call(graph_of(bundle), unit)
    done = strongest_projected(bundle, network_input(bundle, pixels), call, unit.channel, rules)
    if done is None:
        return None
    down, maps = map(numpy, done)
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
    return tuple(receptive_field(graph_of(bundle), call, position, size).clipped(*size))


def _strongest(bundle: ModelBundle, units: Sequence[Unit], batch: ImageBatch, count: int) -> tuple[Unit, ...]:
    """Return the `count` units whose largest activation over all images is largest, strongest first; equals by the value before it."""
    if count < 1:
        raise OptionError(f"`strongest` is {count}. Give at least 1.")
    graph = graph_of(bundle)
    rankings = {unit.layer: ranking(graph, unit_call(graph, unit)) for unit in units}
    best = {layer: np.full(len(one.signs), -np.inf, dtype=np.float32) for layer, one in rankings.items()}
    targets = list(dict.fromkeys(call.index for one in rankings.values() for call in one.calls))
    for start in range(0, len(batch.pixels), CHUNK):
        found = dict(zip(targets, graph.run(network_input(bundle, batch.pixels[start : start + CHUNK]), targets), strict=True))
        for layer, one in rankings.items():
            strengths = numpy(one.strengths(*(found[call.index] for call in one.calls)))
            best[layer] = np.fmax(best[layer], strengths.max(axis=tuple(range(strengths.ndim - 1))))
    own = {layer: numpy(one.values(ops.convert_to_tensor(best[layer][None])))[0] for layer, one in rankings.items()}
    ranked = sorted(units, key=lambda unit: (-float(own[unit.layer][unit.channel]), -float(best[unit.layer][unit.channel])))
    return tuple(ranked[:count])


METHOD = Method(
    name="deconv",
    run=deconv,
    takes=("units", "images"),
    options=(
        Option(
            "switches",
            str,
            "switches",
            "How to unpool: by switches, or without them: `spread` over the window or to its `center`.",
            choices=("switches", "spread", "center"),
            shortcuts=(("--no-switches", "spread"),),
            asked=True,
        ),
        Option("seed", str, "strongest", "Project the strongest activation or the whole map.", choices=SEEDS),
        Option("ties", str, "first", "Where equal maxima of a window send the signal.", choices=("first", "spread")),
        Option("strongest", int, None, "Take the N filters that the images excite most; a bare layer means all its filters."),
        THEME,
        STOP,
    ),
    examples=(
        "convscope deconv block4_conv2:17 sample:cat",
        "convscope deconv block5_conv3 sample:cat --strongest 6 --no-switches",
        'convscope deconv predictions:Sneaker "sample:fashion[0-8]" -m fashion',
    ),
)
