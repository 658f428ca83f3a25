"""channels_first networks -> channels_last ones of the same weights and values: what processors compute, and convscope draws.

Each layer is made again in the other format. One whose meaning hangs on the order of the axes gets the old order back by a Permute
before it, so that what it computes stays the same.
"""

from typing import Any

import numpy as np

from ..backend import keras, ops
from ..errors import ModelError
from .tracing import deep, functional_of, is_graph, layers_of, nodes_of, operation_of

TO_LAST, TO_FIRST = (2, 3, 1), (3, 1, 2)
# Where an axis of (n, channel, row, column) lies in (n, row, column, channel).
AXES = {1: 3, 2: 1, 3: 2, -1: 2, -2: 1, -3: 3}
ALONG_AN_AXIS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "Softmax", "Concatenate", "UnitNormalization")
BY_ELEMENT = frozenset(
    "Activation ReLU LeakyReLU ELU Dropout AlphaDropout GaussianDropout GaussianNoise ActivityRegularization Identity Add Subtract "
    "Multiply Average Maximum Minimum Relu Relu6 Sigmoid Tanh Silu Gelu Elu Selu Softplus HardSigmoid HardSilu LeakyRelu Absolute "
    "Square Sqrt".split()
)


def is_channels_first(model: Any) -> bool:
    """Say whether any layer of a network computes with the channels before rows and columns."""
    return any(getattr(layer, "data_format", None) == "channels_first" for layer in layers_of(model, itself=False))


@deep()
def channels_last(model: Any) -> Any:
    """Return a network of the same weights that takes and computes (n, height, width, channel); raise ModelError if that is impossible."""
    return _Conversion().model(model)


class _Conversion:
    """Makes every layer once, however often it is called."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}

    def model(self, model: Any) -> Any:
        functional = functional_of(model)
        if not is_graph(functional):
            raise ModelError(
                f"`{model.name}` computes channels first and is not a graph of layers, so it cannot be converted. Save it channels last."
            )
        tensors: dict[int, Any] = {}
        for tensor in functional.inputs:
            side = tensor.shape[1:]
            shape = (*side[1:], side[0]) if len(side) == 3 else side
            tensors[id(tensor)] = keras.Input(shape, dtype=tensor.dtype, name=operation_of(tensor).name)
        for node in nodes_of(functional):
            self._call(node, tensors)
        inputs, outputs = ([tensors[id(one)] for one in part] for part in (functional.inputs, functional.outputs))
        return keras.Model(*(part[0] if len(part) == 1 else part for part in (inputs, outputs)), name=model.name)

    def _call(self, node: Any, tensors: dict[int, Any]) -> None:
        layer, first = node.operation, [len(tensor.shape) == 4 for tensor in node.input_tensors]
        kept = not self._converts(layer, node)

        def given(tensor: Any) -> Any:
            value = tensors[id(tensor)]
            return ops.transpose(value, (0, *TO_FIRST)) if kept and len(tensor.shape) == 4 else value

        args, kwargs = keras.tree.map_structure(
            lambda leaf: given(leaf) if isinstance(leaf, keras.KerasTensor) else leaf, (node.arguments.args, node.arguments.kwargs)
        )
        found = keras.tree.flatten(self._twin(layer, node, kept or not any(first))(*args, **kwargs))
        for old, new in zip(node.outputs, found, strict=True):
            tensors[id(old)] = ops.transpose(new, (0, *TO_LAST)) if kept and len(old.shape) == 4 else new

    def _converts(self, layer: Any, node: Any) -> bool:
        """Say whether a layer can take its input channels last; the others get the old order back."""
        kind = type(layer).__name__
        if isinstance(layer, keras.Model) or getattr(layer, "data_format", None) in ("channels_first", "channels_last"):
            return isinstance(layer, keras.Model) or layer.data_format == "channels_first"
        ranks = {len(tensor.shape) for tensor in node.input_tensors}
        alone = all(
            isinstance(leaf, keras.KerasTensor | int | float | bool) or leaf is None for leaf in keras.tree.flatten(node.arguments.args)
        )
        return len(ranks) == 1 and ((kind in BY_ELEMENT and alone) or kind in ALONG_AN_AXIS or kind == "PReLU")

    def _twin(self, layer: Any, node: Any, unchanged: bool) -> Any:
        if id(layer) not in self.made:
            self.made[id(layer)] = self.model(layer) if isinstance(layer, keras.Model) else self._made(layer, node, unchanged)
        return self.made[id(layer)]

    def _made(self, layer: Any, node: Any, unchanged: bool) -> Any:
        config = layer.get_config()
        if not unchanged:
            if "data_format" in config:
                config["data_format"] = "channels_last"
            if "axis" in config:
                axis = config["axis"]
                config["axis"] = [AXES[one] for one in axis] if isinstance(axis, list | tuple) else AXES[axis]
            if config.get("shared_axes"):
                config["shared_axes"] = [AXES[one] for one in config["shared_axes"]]
        twin = type(layer).from_config(config)
        if not isinstance(layer, keras.Layer) or not layer.weights:
            return twin
        shape = tuple(node.input_tensors[0].shape)
        twin.build(shape if unchanged or len(shape) != 4 else (shape[0], *shape[2:], shape[1]))
        twin.set_weights(
            [_turned(np.asarray(ops.convert_to_numpy(one)), wanted) for one, wanted in zip(layer.weights, twin.weights, strict=True)]
        )
        return twin


def _turned(array: Any, variable: Any) -> Any:
    """Return weights that have a value for every place (a PReLU's) with the channels last, others as they are."""
    turn = array.ndim == 3 and variable.path.endswith("/alpha")
    return np.moveaxis(array, 0, -1) if turn else array
