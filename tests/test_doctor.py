"""What the model doctor says."""

import json

import convscope
from convscope.backend import keras
from convscope.doctor import examine
from networks import residual, small


def test_it_says_format_layers_scores_and_what_each_method_means():
    found = examine("fashion")
    assert found.format.startswith(".keras archive, Keras 3")
    assert found.input == (28, 28, 1)
    assert found.scores == "predictions"
    assert "max pooling" in found.methods["deconv"]
    conv = next(info for info in found.layers if info.address == "block1_conv1")
    assert (conv.kind, conv.channels, conv.field, conv.stride, conv.activation) == ("convolution", 32, 3, 1, "relu")
    json.dumps(found.as_record())


def test_gates_and_missing_pools_are_said():
    assert "held constant" in examine(residual()).methods["deconv"]
    picture = keras.Input((8, 8, 3))
    plain = keras.Model(picture, keras.layers.Conv2D(2, 3, activation="relu")(picture))
    assert "no max pooling" in examine(plain).methods["deconv"]


def test_strides_follow_the_layers():
    strides = {info.address: info.stride for info in examine(small(side=16)).layers}
    assert (strides["conv1"], strides["pool1"], strides["conv2"], strides["pool2"]) == (1, 2, 2, 4)
    assert strides["predictions"] is None


def test_a_network_on_sequences_says_that_only_activations_are_drawn():
    chain = keras.Sequential([keras.Input((16, 3)), keras.layers.Conv1D(2, 3)])
    assert list(examine(chain).methods) == ["activations"]
    assert convscope.load(chain).takes_images is False
