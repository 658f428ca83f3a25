"""Receptive fields against gradients: with all weights 1, average pooling and no ReLU, what is not zero is the field."""

import numpy as np
import pytest

import convscope
from convscope.backend import engine, keras, ops
from convscope.errors import ExhaustedError
from convscope.graph.history import flatten
from convscope.graph.kinds import Kind
from convscope.graph.projector import Projector
from convscope.graph.rules import GRADIENT, GUIDED, deconvnet
from convscope.locality.receptive import receptive_field, receptive_fields
from convscope.locality.shapes import call_shapes
from convscope.locality.windows import Field
from networks import array, filled, images, model_of, tensor

layers = keras.layers
SIDE = (61, 59)


def branches(pool, relu):
    def module(value):
        narrow = relu()(layers.Conv2D(2, 1)(value))
        wide = relu()(layers.Conv2D(2, 5, padding="same")(value))
        tall = layers.Conv2D(2, (5, 1), padding="same")(pool(3, 1, "same")(value))
        return layers.Concatenate()([narrow, wide, tall])

    return [layers.Conv2D(3, 3, strides=2, padding="same"), module, pool(2), module]


def residual(pool, relu):
    def block(value):
        deep = layers.Conv2D(3, 3, padding="same")(relu()(layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same")(value))))
        return relu()(layers.Add()([value, deep]))

    return [layers.ZeroPadding2D(((2, 3), (1, 0))), layers.Conv2D(3, 5, strides=2), pool(3, 2, "same"), block]


# Each takes the pooling and the ReLU as layer classes, so that the same architecture can be had without anything that hides a path.
ARCHITECTURES = {
    "valid": lambda pool, relu: [layers.Conv2D(3, 3), relu(), layers.Conv2D(3, (2, 5)), relu()],
    "same": lambda pool, relu: [layers.Conv2D(3, 3, padding="same"), relu(), layers.Conv2D(3, 4, padding="same")],
    "strided": lambda pool, relu: [
        layers.Conv2D(3, 5, strides=2, padding="same"),
        relu(),
        layers.Conv2D(3, 3, strides=(2, 3), padding="same"),
    ],
    "strided valid": lambda pool, relu: [layers.Conv2D(3, 5, strides=3), relu(), layers.Conv2D(3, 2)],
    "dilated": lambda pool, relu: [layers.Conv2D(3, 3, dilation_rate=(2, 3)), relu(), layers.Conv2D(3, 3, dilation_rate=2, padding="same")],
    "VGG": lambda pool, relu: [layers.Conv2D(3, 3, padding="same"), relu(), pool(2), layers.Conv2D(3, 3, padding="same"), relu(), pool(2)],
    "odd pooling": lambda pool, relu: [pool(3, 2), layers.Conv2D(3, 3, padding="same"), relu(), pool(3, 2, "same")],
    "gaps between windows": lambda pool, relu: [pool(2, 3, "same"), layers.Conv2D(3, 2)],
    "depthwise": lambda pool, relu: [layers.DepthwiseConv2D(3, strides=2), relu(), layers.SeparableConv2D(3, 3, padding="same")],
    "grouped": lambda pool, relu: [layers.Conv2D(4, 3), relu(), layers.Conv2D(4, 3, groups=2)],
    "branches": branches,
    "residual": residual,
    "cropping": lambda pool, relu: [layers.Conv2D(3, 3, padding="same"), relu(), layers.Cropping2D(((1, 2), (3, 0))), layers.Conv2D(3, 3)],
    "transposed": lambda pool, relu: [layers.Conv2D(3, 3, strides=2), relu(), layers.Conv2DTranspose(3, 3, strides=2)],
    "transposed same": lambda pool, relu: [
        pool(2),
        layers.Conv2DTranspose(3, 5, strides=2, padding="same"),
        layers.Conv2D(3, 3, padding="same"),
    ],
    "transposed with gaps": lambda pool, relu: [pool(2), layers.Conv2DTranspose(3, 2, strides=3), layers.Conv2D(3, 2)],
    "upsampling": lambda pool, relu: [pool(3, 2), layers.Conv2D(3, 3), layers.UpSampling2D((2, 3)), layers.Conv2D(3, 3, padding="same")],
    "adaptive": lambda pool, relu: [layers.Conv2D(3, 3), layers.AdaptiveAveragePooling2D((9, 7)), layers.Conv2D(3, 2)],
    "dense on maps": lambda pool, relu: [layers.Conv2D(3, 3), layers.Dense(4), relu(), layers.Conv2D(3, 3)],
    "operations": lambda pool, relu: [
        lambda value: ops.conv(value, np.ones((5, 3, 2, 3), "float32"), 2, "same", dilation_rate=1),
        lambda value: ops.separable_conv(value, np.ones((3, 3, 3, 1), "float32"), np.ones((1, 1, 3, 2), "float32")),
        lambda value: ops.average_pool(value, 2, 2),
    ],
}
architectures = pytest.mark.parametrize("name", ARCHITECTURES)


def build(name, pool, relu):
    return model_of(*ARCHITECTURES[name](pool, relu), shape=(*SIDE, 2))


def last(graph):
    return graph.calls[graph.outputs[0].call]


def corners(shape):
    return [(row, column) for row in (0, shape[1] - 1) for column in (0, shape[2] - 1)]


def middle(shape):
    return [(shape[1] // 2 + row, shape[2] // 2 + column) for row in (-1, 0, 1) for column in (-1, 0, 1)]


def at(shape, position):
    """Return a signal of ones at all channels of one position: a field is that of a place, whatever the channel."""
    signal = np.zeros((1, *shape[1:]), "float32")
    signal[0, position[0], position[1]] = 1.0
    return signal


def box(support):
    rows, columns = (np.flatnonzero(support.any(axis=axis)) for axis in (1, 0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


@architectures
def test_t8_the_field_is_the_support_of_the_gradient_with_all_weights_one(name):
    """T8; at the corners, where padding can hide pixels, the field is an upper bound."""
    bare = build(name, layers.AveragePooling2D, layers.Identity)
    bare.set_weights([np.ones_like(weight) for weight in bare.get_weights()])
    graph = flatten(build(name, layers.MaxPooling2D, layers.ReLU))
    _, pullback = engine().vjp(bare, [tensor(images(1, *SIDE, 2))])
    shape = last(graph).shape
    for position in (*middle(shape), *corners(shape)):
        support = box(array(pullback(tensor(at(shape, position)))[0])[0].any(axis=-1))
        field = receptive_field(graph, last(graph), position, SIDE)
        if position in middle(shape):
            assert tuple(field) == support, position
        else:
            top, left, bottom, right = field.clipped(*SIDE)
            assert top <= support[0] and left <= support[1] and support[2] <= bottom and support[3] <= right, position


@architectures
def test_t8_the_pictures_support_lies_inside_the_field(name):
    graph = flatten(build(name, layers.MaxPooling2D, layers.ReLU))
    call = last(graph)
    projector = Projector(graph, tensor(images(1, *SIDE, 2)), [call])
    for position in (middle(call.shape)[4], corners(call.shape)[3]):
        field = receptive_field(graph, call, position, SIDE).clipped(*SIDE)
        for ruleset in (deconvnet(), deconvnet("spread"), deconvnet("center"), GUIDED, GRADIENT):
            picture = array(projector.project(call, tensor(at(call.shape, position)), ruleset))[0].copy()
            picture[field.top : field.bottom, field.left : field.right] = 0.0
            assert not picture.any(), (position, ruleset.name)


def test_a_field_reaches_over_the_border_where_padding_is_until_it_is_clipped():
    graph = flatten(model_of(layers.Conv2D(2, 3, padding="same")))
    field = receptive_field(graph, last(graph), (0, 7), (8, 8))
    assert field == Field(-1, 6, 2, 9)
    assert (field.height, field.width) == (3, 3)
    assert field.clipped(8, 8) == Field(0, 6, 2, 8)
    assert Field(-3, 9, -2, 11).clipped(8, 8) == Field(0, 8, 0, 8)


def test_a_free_input_size_is_asked_for_when_the_field_is():
    model = model_of(layers.Conv2D(2, 3, strides=2, padding="same"), shape=(None, None, 3))
    graph = flatten(model)
    assert receptive_field(graph, last(graph), (0, 0), (8, 8)) == Field(0, 0, 3, 3)
    assert receptive_field(graph, last(graph), (0, 0), (9, 9)) == Field(-1, -1, 2, 2)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: layers.Reshape((8, 8, 3)),
        lambda: layers.UpSampling2D(2, interpolation="bilinear"),
        lambda: layers.GroupNormalization(1),
        lambda: layers.LayerNormalization(axis=(1, 2)),
        lambda: layers.Softmax(axis=1),
        lambda: lambda value: layers.Multiply()([value, layers.GlobalAveragePooling2D(keepdims=True)(value)]),
        lambda: lambda value: value[:, ::-1],
        lambda: lambda value: ops.conv(value, value[0, :2, :2, :, None] * np.ones(2, "float32")),
    ],
    ids=["reshape", "bilinear", "group norm", "layer norm", "softmax", "gate of all", "slice", "computed kernel"],
)
def test_where_the_reach_is_not_known_the_field_is_the_whole_image(reach):
    image = keras.Input((8, 8, 3), batch_size=1)
    graph = flatten(filled(keras.Model(image, layers.Conv2D(2, 3)(reach()(image)))))
    assert receptive_field(graph, last(graph), (1, 1), (8, 8)) == Field(0, 0, 8, 8)


@pytest.mark.parametrize("gate_first", [True, False])
def test_without_gates_a_field_is_that_of_the_maps_alone(gate_first):
    def excited(value):
        gate = layers.Conv2D(3, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(value))
        return layers.Multiply()([gate, value] if gate_first else [value, gate])

    graph = flatten(model_of(layers.Conv2D(3, 3, padding="same"), excited, layers.Conv2D(2, 3, padding="same"), shape=(16, 16, 3)))
    assert receptive_field(graph, last(graph), (8, 8), (16, 16)) == Field(0, 0, 16, 16)
    assert receptive_field(graph, last(graph), (8, 8), (16, 16), gates=False) == Field(6, 6, 11, 11)
    pooled = next(call for call in graph.visible.values() if call.layer_type == "GlobalAveragePooling2D")
    assert receptive_field(graph, pooled, (0, 0), (16, 16), gates=False) == Field(0, 0, 16, 16)


@pytest.mark.parametrize("over_channels", [layers.LayerNormalization, layers.Softmax, lambda: ops.softmax])
def test_what_mixes_only_channels_stays_at_its_place(over_channels):
    graph = flatten(model_of(over_channels(), layers.Conv2D(2, 3)))
    assert receptive_field(graph, last(graph), (1, 1), (8, 8)) == Field(1, 1, 4, 4)


def test_without_a_position_the_field_is_the_whole_image():
    graph = flatten(model_of(layers.Conv2D(2, 3)))
    assert receptive_field(graph, last(graph), None, (8, 8)) == Field(0, 0, 8, 8)


def test_the_field_of_the_input_itself_is_one_pixel():
    graph = flatten(model_of(layers.Conv2D(2, 3)))
    assert receptive_field(graph, graph.calls[graph.image_input], (3, 4), (8, 8)) == Field(3, 4, 4, 5)


@architectures
def test_many_fields_at_once_are_those_found_one_by_one(name):
    graph = flatten(build(name, layers.MaxPooling2D, layers.ReLU))
    calls = [call for call in graph.calls if call.kind is not Kind.INPUT]
    shapes = {call.index: call_shapes(graph, call, SIDE)[call.index] for call in calls}
    places = [(call, position) for call in calls for position in corners(shapes[call.index])]
    assert receptive_fields(graph, places, SIDE) == [receptive_field(graph, call, position, SIDE) for call, position in places]


def test_fields_behind_what_reaches_everything_and_beside_it():
    image = keras.Input((16, 16, 3))
    narrow = layers.Conv2D(3, 3, padding="same")(image)
    gate = layers.Dense(3)(layers.GlobalAveragePooling2D()(narrow))
    gated = layers.Multiply()([narrow, layers.Reshape((1, 1, 3))(gate)])
    graph = flatten(keras.Model(image, [layers.Conv2D(2, 3)(gated), layers.Conv2D(2, 3)(narrow)]))
    places = [(call, (0, 0)) for call in graph.calls if call.kind is not Kind.INPUT]
    expected = [receptive_field(graph, call, position, (16, 16)) for call, position in places]
    assert receptive_fields(graph, places, (16, 16)) == expected
    assert len(set(expected)) > 2


@pytest.mark.once
def test_what_does_not_fit_into_the_memory_is_refused_before_a_picture_of_that_size_is_made(monkeypatch):
    image = keras.Input((16_000, 16_000, 3))
    large = layers.Conv2D(2, 3, name="large")(image)
    model = keras.Model(image, layers.GlobalAveragePooling2D(name="mean")(large))
    monkeypatch.setattr("convscope.locality.shapes.available_memory", lambda: 2**30)
    monkeypatch.setattr("convscope.network.entering.as_batch", lambda *_: pytest.fail("a batch was made"))
    bundle = convscope.load(model, preprocess="unit")
    for address in ("large", "mean:0"):
        with pytest.raises(ExhaustedError, match=r"`large`.*would need 4.8 GB for one image of 16000 x 16000 pixels, but 1.0 GB are free"):
            (convscope.saliency if ":" in address else convscope.activations)(bundle, address, "sample:cat")


@pytest.mark.once
def test_a_map_that_grows_on_the_way_is_refused(monkeypatch):
    model = model_of(layers.Conv2D(2, 3), layers.UpSampling2D(64), layers.MaxPooling2D(64), shape=(None, None, 3))
    monkeypatch.setattr("convscope.locality.shapes.available_memory", lambda: 2**30)
    bundle = convscope.load(model, preprocess="unit")
    address = bundle.network.layers[-1].name
    assert convscope.activations(bundle, address, images(1, 20, 20)).maps.shape[1] == 18
    with pytest.raises(ExhaustedError, match=r"`up_sampling2d\w*`.* of 600 x 600 pixels"):
        convscope.activations(bundle, address, images(1, 600, 600))
