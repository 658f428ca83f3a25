"""What stands for an image by default: what feeds the network's last decision, whatever form that has."""

import pytest

import convscope
from convscope.backend import keras
from convscope.network.features import feature_call, feature_notes
from convscope.network.network import as_network
from networks import model_of

layers = keras.layers


def found(*chain, shape=(16, 16, 3)):
    return feature_call(as_network(convscope.load(model_of(*chain, shape=shape), preprocess="none")).graph, None)


def conv(filters=6, kernel=3, **more):
    return layers.Conv2D(filters, kernel, padding="same", **more)


def gap(**more):
    return layers.GlobalAveragePooling2D(name="average", **more)


FORMS = {
    "dense softmax": ([conv(), gap(), layers.Dense(4, activation="softmax")], "average"),
    "dense logits": ([conv(), gap(), layers.Dense(4)], "average"),
    "one logit": ([conv(), gap(), layers.Dropout(0.2), layers.Dense(1)], "average"),
    "one sigmoid": ([conv(), gap(), layers.Dense(1, activation="sigmoid")], "average"),
    "logits and a softmax apart": ([conv(), gap(), layers.Dense(4), layers.Activation("softmax")], "average"),
    "a linear activation after the softmax": (
        [conv(), gap(), layers.Dense(4, activation="softmax"), layers.Activation("linear")],
        "average",
    ),
    "a temperature": ([conv(), gap(), layers.Dense(4), layers.Rescaling(0.5, 1.0), layers.Softmax()], "average"),
    "a batch normalization behind the decision": (
        [conv(), gap(), layers.Dense(4), layers.BatchNormalization(), layers.Softmax()],
        "average",
    ),
    "hidden dense": (
        [conv(), layers.Flatten(), layers.Dense(9, activation="relu", name="hidden"), layers.Dropout(0.5), layers.Dense(4)],
        "hidden",
    ),
    "flatten and dense": ([conv(), layers.MaxPooling2D(4), layers.Flatten(name="flat"), layers.Dense(4, activation="softmax")], "flat"),
    "convolution, pooling": ([conv(), conv(8, 3, name="last"), conv(4, 1), gap(), layers.Softmax()], "last"),
    "convolution with a relu, pooling": ([conv(8, name="last"), conv(4, 1, activation="relu"), gap(), layers.Softmax()], "last"),
    "convolution, pooling, logits": ([conv(8, name="last"), layers.Dropout(0.5), conv(4, 1), gap()], "last"),
    "pooling, convolution": (
        [conv(), gap(keepdims=True), layers.Dropout(0.1), conv(4, 1), layers.Reshape((4,)), layers.Softmax()],
        "average",
    ),
    "pooling, convolution, logits": ([conv(), gap(keepdims=True), conv(4, 1), layers.Flatten()], "average"),
    "a softmax of every place, pooled": ([conv(8, name="last"), conv(4, 1, activation="softmax"), gap()], "last"),
    "a convolution over all that is left": (
        [conv(8, strides=4, name="last"), layers.Conv2D(5, 4, activation="softmax"), layers.Flatten()],
        "last",
    ),
    "no head": ([conv(), conv(8, name="last", activation="relu")], "last"),
    "no head, pooled": ([conv(), conv(8, 1, activation="relu"), gap()], "average"),
    "an embedding of unit length": ([conv(), gap(), layers.Dense(5), layers.UnitNormalization(name="unit")], "unit"),
    "an autoencoder": (
        [conv(8, strides=2), conv(2, strides=2, name="code"), layers.Conv2DTranspose(8, 3, 2, "same"), layers.UpSampling2D(), conv(3)],
        "code",
    ),
    "a dense autoencoder": (
        [
            layers.Flatten(),
            layers.Dense(40),
            layers.Dense(7, name="code"),
            layers.Dense(40),
            layers.Dense(768),
            layers.Reshape((16, 16, 3)),
        ],
        "code",
    ),
    "a picture for a picture": ([conv(8), conv(9, name="last", activation="relu"), conv(3)], "last"),
}


@pytest.mark.parametrize("form", FORMS)
def test_features_are_what_feeds_the_last_decision(form):
    chain, expected = FORMS[form]
    assert found(*chain).address == expected


def several(join):
    image = keras.Input((16, 16, 3))
    shared = gap()(conv()(image))
    return convscope.load(keras.Model(image, join(shared)), preprocess="none")


def hidden(value, name):
    return layers.Dense(3, name=name)(layers.Dense(5, activation="relu")(value))


@pytest.mark.parametrize(
    "join",
    [
        lambda shared: [layers.Dense(4, name="a")(shared), layers.Dense(1, name="b")(shared)],
        lambda shared: [hidden(shared, "a"), hidden(shared, "b")],
        lambda shared: layers.Concatenate()([layers.Dense(4)(shared), layers.Dense(2, activation="sigmoid")(shared)]),
    ],
    ids=["two heads", "two heads of their own layers", "heads put together"],
)
def test_of_several_heads_it_is_what_they_share(join):
    assert feature_call(as_network(several(join)).graph, None).address == "average"


def test_of_two_networks_side_by_side_it_is_the_first_ones():
    image = keras.Input((16, 16, 3))
    heads = [layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D(name=name)(conv()(image))) for name in ("one", "two")]
    bundle = convscope.load(keras.Model(image, layers.Average()(heads)), preprocess="none")
    assert feature_call(as_network(bundle).graph, None).address == "one"


def test_of_a_u_net_it_is_the_innermost_map_and_a_gate_is_none():
    image = keras.Input((None, None, 3))
    above = conv(6, name="above")(image)
    inner = conv(12, name="inner", activation="relu")(layers.MaxPooling2D()(above))
    gate = layers.Dense(12, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(inner))
    inner = layers.Multiply(name="gated")([inner, gate])
    outer = layers.Concatenate()([above, layers.UpSampling2D()(inner)])
    bundle = convscope.load(keras.Model(image, conv(1, activation="sigmoid")(outer)), preprocess="none")
    call = feature_call(as_network(bundle).graph, None)
    assert call.address == "gated" and call.shape[-1] == 12
    assert feature_notes(as_network(bundle).graph, None) == (
        "The network makes an image, so its features come from inside it, from `gated`.",
    )


@pytest.mark.parametrize(("filters", "said"), [(1, "only one feature"), (2, "only 2 features"), (3, None)])
def test_few_features_are_said(filters, said):
    graph = as_network(convscope.load(model_of(conv(filters), gap(), layers.Dense(4)), preprocess="none")).graph
    notes = feature_notes(graph, None)
    assert notes == () if said is None else said in notes[0]
