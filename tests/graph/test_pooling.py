"""Unpooling: by switches it is the gradient of max pooling, with one tie rule on every backend; without, it is linear."""

from itertools import product

import numpy as np
import pytest

import convscope
from convscope.backend import keras, ops
from convscope.graph.kinds import Kind
from convscope.graph.pooling import window_of
from convscope.graph.rules import CenterUnpool, Ruleset, SpreadUnpool, SwitchUnpool
from networks import array, autodiff, images, model_of, project, run, signal_like, tensor
from sampling import all_but
from twins import max_pool, relative_error, unpool, unpool_center, unpool_spread, window_places

layers = keras.layers

# size, stride, padding, (height, width)
WINDOWS = [
    ((2, 2), (2, 2), "valid", (8, 8)),
    ((2, 2), (2, 2), "valid", (7, 9)),
    ((2, 2), (2, 2), "same", (7, 9)),
    ((3, 3), (2, 2), "valid", (9, 9)),
    ((3, 3), (2, 2), "valid", (8, 10)),
    ((3, 3), (2, 2), "same", (8, 9)),
    ((3, 3), (1, 1), "same", (5, 6)),
    ((2, 3), (2, 1), "valid", (7, 8)),
    ((2, 2), (3, 3), "same", (8, 7)),
    ((5, 5), (2, 2), "same", (4, 4)),
]
windows = pytest.mark.parametrize(("size", "stride", "padding", "shape"), all_but([*WINDOWS[1:3], *WINDOWS[5:9]], WINDOWS))


def pooled(size, stride, padding, shape):
    return model_of(layers.MaxPooling2D(size, stride, padding), shape=(*shape, 2))


def unpooled(model, image, rule):
    """Return a signal, and where the rule puts it for one image."""
    signal = signal_like(np.empty(model.compute_output_shape((1, *image.shape))))
    return signal[0], project(model, image[None], signal, Ruleset("test", ((Kind.MAX_POOL, rule),)))[0]


@windows
def test_t6_unpooling_by_switches_is_the_gradient_of_max_pooling(size, stride, padding, shape, record_error):
    model, image = pooled(size, stride, padding, shape), images(*shape, 2)
    signal, back = unpooled(model, image, SwitchUnpool())
    assert record_error("T6", relative_error(back, autodiff(model, image[None], signal[None])[0])) <= 1e-6


@windows
def test_t6_unpooling_by_switches_is_what_the_loops_say(size, stride, padding, shape, record_error):
    model, image = pooled(size, stride, padding, shape), images(*shape, 2)
    signal, back = unpooled(model, image, SwitchUnpool())
    assert record_error("T6", relative_error(back, unpool(signal, image, size, stride, padding))) <= 1e-6


@windows
@pytest.mark.parametrize("ties", ["first", "spread"])
def test_equal_maxima_follow_the_tie_rule(size, stride, padding, shape, ties, record_error):
    image = np.random.default_rng(0).integers(0, 3, (*shape, 2)).astype("float32")
    signal, back = unpooled(pooled(size, stride, padding, shape), image, SwitchUnpool(ties))
    assert record_error("T6 with ties", relative_error(back, unpool(signal, image, size, stride, padding, ties))) <= 1e-6


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_in_a_window_of_zeros_the_first_place_or_all_get_the_signal(padding):
    model, image = pooled((2, 2), (2, 2), padding, (4, 4)), np.zeros((4, 4, 2), "float32")
    signal, first = unpooled(model, image, SwitchUnpool("first"))
    np.testing.assert_array_equal(first[::2, ::2], signal)
    assert np.count_nonzero(first) == signal.size
    signal, spread = unpooled(model, image, SwitchUnpool("spread"))
    np.testing.assert_allclose(spread, np.repeat(np.repeat(signal / 4, 2, 0), 2, 1), rtol=1e-6)


def test_padding_never_wins_over_negative_values():
    image = -1.0 - images(5, 5, 2)
    signal, back = unpooled(pooled((3, 3), (2, 2), "same", (5, 5)), image, SwitchUnpool())
    np.testing.assert_allclose(back, unpool(signal, image, (3, 3), (2, 2), "same"), rtol=1e-6)


@windows
def test_spreading_gives_every_place_its_share(size, stride, padding, shape):
    signal, back = unpooled(pooled(size, stride, padding, shape), images(*shape, 2), SpreadUnpool())
    assert relative_error(back, unpool_spread(signal, shape, size, stride, padding)) <= 1e-6


@windows
def test_centring_gives_the_centre_everything(size, stride, padding, shape):
    signal, back = unpooled(pooled(size, stride, padding, shape), images(*shape, 2), CenterUnpool())
    assert relative_error(back, unpool_center(signal, shape, size, stride, padding)) <= 1e-6


@windows
def test_the_window_counts_as_many_outputs_as_keras(size, stride, padding, shape):
    layer = layers.MaxPooling2D(size, stride, padding)
    assert window_of(layer, *shape).outputs == layer.compute_output_shape((1, *shape, 2))[1:3]


@windows
def test_the_twin_pools_as_keras_does(size, stride, padding, shape):
    image = images(*shape, 2)
    pooled_by_keras = array(layers.MaxPooling2D(size, stride, padding)(tensor(image[None])))[0]
    np.testing.assert_array_equal(max_pool(image, size, stride, padding).astype("float32"), pooled_by_keras)


@pytest.mark.parametrize(
    ("rule", "twin"),
    [
        (SwitchUnpool("first"), lambda signal, image: unpool(signal, image, (4, 5), (1, 1))),
        (SwitchUnpool("spread"), lambda signal, image: unpool(signal, image, (4, 5), (1, 1), ties="spread")),
        (SpreadUnpool(), lambda signal, image: unpool_spread(signal, (4, 5), (4, 5), (1, 1))),
        (CenterUnpool(), lambda signal, image: unpool_center(signal, (4, 5), (4, 5), (1, 1))),
    ],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_global_pool_is_one_window_over_the_map(rule, twin, keepdims):
    image = np.random.default_rng(0).integers(0, 3, (4, 5, 2)).astype("float32")
    signal, back = unpooled(model_of(layers.GlobalMaxPooling2D(keepdims=keepdims), shape=(4, 5, 2)), image, rule)
    assert relative_error(back, twin(signal.reshape(1, 1, 2), image)) <= 1e-6


def test_max_pooling_as_an_operation_of_keras_is_unpooled_alike():
    image = np.zeros((6, 6, 2), "float32")
    signal, back = unpooled(model_of(lambda value: ops.max_pool(value, 2, 2), shape=(6, 6, 2)), image, SwitchUnpool())
    np.testing.assert_array_equal(back, unpool(signal, image).astype("float32"))


def test_other_than_two_dimensional_pools_take_their_own_product():
    model = model_of(layers.Reshape((16, 2)), layers.MaxPooling1D(2), shape=(4, 4, 2))
    image = images(4, 4, 2)
    signal, back = unpooled(model, image, SpreadUnpool())
    np.testing.assert_allclose(back, autodiff(model, image[None], signal[None])[0], rtol=1e-6)


def test_channels_first_has_no_window():
    assert window_of(layers.MaxPooling2D(2, data_format="channels_first"), 4, 4) is None


def adaptive(shape, outputs):
    """Yield for each window of an adaptive pooling its output place and the places in it."""
    for place in product(*map(range, outputs)):
        spans = [range(one * side // count, -(-(one + 1) * side // count)) for one, side, count in zip(place, shape, outputs, strict=True)]
        yield place, list(product(*spans))


ADAPTIVE = [((7,), (1,)), ((7,), (3,)), ((8, 7), (1, 1)), ((8, 7), (3, 2)), ((4, 5), (6, 5)), ((1, 5), (1, 1)), ((4, 5, 3), (1, 2, 1))]


@pytest.mark.parametrize(("shape", "outputs"), ADAPTIVE)
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_adaptive_pooling_is_what_the_loops_say_on_every_backend(shape, outputs, kind):
    model = model_of(getattr(layers, f"Adaptive{kind}Pooling{len(shape)}D")(outputs), shape=(*shape, 2))
    image = images(1, *shape, 2)
    value, back = np.zeros((1, *outputs, 2), "float32"), np.zeros_like(image)
    signal = signal_like(value)
    for place, inside in adaptive(shape, outputs):
        for channel in range(2):
            held = np.array([image[(0, *one, channel)] for one in inside])
            value[(0, *place, channel)] = held.max() if kind == "Max" else held.mean()
            for one, share in zip(inside, held == held.max() if kind == "Max" else np.full(len(held), 1 / len(held)), strict=True):
                back[(0, *one, channel)] += share * signal[(0, *place, channel)]
    assert relative_error(run(model, image), value) <= 1e-6
    assert relative_error(project(model, image, signal, Ruleset("test", ())), back) <= 1e-6
    if len(shape) == 2:
        assert relative_error(project(model, image, signal, Ruleset("test", ((Kind.MAX_POOL, SwitchUnpool()),))), back) <= 1e-6


@pytest.mark.parametrize("rule", [SpreadUnpool(), CenterUnpool()])
def test_adaptive_unpooling_without_switches_shares_each_window_by_itself(rule):
    model, image = model_of(layers.AdaptiveMaxPooling2D((3, 2)), shape=(8, 7, 2)), images(8, 7, 2)
    signal, back = unpooled(model, image, rule)
    expected = np.zeros_like(image)
    for place, inside in adaptive((8, 7), (3, 2)):
        rows, columns = (sorted({one[axis] for one in inside}) for axis in (0, 1))
        centre = [(rows[(len(rows) - 1) // 2], columns[(len(columns) - 1) // 2])]
        for one in inside if isinstance(rule, SpreadUnpool) else centre:
            expected[one] += signal[place] / (len(inside) if isinstance(rule, SpreadUnpool) else 1)
    assert relative_error(back, expected) <= 1e-6


@pytest.mark.parametrize(("size", "stride", "shape"), [(3, 2, (8, 9)), (2, 2, (7, 7)), (3, 3, (7, 10)), (2, 1, (4, 5))])
def test_an_average_leaves_uneven_padding_out_on_every_backend(size, stride, shape):
    image = images(1, *shape, 2)
    value, model = [], model_of(layers.AveragePooling2D(size, stride, "same"), shape=(*shape, 2))
    for _, inside in window_places(shape, (size, size), (stride, stride), "same"):
        value.append(np.mean([image[(0, *place)] for place in inside if place is not None], axis=0))
    found = run(model, image)
    assert relative_error(found, np.reshape(value, found.shape)) <= 1e-6
    assert relative_error(run(model_of(lambda x: ops.average_pool(x, size, stride, "same"), shape=(*shape, 2)), image), found) <= 1e-6


@pytest.mark.parametrize("method", [convscope.deconv, convscope.saliency, convscope.activations])
def test_methods_go_through_adaptive_pooling(method):
    model = model_of(layers.Conv2D(4, 3), layers.AdaptiveMaxPooling2D((3, 2)), layers.Conv2D(2, 1, name="last"))
    method(model, "last" if method is convscope.activations else "last:1", images(2, 8, 8, 3))
