"""The images that a page can name: those of the command line, the embedded samples, what was dropped on the page, the images of a run.

A name is looked up here and nowhere else: no path comes from a page. Names are the words of the command line (`sample:cat`,
`photos/[17]`), so that a link to a view and a command are one grammar.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..digests import digest
from ..errors import ImageError, closest
from ..images import Fit, Source, as_image_set, entering
from ..images.source import FileSource, Opened, decoded
from ..images.sources import SAMPLE, samples
from ..legible import legible, shortened
from ..numerals import natural
from ..scanning import Run
from .shelf import Shelf

# One picture that is dropped on a page, and all of them together, in bytes.
MOST_DROPPED, DROPPED_ROOM = 2**25, 2**28
DIGITS = 16
UPLOAD, OF_RUN = "upload:", "run:"
LONGEST_NAME = 1_000
PICKED = re.compile(r"(.+)\[([0-9]{1,9})\]", re.DOTALL)
ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dropped(Source):
    """A picture that was dropped on a page: its encoded bytes, as they came."""

    data: bytes

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture, with the digest of its bytes."""
        return decoded(lambda: self.data, len(self.data), self.name, side)


class Gallery:
    """Images by name. `given`: the words of the command line; `fit`: how images enter the network; `run`: whose images can be named too."""

    def __init__(self, given: Sequence[str], fit: Fit, run: Run | None = None) -> None:
        self.fit, self.run = fit, run
        self.given = tuple(given) or self._usual(fit)
        self._sets = {word: as_image_set(word).sources for word in self.given}
        self._dropped: Shelf[Dropped] = Shelf(DROPPED_ROOM)

    @staticmethod
    def _usual(fit: Fit) -> tuple[str, ...]:
        """Return the samples that suit a network."""
        if fit.channels == 1 or max(fit.size) <= 64:
            return (f"{SAMPLE}fashion",)
        return tuple(SAMPLE + name for name in samples() if name not in ("fashion", "photos"))

    @cached_property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """Each word of the command line, and how many images it means."""
        return tuple((word, len(sources)) for word, sources in self._sets.items())

    @property
    def first(self) -> str:
        """The name of the image that a page begins with."""
        word, count = self.counts[0]
        return word if count == 1 else f"{word}[0]"

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
        picked = PICKED.fullmatch(name)
        sources = self._sources(name)
        if sources is not None and len(sources) == 1:
            return sources[0]
        word, place = (picked[1], natural(picked[2])) if picked else ("", 0)
        among = self._sources(word)
        if among is None or place >= len(among):
            raise ImageError(f"No image `{shortened(name)}` here. {closest('the images', name, self.given)} Choose one on the page.")
        return among[place]

    def _sources(self, word: str) -> Sequence[Source] | None:
        """Return the images of a word of the command line, or of an embedded sample."""
        if word not in self._sets and word.removeprefix(SAMPLE) in samples() and word.startswith(SAMPLE):
            self._sets[word] = as_image_set(word).sources
        return self._sets.get(word)

    def words(self, name: str, folder: Path) -> tuple[str, dict[Path, bytes]]:
        """Return the word of the command line that means an image, and the file to be written first, of one that was dropped."""
        source = self.source(name)
        if isinstance(source, Dropped):
            ending = ENDING.fullmatch(Path(source.name).suffix)
            path = folder / f"{name.removeprefix(UPLOAD)}{ending[0] if ending else '.png'}"
            return str(path), {path: source.data}
        if isinstance(source, FileSource) and not name.startswith(SAMPLE):
            return str(Path(source.folder) / source.path), {}
        return name, {}

    def _id(self, name: str) -> int:
        try:
            return natural(name.removeprefix(OF_RUN))
        except ValueError as error:
            raise ImageError(f"`{shortened(name)}` is not an image of the run. Expected {OF_RUN}NUMBER.") from error
