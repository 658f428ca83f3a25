"""Plain weights: colours in RGB order, norms, and kernels that are the same."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.catalogue import DRAWINGS
from convscope.graph.tensors import to_array
from networks import model_of

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def model():
    """Unit 3 of conv1 is unit 0 twice as long, unit 2 is empty; the second layer sees it through a ReLU."""
    model = model_of(
        keras.layers.Conv2D(4, 3, activation="relu", name="conv1"),
        keras.layers.Conv2D(6, 3, activation="relu", name="conv2"),
        shape=(9, 9, 3),
    )
    kernel, bias = (np.array(one) for one in model.get_layer("conv1").get_weights())
    kernel[..., 3], kernel[..., 2], bias[2] = 2 * kernel[..., 0], 0, 0
    model.get_layer("conv1").set_weights([kernel, bias])
    return model


def test_norms_duplicates_and_dead_units_of_a_constructed_layer(model):
    found = convscope.weights(model, "conv1")
    kernel = to_array(model.get_layer("conv1").kernel)
    assert np.allclose(found.norms, np.sqrt((kernel**2).sum(axis=(0, 1, 2))), rtol=1e-5)
    assert found.nearest[0] == 3 and found.nearest[3] == 0 and found.likeness[0] == pytest.approx(1, abs=1e-6)
    assert found.duplicates.tolist() == [True, False, False, True] and found.nearest[2] == -1
    assert found.dead.tolist() == [False, False, True, False] and found.weak.tolist() == [False, False, True, False]
    assert found.of_image and not convscope.weights(model, "conv2").of_image
    rows = found.summary()["units"]
    assert rows[0]["nearest"] == "conv1:3" and rows[2]["norm"] == 0 and len(found.to_table()) == 4


def test_kernels_on_an_image_are_in_rgb_order(model):
    plain = convscope.weights(model, "conv1").kernels
    reversed_ = convscope.weights(convscope.load(model, preprocess="caffe"), "conv1")
    assert np.array_equal(reversed_.kernels, plain[..., ::-1]) and reversed_.inputs[0].tolist() == [2, 1, 0]


def test_the_strongest_inputs_of_a_later_layer_are_drawn_with_their_numbers(model):
    found = convscope.weights(model, "conv2", count=2, order="strongest", most=3)
    lengths = np.sqrt((to_array(model.get_layer("conv2").kernel) ** 2).sum(axis=(0, 1)))  # (input, unit)
    assert found.strongest(0, 4) == np.argsort(-lengths[:, 0], kind="stable").tolist()
    sheet = DRAWINGS.get("weights")(found)["weights.png"]
    best = int(np.argmax(found.norms))
    words = [one.text for one in sheet.words]
    assert f":{best}" in words and [f":{one}" for one in found.strongest(best, 2)] == words[words.index(f":{best}") + 2 :][:2]
    assert "3 of 6 units, longest kernel first" in sheet.subtitle
