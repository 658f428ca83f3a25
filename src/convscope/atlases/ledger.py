"""What an atlas's folder holds already: parts, each with the digest of all that made it; the rest is made, part by part."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..digests import digest
from ..files import append, write_files
from ..formats.atlas import JOURNAL, MANIFEST, Part, is_whole, journal_line, manifest
from ..json_files import as_json


@dataclass(frozen=True)
class Made:
    """The files of a part, by their paths in the folder, and what else was found when they were made, as plain data."""

    files: Mapping[str, bytes]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """A part to be made: its name, the key that stands for all that makes it, and how."""

    name: str
    key: str
    make: Callable[[], Made]


def key_of(*parts: Any) -> str:
    """Return what stands for plain data: equal data has the same key."""
    return digest(*(json.dumps(json.loads(as_json(part)), sort_keys=True).encode() + b"\n" for part in parts))


class Ledger:
    """The parts of one atlas. A part counts as soon as the journal or the manifest lists it, and its files are there whole.

    `facts`: what the manifest says besides. Killed at any moment, the folder holds all parts but the one in progress.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        self.folder, self.facts = folder, dict(facts)
        self._parts = {name: part for name, part in parts.items() if is_whole(folder, part)}
        self._begun = False

    def __repr__(self) -> str:
        return f"Ledger({str(self.folder)!r}, {len(self._parts)} parts)"

    def has(self, task: Task) -> bool:
        """Say whether a part is made, of the very same."""
        return task.name in self._parts and self._parts[task.name].key == task.key

    def forget(self, task: Task) -> None:
        """Drop a part that other settings made: the pages would cut its sheet in the wrong places."""
        if task.name in self._parts and not self.has(task):
            del self._parts[task.name]

    def part(self, name: str) -> Part | None:
        """Return a part by its name, whatever made it; None where there is none."""
        return self._parts.get(name)

    def keys(self) -> dict[str, str]:
        """Return the keys of all parts by their names."""
        return {name: part.key for name, part in self._parts.items()}

    def parts(self) -> Iterator[Part]:
        """Yield all parts."""
        yield from self._parts.values()

    def complete(self, task: Task) -> bool:
        """Make a part unless it is there; return whether it was made now."""
        if self.has(task):
            return False
        self.keep(task, task.make())
        return True

    def keep(self, task: Task, made: Made) -> None:
        """Write a part that was made."""
        if not self._begun:
            self.write()
            self._begun = True
        # The journal is written last: until then the files belong to nothing, and are made again with the same bytes.
        write_files({self.folder / path: content for path, content in made.files.items()})
        noted = Part(task.key, {path: digest(content) for path, content in made.files.items()}, made.facts)
        append(self.folder / JOURNAL, journal_line(task.name, noted))
        self._parts[task.name] = noted

    def write(self) -> None:
        """Write the manifest with all parts, if it says something new; nothing is left for a journal to say."""
        content, path = manifest(self.facts, self._parts), self.folder / MANIFEST
        if not path.is_file() or path.read_bytes() != content:
            write_files({path: content})
        (self.folder / JOURNAL).unlink(missing_ok=True)
