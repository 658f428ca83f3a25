"""What a classifier answers to photographs fed in each way: what it was trained on, it answers with scores of an ordinary size.

Pictures 255 times as large as those of the training saturate every score, 255 times as small ones leave little but the biases. So the
spread of the scores tells [0, 1] from 0-255 where no BatchNorm does; of the ways that are as large, the one that is not the network's own
spreads them more. It does not tell [0, 1] from [-1, 1].
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from .entrance import MOST_NUMBERS, walk
from .moments import MOST_PICTURES, SIDE, photographs
from .preprocessing import PREPROCESSINGS
from .tracing import functional_of, layers_of, nodes_of

PICTURES = 4
MOST_CALLS = 500
LEAST = 1e-37  # a probability that float32 holds
# Spreads of scores in nats. Networks that were trained on 0 to 255 answer [0, 1] with less than FLAT, or on a trunk that knows pictures
# with up to 1.2; those that were trained on [0, 1] answer with CONTRAST or more once they have learned, and saturate on 0 to 255.
FLAT, CONTRAST = 0.15, 1.5
ORDINARY = (0.2, 20.0)  # more is saturated
CLEAR = 3.0  # times as wide: 0-255 with its mean subtracted or not


@dataclass(frozen=True)
class Response:
    """The recipe under which the scores spread as those of trained classifiers do, and the others that they do not tell from it."""

    name: str
    others: tuple[str, ...]
    spreads: Mapping[str, float]

    def said(self) -> str:
        """Return the finding as one sentence."""
        found = ", ".join(f"{name} {spread:.2g}" for name, spread in self.spreads.items())
        return f"preprocessing {self.name}, measured: with it, photographs get scores of an ordinary spread ({found})"


def respond(network: Any, shape: tuple[int | None, ...], image: str, fixed: Mapping[str, Any]) -> Response | None:
    """Return what the spread of a classifier's scores tells; None if it is not a classifier, is untrained, or gives no answer."""
    functional = functional_of(network)
    if len(shape) != 3 or shape[2] not in (1, 3) or len(functional.outputs[0].shape) != 2:
        return None
    if len(nodes_of(functional)) > MOST_CALLS or not _is_trained(network):
        return None
    if MOST_PICTURES * math.prod(side or SIDE for side in shape) > MOST_NUMBERS:
        return None
    pictures = photographs(shape)[::2][:PICTURES]
    spreads: dict[str, float] = {}
    for name in ("none", "caffe", "unit") if shape[2] == 3 else ("none", "unit"):
        outputs = walk(network, image, fixed, PREPROCESSINGS[name].apply(pictures), lambda operation, tensors: False)
        spread = None if not outputs or outputs[0] is None else _spread(np.asarray(ops.convert_to_numpy(outputs[0]), dtype=np.float64))
        if spread is None:
            return None
        spreads[name] = spread
    return _told(spreads)


def _told(spreads: Mapping[str, float]) -> Response | None:
    low, high = ORDINARY
    large = sorted((name for name in spreads if name != "unit"), key=lambda name: spreads[name])
    if spreads["unit"] < FLAT and low <= spreads[large[0]] <= high:
        alike = tuple(name for name in large[1:] if spreads[name] <= CLEAR * spreads[large[0]])
        return Response(large[0], alike, spreads)
    if spreads[large[0]] > high and CONTRAST <= spreads["unit"] <= high:
        return Response("unit", ("symmetric", "torch") if len(spreads) == 3 else ("symmetric",), spreads)
    return None


def _is_trained(network: Any) -> bool:
    """Say whether a network has been trained: biases begin as zero."""
    biases = [layer.bias for layer in layers_of(network) if getattr(layer, "bias", None) is not None]
    return any(np.any(np.asarray(ops.convert_to_numpy(bias)) != 0) for bias in biases)


def _spread(values: NDArray[np.float64]) -> float | None:
    """Return the standard deviation of the scores of a picture over the classes, the median of the pictures; None for other outputs."""
    if values.ndim != 2 or not np.isfinite(values).all():
        return None
    share = values.min() >= 0 and values.max() <= 1
    if share and not np.allclose(values.sum(axis=1), 1, atol=1e-3):  # a class or none, each by itself
        values = np.stack([values, 1 - values], axis=-1).reshape(-1, 2)
    if values.shape[1] < 2:
        return None
    scores = np.log(np.maximum(values, LEAST)) if share else values
    return float(np.median(scores.std(axis=1)))
