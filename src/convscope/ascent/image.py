"""What is optimised: the numbers behind a picture, and how they become one that is always in range.

`fourier`, `pixels` and `maco` make an `Image`, a function that gives the `Parametrisation` of pictures of a size; IMAGES has their names.
Transforms of the Fourier kind are written as matrix products, which every backend computes alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..assets import MEASURING
from ..backend import ops
from ..errors import OptionError
from ..images import Fit, as_batch
from ..images.sources import SAMPLE
from ..registry import Registry

FloatArray = NDArray[np.float32]


def unchanged(numbers: Any) -> Any:
    """Return numbers as they are."""
    return numbers


@dataclass(frozen=True)
class Parametrisation:
    """The numbers behind pictures of one size, and how they become pictures.

    `initial(rng)` draws the numbers of one picture in NumPy, an array of any shape. `pictures(numbers)` makes pictures of a batch of them,
    (picture, ...) -> (picture, channel, height, width) in [0, 1], by differentiable functions of `keras.ops`. `settled(numbers)` brings
    them back, after each step, to where they must lie, if nothing else keeps them there. `numbers_of(picture)` returns the numbers behind
    one picture, (channel, height, width), to start from it; None where that cannot be.
    """

    initial: Callable[[np.random.Generator], FloatArray]
    pictures: Callable[[Any], Any]
    settled: Callable[[Any], Any] = unchanged
    numbers_of: Callable[[FloatArray], FloatArray] | None = None


class Image(Protocol):
    """How pictures are parametrised: a function that gives the parametrisation of those of a size."""

    def __call__(self, height: int, width: int, channels: int, /) -> Parametrisation:
        """Return the parametrisation of pictures of this size."""


IMAGES: Registry[Image] = Registry("image parametrisation", group="convscope.ascent_images")


def as_image(image: Any) -> Image:
    """Return the parametrisation that a name of IMAGES or a function of (height, width, channels) means. Raises OptionError."""
    if isinstance(image, str):
        return IMAGES.get(image)
    if not callable(image):
        raise OptionError(
            f"`image` is {type(image).__name__}. Expected one of {', '.join(IMAGES)}, or a function of (height, width, "
            f"channels) that returns a convscope.ascent.Parametrisation."
        )
    function: Image = image
    return function


def parametrised(image: Image, canvas: tuple[int, int], channels: int) -> Parametrisation:
    """Return the parametrisation of pictures of a canvas (height, width). Raises OptionError where it makes something else."""
    parametrisation = image(*canvas, channels)
    if not isinstance(parametrisation, Parametrisation):
        raise OptionError(f"`image` returned {type(parametrisation).__name__}. Return a convscope.ascent.Parametrisation.")
    return parametrisation


@dataclass(frozen=True, eq=False)
class Rings:
    """The rings of waves (height, width) of a frequency in cycles per pixel each: `number` (height x width,) says the ring of each.

    A ring is as wide as the waves of one period along the longer side are apart. `sector` (height, width), 0, 1, ...: the part of its ring
    that a wave belongs to, which counts as a ring of its own.
    """

    frequency: NDArray[np.float64]
    sector: NDArray[np.int32] | None = None

    @property
    def number(self) -> NDArray[np.int32]:
        """The ring of each wave, (wave,), 0 for the constant."""
        ring = np.round(self.frequency.ravel() * max(self.frequency.shape)).astype(np.int32)
        return ring if self.sector is None else ring + (ring.max() + 1) * self.sector.ravel()

    def sums(self, values: Any) -> Any:
        """Return the sum over each ring, (picture, plane, ring), of values (picture, plane, height, width)."""
        waves, number = self.frequency.size, self.number
        flat = ops.transpose(ops.reshape(values, (-1, values.shape[1], waves)), (2, 0, 1))
        return ops.transpose(ops.segment_sum(flat, ops.convert_to_tensor(number), int(number.max()) + 1), (1, 2, 0))

    def spread(self, values: Any) -> Any:
        """Return the value of its ring for each wave: (picture, plane, height, width) from (picture, plane, ring)."""
        waves = ops.take(values, ops.convert_to_tensor(self.number), axis=2)
        return ops.reshape(waves, (-1, values.shape[1], *self.frequency.shape))

    def means(self, values: Any) -> Any:
        """Return for each wave the mean of its ring."""
        weight = (1.0 / np.maximum(np.bincount(self.number), 1)).astype(np.float32)
        return self.spread(ops.multiply(self.sums(values), weight))


# How natural images' colours vary together: lucid's matrix (Olah et al. 2017), divided by its largest column norm.
COLOUR = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=np.float32)
COLOUR /= np.linalg.norm(COLOUR, axis=0).max()
# Networks ask for less colour than they saw: with this factor on the colour differences, pictures come near the chroma of photographs.
VIVID = 1.5
COLOUR *= np.array([1.0, VIVID, VIVID], dtype=np.float32)
# How far a picture's planes (brightness and two colour differences) may swing before the sigmoid: calm, but not grey. A grey picture has
# but one of them.
SWING, GREY_SWING = 1.5, 2.5
# How readily a picture's mean moves, on the scale of its slowest waves: in colour little, else many units tint all alike.
TINT = 0.3
# Waves of fewer periods a picture than this weigh alike: slow shades would otherwise take all the swing, and leave motifs on grey.
SLOWEST = 4.0
# Waves above this frequency are held in each of so many directions, from along a side to across it, by itself. Deep networks ask for fine
# waves along rows and columns, three to six times as much as for slanting ones: a mesh that photographs do not have.
FINE, SECTORS = 0.2, 4
# The power of frequency that the magnitudes of waves follow in natural images, of small size and a little smooth.
NATURAL = -1.4


def pixels(*, deviation: float = 0.01, norm: float | None = None) -> Image:
    """Plain pixels around mid-grey: what Erhan et al. 2009 climb on. Clipped into [0, 1], or with `norm` on their sphere: the distance from
    mid-grey, over all pixels and channels, is held at it. The start is noise of `deviation`.
    """

    def on_sphere(numbers: Any) -> Any:
        away = numbers - 0.5
        return 0.5 + away * (norm / (ops.sqrt(ops.sum(away * away, axis=(1, 2, 3), keepdims=True)) + 1e-12))

    def clipped(numbers: Any) -> Any:
        return ops.clip(numbers, 0.0, 1.0)

    def image(height: int, width: int, channels: int) -> Parametrisation:
        def initial(rng: np.random.Generator) -> FloatArray:
            return np.clip(rng.normal(0.5, deviation, (channels, height, width)), 0.0, 1.0).astype(np.float32)

        return Parametrisation(initial, clipped, settled=clipped if norm is None else on_sphere, numbers_of=unchanged)

    return image


def fourier(*, deviation: float = 0.15, contrast: float | None = 1.0, decay: float = 1.0, natural: float | None = 4.0) -> Image:
    """Amplitudes of real waves, scaled by frequency to the power -`decay`, in decorrelated colours, through a sigmoid (Olah et al. 2017).

    Low frequencies move first, as they do in natural images. Each plane's root mean square is held below `contrast` times a calm one,
    smoothly, however long the climb is; None holds nothing, which is what it takes to start from any picture. With `natural`, a ring of
    waves that grows beyond so many times its share of natural images' power is held back, too, and the others make up for it; of a fine
    ring each direction by itself. Neither grain nor a mesh nor shades prevail. The start is noise of `deviation` about mid-grey. Any number
    of channels; colours are decorrelated for three.
    """

    def image(height: int, width: int, channels: int) -> Parametrisation:
        swing = None if contrast is None else contrast * (SWING if channels > 1 else GREY_SWING)
        return _waves(height, width, channels, deviation, swing, decay, natural)

    return image


def _waves(
    height: int, width: int, channels: int, deviation: float, swing: float | None, decay: float, natural: float | None
) -> Parametrisation:
    """Return the parametrisation of `fourier`; `swing`: what each plane's root mean square is held below."""
    rows, columns = waves(height), waves(width)
    rings = sectors_of(height, width)
    frequency = np.maximum(rings.frequency, SLOWEST / max(height, width))
    scale = (0.25 * frequency**-decay).astype(np.float32)
    scale[0, 0] *= TINT if channels > 1 else 1.0
    colour = colours(channels)
    share = np.bincount(rings.number, weights=(frequency ** (2 * NATURAL)).ravel())
    # A ring at `natural` times its share of the power is halved, one far beyond it is held there.
    beyond = (1.0 / ((natural or 1.0) * share / share.sum() + 1e-12)).astype(np.float32)

    def initial(rng: np.random.Generator) -> FloatArray:
        return rng.normal(0.0, deviation, (channels, height, width)).astype(np.float32)

    def held(amplitudes: Any) -> Any:
        if swing is None:
            return amplitudes
        power = ops.sum(amplitudes * amplitudes, axis=(2, 3), keepdims=True) / (height * width)
        return as_shared(amplitudes, power / (swing * swing)) * swing / ops.sqrt(swing * swing + power)

    def as_shared(amplitudes: Any, power: Any) -> Any:
        """Return the amplitudes of which no ring has much more than its share, with the power that they had: (picture, plane, 1, 1)."""
        if natural is None or swing is None:
            return amplitudes
        each = rings.sums(amplitudes * amplitudes) / (height * width * swing * swing)
        kept = 1.0 / (1.0 + ops.multiply(each, beyond))  # smooth, so that the gradient of a held ring stays alive
        left = ops.expand_dims(ops.sum(each * kept, axis=2, keepdims=True), 3)
        return amplitudes * rings.spread(ops.sqrt(kept)) * ops.sqrt((power + 1e-9) / (left + 1e-9))

    def pictures(numbers: Any) -> Any:
        planes = ops.matmul(ops.matmul(rows, held(ops.multiply(numbers, scale))), columns.T)
        return ops.sigmoid(ops.einsum("ij,njhw->nihw", colour, planes))

    def numbers_of(picture: FloatArray) -> FloatArray:
        return np.asarray(rows.T @ decorrelated(picture, colour) @ columns / scale, dtype=np.float32)

    return Parametrisation(initial, pictures, numbers_of=numbers_of)


def colours(channels: int) -> FloatArray:
    """Return what mixes independent planes into channels: (channel, plane)."""
    return COLOUR if channels == 3 else COLOUR[0, 0] * np.eye(channels, dtype=np.float32)


def decorrelated(picture: FloatArray, colour: FloatArray) -> FloatArray:
    """Return the planes that a sigmoid of their mixture makes `picture`, (channel, height, width) in [0, 1], of; black and white, which
    no finite plane makes, a step of 8 bits short of it.
    """
    inside = np.clip(picture, 1 / 255, 254 / 255)
    return np.einsum("ij,jhw->ihw", np.linalg.inv(colour), np.log(inside / (1.0 - inside))).astype(np.float32)


def frequencies(length: int) -> NDArray[np.float64]:
    """Return the frequency of each wave of `waves(length)` in cycles per pixel, 0 to 0.5."""
    return (np.arange(length) + 1) // 2 / length


def rings_of(height: int, width: int) -> Rings:
    """Return the rings of the numbers of a Fourier picture, ordered as `waves` has them along both sides."""
    return Rings(np.hypot(frequencies(height)[:, None], frequencies(width)))


def sectors_of(height: int, width: int) -> Rings:
    """Return the rings of `rings_of`, the fine ones in sectors by how far a wave slants: along a side, ..., along the diagonal."""
    rows, columns = np.meshgrid(frequencies(height), frequencies(width), indexing="ij")
    slant = np.arctan2(np.minimum(rows, columns), np.maximum(rows, columns)) / (np.pi / 4)  # 0 to 1
    frequency = rings_of(height, width).frequency
    sector = np.where(frequency >= FINE, np.minimum(slant * SECTORS, SECTORS - 1), 0)
    return Rings(frequency, sector.astype(np.int32))


def waves(length: int) -> NDArray[np.float32]:
    """Return the orthonormal real Fourier basis of `length` pixels: (pixel, wave), as constant, cos, sin, cos, ..."""
    place = np.arange(length)[:, None]
    number = np.arange(length)
    angle = 2 * np.pi * place * ((number + 1) // 2) / length
    basis = np.where(number % 2 == 1, np.cos(angle), np.sin(angle)) * np.sqrt(2.0 / length)
    basis[:, 0] = np.sqrt(1.0 / length)
    if length % 2 == 0:
        basis[:, -1] /= np.sqrt(2.0)
    return basis.astype(np.float32)


# How strongly the standardised planes swing before the sigmoid.
CONTRAST = 1.5
NATURAL_IMAGES = tuple(f"{SAMPLE}{name}" for name in MEASURING)


def maco(images: Any = None) -> Image:
    """MACO: only phases are climbed, from the magnitudes of these images, by default of natural photographs (Fel et al. 2023)."""

    def image(height: int, width: int, channels: int) -> Parametrisation:
        batch = as_batch(list(NATURAL_IMAGES) if images is None else images, Fit(channels, (height, width)))
        spectrum = spectrum_of(batch.pixels)
        if images is None:
            spectrum[1:] = spectrum[0]  # the colours of so few photographs are their own; COLOUR has those of ImageNet
        return phases_of(spectrum, height, width)

    return image


def phases_of(spectrum: FloatArray, height: int, width: int) -> Parametrisation:
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

    return Parametrisation(initial, pictures)


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


for _name, _image in (("fourier", fourier()), ("maco", maco()), ("pixels", pixels())):
    IMAGES.register(_name, _image)
