"""One static page that shows pictures: for the folder of a demo, to look at or to send."""

import contextlib
import os
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from ..errors import OutputError
from ..files import write_files
from ..results import Result
from ..writing import INDEX
from .writer import words_of

WIDE_FROM = 700


@dataclass(frozen=True)
class Picture:
    """A picture file, inside the page's folder or relative to it, with the words below it; `link` is what a click on it opens, if not
    the picture itself. `said`: what is written on it, for readers who hear it, and for search.
    """

    path: str | Path
    caption: str
    note: str = ""
    link: str | Path | None = None
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, pictures, and sentences in small print."""

    heading: str
    pictures: Sequence[Picture] = ()
    text: str = ""
    notes: Sequence[str] = ()


def write_index(folder: Path, title: str, sections: list[Section]) -> Path:
    """Write `index.html` into `folder` and return its path; raise OutputError.

    The page opens from disk and from any server, sends no request elsewhere, runs no script, and follows the reader's
    choice of a light or dark page. All words are escaped. A click on a picture opens it in full.
    """
    folder = Path(folder)
    page = string.Template(files(__package__).joinpath("index.html").read_text("utf-8")).substitute(
        title=_words(title),
        contents=_contents(sections),
        sections="\n".join(_section(folder, index, section) for index, section in enumerate(sections, 1)),
    )
    return write_files({folder / INDEX: page.encode("utf-8", "replace")})[0]


def write_pages(
    folder: Path, title: str, results: Iterable[tuple[str, Result]], *, raw: bool = False
) -> Iterator[tuple[Result, list[Path]]]:
    """Write each result as `<name>.png` into `folder` as soon as it is made, and yield it and its files; at the end write `index.html`.

    Where the making ends early, as by Ctrl-C, the page shows what there is. Raises OutputError.
    """
    shown: list[Picture] = []
    notes: dict[str, None] = {}
    try:
        for name, result in results:
            written = result.save(folder / f"{name}.png", raw=raw)
            page = next((path.name for path in written if path.suffix == ".html"), None)
            heading, said = words_of(result)
            shown.append(Picture(written[0].name, name, heading, page, said))
            notes |= dict.fromkeys(result.notes)
            yield result, written
            if result.interrupted:
                break
    finally:
        if shown:
            write_index(folder, title, [Section(title, shown, notes=tuple(notes))])


def _words(text: str) -> str:
    return escape(text, quote=True)


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    links = (f'<li><a href="#part-{index}">{_words(section.heading)}</a></li>' for index, section in enumerate(sections, 1))
    return f'<nav aria-label="Contents"><ol>{"".join(links)}</ol></nav>'


def _section(folder: Path, index: int, section: Section) -> str:
    text = f"<p>{_words(section.text)}</p>" if section.text else ""
    figures = "\n".join(_figure(folder, picture) for picture in section.pictures)
    notes = "".join(f"<li>{_words(note)}</li>" for note in section.notes)
    return (
        f'<section id="part-{index}">\n<h2>{_words(section.heading)}</h2>\n{text}\n'
        f'<div class="pictures">\n{figures}\n</div>\n' + (f'<ul class="notes">{notes}</ul>\n' if notes else "") + "</section>"
    )


def _figure(folder: Path, picture: Picture) -> str:
    shown, caption = _link(folder, picture.path), _words(picture.caption)
    link = shown if picture.link is None else _link(folder, picture.link)
    size = _size(folder / picture.path)
    wide = ' class="wide"' if size is None or size[0] >= WIDE_FROM else ""
    measures = f' width="{size[0]}" height="{size[1]}"' if size else ""
    alt = _words("; ".join(picture.said)) or caption
    note = f"<small>{_words(picture.note)}</small>" if picture.note else ""
    return (
        f'<figure{wide}><a href="{link}"><img src="{shown}" alt="{alt}" loading="lazy"{measures}></a>'
        f"<figcaption>{caption}{note}</figcaption></figure>"
    )


def _link(folder: Path, path: str | Path) -> str:
    """Return the address of `path` relative to the page, so that the folder can be moved or sent."""
    relative = Path(os.path.relpath(folder / path, folder))
    if os.pardir in relative.parts or relative.is_absolute():
        raise OutputError(
            f"The picture `{path}` lies outside `{folder}`. Expected a picture inside, so that you can send the folder as a whole."
        )
    return _words("./" + quote(relative.as_posix(), safe="/", errors="surrogateescape"))


def _size(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError), Image.open(path) as image:
        return image.size
    return None
