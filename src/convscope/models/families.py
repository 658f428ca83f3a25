"""Networks of keras.applications and the recipes they were trained with: known by the number of their weights, or by names of layers."""

import re
from typing import Any

from . import architectures
from .entrance import layers_within

RECIPES = (
    (r"ResNet\d+V2", "symmetric"),
    (r"VGG|ResNet", "caffe"),
    (r"EfficientNetV2[SML]", "symmetric"),
    (r"DenseNet|EfficientNet|ConvNeXt", "torch"),
    (r"MobileNet|Xception|Inception|NASNet", "symmetric"),
)
# Layer names that only one family has.
FAMILIES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("VGG", ("block1_conv1", "block2_conv2", "block3_conv3", "block5_conv3"), "caffe"),
    ("ResNetV2", ("conv1_conv", "conv2_block1_preact_bn", "post_bn"), "symmetric"),
    ("ResNet", ("conv1_conv", "conv1_bn", "conv2_block1_1_conv", "conv5_block3_add"), "caffe"),
    ("MobileNetV2", ("Conv1", "expanded_conv_depthwise", "block_1_expand", "out_relu"), "symmetric"),
    ("MobileNet", ("conv1", "conv_dw_1", "conv_pw_1", "conv_pw_13"), "symmetric"),
    ("Xception", ("block1_conv1", "block2_sepconv1", "block14_sepconv2"), "symmetric"),
    ("InceptionResNetV2", ("mixed_5b", "conv_7b"), "symmetric"),
    ("InceptionV3", ("mixed0", "mixed7", "mixed10"), "symmetric"),
    ("DenseNet", ("conv2_block1_0_bn", "pool2_conv", "pool4_conv"), "torch"),
    ("NASNet", ("stem_conv1", "stem_bn1", "adjust_relu_1_stem_1"), "symmetric"),
)
LEAST_FILTERS = 8  # of a stem; a convolution that makes three channels of others stands before a trunk


def whole(network: Any) -> tuple[str, str] | None:
    """Return the application that a network is, weight for weight, with or without ImageNet's classes, and its recipe; None for others."""
    counted = network.count_params()
    name = next(
        (one for one in architectures.known() if architectures.classes_in(one, counted) in (0, architectures.IMAGENET_CLASSES)), None
    )
    return None if name is None else (name, recipe_of(name))


def recipe_of(application: str) -> str:
    """Return the recipe that an application's ImageNet weights were trained with."""
    return next(recipe for pattern, recipe in RECIPES if re.match(pattern, application))


def trunk_of(network: Any, entrances: list[Any]) -> tuple[str, str] | None:
    """Return the family of the trunk that begins at a network's first layers with weights, and its recipe; None where none is known.

    It proves nothing of how a larger network was fed: that is its author's habit.
    """
    if len(entrances) != 1 or not _is_stem(entrances[0]):
        return None
    models = [network, *(layer for layer in layers_within(network) if getattr(layer, "layers", None))]
    inside = [model for model in models if any(layer is entrances[0] for layer in layers_within(model))]
    for model in reversed(inside):
        if (known := whole(model)) is not None:
            return known
    names = {layer.name for layer in layers_within(network)}
    return next(((family, recipe) for family, marks, recipe in FAMILIES if names.issuperset(marks)), None)


def _is_stem(layer: Any) -> bool:
    kernel = getattr(layer, "kernel", None)
    return kernel is not None and len(kernel.shape) == 4 and kernel.shape[2] == 3 and kernel.shape[3] >= LEAST_FILTERS
