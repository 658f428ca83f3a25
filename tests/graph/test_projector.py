"""The engine's identities: what holds between the gradient, guided backprop and the deconvnet, whatever the network."""

import numpy as np
import pytest

from convscope.backend import engine, keras, ops
from convscope.graph.history import flatten
from convscope.graph.projector import Projector
from convscope.graph.rules import GRADIENT, GUIDED, deconvnet
from networks import array, autodiff, filled, float64, images, model_of, project, residual, signal_like, small, tensor
from twins import SmallNet, relative_error

layers = keras.layers
DECONVNETS = [deconvnet("switches", "first"), deconvnet("switches", "spread"), deconvnet("spread"), deconvnet("center")]
NETWORKS = {"small": (small, (8, 8, 3), "conv2"), "residual": (residual, (12, 12, 3), "both_relu")}
networks = pytest.mark.parametrize("network", NETWORKS)


def cut(model, address):
    """Return the model up to a layer: what `address` computes."""
    return keras.Model(model.input, model.get_layer(address).output)


def case(network):
    """Return a model, where to seed, two images of it and a signal there."""
    build, shape, address = NETWORKS[network]
    model = build()
    return model, address, images(2, *shape), signal_like(np.empty(cut(model, address).compute_output_shape((2, *shape))))


@networks
def test_t1_the_gradient_corner_is_automatic_differentiation(network, record_error):
    model, address, image, signal = case(network)
    found = project(model, image, signal, GRADIENT, address)
    assert record_error("T1 gradient corner = autodiff", relative_error(found, autodiff(cut(model, address), image, signal))) <= 1e-6


def test_t1_the_gradient_corner_is_central_finite_differences_in_float64(record_error):
    """Convolutions, ReLU and pooling: what Keras computes in float64 on every backend (a dense layer it does not)."""
    with float64():
        model, image, step = small(), images(1, 8, 8, 3).astype("float64"), 1e-6
        graph, signal = flatten(model), signal_like(np.empty((1, 4, 4, 5))).astype("float64")
        steps = step * np.eye(image.size).reshape(image.size, *image.shape[1:])
        index = graph.find("conv2").index
        ahead, behind = (array(graph.run(tensor(image + sign * steps, "float64"), [index])[0]) for sign in (1, -1))
        differences = (((ahead - behind) * signal).sum(axis=(1, 2, 3)) / (2 * step)).reshape(image.shape)
        found = project(model, image, signal, GRADIENT, "conv2", "float64")
    assert found.dtype == np.float64
    assert record_error("T1 gradient = differences, float64", relative_error(found, differences)) <= 1e-7


LINEAR = {
    "conv same": lambda: layers.Conv2D(4, 3, padding="same"),
    "conv valid": lambda: layers.Conv2D(4, (2, 3)),
    "conv stride": lambda: layers.Conv2D(4, 3, strides=2, padding="same"),
    "conv stride valid": lambda: layers.Conv2D(4, 3, strides=(2, 3)),
    "conv dilation": lambda: layers.Conv2D(4, 3, dilation_rate=2),
    "conv groups": lambda: layers.Conv2D(4, 3, groups=2),
    "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    "depthwise stride": lambda: layers.DepthwiseConv2D(3, strides=2),
    "separable": lambda: layers.SeparableConv2D(3, 3, padding="same"),
    "transposed": lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="valid"),
    "dense": lambda: layers.Dense(5),
    "flatten and dense": lambda: keras.Sequential([keras.Input((9, 8, 4)), layers.Flatten(), layers.Dense(3)]),
    "padding": lambda: layers.ZeroPadding2D(((1, 2), (0, 3))),
    "cropping": lambda: layers.Cropping2D(((1, 2), (0, 3))),
    "average pool": lambda: layers.AveragePooling2D(2),
    "average pool 3/2 same": lambda: layers.AveragePooling2D(3, 2, "same"),
    "global average pool": lambda: layers.GlobalAveragePooling2D(),
    "batch normalization": lambda: layers.BatchNormalization(),
    "rescaling": lambda: layers.Rescaling(0.5, 1.0),
    "upsampling": lambda: layers.UpSampling2D((2, 3)),
    "bilinear upsampling": lambda: layers.UpSampling2D(2, interpolation="bilinear"),
    "dropout": lambda: layers.Dropout(0.5),
    "reshape": lambda: layers.Reshape((8, 9, 4)),
    "convolution operation": lambda: lambda value: ops.conv(value, np.ones((3, 3, 4, 2), "float32"), 2, "same"),
    "sum": lambda: lambda value: layers.Add()([value, value, 3.0 * value]),
    "concatenation": lambda: lambda value: layers.Concatenate()([value, value]),
}


def value_of(model, image):
    """The network's output as convscope computes it."""
    graph = flatten(model)
    last = list(graph.visible.values())[-1]
    return array(Projector(graph, tensor(image), [last]).value(last))


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("ruleset", [GRADIENT, DECONVNETS[0]], ids=lambda ruleset: ruleset.name)
def test_t2_a_linear_layer_is_projected_by_its_transpose(name, ruleset, record_error):
    """T2: <Wᵀr, x> = <r, Wx>, where Wx = f(x) - f(0) leaves the shift out.

    On PyTorch Keras counts the border twice in average pooling with uneven padding; f is what convscope computes there.
    """
    model, image = model_of(LINEAR[name](), shape=(9, 8, 4)), images(1, 9, 8, 4) - 0.5
    own = keras.backend.backend() == "torch" and name == "average pool 3/2 same"
    values = [value_of(model, one) if own else array(model(tensor(one))) for one in (image, np.zeros_like(image))]
    product = (values[0] - values[1]).astype("float64")
    signal = signal_like(product)
    down = project(model, image, signal, ruleset).astype("float64")
    difference = abs((down * image).sum() - (signal * product).sum())
    assert record_error("T2", difference / (np.linalg.norm(signal) * np.linalg.norm(product))) <= 1e-6


def linear_network():
    return model_of(
        layers.Conv2D(4, 3, strides=2, padding="same"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3, padding="same"),
        lambda value: layers.Add()([value, layers.Conv2D(4, 1)(value)]),
        layers.AveragePooling2D(3, 2, "same"),
        layers.Flatten(),
        layers.Dense(3),
        shape=(10, 10, 3),
    )


def test_t3_in_a_linear_network_all_rulesets_agree_whatever_the_image(record_error):
    model, signal = linear_network(), signal_like(np.empty((1, 3)))
    expected = project(model, images(1, 10, 10, 3), signal, GRADIENT)
    for ruleset in (GUIDED, *DECONVNETS):
        found = project(model, images(1, 10, 10, 3, seed=5), signal, ruleset)
        assert record_error("T3", relative_error(found, expected)) <= 1e-6


CORNERS = {
    "gradient": (GRADIENT, {"mask": True, "rectify": False}),
    "guided": (GUIDED, {"mask": True, "rectify": True}),
    "deconvnet": (DECONVNETS[0], {"mask": False, "rectify": True}),
    "deconvnet, ties spread": (DECONVNETS[1], {"mask": False, "rectify": True, "ties": "spread"}),
    "deconvnet, spread": (DECONVNETS[2], {"mask": False, "rectify": True, "unpooling": "spread"}),
    "deconvnet, center": (DECONVNETS[3], {"mask": False, "rectify": True, "unpooling": "center"}),
}


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize(("pool", "side"), [(2, 8), (3, 11)], ids=["pool 2/2", "pool 3/2"])
@pytest.mark.parametrize("address", ["conv2", "predictions"])
def test_t4_each_corner_of_the_engine_is_what_the_loops_say(corner, pool, side, address, record_error):
    """T4 and the whole deconvnet: mask by the forward sign, rectify the signal, follow the switches, in naive loops and float64."""
    model, image = small(side=side, pool=pool), images(1, side, side, 3)
    twin = SmallNet([array(weight) for weight in model.weights], pool=(pool, pool))
    steps = twin.forward(image[0])
    assert (steps["conv1"] == 0).mean() > 0.2, "few zeros: the tie rule would not be tested"
    layer = "logits" if address == "predictions" else address
    signal = signal_like(steps[layer])
    ruleset, options = CORNERS[corner]
    found = project(model, image, signal[None], ruleset, address)[0]
    assert record_error("T4 corners = loops", relative_error(found, twin.back(steps, layer, signal, **options))) <= 1e-5


@networks
def test_t5_with_nonnegative_weights_and_seed_rectifying_changes_nothing(network, record_error):
    build, shape, address = NETWORKS[network]
    model = build()
    model.set_weights([np.abs(weight) for weight in model.get_weights()])
    image = images(1, *shape)
    signal = np.abs(signal_like(np.empty(cut(model, address).compute_output_shape(image.shape))))
    guided, gradient = (project(model, image, signal, ruleset, address) for ruleset in (GUIDED, GRADIENT))
    assert np.abs(gradient).max() > 0
    assert record_error("T5", relative_error(guided, gradient)) <= 1e-6


@networks
@pytest.mark.parametrize("ruleset", DECONVNETS, ids=["first", "ties spread", "spread", "center"])
def test_t7_the_deconvnet_is_positively_homogeneous(network, ruleset, record_error):
    model, address, image, signal = case(network)
    once, thrice = (project(model, image, factor * signal, ruleset, address) for factor in (1.0, 3.7))
    assert record_error("T7", relative_error(thrice, 3.7 * once)) <= 1e-6
    assert not project(model, image, 0.0 * signal, ruleset, address).any()


@networks
def test_t7_superposition_fails(network):
    model, address, image, signal = case(network)
    other = signal_like(signal, seed=2)
    whole, one, two = (project(model, image, part, DECONVNETS[0], address) for part in (signal + other, signal, other))
    assert relative_error(one + two, whole) > 0.01


@pytest.mark.parametrize("switches", ["spread", "center"])
def test_t9_without_switches_the_picture_does_not_change_with_the_image(switches):
    model, signal = small(), signal_like(np.empty((1, 4, 4, 5)))
    pictures = [project(model, images(1, 8, 8, 3, seed=seed), signal, deconvnet(switches), "conv2") for seed in (0, 1)]
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize("ties", ["first", "spread"])
def test_t9_with_switches_it_does(ties):
    model, signal = small(), signal_like(np.empty((1, 4, 4, 5)))
    one, two = (project(model, images(1, 8, 8, 3, seed=seed), signal, deconvnet("switches", ties), "conv2") for seed in (0, 1))
    assert relative_error(one, two) > 0.01


def test_one_forward_pass_serves_several_calls_and_signals():
    model, image = small(), images(1, 8, 8, 3)
    graph = flatten(model)
    low, high = graph.find("conv1"), graph.find("conv2")
    projector = Projector(graph, tensor(image), [low, high])
    signals = {low: signal_like(np.empty((1, 8, 8, 4))), high: signal_like(np.empty((1, 4, 4, 5)))}
    for _ in range(2):
        for call, signal in signals.items():
            found = array(projector.project(call, tensor(signal), GUIDED))
            np.testing.assert_array_equal(found, project(model, image, signal, GUIDED, call.address))


def test_a_layer_with_several_outputs_takes_a_signal_at_each_of_them():
    class Split(keras.layers.Layer):
        def call(self, value):
            return 2.0 * value, 3.0 * value, 5.0 * value

    image = keras.Input((4, 4, 1))
    two, three, _ = Split()(image)
    model = keras.Model(image, layers.Concatenate()([three, two]))
    signal = signal_like(np.empty((1, 4, 4, 2)))
    found = project(model, images(1, 4, 4, 1), signal, GRADIENT)
    assert relative_error(found, 3.0 * signal[..., :1] + 2.0 * signal[..., 1:]) <= 1e-6


def test_a_shared_layer_gets_the_signal_of_both_its_calls(record_error):
    image, conv = keras.Input((6, 6, 2)), layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")
    model = filled(keras.Model(image, conv(conv(image))))
    pixels, signal = images(1, 6, 6, 2), signal_like(np.empty((1, 6, 6, 2)))
    found = project(model, pixels, signal, GRADIENT, "conv#2")
    assert record_error("T1 gradient corner = autodiff", relative_error(found, autodiff(model, pixels, signal))) <= 1e-6


def test_a_unit_that_the_image_does_not_reach_gives_a_black_picture():
    image = keras.Input((4, 4, 1))
    model = keras.Model(image, ops.stop_gradient(image))
    assert not project(model, images(1, 4, 4, 1), np.ones((1, 4, 4, 1)), GRADIENT).any()


def test_a_lasting_gradient_of_large_maps_is_the_gradient():
    layer = layers.Conv2D(2, 3, strides=2, padding="same")
    for side in (8, 300, 304):
        value = tensor(images(1, side, side, 4))
        output, pullback = engine().vjp(layer, [value])
        again, lasting = engine().vjp(layer, [value], lasting=True)
        upstream = tensor(signal_like(output))
        assert np.abs(array(again) - array(output)).max() <= 1e-6
        assert np.abs(array(lasting(upstream)[0]) - array(pullback(upstream)[0])).max() <= 1e-5
