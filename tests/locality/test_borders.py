"""Places at the border: against a slow look at each, and against what padding does to a picture of one colour."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.graph.history import flatten
from convscope.locality.borders import at_border, mostly_at_border
from convscope.locality.receptive import receptive_fields
from networks import model_of

layers = keras.layers
NETWORKS = {
    "padded": [layers.Conv2D(2, 3, padding="same", name="last")],
    "not padded": [layers.Conv2D(2, 3, name="last")],
    "strided": [layers.Conv2D(2, 3, 2, padding="same", name="last")],
    "deep": [layers.Conv2D(2, 3, padding="same"), layers.MaxPooling2D(), layers.Conv2D(2, 3, padding="same", name="last")],
}


@pytest.mark.once
@pytest.mark.parametrize("name", NETWORKS)
def test_a_place_is_at_the_border_where_it_lies_there_and_sees_over_it(name):
    size = (10, 12)
    graph = flatten(model_of(*NETWORKS[name], shape=(*size, 3)))
    call = graph.find("last")
    rows, columns = (int(side) for side in call.shape[1:3])
    places = np.array([(row, column) for row in range(rows) for column in range(columns)])
    fields = np.array(receptive_fields(graph, [(call, (int(row), int(column))) for row, column in places], size))
    expected = [
        (row == 0 and top < 0) or (column == 0 and left < 0) or (row == rows - 1 and bottom > 10) or (column == columns - 1 and right > 12)
        for (row, column), (top, left, bottom, right) in zip(places, fields, strict=True)
    ]
    found = at_border(places, fields, (rows, columns), size)
    assert found.tolist() == expected
    counts = {"padded": 40, "not padded": 0, "strided": 5 + 6 - 1, "deep": 18}  # "same" with a stride pads at the end alone
    assert found.sum() == counts[name]


def test_a_layer_without_a_map_has_no_border():
    assert not at_border(np.full((3, 2), -1), np.tile([0, 0, 8, 8], (3, 1)), (), (8, 8)).any()


@pytest.mark.parametrize(
    ("shape", "here", "count", "expected"),
    [
        ((56, 56), 9, 9, True),
        ((56, 56), 8, 9, True),
        ((56, 56), 7, 9, False),
        ((14, 14), 8, 9, True),
        ((7, 7), 9, 9, True),
        ((7, 7), 8, 9, False),  # half of such a map is border: chance does that once in sixty
        ((4, 4), 9, 9, False),
        ((56, 56), 1, 1, False),
        ((56, 56), 2, 2, True),
        ((56, 56), 0, 9, False),
        ((), 0, 9, False),
        ((1, 1), 9, 9, False),
    ],
)
def test_units_at_the_border_of_nearly_all_images_are_named_where_chance_does_not_do_it(shape, here, count, expected):
    assert mostly_at_border(np.arange(count) < here, shape) is expected
