"""Layer-wise relevance propagation: against loops in float64, and by what it promises, that relevance is neither made nor lost."""

import numpy as np
import pytest

from convscope.backend import keras, ops
from convscope.graph.kinds import Kind
from convscope.graph.relevance import EPSILON, AlphaBeta, Epsilon, Flat
from convscope.graph.rules import Ruleset
from convscope.graph.rulesets import RULESETS
from networks import array, awake, filled, images, model_of, project, signal_like, small
from twins import SmallNet, convolve, convolve_back, relative_error, unpool

layers = keras.layers
COMPOSITES = {"lrp-epsilon-plus-flat": (1.0, 0.0), "lrp-epsilon-alpha2-beta1-flat": (2.0, 1.0)}


def divided(signal, value):
    return signal / (value + np.where(value < 0, -EPSILON, EPSILON))


def alpha_beta(value, kernel, bias, signal, alpha, beta):
    """Share a signal of a convolution: each product of an input and a weight goes to its sign's side."""
    shape, found = value.shape[:2], np.zeros(value.shape)
    for sign, factor in ((1, alpha), (-1, -beta)):
        pairs = [(np.maximum(value, 0), sign * np.maximum(sign * kernel, 0)), (np.minimum(value, 0), -sign * np.maximum(-sign * kernel, 0))]
        total = sum(convolve(part, weights) for part, weights in pairs) + sign * np.maximum(sign * bias, 0)
        share = divided(signal, total)
        found += factor * sum(part * convolve_back(share, weights, shape) for part, weights in pairs)
    return found


def flat(shape, kernel, signal):
    ones = np.ones_like(kernel)
    return convolve_back(signal / convolve(np.ones((*shape, kernel.shape[2])), ones), ones, shape)


@pytest.mark.parametrize("name", COMPOSITES)
def test_a_composite_is_what_the_loops_say_layer_by_layer(name, record_error):
    model = awake(small())
    net = SmallNet([array(one) for one in model.weights])
    image = images(1, 8, 8, 3)
    steps = net.forward(image[0])
    signal = np.abs(signal_like(steps["logits"]))
    share = divided(signal, steps["logits"])
    down = (steps["pool2"].reshape(-1) * (net.dense @ share)).reshape(steps["pool2"].shape)
    down = unpool(down, steps["conv2"])
    down = alpha_beta(steps["pool1"], net.kernel2, net.bias2, down, *COMPOSITES[name])
    down = flat((8, 8), net.kernel1, unpool(down, steps["conv1"]))
    assert np.abs(down).max() > 0
    found = project(model, image, signal[None].astype("float32"), RULESETS.get(name))
    assert record_error("relevance", relative_error(found[0], down)) <= 1e-4


@pytest.mark.parametrize("layer", ["strided", "depthwise", "transposed", "dense"])
def test_each_linear_layer_shares_as_its_matrix_says(layer):
    """The matrix of the layer, found by one picture for each input, shares number by number."""
    made = {
        "strided": lambda: layers.Conv2D(3, 3, strides=2, padding="same", use_bias=False),
        "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False),
        "transposed": lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same", use_bias=False),
        "dense": lambda: layers.Dense(3, use_bias=False),
    }[layer]()
    model = model_of(made, shape=(4, 4, 2))
    image = images(1, 4, 4, 2) - 0.5
    matrix = array(model(np.eye(32, dtype="float32").reshape(32, 4, 4, 2))).reshape(32, -1).astype("float64")
    terms = image.reshape(-1, 1) * matrix
    signal = np.abs(signal_like(array(model(image))))
    kind = Ruleset("one", ((lambda call: call.depth == 1, AlphaBeta(2.0, 1.0)),))
    above, below = np.maximum(terms, 0), np.minimum(terms, 0)
    wanted = 2 * above @ divided(signal.reshape(-1), above.sum(0)) - below @ divided(signal.reshape(-1), below.sum(0))
    assert relative_error(project(model, image, signal, kind).reshape(-1), wanted) <= 1e-4
    seen = (matrix != 0).astype("float64")
    even = Ruleset("even", ((lambda call: call.depth == 1, Flat()),))
    assert relative_error(project(model, image, signal, even).reshape(-1), seen @ (signal.reshape(-1) / seen.sum(0))) <= 1e-4


def deep():
    """Return a network of all that hands relevance on, without biases."""
    image = keras.Input((12, 12, 3))
    value = layers.Conv2D(6, 3, padding="same", use_bias=False)(layers.Rescaling(2.0)(image))
    value = layers.ReLU()(layers.BatchNormalization()(value))
    beside = layers.DepthwiseConv2D(3, padding="same", use_bias=False, activation="relu")(value)
    gate = layers.Dense(6, activation="sigmoid", use_bias=False)(layers.GlobalAveragePooling2D(keepdims=True)(value))
    value = layers.Add()([layers.Multiply()([gate, value]), beside])
    value = layers.Concatenate()([layers.MaxPooling2D()(value), layers.AveragePooling2D(2)(value)])
    value = layers.Conv2D(8, 3, use_bias=False, activation="swish")(layers.ZeroPadding2D()(value)) / 3.0
    return filled(keras.Model(image, layers.Dense(4, use_bias=False, name="scores")(layers.Flatten()(value))))


def plain():
    """Return a network without biases in which every place sees terms of both signs."""
    convolutions = [layers.Conv2D(8, 3, use_bias=False, activation="relu") for _ in range(3)]
    return model_of(*convolutions, layers.Flatten(), layers.Dense(4, use_bias=False), shape=(12, 12, 3))


@pytest.mark.parametrize(("name", "network"), [(one, plain) for one in COMPOSITES] + [("lrp-epsilon-plus-flat", deep)])
def test_relevance_is_conserved_where_there_are_no_biases(name, network, record_error):
    signal = np.asarray([[0.0, 2.0, 0.0, 1.0]], "float32")
    found = project(network(), 100 * images(1, 12, 12, 3), signal, RULESETS.get(name))  # so that epsilon is little
    assert np.abs(found).max() > 1e-3
    assert record_error("relevance", abs(found.sum() - 3.0) / 3.0) <= 1e-3


def test_what_has_no_kernel_of_its_own_takes_epsilon():
    model = model_of(layers.SeparableConv2D(3, 3, use_bias=False), shape=(6, 6, 2))
    image = images(1, 6, 6, 2)
    signal = signal_like(array(model(image)))
    rulesets = [Ruleset("one", ((Kind.CONVOLUTION, rule),)) for rule in (Epsilon(), AlphaBeta(2.0, 1.0), Flat())]
    first, *others = (project(model, image, signal, ruleset) for ruleset in rulesets)
    for other in others:
        np.testing.assert_array_equal(first, other)
    assert abs(first.sum() - signal.sum()) <= 1e-3 * np.abs(signal).sum()


def test_nothing_comes_through_what_has_no_gradient():
    model = model_of(layers.Conv2D(2, 3), lambda value: ops.round(value), shape=(6, 6, 2))
    assert not project(model, images(1, 6, 6, 2), lambda value: np.ones_like(value), RULESETS.get("lrp-epsilon-plus-flat")).any()
