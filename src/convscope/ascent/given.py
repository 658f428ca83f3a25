"""The pictures that settings name: the one to start from, and those whose magnitudes MACO takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assets import MEASURING
from ..errors import ImageError
from ..images import Fit, as_batch, as_image_set
from ..images.sources import SAMPLE
from ..models import ModelBundle
from ..network.addresses import graph_of
from .attempts import Drawn
from .canvas import is_flat
from .maco import maco, spectrum_of
from .settings import Size
from .targets import Target

# The longer side of a photograph to start from, where no size is given.
LONGEST = 320
NATURAL = tuple(f"{SAMPLE}{name}" for name in MEASURING)

Said = tuple[dict[str, Any], ...]


def start_of(bundle: ModelBundle, targets: Sequence[Target], given: Any, size: Size) -> tuple[NDArray[np.float32], Said]:
    """Return the picture to start from, (height, width, channel) in [0, 1] at its own shape, and what the provenance records of it.

    Its longer side is `size`, or at most LONGEST; a dense layer before the targets fixes it. Raises ImageError.
    """
    images = as_image_set(given)
    if len(images) != 1:
        raise ImageError(f"`start` means {len(images)} images. Give one picture to start from.")
    fixed = bundle.fixed_size if is_flat(graph_of(bundle), targets) else None
    if fixed is None and isinstance(size, tuple):
        fixed = size
    if fixed is None:
        side = size if isinstance(size, int) else None
        image, _ = images.sources[0].read(side or LONGEST)
        longest = max(image.shape[:2])
        scale = (side or min(longest, LONGEST)) / longest
        fixed = max(8, round(image.shape[0] * scale)), max(8, round(image.shape[1] * scale))
    batch = as_batch(given, Fit(bundle.channels, fixed))
    return batch.pixels[0], batch.inputs


def maco_of(given: Any) -> Drawn:
    """Return what makes MACO's parametrisation for a canvas, from the magnitudes of these images, by default of natural photographs."""

    def drawn(height: int, width: int, channels: int) -> Any:
        batch = as_batch(list(NATURAL) if given is None else given, Fit(channels, (height, width)))
        spectrum = spectrum_of(batch.pixels)
        if given is None:
            spectrum[1:] = spectrum[0]  # the colours of so few photographs are their own; COLOUR has those of ImageNet
        return maco(spectrum, height, width)

    return drawn


def said_of(given: Any) -> list[str] | str | None:
    """Return the text by which images can be asked for again; of arrays in memory a word that says why they cannot."""
    if given is None:
        return None
    again = as_image_set(given).given
    return "arrays in memory" if again is None else list(again)
