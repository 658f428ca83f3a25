"""The maps of a picture of some size: their shapes, and whether there is something left of it and room for it."""

import math
from collections.abc import Sequence
from typing import Any

from ..backend import available_memory, keras
from ..errors import ExhaustedError, ImageError, ModelError, UnitError
from ..graph.calls import Call, Graph, naming, picked
from ..graph.kinds import Kind

BYTES_NOT_WORTH_ASKING = 2**28
LARGE_PICTURE = (2048, 2048)  # no network leaves nothing of that


def call_shapes(graph: Graph, target: Call, size: tuple[int, int]) -> dict[int, tuple[int | None, ...]]:
    """Return the output shape of every call up to `target` for one picture of `size`, by Keras' own shape inference; () of several outputs.

    Raises ModelError that names the call without one.
    """
    return shapes_up_to(graph, [target.index], size)


def shapes_up_to(graph: Graph, targets: Sequence[int], size: tuple[int, int]) -> dict[int, tuple[int | None, ...]]:
    """Return what `call_shapes` does, for the calls of several indices together."""
    shapes: dict[int, Any] = {}
    image = graph.calls[graph.image_input]
    tensors = graph.inferred.setdefault(size, {image.index: keras.KerasTensor((1, *size, image.shape[-1]), dtype="float32")})
    for call in graph.ancestors(targets):
        if call.kind is Kind.INPUT:
            tensors.setdefault(call.index, keras.KerasTensor((1, *call.shape[1:]), dtype="float32"))
        elif call.index not in tensors:
            inputs = [picked(tensors[source.call], source) for source in call.sources]
            with naming(call, inputs):
                tensors[call.index] = call.inferred(*inputs)
        shapes[call.index] = tuple(tensors[call.index].shape) if hasattr(tensors[call.index], "shape") else ()
    return shapes


def check_size(graph: Graph, call: Call, size: tuple[int, int], position: tuple[int, int] | None = None) -> None:
    """Raise ImageError if a picture of `size` is too small for the way to `call`, UnitError if `position` is outside its map.

    Raises ExhaustedError where what some call computes for one picture does not fit into the memory there is.
    """
    try:
        shapes = call_shapes(graph, call, size)
    except ModelError as error:
        if _is_passable(graph, call, LARGE_PICTURE):
            raise _too_small(call, size) from error
        raise
    if any(0 in shape[1:] for shape in shapes.values()):
        raise _too_small(call, size)
    _check_room(graph, call, shapes, size)
    rows, columns = (side or 0 for side in (*shapes[call.index][1:-1], 0, 0)[:2])
    if position is not None and not (position[0] < rows and position[1] < columns):
        raise UnitError(
            f"@{position[0]},{position[1]} is outside the map of `{call.address}`, which has {rows} rows and {columns} columns here."
        )


def _is_passable(graph: Graph, call: Call, size: tuple[int, int]) -> bool:
    try:
        call_shapes(graph, call, size)
    except ModelError:
        return False
    return True


def _check_room(graph: Graph, call: Call, shapes: dict[int, tuple[int | None, ...]], size: tuple[int, int]) -> None:
    numbers = {index: math.prod(side or 1 for side in shape) for index, shape in shapes.items()}
    largest = max(shapes, key=lambda index: (graph.calls[index].kind is not Kind.INPUT, numbers[index]))
    passed = (numbers[index] + max((numbers[ref.call] for ref in graph.calls[index].sources), default=0) for index in shapes)
    if (needed := 4 * max(passed)) > BYTES_NOT_WORTH_ASKING and needed > (free := available_memory()):
        raise ExhaustedError(
            f"`{graph.calls[largest].address}`, on the way to `{call.address}`, would need {needed / 2**30:.1f} GB for one "
            f"image of {size[0]} x {size[1]} pixels, but {free / 2**30:.1f} GB are free. Use a smaller image, or end other programs."
        )


def _too_small(call: Call, size: tuple[int, int]) -> ImageError:
    return ImageError(
        f"An image of {size[0]} x {size[1]} pixels is too small: nothing is left of it on the way to `{call.address}`. Use a larger one."
    )
