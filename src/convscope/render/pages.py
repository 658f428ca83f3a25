"""One static page that shows pictures: of a demo, of many layers or units, to look at or to send."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from ..errors import OutputError
from ..files import write_files
from ..results import Result
from ..writing import INDEX
from .site import page, words
from .writer import words_of

WIDE_FROM = 700  # pixels
TALL_BELOW = 1.25  # width by height: two such sheets stand side by side
FOOT = (
    "<p>Made with convscope. Every picture holds its provenance, so <code>convscope replay FILE</code> makes it again. "
    "Click a picture to see it in full size.</p>"
)


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
    parts = "\n".join(_section(folder, index, section) for index, section in enumerate(sections, 1))
    body = f'<div class="column">\n<div class="title"><h1>{words(title)}</h1>{_contents(sections)}</div>\n{parts}\n</div>'
    return write_files({folder / INDEX: page(title, body, foot=FOOT, kind="sheets")})[0]


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


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    links = (f'<li><a class="chip" href="#part-{index}">{words(section.heading)}</a></li>' for index, section in enumerate(sections, 1))
    return f'<nav aria-label="Contents"><ol class="chips">{"".join(links)}</ol></nav>'


def _section(folder: Path, index: int, section: Section) -> str:
    text = f"<p>{words(section.text)}</p>" if section.text else ""
    figures = "\n".join(_figure(folder, picture) for picture in section.pictures)
    notes = "".join(f"<li>{words(note)}</li>" for note in section.notes)
    return (
        f'<section id="part-{index}">\n<h2>{words(section.heading)}</h2>\n{text}\n'
        f'<div class="pictures">\n{figures}\n</div>\n' + (f'<ul class="notes">{notes}</ul>\n' if notes else "") + "</section>"
    )


def _figure(folder: Path, picture: Picture) -> str:
    shown, caption = _link(folder, picture.path), words(picture.caption)
    link = shown if picture.link is None else _link(folder, picture.link)
    size = _size(folder / picture.path)
    shape = "" if size and size[0] < WIDE_FROM else "tall" if size and size[0] < TALL_BELOW * size[1] else "wide"
    measures = f' width="{size[0]}" height="{size[1]}"' if size else ""
    alt = words("; ".join(picture.said)) or caption
    note = f"<small>{words(picture.note)}</small>" if picture.note else ""
    return (
        f'<figure class="{shape}"><a class="frame" href="{link}"><img src="{shown}" alt="{alt}" loading="lazy"{measures}></a>'
        f"<figcaption>{caption}{note}</figcaption></figure>"
    )


def _link(folder: Path, path: str | Path) -> str:
    """Return the address of `path` relative to the page, so that the folder can be moved or sent."""
    relative = Path(os.path.relpath(folder / path, folder))
    if os.pardir in relative.parts or relative.is_absolute():
        raise OutputError(
            f"The picture `{path}` lies outside `{folder}`. Expected a picture inside, so that you can send the folder as a whole."
        )
    return words("./" + quote(relative.as_posix(), safe="/", errors="surrogateescape"))


def _size(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError), Image.open(path) as image:
        return image.size
    return None
