"""The images that a page can name: those of the command line, the embedded samples, what was dropped on the page, the images of a run.

A name is looked up here and nowhere else: no path comes from a page. Names are the words of the command line (`sample:cat`,
`photos/[17]`), so that a link to a view and a command are one grammar.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..digests import digest
from ..errors import ImageError, closest
from ..images import Fit, Source, as_image_set, entering
from ..images.source import FileSource, Opened, decoded
from ..images.sources import PICKED, SAMPLE, samples
from ..legible import legible, shortened
from ..numerals import natural
from ..scanning import Run
from .shelf import Shelf

# One picture that is dropped on a page, and all of them together, in bytes.
MOST_DROPPED, DROPPED_ROOM = 2**25, 2**28
DIGITS = 16
UPLOAD, OF_RUN = "upload:", "run:"
LONGEST_NAME = 1_000
ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dropped(Source):
    """A picture that was dropped on a page: its encoded bytes, as they came."""

    data: bytes

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture, with the digest of its bytes."""
        return decoded(lambda: self.data, len(self.data), self.name, side)


@dataclass(frozen=True, eq=False)
class Series:
    """The images that a word of the command line means. Each is named as the command line would: `base[first]`, `base[first + 1]`, ..."""

    word: str
    sources: Sequence[Source]

    @property
    def _range(self) -> tuple[str, int]:
        picked = PICKED.fullmatch(self.word)
        return (picked[1], int(picked[2])) if picked is not None and len(self.sources) > 1 else (self.word, 0)

    @property
    def base(self) -> str:
        """What stands before the number in the names of its images."""
        return self._range[0]

    @property
    def first(self) -> int:
        """The number of its first image."""
        return self._range[1]

    def name(self, place: int) -> str:
        """Return the name of the image at a place."""
        return self.word if len(self.sources) == 1 else f"{self.base}[{self.first + place}]"

    def find(self, name: str) -> Source | None:
        """Return the image of a name, None where it is not one of these."""
        if len(self.sources) == 1:
            return self.sources[0] if name == self.word else None
        picked = PICKED.fullmatch(name)
        place = int(picked[2]) - self.first if picked is not None and picked[3] is None and picked[1] == self.base else -1
        return self.sources[place] if 0 <= place < len(self.sources) else None


class Gallery:
    """Images by name. `given`: the words of the command line; `fit`: how images enter the network; `run`: whose images can be named too."""

    def __init__(self, given: Sequence[str], fit: Fit, run: Run | None = None) -> None:
        self.fit, self.run = fit, run
        words = tuple(given) or self._usual(fit)
        self.series = tuple(Series(word, as_image_set(word).sources) for word in words)
        self._dropped: Shelf[Dropped] = Shelf(DROPPED_ROOM)

    @staticmethod
    def _usual(fit: Fit) -> tuple[str, ...]:
        """Return the samples that suit a network. Raises ImageError where none do."""
        if fit.channels not in (1, 3):
            raise ImageError(f"The network takes images of {fit.channels} channels, and no sample has as many. Name images of your own.")
        if fit.channels == 1 or max(fit.size) <= 64:
            return (f"{SAMPLE}fashion",)
        return tuple(SAMPLE + name for name in samples() if name not in ("fashion", "photos"))

    @property
    def first(self) -> str:
        """The name of the image that a page begins with."""
        return self.series[0].name(0)

    def drop(self, data: bytes, name: str) -> str:
        """Keep a picture that was dropped on a page, and return its name. Raises ImageError for what is not one."""
        if len(data) > MOST_DROPPED:
            raise ImageError(f"Received a picture of {len(data):,} bytes. Expected at most {MOST_DROPPED:,}. Make it smaller first.")
        source = Dropped(name=shortened(legible(name)) or "picture", explicit=True, data=data)
        entering(source, self.fit)
        key = UPLOAD + digest(data)[:DIGITS]
        self._dropped.put(key, source, len(data))
        return key

    def title(self, name: str) -> str:
        """Return what an image is called on the page. Raises ImageError."""
        return self.run.name(self._id(name)) if name.startswith(OF_RUN) and self.run is not None else self.source(name).name

    def pixels(self, name: str) -> NDArray[np.float32]:
        """Return an image as it enters the network, (height, width, channel) in [0, 1]. Raises ImageError where it is not to be had."""
        if name.startswith(OF_RUN) and self.run is not None:
            return self.run.picture(self._id(name))
        return entering(self.source(name), self.fit)[0]

    def source(self, name: str) -> Source:
        """Return the image of this name, which is not one of the run. Raises ImageError."""
        if len(name) > LONGEST_NAME:
            raise ImageError("Received a name of too many letters. Choose an image on the page.")
        if name.startswith(UPLOAD):
            dropped = self._dropped.get(name)
            if dropped is None:
                raise ImageError("This picture was dropped on the page earlier and is not kept any more. Drop it again.")
            return dropped
        for series in (*self.series, *self._sample(name)):
            if (source := series.find(name)) is not None:
                return source
        words = [series.word for series in self.series]
        raise ImageError(f"No image `{shortened(name)}` here. {closest('the images', name, words)} Choose one on the page.")

    @staticmethod
    def _sample(name: str) -> Sequence[Series]:
        """Return the embedded images that a name is one of."""
        word = name.partition("[")[0]
        known = word.startswith(SAMPLE) and word.removeprefix(SAMPLE) in samples()
        return [Series(word, as_image_set(word).sources)] if known else []

    def words(self, name: str, folder: Path) -> tuple[str, dict[Path, bytes]]:
        """Return the word of the command line that means an image, and the file to be written first, of one that was dropped."""
        if name.startswith(OF_RUN) and self.run is not None:
            return self._word_in(self.run, self._id(name)), {}
        source = self.source(name)
        if isinstance(source, Dropped):
            ending = ENDING.fullmatch(Path(source.name).suffix)
            path = folder / f"{name.removeprefix(UPLOAD)}{ending[0] if ending else '.png'}"
            return str(path), {path: source.data}
        return _word(source, name), {}

    def _word_in(self, run: Run, image: int) -> str:
        """Return the word for an image of a run: that of the same place among those that were scanned, if it is the same to the bit."""
        place = image
        for word in run.manifest["given"] or ():
            series = Series(word, as_image_set(word).sources)
            if place < len(series.sources):
                source = series.sources[place]
                if np.array_equal(entering(source, self.fit)[0], run.picture(image)):
                    return _word(source, series.name(place))
                break
            place -= len(series.sources)
        raise ImageError(
            f"`{shortened(run.name(image))}` is an image of the run that no word of a command means. Open its file here instead."
        )

    def _id(self, name: str) -> int:
        try:
            return natural(name.removeprefix(OF_RUN))
        except ValueError as error:
            raise ImageError(f"`{shortened(name)}` is not an image of the run. Expected {OF_RUN}NUMBER.") from error


def _word(source: Source, name: str) -> str:
    """Return the word for an image: the path of a file, else its name."""
    return str(Path(source.folder) / source.path) if isinstance(source, FileSource) and not name.startswith(SAMPLE) else name
