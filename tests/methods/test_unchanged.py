"""T10: many images are as many single ones, the same call gives the same bytes, and the user's model is only read."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.models.bundle import network_digest
from networks import array, images, residual, small, tensor
from twins import relative_error

CALLS = {
    "activations": lambda model, pixels: convscope.activations(model, "conv2", pixels).maps,
    "deconv": lambda model, pixels: convscope.deconv(model, ["conv2:1", "conv1:0"], pixels).pixels,
    "deconv of a class": lambda model, pixels: convscope.deconv(model, "predictions:1", pixels, ties="spread").pixels,
    "deconv, whole map": lambda model, pixels: convscope.deconv(model, "conv2:1", pixels, seed="map").pixels,
    "deconv, spread": lambda model, pixels: convscope.deconv(model, "conv2:1", pixels, switches="spread").pixels,
    "deconv, center": lambda model, pixels: convscope.deconv(model, "conv2:1", pixels, switches="center").pixels,
    "saliency": lambda model, pixels: convscope.saliency(model, "predictions:1", pixels).pixels,
    "guided": lambda model, pixels: convscope.saliency(model, "conv2:1", pixels, method="guided").pixels,
}
RESIDUAL = {
    "activations, residual": lambda model, pixels: convscope.activations(model, "both_relu", pixels).maps,
    "deconv, residual": lambda model, pixels: convscope.deconv(model, "both_relu:1", pixels).pixels,
    "saliency, residual": lambda model, pixels: convscope.saliency(model, "logits:1", pixels).pixels,
}
calls = pytest.mark.parametrize("name", [*CALLS, *RESIDUAL])


def case(name):
    """Return a fresh model, more images than one chunk holds, and the call."""
    if name in RESIDUAL:
        return residual(), images(9, 12, 12, 3), RESIDUAL[name]
    return small(), images(9, 8, 8, 3), CALLS[name]


@dataclass(frozen=True)
class Asked:
    """A model, the call on its bundle with all images and with one after the other, and what it was before and after."""

    model: Any
    pixels: Any
    whole: Any
    single: Any
    before: Any
    after: Any


@functools.cache
def asked(name):
    model, pixels, call = case(name)
    bundle = convscope.load(model)
    before = *state(model, pixels), bundle.digest
    whole = call(bundle, pixels)
    single = np.concatenate([call(bundle, pixels[index : index + 1]) for index in range(len(pixels))])
    return Asked(model, pixels, whole, single, before, (*state(model, pixels), network_digest(model)))


def state(model, pixels):
    wiring = [
        (layer.name, len(layer._inbound_nodes), len(layer._outbound_nodes), getattr(layer, "activation", None)) for layer in model.layers
    ]
    weights = b"".join(weight.tobytes() for weight in model.get_weights())
    return wiring, weights, model.to_json(), array(model(tensor(pixels[:2]))).tobytes()


@calls
def test_t10_many_images_are_as_many_single_ones(name, record_error):
    # PyTorch takes other kernels for one image than for many, and on some processors they sum in another order.
    bound = 1e-5 if keras.backend.backend() == "torch" else 1e-6
    assert record_error("T10 batch = single images", relative_error(asked(name).whole, asked(name).single)) <= bound


@calls
def test_t10_the_same_call_gives_the_same_bytes(name):
    """Of the same model loaded once more, that is with nothing kept from before."""
    assert case(name)[2](asked(name).model, asked(name).pixels).tobytes() == asked(name).whole.tobytes()


@calls
def test_t10_the_model_is_only_read(name):
    assert asked(name).after == asked(name).before


def test_t10_listing_the_layers_leaves_the_model_alone():
    bundle = convscope.load(small())
    digest = bundle.digest
    convscope.layers(bundle)
    assert network_digest(bundle.network) == digest


def test_t10_copies_of_a_model_have_one_digest_and_one_changed_weight_another():
    one, two = small(), small()
    assert network_digest(one) == network_digest(two)
    two.layers[1].bias.assign(two.layers[1].bias.value * 1.001)
    assert network_digest(one) != network_digest(two)
