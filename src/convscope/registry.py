"""One small registry: built-ins and strangers enter by the same door.

A registry knows a visible table of built-in entries (name -> the module that registers it) and the name of an entry-point group.
Both are loaded at the first look-up; loading a module makes it register itself.
"""

import importlib
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from .errors import OptionError, near_misses

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Names -> entries of one kind: the built-in ones in the order of their table, then the others as they were registered."""

    def __init__(self, noun: str, *, builtin: Mapping[str, str] | None = None, group: str | None = None) -> None:
        self.noun = noun
        self.builtin = dict(builtin or {})
        self.group = group
        self._entries: dict[str, Entry] = {}
        self._loaded = False

    def register(self, name: str, entry: Entry) -> Entry:
        """Add `entry` under `name` and return it; raise OptionError if the name is taken by another entry."""
        known = self._entries.setdefault(name, entry)
        if known is not entry:
            raise OptionError(f"The {self.noun} `{name}` is registered already. Choose another name.")
        return entry

    def get(self, name: str) -> Entry:
        """Return the entry called `name`; raise OptionError that suggests near misses."""
        self._load()
        if name in self._entries:
            return self._entries[name]
        raise OptionError(f"No {self.noun} `{name}`. Closest: {near_misses(name, self._entries)}.")

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(dict.fromkeys((*(name for name in self.builtin if name in self._entries), *self._entries)))

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._entries

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for module in self.builtin.values():
            importlib.import_module(module)
        for point in entry_points(group=self.group) if self.group else ():
            try:
                self.register(point.name, point.load())
            except Exception as error:  # a stranger's broken plug-in must not take the program down
                warnings.warn(f"The {self.noun} `{point.name}` ({point.value}) did not load: {error}", stacklevel=2)


# How a result becomes pictures: "writer" is the module that writes files, "page" writes a map as a page,
# every other name is a method's drawing
# (result -> {file name: PIL image or text}, the main picture first).
DRAWINGS: Registry[Any] = Registry("drawing", builtin={"writer": "convscope.render"}, group="convscope.drawings")
