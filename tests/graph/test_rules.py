"""Rules, each at one operation, and the rulesets made of them. Every form in which Keras writes a ReLU or a gate counts."""

import math

import numpy as np
import pytest

from convscope.backend import keras, ops
from convscope.errors import OptionError
from convscope.graph.history import flatten
from convscope.graph.kinds import Kind
from convscope.graph.rules import GRADIENT, GUIDED, DeconvRelu, Rule, Ruleset, SpreadUnpool, SwitchUnpool, deconvnet
from networks import array, filled, images, model_of, project, signal_like, tensor
from twins import convolve, convolve_back, relative_error

layers = keras.layers


class LocalResponseNormalization(keras.layers.Layer):
    def call(self, value):
        return value / (1.0 + ops.square(value))


def conv(activation=None):
    return layers.Conv2D(4, 3, padding="same", activation=activation, name="conv")


RELU_FORMS = {
    "argument": lambda: [conv("relu")],
    "argument relu6": lambda: [conv("relu6")],
    "argument leaky": lambda: [conv("leaky_relu")],
    "argument function": lambda: [conv(keras.activations.relu)],
    "argument operation": lambda: [conv(ops.relu)],
    "argument layer": lambda: [conv(layers.ReLU())],
    "argument PReLU layer": lambda: [conv(layers.PReLU())],
    "Activation": lambda: [conv(), layers.Activation("relu")],
    "Activation relu6": lambda: [conv(), layers.Activation("relu6")],
    "ReLU": lambda: [conv(), layers.ReLU()],
    "ReLU(6)": lambda: [conv(), layers.ReLU(6.0)],
    "LeakyReLU": lambda: [conv(), layers.LeakyReLU(0.2)],
    "PReLU": lambda: [conv(), layers.PReLU()],
    "ops.relu": lambda: [conv(), ops.relu],
    "ops.relu6": lambda: [conv(), ops.relu6],
    "ops.leaky_relu": lambda: [conv(), ops.leaky_relu],
    "activations.relu": lambda: [conv(), keras.activations.relu],
}


def relu_case(form):
    """Return a model of one convolution and one ReLU, an image, a signal, and what the loops say of the linear parts."""
    model, image = model_of(*RELU_FORMS[form]()), images(1, 8, 8, 3)
    kernel, bias = (array(one) for one in (model.get_layer("conv").kernel, model.get_layer("conv").bias))
    value = convolve(image[0], kernel, bias)
    assert value.min() < -0.1 and value.max() > 0.1
    signal = signal_like(np.empty((1, 8, 8, 4)))
    return model, image, signal, value, lambda rectified: convolve_back(rectified, kernel, (8, 8))


@pytest.mark.parametrize("form", RELU_FORMS)
def test_the_deconvnet_rectifies_the_signal_at_every_form_of_relu(form):
    model, image, signal, _, back = relu_case(form)
    found = project(model, image, signal, deconvnet())[0]
    assert relative_error(found, back(np.maximum(signal[0], 0))) <= 1e-5


@pytest.mark.parametrize("form", RELU_FORMS)
def test_t4_guided_backprop_is_the_deconvnet_rule_times_the_forward_mask(form, record_error):
    model, image, signal, value, back = relu_case(form)
    found = project(model, image, signal, GUIDED)[0]
    assert record_error("T4", relative_error(found, back(np.maximum(signal[0], 0) * (value > 0)))) <= 1e-5


GATES = {
    "silu": lambda x: 1 / (1 + math.exp(-x)),
    "gelu": lambda x: 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "hard_silu": lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
    "mish": lambda x: math.tanh(math.log1p(math.exp(x))),
}


@pytest.mark.parametrize(
    ("name", "form"), [*((name, layers.Activation(name)) for name in GATES), ("silu", ops.silu), ("hard_silu", ops.hard_silu)]
)
def test_a_gate_is_held_at_its_forward_value_even_at_zero(name, form):
    image = np.linspace(-4, 4, 75).reshape(1, 5, 5, 3).astype("float32")
    assert 0.0 in image
    signal = signal_like(image)
    found = project(model_of(form, shape=(5, 5, 3)), image, signal, deconvnet())
    assert relative_error(found, signal * np.vectorize(GATES[name])(image.astype("float64"))) <= 1e-5


def test_the_gate_of_a_fused_activation_is_held():
    model, image = model_of(layers.Conv2D(4, 3, padding="same", activation="swish", name="conv")), images(1, 8, 8, 3)
    kernel, bias = (array(one) for one in model.get_layer("conv").variables)
    signal = signal_like(np.empty((1, 8, 8, 4)))
    gate = np.vectorize(GATES["silu"])(convolve(image[0], kernel, bias))
    found = project(model, image, signal, deconvnet())[0]
    assert relative_error(found, convolve_back(signal[0] * gate, kernel, (8, 8))) <= 1e-5


@pytest.mark.parametrize("gate_first", [False, True])
def test_a_squeeze_and_excite_gate_is_held_and_the_signal_follows_the_map(gate_first):
    image = keras.Input((6, 6, 4))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(image)
    gate = layers.Dense(4, activation="sigmoid", name="gate")(squeezed)
    model = filled(keras.Model(image, layers.Multiply()([gate, image] if gate_first else [image, gate])))
    pixels = images(1, 6, 6, 4)
    kernel, bias = (array(one) for one in model.get_layer("gate").variables)
    held = 1 / (1 + np.exp(-(pixels.mean(axis=(1, 2)) @ kernel + bias)))
    signal = signal_like(pixels)
    assert relative_error(project(model, pixels, signal, deconvnet()), signal * held[:, None, None]) <= 1e-5


def test_of_equal_factors_the_later_is_held():
    pixels = images(1, 4, 4, 2)
    signal = signal_like(pixels)
    swish = model_of(lambda value: value * ops.sigmoid(value), shape=(4, 4, 2))
    assert relative_error(project(swish, pixels, signal, deconvnet()), signal / (1 + np.exp(-pixels))) <= 1e-6
    square = model_of(lambda value: value * value, shape=(4, 4, 2))
    assert relative_error(project(square, pixels, signal, deconvnet()), signal * pixels) <= 1e-6


def test_a_constant_factor_scales_the_signal():
    pixels = images(1, 4, 4, 2)
    signal = signal_like(pixels)
    found = project(model_of(lambda value: -3.0 * value, shape=(4, 4, 2)), pixels, signal, deconvnet())
    assert relative_error(found, -3.0 * signal) <= 1e-6


def test_contrast_normalization_is_skipped_on_the_way_down():
    pixels = images(1, 4, 4, 2)
    signal = signal_like(pixels)
    np.testing.assert_array_equal(project(model_of(LocalResponseNormalization(), shape=(4, 4, 2)), pixels, signal, deconvnet()), signal)


def test_addition_sends_the_signal_down_both_branches():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, layers.Add()([image, 2.0 * image, -1.0 * image]))
    pixels = images(1, 4, 4, 1)
    signal = signal_like(pixels)
    assert relative_error(project(model, pixels, signal, deconvnet()), 2.0 * signal) <= 1e-6


def test_concatenation_splits_the_signal():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, layers.Concatenate()([image, 2.0 * image]))
    signal = signal_like(np.empty((1, 4, 4, 2)))
    found = project(model, images(1, 4, 4, 1), signal, deconvnet())
    assert relative_error(found, signal[..., :1] + 2.0 * signal[..., 1:]) <= 1e-6


def test_any_other_layer_takes_its_own_product_at_the_recorded_input():
    pixels = images(1, 4, 4, 2)
    signal = signal_like(pixels)
    found = project(model_of(layers.Activation("tanh"), shape=(4, 4, 2)), pixels, signal, deconvnet())
    assert relative_error(found, signal / np.cosh(pixels) ** 2) <= 1e-5


class Negated(Rule):
    """A user's rule."""

    note = "signals are negated"

    def backward(self, record, upstream):
        return [-upstream]


def test_the_users_entries_go_first_and_a_rule_is_three_lines():
    ruleset = deconvnet().with_first([(Kind.RELU, Negated())])
    pixels = images(1, 4, 4, 2)
    signal = signal_like(pixels)
    model = model_of(layers.ReLU(), shape=(4, 4, 2))
    np.testing.assert_array_equal(project(model, pixels, signal, ruleset), -signal)
    assert isinstance(deconvnet().rule_for(flatten(model).calls[-1]), DeconvRelu)


def test_a_ruleset_says_each_note_of_the_calls_it_meets_once():
    ruleset = deconvnet().with_first([(Kind.RELU, Negated())])
    calls = flatten(model_of(layers.ReLU(), layers.ReLU(), layers.Activation("swish"), shape=(4, 4, 2))).calls
    assert ruleset.notes(calls) == ("signals are negated", "gates (swish, GELU and their like) are held constant")
    assert GRADIENT.notes(calls) == ()


def test_the_empty_ruleset_is_plain_differentiation():
    pixels = images(1, 4, 4, 2) - 0.5
    signal = signal_like(pixels)
    found = project(model_of(layers.ReLU(), shape=(4, 4, 2)), pixels, signal, Ruleset("plain"))
    np.testing.assert_array_equal(found, signal * (pixels > 0))


def test_the_deconvnet_unpools_as_it_is_told():
    call = flatten(model_of(layers.MaxPooling2D())).calls[-1]
    assert deconvnet("switches", "spread").rule_for(call) == SwitchUnpool("spread")
    assert deconvnet("spread").rule_for(call) == SpreadUnpool()
    assert deconvnet("spread").name == "deconvnet-spread"


@pytest.mark.parametrize(("arguments", "message"), [(("no",), "No unpooling `no`"), (("switches", "last"), "No tie rule `last`")])
def test_an_unknown_option_is_refused(arguments, message):
    with pytest.raises(OptionError, match=message):
        deconvnet(*arguments)


def test_rules_see_what_the_call_recorded():
    seen = {}

    class Seeing(Rule):
        def backward(self, record, upstream):
            seen["inputs"], seen["output"] = [array(one) for one in record.inputs], array(record.output)
            return record.vjp(upstream)

    pixels = images(1, 4, 4, 2) - 0.5
    project(model_of(layers.ReLU(), shape=(4, 4, 2)), pixels, signal_like(pixels), Ruleset("seeing", ((Kind.RELU, Seeing()),)))
    np.testing.assert_array_equal(seen["inputs"], [pixels])
    np.testing.assert_array_equal(seen["output"], array(ops.relu(tensor(pixels))))


@pytest.mark.parametrize(
    ("network", "steady"),
    [
        ([layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization(), layers.AveragePooling2D(2)], True),
        ([layers.Conv2D(3, 3), LocalResponseNormalization(), layers.ZeroPadding2D(), layers.UpSampling2D(), layers.Dropout(0.5)], True),
        ([layers.Conv2D(3, 3), layers.LeakyReLU(), layers.Flatten(), layers.Reshape((6, 6, 3))], True),
        ([layers.Conv2D(3, 3, activation="swish")], False),
        ([layers.Conv2D(3, 3, activation="tanh")], False),
        ([layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D()], False),
        ([layers.Conv2D(3, 3), layers.LayerNormalization()], False),
    ],
)
def test_steady_is_what_sends_a_signal_down_the_same_way_whatever_the_image_was(network, steady):
    model = model_of(*network, layers.Conv2D(2, 1, name="last"), shape=(8, 8, 3))
    graph = flatten(model)
    signal = np.random.default_rng(0).random((1, *model.output_shape[1:]), np.float32)
    one, two = (project(model, images(1, 8, 8, 3, seed=seed), signal, deconvnet()) for seed in (0, 1))
    assert deconvnet().is_steady(graph.calls) is steady
    if steady:
        assert relative_error(one, two) <= 1e-6
    without = deconvnet("spread").is_steady(graph.calls)
    assert without is (steady or isinstance(network[-1], layers.MaxPooling2D))
