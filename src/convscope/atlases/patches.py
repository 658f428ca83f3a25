"""The strongest patches of an atlas's units and their projections: a sheet for each chunk, with a row for each unit.

Projections without switches lie on sheets of their own, which a page loads when the reader asks for them. One holds many units: sheets for
few would be too many files.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from ..formats.atlas import WITHOUT, data_path, detail_name, wall_name
from ..graph.rules import Ruleset
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


def columns_of(subject: Subject, layer: Layer) -> tuple[int, int]:
    """Return how many tiles a row has of patches, and of projections."""
    return 0 if layer.whole else SHOWN, subject.settings.projections


def sheets(subject: Subject, layer: Layer, chunks: range) -> Iterator[Task]:
    """Yield the sheets of some of a layer's chunks; a layer that sees whole images and has no projections needs none.

    The last chunk of those that share a sheet without switches brings it.
    """
    patches, projections = columns_of(subject, layer)
    if not patches + projections:
        return
    last = {layer.chunks_on(sheet)[-1]: sheet for sheet in range(len(layer.sheets))} if layer.both and projections else {}
    for chunk in chunks:
        channels, path = layer.chunks[chunk], data_path(detail_name(layer.n, chunk), "webp")
        yield Task(sheet_part(layer.n, chunk), _key(subject, layer, channels), partial(_made, subject, layer, channels, path))
        if chunk in last:
            channels, name = layer.sheets[last[chunk]], wall_name(layer.n, WITHOUT, last[chunk])
            path = data_path(name, "webp")
            yield Task(name, _key(subject, layer, channels, WITHOUT), partial(_made, subject, layer, channels, path, without=True))


def _key(subject: Subject, layer: Layer, channels: Sequence[int], *kind: str) -> str:
    """Return what stands for a sheet: the network, the very images and places, and without switches the values; other images of the run do
    not matter.
    """
    run, top, chosen = subject.run, subject.tops[layer.address], list(channels)
    shown = top.images[chosen].ravel()
    digests, rows = run.images.texts["digest"], np.searchsorted(run.ids, shown)
    images = [digests[row] if image >= 0 else None for row, image in zip(rows.tolist(), shown.tolist(), strict=True)]
    fired = (top.values[chosen, :SHOWN] > 0) & (top.before[chosen, :SHOWN] > 0)
    places = [*(one[chosen, :SHOWN].tolist() for one in (top.rows, top.columns)), fired.tolist()]
    fit = [run.fit.channels, *run.fit.size, *layer.window, detail_tile(layer), tiles.BESIDE]
    values = [np.nan_to_num(one[chosen, :SHOWN]).tolist() for one in (top.values, top.before)] if WITHOUT in kind else []
    columns = columns_of(subject, layer)
    return key_of(subject.maker, subject.network_key, layer.address, channels, images, places, fit, columns, *kind, *values)


def _made(subject: Subject, layer: Layer, channels: Sequence[int], path: str, *, without: bool = False) -> Made:
    """Return the sheet of some units: their patches and projections, or the projections `without` switches alone."""
    patches, projections = columns_of(subject, layer)
    # Without switches one signal serves all images, scaled by the unit's value. The scan has it, at its precision.
    ways = both_ways(subject.network, layer.address)
    rulesets: tuple[Ruleset, ...] = (ways[-1] if without else ways[0],) if projections else ()
    patches = 0 if without else patches
    found = portraits_of(
        subject.run,
        subject.network,
        layer.address,
        channels,
        rulesets=rulesets,
        projected=projections,
        pixels=patches > 0,
        scanned=without,
    )
    rows, unreadable = list[np.ndarray](), dict[int, str]()
    for portrait in found:
        rows.append(_row(layer, portrait, patches, projections))
        unreadable |= portrait.unreadable
    content = tiles.sheet(np.concatenate(rows), detail_tile(layer), patches + projections, tiles.BESIDE)
    return Made({path: content}, {"unreadable": sorted(unreadable)} if unreadable else {})


def _row(layer: Layer, portrait: UnitPortrait, patches: int, projections: int) -> np.ndarray:
    """Return the tiles of one unit."""
    side, found = detail_tile(layer), list[np.ndarray]()
    if patches:
        found.append(tiles.patch_tiles(portrait.patches, patches, side))
    found.extend(tiles.projection_tiles(portrait.patches, signals, projections, side) for signals in portrait.projections)
    return np.concatenate(found)
