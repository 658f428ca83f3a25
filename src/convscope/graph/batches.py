"""Operations that mix the images of a batch, such as a flip along every axis: what is drawn of one image would be another's."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..backend import keras, ops
from ..errors import ModelError
from ..hints import listing
from .calls import Call, Graph
from .kinds import Kind

COUNT = 3
SIDE = 8  # stands for a side that is free
MOST_NUMBERS = 2**22


def mixing(graph: Graph) -> dict[int, ModelError]:
    """Return, by its index, the error for each call whose output for one image depends on the other images of its batch.

    Keras' own layers keep images apart unless axis 0 is set. Every other layer is tried on noise: one image must not change when the
    others do. A layer passes that fails on noise, or that makes several outputs of each image.
    """
    return {
        call.index: ModelError(
            f"`{call.address}` ({call.layer_type}) mixes the images of a batch: its value for one depends on the others. Use "
            f"one image at a time, or a layer before it. `{listing()}` lists them."
        )
        for call in graph.calls
        if _is_suspect(graph, call) and _mixes(graph, call)
    }


def _is_suspect(graph: Graph, call: Call) -> bool:
    operation = call.operation
    if call.index not in graph.downstream or call.kind is Kind.INPUT or hasattr(operation, "__name__"):
        return False
    own = isinstance(operation, keras.layers.Layer) and type(operation).__module__.startswith("keras.")
    return (call.kind is Kind.OTHER and not own) or 0 in {*_axes(operation, "axis"), *_axes(operation, "axes")}


def _axes(operation: Any, name: str) -> Iterator[Any]:
    value = getattr(operation, name, None)
    yield from value if isinstance(value, list | tuple) else [value]


def _mixes(graph: Graph, call: Call) -> bool:
    sources = [graph.calls[source.call] for source in call.sources]
    shapes = [[side or SIDE for side in one.shape[1:]] for one in sources]
    if any(one.unfit for one in sources) or sum(COUNT * int(np.prod(shape)) for shape in shapes) > MOST_NUMBERS:
        return False
    rng = np.random.default_rng(0)
    given, others = ([rng.uniform(0.1, 1.0, (COUNT, *shape)).astype("float32") for shape in shapes] for _ in range(2))
    try:
        outputs = _leaves(call, given)
        if not all(map(_are_alike, outputs, _leaves(call, given))):
            return False  # it draws at random
        return any(
            not _are_alike(one[row : row + 1], other[row : row + 1])
            for place in range(COUNT)
            for one, other in zip(outputs, _leaves(call, [_but_one(*pair, place) for pair in zip(given, others, strict=True)]), strict=True)
            if (row := {COUNT: place, 1: 0}.get(len(one))) is not None
        )
    except Exception:  # it takes no noise, or no batch of three: what is wrong is said where it computes
        return False


def _but_one(given: Any, others: Any, place: int) -> Any:
    """Return `others` with one image of `given` at its place."""
    found = others.copy()
    found[place] = given[place]
    return found


def _leaves(call: Call, inputs: list[Any]) -> list[Any]:
    output = call(*map(ops.convert_to_tensor, inputs))
    return [np.atleast_1d(ops.convert_to_numpy(one)) for one in (output if isinstance(output, list) else [output])]


def _are_alike(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True))
