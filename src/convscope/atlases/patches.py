"""The strongest patches of an atlas's units and their projections: one sheet for 16 units, a row for each."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from ..formats.atlas import data_path, detail_name
from ..portraits.layers import UnitPortrait, both_ways, portraits_of
from . import tiles
from .ledger import Made, Task, key_of
from .subject import SHOWN, Layer, Subject

PROJECTIONS = (0, 3, 9)


def sheet_part(layer: int, chunk: int) -> str:
    """Return the name of the part that a chunk's sheet is."""
    return f"tiles-{layer}-{chunk}"


def detail_tile(layer: Layer) -> int:
    """Return the side of a layer's tiles on the page of a unit, in pixels: as large as what is seen, up to a limit."""
    return tiles.side_of(layer.window, tiles.DETAIL)


def columns_of(subject: Subject, layer: Layer) -> tuple[int, int, int]:
    """Return how many tiles a row has of patches, of projections with switches, and of those without."""
    shown = subject.settings.projections
    return 0 if layer.whole else SHOWN, shown, shown if layer.both else 0


def sheets(subject: Subject, layer: Layer, chunks: range) -> Iterator[Task]:
    """Yield the sheets of some of a layer's chunks; a layer that sees whole images and has no projections needs none."""
    if not any(columns_of(subject, layer)):
        return
    for chunk in chunks:
        yield Task(sheet_part(layer.n, chunk), _key(subject, layer, chunk), partial(_made, subject, layer, chunk))


def _key(subject: Subject, layer: Layer, chunk: int) -> str:
    """Return what stands for a chunk's sheet: the network, and the very images and places; other images of the run do not matter."""
    run, channels = subject.run, layer.chunks[chunk]
    top = run.top(layer.address, channels)
    rows = np.searchsorted(run.ids, top.images)
    digests = run.images.texts["digest"]
    images = [digests[row] if image >= 0 else None for row, image in zip(rows.ravel(), top.images.ravel(), strict=True)]
    fired = (top.values > 0) & (top.before > 0)
    places = [one[:, :SHOWN].tolist() for one in (top.rows, top.columns, fired)]
    fit = [run.fit.channels, *run.fit.size, *layer.window, detail_tile(layer), tiles.BESIDE]
    return key_of(subject.maker, subject.network_key, layer.address, channels, images, places, fit, columns_of(subject, layer))


def _made(subject: Subject, layer: Layer, chunk: int) -> Made:
    _, ways, _ = columns_of(subject, layer)
    rulesets = both_ways(subject.network, layer.address) if ways else ()
    found = portraits_of(
        subject.run,
        subject.network,
        layer.address,
        layer.chunks[chunk],
        rulesets=rulesets,
        projected=subject.settings.projections,
        pixels=not layer.whole,
    )
    rows, unreadable = list[np.ndarray](), dict[int, str]()
    for portrait in found:
        rows.append(_row(subject, layer, portrait))
        unreadable |= portrait.unreadable
    side = detail_tile(layer)
    content = tiles.sheet(np.concatenate(rows), side, sum(columns_of(subject, layer)), tiles.BESIDE)
    facts = {"unreadable": sorted(unreadable)} if unreadable else {}
    return Made({data_path(detail_name(layer.n, chunk), "webp"): content}, facts)


def _row(subject: Subject, layer: Layer, portrait: UnitPortrait) -> np.ndarray:
    """Return the tiles of one unit."""
    patches, projections, _ = columns_of(subject, layer)
    side, found = detail_tile(layer), list[np.ndarray]()
    if patches:
        found.append(tiles.patch_tiles(portrait.patches, patches, side))
    if projections:
        found.extend(tiles.projection_tiles(portrait.patches, signals, projections, side) for signals in portrait.projections)
    return np.concatenate(found)
