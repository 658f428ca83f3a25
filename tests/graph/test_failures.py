"""What cannot be computed, or has no units, is one sentence that names the layer; on every backend, run call by call or compiled."""

import numpy as np
import pytest

import convscope
from convscope.backend import compiled, keras, ops
from convscope.errors import ConvscopeError, ExhaustedError, ModelError, UnitError
from convscope.network.listing import layers
from networks import images, model_of, tensor

conv = keras.layers.Conv2D


class Failing(keras.layers.Layer):
    """Fails where it computes, but not where Keras asks for its output's shape."""

    def __init__(self, error, **kwargs):
        super().__init__(**kwargs)
        self.error = error

    def call(self, value):
        raise self.error

    def compute_output_spec(self, value, **kwargs):
        return keras.KerasTensor(value.shape, dtype=value.dtype)


def failing(error):
    return model_of(conv(3, 3, name="before"), Failing(error, name="bad"), conv(2, 1, name="after"), shape=(10, 10, 3))


@pytest.mark.parametrize(
    "look",
    [
        lambda model: convscope.activations(model, "after", images(10, 10, 3)),
        lambda model: convscope.saliency(model, "after:0", images(10, 10, 3)),
        lambda model: convscope.deconv(model, "after:0", images(10, 10, 3), switches="spread"),
        lambda model: convscope.ascend(model, "after:0", steps=1),
        lambda model: convscope.tsne(model, images(4, 10, 10, 3), layer="after"),
    ],
    ids=["activations", "saliency", "deconv", "ascend", "embed"],
)
def test_a_layer_that_fails_is_named_with_what_it_was_given(look):
    with pytest.raises(
        ModelError, match=r"^`bad` \(Failing\) cannot be computed for \(\d+, [\d, ]+\): no such thing\. `convscope\.layers\(model\)`"
    ):
        look(failing(ValueError("\x1b[1mno such thing\x1b[0m\nmore lines")))


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 12345 bytes.")])
def test_too_little_memory_says_where_and_what_to_reduce(error):
    with pytest.raises(ExhaustedError, match="^`bad` .*: the memory ran out. Use smaller images or fewer"):
        convscope.activations(failing(error), "after", images(10, 10, 3))
    with pytest.raises(ExhaustedError, match="the memory ran out"):
        convscope.ascend(failing(error), "after:0", steps=1)


def test_a_layer_that_has_no_gradient_is_named():
    @ops.custom_gradient
    def rough(value):
        def gradient(*args, upstream=None):
            raise ValueError("none here")

        return value * 1.0, gradient

    model = model_of(conv(3, 3, name="before"), rough_layer(rough), conv(2, 1, name="after"), shape=(10, 10, 3))
    for look in (lambda: convscope.saliency(model, "after:0", images(10, 10, 3)), lambda: convscope.ascend(model, "after:0", steps=1)):
        with pytest.raises(ModelError, match=r"^`rough` .* cannot be (differentiated|computed) .*none here"):
            look()


def rough_layer(function):
    class Rough(keras.layers.Layer):
        def call(self, value):
            return function(value)

        def compute_output_spec(self, value, **kwargs):
            return keras.KerasTensor(value.shape, dtype=value.dtype)

    return Rough(name="rough")


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (lambda value: ops.split(value, 3, axis=-1), r"has 3 outputs, \(\?, 8, 8, 1\), .*a unit is a channel of one"),
        (lambda value: ops.mean(value, axis=0), r"computes \(8, 8, 3\) for all images together"),
        (lambda value: ops.cast(value, "complex64"), "values of type complex64, but convscope draws only real numbers"),
    ],
    ids=["several", "batch", "complex"],
)
def test_what_has_no_units_is_not_listed_and_says_why(operation, words):
    image = keras.Input((8, 8, 3), name="image")
    found = operation(conv(3, 1, name="conv")(image))
    model = keras.Model(image, found)
    address = keras.tree.flatten(found)[0]._keras_history.operation.name
    assert [layer.address for layer in layers(model)] == ["conv"]
    for look in (
        lambda: convscope.activations(model, address, images(8, 8, 3)),
        lambda: convscope.saliency(model, f"{address}:0", images(8, 8, 3)),
        lambda: convscope.ascend(model, f"{address}:0", steps=1),
    ):
        with pytest.raises(UnitError, match=f"^`{address}` .*{words}"):
            look()


def test_an_operation_that_eats_the_batch_of_one_image_is_told():
    image = keras.Input((1, 1, 4), name="image")
    squeezed = ops.squeeze(image)
    with pytest.raises(UnitError, match=r"computes \(4\) for all images together"):
        convscope.activations(keras.Model(image, squeezed), squeezed._keras_history.operation.name, images(1, 1, 4))


def test_a_graph_that_cannot_be_compiled_computes_the_same_call_by_call():
    calls = []

    def summed(value):
        calls.append(len(calls))
        if not isinstance(value, type(tensor([1.0]))) or len(calls) == 1:
            raise TypeError("no tracing here")
        return ops.sum(value)

    run = compiled(summed)
    assert float(run(tensor([1.0, 2.0]))) == float(run(tensor([1.0, 2.0]))) == 3.0


def test_sequences_enter_as_they_are(tmp_path):
    """A network of sequences with a Rescaling inside: its values are no pixels, which would be brought to 0-255."""
    model = model_of(keras.layers.Rescaling(2.0, name="twice"), keras.layers.Conv1D(2, 3, name="conv"), shape=(12, 3))
    values = images(2, 12, 3)
    np.testing.assert_allclose(convscope.activations(model, "twice", values).maps, 2.0 * values, rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5, 2), (2, 3, 1, 4, 5, 2), (6,)])
def test_outputs_of_any_rank_are_drawn(shape):
    model = model_of(keras.layers.Flatten(), keras.layers.Dense(int(np.prod(shape))), keras.layers.Reshape(shape, name="odd"))
    assert convscope.activations(model, "odd", images(8, 8, 3)).picture().size[0] > 100


def test_all_errors_are_of_one_family():
    assert issubclass(ExhaustedError, ConvscopeError)
