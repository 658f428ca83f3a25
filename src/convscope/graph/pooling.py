"""Pooling taken apart: its windows as shifted slices, the shares that unpoolings give each place of a window, and own forms of poolings.

The own ones stand for those of Keras that one framework computes or differentiates otherwise than the others.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..backend import engine, keras, ops

Spans = Sequence[tuple[int, int]]


class Window(NamedTuple):
    """A pooling window over rows and columns: its size, stride, and the padding before and after.

    `spans` are the (start, stop) of the windows along rows and columns where they are not all alike; `size` is then the largest.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    outputs: tuple[int, int]
    spans: tuple[Spans, Spans] | None = None

    @property
    def cells(self) -> tuple[int, int]:
        """How many rows and columns of cells, each as large as the stride, hold all windows."""
        rows, columns = ((size - 1) // step + count for size, step, count in zip(self.size, self.stride, self.outputs, strict=True))
        return rows, columns

    def apart(self, place: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return of a place in the window, along rows and along columns, how many cells it lies from the first and where in its cell."""
        row, column = divmod(place, self.size[1])
        return divmod(row, self.stride[0]), divmod(column, self.stride[1])


def window_of(operation: Any, height: int, width: int) -> Window | None:
    """Return the window of a 2-D channels-last pooling layer or operation for an input of that size; None for any other.

    A global pool has no `pool_size`: its one window is the whole map. An adaptive one has windows of several sizes.
    """
    wanted = getattr(operation, "output_size", None)
    pool_size = getattr(operation, "pool_size", (height, width)) if wanted is None else wanted
    size, stride = _pair(pool_size), _pair(getattr(operation, "strides", None) or pool_size)
    if size is None or stride is None or getattr(operation, "data_format", None) == "channels_first":
        return None
    if wanted is not None:
        spans = spans_of(height, size[0]), spans_of(width, size[1])
        longest = max(stop - start for start, stop in spans[0]), max(stop - start for start, stop in spans[1])
        return Window(longest, (1, 1), ((0, 0), (0, 0)), size, spans)
    same = getattr(operation, "padding", "valid") == "same"
    axes = [_axis(n, k, s, same) for n, k, s in zip((height, width), size, stride, strict=True)]
    return Window(size, stride, (axes[0][0], axes[1][0]), (axes[0][1], axes[1][1]))


def spans_of(length: int, outputs: int) -> Spans:
    """Return the (start, stop) of an adaptive pooling's windows, which cover an axis of `length` with `outputs` windows of like sizes."""
    return [(one * length // outputs, -(-(one + 1) * length // outputs)) for one in range(outputs)]


def _pair(value: Any) -> tuple[int, int] | None:
    if isinstance(value, int):
        return value, value
    return (int(value[0]), int(value[1])) if len(value) == 2 else None


def _axis(length: int, size: int, stride: int, same: bool) -> tuple[tuple[int, int], int]:
    if not same:
        return (0, 0), (length - size) // stride + 1
    outputs = -(-length // stride)
    total = max((outputs - 1) * stride + size - length, 0)
    return (total // 2, total - total // 2), outputs


def slices(value: Any, window: Window, fill: float) -> list[Any]:
    """Return for every place in the window, in row-major order, the value found there in each window: (n, rows, columns, c)."""
    if window.spans is not None:
        return _spanned(value, window, fill)
    rows, columns = window.outputs
    lattices, found = _lattices(value, window, fill), []
    for place in range(window.size[0] * window.size[1]):
        (down, row), (right, column) = window.apart(place)
        found.append(lattices[row, column][:, down : down + rows, right : right + columns])
    return found


def _lattices(value: Any, window: Window, fill: float) -> dict[tuple[int, int], Any]:
    """Return what lies on each lattice of places with the same remainder of row and column by the stride; see `Window.apart`.

    A map is cut into cells of the stride, of which a lattice takes one place each: slices with steps would cost ten times as much.
    """
    sides, channels = window.cells, value.shape[-1]
    (top, _), (left, _) = window.padding
    down, right = (
        max(0, cells * step - before - side)
        for cells, step, before, side in zip(sides, window.stride, (top, left), value.shape[1:3], strict=True)
    )
    if top or left or down or right:
        value = ops.pad(value, ((0, 0), (top, down), (left, right), (0, 0)), constant_values=fill)
    value = value[:, : sides[0] * window.stride[0], : sides[1] * window.stride[1]]
    if window.stride == (1, 1):
        return {(0, 0): value}
    value = ops.reshape(value, (-1, sides[0], window.stride[0], sides[1], window.stride[1] * channels))
    return {
        (row, column): value[:, :, row, :, column * channels : (column + 1) * channels]
        for row in range(window.stride[0])
        for column in range(window.stride[1])
    }


def _spanned(value: Any, window: Window, fill: float) -> list[Any]:
    """As `slices` where the windows are not alike: a place that a window does not have holds `fill`."""
    padded = ops.pad(value, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=fill)
    rows, columns = (
        [[start + place if start + place < stop else value.shape[axis + 1] for start, stop in spans] for place in range(window.size[axis])]
        for axis, spans in enumerate(window.spans or ())
    )
    return [ops.take(ops.take(padded, row, axis=1), column, axis=2) for row in rows for column in columns]


class Shares(NamedTuple):
    """What each place of a window gets of its signal, in row-major order: a number, one for each window, or one for each value.

    `common`: by what the signal is multiplied before.
    """

    places: Sequence[Any]
    common: Any = 1.0


def by_switches(value: Any, window: Window, ties: str) -> Shares:
    """Return all to each window's maximum of `value`; of equal maxima to the `first` in row-major order, or `spread` over them."""
    places = slices(value, window, float("-inf"))
    maximum = places[0]
    for place in places[1:]:
        maximum = _larger(place, maximum)
    # Numbers and not truths: frameworks multiply faster than they choose.
    switches = [ops.cast(place == maximum, value.dtype) for place in places]
    if ties == "spread":
        return Shares(switches, 1.0 / sum(switches[1:], start=switches[0]))
    taken = switches[0]
    for index, switch in enumerate(switches[1:], 1):
        switches[index] = switch * (1.0 - taken)
        taken = taken + switches[index]
    return Shares(switches)


def _larger(one: Any, other: Any) -> Any:
    if keras.backend.standardize_dtype(one.dtype) == "float64":
        return ops.where(one > other, one, other)  # ops.maximum may round float64 to float32
    return ops.maximum(one, other)


def unpooled(signal: Any, value: Any, window: Window, shares: Shares) -> Any:
    """Return a signal of each window of `value`, (n, rows, columns, c), put back to the places of the windows, shaped like `value`.

    It is the vector-Jacobian product of the sum of a window's places times their shares.
    """
    signal = ops.cast(ops.reshape(signal, (-1, *window.outputs, value.shape[-1])), value.dtype) * shares.common
    if window.spans is not None:
        _, pullback = engine().vjp(lambda one: sum(map(_shared, slices(one, window, 0.0), shares.places)), [value])
        return pullback(signal)[0]
    # Each lattice of places (see `_lattices`) is filled by itself, as small as a pooled map, and all are laid into one another at the end.
    # The gradient of a slice with steps would write the whole map anew for every place.
    lattices: dict[tuple[int, int], Any] = {}
    for place, share in enumerate(shares.places):
        if isinstance(share, float) and share == 0.0:
            continue
        (down, row), (right, column) = window.apart(place)
        after = [cells - count - before for cells, count, before in zip(window.cells, window.outputs, (down, right), strict=True)]
        term = _shared(signal, share)
        if down or right or any(after):
            term = ops.pad(term, ((0, 0), (down, after[0]), (right, after[1]), (0, 0)))
        lattices[row, column] = lattices[row, column] + term if (row, column) in lattices else term
    return _cropped(_interleaved(lattices, window), window, value.shape[1:3])


def _interleaved(lattices: dict[tuple[int, int], Any], window: Window) -> Any:
    """Return lattices as one map, zero where there is none."""
    stride, sides = window.stride, window.cells
    nothing = ops.zeros_like(next(iter(lattices.values())))
    channels = nothing.shape[-1]
    rows = []
    for row in range(stride[0]):
        cells = [lattices.get((row, column), nothing) for column in range(stride[1])]
        rows.append(ops.reshape(ops.stack(cells, axis=3), (-1, sides[0], sides[1] * stride[1], channels)))
    return ops.reshape(ops.stack(rows, axis=2), (-1, sides[0] * stride[0], sides[1] * stride[1], channels))


def _cropped(value: Any, window: Window, sides: Sequence[int]) -> Any:
    """Return what of a padded map lies on the map itself, of `sides` (rows, columns); zero where no window reaches."""
    short = [max(0, side + before - had) for side, (before, _), had in zip(sides, window.padding, value.shape[1:3], strict=True)]
    if any(short):
        value = ops.pad(value, ((0, 0), *((0, one) for one in short), (0, 0)))
    (top, _), (left, _) = window.padding
    return value[:, top : top + sides[0], left : left + sides[1]]


@cache
def native_pooling_matches_ties() -> bool:
    """Return whether the framework's own gradient of max pooling sends equal maxima to the first in row-major order, as `by_switches`.

    Tried, on maps full of ties, and not assumed: no framework promises it. False also where it would be slower. To be asked once before
    anything is compiled, where nothing can be tried.
    """
    if not engine().FAST_POOLING:
        return False
    rng = np.random.default_rng(0)
    for size, stride, channels in ((2, 2, 3), (2, 2, 64), (3, 2, 16), (3, 3, 5)):
        value = ops.convert_to_tensor(rng.integers(0, 3, (2, 17, 18, channels)).astype("float32"))
        layer = keras.layers.MaxPooling2D(size, stride)
        output, pullback = engine().vjp(layer, [value])
        upstream = ops.convert_to_tensor(rng.normal(size=tuple(output.shape)).astype("float32"))
        window = window_of(layer, 17, 18)
        assert window is not None
        wanted = unpooled(upstream, value, window, by_switches(value, window, "first"))
        own, slow = map(ops.convert_to_numpy, (pullback(upstream)[0], wanted))
        if not np.allclose(own, slow, rtol=1e-6, atol=1e-6):
            return False
    return True


def by_spreading(window: Window) -> Shares:
    """Return 1 / k² to every place of a window."""
    count = window.size[0] * window.size[1]
    share = 1.0 / (count if window.spans is None else np.multiply.outer(*_lengths(window))[None, :, :, None])
    return Shares([share] * count)


def by_centre(window: Window) -> Shares:
    """Return all to the window's centre (of an even side, the place before the middle)."""
    count = window.size[0] * window.size[1]
    if window.spans is not None:
        rows, columns = ((lengths - 1) // 2 for lengths in _lengths(window))
        return Shares(
            [
                np.multiply.outer(rows == one, columns == other)[None, :, :, None].astype(np.float32)
                for one in range(window.size[0])
                for other in range(window.size[1])
            ]
        )
    centre = (window.size[0] - 1) // 2 * window.size[1] + (window.size[1] - 1) // 2
    return Shares([1.0 if place == centre else 0.0 for place in range(count)])


def _lengths(window: Window) -> list[Any]:
    return [np.array([stop - start for start, stop in spans], np.float32) for spans in window.spans or ()]


def _shared(value: Any, share: Any) -> Any:
    """Return what a share of some values is."""
    return value * _as(share, value)


def _as(share: Any, value: Any) -> Any:
    return ops.convert_to_tensor(share.astype(np.float32), dtype=value.dtype) if isinstance(share, np.ndarray) else share


def own_pooling(operation: Any) -> Callable[[Any], Any] | None:
    """Return what computes as a pooling of Keras does, where frameworks differ over it; None for every other operation.

    TensorFlow's adaptive max pooling to one place has an empty window beside the full one, whose gradient ends the process or is what lay
    in memory. PyTorch's average pooling counts repeated borders where "same" pads the two ends unevenly; all others leave the padding out.
    """
    if not type(operation).__module__.startswith("keras."):
        return None
    adaptive = next((name for name in ADAPTIVE if name in type(operation).__name__), None)
    axes = slice(2, None) if getattr(operation, "data_format", None) == "channels_first" else slice(1, -1)
    if adaptive is not None:
        return lambda value: _adapted(value, operation.output_size, axes, ADAPTIVE[adaptive])
    if type(operation).__name__.startswith("AveragePool") and operation.padding == "same" and axes.start == 1:
        return lambda value: _averaged(type(operation).call, operation, value)
    return None


ADAPTIVE: dict[str, Callable[..., Any]] = {
    "AdaptiveMaxPool": lambda part, axis: ops.max(part, axis=axis, keepdims=True),
    "AdaptiveAveragePool": lambda part, axis: ops.mean(part, axis=axis, keepdims=True),
}


def _adapted(value: Any, outputs: Any, axes: slice, reduce: Callable[..., Any]) -> Any:
    """Reduce one axis after the other: windows are boxes, and all of a box's rows are equally long."""
    spatial = range(len(value.shape))[axes]
    for axis, count in zip(spatial, [outputs] * len(spatial) if isinstance(outputs, int) else outputs, strict=True):
        before = (slice(None),) * axis
        parts = [reduce(value[(*before, slice(*span))], axis) for span in spans_of(value.shape[axis], count)]
        value = ops.concatenate(parts, axis=axis)
    return value


def _averaged(call: Callable[..., Any], operation: Any, value: Any) -> Any:
    """Return the mean of what each window holds of the map, its padding left out."""
    sides = value.shape[1:-1]
    sizes, strides = (_each(one, len(sides)) for one in (operation.pool_size, operation.strides or operation.pool_size))
    axes = [_axis(*one, same=True) for one in zip(sides, sizes, strides, strict=True)] if None not in sides else []
    if all(first == last for (first, last), _ in axes):
        return call(operation, value)
    padded = ops.pad(value, ((0, 0), *(padding for padding, _ in axes), (0, 0)))
    counts = np.ones((1, *[1] * len(sides), 1), np.float32)
    for axis, (side, size, stride, ((first, _), outputs)) in enumerate(zip(sides, sizes, strides, axes, strict=True)):
        starts = np.arange(outputs) * stride - first
        held = np.minimum(starts + size, side) - np.maximum(starts, 0)
        counts = counts * held.reshape([-1 if one == axis + 1 else 1 for one in range(len(sides) + 2)]).astype(np.float32)
    mean = ops.average_pool(padded, tuple(sizes), tuple(strides), "valid", "channels_last")
    return mean * _as(math.prod(sizes) / counts, mean)


def _each(value: Any, count: int) -> list[int]:
    return [int(value)] * count if isinstance(value, int) else [int(one) for one in value]
