"""A request: a method, what it looks at, a network and options; made in one piece or many, written, and told as it goes.

The command line, the session, the demo and `replay` are front ends of it: they parse, and show the events.
"""

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from .errors import OutputError
from .files import as_path
from .formats.picture import SIDECAR
from .images.folders import SUFFIXES
from .images.sources import SAMPLE, check_named
from .method import DRAWING, Method, Pieces, Written, told_words
from .options import FOLDER
from .render.writer import check_target
from .results import INTERRUPTED, Result, check_apart
from .store import is_uri
from .units import in_words, slug
from .writing import INDEX, is_picture, writer

LONGEST_STEM, LONGEST_IMAGE = 100, 40
MOST_NAMED = 3
PAGE = "page"


@dataclass(frozen=True)
class Note:
    """A sentence that belongs to what is written, or that is for people alone: it differs from run to run."""

    text: str
    passing: bool = False


@dataclass(frozen=True)
class Finished:
    """The last event: how many units were `made` and how many `kept` from an earlier attempt, and whether Ctrl-C ended it.

    `index`: the page that shows everything, of many pictures.
    """

    interrupted: bool = False
    made: int = 0
    kept: int = 0
    index: Path | None = None

    def sentences(self) -> Iterator[str]:
        """Yield what a user should know of the end."""
        done = self.made + self.kept
        if self.kept:
            yield f"{self.kept} of {done} units already exist with the same settings. They are kept."
        if self.interrupted:
            yield f"Interrupted. {done} units are written. The same command makes the rest." if done else INTERRUPTED


Event = Written | Note | Finished


@dataclass(frozen=True)
class Request:
    """What a user wants: `inputs` and `options` of a method, by name, and the network (None where the method needs none).

    Options are checked at once. Raises OptionError.
    """

    method: Method
    inputs: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    network: Any = None

    def __post_init__(self) -> None:
        """Check the options, and make them plain."""
        known = {option.name: option for option in self.method.options}
        checked = {name: known[name].check(value) if name in known else value for name, value in self.options.items()}
        object.__setattr__(self, "options", checked)

    def on(self, network: Any) -> "Request":
        """Return the same request on a network."""
        return replace(self, network=network)

    @property
    def subject(self) -> str:
        """What it looks at, in the words of the user."""
        large = [self.options.get(option.name) for option in self.method.large_options]
        return " ".join([in_words(self.inputs[0]), *(str(value) for value in large if value is not None)]).strip()

    @property
    def stem(self) -> str:
        """A file name for it: the method, what it looks at and, where these are units, on which image."""
        image = f"-{_image_name(self.inputs[-1])}" if self.method.takes[-1] == "images" and len(self.inputs) > 1 else ""
        return f"{self.method.name}-{slug(self.subject.replace(' ', '-'))}"[: LONGEST_STEM - len(image)] + image

    def check_target(self, out: Path | None, folder: Path) -> None:
        """Raise OutputError for a target of `write` that cannot be written, or that it reads. Call it before a long computation."""
        check_target(out or folder)
        place = folder / self.stem if out is None else out.parent if is_picture(out) else out
        for option in self.method.options:
            if option.names == FOLDER:
                check_apart(place, self.options.get(option.name))

    def check_images(self) -> None:
        """Raise ImageError if a text among its images plainly names nothing. Call it before a network is loaded."""
        if self.method.takes[-1] == "images":
            named = self.inputs[-1] if isinstance(self.inputs[-1], list) else [self.inputs[-1]]
            check_named(one for one in named if isinstance(one, str))

    @cached_property
    def pieces(self) -> Pieces:
        """How it is made; its units are looked up here, once."""
        divide, run = self.method.divide, self.method.run
        if divide is not None:
            return divide(self.network, *self.inputs, **self._arguments())

        def whole(**watch: Any) -> Result:
            return run(self.network, *self.inputs, **self._arguments(), **watch)

        return Pieces(whole=whole, watched="watch" in self.method.parameters)

    def result(self) -> Result:
        """Return the result of all of it in one piece, as `run` makes it."""
        return self._drawn(self.method.run(self.network, *self.inputs, **self._arguments()))

    def write(
        self, out: Path | None, *, folder: Path, stem: str | None = None, raw: bool = False, page: bool = False, watch: Any = None
    ) -> Iterator[Event]:
        """Make it, write it and yield what happens: to `out`, a picture or a folder, or under `stem`, if not its own, in `folder`.

        Pieces that an earlier attempt wrote are left as they are. `page`: write the result's page too. `watch` hears of each step where
        one picture is made. Ctrl-C keeps what is written. Raises OutputError, and what the method raises.
        """
        # Where one picture is asked for by name, it is made whole, even if the request would make many.
        pieces, single, stem = self.pieces, out is not None and is_picture(out), stem or self.stem
        if pieces.write is not None and not (single and pieces.whole is not None):
            if single:
                count = len(pieces.results) or "many"
                raise OutputError(f"`{self.subject}` makes {count} pictures, but --out is `{out}`. Name a folder.")
            yield from self._write_many(pieces, out or folder / stem, raw)
            return
        assert pieces.whole is not None
        result = self._drawn(pieces.whole(**({"watch": watch} if pieces.watched and watch is not None else {})))
        yield from self._write_whole(result, out, folder / stem, raw, page)

    def _write_whole(self, result: Result, out: Path | None, named: Path, raw: bool, page: bool) -> Iterator[Event]:
        before = _files_in(named.parent, named) if out is None else _files_in(out.parent if is_picture(out) else out)
        paths = writer().write_named(result, named.parent, named.name, raw=raw) if out is None else result.save(out, raw=raw)
        result.tidy(paths)
        place = (out or named) / PAGE
        if page:
            result.save_page(place)  # type: ignore[attr-defined]
            paths = [*paths, place / "index.html"]
        yield Written(tuple(paths), result=result)
        yield from (*_notes(result), *_overwritten(paths, before))
        if result.beside and out is not None and out in paths:
            others = " and ".join(result.beside)
            yield Note(f"A {out.suffix} holds one picture. Name a folder with --out for {others} too.", passing=True)
        if result.beside and not page and (place / "index.html").is_file():
            yield Note(f"`{place}` shows an earlier map. Add --page to replace it.", passing=True)
        yield Finished(interrupted=result.interrupted)

    def _write_many(self, pieces: Pieces, folder: Path, raw: bool) -> Iterator[Event]:
        assert pieces.write is not None
        notes: dict[Note, None] = {}
        # Chunks that resume keep what is there, and their sheets change as they grow.
        before = _files_in(folder) if pieces.results else set()
        paths = [folder / INDEX]
        count = {True: 0, False: 0}
        interrupted = begun = False
        try:
            for piece in pieces.write(folder, raw=raw):
                begun = True
                if piece.result is not None:
                    notes |= dict.fromkeys(_notes(piece.result))
                    interrupted = piece.result.interrupted
                if not piece.sheet:
                    count[piece.new] += len(piece.units)
                paths.extend(piece.paths if piece.new else ())
                yield piece
        except KeyboardInterrupt:
            if not begun:
                raise
            interrupted = True
        # A page that shows what is kept beside what is new is not overwritten but grows.
        yield from (*notes, *_overwritten(paths[1:] if count[False] else paths, before))
        yield Finished(interrupted, count[True], count[False], folder / INDEX if pieces.results else None)

    @property
    def _drawing(self) -> set[str]:
        """The options that are applied to the result, because the method's own function does not take them."""
        return {option.name for option in DRAWING} - self.method.parameters

    def _arguments(self) -> dict[str, Any]:
        """Return the options that the method's own function takes; the drawing's are applied to its result."""
        return {name: value for name, value in self.options.items() if name not in self._drawing}

    def _drawn(self, result: Result) -> Result:
        options = {name: value for name, value in self.options.items() if name in self._drawing}
        return result.drawn(**options) if options else result

    def command_line(self, *, model: str | None, told: Mapping[str, Any] | None = None, out: Path | None = None) -> str:
        """Return the shell command that does the same; options at their defaults are left out. `model`: None where none is needed."""
        words = ["convscope", self.method.name]
        for value in self.inputs:
            words.extend(value if isinstance(value, list) else [value])
        for option in self.method.options:
            value = self.options.get(option.name, option.default)
            if value != option.default:
                words.extend([option.flag] if value is True else [option.flag, str(value)])
        named = [] if model is None else ["-m", model]
        return shlex.join([*words, *named, *told_words(told or {}), *(["-o", str(out)] if out is not None else [])])


def _image_name(images: Any) -> str:
    """Return what a file name says of images: of one its name, of several that of the first and how many more."""
    words = list(images) if isinstance(images, list | tuple) else [images]
    first = PurePath(str(words[0]).removeprefix(SAMPLE)) if words and isinstance(words[0], str | Path) else PurePath("array")
    name = slug(first.stem if first.suffix.lower() in SUFFIXES else first.name) or "images"
    return name[:LONGEST_IMAGE] + (f"-and-{len(words) - 1}-more" if len(words) > 1 else "")


def is_image(word: str) -> bool:
    """Say whether a word among the inputs of a command is an image, not a unit: a file, or it begins with "sample:" or as a URI."""
    if word.startswith(SAMPLE) or is_uri(word) or os.path.exists(as_path(word)):  # noqa: PTH110 (too long for Path's own)
        return True
    drive = re.match(r"[A-Za-z]:[\\/]", word) is not None
    return drive or (":" not in word and (Path(word).suffix != "" or "*" in word or "/" in word))


def _notes(result: Result) -> Iterator[Note]:
    """Yield the notes of a result, each sentence once."""
    yield from map(Note, dict.fromkeys(result.notes))
    yield from (Note(text, passing=True) for text in dict.fromkeys(result.remarks()))


def _files_in(*folders: Path) -> set[Path]:
    """Return what lies in folders, as far as they exist."""
    return {path for folder in folders if folder.is_dir() for path in folder.iterdir()}


def _overwritten(paths: Iterable[Path], before: set[Path]) -> list[Note]:
    """Return the note that names the files which were there `before`; sidecars go with their pictures."""
    names = [path.name for path in paths if path in before and path.suffix != SIDECAR]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return [Note(f"Overwrote {', '.join(names[:MOST_NAMED])}{more}.", passing=True)] if names else []
