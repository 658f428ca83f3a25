"""Chains of layers of every shape, and places on their maps: what crops and cones are tested with."""

import math

import numpy as np

from convscope.backend import choose, keras
from convscope.graph.projector import Projector
from convscope.graph.rules import GUIDED, deconvnet
from convscope.locality.cones import cones_of
from networks import array, tensor

layers = keras.layers


def same(filters, size=3, stride=1, **more):
    return layers.Conv2D(filters, size, strides=stride, padding="same", activation="relu", **more)


def residual(stride):
    """ResNet's block: two convolutions beside a shortcut that strides by itself."""

    def block(value):
        deep = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(same(4, 3, stride)(value)))
        return layers.ReLU()(layers.Add()([deep, layers.Conv2D(4, 1, strides=stride)(value)]))

    return block


def branches(value):
    wide = same(2, 5)(value)
    tall = layers.Conv2D(2, (5, 1), padding="same")(layers.MaxPooling2D(3, 1, "same")(value))
    return layers.Concatenate()([same(2, 1)(value), wide, tall])


CHAINS = {
    "VGG": ((64, 64), lambda: [same(3), same(3), layers.MaxPooling2D(2), same(3), same(3), layers.MaxPooling2D(2), same(4), same(4)]),
    "odd sides": ((75, 61), lambda: [same(3), layers.MaxPooling2D(2), same(3), layers.MaxPooling2D(3, 2, "same"), same(4)]),
    "residual": (
        (96, 80),
        lambda: [layers.ZeroPadding2D(3), layers.Conv2D(4, 7, strides=2), layers.MaxPooling2D(3, 2), residual(1), residual(2)],
    ),
    "strided same, even": ((64, 64), lambda: [same(3, 3, 2), same(3, 5, 2), same(4, 3, 2)]),
    "strided same, odd": ((65, 67), lambda: [same(3, 3, 2), same(3, 5, 2), same(4, 3, 2)]),
    "strided valid": (
        (70, 64),
        lambda: [layers.Conv2D(3, 5, strides=3, activation="relu"), layers.Conv2D(3, 3, strides=2, activation="relu")],
    ),
    "branches": ((64, 60), lambda: [same(3, 3, 2), branches, layers.MaxPooling2D(2), branches]),
    "dilated": ((48, 48), lambda: [same(3, dilation_rate=2), layers.Conv2D(3, 3, dilation_rate=(2, 3), activation="relu")]),
    "depthwise": (
        (64, 64),
        lambda: [same(4, 3, 2), layers.DepthwiseConv2D(3, padding="same"), layers.ReLU(6.0), layers.SeparableConv2D(4, 3)],
    ),
    "average pooling": ((64, 64), lambda: [same(3), layers.AveragePooling2D(2), same(3), layers.AveragePooling2D(3, 2, "same")]),
    "gaps between windows": ((63, 64), lambda: [layers.MaxPooling2D(2, 3, "same"), layers.Conv2D(3, 2)]),
    "transposed": ((64, 64), lambda: [same(3, 3, 2), same(3, 3, 2), layers.Conv2DTranspose(3, 3, strides=2, padding="same"), same(3)]),
    "upsampling": ((64, 64), lambda: [layers.MaxPooling2D(4), same(3), layers.UpSampling2D(2), same(3)]),
    "cropping": ((64, 64), lambda: [same(3), layers.Cropping2D(((1, 2), (3, 0))), same(3), layers.MaxPooling2D(2)]),
}
# What every run of the tests tries; `make matrix` tries all.
TELLING = ("odd sides", "residual", "strided same, odd", "branches", "upsampling")
RULESETS = {
    "switches": deconvnet(),
    "ties": deconvnet(ties="spread"),
    "spread": deconvnet("spread"),
    "center": deconvnet("center"),
    "guided": GUIDED,
}


def places(shape):
    """Return places inside, at the borders and in corners of a map; fewer for JAX, which compiles for each."""
    rows, columns = shape[1], shape[2]
    inner = [(rows // 2, columns // 2), (rows // 3, columns // 2 + 1)]
    found = [*inner, (0, 0), (rows - 1, columns - 1), (0, columns // 2), (rows // 2, columns - 1), (rows - 2, 1)]
    return found[::2] if choose() == "jax" else found


def cut(pixels, window):
    """Return a window of the picture with zeros where it reaches over the border."""
    top, left, bottom, right = window
    height, width = pixels.shape[1:3]
    reach = max(-top, -left, bottom - height, right - width, 0)
    padded = np.pad(pixels, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    return padded[:, top + reach : bottom + reach, left + reach : right + reach]


def any_cones_of(graph, call, size):
    """Return the cones of a call's units, whether they pay or not; None where they are not exact."""
    return cones_of(graph, call, size, math.inf)


def on_cone(cones, pixels, position, rules, channel):
    """Return the unit's value and its projection, pasted into zeros."""
    window, place = cones.at(position)
    assert place == (0, 0)
    projector = Projector(cones.graph, tensor(cut(pixels, window)), [cones.call], {cones.place: tensor([position])})
    value = array(projector.value(cones.call))
    assert value.shape[:3] == (1, 1, 1)
    signal = np.zeros_like(value)
    signal[..., channel] = 1.0
    picture = array(projector.project(cones.call, tensor(signal), rules))[0]
    inside = window.clipped(*pixels.shape[1:3])
    pasted = np.zeros_like(pixels[0])
    part = picture[inside.top - window.top : inside.bottom - window.top, inside.left - window.left : inside.right - window.left]
    pasted[inside.top : inside.bottom, inside.left : inside.right] = part
    return value[0, 0, 0, channel], pasted


def differences_on_cone(graph, call, pixels, position, rules):
    """Return how much value and projection on the cone differ from those on the whole image, relatively."""
    whole = Projector(graph, tensor(pixels), [call])
    value = array(whole.value(call))
    channel = int(value[0, position[0], position[1]].argmax())
    signal = np.zeros_like(value)
    signal[0, position[0], position[1], channel] = 1.0
    true = array(whole.project(call, tensor(signal), rules))[0]
    found, picture = on_cone(any_cones_of(graph, call, pixels.shape[1:3]), pixels, position, rules, channel)
    true_value = value[0, position[0], position[1], channel]
    return abs(found - true_value) / max(abs(true_value), 1e-3), np.abs(picture - true).max() / (np.abs(true).max() or 1.0)
