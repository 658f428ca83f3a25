"""The desk of a prompt: the folder in which its pictures are numbered, the networks it has loaded, and its commands as a script.

Commands run there as in the shell; what differs is said here.
"""

import contextlib
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import ConvscopeError
from ..files import as_path, write_files
from ..method import Written
from ..models import ModelBundle
from ..requests import Event, Finished, Request
from ..session.lines import PROGRAM, SCRIPT
from ..session.place import Words
from ..writing import INDEX, PICTURE
from .terminal import say

NUMBERED = re.compile(r"(\d{2,6})-")
MOST_NETWORKS = 3
SHEET = f"sheet{PICTURE}"


@dataclass
class Desk:
    """What a prompt keeps between commands.

    `commands`: the complete command lines that would do the same. `last`: what was written last, with its result. `run`: the run that was
    scanned last. `script`: where the commands are kept if the desk `keeps` them, so that nothing is lost if the program ends.
    """

    folder: Path
    keeps: bool = True
    commands: list[Words] = field(default_factory=list)
    last: Written | None = None
    run: str = ""
    script: Path | None = None
    _numbers: dict[Words, int] = field(default_factory=dict)
    _networks: dict[Any, ModelBundle] = field(default_factory=dict)
    _words: Words = ()
    _told: Words = ()

    def begin(self, words: Words) -> None:
        """Note the command that runs now."""
        self._words, self._told, self.run = words, (), ""

    def write(self, request: Request, out: Path | None, **how: Any) -> Iterator[Event]:
        """Write a request and yield what happens: under its number, unless `out` says where. The same words have the same number.

        What an earlier sitting left unfinished has its number too, and resumes.
        """
        stem = f"{self._number(request):02d}-{request.stem}"
        paths: list[Path] = []
        first, end = None, Finished()
        for event in request.write(out, folder=self.folder, stem=stem, **how):
            if isinstance(event, Written):
                first = first or event.result
                paths += event.paths if event.listed else ()
            elif isinstance(event, Finished):
                end = event
            yield event
        self.last = Written((*([end.index] if end.index else []), *paths), result=first)
        if out is None:
            picture = self.folder / f"{stem}{PICTURE}"
            self._told = ("-o", str(picture if picture in paths else self.folder / stem))
        stop = None if first is None else first.provenance.parameters.get("stop")
        # An interrupted picture is made again only if it ends after as many steps. A request of many pieces resumes instead.
        if end.interrupted and request.pieces.write is None and stop is not None:
            self._told += ("--stop", str(stop))

    def _number(self, request: Request) -> int:
        if self._words not in self._numbers:
            names = {path.name: int(found[1]) for path in self._written() if (found := NUMBERED.match(path.name))}
            unfinished = [
                number for name, number in names.items() if name.partition("-")[2] == request.stem and self._is_open(name, request)
            ]
            self._numbers[self._words] = max(unfinished, default=1 + max([0, *names.values(), *self._numbers.values()]))
        return self._numbers[self._words]

    def _written(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from self.folder.iterdir()

    def _is_open(self, name: str, request: Request) -> bool:
        """Say whether a folder holds pieces of a request, but not what shows all of them at the end."""
        folder = self.folder / name
        return folder.is_dir() and request.pieces.write is not None and not any((folder / last).exists() for last in (INDEX, SHEET))

    def end(self) -> Words:
        """Return the words that make the same again, and keep them in the script."""
        words = (*self._words, *self._told)
        if words not in self.commands:
            self.commands.append(words)
            if self.keeps:
                self._keep()
        return words

    def lines(self) -> str:
        """Return the commands as a script, which the prompt, `convscope replay` and a shell run."""
        began = time.strftime("%Y-%m-%d %H:%M")
        head = f"# A session of convscope {__version__}, {began}. Run it again: convscope replay FILE\n"
        return head + "".join(f"{shlex.join((PROGRAM, *words))}\n" for words in self.commands)

    def save(self, path: Path) -> None:
        """Write the script. Raises OutputError."""
        write_files({path: self.lines().encode("utf-8", "surrogateescape")})

    def _keep(self) -> None:
        if self.script is None:
            stem = f"session-{time.strftime('%Y-%m-%d-%H%M')}"
            names = (f"{stem}{'' if number == 1 else f'-{number}'}{SCRIPT}" for number in range(1, 1000))
            self.script = next(path for path in (self.folder / name for name in names) if not path.exists())
        try:
            self.save(self.script)
        except ConvscopeError as error:
            say(error)

    def network(self, name: Any, told: Mapping[str, Any]) -> ModelBundle | None:
        """Return the network of a name that was kept; None if its file has changed since."""
        return self._networks.get(_key(name, told))

    def keep(self, name: Any, told: Mapping[str, Any], bundle: ModelBundle) -> None:
        """Keep a network for the next command; those that were kept first go first."""
        self._networks[_key(name, told)] = bundle
        while len(self._networks) > MOST_NETWORKS:
            del self._networks[next(iter(self._networks))]


def _key(name: Any, told: Mapping[str, Any]) -> Any:
    """Return what tells networks apart: their names, what `load` is told, and the state of each file that is named."""
    words = [str(name[0]), *(str(value) for value in told.values() if isinstance(value, str | Path))]
    words += [str(one) for value in told.values() if isinstance(value, list | tuple) for one in value]
    return (name, repr(sorted(told.items())), tuple(_state(word.partition(":")[0]) for word in words if word))


def _state(word: str) -> Any:
    with contextlib.suppress(OSError, ValueError):
        found = as_path(word).stat()
        return found.st_mtime_ns, found.st_size
    return None
