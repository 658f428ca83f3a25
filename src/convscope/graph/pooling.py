"""Max pooling taken apart: its windows as shifted slices, and three linear stand-ins whose gradients are unpoolings."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..backend import engine, keras, ops


class Window(NamedTuple):
    """A pooling window over rows and columns: its size, stride, and the padding before and after."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    outputs: tuple[int, int]


def window_of(operation: Any, height: int, width: int) -> Window | None:
    """Return the window of a 2-D channels-last pooling layer or operation for an input of that size; None for any other.

    A global pool has no `pool_size`: its one window is the whole map.
    """
    pool_size = getattr(operation, "pool_size", (height, width))
    size, stride = _pair(pool_size), _pair(getattr(operation, "strides", None) or pool_size)
    if size is None or stride is None or getattr(operation, "data_format", None) == "channels_first":
        return None
    same = getattr(operation, "padding", "valid") == "same"
    axes = [_axis(n, k, s, same) for n, k, s in zip((height, width), size, stride, strict=True)]
    return Window(size, stride, (axes[0][0], axes[1][0]), (axes[0][1], axes[1][1]))


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
    padded = value
    if any(sum(pair) for pair in window.padding):
        padded = ops.pad(value, ((0, 0), *window.padding, (0, 0)), constant_values=fill)
    (rows, columns), (down, right) = window.outputs, window.stride
    return [
        padded[:, i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * right + 1 : right, :]
        for i in range(window.size[0])
        for j in range(window.size[1])
    ]


StandIn = Callable[[Any], Any]


def by_switches(value: Any, window: Window, ties: str) -> StandIn:
    """Return the linear map that picks each window's maximum of `value`; equal maxima: the `first` in row-major order, or `spread`."""
    places = slices(value, window, float("-inf"))
    maximum = places[0]
    for place in places[1:]:
        maximum = ops.where(place > maximum, place, maximum)  # ops.maximum may round float64 to float32
    switches = [ops.cast(place == maximum, value.dtype) for place in places]
    if ties == "spread":
        share = 1.0 / sum(switches[1:], start=switches[0])
        switches = [switch * share for switch in switches]
    else:
        taken = ops.zeros_like(maximum)
        for index, switch in enumerate(switches):
            switches[index] = switch * (1.0 - taken)
            taken = taken + switches[index]
    return _weighted(window, switches)


@cache
def own_will_do() -> bool:
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
        _, wanted = engine().vjp(by_switches(value, window, "first"), [value])
        own, slow = (ops.convert_to_numpy(one(upstream)[0]) for one in (pullback, wanted))
        if not np.allclose(own, slow, rtol=1e-6, atol=1e-6):
            return False
    return True


def by_spreading(window: Window) -> StandIn:
    """Return the linear map whose gradient gives every place of a window g / k²."""
    count = window.size[0] * window.size[1]
    return _weighted(window, [1.0 / count] * count)


def by_centre(window: Window) -> StandIn:
    """Return the linear map whose gradient gives g to the window's centre (of an even side, the place before the middle)."""
    count = window.size[0] * window.size[1]
    centre = (window.size[0] - 1) // 2 * window.size[1] + (window.size[1] - 1) // 2
    return _weighted(window, [1.0 if place == centre else 0.0 for place in range(count)])


def _weighted(window: Window, weights: list[Any]) -> StandIn:
    def stand_in(value: Any) -> Any:
        pairs = zip(slices(value, window, 0.0), weights, strict=True)
        terms = [place * weight for place, weight in pairs if not (isinstance(weight, float) and weight == 0.0)]
        return sum(terms[1:], start=terms[0])

    return stand_in
