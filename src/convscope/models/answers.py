"""What a classifier of ImageNet's classes answers to photographs whose classes are known: the way of feeding them under which it is right.

Where no BatchNorm tells how a network was fed, its own answers do: on SqueezeNet a cat is a cat with 0.99 under `caffe`, with 0.0001 under
`unit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import assets
from ..backend import ops
from .architectures import IMAGENET_CLASSES
from .entrance import MOST_NUMBERS, walk
from .moments import SIDE
from .preprocessing import PREPROCESSINGS
from .tracing import functional_of

# The classes, in ImageNet's order, that are right for embedded photographs.
RIGHT: Mapping[str, tuple[int, ...]] = {
    "cat": (281, 282, 283, 284, 285),
    "coffee": (504, 505, 550, 967, 968),
    "temple": (442, 663, 698, 832),
}
SURE = 0.4  # of its answers: one that was not trained, or has another order of classes, is right by chance
ALIKE = 1.0  # nats of an answer: other ways that are not told from the best
LEAST = 1e-6


@dataclass(frozen=True)
class Answer:
    """The recipe under which a network knows the photographs best, with what probability, and the others under which it knows them too."""

    name: str
    others: tuple[str, ...]
    probability: float

    def said(self) -> str:
        """Return the finding as one sentence."""
        seen = f"{', '.join(list(RIGHT)[:-1])} and {list(RIGHT)[-1]}"
        return (
            f"preprocessing {self.name}, measured: with it, the model recognises photographs of {seen} (probability {self.probability:.2f})"
        )


def known_photographs(network: Any, shape: tuple[int | None, ...], image: str, fixed: Mapping[str, Any]) -> Answer | None:
    """Return the recipe under which a classifier of ImageNet's classes is right; None for other networks, and where none is."""
    outputs = functional_of(network).outputs
    if len(shape) != 3 or shape[2] != 3 or len(outputs) != 1 or tuple(outputs[0].shape[1:]) != (IMAGENET_CLASSES,):
        return None
    pictures = _pictures(*(side or SIDE for side in shape[:2]))
    if pictures.size > MOST_NUMBERS:
        return None
    found = {}
    for recipe in PREPROCESSINGS.values():
        answered = walk(network, image, fixed, recipe.apply(pictures), lambda operation, tensors: False)
        if not answered or answered[0] is None:
            return None
        found[recipe.name] = _right(np.asarray(ops.convert_to_numpy(answered[0]), dtype=np.float64))
    return told(found)


def told(found: Mapping[str, NDArray[np.float64]]) -> Answer | None:
    """Return the recipe with the best answers, from the probability of the right classes (photograph,) under each."""
    nats = {name: float(np.log(np.maximum(one, LEAST)).mean()) for name, one in found.items()}
    best = max(nats, key=lambda name: nats[name])
    if not found[best].mean() >= SURE:
        return None
    others = sorted((name for name in nats if name != best and nats[best] - nats[name] < ALIKE), key=lambda name: -nats[name])
    return Answer(best, tuple(others), float(found[best].mean()))


def _pictures(height: int, width: int) -> NDArray[np.float32]:
    images = dict(zip(assets.MEASURING, assets.photographs(), strict=True))
    return np.stack([np.asarray(images[name].resize((width, height)), np.float32) / np.float32(255.0) for name in RIGHT])


def _right(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of the right classes of each photograph, from its scores or probabilities."""
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1, atol=1e-3):
        values = np.exp(values - values.max(axis=1, keepdims=True))
        values /= values.sum(axis=1, keepdims=True)
    return np.array([row[list(classes)].sum() for row, classes in zip(values, RIGHT.values(), strict=True)])
