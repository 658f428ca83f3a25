"""Preprocessing that a network tells itself: which way of feeding natural pictures gives its BatchNorm layers what they saw in training.

A BatchNormalization stores the mean and variance of its input over the training images. Photographs are pushed through to the first
of them under each recipe; the recipe whose moments lie nearest to the stored ones is the one the network was trained with, if it is
clearly nearer than the others. The distance is the Kullback-Leibler divergence between normal distributions, its median over channels.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import assets
from ..backend import keras, ops
from .entrance import MOST_NUMBERS, enough, walk
from .preprocessing import PREPROCESSINGS, Preprocessing
from .tracing import layers_of

SIDE = 128
MOST_LAYERS = 3
MOST_PICTURES = 12
CLEAR = 1.5  # the runner-up must be so many times as far
FAR = 0.3  # beyond this, in nats, none of the recipes is the one; trained networks are within 0.1 of theirs


@dataclass(frozen=True)
class Guess:
    """The nearest recipe, its distance in nats, and the next one's."""

    recipe: Preprocessing
    distance: float
    runner_up: str
    next_distance: float
    distances: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_clear(self) -> bool:
        """Say whether the recipe is near, and clearly nearer than the next."""
        return self.distance < FAR and self.next_distance > CLEAR * self.distance

    def said(self) -> str:
        """Return the finding as one sentence."""
        return (
            f"preprocessing {self.recipe.name}, measured: with it, photographs give the first BatchNorm layers what they saw in training "
            f"(distance {self.distance:.2f}; next {self.runner_up}, {self.next_distance:.2f})"
        )


def guess(network: Any, shape: tuple[int | None, ...], image: str, fixed: Mapping[str, Any]) -> Guess | None:
    """Return the recipe that fits a network's stored moments best; None where it has no BatchNorm that can be asked."""
    if len(shape) != 3 or shape[2] not in (1, 3) or not any(_is_trained(layer) for layer in layers_of(network)):
        return None
    if MOST_PICTURES * math.prod(side or SIDE for side in shape) > MOST_NUMBERS:
        return None
    pictures = photographs(shape)
    candidates = [recipe for recipe in PREPROCESSINGS.values() if shape[2] == 3 or len(recipe.mean) == 1]
    distances: dict[str, float] = {}
    for recipe in candidates:
        seen = _seen(network, image, fixed, recipe.apply(pictures))
        if not seen:
            return None
        distances[recipe.name] = float(np.mean([_divergence(*one) for one in seen]))
    first, second = sorted(distances, key=lambda name: distances[name])[:2]
    return Guess(PREPROCESSINGS[first], distances[first], second, distances[second], distances)


Seen = tuple[Any, NDArray[np.float64], NDArray[np.float64]]


def _seen(network: Any, image: str, fixed: Mapping[str, Any], pictures: NDArray[np.float32]) -> list[Seen]:
    """Return the first layers that normalise over channels, and mean and variance of what reaches them in each channel."""
    if (found := _passed(network, image, fixed, pictures)) or len(pictures) == 1:
        return found
    parts = [_passed(network, image, fixed, pictures[one : one + 1]) for one in range(len(pictures))]  # all at once may be too large
    return [_united(same) for same in zip(*parts, strict=True)] if len({len(part) for part in parts}) == 1 else []


def _passed(network: Any, image: str, fixed: Mapping[str, Any], pictures: NDArray[np.float32]) -> list[Seen]:
    found: list[Seen] = []

    def look(operation: Any, tensors: list[Any]) -> bool:
        if len(tensors[0].shape) == 4 and _is_trained(operation) and operation.axis in (-1, 3):
            values = np.asarray(ops.convert_to_numpy(tensors[0]))
            values = values.reshape(-1, values.shape[-1])
            found.append((operation, values.mean(axis=0, dtype=np.float64), values.var(axis=0, dtype=np.float64)))
            if len(found) == MOST_LAYERS:
                enough()
        return False

    walk(network, image, fixed, pictures, look)
    return found


def _united(parts: tuple[Seen, ...]) -> Seen:
    """Return mean and variance over parts of one size."""
    means, variances = (np.stack([part[place] for part in parts]) for place in (1, 2))
    return parts[0][0], means.mean(axis=0), variances.mean(axis=0) + means.var(axis=0)


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


def _is_trained(layer: Any) -> bool:
    """Say whether a layer is a BatchNormalization that has seen pictures: its moments are no longer 0 and 1."""
    if not isinstance(layer, keras.layers.BatchNormalization):
        return False
    mean, variance = (np.asarray(ops.convert_to_numpy(one)) for one in (layer.moving_mean, layer.moving_variance))
    return bool(np.any(mean != 0) or np.any(variance != 1))


def _divergence(layer: Any, mean: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    """Return the median over channels of KL(seen now || seen in training)."""
    variance = variance + layer.epsilon
    stored_mean = np.asarray(ops.convert_to_numpy(layer.moving_mean), dtype=np.float64)
    stored_variance = np.asarray(ops.convert_to_numpy(layer.moving_variance), dtype=np.float64) + layer.epsilon
    ratio = variance / stored_variance
    return float(np.median((ratio + (mean - stored_mean) ** 2 / stored_variance - 1 - np.log(ratio)) / 2))
