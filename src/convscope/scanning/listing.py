"""Which image has which id: a list that a run keeps, in which new images come last."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, closest
from ..formats.journal_files import names_digest, read_sources, write_sources
from ..images import ImageSet, Source
from ..images.source import Unreadable
from ..words import Choices, Words

Name = TypeVar("Name", str, str | None)


@dataclass(frozen=True)
class Listed:
    """The images of a run in the order of their ids: names and labels.

    `given`: how they can be asked for again, None for arrays in memory. `known`: how many the run's own list had.
    """

    names: Words
    labels: Choices
    given: tuple[str, ...] | None
    known: int = 0

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels in the order of their first images."""
        return self.labels.words

    def digest(self, first: int, end: int) -> str:
        """Return what stands for the names and labels of these images."""
        return names_digest(self.names[first:end], self.labels[first:end])


@dataclass(frozen=True)
class Placed(Sequence[Source]):
    """The sources of a run's images by id. `places`: (image,) which of the `sources` each is, -1 for one of those that are `gone`."""

    sources: Sequence[Source]
    places: NDArray[np.int64]
    gone: Mapping[int, Source]

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, image: int) -> Source: ...
    @overload
    def __getitem__(self, image: slice) -> list[Source]: ...
    def __getitem__(self, image: int | slice) -> Source | list[Source]:
        """Return the source of an image, or of some."""
        if isinstance(image, slice):
            return [self[one] for one in range(*image.indices(len(self)))]
        place = int(self.places[image])
        return self.gone[image] if place < 0 else self.sources[place]


def listed_in(folder: Path, given: ImageSet) -> tuple[Listed, NDArray[np.int64]]:
    """Return the images in the order of their ids, and which of the sources each is: first those the run knows, by name, then the new ones.

    -1 stands for one that is not among those given any more. A list that is missing or damaged is made again from these; the journal
    knows whether it is the same. Raises ImageError for a label that has changed, OutputError.
    """
    names, labels = read_sources(folder)
    known = len(names)
    places = np.fromiter(_placed(names, given.sources), np.int64, known)
    for image, place in enumerate(map(int, places)):
        if place >= 0 and written_as(given.sources[place].label) != labels[image]:
            raise ImageError(
                f"The run in `{folder}` knows `{names[image]}` with the label {labels[image]}, not {given.sources[place].label}. "
                "Begin another run with --out."
            )
    is_new = np.ones(len(given), bool)
    is_new[places[places >= 0]] = False
    is_new[[place for place, source in enumerate(given.sources) if is_away(source)]] = False
    new = np.flatnonzero(is_new)
    names.extend(written_as(given.sources[int(place)].name) for place in new)
    labels.extend(written_as(given.sources[int(place)].label) for place in new)
    if len(new) or not known:
        write_sources(folder, names, labels)
    return Listed(names, labels, given.given, known), np.concatenate([places, new])


def _placed(names: Words, sources: Sequence[Source]) -> Iterator[int]:
    """Yield which of the sources each name is, -1 for none. As long as both come in the same order, there is nothing to look up."""
    common = next((place for place, (name, one) in enumerate(zip(names, sources, strict=False)) if name != written_as(one.name)), None)
    common = min(len(names), len(sources)) if common is None else common
    yield from range(common)
    if common < len(names):
        rest, seen = _numbered(sources[common:]), Counter[str]()
        for name in names[common:]:
            place = rest.get((name, seen[name]), -1)
            seen[name] += 1
            yield place if place < 0 else common + place


def all_there(folder: Path, listed: Listed, places: NDArray[np.int64], given: ImageSet, skipped: Mapping[int, str]) -> Placed:
    """Return the sources of all images; one that was `skipped` (image, reason) and is gone needs none. Raises ImageError for another."""
    gone: dict[int, Source] = {}
    for image in np.flatnonzero(places < 0).tolist():
        name = listed.names[image]
        if image not in skipped:
            raise ImageError(
                f"The run in `{folder}` knows {len(places)} images, and `{name}` is not among the {len(given)} in this command. "
                f"{closest('these images', name, (one.name for one in given.sources))} Name all of them again, with the new "
                f"ones, or choose a new folder with --out."
            )
        gone[image] = Unreadable(name=name, label=listed.labels[image], reason=skipped[image])
    return Placed(given.sources, places, gone)


def keyed(sources: Iterable[Source]) -> dict[tuple[str, int], Source]:
    """Return sources by their name, and how many of the same name came before."""
    every = list(sources)
    return {key: every[place] for key, place in _numbered(every).items()}


def _numbered(sources: Iterable[Source]) -> dict[tuple[str, int], int]:
    seen: Counter[str] = Counter()
    places = {}
    for place, source in enumerate(sources):
        name = written_as(source.name)
        places[name, seen[name]] = place
        seen[name] += 1
    return places


def written_as(name: Name) -> Name:
    """Return a name as tables hold it: file names that are no Unicode with escapes."""
    return name if name is None else name.encode("utf-8", "backslashreplace").decode("utf-8")


def is_away(source: Source) -> TypeGuard[Unreadable]:
    """Return whether a source stands for a folder that could not be listed: its pictures have no ids yet."""
    return isinstance(source, Unreadable) and source.may_pass
