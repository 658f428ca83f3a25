"""Which image has which id: a list that a run keeps, in which new images come last."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeGuard, TypeVar

from ..errors import ImageError, closest
from ..formats.journal_files import names_digest, read_sources, write_sources
from ..images import ImageSet, Source
from ..images.source import Unreadable

Name = TypeVar("Name", str, str | None)


@dataclass(frozen=True)
class Listed:
    """The images of a run in the order of their ids: names, labels, and the classes (the labels in order of appearance).

    `given`: how they can be asked for again, None for arrays in memory. `known`: how many the run's own list had.
    """

    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    given: tuple[str, ...] | None
    known: int = 0

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels in the order of their first images."""
        return tuple(dict.fromkeys(one for one in self.labels if one is not None))

    def digest(self, first: int, end: int) -> str:
        """Return what stands for the names and labels of these images."""
        return names_digest(self.names[first:end], self.labels[first:end])


def listed_in(folder: Path, given: ImageSet) -> tuple[Listed, list[Source | None]]:
    """Return the images in the order of their ids, and where they are: first those the run knows, by name, then the new ones.

    None stands for one that is not among those given any more. A list that is missing or damaged is made again from these; the journal
    knows whether it is the same. Raises ImageError for a label that has changed, OutputError.
    """
    known, by_key = read_sources(folder), keyed(given.sources)
    seen: Counter[str] = Counter()
    sources: list[Source | None] = []
    for name, label in known:
        source = by_key.pop((name, seen[name]), None)
        seen[name] += 1
        if source is not None and written_as(source.label) != label:
            raise ImageError(
                f"The run in `{folder}` knows `{name}` with the label {label}, not {source.label}. Begin another run with --out."
            )
        sources.append(source)
    new = [one for one in by_key.values() if not is_away(one)]
    every = [*known, *((written_as(one.name), written_as(one.label)) for one in new)]
    listed = Listed(tuple(name for name, _ in every), tuple(label for _, label in every), given.given, len(known))
    if new or not known:
        write_sources(folder, listed.names, listed.labels)
    return listed, [*sources, *new]


def all_there(folder: Path, listed: Listed, found: Sequence[Source | None], given: ImageSet, skipped: Mapping[int, str]) -> list[Source]:
    """Return the sources of all images; one that was `skipped` (image, reason) and is gone needs none. Raises ImageError for another."""
    sources: list[Source] = []
    for image, source in enumerate(found):
        name = listed.names[image]
        if source is None and image not in skipped:
            raise ImageError(
                f"The run in `{folder}` knows {len(found)} images, and `{name}` is not among the {len(given)} in this command. "
                f"{closest('these images', name, (one.name for one in given.sources))} Name all of them again, with the new "
                f"ones, or choose a new folder with --out."
            )
        sources.append(source or Unreadable(name=name, label=listed.labels[image], reason=skipped[image]))
    return sources


def keyed(sources: Iterable[Source]) -> dict[tuple[str, int], Source]:
    """Return sources by their name, and how many of the same name came before."""
    seen: Counter[str] = Counter()
    found = {}
    for source in sources:
        name = written_as(source.name)
        found[name, seen[name]] = source
        seen[name] += 1
    return found


def written_as(name: Name) -> Name:
    """Return a name as tables hold it: file names that are no Unicode with escapes."""
    return name if name is None else name.encode("utf-8", "backslashreplace").decode("utf-8")


def is_away(source: Source) -> TypeGuard[Unreadable]:
    """Return whether a source stands for a folder that could not be listed: its pictures have no ids yet."""
    return isinstance(source, Unreadable) and source.may_pass
