"""How much there is to compute: counted by hand."""

import pytest

from convscope.backend import keras
from convscope.graph.history import flatten
from convscope.locality import cost
from networks import model_of

layers = keras.layers


def test_multiplications_are_the_weights_times_the_places_of_the_output():
    graph = flatten(model_of(layers.Conv2D(4, 3, use_bias=False), layers.ReLU(), layers.MaxPooling2D(2), shape=(10, 10, 2)))
    calls = list(graph.visible.values())[1:]
    areas = {call.index: area for call, area in zip(calls, (64, 64, 16), strict=True)}
    # A call without weights counts once for each channel.
    assert cost.multiplications(calls, areas.__getitem__) == 64 * 3 * 3 * 2 * 4 + 64 * 4 + 16 * 4


@pytest.mark.parametrize("share", [0.99, 1.01])
def test_what_is_heavy_is_a_matter_of_the_image_and_of_the_number_of_calls(share, monkeypatch):
    graph = flatten(model_of(layers.Conv2D(4, 3, use_bias=False), layers.ReLU(), shape=(None, None, 2)))
    call = list(graph.visible.values())[-1]
    monkeypatch.setattr(cost, "WORK_PER_COMPILED_CALL", share * (64 * 72 + 64 * 4) / 2)
    assert cost.is_heavy(graph, call, (10, 10)) is (share < 1)
    assert cost.is_heavy(graph, call, (40, 40))
