"""Embedding -> a folder: index.html, the viewer, and the images as scripts that hold bytes."""

import hashlib
import importlib.resources
import json
import string
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError
from ...files import new_folder, write_files
from ...formats import imagemap
from ...formats.imagemap import DATA, LATER, MANIFEST, PAGE, START, packed, script
from ...json_files import as_json
from ...results import CAUTION_TSNE, Embedding
from ..pixels import Bytes
from ..site.scripts import script as script_of
from ..thumbnails import kind_of
from ..writer import png_bytes
from .packing import TYPES, Level, Packer, channels_of, levels, ordered, shrink
from .records import Classes, Places, chunks, classes_of, later, place

OWN_PICTURE = f"{DATA}/map.png"
PICTURES = {"map.png": "The images at their coordinates", "grid.png": "The images on a grid"}
SAMPLE = 2000
SCRIPTS = ("data", "scene", "pages", "webgl", "canvas", "ui", "input", "main")  # each knows those before it


def write_page(embedding: Embedding, folder: Path) -> list[Path]:
    """Write the map of images as a page into `folder` and return the files' paths, `index.html` first.

    The page opens from disk and from any static host, and sends no request elsewhere. `data/` is replaced as a whole,
    and the thumbnails are read and written one texture page at a time, so that memory does not grow with their number.
    `map.png` and `grid.png`, in the folder or beside a folder called `page`, are shown to readers without JavaScript;
    without them the map is drawn for those readers. Raises OutputError, also for a `data/` of something else.
    """
    folder = Path(folder)
    _check_replaceable(folder / DATA)
    placed, classes = place(embedding.points, embedding.backdrop), classes_of(embedding)
    channels = channels_of(embedding.thumbnails)
    sizes = levels(len(embedding.points), embedding.thumbnails.shape[1], channels)
    about = describe(embedding, classes, sizes, channels)
    with new_folder(folder / DATA) as data:
        digest = hashlib.sha256(viewer_script().encode("utf-8"))
        write = _writer(data, digest.update)
        means = _write_pages(embedding, placed, sizes, write, channels)
        for name, content in chunks(embedding, placed):
            write(name, {name: content})
        start = {"about": as_json(about), "places": packed("places", placed.places), "means": means}
        shown = embedding.labels if embedding.labels is not None else embedding.predictions
        if shown is not None:
            start["classes"] = classes.codes(shown, placed.order)
        write(LATER, later(embedding, classes, placed))
        write(START, start)
        pictures = _pictures(folder)
        if not pictures:
            write_files({data / Path(OWN_PICTURE).name: png_bytes(embedding, "map.png")})
    written = write_files(_viewer(folder, about, pictures, digest.hexdigest()[:12]))
    return written + sorted((folder / DATA).iterdir())


def _check_replaceable(data: Path) -> None:
    """Raise OutputError for a folder with files of the user's own: `data` is a name that others use too."""
    if not data.is_dir() or not any(data.iterdir()):
        return
    if not imagemap.is_page_data(data):
        raise OutputError(
            f"`{data}` already exists and is not part of a page. Expected an empty folder, or one with an older page. Use "
            f"another folder, for example save_page('page')."
        )


def _writer(data: Path, heard: Callable[[bytes], None]) -> Callable[[str, Mapping[str, bytes]], None]:
    def write(name: str, parts: Mapping[str, bytes]) -> None:
        content = script(parts)
        heard(content)
        write_files({data / f"{name}.js": content})

    return write


def describe(embedding: Embedding, classes: Classes, sizes: tuple[Level, ...], channels: int) -> dict[str, Any]:
    """Return all that the page knows about the map as a whole, as plain JSON values."""
    tsne = not embedding.engine.startswith("PCA")  # too few images for t-SNE: the record's engine says so
    notes = [CAUTION_TSNE] * tsne + [note for note in embedding.notes if note != CAUTION_TSNE]
    facts = {
        "images": len(embedding.points),
        "method": "t-SNE" if tsne else "PCA",
        "model": embedding.network or str(embedding.provenance.model.get("name", "")),
        "layer": embedding.layer,
        "engine": embedding.engine,
        "quality": dict(embedding.quality),
        "notes": notes,
        "grid": list(embedding.grid),
        "kind": kind_of(_sample(embedding.thumbnails)) if channels == 1 else "photo",
        "channels": channels,
        "type": TYPES[channels],
        "levels": [{"side": one.side, "pitch": one.pitch, "columns": one.columns, "pages": one.pages} for one in sizes],
        "neighbours": int(embedding.neighbours.shape[1]),
        "labelled": embedding.labels is not None,
        "predicted": embedding.predictions is not None,
        "width": classes.width,
        "classes": classes.described(embedding),
        "provenance": json.loads(embedding.provenance.as_json(inputs=len(embedding.provenance.inputs))),
    }
    return imagemap.about(facts)


def _sample(thumbnails: Bytes) -> Bytes:
    step = max(1, len(thumbnails) // SAMPLE)
    return np.asarray(thumbnails[::step][:SAMPLE])


def _write_pages(
    embedding: Embedding, placed: Places, sizes: tuple[Level, ...], write: Callable[[str, Mapping[str, bytes]], None], channels: int
) -> bytes:
    """Write all texture pages, and return the mean colour of each image, in Hilbert order."""
    means: list[Bytes] = []
    packers = [Packer(level, channels) for level in sizes]

    def finished() -> Iterator[tuple[str, bytes]]:
        for block in ordered(embedding.thumbnails, placed.order, channels):
            shrunken = block
            for packer in reversed(packers):  # each size is made from the next larger one
                shrunken = shrink(shrunken, packer.level.side)
                yield from packer.add(shrunken)
            means.append(_means(shrunken))
        for packer in packers:
            yield from packer.close()

    for name, content in finished():
        write(name, {name: content})
    return np.concatenate(means).tobytes() if means else b""


def _means(block: Bytes) -> Bytes:
    """Return the mean colour of each of some thumbnails, of what is seen where they have opacity."""
    means = block.mean(axis=(1, 2))
    seen = means[:, :3] * 255 / np.maximum(means[:, 3:], 1) if block.shape[-1] == 4 else means
    return np.rint(np.clip(seen, 0, 255)).astype(np.uint8)


def _viewer(folder: Path, about: dict[str, Any], pictures: Mapping[str, bytes | None], version: str) -> dict[Path, bytes]:
    """Return the files beside `data/`: the page, its style, its script, and a manifest for other programs.

    The page asks for its other files with their `version`, so that no browser mixes those that it kept of an older map.
    """
    sources = importlib.resources.files(__package__).joinpath("viewer")
    shown = "".join(f'<img src="{name}" alt="{PICTURES[Path(name).name]}">' for name in pictures or (OWN_PICTURE,))
    title = f"{about['method']} map of {about['images']:,} images"
    page = string.Template(sources.joinpath("index.html").read_text("utf-8")).substitute(
        title=escape(title), pictures=shown, version=version, caution=escape(" ".join(about["notes"][:1]))
    )
    return {
        folder / PAGE: page.encode("utf-8"),
        folder / MANIFEST: imagemap.manifest(about),
        folder / "viewer" / "style.css": sources.joinpath("style.css").read_bytes(),
        folder / "viewer" / "viewer.js": viewer_script().encode("utf-8"),
        **{folder / name: content for name, content in pictures.items() if content is not None},
    }


def viewer_script() -> str:
    """Return the viewer's scripts as one; the commented sources lie beside this file."""
    sources = importlib.resources.files(__package__).joinpath("viewer")
    return script_of("render/imagemap/viewer", (sources.joinpath(f"{name}.js").read_text("utf-8") for name in SCRIPTS)).decode("utf-8")


def _pictures(folder: Path) -> dict[str, bytes | None]:
    """Return the pictures for readers without JavaScript: those in the folder, and, to be copied, those that a command wrote around it."""
    around = {name: folder.parent / name for name in PICTURES if folder.name == "page" and (folder.parent / name).is_file()}
    return {name: around[name].read_bytes() if name in around else None for name in PICTURES if name in around or (folder / name).is_file()}
