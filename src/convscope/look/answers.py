"""What a page is told: plain records of an image, a layer, a unit and its projection. Each is worked out by the desk."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ImageError, check_choice
from ..graph.finite import spoilt_units
from ..graph.rules import GRADIENT, GUIDED, Ruleset, deconvnet
from ..graph.saturation import seed_call
from ..locality.windows import Field
from ..network.network import Network
from ..projection.caveats import HONESTY, caveats, is_pooled
from ..projection.seeds import Spot
from ..projection.table import rows_of, windows_of
from ..render.figures import colours
from ..render.pixels import kept_inside, plain_picture, unit_to_rgb
from ..render.signals import magnitude, scales, seen_through, signed_to_rgb
from ..render.site import column
from ..results import FloatArray
from ..results.record import plain
from ..units import Unit
from . import colouring
from .sight import Layer, Seen, Sight

SHOWN = 8  # units of each layer beside an image
PREDICTED = 5
LARGEST_PART = 0.5  # of the image; a larger receptive field is drawn with all that is around it
# Small pictures at a time, and their side in pixels.
MOST_THUMBS, THUMB = 24, 72
# How a signal goes down: by the name that a link has, the rules, and the words of the command line that choose them.
WAYS: Mapping[str, tuple[Ruleset, Mapping[str, Any]]] = {
    "switches": (deconvnet(), {}),
    "spread": (deconvnet("spread"), {"switches": "spread"}),
    "guided": (GUIDED, {"rules": GUIDED.name}),
    "gradient": (GRADIENT, {"rules": GRADIENT.name}),
}
POSITIVE, SIGNED = "magma", "RdBu_r"


def start(sight: Sight) -> dict[str, Any]:
    """Return what the page knows from the start: the network, its layers, the images that can be chosen."""
    bundle = sight.network.bundle
    return {
        "model": {"name": bundle.name, "input": [*bundle.size, bundle.channels], "notes": list(bundle.notes)},
        "layers": [_layer(sight, layer) for layer in sight.layers],
        "images": [[one.base, one.first, len(one.sources)] for one in sight.gallery.series],
        "classifies": sight.classes is not None,
        "run": None if sight.run is None else {"images": len(sight.run), "dataset": sight.run.dataset, "layers": list(sight.run.layers)},
        "palettes": {"positive": column(colours(POSITIVE)), "signed": column(colours(SIGNED))},
    }


def _layer(sight: Sight, layer: Layer) -> dict[str, Any]:
    info, graph, bundle = layer.info, sight.network.graph, sight.network.bundle
    names = list(bundle.labels) if bundle.labels and graph.holds_classes(layer.call) and len(bundle.labels) == info.channels else None
    return {
        "n": layer.n,
        "address": layer.address,
        "kind": info.type,
        "units": info.channels,
        "field": info.field,
        "activation": info.activation,
        "names": names,
        "pooled": is_pooled(graph.ancestors([layer.call.index])),
    }


def image(sight: Sight, name: str) -> dict[str, Any]:
    """Return an image as it enters the network, what it is taken for, and the strongest units of each layer with their maps."""
    seen = sight.seen(name)
    return {
        "name": name,
        "title": sight.gallery.title(name),
        "size": [*seen.pixels.shape[1:3]],
        "picture": colouring.image_png(seen.pixels[0]),
        "predictions": _predictions(sight, seen),
        "layers": [_strongest(seen, layer) for layer in sight.layers],
    }


def thumbs(sight: Sight, names: Sequence[str]) -> dict[str, Any]:
    """Return small pictures of images, without one of an image that cannot be read."""
    return {"pictures": [_thumb(sight, name) for name in names[:MOST_THUMBS]]}


def _thumb(sight: Sight, name: str) -> dict[str, Any]:
    try:
        record, pixels = {"title": sight.gallery.title(name)}, sight.gallery.pixels(name)
    except ImageError as error:
        return {"title": str(error)}
    picture = plain_picture(pixels)
    small = max(picture.size) <= THUMB
    picture.thumbnail((THUMB, THUMB))
    return record | {"picture": colouring.png(picture), "small": small}


def _predictions(sight: Sight, seen: Seen) -> list[dict[str, Any]]:
    """Return the likeliest classes with their probabilities, none where the network does not classify."""
    if sight.classes is None:
        return []
    values = seen.of(sight.classes)
    order = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")[:PREDICTED]
    return [{"name": sight.network.bundle.label(int(one)), "channel": int(one), "share": plain(values[one])} for one in order]


def _strongest(seen: Seen, layer: Layer) -> dict[str, Any]:
    order = seen.order(layer)[:SHOWN]
    values = seen.of(layer.call)
    record = {"shape": list(values.shape[:-1]), "channels": order.tolist(), "values": column(_largest(values)[order])}
    return record | (colouring.tiles(values[..., order]) if values.ndim == 3 else _bars(values, order))


def _bars(values: FloatArray, order: Any) -> dict[str, Any]:
    """Return units without maps as maps of one pixel, on one scale: that of the whole layer."""
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    signed, most = bool((finite < 0).any()), float(np.abs(finite).max(initial=0)) or 1.0
    shares = finite[order] / most
    scale = np.full(len(shares), most, np.float32)
    return {"height": 1, "width": 1, "signed": signed, "scale": column(scale), "tiles": column(colouring.as_bytes(shares, signed=signed))}


def _largest(values: FloatArray) -> FloatArray:
    return values.reshape(-1, values.shape[-1]).max(axis=0)


def wall(sight: Sight, name: str, address: str) -> dict[str, Any]:
    """Return the maps of all units of a layer on an image, their largest values and the share of the map that is above zero."""
    layer, seen = sight.layer(address), sight.seen(name)
    values = seen.of(layer.call)
    order = np.arange(layer.info.channels)
    record: dict[str, Any] = {
        "values": column(_largest(values)),
        "order": column(seen.order(layer).astype(np.int32)),
        "active": column((values.reshape(-1, values.shape[-1]) > 0).mean(axis=0).astype(np.float32)),
    }
    if sight.run is not None and address in sight.run.layers:
        peaks = seen.peaks[address]
        shares = sight.run.units(address).percentiles(peaks) / 100
        record["above"] = column(np.where(np.isfinite(peaks), shares, np.nan).astype(np.float32))
    return record | (colouring.tiles(values) if values.ndim == 3 else _bars(values, order))


def unit(sight: Sight, names: Sequence[str], address: str) -> dict[str, Any]:
    """Return a unit's whole map on each of some images, its largest value there, and where that is."""
    layer, one = sight.unit(address)
    return {"unit": str(one), "shown": [_mapped(sight, sight.seen(name), layer, one) for name in names]}


def _mapped(sight: Sight, seen: Seen, layer: Layer, one: Unit) -> dict[str, Any]:
    values = seen.of(layer.call)[..., one.channel]
    spoilt = bool(spoilt_units(sight.network.graph, seed_call(sight.network.graph, one))[one.channel])
    record: dict[str, Any] = {
        "value": plain(values.max()),
        "spoilt": spoilt or not np.isfinite(values).all(),
        "active": float((values > 0).mean()),
        "rank": int(np.flatnonzero(seen.order(layer) == one.channel)[0]),
        "ranked": layer.ranked.before.address if layer.ranked.signs[one.channel] else None,
    }
    if values.ndim == 0:
        return record
    row, column_ = np.unravel_index(int(np.nan_to_num(values, nan=-np.inf).argmax()), values.shape)
    return record | {"map": column(values), "height": values.shape[0], "width": values.shape[1], "position": [int(row), int(column_)]}


def projection(sight: Sight, names: Sequence[str], address: str, way: str) -> dict[str, Any]:
    """Return what came down to the pixels of each of some images from a unit, or from the place in its address, on one scale.

    Where the image does not excite the unit, `excited` is False and there is no picture: a grey one would look like a finding.
    """
    check_choice("way", way, tuple(WAYS))
    _, one = sight.unit(address)
    rules = WAYS[way][0]
    shown = [_projected(sight.network, one, sight.seen(name), rules) for name in names]
    common = iter(scales([signal for signal, _ in shown if signal is not None]))
    ancestors = sight.network.graph.ancestors([seed_call(sight.network.graph, one).index])
    return {
        "unit": str(one),
        "way": way,
        "shown": [
            record | ({} if signal is None else _pictures(sight.seen(name).pixels[0], signal, record["part"], next(common)))
            for name, (signal, record) in zip(names, shown, strict=True)
        ],
        "notes": [*caveats(ancestors, [rules]), *(words for name, words in HONESTY.items() if rules.name.startswith(name))],
        "steady": rules.is_steady(ancestors),
    }


def ahead(sight: Sight, names: Sequence[str], address: str, way: str) -> dict[str, Any]:
    """Compile what the next projections of a layer need, by projecting one of its units, and return nothing of it."""
    with sight.compiling():
        projection(sight, names, address, way)
    return {}


def _projected(network: Network, one: Unit, seen: Seen, rules: Ruleset) -> tuple[FloatArray | None, dict[str, Any]]:
    """Return the signal on the part of the image that is drawn, None where nothing comes down; and the numbers of the projection."""
    ((found,),) = rows_of(network, [one], seen.pixels, rules, Spot.STRONGEST, seen.maps)
    height, width = seen.pixels.shape[1:3]
    field = Field(*kept_inside(found.field, (height, width)))
    # A unit that sees little of the image would be a spot on grey: its own part is drawn alone, as on the sheets.
    part = field if field.height * field.width <= LARGEST_PART * height * width else Field(0, 0, height, width)
    record = {"value": plain(found.value), "position": found.position and list(found.position), "field": list(field), "part": list(part)}
    windows = windows_of([[found]], (height, width))
    signal = windows.part(0, 0, part)
    if not found.amount > 0 or not magnitude(signal) > 0:
        return None, record | {"excited": False}
    return signal, record | {"excited": True}


def _pictures(pixels: FloatArray, signal: FloatArray, part: Sequence[int], scale: float) -> dict[str, Any]:
    top, left, bottom, right = part
    patch = pixels[top:bottom, left:right]
    pictures = {"picture": signed_to_rgb(signal, scale), "through": seen_through(patch, signal), "patch": unit_to_rgb(patch)}
    return {name: colouring.png(picture) for name, picture in pictures.items()}
