"""What pictures become on their way through a network: its calls are run one after the other, up to where somebody has seen enough."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import keras, ops
from .tracing import functional_of, graph_inside, layers_of, nodes_of, operation_of

MOST_NUMBERS = 2**26  # that any value on the way may have
Look = Callable[[Any, list[Any]], bool]


class _Enough(Exception):
    """Raised by a `look` that needs no more."""


@dataclass(frozen=True)
class _Value:
    """A tensor on the way, None where it is not known, and whether it depends on the picture."""

    tensor: Any
    shows: bool


def enough() -> None:
    """End a walk, from inside its `look`."""
    raise _Enough


def walk(network: Any, image: str, fixed: Mapping[str, Any], pictures: NDArray[np.float32], look: Look) -> list[Any] | None:
    """Run the calls of a network in inference mode on `pictures` (n, ...), as its input `image`; return its outputs.

    `look(operation, tensors)` is asked before each operation that the picture reaches, nested models having been entered; where it
    returns True the way ends. What is computed from there, from an input without a value in `fixed`, from an operation that fails or
    whose value would have more than MOST_NUMBERS numbers is not known (None). Returns None where `look` calls `enough`.
    """
    functional = functional_of(network)
    inputs = [_entering(tensor, image, fixed, pictures) for tensor in functional.inputs]
    try:
        return [value.tensor for value in _through(functional, inputs, look)]
    except _Enough:
        return None


def learns(operation: Any) -> bool:
    """Say whether an operation has weights that training changes, frozen or not. Constants of a Normalization do not count."""
    if not isinstance(operation, keras.Layer):
        return False
    layers = layers_of(operation)
    return any(
        isinstance(layer, keras.layers.BatchNormalization)
        or layer._trainable_variables
        or any(len(weight.shape) > 3 for weight in layer._non_trainable_variables)  # a kernel that was made to stay
        for layer in layers
        if layer.weights
    )


def _entering(tensor: Any, image: str, fixed: Mapping[str, Any], pictures: NDArray[np.float32]) -> _Value:
    name = operation_of(tensor).name
    if name == image:
        return _Value(ops.convert_to_tensor(np.ascontiguousarray(pictures, dtype=np.float32)), True)
    if name not in fixed:
        return _Value(None, False)
    return _Value(ops.convert_to_tensor(np.repeat(np.asarray(fixed[name], dtype=tensor.dtype)[None], len(pictures), axis=0)), False)


def _through(functional: Any, inputs: list[_Value], look: Look) -> list[_Value]:
    known = {id(tensor): value for tensor, value in zip(functional.inputs, inputs, strict=True)}
    last = {id(tensor): number for number, node in enumerate(nodes_of(functional)) for tensor in node.input_tensors}
    kept = {id(tensor) for tensor in functional.outputs}
    for number, node in enumerate(nodes_of(functional)):
        known.update({id(tensor): value for tensor, value in zip(node.outputs, _called(node, known, look), strict=True)})
        for tensor in node.input_tensors:
            if last[id(tensor)] == number and id(tensor) not in kept:
                known.pop(id(tensor), None)
    return [known[id(tensor)] for tensor in functional.outputs]


def _called(node: Any, known: dict[int, _Value], look: Look) -> list[_Value]:
    given = [known[id(tensor)] for tensor in node.input_tensors]
    shows = any(value.shows for value in given)
    lost = [_Value(None, shows)] * len(node.outputs)
    if all(value.tensor is None for value in given):
        return lost
    try:
        if (inner := graph_inside(node.operation, node)) is not None:
            return _through(inner, given, look)
        if any(value.tensor is None for value in given):
            return lost
        if shows and look(node.operation, [value.tensor for value in given]):
            return lost
        found = _computed(node, known)
    except _Enough:
        raise
    except Exception:  # what cannot be run tells nothing; the methods will say why
        return lost
    return lost if found is None else [_Value(one, shows) for one in found]


def _computed(node: Any, known: dict[int, _Value]) -> list[Any] | None:
    """Return the outputs of a call; None where they would be too large."""
    args, kwargs = keras.tree.map_structure(
        lambda leaf: known[id(leaf)].tensor if isinstance(leaf, keras.KerasTensor) else leaf,
        (tuple(node.arguments.args), dict(node.arguments.kwargs)),
    )
    kwargs.pop("training", None)
    shapes = [tensor.shape for tensor in node.outputs]
    if any(side is None for shape in shapes for side in shape[1:]):
        specs = keras.tree.map_structure(_spec, (args, kwargs))
        shapes = [one.shape for one in keras.tree.flatten(node.operation.compute_output_spec(*specs[0], **specs[1]))]
    pictures = max(value.shape[0] for value in (known[id(tensor)].tensor for tensor in node.input_tensors) if len(value.shape))
    if any(math.prod(side or 1 for side in shape[1:]) * pictures > MOST_NUMBERS for shape in shapes):
        return None
    takes = getattr(node.operation, "call", None)
    if takes is not None and "training" in inspect.signature(takes).parameters:
        kwargs["training"] = False  # layers that augment pictures do so unless they are told not to
    return list(keras.tree.flatten(node.operation(*args, **kwargs)))


def _spec(leaf: Any) -> Any:
    return keras.KerasTensor(tuple(leaf.shape), dtype=keras.backend.standardize_dtype(leaf.dtype)) if ops.is_tensor(leaf) else leaf


def layers_within(model: Any) -> Iterator[Any]:
    """Yield every layer of a model, those of nested models included."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from layers_within(layer)
