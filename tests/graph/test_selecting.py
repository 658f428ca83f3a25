"""Units behind max pooling and concatenation of flat activations are ranked by what comes before these."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras, ops
from convscope.graph.saturation import ranking, seed_call
from convscope.network.network import as_network
from convscope.units import Unit
from networks import array, filled, images, model_of, tensor

layers = keras.layers


class Gate(layers.Layer):
    """A sigmoid that no name tells."""

    def call(self, value):
        return 1.0 / (1.0 + ops.exp(-value))


FLAT = {
    "relu6": lambda: layers.ReLU(6.0),
    "named": lambda: layers.Activation("relu6"),
    "sigmoid": lambda: layers.Activation("sigmoid"),
    "hard": lambda: layers.Activation("hard_sigmoid"),
    "own": Gate,
}
CHOOSING = {
    "pool": lambda: layers.MaxPooling2D(2),
    "overlapping": lambda: layers.MaxPooling2D(3, 2, "same"),
    "dropped": lambda: lambda x: layers.Dropout(0.5)(layers.MaxPooling2D(2)(x)),
    "twice": lambda: lambda x: layers.MaxPooling2D(2)(layers.MaxPooling2D(2)(x)),
    "cropped": lambda: layers.Cropping2D(1),
    "adaptive": lambda: layers.AdaptiveMaxPooling2D(3),
    "global": lambda: layers.GlobalMaxPooling2D(),
    "larger": lambda: layers.UpSampling2D(2),
}


def ranked(model, image):
    bundle = convscope.load(model, preprocess="unit")
    graph = as_network(bundle).graph
    found = ranking(graph, graph.calls[graph.outputs[0].call])
    values = [array(one) for one in graph.run(tensor(image), [call.index for call in found.calls])]
    return found, array(found.strengths(*map(tensor, values)))


@pytest.mark.parametrize("flat", FLAT)
@pytest.mark.parametrize("name", CHOOSING)
def test_what_is_chosen_is_ranked_by_what_was_before(name, flat):
    """As plain Keras without the activation: it rises, so that the same is chosen."""
    image = images(3, 8, 8, 3)
    model = model_of(layers.Conv2D(4, 3), layers.Rescaling(200.0), FLAT[flat](), CHOOSING[name]())
    bare = model_of(layers.Conv2D(4, 3), layers.Rescaling(200.0), CHOOSING[name]())
    found, strengths = ranked(model, image)
    wanted = array(bare(image))
    assert strengths.shape == wanted.shape
    assert np.abs(strengths - wanted).max() <= 1e-5 * np.abs(wanted).max()
    after = array(found.values(tensor(strengths.reshape(-1, 4))))
    assert np.abs(after - array(model(image)).reshape(-1, 4)).max() <= 1e-5 * 6
    assert (found.ceilings < 10).all()


def test_a_concatenation_ranks_each_part_by_itself():
    picture = keras.Input((8, 8, 3), name="image")
    before = layers.Conv2D(2, 3, name="wide")(picture)
    parts = [layers.ReLU(6.0)(before * 300.0), layers.ReLU()(layers.Conv2D(3, 3)(picture))]
    model = filled(keras.Model(picture, layers.MaxPooling2D(2)(layers.Concatenate(name="both")(parts))))
    found, strengths = ranked(model, images(2, 8, 8, 3))
    assert found.signs.tolist() == [1, 1, 0, 0, 0]
    assert strengths[..., :2].max() > 6
    assert np.array_equal(strengths[..., 2:], array(model(images(2, 8, 8, 3)))[..., 2:])


def test_an_average_and_a_plain_relu_are_left_alone():
    for steps in ([layers.ReLU(6.0), layers.AveragePooling2D(2)], [layers.ReLU(), layers.MaxPooling2D(2)]):
        bundle = convscope.load(model_of(layers.Conv2D(2, 3), *steps), preprocess="unit")
        graph = as_network(bundle).graph
        assert not any(call.inner and call.layer_type == "MaxPooling2D" for call in graph.calls)
        assert ranking(graph, graph.calls[graph.outputs[0].call]).is_own


def test_methods_seed_and_order_by_it():
    model = model_of(layers.Conv2D(4, 3), layers.Rescaling(200.0), layers.ReLU(6.0), layers.MaxPooling2D(2, name="pool"))
    bundle, image = convscope.load(model, preprocess="unit"), images(2, 8, 8, 3)
    assert seed_call(as_network(bundle).graph, Unit("pool", 1)).inner
    found = convscope.deconv(bundle, "pool:1", image)
    assert np.ptp(found.seeds) > 0
    assert (found.values == 6).all()
    assert np.abs(found.pixels).max() > 0
    ordered = convscope.activations(bundle, "pool", image)
    assert ordered.maps.max() == 6
    assert ordered.peaks.max() > 6
    assert np.abs(convscope.saliency(bundle, "pool:1", image).pixels).max() > 0
