"""Images brought to the network, all at once for a few or batch by batch for many, with what the provenance needs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFileError, read_array
from ..digests import array_digest, hasher
from ..errors import ImageError
from ..legible import legible, shortened
from ..reach import user_path
from .fitting import Fit
from .numbers import Pixels
from .source import ArraySource, Read, Source, unopened
from .sources import ImageSet, as_array, as_image_set

Seen = Callable[[Pixels, Source], object]
NEARLY_BLACK = "No value exceeds 255 of 65,535, so the image is nearly black. If 255 means white, convert the numbers to uint8."


@dataclass(frozen=True)
class ImageBatch:
    """`pixels`: (image, height, width, channel) float32 in [0, 1] as they enter the network. `inputs`: for the provenance.

    `notes`: what was skipped.
    """

    pixels: NDArray[np.float32]
    names: tuple[str, ...]
    inputs: tuple[dict[str, Any], ...]
    given: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def as_batch(images: Any, fit: Fit) -> ImageBatch:
    """Return images (anything `as_image_set` takes) as one batch. Raises ImageError, also for arrays of different sizes."""
    if isinstance(images, ImageBatch):
        return images
    stream = ImageStream(as_image_set(images), fit)
    pixels = [image for image, _ in stream]
    sizes = sorted({image.shape[:2] for image in pixels})
    if len(sizes) > 1:
        raise ImageError(f"The arrays have different sizes: {sizes}. Pass arrays of one size, or one array at a time.")
    names = tuple(source.name for source in stream.read)
    return ImageBatch(np.stack(pixels), names, stream.inputs(), stream.images.given, stream.notes())


def as_array_batch(data: Any, shape: tuple[int | None, ...]) -> ImageBatch:
    """Return arrays, or `.npy` files of them, as one batch for a network whose input has another rank than pictures.

    `shape`: (length, channel) or (depth, height, width, channel), None where free. Values enter as they are, as float32.
    Raises ImageError that says what it expected.
    """
    given = list(data) if isinstance(data, list | tuple) else [data]
    arrays = [_array(one) for one in given]
    expected = ", ".join("?" if side is None else str(side) for side in shape)
    stacks = [array if array.ndim == len(shape) + 1 else array[None] for array in arrays]
    for stack in stacks:
        if stack.ndim != len(shape) + 1 or any(side not in (None, found) for side, found in zip(shape, stack.shape[1:], strict=True)):
            raise ImageError(f"Received an array of shape {stack.shape[1:]}. Expected ({expected}), or several of these in an .npy file.")
    if len({stack.shape[1:] for stack in stacks}) > 1:
        raise ImageError(f"The arrays have different shapes: {sorted({stack.shape[1:] for stack in stacks})}. Pass arrays of one shape.")
    pixels = np.concatenate(stacks).astype(np.float32)
    names = [Path(one).name if isinstance(one, str | Path) else "array" for one in given]
    paths = tuple(str(user_path(one).absolute()) for one in given if isinstance(one, str | Path))
    digest = array_digest(pixels)
    inputs = {"given": list(paths) if len(paths) == len(given) else None, "count": len(pixels), "digest": digest}
    counted = [f"{name}[{index}]" for name, stack in zip(names, stacks, strict=True) for index in range(len(stack))]
    return ImageBatch(pixels, tuple(counted), (inputs,), paths if len(paths) == len(given) else None)


def _array(one: Any) -> NDArray[Any]:
    if isinstance(one, str | Path):
        try:
            array = read_array(user_path(one))
        except (OSError, ArrayFileError) as error:
            said = getattr(error, "strerror", None) or error
            raise ImageError(f"`{one}` is not a readable array: {said}. This network does not take images. Pass an .npy file.") from error
    else:
        array = as_array(one)
    if array.dtype.kind not in "biuf":
        raise ImageError(f"`{one if isinstance(one, str | Path) else 'array'}` holds {array.dtype}. Expected numbers.")
    return array


def entering(source: Source, fit: Fit, seen: Seen | None = None) -> Read:
    """Return an image as it enters the network, and its digest: the one place where reading and fitting meet.

    `seen` is called with the numbers before they were fitted, (height, width, band), for a thumbnail of the whole picture.

    Whoever reads an image again, for a crop or a projection, reads it here, so the picture shows exactly what was measured.
    """
    with source.opened(max(fit.size)) as (numbers, digest):
        try:
            image = fit.apply(numbers, source.name, is_array=source.is_array)
            if seen is not None:
                seen(numbers, source)
            return image, digest
        except MemoryError as error:
            raise unopened(source.name, error) from error


def stacks(images: Iterable[NDArray[np.float32]], most: int) -> Iterator[NDArray[np.float32]]:
    """Yield images of one size together, at most so many at a time: (image, height, width, channel)."""
    waiting: list[NDArray[np.float32]] = []
    for image in images:
        if waiting and image.shape != waiting[0].shape:
            yield np.stack(waiting)
            waiting = []
        waiting.append(image)
        if len(waiting) == most:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


@dataclass
class ImageStream:
    """Reads a set one image at a time, and shows each to `seen`; afterwards it knows what was read, what was skipped and why, and their
    joint digest.
    """

    images: ImageSet
    fit: Fit
    seen: Seen | None = None
    read: list[Source] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._digest = hasher()
        self._brightest = 0.0

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], Source]]:
        """Yield (image, source). What cannot be read raises ImageError if it was named itself, else it is skipped."""
        for source in self.images.sources:
            try:
                image, digest = entering(source, self.fit, self.seen)
            except ImageError as error:
                if source.explicit:
                    raise
                self.skipped.append(str(error))
                self.missed.append(source.name)
                continue
            self._digest.update(digest)
            self.read.append(source)
            self._brightest = max(self._brightest, float(image.max()))
            yield image, source
        if not self.read:
            raise ImageError(f"None of the {len(self.images)} images could be read. The first error: {self.skipped[0]}")

    def inputs(self) -> tuple[dict[str, Any], ...]:
        """Return what the provenance records of the images that were read."""
        given = self.images.given
        return ({"given": list(given) if given is not None else None, "count": len(self.read), "digest": self._digest.hexdigest()},)

    def notes(self) -> tuple[str, ...]:
        """Say what was skipped, of which arrays the last band was taken for opacity (pictures say so themselves), what is nearly black."""
        return (*self._skipped(), *self._opacity(), *self._darkness())

    def _darkness(self) -> tuple[str, ...]:
        """Say that numbers of 16 bits are those of 8: nothing else leaves so little that is not black."""
        return (NEARLY_BLACK,) if 0 < self._brightest <= 1.001 * 255 / 65535 else ()

    def _opacity(self) -> tuple[str, ...]:
        clear = [source for source in self.read if isinstance(source, ArraySource) and source.stack.shape[-1] in (2, 4)]
        if not clear or self.fit.channels not in (1, 3):
            return ()
        return (f"The last of the {clear[0].stack.shape[-1]} bands of `{clear[0].name}` is read as its opacity, over mid-grey.",)

    def _skipped(self) -> tuple[str, ...]:
        """Say what was skipped by its name: the path in the reason is as it was typed, and another when the same is made again."""
        skipped = [shortened(legible(name)) for name in self.missed]
        if not skipped:
            return ()
        if len(skipped) == 1:
            return (f"1 image could not be read and was skipped: {skipped[0]}.",)
        return (f"{len(skipped)} images could not be read and were skipped. The first: {skipped[0]}.",)
