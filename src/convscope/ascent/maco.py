"""MACO: only phases are climbed; the magnitudes are those of natural images (Fel et al. 2023)."""

from typing import Any

import numpy as np

from ..backend import ops
from .image import FloatArray, Parametrisation, colours, decorrelated
from .rings import Rings

# How strongly the standardised planes swing before the sigmoid.
CONTRAST = 1.5


def maco(spectrum: FloatArray, height: int, width: int) -> Parametrisation:
    """The phases of the waves of a picture whose magnitudes are held at `spectrum`, (channel, height, width // 2 + 1), see `spectrum_of`.

    Phases are drawn evenly; the planes they make are brought to mean 0 and deviation 1, then to colours, through a sigmoid.
    """
    spectrum = np.array(spectrum)
    channels = len(spectrum)
    spectrum[:, 0, 0] = 0.0
    colour = colours(channels)

    def initial(rng: np.random.Generator) -> FloatArray:
        return rng.uniform(-np.pi, np.pi, spectrum.shape).astype(np.float32)

    def pictures(numbers: Any) -> Any:
        planes = planes_of(spectrum, numbers, height, width)
        centred = planes - ops.mean(planes, axis=(1, 2, 3), keepdims=True)
        even = centred / (ops.sqrt(ops.mean(centred * centred, axis=(1, 2, 3), keepdims=True)) + 1e-6)
        return ops.sigmoid(ops.einsum("ij,njhw->nihw", colour, even) * CONTRAST)

    return Parametrisation("maco", initial, pictures)


def planes_of(spectrum: FloatArray, phases: Any, height: int, width: int) -> Any:
    """Return `irfft2` of spectrum · exp(i · phases): (count, channel, height, width), as matrix products alone."""
    real, imaginary = ops.multiply(ops.cos(phases), spectrum), ops.multiply(ops.sin(phases), spectrum)
    angle = 2 * np.pi * np.outer(np.arange(height), np.arange(height)) / height
    cosine, sine = (table(angle).astype(np.float32) / height for table in (np.cos, np.sin))
    down_real = ops.matmul(cosine, real) - ops.matmul(sine, imaginary)
    down_imaginary = ops.matmul(cosine, imaginary) + ops.matmul(sine, real)
    number = np.arange(width // 2 + 1)[:, None]
    angle = 2 * np.pi * number * np.arange(width) / width
    twice = np.where((number == 0) | (2 * number == width), 1.0, 2.0) / width  # the other half of the spectrum mirrors this one
    across_real, across_imaginary = (np.asarray(twice * table(angle), np.float32) for table in (np.cos, np.sin))
    return ops.matmul(down_real, across_real) - ops.matmul(down_imaginary, across_imaginary)


def spectrum_of(pictures: FloatArray) -> FloatArray:
    """Return the mean magnitude of the waves of pictures (picture, height, width, channel) in [0, 1], in decorrelated colours.

    (channel, height, width // 2 + 1), as `numpy.fft.rfft2` orders them. Pictures fade out towards their borders first, because left and
    right do not fit together, and waves of about one frequency get the mean of all directions: of few pictures, the step at the border
    and the directions of their edges would be drawn as a weave.
    """
    colour, (height, width) = colours(pictures.shape[-1]), pictures.shape[1:3]
    fading = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[1:-1]
    planes = np.stack([decorrelated(np.moveaxis(picture, -1, 0), colour) for picture in pictures])
    centred = planes - planes.mean(axis=(2, 3), keepdims=True)
    magnitudes = np.abs(np.fft.rfft2(centred * fading)).mean(axis=0)
    number = Rings(np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))).number
    count = np.bincount(number)
    means = [np.bincount(number, weights=plane.ravel()) / np.maximum(count, 1) for plane in magnitudes]
    return np.stack([mean[number].reshape(magnitudes.shape[1:]) for mean in means]).astype(np.float32)
