"""From images in [0, 1], RGB, to what a network was trained on: five differentiable recipes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend import ops
from ..errors import OptionError
from ..numerals import real


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


def named(wanted: str, channels: int) -> Preprocessing:
    """Return the recipe of that name, or the one that "MEANS/DEVIATIONS" (in 0-255, one number or one a channel) says.

    "127/128" is (x - 127) / 128, "123.7,116.3,103.5/58.4,57.1,57.4" ImageNet's statistics. Raises OptionError.
    """
    if "/" in wanted:
        return _from_numbers(wanted, channels)
    if wanted not in PREPROCESSINGS:
        raise OptionError(
            f"No preprocessing `{wanted}`. Choose one of {', '.join(PREPROCESSINGS)}, "
            "or write means and deviations in 0-255, such as 127.5/127.5."
        )
    if channels != 3 and len(PREPROCESSINGS[wanted].mean) == 3:
        raise OptionError(
            f"Preprocessing `{wanted}` is for three channels, but the network takes {channels}. Choose none, unit or symmetric."
        )
    return PREPROCESSINGS[wanted]


def _from_numbers(wanted: str, channels: int) -> Preprocessing:
    try:
        means, deviations = (tuple(real(one) for one in part.split(",")) for part in wanted.split("/"))
    except ValueError as error:
        raise OptionError(f"Received the preprocessing `{wanted}`. Expected MEANS/DEVIATIONS in 0-255, such as 127.5/127.5.") from error
    if len(means) not in (1, channels) or len(deviations) not in (1, channels) or not all(one > 0 for one in deviations):
        raise OptionError(
            f"The preprocessing `{wanted}` does not fit {channels} channels. Expected 1 or {channels} means, and deviations above 0."
        )
    count = max(len(means), len(deviations))
    recipe = Preprocessing(wanted, 255.0, means * (count // len(means)), deviations * (count // len(deviations)))
    with np.errstate(over="ignore"):
        ends = np.asarray(recipe.value_range(), np.float32)
    if not (np.isfinite(ends).all() and ends[0] < ends[1]):
        raise OptionError(f"The preprocessing `{wanted}` leaves nothing of an image. Expected numbers in 0-255, such as 127.5/127.5.")
    return recipe
