"""One step back from a unit: how much each channel of the layer below contributes to its value at a place (Dreyer et al. 2024, PURE)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import engine, ops
from ..errors import UnitError
from ..units import Unit
from .calls import Call, Graph, picked
from .kinds import LINEAR, Kind
from .saturation import seed_call
from .tensors import to_array

FloatArray = NDArray[np.float32]
# Steps that treat each channel by itself: a unit stands above the channel of its own number.
BY_CHANNEL = frozenset({Kind.RELU, Kind.GATE, Kind.SIGMOID, Kind.ACTIVATION, Kind.NORMALIZATION, Kind.IDENTITY})


def mixing_call(graph: Graph, unit: Unit) -> Call:
    """Return the convolution or dense call whose channels are the units of a layer. Raises UnitError for a layer without one."""
    call = seed_call(graph, unit)
    while call.kind in BY_CHANNEL and len(call.sources) == 1:
        call = graph.calls[call.sources[0].call]
    if call.kind not in LINEAR or len(call.sources) != 1 or graph.calls[call.sources[0].call].index == graph.image_input:
        image = call.kind in LINEAR
        said = "takes the image itself, not channels of a layer below" if image else f"is made by a call of kind {call.kind.value}"
        raise UnitError(
            f"`{unit.layer}` {said}. Facets look at what excites a unit through the layer below it. Expected a unit of a convolution or a "
            "dense layer above the first, or of an activation or a normalization behind one."
        )
    return call


def contributions(graph: Graph, call: Call, below: Any, channel: int, places: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Return what each channel below contributes to a unit before its activation, (image, channel), and the channel's largest value there.

    `below`: what the source of `call` computed for some images; `places`: (image, 2) rows and columns of the unit on its map, -1 without
    one. A contribution is the derivative times the value, summed over space. All together they are the value less its bias.
    """
    value = ops.convert_to_tensor(below)
    output, pullback = engine().vjp(call, (picked(value, call.sources[0]),), lasting=True)
    signal = np.zeros(tuple(output.shape), np.float32)
    rows = np.arange(len(signal))
    where = (rows, channel) if signal.ndim == 2 else (rows, *places.T, channel)
    signal[where] = 1.0
    slopes, values = to_array(pullback(ops.convert_to_tensor(signal))[0]), to_array(value)
    space = tuple(range(1, values.ndim - 1))
    return (slopes * values).sum(axis=space), np.where(slopes != 0, values, 0.0).max(axis=space) if space else values
