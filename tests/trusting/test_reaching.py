"""How much of an activation comes from the border."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.graph.history import flatten
from convscope.trusting.reaching import border_places, border_share
from networks import model_of

pytestmark = pytest.mark.once


def test_an_even_activation_has_the_border_s_share_and_a_frame_all():
    graph = flatten(model_of(keras.layers.Conv2D(2, 3, padding="same", name="same"), keras.layers.Conv2D(2, 3, name="valid")))
    border = border_places(graph, graph.find("same"), (8, 8), (8, 8))
    assert border.sum() == 28 and border[0].all() and not border[1:-1, 1:-1].any()
    even, frame, middle = np.ones((8, 8), np.float32), border.astype("float32"), np.where(border, -5, 1).astype("float32")
    assert border_share(even, border) == (28 / 64, 28 / 64)
    assert border_share(frame, border).share == 1 and border_share(middle, border).share == 0
    assert np.isnan(border_share(np.zeros((8, 8), np.float32), border).share)


def test_without_padding_no_place_is_at_the_border():
    graph = flatten(model_of(keras.layers.Conv2D(2, 3, name="valid")))
    assert not border_places(graph, graph.find("valid"), (6, 6), (8, 8)).any()
