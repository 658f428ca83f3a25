"""From images in [0, 1], RGB, to what a network was trained on: five differentiable recipes, and how a network's own is recognised."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import keras, ops
from ..errors import OptionError, near_misses
from .tracing import nodes_of


@dataclass(frozen=True)
class Preprocessing:
    """images -> (scale · images - mean) / deviation, then reversed channels (BGR) where `reverse`."""

    name: str
    scale: float
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    reverse: bool = False

    def apply(self, images: Any) -> Any:
        """Return the network's input for images (n, height, width, channel) in [0, 1]; arrays and tensors alike."""
        if self.reverse:
            images = images[..., ::-1] if isinstance(images, np.ndarray) else ops.flip(images, axis=-1)  # PyTorch has no step -1
        return (images * self.scale - _row(self.mean, images)) / _row(self.deviation, images)

    def to_rgb(self, signal: Any) -> Any:
        """Return a signal at the network's input with its channels in RGB order; scale and sign stay."""
        return signal[..., ::-1] if self.reverse else signal

    def value_range(self) -> tuple[float, float]:
        """Return the least and the largest value that an image can have at the network's input."""
        ends = [(self.scale * end - m) / d for m, d in zip(self.mean, self.deviation, strict=True) for end in (0.0, 1.0)]
        return min(ends), max(ends)


def _row(values: tuple[float, ...], images: Any) -> Any:
    """Return per-channel constants as an array of the images' own kind, so that the arithmetic stays in their dtype."""
    if len(set(values)) == 1:
        return values[0]
    row = np.asarray(values, dtype="float32")
    return row if isinstance(images, np.ndarray) else ops.convert_to_tensor(row)


PREPROCESSINGS = {
    recipe.name: recipe
    for recipe in (
        Preprocessing("none", 255.0),
        Preprocessing("unit", 1.0),
        Preprocessing("symmetric", 2.0, (1.0,)),
        Preprocessing("caffe", 255.0, (103.939, 116.779, 123.68), (1.0, 1.0, 1.0), reverse=True),
        Preprocessing("torch", 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    )
}
# Operations before the first layer that change values by constants, and those that do not change them.
ARITHMETIC = frozenset({"Add", "Subtract", "Multiply", "Divide", "TrueDivide"})
UNCHANGING = frozenset({"GetItem", "Flip", "Cast", "Identity", "Dropout", "RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast"})
LARGEST_INPUT = 200.0  # 255 less a channel's mean is below; what was meant for [0, 1] makes more of 255
NORMALISES_INSIDE = ("Rescaling", "Normalization")
# Layer names that only one family of keras.applications has, and the recipe that family was trained with.
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


def named(wanted: str, channels: int) -> Preprocessing:
    """Return the recipe of that name, or the one that "MEANS/DEVIATIONS" (in 0-255, one number or one a channel) says.

    "127/128" is (x - 127) / 128, "123.7,116.3,103.5/58.4,57.1,57.4" ImageNet's statistics. Raises OptionError.
    """
    if "/" in wanted:
        return _from_numbers(wanted, channels)
    if wanted not in PREPROCESSINGS:
        raise OptionError(
            f"No preprocessing `{wanted}`. Choose one of {near_misses(wanted, PREPROCESSINGS, len(PREPROCESSINGS))}, "
            "or give means and deviations in 0-255, such as 127.5/127.5."
        )
    if channels != 3 and len(PREPROCESSINGS[wanted].mean) == 3:
        raise OptionError(f"Preprocessing `{wanted}` is for three channels; the network takes {channels}. Choose none, unit or symmetric.")
    return PREPROCESSINGS[wanted]


def _from_numbers(wanted: str, channels: int) -> Preprocessing:
    try:
        means, deviations = (tuple(float(one) for one in part.split(",")) for part in wanted.split("/"))
    except ValueError as error:
        raise OptionError(f"Received the preprocessing `{wanted}`. Expected MEANS/DEVIATIONS in 0-255, such as 127.5/127.5.") from error
    if len(means) not in (1, channels) or len(deviations) not in (1, channels) or not all(one > 0 for one in deviations):
        raise OptionError(
            f"The preprocessing `{wanted}` does not fit {channels} channels. Expected 1 or {channels} means, and deviations above 0."
        )
    count = max(len(means), len(deviations))
    return Preprocessing(wanted, 255.0, means * (count // len(means)), deviations * (count // len(deviations)))


def recognised(network: Any, channels: int) -> tuple[Preprocessing, str] | None:
    """Return the recipe that a network's layers tell, and one sentence that says why; None if they do not tell."""
    layers = list(layers_within(network))
    inside = next((layer for layer in layers if type(layer).__name__ in NORMALISES_INSIDE), None)
    if inside is not None:
        return PREPROCESSINGS["none"], f"preprocessing none (0-255): the network normalises inside, in `{inside.name}`"
    if (values := _after_arithmetic(network)) is not None:
        low, high = values
        name = "none" if max(abs(low), abs(high)) <= LARGEST_INPUT else "unit"
        return PREPROCESSINGS[name], f"preprocessing {name}: the network normalises inside, 0 to 255 becomes {low:g} to {high:g} there"
    names = {layer.name for layer in layers}
    for family, marks, recipe in FAMILIES:
        if channels == 3 and names.issuperset(marks):
            return PREPROCESSINGS[recipe], f"preprocessing {recipe}, recognised by its structure ({family})"
    return None


def _after_arithmetic(network: Any) -> tuple[float, float] | None:
    """Return what 0 and 255 become by the arithmetic with constants that a network begins with; None where it begins otherwise."""
    if not hasattr(network, "_nodes_by_depth") or len(network.inputs) != 1:
        return None
    tensor, computes = network.inputs[0], False
    while True:
        nodes = [node for node in nodes_of(network) if any(one is tensor for one in node.input_tensors)]
        kinds = {type(node.operation).__name__ for node in nodes}
        if len(nodes) != 1 or not kinds <= ARITHMETIC | UNCHANGING or len(nodes[0].input_tensors) != 1:
            break
        computes |= bool(kinds & ARITHMETIC)
        tensor = nodes[0].outputs[0]
    if not computes:
        return None
    function, shape = keras.Function(network.inputs, tensor), [1, *(side or 8 for side in network.inputs[0].shape[1:])]
    ends = [np.asarray(ops.convert_to_numpy(function([np.full(shape, end, dtype="float32")]))) for end in (0.0, 255.0)]
    return float(min(one.min() for one in ends)), float(max(one.max() for one in ends))


def layers_within(model: Any) -> Any:
    """Yield every layer of a model, those of nested models included."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from layers_within(layer)
