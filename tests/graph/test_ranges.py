"""No image leads out of the range that a call is said to have, and some image reaches near to its ends."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.graph.history import flatten
from convscope.graph.ranges import range_of
from networks import run

L = keras.layers
INF = float("inf")
IMAGE = (-1.0, 3.0)


def merged(layer, *branches):
    return lambda image: layer([branch(image) for branch in branches])


CASES = {
    "the image": (lambda image: image, IMAGE),
    "a convolution": (L.Conv2D(2, 1), (-INF, INF)),
    "a ReLU": (L.ReLU(), (0.0, 3.0)),
    "a ReLU6 of a convolution": (lambda image: L.ReLU(6.0)(L.Conv2D(2, 1)(image)), (0.0, 6.0)),
    "a leaky ReLU": (L.LeakyReLU(negative_slope=0.5), (-0.5, 3.0)),
    "a function that turns back": (L.Activation("silu"), (-INF, INF)),
    "what falls": (L.Rescaling(-2.0, offset=1.0), (-5.0, 3.0)),
    "padding": (lambda image: L.ZeroPadding2D(1)(L.Rescaling(1.0, offset=2.0)(image)), (0.0, 5.0)),
    "pooling": (lambda image: L.AveragePooling2D(2)(L.MaxPooling2D(2)(image)), IMAGE),
    "a softmax": (L.Softmax(), (0.0, 1.0)),
    "a sum": (merged(L.Add(), L.ReLU(), L.ReLU(2.0)), (0.0, 5.0)),
    "a product": (merged(L.Multiply(), L.Activation("sigmoid"), lambda image: image), (-0.952574, 2.857722)),
    "parts side by side": (merged(L.Concatenate(), L.ReLU(2.0), L.Rescaling(-1.0)), (-3.0, 2.0)),
    "a reshaped map": (lambda image: L.Flatten()(L.ReLU()(image)), (0.0, 3.0)),
    "enlarged by lines": (L.UpSampling2D(2, interpolation="bicubic"), (-INF, INF)),
}


@pytest.mark.once
@pytest.mark.parametrize("name", CASES)
def test_values_stay_within_their_range(name):
    layer, expected = CASES[name]
    image = keras.Input((8, 8, 2))
    model = keras.Model(image, L.Identity()(layer(image)))
    graph = flatten(model)
    found = range_of(graph, graph.calls[-1], IMAGE)
    assert found == pytest.approx(expected, abs=1e-5)
    rng = np.random.default_rng(0)
    pixels = np.concatenate([rng.uniform(*IMAGE, size=(4, 8, 8, 2)), *(np.full((1, 8, 8, 2), end) for end in IMAGE)]).astype(np.float32)
    values = run(model, pixels)
    assert found[0] <= values.min() + 1e-6 and values.max() <= found[1] + 1e-6


@pytest.mark.once
def test_an_image_of_unknown_numbers_has_no_bounds():
    image = keras.Input((8, 8, 2))
    graph = flatten(keras.Model(image, L.ReLU()(image)))
    assert range_of(graph, graph.calls[0], None) == (-INF, INF)
    assert range_of(graph, graph.calls[-1], None) == (0.0, INF)


@pytest.mark.once
def test_a_call_that_many_ways_lead_back_to_is_looked_at_once():
    image = value = keras.Input((4, 4, 1))
    for _ in range(40):  # 2 ** 40 ways
        value = L.Maximum()([L.ReLU()(value), value])
    graph = flatten(keras.Model(image, value))
    assert range_of(graph, graph.calls[-1], (0.0, 1.0)) == (0.0, 1.0)
