"""convscope's own measure: for every unit of every layer its spatial maximum and where it is, features, and the prediction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import compiled, keras, ops
from ..errors import OptionError
from ..graph.calls import Call, Graph
from ..graph.finite import spoilt_units
from ..graph.history import at_precision
from ..graph.saturation import ranking
from ..graph.tensors import to_array
from ..images import Fit
from ..locality.receptive import receptive_field
from ..locality.shapes import call_shapes, check_size
from ..network.addresses import unit_call
from ..network.entering import fit_of
from ..network.features import averaged, classes_call, feature_call
from ..network.listing import chosen
from ..network.listing import layers as listed_layers
from ..network.network import Network
from ..units import Unit
from .measure import Measure, MeasuredLayer, Numbers, columns_of

PIXELS_AT_ONCE = 16 * 224 * 224
MOST_AT_ONCE = 128
RANKS = (2, 3, 4)
OWN = ("__call__", "_measured", "after", "ceilings", "fields", "ranked")  # what makes the values of a subclass convscope's own


def chosen_layers(network: Network, patterns: str | Sequence[str]) -> list[str]:
    """Return the addresses of the layers that patterns mean, in computing order: those that `network.listing` says, except volumes.

    Raises UnitError for a pattern that means none.
    """
    known = [info for info in listed_layers(network) if len(info.shape) + 2 in RANKS]
    return [info.address for info in chosen(known, patterns, network.bundle.name)]


class NetworkMeasure(Measure):
    """The units of a network's layers at one precision. A subclass may add `columns`, which `extra` computes."""

    def __init__(self, network: Network, addresses: Sequence[str], precision: str) -> None:
        fit, graph = fit_of(network.bundle), network.graph
        self.network, self.fit = network, Fit(fit.channels, fit.size)
        calls = [unit_call(graph, Unit(address, 0)) for address in addresses]
        for call in calls:
            check_size(graph, call, fit.size)
        self.layers = _layers(graph, addresses, calls, fit.size)
        self.batch = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (fit.size[0] * fit.size[1])))
        featured = feature_call(graph, None)
        self.feature_layer = featured.address
        self.features = int(featured.shape[-1] or 0)
        output = graph.calls[graph.outputs[0].call]
        self.classifies = classes_call(graph) is not None
        computed = at_precision(graph, precision)
        self._ranked = ranked = [ranking(graph, call) for call in calls]
        self._ceilings = np.concatenate([one.ceilings for one in ranked])
        self._spoilt = np.concatenate([spoilt_units(graph, call) for call in calls])
        self._spoilt_features, self._spoilt_classes = spoilt_units(graph, featured), bool(spoilt_units(graph, output).any())
        wanted = [call.index for one in ranked for call in one.calls]
        targets = [*wanted, featured.index, *([output.index] if self.classifies else [])]

        def forward(entered: Any) -> tuple[Any, ...]:
            found = computed.run(network.bundle.preprocessing.apply(entered), list(dict.fromkeys(targets)))
            by_call = dict(zip(dict.fromkeys(targets), found, strict=True))
            peaks = [peak(one.strengths(*(by_call[call.index] for call in one.calls))) for one in ranked]
            before, places = (ops.concatenate(parts, axis=1) for parts in zip(*peaks, strict=True))
            values = ops.concatenate([one.values(highest) for one, (highest, _) in zip(ranked, peaks, strict=True)], axis=1)
            more = [ops.cast(by_call[output.index], "float32")] if self.classifies else []
            return before, values, places, ops.cast(averaged(by_call[featured.index]), "float32"), *more

        self._forward = compiled(forward)

    def __call__(self, pixels: NDArray[np.float32]) -> Numbers:
        """Measure one full batch (batch, height, width, channel) in [0, 1]."""
        numbers = self._measured(pixels)
        return replace(numbers, columns=self.extra(pixels, numbers)) if self.columns else numbers

    def extra(self, pixels: NDArray[np.float32], numbers: Numbers) -> Mapping[str, NDArray[Any]]:
        """Return the columns that this measure adds to each image, (image,) by name, from what entered and what was measured."""
        return {}

    @property
    def ceilings(self) -> NDArray[np.float32]:
        """(unit,) float32, what each unit's values never exceed, infinity for none."""
        return self._ceilings

    def _measured(self, pixels: NDArray[np.float32]) -> Numbers:
        before, values, places, features, *scores = map(ops.convert_to_numpy, self._forward(ops.convert_to_tensor(pixels)))
        before, values = (np.where(self._spoilt, np.float32(np.nan), one) for one in (before, values))
        features = np.where(self._spoilt_features, np.float32(np.nan), features)
        if scores and not self._spoilt_classes:
            finite = np.isfinite(scores[0]).all(axis=1)
            predicted = np.where(finite, scores[0].argmax(axis=1), -1).astype(np.int32)
            probability = np.where(finite, scores[0].max(axis=1), np.float32(np.nan))
        else:
            predicted, probability = np.full(len(pixels), -1, np.int32), np.full(len(pixels), np.nan, np.float32)
        return Numbers(values, places.astype(np.int32), features, predicted, probability, before)

    def ranked(self) -> dict[str, str]:
        """Return for each layer that is flat above the address of what ranks its units."""
        return {layer.address: one.before.address for layer, one in zip(self.layers, self._ranked, strict=True) if not one.is_own}

    def after(self, layer: MeasuredLayer, before: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a layer's values (any, channel) for what ranks its images, (any, channel)."""
        found = self._ranked[self.layers.index(layer)].values(ops.convert_to_tensor(np.ascontiguousarray(before, np.float32)))
        return to_array(found)

    def label(self, index: int) -> str:
        """Return the name of a predicted class."""
        return self.network.bundle.label(index)

    def fields(self, layer: MeasuredLayer, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the receptive fields of a layer's units at these places, (place, 4); a row's window does not depend on the column."""
        size = self.fit.size
        if len(layer.shape) != 2:
            return np.tile(np.asarray((0, 0, *size), np.int64), (len(rows), 1))
        graph = self.network.graph
        call = unit_call(graph, Unit(layer.address, 0))
        fields = np.empty((len(rows), 4), np.int64)
        for row in np.unique(rows):
            field = receptive_field(graph, call, (int(row), 0), size)
            fields[rows == row, 0], fields[rows == row, 2] = field.top, field.bottom
        for column in np.unique(columns):
            field = receptive_field(graph, call, (0, int(column)), size)
            fields[columns == column, 1], fields[columns == column, 3] = field.left, field.right
        return fields


def description(measure: Measure) -> dict[str, Any]:
    """Return what a run keeps of a measure as plain data: nothing of convscope's own, else what tells it from others.

    `maxima`: whether its values are those of convscope's own, so that `top` and `dossier` can show them. Raises OptionError for settings
    that JSON cannot hold.
    """
    kind = type(measure)
    if kind is NetworkMeasure:
        return {}
    name = f"{kind.__module__}.{kind.__qualname__}"
    try:
        settings = json.loads(json.dumps(dict(measure.settings), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise OptionError(f"The settings of the measure {name} are not plain data: {error}. Expected numbers and text.") from error
    own = all(getattr(kind, one) is getattr(NetworkMeasure, one) for one in OWN)
    return {"class": name, "columns": {column: kind.str for column, kind in columns_of(measure)}, "settings": settings, "maxima": own}


def _layers(graph: Graph, addresses: Sequence[str], calls: Sequence[Call], size: tuple[int, int]) -> tuple[MeasuredLayer, ...]:
    measured, first = [], 0
    for address, call in zip(addresses, calls, strict=True):
        shape = call_shapes(graph, call, size)[call.index]
        measured.append(MeasuredLayer(address, int(shape[-1] or 0), tuple(int(side or 0) for side in shape[1:-1]), first))
        first += measured[-1].channels
    return tuple(measured)


def peak(value: Any) -> tuple[Any, Any]:
    """Return (image, channel): a layer's maxima over space in float32, and their first places in row-major order as int32."""
    rank = len(value.shape)
    if rank == 2:
        value = ops.cast(value, "float32")
        return value, ops.cast(ops.zeros_like(value), "int32") - 1
    if rank == 3:
        value = ops.cast(value, "float32")
        highest = ops.max(value, axis=1)
        return highest, _first(value, highest)
    return _peak_of_maps(value if keras.backend.is_float_dtype(value.dtype) else ops.cast(value, "float32"))


def _peak_of_maps(value: Any) -> tuple[Any, Any]:
    """Find a block of rows, the row in it, a block of its columns, then the column.

    Each map is read once, by max pooling; all that follows touches a small part of it. Keras' own argmax over space would take as long as
    the convolutions do.
    """
    images, height, width, _ = ops.shape(value)
    tall, wide = _block(height), _block(width)
    blocks = _pooled(value, 1, wide)
    rows = _pooled(blocks, 1, width // wide)
    row_blocks = ops.cast(_pooled(rows, tall, 1)[:, :, 0], "float32")
    highest = ops.max(row_blocks, axis=1)
    image = ops.arange(images, dtype="int32")[:, None]
    row = image * height + _first(row_blocks, highest) * tall
    row += _first(_line(rows, row, tall), highest)
    column = _first(_line(blocks, row * (width // wide), width // wide), highest) * wide
    place = row * width + column
    line = _line(value, place, wide)
    # Max pooling may pass NaN over: a map of nothing else then has the least number there is, which stands nowhere on it.
    highest = ops.where(ops.any(ops.equal(line, highest[:, None]), axis=1), highest, np.float32(np.nan))
    return highest, place + _first(line, highest) - image * (height * width)


def _pooled(maps: Any, height: int, width: int) -> Any:
    return maps if height == width == 1 else ops.max_pool(maps, (height, width), (height, width))


def _block(side: int) -> int:
    """Return the divisor of a side for which a block and the number of blocks are smallest together."""
    return min((one for one in range(1, side + 1) if side % one == 0), key=lambda one: one + side // one)


def _line(maps: Any, start: Any, length: int) -> Any:
    """Return (image, place, channel): `length` places of the flattened maps from `start` (image, channel), in float32."""
    channels = maps.shape[-1]
    index = start[:, None] * channels + ops.arange(length, dtype="int32")[None, :, None] * channels + ops.arange(channels, dtype="int32")
    return ops.cast(ops.take(ops.reshape(maps, (-1,)), index), "float32")


def _first(values: Any, highest: Any) -> Any:
    """Return the first place along axis 1 of (image, place, channel) where `highest` (image, channel) is; the last for NaN."""
    count = values.shape[1]
    places = ops.reshape(ops.arange(count, dtype="int32"), (1, count, 1))
    return ops.min(ops.where(ops.equal(values, highest[:, None]), places, count - 1), axis=1)
