"""What an operation is to the methods."""

import pytest

from convscope.backend import keras, ops
from convscope.graph.history import flatten
from convscope.graph.kinds import Kind, classify


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Conv2D", Kind.CONVOLUTION),
        ("DepthwiseConv2D", Kind.CONVOLUTION),
        ("SeparableConv2D", Kind.CONVOLUTION),
        ("Conv2DTranspose", Kind.TRANSPOSED),
        ("Dense", Kind.DENSE),
        ("BatchNormalization", Kind.NORMALIZATION),
        ("ReLU", Kind.RELU),
        ("LeakyReLU", Kind.RELU),
        ("PReLU", Kind.RELU),
        ("Softmax", Kind.SOFTMAX),
        ("ELU", Kind.ACTIVATION),
        ("MaxPooling2D", Kind.MAX_POOL),
        ("GlobalMaxPooling2D", Kind.MAX_POOL),
        ("AveragePooling2D", Kind.AVERAGE_POOL),
        ("GlobalAveragePooling2D", Kind.GLOBAL_POOL),
        ("ZeroPadding2D", Kind.PADDING),
        ("Cropping2D", Kind.CROPPING),
        ("UpSampling2D", Kind.UPSAMPLING),
        ("Add", Kind.MERGE),
        ("Concatenate", Kind.MERGE),
        ("Multiply", Kind.MULTIPLY),
        ("Dropout", Kind.IDENTITY),
        ("Rescaling", Kind.IDENTITY),
        ("Flatten", Kind.OTHER),
    ],
)
def test_a_layer_has_the_kind_of_its_class(name, kind):
    given = {"Conv2D": (1, 1), "SeparableConv2D": (1, 1), "Conv2DTranspose": (1, 1), "Dropout": (0.5,), "Rescaling": (2.0,)}
    one_number = ("DepthwiseConv2D", "Dense", "AveragePooling2D")
    assert classify(getattr(keras.layers, name)(*given.get(name, (1,) if name in one_number else ()))) is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("relu", Kind.RELU),
        ("relu6", Kind.RELU),
        ("leaky_relu", Kind.RELU),
        ("swish", Kind.GATE),
        ("silu", Kind.GATE),
        ("gelu", Kind.GATE),
        ("hard_swish", Kind.GATE),
        ("sigmoid", Kind.SIGMOID),
        ("softmax", Kind.SOFTMAX),
        ("tanh", Kind.ACTIVATION),
        ("elu", Kind.ACTIVATION),
        ("linear", Kind.IDENTITY),
    ],
)
def test_an_activation_has_one_kind_as_a_layer_and_as_a_function(name, kind):
    assert classify(keras.activations.get(name)) is kind
    assert classify(keras.layers.Activation(name)) is kind


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x: ops.relu(x), Kind.RELU),
        (lambda x: ops.relu6(x), Kind.RELU),
        (lambda x: ops.silu(x), Kind.GATE),
        (lambda x: ops.max_pool(x, 2), Kind.MAX_POOL),
        (lambda x: ops.average_pool(x, 2), Kind.AVERAGE_POOL),
        (lambda x: x + x, Kind.MERGE),
        (lambda x: x * x, Kind.MULTIPLY),
        (lambda x: ops.exp(x), Kind.ACTIVATION),
        (lambda x: ops.transpose(x, (0, 2, 1, 3)), Kind.OTHER),
    ],
)
def test_a_keras_operation_has_a_kind_too(function, kind):
    image = keras.Input((4, 4, 2))
    assert flatten(keras.Model(image, function(image))).calls[-1].kind is kind


def test_a_subclass_counts_as_its_nearest_known_base():
    class Frozen(keras.layers.BatchNormalization):
        pass

    class Mine(keras.layers.Layer):
        pass

    assert classify(Frozen()) is Kind.NORMALIZATION
    assert classify(Mine()) is Kind.OTHER
