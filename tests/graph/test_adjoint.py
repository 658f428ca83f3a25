"""Paths between units against the derivative that the framework computes, at random images, of every unit at the centre of its map."""

import numpy as np
import pytest

from convscope.backend import engine, keras
from convscope.graph.calls import picked
from convscope.graph.connections import Layers, paths
from convscope.graph.history import flatten
from convscope.locality.shapes import shapes_up_to
from networks import array, filled, images, tensor

layers = keras.layers


def conv(count, size=3, name=None, **more):
    return layers.Conv2D(count, size, name=name, **more)


def network(*chain, shape=(12, 14, 4)):
    """A network of a source layer `below`, some layers between, and the target `unit`."""
    image = value = keras.Input(shape, name="image")
    for layer in chain:
        value = layer(value)
    return filled(keras.Model(image, value))


def followed(model, address, below):
    """The paths from a layer down to those of the addresses `below` or the image, with the graph and the calls."""
    graph = flatten(model)
    target = graph.score(graph.find(address))
    stops = {graph.image_input: "image"} | {graph.score(graph.find(one)).index: one for one in below}
    between = Layers(graph, stops, shapes_up_to(graph, [target.index], tuple(side or 12 for side in model.input_shape[1:3])))
    return between, target, paths(between, target, np.arange(target.shape[-1]))


def derivatives(between, target, source, seed=0):
    """(unit, row, column, channel): of each unit at its centre by the map of a source, at a random image."""
    graph, start = between.graph, between.start(target)
    source = next(index for index, name in between.stops.items() if name == source)
    shape = between.shapes[graph.image_input]
    values = dict(
        zip([call.index for call in graph.calls], graph.values(tensor(images(*shape, seed=seed)), range(len(graph.calls))), strict=True)
    )

    def above(value):
        known = values | {source: value}
        for call in graph.calls[source + 1 : start.index + 1]:
            if call.sources:
                known[call.index] = call(*(picked(known[ref.call], ref) for ref in call.sources))
        return known[start.index]

    _, pullback = engine().vjp(above, [values[source]])
    found, centre = [], tuple(side // 2 for side in between.shapes[start.index][1:-1])
    for unit in range(target.shape[-1]):
        signal = np.zeros(between.shapes[start.index], np.float32)
        signal[(0, *centre, unit)] = 1
        found.append(array(pullback(tensor(signal))[0])[0])
    found = np.stack(found)
    return found if found.ndim == 4 else found[:, None, None]


def on_map(signal, shape):
    """A signal on the whole map of its source."""
    rows, columns = (shape[1], shape[2]) if len(shape) == 4 else (1, 1)
    dense = signal.dense()
    total = np.zeros((len(dense.values), rows, columns, shape[-1]), np.float32)
    top, left = dense.corner
    assert top >= 0 and left >= 0
    total[:, top : top + dense.sides[0], left : left + dense.sides[1]] = dense.values
    return total


def below():
    return conv(4, name="below", padding="same", activation="relu")


def gap_dense(value):
    return layers.Dense(6, name="unit")(layers.GlobalAveragePooling2D()(value))


def shortcut(value):
    deep = layers.BatchNormalization()(conv(4, padding="same", name="deep")(value))
    return conv(5, name="unit")(layers.Add()([value, deep]))


def branches(value):
    wide, narrow = conv(3, 5, padding="same", name="wide")(value), conv(2, 1, name="narrow")(value)
    return conv(4, name="unit")(layers.Concatenate()([wide, layers.AveragePooling2D(3, 1, "same")(narrow), value]))


LINEAR = {
    "a convolution": [conv(5, (3, 5), name="unit", activation="relu")],
    "padding, a stride": [conv(5, 4, name="unit", strides=2, padding="same")],
    "dilation": [conv(5, 3, name="unit", dilation_rate=(2, 1), padding="same")],
    "groups": [conv(6, 3, name="unit", groups=2)],
    "depthwise with multiples": [layers.DepthwiseConv2D((2, 3), depth_multiplier=2, name="unit")],
    "separable": [layers.SeparableConv2D(5, 3, depth_multiplier=2, name="unit")],
    "depthwise, normalized, 1 x 1": [layers.DepthwiseConv2D(3), layers.BatchNormalization(), conv(5, 1, name="unit")],
    "1 x 1, then 3 x 3": [conv(7, 1), conv(5, 3, name="unit", padding="same")],
    "3 x 3 behind a stride": [conv(3, 3, strides=2, padding="same"), conv(5, 3, name="unit", padding="same")],
    "transposed": [layers.Conv2DTranspose(5, 3, 2, "same", name="unit")],
    "transposed, far apart": [layers.Conv2DTranspose(5, 4, (3, 2), name="unit")],
    "transposed between": [layers.Conv2DTranspose(3, 4, 2, "same"), conv(5, 3, name="unit", padding="same")],
    "average pooling": [layers.AveragePooling2D(2), conv(5, 3, name="unit")],
    "average pooling that overlaps": [layers.AveragePooling2D(3, 2, "same"), conv(5, 2, name="unit")],
    "global average pooling": [gap_dense],
    "flatten": [layers.Flatten(), layers.Dense(6, name="unit", activation="softmax")],
    "flatten a normalized map": [
        layers.BatchNormalization(),
        layers.AveragePooling2D(5, 3, "same"),
        layers.Flatten(),
        layers.Dense(6, name="unit"),
    ],
    "a convolution under the head": [conv(3, 3, padding="same"), gap_dense],
    "the other order of axes": [layers.Permute((3, 1, 2)), layers.Permute((2, 1, 3)), layers.Flatten(), layers.Dense(6, name="unit")],
    "padded and cropped": [layers.ZeroPadding2D(((1, 2), (0, 3))), layers.Cropping2D(((2, 0), (1, 1))), conv(5, name="unit")],
    "padding under the head": [layers.ZeroPadding2D(1), conv(3, 3), gap_dense],
    "enlarged": [layers.UpSampling2D((2, 3)), conv(5, 3, name="unit")],
    "enlarged by bilinear numbers": [layers.UpSampling2D(2, interpolation="bilinear"), conv(5, 3, name="unit")],
    "scaled": [layers.Rescaling(2.5, 1.0), lambda value: value * 0.5 - 3.0, layers.Dropout(0.5), conv(5, 3, name="unit")],
    "an identity shortcut": [shortcut],
    "concatenation": [branches],
    "a dense layer on each place": [layers.Dense(5, name="unit")],
    "subtraction and mean": [lambda value: layers.Subtract()([value, layers.Average()([value, conv(4, 1)(value)])]), conv(5, name="unit")],
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_path_is_the_derivative_at_every_image(name, record_error):
    between, target, found = followed(network(below(), *LINEAR[name]), "unit", ["below"])
    assert found.remarks == () and list(found.sources) == ["below"]
    for seed in range(3):
        signal = on_map(found.sources["below"], between.shapes[between.graph.find("below").index])
        expected = derivatives(between, target, "below", seed)
        assert record_error("paths = derivatives", np.abs(signal - expected).max() / np.abs(expected).max()) < 2e-6


def wide_awake(model):
    """The model with offsets so large that no ReLU between is ever closed."""
    for variable in model.variables:
        if variable.path.endswith(("bias", "beta")) and not variable.path.startswith("below"):
            variable.assign(np.full(variable.shape, 30.0, "float32"))
    return model


def rectified_sum(value):
    return conv(5, name="unit")(layers.ReLU()(layers.Add()([value, conv(4, padding="same")(value)])))


OPENED = {
    "a rectified convolution": [conv(3, name="middle", activation="relu"), conv(5, name="unit")],
    "normalized and rectified": [layers.BatchNormalization(), layers.ReLU(), conv(5, name="unit")],
    "depthwise, normalized, rectified": [layers.DepthwiseConv2D(3), layers.BatchNormalization(), layers.ReLU(), conv(5, 1, name="unit")],
    "a leaky one": [conv(3), layers.LeakyReLU(0.2), gap_dense],
    "a rectified sum": [rectified_sum],
}


@pytest.mark.parametrize("name", OPENED)
def test_an_activation_between_counts_as_open(name):
    between, target, found = followed(wide_awake(network(below(), *OPENED[name])), "unit", ["below"])
    assert [sentence.startswith("Activations between count as open") for sentence in found.remarks] == [True]
    signal = on_map(found.sources["below"], between.shapes[between.graph.find("below").index])
    expected = derivatives(between, target, "below")
    assert np.abs(signal - expected).max() < 1e-5 * np.abs(expected).max()


def test_behind_a_max_pooling_one_place_stands_for_a_window():
    between, target, found = followed(network(below(), layers.MaxPooling2D(2, name="largest"), conv(5, name="unit")), "unit", ["below"])
    signal = found.sources["below"]
    assert signal.step == (2, 2) and signal.values.shape == (5, 3, 3, 4)
    assert found.remarks == ("Where the largest of several values is taken, the pattern holds for each of them: `largest`.",)
    windows = derivatives(between, target, "below").reshape(5, 6, 2, 7, 2, 4).sum(axis=(2, 4))
    top, left = signal.corner[0] // 2, signal.corner[1] // 2
    np.testing.assert_allclose(signal.values, windows[:, top : top + 3, left : left + 3], atol=1e-6)


class Odd(keras.layers.Layer):
    def call(self, value):
        return keras.ops.flip(value, 1) * 1.0


def gated(value):
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(value))
    return conv(5, name="unit")(layers.Multiply(name="gated")([gate, value]))


CONVENTIONS = {
    "a gate": ([gated], "Gates count as 1: `gated`."),
    "a normalization by the image": ([layers.LayerNormalization(scale=False), conv(5, name="unit")], "Normalizations by the image count"),
    "contrast": ([layers.UnitNormalization(), conv(5, name="unit")], "Paths through other layers are left out: `unit_normalization`."),
    "what is not known": ([Odd(), conv(5, name="unit")], "Paths through other layers are left out: `odd`."),
    "a kernel of one's own": ([type("Own", (layers.Conv2D,), {})(3, 3), conv(5, name="unit")], "Paths through other layers are left out"),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_what_is_not_linear_says_so(name):
    chain, sentence = CONVENTIONS[name]
    model = network(below(), *chain)
    _, _, found = followed(model, "unit", ["below"])
    assert len(found.remarks) == 1 and found.remarks[0].startswith(sentence)
    if "left out" in sentence:
        assert found.sources == {}
    else:
        kernel = array(model.get_layer("unit").kernel)
        np.testing.assert_array_equal(found.sources["below"].values, kernel.transpose(3, 0, 1, 2))


def test_paths_of_unlike_steps_meet():
    """A max pooling beside a strided convolution: both end on the same map, where their places are added."""

    def two(value):
        pooled, strided = layers.MaxPooling2D(2)(value), conv(4, 2, strides=2)(value)
        return conv(5, name="unit")(layers.Add()([pooled, strided]))

    both, _, added = followed(network(below(), two), "unit", ["below"])
    assert added.sources["below"].step == (1, 1)
    windows = derivatives(both, both.graph.find("unit"), "below").sum(axis=(1, 2))
    np.testing.assert_allclose(added.sources["below"].values.sum(axis=(1, 2)), windows, atol=1e-5)
