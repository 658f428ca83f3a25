"""A silenced unit equals a network whose weights for it are zero, and nothing passes it on the way down."""

import numpy as np
import pytest

import convscope
from convscope.errors import UnitError
from networks import images, residual, small


def pruned(model, names, unit):
    """Return the model with zeros in place of all weights of a unit, in plain Keras: kernels, biases, and what normalizes it."""
    for name in names:
        layer = model.get_layer(name)
        weights = [np.array(one) for one in layer.get_weights()]
        for weight, variable in zip(weights, layer.weights, strict=True):
            if "variance" not in variable.path and "mean" not in variable.path:
                weight[..., unit] = 0
        layer.set_weights(weights)
    return model


UNIT = {"preprocess": "unit"}  # what is recognised may depend on the weights
CASES = {
    "fused relu": (small, ("conv1",), "conv1:2", (8, 8, 3), "predictions"),
    "normalization and relu6 behind": (residual, ("stem", "stem_bn"), "stem:1", (12, 12, 3), "logits"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_lesion_equals_a_network_without_the_units_weights(name, record_error):
    build, layers, unit, shape, output = CASES[name]
    layer, channel = unit.split(":")
    pixels = images(3, *shape)
    cut, twin = convscope.load(build(), **UNIT, without=unit), convscope.load(pruned(build(), layers, int(channel)), **UNIT)
    for address in (output, layer, layers[-1]):
        found, expected = (convscope.activations(one, address, pixels).maps for one in (cut, twin))
        if address == output or len(layers) == 1:
            assert record_error("lesion = zero weights", np.abs(found - expected).max()) < 1e-6
        assert not found[..., int(channel)].any() or address == output
    for method in (lambda one: convscope.saliency(one, f"{output}:0", pixels), lambda one: convscope.deconv(one, f"{output}:1", pixels)):
        found, expected = method(cut).pixels, method(twin).pixels
        assert np.allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    whole = convscope.activations(convscope.load(build(), **UNIT), output, pixels).maps
    assert np.abs(whole - found_output(cut, output, pixels)).max() > 1e-4


def found_output(model, output, pixels):
    return convscope.activations(model, output, pixels).maps


@pytest.mark.once
def test_the_picture_says_which_units_are_silenced_and_the_digest_differs():
    model, pixels = small(), images(1, 8, 8, 3)
    whole, cut = convscope.load(model), convscope.load(model, without=["conv1:2", "conv1:0"])
    assert cut.without == ("conv1:0,2",) and cut.digest != whole.digest and whole.lesioned(["conv1:0,2"]).digest == cut.digest
    found = convscope.saliency(cut, "predictions:1", pixels)
    assert found.notes[-1].startswith("Lesion: without conv1:0,2.") and found.provenance.model["load"]["without"] == ["conv1:0,2"]
    connected = convscope.connections(cut, ["conv2:1", "conv1:2"])
    assert {str(one.source) for one in connected.units[0].inputs} <= {"conv1:1", "conv1:3"} and not connected.units[1].inputs


@pytest.mark.once
@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("predictions:1", "holds the network's output"),
        ("conv1:9", "has 4 channels, 0 to 3; received channel 9"),
        ("conv1", "names a layer. Name the units to silence, or all of them: conv1:all"),
        ("conv1:1@2,3", "a lesion silences whole units"),
        ("conv9:1", "No layer `conv9`"),
        ("predictions:sneaker", "is not a number"),
    ],
)
def test_what_cannot_be_silenced_is_one_sentence(without, words):
    with pytest.raises(UnitError, match=words):
        convscope.activations(convscope.load(small(), without=without), "conv2", images(1, 8, 8, 3))
