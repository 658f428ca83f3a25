"""What is climbed, against loops: cells of a map, the strongest place, and how alike pictures of one unit are."""

import numpy as np
import pytest

import convscope
from convscope.ascent.objective import LEAST_CELL, as_targets, cell_of, likeness, strongest_of_cells
from convscope.ascent.pictures import canvas_of
from convscope.backend import keras
from convscope.network.addresses import unit_call
from convscope.network.network import as_network
from convscope.units import Unit
from networks import array, model_of, tensor
from twins import relative_error


def slow_cells(values, high, wide):
    """The mean over whole cells, from the middle, of each one's largest value."""
    count, rows, columns = values.shape
    top, left = (rows % high) // 2, (columns % wide) // 2
    found = []
    for picture in range(count):
        peaks = [
            max(values[picture, i + row, j + column] for row in range(high) for column in range(wide))
            for i in range(top, rows - high + 1, high)
            for j in range(left, columns - wide + 1, wide)
        ]
        found.append(sum(peaks) / len(peaks))
    return found


@pytest.mark.parametrize(
    ("shape", "cell", "sides"), [((12, 12), 3.0, (3, 3)), ((13, 11), 4.4, (4, 4)), ((7, 7), float("inf"), (3, 3)), ((1, 5), 9.0, (1, 2))]
)
def test_cells_equal_a_loop(shape, cell, sides):
    values = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    found = array(strongest_of_cells(cell)(tensor(values), axis=(1, 2)))
    assert relative_error(found, slow_cells(values, *sides)) < 1e-6


def test_a_cell_is_half_a_receptive_field():
    layers = keras.layers
    model = model_of(
        layers.Conv2D(2, 3, padding="same", name="first"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(2, 9, padding="same", name="second"),
        layers.GlobalAveragePooling2D(name="gap"),
        layers.Reshape((1, 1, 2), name="map"),
        layers.Conv2D(2, 1, name="third"),
        shape=(64, 64, 3),
    )
    graph = as_network(convscope.load(model, preprocess="unit")).graph
    cells = {name: cell_of(graph, unit_call(graph, Unit(name, 0))) for name in ("first", "second", "third")}
    # second: a window of 9 pooled pairs of 3 x 3 sees 9 * 2 + 2 = 20 pixels, in steps of 2
    assert cells == {"first": LEAST_CELL, "second": 20 / 2 / 2, "third": float("inf")}


def test_cells_and_canvas_of_a_network_whose_channels_are_weighed_by_the_whole_map_are_those_of_its_maps():
    layers = keras.layers

    def excited(value):
        return layers.Multiply()([value, layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(value))])

    first, last = (layers.Conv2D(4, 19, padding="same", name=name) for name in ("first", "last"))
    network = as_network(convscope.load(model_of(first, excited, last, shape=(64, 64, 3)), preprocess="unit"))
    assert cell_of(network.graph, unit_call(network.graph, Unit("last", 0))) == 37 / 2
    assert canvas_of(network, as_targets(network, "first:0"), None) == (64, 64)
    assert canvas_of(network, as_targets(network, "last:0"), None) == (
        64,
        64,
    )  # half as much again as 37, not 192


def test_likeness_equals_a_loop():
    values = np.random.default_rng(0).normal(size=(4, 3, 2, 5))
    grams = []
    for picture in values:
        flat = np.maximum(picture.reshape(-1, 5), 0)
        gram = sum(np.outer(place, place) for place in flat)
        grams.append(gram / np.linalg.norm(gram))
    expected = [(grams[i] * grams[j]).sum() for i, j in ((0, 1), (1, 0), (2, 3), (3, 2))]
    assert relative_error(array(likeness(tensor(values), 2)), expected) < 1e-5
