"""Paths between the layers of whole networks: nested and shared ones, channels first, half precision, layers that were not measured."""

import numpy as np

from convscope.backend import keras
from convscope.network.circuits import all_feeds, connections, feeds, usual_values
from convscope.network.network import as_network
from convscope.units import Unit
from networks import array, filled, residual

layers = keras.layers


def conv(count, size=3, **more):
    return layers.Conv2D(count, size, padding="same", **more)


def made(model, layer, **more):
    return list(connections(as_network(model), layer, **more))


def sources(units):
    return {one.source.layer for unit in units for one in unit.inputs}


def test_the_lowest_inputs_are_the_channels_of_the_image():
    units = made("fashion", "block1_conv1")
    assert {one.source for unit in units for one in unit.inputs} == {Unit("image", 0)} and all(unit.exact for unit in units)
    kernel = array(as_network("fashion").bundle.network.get_layer("block1_conv1").kernel)
    np.testing.assert_array_equal(units[3].inputs[0].pattern, kernel[:, :, 0, 3])


def test_layers_of_nested_models_and_calls_of_shared_ones_have_their_addresses():
    image = keras.Input((8, 8, 3), name="image")
    inner = keras.Sequential([keras.Input((8, 8, 3)), conv(4, name="first"), conv(3, name="second")], name="inner")
    shared = conv(3, name="shared")
    model = filled(keras.Model(image, layers.Dense(2, name="end")(layers.Flatten()(shared(shared(inner(image)))))))
    assert sources(made(model, "inner/second")) == {"inner/first"}
    assert sources(made(model, "shared")) == {"inner/second"} and sources(made(model, "shared#2")) == {"shared"}
    assert made(model, "end")[0].inputs[0].pattern.shape == (8, 8) and sources(made(model, "end")) == {"shared#2"}


def chain(order):
    image = keras.Input((6, 6, 3) if order == "channels_last" else (3, 6, 6), name="image")
    value = layers.Conv2D(4, 3, activation="relu", data_format=order, name="below")(image)
    value = layers.Conv2D(5, 2, data_format=order, name="unit")(value)
    return filled(keras.Model(image, layers.Dense(3, name="end")(layers.Flatten()(value))))


def test_channels_first_is_the_same_as_channels_last():
    first, last = chain("channels_first"), chain("channels_last")
    turned = array(first.get_layer("end").kernel).reshape(5, 3, 3, 3).transpose(1, 2, 0, 3)  # of (channel, row, column, unit)
    last.get_layer("end").kernel.assign(turned.reshape(45, 3))
    for layer in ("unit", "end"):
        for one, other in zip(made(first, layer), made(last, layer), strict=True):
            assert [each.source for each in one.inputs] == [each.source for each in other.inputs]
            for mine, theirs in zip(one.inputs, other.inputs, strict=True):
                np.testing.assert_allclose(mine.pattern, theirs.pattern, rtol=1e-5, atol=1e-7)


def test_weights_of_half_precision_are_taken_as_they_are():
    image = keras.Input((6, 6, 3), name="image")
    half = layers.Conv2D(5, 3, name="unit", dtype="float16")(layers.Conv2D(4, 1, name="below", dtype="float16")(image))
    model = filled(keras.Model(image, half))
    kernel = array(model.get_layer("unit").kernel).astype("float32")
    for unit in made(model, "unit"):
        for one in unit.inputs:
            np.testing.assert_array_equal(one.pattern, kernel[:, :, one.source.channel, unit.unit.channel])


def test_depthwise_layers_are_passed_through_and_have_one_input():
    model = residual()
    (one, *_) = made(model, "depthwise")
    assert [each.source for each in one.inputs] == [Unit("expand", 0)] and not one.exact
    assert sources(made(model, "logits")) == {"stem", "expand"}
    fed = feeds(as_network(model), "depthwise")
    assert {target.target.layer for unit in fed for target in unit.targets} == {"logits"}
    assert set(all_feeds(as_network(model))) == {"stem", "expand", "depthwise", "logits"}


def test_paths_go_on_through_layers_that_were_not_measured():
    model = filled(
        keras.Sequential([keras.Input((8, 8, 2), name="image"), conv(4, name="one"), conv(3, name="two"), conv(5, name="three")])
    )
    assert sources(made(model, "three")) == {"two"}
    through = made(model, "three", measured=["one", "three"])
    assert sources(through) == {"one"} and through[0].inputs[0].pattern.shape == (5, 5) and through[0].exact


def test_what_a_unit_usually_is_comes_from_the_normalization_after_it():
    model = residual()
    network = as_network(model)
    np.testing.assert_array_equal(usual_values(network, "stem"), array(model.get_layer("stem_bn").moving_mean))
    assert not usual_values(network, "expand").any()


def test_weights_that_are_not_finite_are_said():
    model = filled(keras.Sequential([keras.Input((8, 8, 2), name="image"), conv(4, name="one"), conv(3, name="two")]))
    kernel = array(model.get_layer("two").kernel).copy()
    kernel[0, 0, :, 1] = np.nan
    model.get_layer("two").kernel.assign(kernel)
    units = made(model, "two")
    assert units[0].inputs and units[1].inputs == () and not units[1].exact and "NaN or infinite" in units[1].remarks[0]
