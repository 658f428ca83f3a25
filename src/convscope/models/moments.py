"""Preprocessing that a network tells itself: which way of feeding natural pictures gives its BatchNorm layers what they saw in training.

A BatchNormalization stores the mean and variance of its input over the training images. Photographs are pushed through to the first
of them under each recipe; the recipe whose moments lie nearest to the stored ones is the one the network was trained with, if it is
clearly nearer than the others. The distance is the Kullback-Leibler divergence between normal distributions, its median over channels.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import assets
from ..backend import keras, ops
from .preprocessing import PREPROCESSINGS, Preprocessing, named, recognised
from .tracing import functional_of, nodes_of

SIDE = 128
MOST_LAYERS = 3
CLEAR = 1.5  # the runner-up must be so many times as far
MOST_NUMBERS = 2**26  # that any layer on the way may compute for one picture
FAR = 0.3  # beyond this, in nats, none of the recipes is the one; trained networks are within 0.1 of theirs


@dataclass(frozen=True)
class Guess:
    """The nearest recipe, its distance in nats, and the next one's."""

    recipe: Preprocessing
    distance: float
    runner_up: str
    next_distance: float

    @property
    def is_clear(self) -> bool:
        """Say whether the recipe is near, and clearly nearer than the next."""
        return self.distance < FAR and self.next_distance > CLEAR * self.distance

    def said(self) -> str:
        """Return what was found, as one sentence."""
        return (
            f"preprocessing {self.recipe.name}, measured: photographs give the first BatchNorm layers what they saw in training "
            f"(distance {self.distance:.2f}; next {self.runner_up}, {self.next_distance:.2f})"
        )


def guess(network: Any, shape: tuple[int | None, ...]) -> Guess | None:
    """Return the recipe that fits a network's stored moments best; None where it has no BatchNorm that can be asked."""
    if len(shape) != 3 or shape[2] not in (1, 3) or len(network.inputs) != 1:
        return None
    layers = _first_normalizations(network)
    if not layers or _largest(network, shape) > MOST_NUMBERS:
        return None
    pictures = photographs(shape)
    candidates = [recipe for recipe in PREPROCESSINGS.values() if shape[2] == 3 or len(recipe.mean) == 1]
    try:
        distances = {recipe.name: _distance(layers, recipe.apply(pictures)) for recipe in candidates}
    except Exception:  # what cannot be run at this size tells nothing; the methods will say why
        return None
    first, second = sorted(distances, key=lambda name: distances[name])[:2]
    return Guess(PREPROCESSINGS[first], distances[first], second, distances[second])


def _largest(network: Any, shape: tuple[int | None, ...]) -> int:
    """Return how many numbers the largest value in a network has for one picture, by shape inference alone."""
    sizes = [0]

    def look(model: Any, inputs: list[Any]) -> list[Any]:
        functional = functional_of(model)
        known = {id(tensor): value for tensor, value in zip(functional.inputs, inputs, strict=True)}
        for node in nodes_of(functional):
            args, kwargs = keras.tree.map_structure(lambda leaf: known.get(id(leaf), leaf), (node.arguments.args, node.arguments.kwargs))
            nested = isinstance(node.operation, keras.Model) and hasattr(node.operation, "_nodes_by_depth")
            given = [one for one in keras.tree.flatten((args, kwargs)) if isinstance(one, keras.KerasTensor)]
            value = look(node.operation, given) if nested else node.operation.compute_output_spec(*args, **kwargs)
            outputs = keras.tree.flatten(value)
            sizes.extend(math.prod(side or 1 for side in one.shape) for one in outputs)
            known.update({id(tensor): one for tensor, one in zip(node.outputs, outputs, strict=True)})
        return [known[id(tensor)] for tensor in functional.outputs]

    picture = keras.KerasTensor((1, *(side or SIDE for side in shape[:2]), shape[2]), dtype="float32")
    try:
        look(network, [picture])
    except Exception:  # a network that this size does not fit into is not tried
        return MOST_NUMBERS + 1
    return max(sizes)


def photographs(shape: tuple[int | None, ...]) -> NDArray[np.float32]:
    """Return the embedded photographs and a quarter of each at the network's size: (n, height, width, channel) float32 in [0, 1]."""
    height, width = (side or SIDE for side in shape[:2])
    crops: list[NDArray[np.float32]] = []
    for image in assets.photographs():
        rows, columns = (side // 2 for side in image.size[::-1])
        boxes = [(0, 0, *image.size), (columns // 2, rows // 2, columns // 2 + columns, rows // 2 + rows)]
        crops.extend(np.asarray(image.resize((width, height), box=box), dtype=np.float32) / np.float32(255.0) for box in boxes)
    stack = np.stack(crops)
    return stack if shape[2] == 3 else stack.mean(axis=-1, keepdims=True)


@dataclass(frozen=True)
class _Normalization:
    """A BatchNormalization and the way to its input."""

    layer: Any
    before: Any


def _first_normalizations(network: Any) -> list[_Normalization]:
    """Return the first layers that normalise over channels, with functions from the network's input to theirs."""
    found: list[_Normalization] = []

    def look(model: Any, before: Any) -> None:
        functional = functional_of(model)
        for node in nodes_of(functional):
            if len(found) >= MOST_LAYERS:
                return
            if _is_trained(node.operation) and len(node.input_tensors[0].shape) == 4:
                found.append(_Normalization(node.operation, _composed(before, functional, node.input_tensors[0])))
            elif isinstance(node.operation, keras.Model) and len(node.input_tensors) == 1:
                look(node.operation, _composed(before, functional, node.input_tensors[0]))

    look(network, lambda value: value)
    return found


def _is_trained(layer: Any) -> bool:
    """Say whether a layer is a BatchNormalization that has seen pictures: its moments are no longer 0 and 1."""
    if not isinstance(layer, keras.layers.BatchNormalization):
        return False
    mean, variance = (np.asarray(ops.convert_to_numpy(one)) for one in (layer.moving_mean, layer.moving_variance))
    return bool(np.any(mean != 0) or np.any(variance != 1))


def _composed(before: Any, model: Any, tensor: Any) -> Any:
    if any(tensor is one for one in model.inputs):
        return before
    function = keras.Function(model.inputs, tensor)
    return lambda value: function([before(value)])


def _distance(layers: list[_Normalization], images: NDArray[np.float32]) -> float:
    tensor = ops.convert_to_tensor(np.ascontiguousarray(images, dtype=np.float32))
    return float(np.mean([_divergence(one.layer, np.asarray(ops.convert_to_numpy(one.before(tensor)))) for one in layers]))


def _divergence(layer: Any, values: NDArray[np.float32]) -> float:
    """Return the median over channels of KL(seen now || seen in training)."""
    channels = values.reshape(-1, values.shape[-1]).astype(np.float64)
    mean, variance = channels.mean(axis=0), channels.var(axis=0) + layer.epsilon
    stored_mean = np.asarray(ops.convert_to_numpy(layer.moving_mean), dtype=np.float64)
    stored_variance = np.asarray(ops.convert_to_numpy(layer.moving_variance), dtype=np.float64) + layer.epsilon
    ratio = variance / stored_variance
    return float(np.median((ratio + (mean - stored_mean) ** 2 / stored_variance - 1 - np.log(ratio)) / 2))


def choose_preprocessing(network: Any, shape: tuple[int | None, ...], wanted: str | None) -> tuple[Preprocessing, str]:
    """Return the recipe for a network and one sentence that says why: as given, recognised, measured, or assumed. Raises OptionError."""
    channels = int(shape[-1] or 0)
    if wanted is not None:
        return named(wanted, channels), f"preprocessing {wanted}, as given"
    if (known := recognised(network, channels)) is not None:
        return known
    found = guess(network, shape)
    if found is not None and found.is_clear:
        return found.recipe, found.said()
    unsure = "" if found is None else f" ({found.recipe.name} fits its BatchNorm layers best, but not clearly)"
    return PREPROCESSINGS["unit"], f"preprocessing unit ([0, 1]) assumed: the network does not say{unsure}; --preprocess changes it"
