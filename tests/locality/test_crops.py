"""T11: a unit's value and projection on its crop are those on the whole image, for graphs of every shape; where they cannot be, no crop."""

import numpy as np
import pytest

from chains import CHAINS, RULESETS, TELLING, places, same
from convscope.backend import keras
from convscope.graph.history import flatten
from convscope.graph.projector import Projector
from convscope.locality.crops import crops_of
from networks import array, filled, images, model_of, tensor
from sampling import all_but

layers = keras.layers


def compared(graph, call, pixels, position, rules):
    """Return the crop, the unit's value and its projection on it, and both on the whole image."""
    size = pixels.shape[1:3]
    crop = crops_of(graph, call, size).at(position)
    if crop is None:
        return None
    top, left, bottom, right = crop.window
    whole, part = Projector(graph, tensor(pixels), [call]), Projector(graph, tensor(pixels[:, top:bottom, left:right]), [call])
    pictures, values = [], []
    for projector, (row, column) in ((part, crop.position), (whole, position)):
        value = array(projector.value(call))
        channel = int(array(whole.value(call))[0, position[0], position[1]].argmax())
        signal = np.zeros_like(value)
        signal[0, row, column, channel] = 1.0
        values.append(value[0, row, column, channel])
        pictures.append(array(projector.project(call, tensor(signal), rules))[0])
    pasted = np.zeros_like(pictures[1])
    pasted[top:bottom, left:right] = pictures[0]
    return pasted, values[0], pictures[1], values[1]


@pytest.mark.parametrize("half", all_but([0], [0, 1]))
@pytest.mark.parametrize("name", all_but(TELLING, CHAINS))
def test_t11_a_crop_equals_the_whole_image(name, half, record_error):
    side, chain = CHAINS[name]
    graph = flatten(model_of(*chain(), shape=(*side, 2)))
    pixels = images(1, *side, 2)
    calls = [call for call in graph.visible.values() if crops_of(graph, call, side) is not None]
    for call in (calls[len(calls) // 2], calls[-1]):
        found = 0
        shape = array(Projector(graph, tensor(pixels), [call]).value(call)).shape
        for position in places(shape)[half::2]:
            for rules in RULESETS.values() if call is calls[-1] else [RULESETS["switches"]]:
                both = compared(graph, call, pixels, position, rules)
                if both is None:
                    continue
                found += 1
                cut, value, whole, true_value = both
                scale = np.abs(whole).max()
                assert record_error("T11", abs(value - true_value) / max(abs(true_value), 1e-3)) <= 1e-5, (call.address, position)
                assert record_error("T11", np.abs(cut - whole).max() / (scale or 1.0)) <= 1e-5, (call.address, position, rules.name)
        assert found >= 0.6 * len(places(shape)[half::2]), (call.address, found)


@pytest.mark.parametrize("size", [(64, 64), (75, 61)])
def test_crops_of_a_layer_have_one_shape_and_lie_in_the_image(size):
    graph = flatten(model_of(*CHAINS["VGG"][1](), shape=(*size, 3)))
    call = list(graph.visible.values())[5]
    crops = crops_of(graph, call, size)
    for row in range(size[0] // 2 // 2 * 2 // 2):
        crop = crops.at((row, row))
        assert (crop.window.height, crop.window.width) == crops.size
        assert crop.window.top >= 0 and crop.window.bottom <= size[0]
        assert crop.window.left >= 0 and crop.window.right <= size[1]


def test_where_everything_is_looked_at_there_is_no_crop():
    def excited(value):
        gate = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(value))
        return layers.Multiply()([value, gate])

    graph = flatten(model_of(same(3, name="free"), excited, same(3, name="bound"), shape=(32, 32, 3)))
    assert crops_of(graph, graph.find("free"), (32, 32)) is not None
    assert crops_of(graph, graph.find("bound"), (32, 32)) is None
    dense = flatten(model_of(same(3), layers.Flatten(), layers.Dense(2), shape=(8, 8, 3)))
    assert crops_of(dense, list(dense.visible.values())[-1], (8, 8)) is None


def test_large_fields_are_not_worth_a_crop():
    graph = flatten(filled(keras.Sequential([keras.Input((16, 16, 3)), same(3, 9), same(3, 9)])))
    assert crops_of(graph, list(graph.visible.values())[-1], (16, 16)) is None


@pytest.mark.once
@pytest.mark.long
def test_every_layer_of_vgg16_and_of_resnet50_equals_the_whole_image(record_error):
    """T11 where it is used: the networks as Keras builds them, at a side that leaves true crops in most layers."""
    for build, side in ((keras.applications.VGG16, 128), (keras.applications.ResNet50, 96)):
        graph = flatten(filled(build(weights=None, include_top=False, input_shape=(side, side, 3))))
        pixels = images(1, side, side, 3) * 2 - 1
        kinds = [call for call in graph.visible.values() if call.layer_type == "Conv2D" and crops_of(graph, call, (side, side)) is not None]
        assert len(kinds) >= 7
        for call in kinds if build is keras.applications.VGG16 else kinds[::4]:
            rows, columns = array(Projector(graph, tensor(pixels), [call]).value(call)).shape[1:3]
            for position in ((rows // 2, columns // 2), (0, columns - 1)):
                cut, value, whole, true_value = compared(graph, call, pixels, position, RULESETS["switches"])
                assert record_error("T11", abs(value - true_value) / max(abs(true_value), 1e-3)) <= 1e-5, call.address
                assert record_error("T11", np.abs(cut - whole).max() / (np.abs(whole).max() or 1.0)) <= 1e-5, call.address
