"""Small networks with an activation that is flat above and what only chooses among its values behind it.

Such an activation rises, so images are in the order of plain Keras' values without it, and the values beside them are plain Keras' with it.
"""

from pathlib import Path
from typing import Any

import numpy as np

import convscope
from convscope.backend import keras, ops
from convscope.graph.saturation import ranking
from convscope.network.network import as_network
from networks import array, filled, tensor

SHORT = 25
CLOSE = 2e-4
layers = keras.layers
Rng = np.random.Generator


class Gate(layers.Layer):
    """A sigmoid that no name tells."""

    def call(self, value: Any) -> Any:
        return 1.0 / (1.0 + ops.exp(ops.negative(value)))


def flat(rng: Rng) -> Any:
    """Return an activation that rises and is flat above."""
    choices = [
        lambda: layers.ReLU(6.0), lambda: layers.ReLU(1.0, 0.1), lambda: layers.Activation("sigmoid"), lambda: layers.Activation("tanh"),
        lambda: layers.Activation("relu6"), lambda: layers.Activation("hard_sigmoid"), lambda: layers.Activation("hard_tanh"),
        lambda: layers.Activation("softsign"), Gate,
        lambda: lambda x: ops.clip(x, -1.0, 2.0), lambda: lambda x: ops.minimum(x, 3.0),
    ]  # fmt: skip
    return choices[rng.integers(len(choices))]()


def choosing(rng: Rng) -> Any:
    """Return a layer that hands on some of the values that it takes, each channel by itself."""
    choices = [
        lambda: layers.MaxPooling2D(2), lambda: layers.MaxPooling2D(3, 1, "same"), lambda: layers.MaxPooling2D((2, 3), 2),
        lambda: layers.AdaptiveMaxPooling2D((3, 2)), lambda: layers.Cropping2D(1), lambda: layers.UpSampling2D(2),
        lambda: layers.Dropout(0.3), lambda: layers.SpatialDropout2D(0.3), lambda: layers.GaussianNoise(0.3), lambda: layers.Identity(),
        lambda: lambda x: ops.max_pool(x, 2),
    ]  # fmt: skip
    return choices[rng.integers(len(choices))]()


def built(rng: Rng, activation: Any, steps: list[Any], parts: int) -> Any:
    """Return a network of convolutions whose outputs are large, an activation or none, and steps behind it."""
    picture = keras.Input((16, 15, 3), name="image")
    values = [layers.Rescaling(10.0 ** (part + 1))(layers.Conv2D(3, 3)(picture)) for part in range(parts)]
    values = [value if activation is None else activation(value) for value in values]
    value = values[0] if parts == 1 else layers.Concatenate()(values)
    for step in steps:
        value = step(value)
    return keras.Model(picture, value)


def attempt(number: int, folder: Path) -> str:
    """Return "compared", "own" or "unbuildable"; raise AssertionError where the order or the values are not plain Keras' own."""
    rng = np.random.default_rng([5, number])
    parts, activation = int(rng.integers(1, 3)), flat(rng)
    steps = [choosing(rng) for _ in range(rng.integers(1, 4))]
    if rng.random() < 0.3:
        steps.append(layers.GlobalMaxPooling2D())
    try:
        model, bare = (filled(built(rng, one, steps, parts), number) for one in (activation, None))
    except ValueError:  # nothing is left of the map
        return "unbuildable"
    image = rng.uniform(0, 1, (6, 16, 15, 3)).astype("float32")
    bundle = convscope.load(model, preprocess="unit")
    graph = as_network(bundle).graph
    found = ranking(graph, graph.calls[graph.outputs[0].call])
    strengths = _peaks(found.strengths(*graph.run(tensor(image), [call.index for call in found.calls])))
    wanted, values = _peaks(bare(image)), _peaks(model(image))
    after = array(found.values(tensor(strengths)))
    assert np.abs(after - values).max() <= CLOSE * max(np.abs(values).max(), 1), f"values: {steps}"
    assert (values <= found.ceilings + CLOSE).all(), f"above the ceiling: {steps}"
    if found.is_own:
        assert all(len(np.unique(column)) == len(column) for column in values.T), f"ties that nothing resolves: {activation} {steps}"
        return "own"
    assert np.abs(strengths - wanted).max() <= CLOSE * np.abs(wanted).max(), f"order: {activation} {steps}"
    return "compared"


def _peaks(value: Any) -> Any:
    maps = array(value)
    return maps.reshape(len(maps), -1, maps.shape[-1]).max(axis=1)
