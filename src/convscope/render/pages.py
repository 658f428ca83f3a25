"""One static page that shows pictures: of a demo, of many layers or units, to look at or to send."""

import contextlib
import glob
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from ..errors import OutputError
from ..files import write_files
from ..formats.picture import SIDECAR
from ..json_files import as_json, read_json
from ..results import Result
from ..writing import INDEX, PARTS
from .pixels import Bytes
from .sheet import joined
from .site import page, words
from .writer import spread_of, words_of

WIDE_FROM = 700  # pixels
PART_QUALITY = 90
WIDE_PART, WIDE_SHARE = 400, 0.62  # pixels; a part of several tiles is shown smaller than it is, so that two stand side by side
TALL_BELOW = 1.25  # width by height: two such sheets stand side by side
FOOT = "<p>Made with convscope. Every sheet holds its provenance, so <code>convscope replay FILE</code> makes it again.</p>"


@dataclass(frozen=True)
class Part:
    """A part of a picture as a file of its own. `words` stand below it: its name, then the numbers. `size`: width and height in pixels."""

    path: Path
    words: tuple[str, ...]
    size: tuple[int, int]


@dataclass(frozen=True)
class Picture:
    """A picture file, inside the page's folder or relative to it, with the words below it; `link` is what a click on it opens, if not
    the picture itself. `said`: what is written on it, for readers who hear it, and for search.

    With `parts` the page shows these in its stead: they lie on the page's own ground, light or dark, and wrap as the window is wide.
    `columns` names what each part shows from left to right; `notes` are sentences below.
    """

    path: str | Path
    caption: str
    note: str = ""
    link: str | Path | None = None
    said: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


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
    parts = "\n".join(
        _section(folder, index, section, section.heading != title or len(sections) > 1) for index, section in enumerate(sections, 1)
    )
    body = f'<div class="column">\n<div class="title"><h1>{words(title)}</h1>{_contents(sections)}</div>\n{parts}\n</div>'
    return write_files({folder / INDEX: page(title, body, foot=FOOT, kind="sheets")})[0]


def write_pages(
    folder: Path, title: str, results: Iterable[tuple[str, Result | None]], *, raw: bool = False
) -> Iterator[tuple[Result | None, list[Path]]]:
    """Write each result as `<name>.png` into `folder` as soon as it is made, and yield it and its files; at the end write `index.html`.

    None: the files of that name are there from an earlier attempt. Where the making ends early, as by Ctrl-C, the page shows what there
    is. Raises OutputError.
    """
    shown: list[Picture] = []
    notes: dict[str, None] = {}
    try:
        for name, result in results:
            target = folder / f"{name}.png"
            written = _files_of(target) if result is None else result.save(target, raw=raw)
            shown.append(_kept(target) if result is None else picture_of(result, written, name))
            notes |= dict.fromkeys(shown[-1].notes)
            if result is not None:
                write_files({_record_of(target): as_json(asdict(shown[-1]))})
            yield result, written
            if result is not None and result.interrupted:
                break
    finally:
        if shown:
            write_index(folder, title, [Section(title, shown, notes=tuple(notes))])


def picture_of(result: Result, written: Sequence[Path], caption: str, note: str = "") -> Picture:
    """Return the picture of a result for a page in the folder of the files `written` of it, the picture first.

    Where the picture has parts, they are written into `parts/` of that folder. `note`: below the caption, the picture's title by default.
    Raises OutputError.
    """
    path = written[0]
    beside = next((other.name for other in written if other.suffix == ".html"), None)
    spread = spread_of(result)
    if spread is None:
        title, said = words_of(result)
        return Picture(path.name, caption, note or title, beside, said, notes=tuple(result.notes))
    parts = tuple(
        Part(Path(PARTS, f"{path.stem}-{place:03d}.webp"), part.words, (part.pixels.shape[1], part.pixels.shape[0]))
        for place, part in enumerate(spread.parts)
    )
    files = {path.parent / made.path: _webp(part.pixels) for made, part in zip(parts, spread.parts, strict=True)}
    for older in set((path.parent / PARTS).glob(f"{glob.escape(path.stem)}-[0-9][0-9][0-9]*.webp")) - set(files):
        older.unlink()
    write_files(files)
    return Picture(path.name, caption, note or joined(spread.title, spread.subtitle), beside, (), parts, spread.columns, spread.notes)


def _webp(pixels: Bytes) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=PART_QUALITY, method=4)
    return file.getvalue()


def _record_of(target: Path) -> Path:
    """Return where it is written what the page shows of a picture, so that a later attempt need not draw it again."""
    return target.parent / PARTS / f"{target.stem}.json"


def _kept(target: Path) -> Picture:
    """Return the picture that an earlier attempt wrote, with its words; without them where nobody can read these any more."""
    try:
        said = read_json(_record_of(target))
        parts = tuple(Part(Path(one["path"]), _lines(one["words"]), (int(one["size"][0]), int(one["size"][1]))) for one in said["parts"])
        link, lines = said["link"] and str(said["link"]), {name: _lines(said[name]) for name in ("said", "columns", "notes")}
        return Picture(target.name, str(said["caption"]), str(said["note"]), link, parts=parts, **lines)
    except (OSError, ValueError, LookupError, TypeError):
        return Picture(target.name, target.stem)


def _lines(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _files_of(target: Path) -> list[Path]:
    """Return a picture and what lies beside it under its name."""
    others = (target.with_suffix(suffix) for suffix in (SIDECAR, ".html", ".npz"))
    return [target, *(path for path in others if path.is_file())]


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    links = (f'<li><a class="chip" href="#part-{index}">{words(section.heading)}</a></li>' for index, section in enumerate(sections, 1))
    return f'<nav aria-label="Contents"><ol class="chips">{"".join(links)}</ol></nav>'


def _section(folder: Path, index: int, section: Section, headed: bool) -> str:
    heading = f"<h2>{words(section.heading)}</h2>\n" if headed else ""
    text = f"<p>{words(section.text)}</p>" if section.text else ""
    whole = "\n".join(_figure(folder, picture) for picture in section.pictures if not picture.parts)
    figures = "\n".join(_spread(folder, picture) for picture in section.pictures if picture.parts)
    figures += f'\n<div class="pictures">\n{whole}\n</div>' if whole else ""
    notes = "".join(f"<li>{words(note)}</li>" for note in section.notes)
    return (
        f'<section id="part-{index}">\n{heading}{text}\n{figures}\n' + (f'<ul class="notes">{notes}</ul>\n' if notes else "") + "</section>"
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


def _spread(folder: Path, picture: Picture) -> str:
    """Return the parts of a picture with their words, and a link to the whole."""
    parts = "\n".join(_part(folder, part) for part in picture.parts)
    columns = f'<p class="small muted">From left to right: {words(", ".join(picture.columns))}.</p>' if picture.columns else ""
    pages = [("whole sheet", picture.path)] + ([("page", picture.link)] if picture.link else [])
    links = " \N{MIDDLE DOT} ".join(f'<a href="{_link(folder, path)}">{name}</a>' for name, path in pages)
    return (
        f'<article class="spread"><h3>{words(picture.caption)}</h3><p class="small muted">{words(picture.note)} \N{MIDDLE DOT} {links}</p>'
        f'{columns}\n<div class="parts">\n{parts}\n</div></article>'
    )


def _part(folder: Path, part: Part) -> str:
    name, *rest = part.words or ("",)
    wide, tall = part.size
    rems, kind = (wide / 16 * WIDE_SHARE, "several") if wide > WIDE_PART else (wide / 16, "one")
    said = f"<small>{words(joined(*rest))}</small>" if rest else ""
    image = f'<img src="{_link(folder, part.path)}" loading="lazy" width="{wide}" height="{tall}" alt="{words("; ".join(part.words))}">'
    return f'<figure class="{kind}" style="width:min(100%,{rems:.2f}rem)">{image}<figcaption>{words(name)}{said}</figcaption></figure>'


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
