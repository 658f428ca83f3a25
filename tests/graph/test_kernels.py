"""A unit's value on one patch is its kernel, as plain numbers, times the patch: whatever layer holds the kernel."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.errors import UnitError
from convscope.graph.history import flatten
from convscope.graph.kernels import kernels, sees_image, surely_dead
from networks import images, model_of, run, small

L = keras.layers
LAYERS = {
    "convolution": (lambda: L.Conv2D(5, (3, 2), name="layer"), (3, 2, 4), 1),
    "1 x 1": (lambda: L.Conv2D(5, 1, name="layer"), (1, 1, 4), 1),
    "dilated": (lambda: L.Conv2D(5, 3, dilation_rate=2, name="layer"), (5, 5, 4), 2),
    "grouped": (lambda: L.Conv2D(6, 3, groups=2, name="layer"), (3, 3, 4), 1),
    "depthwise": (lambda: L.DepthwiseConv2D(3, depth_multiplier=2, name="layer"), (3, 3, 4), 1),
    "separable": (lambda: L.SeparableConv2D(5, 3, depth_multiplier=2, activation="relu", name="layer"), (3, 3, 4), 1),
    "sequence": (lambda: L.Conv1D(5, 3, name="layer"), (3, 4), 1),
    "dense": (lambda: L.Dense(5, activation="relu", name="layer"), (6,), 1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_units_value_is_its_kernel_times_what_it_sees(name):
    layer, shape, step = LAYERS[name]
    model, patch = model_of(layer(), shape=shape), images(1, *shape) - 0.5
    graph = flatten(model)
    known = kernels(graph, graph.find("layer"))
    sides = (1,) * (3 - len(shape)) + shape
    seen = patch.reshape(sides)[::step, ::step]
    expected = [float((kernel * seen[:, :, inputs]).sum()) + bias for kernel, inputs, bias in zip(*_parts(known), strict=True)]
    found = run(model, patch).reshape(-1)
    assert np.allclose(found, np.maximum(expected, 0) if name in ("separable", "dense") else expected, atol=1e-5)


def _parts(known):
    return known.values, known.inputs, known.bias


def test_a_transposed_kernel_is_what_one_input_adds_around_its_place():
    model, pixel = model_of(L.Conv2DTranspose(5, 3, name="layer"), shape=(1, 1, 4)), images(1, 1, 1, 4)
    graph = flatten(model)
    known = kernels(graph, graph.find("layer"))
    expected = np.moveaxis((known.values * pixel[0]).sum(axis=-1), 0, -1) + known.bias
    assert np.allclose(run(model, pixel)[0], expected, atol=1e-5)


@pytest.mark.once
def test_a_dense_layer_on_a_flattened_map_has_kernels_as_large_as_the_map():
    graph = flatten(small())
    known = kernels(graph, graph.find("predictions"))
    assert known.values.shape == (3, 2, 2, 5) and known.source.address == "pool2"
    assert sees_image(graph, graph.find("conv1")) is False  # the visible call is the activation
    assert sees_image(graph, graph.calls[graph.find("conv1").sources[0].call])


@pytest.mark.once
def test_what_has_no_kernel_says_where_there_is_one():
    graph = flatten(small())
    with pytest.raises(UnitError, match=r"`pool2` \(MaxPooling2D\) has no kernel. The nearest layer before it that has is `conv2`"):
        kernels(graph, graph.find("pool2"))


@pytest.mark.once
def test_dead_is_what_weights_alone_prove():
    """Unit 0 of conv1 cannot rise above zero on [0, 1]; unit 1 of conv2 has no positive weight and no bias behind a ReLU."""
    model = small()
    for name, unit, bias in (("conv1", 0, -100.0), ("conv2", 1, 0.0)):
        kernel, biases = (np.array(one) for one in model.get_layer(name).get_weights())
        kernel[..., unit] = -np.abs(kernel[..., unit])
        biases[unit] = bias
        model.get_layer(name).set_weights([kernel, biases])
    graph = flatten(model)
    for name, dead in (("conv1", 0), ("conv2", 1)):
        call = graph.find(name)
        assert np.flatnonzero(surely_dead(graph, call, kernels(graph, call), (0.0, 1.0))).tolist() == [dead]
    call = graph.find("conv1")
    assert not surely_dead(graph, call, kernels(graph, call), (-1e6, 0.0)).any()


CEILINGS = {
    "a layer": lambda: L.ReLU(6.0),
    "an activation": lambda: L.Activation("relu6"),
    "a sigmoid": lambda: L.Activation("sigmoid"),
    "none": lambda: L.ReLU(),
}


@pytest.mark.once
@pytest.mark.parametrize("name", CEILINGS)
def test_what_lies_below_a_ceiling_cannot_lift_a_unit_with_a_low_bias(name):
    """Depthwise filters of one weight, 1, behind a normalization that adds -6.5: only values above 6.5 would rise above zero."""
    model = model_of(CEILINGS[name](), L.DepthwiseConv2D(1, name="filters"), L.BatchNormalization(epsilon=0.0), L.ReLU(), shape=(4, 4, 3))
    model.get_layer("filters").set_weights([np.ones((1, 1, 3, 1)), np.zeros(3)])
    (norm,) = (layer for layer in model.layers if isinstance(layer, L.BatchNormalization))
    norm.set_weights([np.ones(3), np.array([-6.5, 0.0, -5.5]), np.zeros(3), np.ones(3)])
    graph = flatten(model)
    call = graph.find("filters")
    proved = surely_dead(graph, call, kernels(graph, call), (-100.0, 100.0)).tolist()
    assert proved == {"a sigmoid": [True, False, True], "none": [False] * 3}.get(name, [True, False, False])
    reached = run(model, np.full((1, 4, 4, 3), 100.0, np.float32)).max(axis=(0, 1, 2))
    assert ((reached == 0) == proved).all()
