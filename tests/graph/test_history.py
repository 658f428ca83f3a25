"""flatten: any functional model as a flat list of calls that computes the same and is only read."""

import warnings

import numpy as np
import pytest

from convscope.backend import engine, keras, ops
from convscope.errors import ModelError
from convscope.graph.history import at_precision, flatten
from convscope.graph.kinds import Kind
from convscope.models.bundle import network_digest
from networks import array, filled, images, model_of, residual, run, small, tensor
from sampling import all_but
from twins import relative_error

layers = keras.layers


def assert_same(model, image):
    """The flat graph computes bit for bit what Keras does: the same operations in the same order."""
    graph = flatten(model)
    expected = keras.tree.flatten(model(tensor(image), training=False))
    for ref, one in zip(graph.outputs, expected, strict=True):
        found = graph.values(tensor(image), [ref.call])[0]
        found = found[ref.output] if isinstance(found, list) else found
        np.testing.assert_array_equal(array(found), array(one))
    return graph


def addresses(graph):
    return list(graph.visible)


def test_a_chain_keeps_its_layer_names():
    graph = assert_same(small(), images(2, 8, 8, 3))
    assert addresses(graph) == ["image", "conv1", "pool1", "conv2", "pool2", "flatten", "predictions"]


def test_branches_and_what_small_has_not():
    assert_same(residual(), images(2, 12, 12, 3))


def test_a_fused_activation_becomes_a_hidden_linear_call_and_a_visible_one():
    graph = flatten(small())
    linear, rectified = (call for call in graph.calls if call.address == "conv1")
    assert (linear.inner, linear.kind) == (True, Kind.CONVOLUTION)
    assert (rectified.inner, rectified.kind, rectified.layer_type) == (False, Kind.RELU, "Conv2D")
    value, after = graph.run(tensor(images(1, 8, 8, 3)), [linear.index, rectified.index])
    assert array(value).min() < 0
    np.testing.assert_array_equal(array(after), np.maximum(array(value), 0))


@pytest.mark.parametrize("activation", [None, "linear"])
def test_a_layer_without_activation_stays_one_call(activation):
    graph = flatten(model_of(layers.Conv2D(2, 3, activation=activation, name="conv")))
    assert [call.address for call in graph.calls] == ["image", "conv"]


def test_sequential_in_sequential():
    inner = keras.Sequential([layers.Conv2D(3, 3, name="conv"), layers.ReLU(name="relu")], name="inner")
    model = keras.Sequential([keras.Input((8, 8, 2)), inner, layers.Flatten(name="flat"), layers.Dense(2, name="dense")], name="outer")
    graph = assert_same(filled(model), images(2, 8, 8, 2))
    assert addresses(graph)[1:] == ["inner/conv", "inner/relu", "flat", "dense"]


def test_functional_in_functional_in_functional():
    def nested(name, depth):
        image = keras.Input((6, 6, 2))
        value = layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")(image)
        return keras.Model(image, value if depth == 0 else nested("deeper", depth - 1)(value), name=name)

    graph = assert_same(filled(nested("outer", 2)), images(2, 6, 6, 2))
    assert addresses(graph)[1:] == ["conv", "deeper/conv", "deeper/deeper/conv"]


def test_a_layer_called_twice_is_two_calls_with_the_same_weights():
    image, conv = keras.Input((6, 6, 2)), layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")
    graph = assert_same(filled(keras.Model(image, conv(conv(image)))), images(1, 6, 6, 2))
    assert addresses(graph)[1:] == ["conv", "conv#2"]
    assert graph.find("conv#2").shape == (None, 6, 6, 2)


def test_a_shared_model_is_inlined_at_each_call():
    image = keras.Input((6, 6, 2))
    base = keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(2, 3, padding="same", name="conv")], name="base")
    graph = assert_same(filled(keras.Model(image, layers.Add(name="sum")([base(image), base(base(image))]))), images(1, 6, 6, 2))
    assert addresses(graph)[1:] == ["base/conv", "base#2/conv", "base#3/conv", "sum"]


@pytest.mark.parametrize("structure", [tuple, list])
def test_a_layer_with_several_outputs(structure):
    class Split(keras.layers.Layer):
        def call(self, value):
            return structure((value[..., :1], 3.0 * value[..., 1:]))

    image = keras.Input((4, 4, 3))
    one, two = Split(name="split")(image)
    graph = assert_same(keras.Model(image, [layers.Flatten(name="flat")(two), one]), images(2, 4, 4, 3))
    assert [ref.output for ref in graph.outputs] == [0, 0]
    assert graph.calls[graph.outputs[1].call].address == "split"


def test_a_layer_with_a_dictionary_of_outputs():
    class Split(keras.layers.Layer):
        def call(self, value):
            return {"rest": value[..., 1:], "first": value[..., :1]}

    image = keras.Input((4, 4, 3))
    parts = Split()(image)
    assert_same(keras.Model(image, ops.concatenate([parts["rest"], 5.0 * parts["first"]], axis=-1)), images(2, 4, 4, 3))


def test_a_nested_model_with_several_outputs():
    image = keras.Input((6, 6, 2))
    inner_image = keras.Input((6, 6, 2))
    low = layers.Conv2D(2, 3, name="low")(inner_image)
    inner = keras.Model(inner_image, [layers.Conv2D(3, 3, name="high")(low), low], name="inner")
    high, low = inner(image)
    model = filled(keras.Model(image, ops.concatenate([layers.Flatten()(high), layers.Flatten()(low)], axis=-1)))
    assert_same(model, images(2, 6, 6, 2))


def test_a_nested_model_with_several_inputs_given_by_name_in_another_order():
    one, two = keras.Input((4, 4, 1), name="one"), keras.Input((4, 4, 1), name="two")
    inner = keras.Model({"one": one, "two": two}, layers.Concatenate()([10.0 * one, two]), name="inner")
    image = keras.Input((4, 4, 2))
    assert_same(keras.Model(image, inner({"two": image[..., 1:], "one": image[..., :1]})), images(1, 4, 4, 2))


def test_operations_of_keras_are_calls():
    image = keras.Input((6, 6, 2))
    value = ops.relu(ops.conv(image, np.ones((3, 3, 2, 2), "float32"), padding="same") - 4.0)
    value = ops.max_pool(value, 2, 2) * ops.mean(image, axis=(1, 2), keepdims=True)
    graph = assert_same(
        keras.Model(image, ops.reshape(ops.concatenate([value, ops.sigmoid(value)], axis=-1), (-1, 36))), images(2, 6, 6, 2)
    )
    kinds = {call.kind for call in graph.calls}
    assert {Kind.CONVOLUTION, Kind.RELU, Kind.MAX_POOL, Kind.MULTIPLY, Kind.MERGE, Kind.SIGMOID} <= kinds


def test_a_model_cut_from_another():
    whole = small()
    part = keras.Model(whole.input, whole.get_layer("conv2").output)
    assert addresses(assert_same(part, images(1, 8, 8, 3)))[-1] == "conv2"


def test_dropout_and_batch_normalization_run_as_in_use_even_where_the_model_says_training():
    image = keras.Input((6, 6, 2))
    value = layers.Dropout(0.9, seed=0)(layers.BatchNormalization(name="norm")(image, training=True), training=True)
    graph = flatten(filled(keras.Model(image, value)))
    first, second = (array(graph.run(tensor(images(1, 6, 6, 2)), [graph.outputs[0].call])[0]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_flatten_only_reads_the_model():
    model = small()
    conv = model.get_layer("conv1")
    before = network_digest(model), conv.activation, [len(layer._inbound_nodes) for layer in model.layers]
    flatten(model)
    assert (network_digest(model), conv.activation, [len(layer._inbound_nodes) for layer in model.layers]) == before


def test_the_split_layer_shares_the_models_variables():
    model = small()
    graph = flatten(model)
    linear = next(call for call in graph.calls if call.address == "conv1")
    assert linear.operation.kernel is model.get_layer("conv1").kernel


@keras.saving.register_keras_serializable("tests")
class Block(keras.layers.Layer):
    """A user's layer made of layers."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.conv = layers.Conv2D(3, 3, activation="relu", name="conv")
        self.bn = layers.BatchNormalization(name="bn")

    def call(self, value, training=None):
        return self.bn(ops.relu(self.conv(value)), training=training)


def test_a_users_layer_made_of_layers_is_followed_into_them():
    image = keras.Input((6, 6, 2), name="image")
    model = filled(keras.Model(image, Block(name="block")(image)))
    graph = flatten(model)
    assert [name for name in graph.visible if name.startswith("block/")] == ["block/conv", "block/relu", "block/bn"]
    assert list(flatten(model).visible) == list(graph.visible)  # though Keras has numbered on
    given = images(2, 6, 6, 2)
    assert np.allclose(run(model, given), model.predict(given, verbose=0), atol=1e-6)


def test_a_nested_subclassed_model_is_followed_too():
    class Mine(keras.Model):
        def __init__(self):
            super().__init__(name="mine")
            self.block = Block(name="block")

        def call(self, value):
            return self.block(value) * 2.0

    image = keras.Input((6, 6, 1), name="image")
    graph = flatten(keras.Model(image, Mine()(image)))
    assert "mine/block/conv" in graph.visible


def test_a_subclassed_model_alone_is_sent_to_load():
    class Mine(keras.Model):
        def call(self, value):
            return value

    with pytest.raises(ModelError, match="convscope.load"):
        flatten(Mine(name="mine"))


def test_a_sequential_model_without_input_shape_is_sent_to_load():
    with pytest.raises(ModelError, match="keeps no graph"):
        flatten(keras.Sequential([layers.Conv2D(2, 3)], name="unbuilt"))


def test_layers_that_augment_images_do_nothing():
    model = model_of(layers.RandomFlip("horizontal"), layers.RandomContrast(0.9), layers.Conv2D(2, 3, name="conv"))
    given = images(2, 8, 8, 3)
    assert np.array_equal(run(model, given), run(model, given))
    assert np.allclose(run(model, given), model.predict(given, verbose=0), atol=1e-6)


def test_at_bfloat16_the_graph_computes_nearly_the_same_and_the_model_stays_float32():
    model, image = small(), images(2, 8, 8, 3)
    graph = at_precision(flatten(model), "bfloat16")
    coarse = graph.run(tensor(image), [graph.find("conv2").index])[0]
    assert keras.backend.standardize_dtype(coarse.dtype) == "bfloat16"
    exact = run(model, image, "conv2")
    assert 0 < np.abs(array(ops.cast(coarse, "float32")) - exact).max() < 0.03 * exact.max()
    assert model.get_layer("conv1").compute_dtype == "float32"


ROUGH = {
    "bicubic": lambda: layers.Resizing(12, 12, interpolation="bicubic"),
    "lanczos3": lambda: layers.Resizing(4, 6, interpolation="lanczos3"),
    "lanczos5": lambda: layers.UpSampling2D(2, interpolation="lanczos5"),
    "antialiased": lambda: layers.Resizing(5, 5, antialias=True),
    "nearest": lambda: layers.UpSampling2D(2),
    "wrapped": lambda: layers.TimeDistributed(layers.Conv1D(3, 3, padding="same")),
    "adaptive": lambda: layers.AdaptiveAveragePooling2D(3),
    "group": lambda: layers.GroupNormalization(3),
    "recurrent": lambda: layers.TimeDistributed(layers.LSTM(3, return_sequences=True)),
    "attention": lambda: lambda value: layers.MultiHeadAttention(1, 2)(value, value),
    "kernel": lambda: lambda value: ops.conv(value, np.ones((3, 3, 3, 3), "float32") / 9),
    "constant": lambda: lambda value: ops.multiply(value, np.arange(1.0, 4.0, dtype="float32")),
    "norm": lambda: lambda value: value / (1.0 + ops.sqrt(ops.sum(ops.square(value), axis=-1, keepdims=True))),
    "fourier": lambda: lambda value: ops.fft2((value, ops.zeros_like(value)))[0],
    "erf": lambda: lambda value: ops.erfinv(ops.tanh(value) * 0.5),
}


@pytest.mark.parametrize("name", all_but(set(ROUGH) - {"recurrent"}, ROUGH))  # a loop takes each framework seconds to compile
def test_what_has_no_bfloat16_is_computed_in_float32_and_so_is_its_gradient(name):
    """No framework has bfloat16 of all operations and of their gradients; convolutions around them keep it."""
    if name.startswith("lanczos") and keras.config.backend() == "torch":
        pytest.skip("Keras has no Lanczos on PyTorch")
    model = model_of(layers.Conv2D(3, 3, padding="same", name="first"), ROUGH[name](), layers.Conv2D(2, 1, name="last"))
    graph, image = flatten(model), tensor(images(1, 8, 8, 3))
    target = [graph.find("last").index]

    def gradient(precision):
        network = at_precision(graph, precision)

        def total(value):
            found = network.run(value, target)[0]
            return ops.sum(ops.cast(ops.square(found), "float32")), found

        return engine().compiled(engine().value_and_gradient(total))(image)

    (coarse, slope), (exact, steep) = gradient("bfloat16"), gradient("float32")
    assert keras.backend.standardize_dtype(coarse.dtype) == "bfloat16"
    assert relative_error(array(ops.cast(coarse, "float32")), array(exact)) < 0.05
    assert relative_error(array(slope), array(steep)) < 0.1


def test_at_float32_a_graph_of_a_bfloat16_model_computes_in_float32():
    model = model_of(layers.Conv2D(2, 3, dtype="mixed_bfloat16", name="conv"))
    graph = at_precision(flatten(model), "float32")
    value = graph.run(tensor(images(1, 8, 8, 3)), [graph.find("conv").index])[0]
    assert keras.backend.standardize_dtype(value.dtype) == "float32"


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "side", "options"),
    [("MobileNetV2", 96, {"alpha": 0.35}), pytest.param("ResNet50", 64, {"include_top": False}, marks=pytest.mark.long)],
)
def test_an_application_of_keras_flattens_to_itself(name, side, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), **options)
    graph, compiled = flatten(model), engine().compiled  # compiled, because JAX takes half a minute to compile call by call
    found = compiled(lambda image: graph.run(image, [graph.outputs[0].call])[0])(tensor(images(1, side, side, 3)))
    expected = compiled(lambda image: model(image, training=False))(tensor(images(1, side, side, 3)))
    assert relative_error(array(found), array(expected)) <= 1e-6
    assert len(graph.visible) == len(model.layers)


def window(name, **options):
    return lambda: getattr(layers, name)(name="layer", **options)


@pytest.mark.parametrize(
    "layer",
    [
        window("Conv2D", filters=4, kernel_size=3, padding="same", activation="relu"),
        window("Conv2D", filters=4, kernel_size=(3, 2), padding="same", strides=2),
        window("Conv2D", filters=4, kernel_size=4, padding="same", use_bias=False),
        window("Conv2D", filters=6, kernel_size=3, groups=3, dilation_rate=2, padding="same"),
        window("Conv2D", filters=4, kernel_size=(2, 3), strides=(1, 2)),
        window("DepthwiseConv2D", kernel_size=3, depth_multiplier=2, padding="same", strides=2),
        window("DepthwiseConv2D", kernel_size=(2, 3)),
        window("MaxPooling2D"),
        window("MaxPooling2D", pool_size=3, strides=2),
        window("MaxPooling2D", pool_size=2, padding="same"),
        window("MaxPooling2D", pool_size=2, strides=1),
    ],
)
@pytest.mark.parametrize("side", [8, 9])
def test_a_graph_at_float32_has_the_values_and_gradients_of_its_layers_ties_included(layer, side):
    graph = flatten(model_of(layer(), shape=(side, side - 1, 3)))
    image = tensor(np.round(images(2, side, side - 1, 3) * 3))
    target = [graph.outputs[0].call]
    found, pull = engine().vjp(lambda x: at_precision(graph, "float32").run(x, target)[0], [image])
    expected, own = engine().vjp(lambda x: graph.run(x, target)[0], [image])
    signal = tensor(np.random.default_rng(0).normal(size=tuple(expected.shape)))
    assert relative_error(array(found), array(expected)) < 1e-6
    assert relative_error(array(pull(signal)[0]), array(own(signal)[0])) < 1e-6
