"""Gratings, against how often each pixel is reached when the same signal stands at every place and all weights are one."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.graph.history import flatten
from convscope.graph.rules import Ruleset
from convscope.locality.gratings import gratings
from networks import model_of, project

layers = keras.layers
SIDE = 48
NETWORKS = {
    "plain": ([lambda: layers.Conv2D(2, 3, padding="same")], {}),
    "2 x 2 pool": ([lambda: layers.Conv2D(2, 3), lambda: layers.AveragePooling2D(2)], {}),
    "3 x 3 pool, stride 2": ([lambda: layers.Conv2D(2, 3), lambda: layers.AveragePooling2D(3, 2, name="pool")], {"pool": 2}),
    "strided": ([lambda: layers.Conv2D(2, 3, 2, name="one"), lambda: layers.Conv2D(2, 3, 2, name="two")], {"one": 2, "two": 4}),
    "even": ([lambda: layers.Conv2D(2, 4, 2)], {}),
    "5 x 5, stride 3": ([lambda: layers.Conv2D(2, 5, 3, name="one")], {"one": 3}),
    "depthwise": ([lambda: layers.AveragePooling2D(2), lambda: layers.DepthwiseConv2D(3, 2, name="one")], {"one": 4}),
    "one axis": ([lambda: layers.AveragePooling2D((3, 2), (2, 2), name="pool")], {"pool": 2}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gratings_are_where_pixels_are_reached_unevenly(name):
    made, expected = NETWORKS[name]
    model = model_of(*(one() for one in made), shape=(SIDE, SIDE, 1))
    model.set_weights([np.ones_like(weight) if weight.ndim > 1 else np.zeros_like(weight) for weight in model.get_weights()])
    graph = flatten(model)
    assert gratings(graph.calls) == expected
    reached = project(model, np.zeros((1, SIDE, SIDE, 1), np.float32), np.ones((1, *model.output_shape[1:]), np.float32), Ruleset("own"))
    inside = reached[0, 12:-12, 12:-12, 0]  # away from the border, a whole number of periods
    period = max(expected.values(), default=1)
    assert (np.ptp(inside) > 1e-3 * inside.max()) == bool(expected)
    assert inside[period:] == pytest.approx(inside[:-period]) and inside[:, period:] == pytest.approx(inside[:, :-period])
