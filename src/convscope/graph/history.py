"""A built model -> a flat `Graph`. The model itself is only read."""

import dataclasses
import inspect
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..backend import engine, keras, ops
from ..errors import ModelError
from ..models.tracing import Followed, functional_of, graph_inside, is_graph, nodes_of, operation_of, was_followed, word_of
from .calls import Call, Graph, Ref, mapped, misfit, refs_in
from .kinds import HALVED, LINEAR, Kind, classify
from .pooling import own_pooling


def flatten(model: Any) -> Graph:
    """Return the model as a flat graph: nested models inlined, shared layers one node per call, fused activations split.

    Raises ModelError for a model that is not a graph of layers (a subclassed one) or has no known input shape.
    """
    builder = _Flattener()
    functional = _functional(model, model.name)
    known = {}
    for tensor in functional.inputs:
        known[id(tensor)] = builder.add_input(tensor)
    outputs = builder.inline(functional, "", known)
    inputs = tuple(call.index for call in builder.calls if call.kind is Kind.INPUT)
    ranked = [index for index in inputs if len(builder.calls[index].shape) == 4]
    return Graph(model.name, tuple(builder.calls), inputs, outputs, (ranked or list(inputs))[0])


def at_precision(graph: Graph, precision: str) -> Graph:
    """Return the graph computing in "float32" or "bfloat16", as cheaply as the framework can; weights must stay as they are meanwhile.

    Layers are shallow copies that share the model's variables, or what the framework's engine has in their place. What is not of `HALVED`
    stays in float32: frameworks have no bfloat16 of many operations, or none of their gradients, and little of a network's work is theirs.
    So does what whole numbers are made of: they would be others.
    """
    exact = frozenset(graph.ancestors([call.index for call in graph.calls if _is_whole(call.operation)]))
    policies = {name: keras.DTypePolicy(name) for name in ("float32", "mixed_bfloat16")}

    def recast(call: Call) -> Call:
        halved, operation = precision != "float32" and _is_halved(call) and call not in exact, call.operation
        if isinstance(operation, keras.layers.Layer) and not _is_whole(operation):
            computed = "bfloat16" if halved else "float32"
            lean = None if _has_activation(operation) else engine().lean(operation, computed)
            operation = lean or sharing_copy(operation, _dtype_policy=policies["mixed_bfloat16" if halved else "float32"])
        return dataclasses.replace(call, operation=operation if halved or precision == "float32" else _widened(operation))

    return dataclasses.replace(graph, calls=tuple(recast(call) for call in graph.calls))


def _is_whole(operation: Any) -> bool:
    """Say whether a layer or an operation makes whole numbers or truth values of what it takes."""
    dtype = operation.compute_dtype if isinstance(operation, keras.layers.Layer) else getattr(operation, "dtype", None)
    return isinstance(dtype, str) and not keras.backend.is_float_dtype(dtype)


def _is_halved(call: Call) -> bool:
    """Say whether a call is computed in bfloat16, where that is wanted: Keras' own layers and functions of certain kinds.

    An operation is not a layer, and does not cast its kernel.
    """
    operation = call.operation
    own = hasattr(operation, "__name__") or type(operation).__module__.startswith("keras.")
    return own and call.kind in HALVED and (isinstance(operation, keras.layers.Layer) or call.kind not in LINEAR)


def _widened(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Return the operation on float32 in place of numbers of half precision."""

    def wide(leaf: Any) -> Any:
        halved = ops.is_tensor(leaf) and keras.backend.standardize_dtype(leaf.dtype) in ("bfloat16", "float16")
        return ops.cast(leaf, "float32") if halved else leaf

    return lambda *args, **kwargs: operation(*mapped(args, wide), **mapped(kwargs, wide))


def sharing_copy(layer: Any, **changes: Any) -> Any:
    """Return a shallow copy that shares the layer's variables; `copy.copy` would save and reload it, weights and all."""
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__ | changes)
    return twin


class _Flattener:
    """Collects calls while models are inlined into one another."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._times: Counter[str] = Counter()
        self._batch: int | None = None

    def add_input(self, tensor: Any) -> Ref:
        name = operation_of(tensor).name
        self._batch = tensor.shape[0]
        return self._add(name, lambda value: value, Kind.INPUT, ((), {}), "InputLayer", tensor.shape)

    def inline(self, functional: Any, prefix: str, known: dict[int, Ref]) -> tuple[Ref, ...]:
        """Add the calls of one functional model whose input tensors are `known` (id -> Ref); return its outputs."""
        nodes = nodes_of(functional)
        names = _plain_names(nodes) if isinstance(functional, Followed) or was_followed(functional) else {}
        for node in nodes:
            outputs = self._add_node(node, prefix + names.get(id(node.operation), node.operation.name), known)
            known.update({id(tensor): ref for tensor, ref in zip(node.outputs, outputs, strict=True)})
        return tuple(known[id(tensor)] for tensor in functional.outputs)

    def _add_node(self, node: Any, path: str, known: dict[int, Ref]) -> tuple[Ref, ...]:
        operation = node.operation
        address = self._address(path)
        args, kwargs = mapped(
            (tuple(node.arguments.args), dict(node.arguments.kwargs)),
            lambda leaf: known[id(leaf)] if isinstance(leaf, keras.KerasTensor) else leaf,
        )
        kwargs.pop("training", None)
        if _can_train(operation):
            kwargs["training"] = False  # layers that augment images do so unless they are told not to
        if (inner := graph_inside(operation, node)) is not None:
            given = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, Ref)]  # a dict's in Keras' order
            return self.inline(inner, address + "/", {id(t): ref for t, ref in zip(inner.inputs, given, strict=True)})
        return self._add_layer(address, operation, (args, kwargs), node.outputs)

    def _add_layer(self, address: str, operation: Any, arguments: Any, outputs: list[Any]) -> tuple[Ref, ...]:
        kind, layer_type = classify(operation), type(operation).__name__
        shapes = [tensor.shape for tensor in outputs]
        if kind in LINEAR and _has_activation(operation):
            activation, linear = operation.activation, sharing_copy(operation, activation=keras.activations.linear)
            inner = self._add(address, linear, kind, arguments, layer_type, shapes[0], inner=True)
            return (self._add(address, activation, classify(activation), ((inner,), {}), layer_type, shapes[0]),)
        if (own := own_pooling(operation)) is not None:
            operation = sharing_copy(operation, call=own)
        words = misfit(shapes, [tensor.dtype for tensor in outputs], self._batch)
        first = self._add(address, operation, kind, arguments, layer_type, shapes[0], unfit=words)
        return tuple(Ref(first.call, output) for output in range(len(shapes)))

    def _add(
        self,
        address: str,
        operation: Callable[..., Any],
        kind: Kind,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        layer_type: str,
        shape: Any,
        *,
        inner: bool = False,
        unfit: str = "",
    ) -> Ref:
        index = len(self.calls)
        depth = max((self.calls[source.call].depth for source in refs_in(arguments)), default=0) + (kind in LINEAR)
        self.calls.append(Call(index, address, operation, kind, arguments, layer_type, tuple(shape), inner, unfit, depth))
        return Ref(index)

    def _address(self, path: str) -> str:
        self._times[path] += 1
        return path if self._times[path] == 1 else f"{path}#{self._times[path]}"


def _can_train(operation: Any) -> bool:
    takes = getattr(operation, "call", None)
    return not isinstance(operation, keras.Model) and takes is not None and "training" in inspect.signature(takes).parameters


def _has_activation(layer: Any) -> bool:
    activation = getattr(layer, "activation", None)
    return activation is not None and classify(activation) is not Kind.IDENTITY


def _plain_names(nodes: list[Any]) -> dict[int, str]:
    """Return names for the operations whose own Keras made up: of their class, numbered in this graph and not in the process."""
    names: dict[int, str] = {}
    times: Counter[str] = Counter()
    for operation in dict.fromkeys(node.operation for node in nodes):
        word = word_of(operation)
        if re.fullmatch(rf"{re.escape(word)}(_\d+)?", operation.name):
            times[word] += 1
            names[id(operation)] = word if times[word] == 1 else f"{word}_{times[word]}"
    return names


def _functional(model: Any, address: str) -> Any:
    """Return the functional model behind `model`; raise ModelError that says why there is no such model."""
    if not is_graph(model):
        raise ModelError(
            f"`{address}` ({type(model).__name__}) keeps no graph of its layers. Load it with convscope.load, which follows its call."
        )
    return functional_of(model)
