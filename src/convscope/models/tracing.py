"""The one door to the graph that Keras keeps of a model's layers, and a graph for models that keep none.

Keras has no public name for its call history: what calls which, and which operation made a tensor. Only this file knows the private ones.

Subclassed models and layers made of layers are followed through one symbolic call: what their `call` passes through becomes a graph.
"""

import inspect
import re
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..backend import keras
from ..errors import ModelError, first_sentence

# Keras follows a graph by a function that calls itself once for each layer of a chain; Python's own limit ends that after some 950.
DEEPEST_GRAPH = 10_000
_FOLLOWED: weakref.WeakSet[Any] = weakref.WeakSet()


@contextmanager
def deep() -> Iterator[None]:
    """Let Keras follow chains of DEEPEST_GRAPH layers while this lasts."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 2 * DEEPEST_GRAPH))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def was_followed(network: Any) -> bool:
    """Say whether a graph was made by following a call, so that the names in it hang on what Keras made before."""
    return network in _FOLLOWED


def is_graph(network: Any) -> bool:
    """Say whether a model keeps a graph of its layers: functional ones do, Sequential ones once they are built."""
    return hasattr(network, "_nodes_by_depth") or (
        isinstance(network, keras.Sequential) and network.built and network._functional is not None
    )


def functional_of(model: Any) -> Any:
    """Return the model that holds the graph: the functional one inside a Sequential, any other itself."""
    return model._functional if isinstance(model, keras.Sequential) else model


def nodes_of(functional: Any) -> list[Any]:
    """Return the calls in a graph in an order in which they can run, those of its inputs left out; none for what keeps no graph."""
    by_depth = getattr(functional, "_nodes_by_depth", {})
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]


def operation_of(tensor: Any) -> Any:
    """Return the operation that made a symbolic tensor, of an input its layer; None for what no operation made."""
    history = getattr(tensor, "_keras_history", None)
    return None if history is None else history.operation


def layers_of(layer: Any, *, itself: bool = True) -> list[Any]:
    """Return a layer and all layers in it, at any depth and in the order in which Keras numbers their weights."""
    return list(layer._flatten_layers(include_self=itself))


def word_of(operation: Any) -> str:
    """Return the word from which Keras makes an operation's name: GlobalAveragePooling2D -> global_average_pooling2d."""
    name = re.sub(r"\W+", "", type(operation).__name__)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


@deep()
def traced(network: Any, shape: tuple[int | None, ...] | None) -> Any:
    """Return a functional model over the layers of a subclassed one, for inputs of `shape` (without batch).

    Raises ModelError where the shape is not known, or where `call` does what no graph of Keras layers and keras.ops can say.
    """
    shape = shape or _shape_of(network)
    if shape is None:
        raise ModelError(f"`{network.name}` ({type(network).__name__}) does not say its input shape. Add --input-shape 224,224,3")
    if isinstance(network, keras.Sequential):
        inputs = keras.Input(shape)
        return keras.Model(inputs, network(inputs), name=network.name)
    inputs = keras.Input(shape, name="image")
    try:
        found = keras.Model(inputs, follow(network, (inputs,), {}), name=network.name)
        _FOLLOWED.add(found)
        return found
    except Exception as error:
        raise ModelError(
            f"`{network.name}` is a subclassed model ({type(network).__name__}) whose `call` could not be followed: "
            f"{first_sentence(error)} Expected one image tensor as input, and only Keras layers and keras.ops on tensors."
        ) from error


def follow(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what `layer.call` computes for symbolic tensors, with every inner layer's call kept in their history."""
    if "training" in inspect.signature(layer.call).parameters:
        kwargs = kwargs | {"training": False}
    return layer.call(*args, **kwargs)


class Followed:
    """The graph of a call that was followed; what Keras numbered in it is numbered anew."""

    def __init__(self, function: Any) -> None:
        self.inputs, self.outputs, self._nodes_by_depth = function.inputs, function.outputs, function._nodes_by_depth


def graph_inside(operation: Any, node: Any) -> Any:
    """Return the graph of layers that a call runs through: of a nested model, or of a user's layer made of layers; None for one layer."""
    if isinstance(operation, keras.Model) and is_graph(operation):
        return functional_of(operation)
    own = isinstance(operation, keras.Layer) and not type(operation).__module__.startswith("keras.")
    if not own or not layers_of(operation, itself=False):
        return None
    fresh: dict[int, Any] = {}

    def entered(leaf: Any) -> Any:
        if not isinstance(leaf, keras.KerasTensor):
            return leaf
        return fresh.setdefault(id(leaf), keras.Input(batch_shape=leaf.shape, dtype=leaf.dtype))

    args, kwargs = keras.tree.map_structure(entered, (tuple(node.arguments.args), dict(node.arguments.kwargs)))
    try:
        outputs = follow(operation, args, kwargs)
    except Exception:  # its `call` does what no graph can say: it stays one call, by its own vector-Jacobian product
        return None
    return Followed(keras.Function(list(fresh.values()), outputs))


def _shape_of(network: Any) -> tuple[int | None, ...] | None:
    found = getattr(network, "_build_shapes_dict", None) or {}
    shape = next(iter(found.values()), None)
    return tuple(shape[1:]) if isinstance(shape, list | tuple) and len(shape) > 1 else None
