"""The pages of an atlas: what they know of the network as a whole, the sheets of its walls and of the overview, and the site itself."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import ModelError
from ..formats.atlas import PATCH, PROJECTION, SCHEMA, WITHOUT, data_path, detail_name, images_name, synthetic_name, wall_name
from ..graph.calls import Call, Graph
from ..graph.finite import weight_notes
from ..locality.shapes import call_shapes
from ..network.addresses import unit_call
from ..network.listing import LayerInfo
from ..network.listing import layers as listed
from ..render import site
from ..render.pixels import Bytes
from ..units import Unit
from . import tiles
from .classes import class_records
from .columns import DEAD, SILENT, Columns
from .images import Gallery, classes_of
from .ledger import Ledger, Made, Task, key_of
from .patches import columns_of, detail_tile, sheet_part
from .subject import Layer, Subject
from .synthetic import Synthetic

OVERVIEW, IN_A_ROW, OVERVIEW_TILE, WALL_COLUMNS = "overview", 8, 48, 8
PREFIX = re.compile(r"[^_.]+(?=[_.])")


class Walls:
    """The sheets that are cut from others: the tiles of a layer's wall, and those of the overview."""

    def __init__(self, subject: Subject, gallery: Gallery, synthetic: Synthetic, ledger: Ledger) -> None:
        self.subject, self.gallery, self.synthetic, self.ledger = subject, gallery, synthetic, ledger
        self.bands = tiles.bands_of(subject.run.fit.channels)

    def tasks(self) -> Iterator[Task]:
        """Yield the sheets of which some chunk is made."""
        for layer in self.subject.layers:
            patches, projections = columns_of(self.subject, layer)
            for sheet in range(len(layer.sheets)):
                if layer.whole:
                    yield from self._of_images(layer, sheet)
                if patches:
                    yield from self._of_details(layer, sheet, PATCH, 0)
                if projections:
                    yield from self._of_details(layer, sheet, PROJECTION, patches)
        yield self._overview()

    def tile(self, layer: Layer) -> int:
        """Return the side of a layer's tiles on its wall."""
        return tiles.side_of(layer.window, tiles.WALL)

    def _of_details(self, layer: Layer, sheet: int, kind: str, column: int) -> Iterator[Task]:
        """Yield the sheet of the tiles in one column of the sheets of chunks."""
        made = {chunk: part.key for chunk in layer.chunks_on(sheet) if (part := self.ledger.part(sheet_part(layer.n, chunk)))}
        if made:
            name, key = wall_name(layer.n, kind, sheet), key_of(made, column, self.tile(layer))
            yield Task(
                name,
                key,
                lambda: self._sheet(
                    layer, name, [self._detail_tiles(layer, chunk, column, chunk in made) for chunk in layer.chunks_on(sheet)]
                ),
            )

    def _detail_tiles(self, layer: Layer, chunk: int, column: int, made: bool) -> Bytes:
        count, side = len(layer.chunks[chunk]), self.tile(layer)
        if not made:
            return tiles.blank(count, (side, side), self.bands)
        columns = sum(columns_of(self.subject, layer))
        content = self._read(data_path(detail_name(layer.n, chunk), "webp"))
        return tiles.resized(tiles.cut(content, detail_tile(layer), [row * columns + column for row in range(count)], self.bands), side)

    def _of_images(self, layer: Layer, sheet: int) -> Iterator[Task]:
        """Yield the sheet of the images that excite each unit of a layer most, whole."""
        top = self.subject.tops[layer.address]
        fired = (top.images[:, 0] >= 0) & (top.values[:, 0] > 0) & (top.before[:, 0] > 0)
        images = np.where(fired, top.images[:, 0], -1)[list(layer.sheets[sheet])].tolist()
        digests = dict(zip(self.subject.run.ids.tolist(), self.subject.run.images.texts["digest"], strict=True))
        name = wall_name(layer.n, PATCH, sheet)
        key = key_of(self.subject.maker, [digests.get(image) for image in images], self.tile(layer))
        yield Task(name, key, lambda: self._sheet(layer, name, [self._image_tiles(layer, images)]))

    def _image_tiles(self, layer: Layer, images: Sequence[int]) -> Bytes:
        sheets = {place // self.gallery.per for image in images if (place := self.gallery.place(image)) is not None and image >= 0}
        contents = {sheet: self._read(data_path(images_name(sheet), "webp")) for sheet in sorted(sheets)}
        return tiles.resized(self.gallery.cut(images, contents), self.tile(layer))

    def _sheet(self, layer: Layer, name: str, parts: Sequence[Bytes]) -> Made:
        return Made({data_path(name, "webp"): tiles.sheet(np.concatenate(parts), self.tile(layer), WALL_COLUMNS)})

    def _overview(self) -> Task:
        """Return the sheet of the eight most telling units of each layer, a row for each, in the order of the layers."""
        names = [(synthetic_name(layer.n, 0), sheet_part(layer.n, 0)) for layer in self.subject.layers]
        keys = [next((part.key for name in some if (part := self.ledger.part(name)) is not None), None) for some in names]
        return Task(OVERVIEW, key_of(self.subject.maker, self.subject.settings.synthetic, keys), self._made_overview)

    def _made_overview(self) -> Made:
        rows = [self._overview_row(layer) for layer in self.subject.layers]
        return Made({data_path(OVERVIEW, "webp"): tiles.sheet(np.concatenate(rows), OVERVIEW_TILE, IN_A_ROW)})

    def _overview_row(self, layer: Layer) -> Bytes:
        count, side = min(IN_A_ROW, len(layer.order)), (OVERVIEW_TILE, OVERVIEW_TILE)
        row = tiles.blank(IN_A_ROW, side, self.bands)
        if self.synthetic.side(layer) and self.ledger.part(synthetic_name(layer.n, 0)):
            content = self._read(data_path(synthetic_name(layer.n, 0), "webp"))
            found = tiles.cut(content, self.synthetic.side(layer), range(count), self.bands)
        elif columns_of(self.subject, layer)[0] and self.ledger.part(sheet_part(layer.n, 0)):
            found = self._detail_tiles(layer, 0, 0, True)[:count]
        else:
            return row
        row[:count] = np.stack([tiles.small(one, side) for one in found])
        return row

    def _read(self, path: str) -> bytes:
        return (self.ledger.folder / path).read_bytes()


def start(
    subject: Subject, gallery: Gallery, walls: Walls, ledger: Ledger, columns: Mapping[str, Columns], *, has_map: bool
) -> dict[str, Any]:
    """Return what the overview and the shell need."""
    run, bundle, settings = subject.run, subject.network.bundle, subject.settings
    return {
        "schema": SCHEMA,
        "convscope": subject.maker[0],
        "title": title(subject),
        "model": model(subject) | {"input": [*run.fit.size, bundle.channels]},
        "run": {
            "images": len(run),
            "skipped": run.skipped.count,
            "dataset": run.dataset,
            "complete": run.complete,
            "sample": len(run.sample_images),
            "labelled": bool(run.classes),
        },
        "settings": {"synthetic": settings.synthetic, "size": settings.size, "projections": settings.projections},
        "remarks": [*bundle.notes, *weight_notes(subject.network.graph, subject.network.graph.calls), *run_remarks(subject, ledger)],
        "layers": [_layer(subject, layer, walls, ledger, columns[layer.address]) for layer in subject.layers],
        "graph": graph(subject),
        "classes": class_records(subject, classes_of(subject)),
        "images": gallery.record(),
        "sample": site.rising(np.asarray([gallery.place(image) for image in run.sample_images.tolist()], np.int64)),
        "map": has_map,
    }


def title(subject: Subject) -> str:
    """Return what the atlas is called."""
    return f"Atlas of {subject.network.bundle.name}"


def model(subject: Subject) -> dict[str, Any]:
    """Return what the atlas says of the network; no path of this machine is in it."""
    bundle = subject.network.bundle
    return {"name": bundle.name, "digest": bundle.digest, "preprocessing": bundle.preprocessing.name, "weights": bundle.weights}


def run_remarks(subject: Subject, ledger: Ledger) -> list[str]:
    """Return sentences on what the run or the atlas lacks."""
    run, said = subject.run, list[str]()
    if not run.complete:
        reached = len(run) + run.skipped.count - run.unreachable
        said.append(f"The scan is not complete: {reached:,} of {run.manifest['count']:,} images are in it.")
    gone = {image for part in ledger.parts() for image in part.facts.get("unreadable", ())}
    if gone:
        said.append(f"Images that are gone or have changed since the scan, whose places are empty: {len(gone):,}.")
    return [*said, *run.notes]


def _layer(subject: Subject, layer: Layer, walls: Walls, ledger: Ledger, columns: Columns) -> dict[str, Any]:
    info, call = layer.info, unit_call(subject.network.graph, Unit(layer.address, 0))
    known = Counter(columns.verdict.tolist())
    places = range(len(layer.chunks))
    done = ["1" if not any(columns_of(subject, layer)) or ledger.part(sheet_part(layer.n, chunk)) else "0" for chunk in places]
    pictured = ["1" if walls.synthetic.side(layer) and ledger.part(synthetic_name(layer.n, chunk)) else "0" for chunk in places]
    without = ["1" if ledger.part(wall_name(layer.n, WITHOUT, sheet)) else "0" for sheet in range(len(layer.sheets))]
    largest = np.nan_to_num(columns.score, nan=-np.inf).max(initial=-np.inf)
    return {
        "n": layer.n,
        "address": layer.address,
        "kind": info.type,
        "shape": sides(subject, info),
        "units": len(layer.order),
        "first": list(layer.order[:IN_A_ROW]),
        "field": None if layer.whole else list(layer.window),
        "whole": layer.whole,
        "parameters": parameters(subject.network.graph, layer.address),
        "block": blocks(subject)[layer.address],
        "dead": known[DEAD],
        "silent": known[SILENT],
        "done": "".join(done),
        "pictured": "".join(pictured),
        "synthetic": walls.synthetic.side(layer) > 0,
        "chunk": layer.chunk,
        "without": "".join(without) if layer.both else "",
        "tile": walls.tile(layer),
        "detail_tile": detail_tile(layer),
        "size": walls.synthetic.side(layer),
        "score_max": float(largest) if np.isfinite(largest) else None,
        "classes": layer.classes,
        "remarks": list(weight_notes(subject.network.graph, [call])),
    }


def parameters(graph: Graph, address: str) -> int | None:
    """Return how many numbers a layer has learned, None where nobody knows."""
    counts = [count() for call in graph.calls if call.address == address and (count := getattr(call.operation, "count_params", None))]
    return sum(counts) if counts else None


def sides(subject: Subject, info: LayerInfo) -> list[int]:
    """Return height and width of a layer's map for images of the run, [] behind a dense layer."""
    shape = info.shape
    if None in shape:  # the network takes images of any size
        call = subject.network.graph.visible[info.address]
        with suppress(ModelError):  # a layer beside those of the run may have no map of such images
            shape = call_shapes(subject.network.graph, call, subject.run.fit.size)[call.index][1:-1]
    return [side for side in shape if side is not None]


def blocks(subject: Subject) -> dict[str, list[str]]:
    """Return the blocks that each layer with channels lies in, outermost first: the models that it is nested in, and what it shares the
    first part of its name with.
    """
    addresses = [info.address for info in listed(subject.network)]
    found = {address: address.split("/")[:-1] for address in addresses}
    prefixes = {address: (prefix.group() if (prefix := PREFIX.match(address.split("/")[-1])) else "") for address in addresses}
    shared = Counter((*found[address], prefixes[address]) for address in addresses)
    for address in addresses:
        if prefixes[address] and 1 < shared[(*found[address], prefixes[address])] < len(addresses):
            found[address].append(prefixes[address])
    return found


def graph(subject: Subject) -> dict[str, Any]:
    """Return the network as nodes, its input and all layers with channels, and the edges between them; what lies between is passed."""
    calls, numbers = subject.network.graph, {layer.address: layer.n for layer in subject.layers}
    infos, inside = {info.address: info for info in listed(subject.network)}, blocks(subject)
    image, size = calls.calls[calls.image_input], subject.run.fit.size
    nodes = {image.index: 0} | {calls.visible[address].index: place for place, address in enumerate(infos, 1)}
    records = [{"id": 0, "address": image.address, "kind": "input", "block": [], "shape": [*size, *image.shape[3:]], "layer": None}]
    for place, (address, info) in enumerate(infos.items(), 1):
        shape = [*sides(subject, info), info.channels]
        records.append(
            {"id": place, "address": address, "kind": info.type, "block": inside[address], "shape": shape, "layer": numbers.get(address)}
        )
    edges = sorted({(nodes[source], place) for index, place in nodes.items() for source in _fed_by(calls, calls.calls[index], nodes)})
    return {"nodes": records, "edges": [list(edge) for edge in edges]}


def _fed_by(graph: Graph, call: Call, nodes: Mapping[int, int]) -> set[int]:
    """Return the nodes whose outputs reach a call without passing another node."""
    found, waiting, seen = set[int](), [one.call for one in call.sources], set[int]()
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        seen.add(index)
        if index in nodes:
            found.add(index)
        else:
            waiting += [one.call for one in graph.calls[index].sources]
    return found
