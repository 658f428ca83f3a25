"""Built-ins and plug-ins share one registry.

A registry knows where its built-in entries are (name -> "module:object", which only the catalogue writes down) and the name of an
entry-point group. An entry is loaded when it is asked for, so that a list of names costs nothing.
"""

import importlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from .errors import OptionError, closest

Entry = TypeVar("Entry")
# What the provenance records of an object that a user handed in, and that no registry knows.
UNREGISTERED = "unregistered "


def load(reference: str) -> Any:
    """Return the object that a reference "module:object" names, or the module itself where it names only that."""
    module, _, name = reference.partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


class Registry(Generic[Entry]):
    """Names -> entries of one kind: the built-in ones in the order of their table, then the others as they were registered."""

    def __init__(self, noun: str, *, builtin: Mapping[str, str] | None = None, group: str | None = None) -> None:
        self.noun = noun
        self.builtin = dict(builtin or {})
        self.group = group
        self._entries: dict[str, Entry] = {}
        self._plugged_in = False

    def register(self, name: str, entry: Entry) -> Entry:
        """Add `entry` under `name` and return it; raise OptionError if another entry has the name."""
        if self._entries.get(name, entry) is not entry or (name in self.builtin and entry is not self._built_in(name)):
            raise OptionError(f"The {self.noun} `{name}` is registered already. Choose another name.")
        return self._entries.setdefault(name, entry)

    def get(self, name: str) -> Entry:
        """Return the entry called `name`; raise OptionError that suggests near misses."""
        if name in self.builtin:
            return self._built_in(name)
        self._plug_in()
        if name in self._entries:
            return self._entries[name]
        if name.startswith(UNREGISTERED):
            raise OptionError(
                f"`{name.removeprefix(UNREGISTERED)}` is a Python object without a name among the {self.noun}s, so a text cannot stand for "
                "it. Pass the object itself again, or register it under a name (docs/extending.md)."
            )
        raise OptionError(f"No {self.noun} `{name}`. {closest(f'the {self.noun}s', name, self)}")

    def name_of(self, entry: Entry | str) -> str:
        """Return the name that means an entry again; of one that is not registered, words that `get` refuses with a reason."""
        if isinstance(entry, str):
            return entry
        known = (name for name in self if self.get(name) is entry)
        return next(known, f"{UNREGISTERED}{getattr(entry, '__name__', type(entry).__name__)}")

    def __iter__(self) -> Iterator[str]:
        self._plug_in()
        return iter(dict.fromkeys((*self.builtin, *self._entries)))

    def __contains__(self, name: object) -> bool:
        return name in self.builtin or name in set(self)

    def _built_in(self, name: str) -> Entry:
        entry: Entry = load(self.builtin[name])
        return self._entries.setdefault(name, entry)

    def _plug_in(self) -> None:
        if self._plugged_in or not self.group:
            return
        self._plugged_in = True
        for point in _entry_points(self.group):
            try:
                self.register(point.name, point.load())
            except Exception as error:  # a broken plug-in must not take the program down
                warnings.warn(f"The {self.noun} `{point.name}` ({point.value}) did not load: {error}", stacklevel=3)


def _entry_points(group: str) -> Any:
    from importlib.metadata import entry_points  # a tenth of the time that `--help` takes

    return entry_points(group=group)


# How a result becomes pictures: result -> {file name: PIL image or text}, the main picture first. The catalogue fills in the built-in ones.
DRAWINGS: Registry[Any] = Registry("drawing", group="convscope.drawings")
# What a run shows of its units: the functions that a reader of runs, which lies below them, calls by name. The catalogue fills them in.
PORTRAITS: Registry[Any] = Registry("portrait")
